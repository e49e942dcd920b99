"""What else than the text around the cursor may help a model, collected ahead of the key.

Four sources: definitions behind the imports, recent edits, windows of other documents that
resemble what is before the cursor, and reported problems. Each works beside the requests, in
steps that rest; what a request finds unfinished is there for the next one. Every piece has
passed the gate when it was made, and is judged again whenever it is about to be used.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.completion.context_imports import ImportsSource
from polypilot.completion.context_problems import ProblemsSource
from polypilot.completion.context_similar import SimilarSource
from polypilot.completion.context_values import KINDS, Kind, Piece, Pieces, Source
from polypilot.completion.context_visits import Visits
from polypilot.completion.edits import EditsSource
from polypilot.tasks import Tasks, run_blocking
from polypilot.workspace.diagnostics import Diagnostics
from polypilot.workspace.disk import SYSTEM, Disk
from polypilot.workspace.gate import ExcludedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from polypilot.completion.values import Ask
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate

__all__ = ["KINDS", "WITHIN", "ContextSources", "Kind", "Piece", "Work"]

WITHIN = 0.15
"""Seconds that a request waits for its context at most."""
_FOR_SOURCES = 0.7
"""The share of them for the sources; the rest is for judging what they made."""
_LOOK_S = 0.05
_RESULTS = 64
_WARM_S = 30.0


@dataclass(frozen=True, slots=True)
class Work:
    """How much has been done so far; none of it is done by a key alone."""

    taken_in: int
    """Texts cut into windows."""
    ranked: int
    """Comparisons of the windows with what is before a cursor."""
    compared: int
    """Comparisons of a part of a text with what it was."""
    located: int
    """Questions to the disk for what imports lead to."""
    read: int
    """Files read for their outlines."""


@dataclass(slots=True)
class _Making:
    """A source at work for a document."""

    key: Hashable
    task: asyncio.Task[None]
    late: bool = False
    """Whether a request has waited for it in vain."""


class ContextSources:
    """Collects context. Told of what the user does; asked when a completion is.

    `visited`, `edited` and `closed` cost a few microseconds, whatever the document's size.
    """

    def __init__(
        self,
        documents: DocumentStore,
        gate: Gate,
        *,
        diagnostics: Diagnostics | None = None,
        clock: Callable[[], float] = time.monotonic,
        disk: Disk = SYSTEM,
        enabled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.diagnostics = Diagnostics() if diagnostics is None else diagnostics
        self._documents = documents
        self._gate = gate
        self._enabled = enabled
        self._visits = Visits(documents)
        self._similar = SimilarSource(documents, gate, self._visits, clock)
        self._edits = EditsSource(documents, gate, clock)
        self._imports = ImportsSource(documents, gate, disk, clock)
        self._sources: dict[Kind, Source] = {
            "imports": self._imports,
            "edits": self._edits,
            "similar": self._similar,
            "diagnostics": ProblemsSource(gate, self.diagnostics),
        }
        self._results: OrderedDict[tuple[Kind, str], tuple[Hashable, Pieces]] = OrderedDict()
        self._making: dict[tuple[Kind, str], _Making] = {}
        self._tasks = Tasks()
        self._warm = False
        for document in documents:  # opened before there was anyone to be told
            self._visits.note(document.uri)
            self._edits.seen(document.uri)

    # -- what the user does --------------------------------------------------------------

    def visited(self, uri: str, line: int | None = None) -> None:
        """A document was opened or came into focus; ``line`` is where the user is, if known.

        To be called after the store has it. In a running event loop what can be done ahead is.
        """
        self._visits.note(uri, line)
        self._edits.seen(uri)
        if self._enabled() and _in_loop():
            self._tasks.latest("prepare", self._prepare(uri), name="context-prepare")

    def edited(self, uri: str, line: int | None = None) -> None:
        """The store has made an edit."""
        self._visits.note(uri, line)
        self._edits.edited(uri)

    def closed(self, uri: str) -> None:
        """A document is about to be closed; the store should still have it."""
        for source in self._sources.values():
            source.closed(uri)
        for kind in KINDS:
            self._results.pop((kind, uri), None)

    @property
    def work(self) -> Work:
        """What has been done so far, for benches and tests."""
        similar, imports = self._similar, self._imports
        return Work(
            similar.taken, similar.ranked, self._edits.compared, imports.asked, imports.read
        )

    async def aclose(self) -> None:
        """End what is being collected."""
        await self._similar.aclose()
        await self._tasks.aclose()

    # -- what a completion asks ----------------------------------------------------------

    async def gather(
        self, ask: Ask, within: float = WITHIN, *, kinds: Collection[Kind] = KINDS
    ) -> Pieces:
        """The pieces that are there ``within`` seconds: of each kind the best first.

        A source that takes longer goes on for the next request; this one gets what it made
        last for the document. Never raises.
        """
        if not self._enabled():
            return ()
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        uri = ask.snapshot.uri
        self._visits.note(uri, ask.snapshot.line)
        wanted: list[Kind] = [kind for kind in KINDS if kind in kinds]
        making = [each for kind in wanted if (each := self._make(kind, ask))]
        # Most often these are what will be there: they are judged while the sources work.
        judged = await self._judge(self._known(wanted, uri), set(), until)
        awaited = [each for each in making if not each.late]
        if awaited:
            left = max(0.0, until - loop.time()) * _FOR_SOURCES
            await asyncio.wait({each.task for each in awaited}, timeout=left)
            for each in awaited:
                each.late = not each.task.done()
        found = self._known(wanted, uri)
        judged = await self._judge(found, judged, until)
        # What the gate has not looked at is not even asked for: it would look here, in the loop.
        admitted = (self._admitted(piece) for piece in found if piece.uri in judged)
        return tuple(piece for piece in admitted if piece)

    # -- inside --------------------------------------------------------------------------

    async def _prepare(self, uri: str) -> None:
        if not self._warm:  # else the rules would be compiled here, in the loop
            await run_blocking(self._gate.warm, timeout=_WARM_S, name="warm")
            self._warm = True
        for source in self._sources.values():
            await source.prepare(uri)

    def _make(self, kind: Kind, ask: Ask) -> _Making | None:
        """The work that is needed for what a source has to say now; None: it is known."""
        place = kind, ask.snapshot.uri
        key = self._sources[kind].key(ask)
        known = self._results.get(place)
        if known is not None and known[0] == key:
            self._results.move_to_end(place)
            return None
        making = self._making.get(place)
        if making is None or making.key != key:
            late = making is not None and making.late
            work = self._run(place, key, ask)
            task = self._tasks.latest(place, work, name=f"context-{kind}")
            self._making[place] = making = _Making(key, task, late)
            task.add_done_callback(lambda _: self._made(place, task))
        return making

    async def _run(self, place: tuple[Kind, str], key: Hashable, ask: Ask) -> None:
        pieces = await self._sources[place[0]].make(ask)
        self._results[place] = key, pieces
        self._results.move_to_end(place)
        while len(self._results) > _RESULTS:
            self._results.popitem(last=False)

    def _made(self, place: tuple[Kind, str], task: asyncio.Task[None]) -> None:
        making = self._making.get(place)
        if making is not None and making.task is task:
            del self._making[place]

    def _known(self, wanted: Sequence[Kind], uri: str) -> list[Piece]:
        return [piece for kind in wanted for piece in self._results.get((kind, uri), (None, ()))[1]]

    async def _judge(self, pieces: Iterable[Piece], judged: set[str], until: float) -> set[str]:
        """Has the gate look at the documents that pieces are from; those that it has looked at."""
        new = {piece.uri: None for piece in pieces if piece.uri not in judged}
        left = until - asyncio.get_running_loop().time()
        if not new or left <= 0:
            return judged
        try:
            async with asyncio.timeout(left):
                await self._gate.look(new, min(_LOOK_S, left / 2))
        except TimeoutError:
            return judged
        return judged | new.keys()

    def _admitted(self, piece: Piece) -> Piece | None:
        """The piece, if it may be sent at this moment; its secrets are looked for once more."""
        text = None
        if piece.policy == self._gate.policy_hash():
            with contextlib.suppress(ExcludedError):
                text = self._gate.outgoing(piece.uri, piece.text, "context").text
        if text is None:
            self._forget(piece.uri)
            return None
        return piece if text == piece.text else replace(piece, text=text)

    def _forget(self, uri: str) -> None:
        """A document may not be sent any more: others may take its place."""
        for kind, source in self._sources.items():
            if source.forget(uri):
                for place, (_, pieces) in list(self._results.items()):
                    if place[0] == kind and any(piece.uri == uri for piece in pieces):
                        del self._results[place]


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
