"""Windows of other documents that resemble the text before the cursor."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.completion.context_values import LOOK_S, Piece, Pieces, name_of
from polypilot.completion.context_visits import family_of
from polypilot.tasks import Tasks
from polypilot.workspace.documents import Position
from polypilot.workspace.gate import MARGIN, ExcludedError
from polypilot_prompts.context import unix
from polypilot_prompts.similar import (
    FILE_CHARS,
    Corpus,
    Spot,
    choose,
    fused,
    neighbourhood,
    whole_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from polypilot.completion.context_visits import Visit, Visits
    from polypilot.completion.values import Ask
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot_prompts.similar import Match

AGAIN_S = 30.0
"""Seconds after which a file on disk, or a document that was refused, is looked at again."""
_MOST_CHARS = 2_000_000
_REGION = 60
"""Lines in whose steps the part of a long document that is looked at moves."""
_CHOSEN = 64


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the corpus holds of a document."""

    stamp: Hashable
    """Changes with the document."""
    policy: str
    """Empty: it may not be sent, and nothing is in the corpus."""
    when: float


@dataclass(frozen=True, slots=True)
class _Read:
    """The part of a closed file that is looked at."""

    name: str
    text: str
    first: int
    policy: str
    when: float


class SimilarSource:
    """Keeps the windows of the documents seen last, of one family of languages at a time."""

    def __init__(
        self, documents: DocumentStore, gate: Gate, visits: Visits, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._gate = gate
        self._visits = visits
        self._clock = clock
        self._family = ""
        self._corpus = Corpus()
        self._taken: dict[str, _Taken] = {}
        self._files: OrderedDict[str, _Read] = OrderedDict()
        """Of documents that are closed."""
        self._chosen: OrderedDict[str, tuple[Spot, ...]] = OrderedDict()
        self._lock = asyncio.Lock()
        self._tasks = Tasks()
        self.taken = 0
        """Texts taken in so far."""
        self.ranked = 0
        """Comparisons made so far."""

    # -- as a source ---------------------------------------------------------------------

    def key(self, ask: Ask) -> Hashable:
        """The text before the cursor, and the state of the others."""
        others = self._others(ask)
        stamps = tuple((visit.uri, self._stamp(visit)) for visit in others)
        return neighbourhood(ask.snapshot.prefix), stamps, self._gate.policy_hash()

    async def prepare(self, uri: str) -> None:
        """Takes in the others before they are asked for."""
        document = self._documents.get(uri)
        if document is not None:
            others = self._visits.others(uri, document.path, document.language_id)
            async with self._lock:
                await self._take_in(document.language_id, others)

    async def make(self, ask: Ask) -> Pieces:
        """Up to four windows, each of another document."""
        matches: list[Match] = []
        async with self._lock:  # else a second one would change the corpus under the first
            await self._take_in(ask.snapshot.language_id, self._others(ask))
            self.ranked += 1
            for some in self._corpus.matches(neighbourhood(ask.snapshot.prefix)):
                matches += some
                await asyncio.sleep(0)
        uri = ask.snapshot.uri
        windows = choose(fused(matches), self._chosen.pop(uri, ()))
        self._chosen[uri] = tuple(window.spot for window in windows)
        while len(self._chosen) > _CHOSEN:
            self._chosen.popitem(last=False)
        return tuple(
            Piece(window.path, window.text, "similar", window.name, taken.policy)
            for window in windows
            if (taken := self._taken.get(window.name))
        )

    def closed(self, uri: str) -> None:
        """It is read from the disk from now on."""
        self._chosen.pop(uri, None)
        self._drop(uri)

    def forget(self, uri: str) -> bool:
        """The text in the corpus is not to be used any more; other windows will do."""
        self._files.pop(uri, None)
        self._drop(uri)
        return True

    async def aclose(self) -> None:
        """End what still reads."""
        await self._tasks.aclose()

    def _drop(self, uri: str) -> None:
        self._corpus.drop(uri)
        self._taken.pop(uri, None)

    # -- the corpus ----------------------------------------------------------------------

    def _others(self, ask: Ask) -> list[Visit]:
        snapshot = ask.snapshot
        return self._visits.others(snapshot.uri, snapshot.path, snapshot.language_id)

    def _stamp(self, visit: Visit) -> Hashable:
        """Changes when the document has to be taken in again."""
        taken = self._taken.get(visit.uri)
        again = 0.0
        if taken is not None and not taken.policy and self._clock() - taken.when > AGAIN_S:
            again = taken.when
        document = self._documents.get(visit.uri)
        if document is None:
            read = self._files.get(visit.uri)
            return "closed", read.when if read else None
        sure = self._documents.current(visit.uri) is not None
        return document.version, sure, visit.line // _REGION, again

    async def _take_in(self, language: str, others: Sequence[Visit]) -> None:
        """Brings the corpus up to date, document by document."""
        self._read_closed(others)
        family = family_of(language)
        if family != self._family:
            self._family = family
            self._corpus, self._taken = Corpus(), {}
        names = {visit.uri for visit in others}
        self._corpus.keep(names)
        self._taken = {uri: taken for uri, taken in self._taken.items() if uri in names}
        due = [visit for visit in others if self._is_due(visit)]
        opened = [visit.uri for visit in due if visit.uri in self._documents]
        if opened:
            await self._gate.look(opened, LOOK_S)
        for visit in due:
            self._take(visit)
            await asyncio.sleep(0)

    def _is_due(self, visit: Visit) -> bool:
        taken = self._taken.get(visit.uri)
        return taken is None or taken.stamp != self._stamp(visit)

    def _take(self, visit: Visit) -> None:
        self.taken += 1
        stamp = self._stamp(visit)
        try:
            read = self._read_open(visit)
        except ExcludedError:
            read = None
        self._taken[visit.uri] = _Taken(stamp, read.policy if read else "", self._clock())
        if read is None or not read.policy:
            self._corpus.drop(visit.uri)
        else:
            self._corpus.put(visit.uri, read.name, read.text, read.first)

    def _read_open(self, visit: Visit) -> _Read | None:
        """The part of a document to look at; None if it is not known, or too big to be sent."""
        document = self._documents.get(visit.uri)
        if document is None:
            return self._files.get(visit.uri)
        if document.length > _MOST_CHARS:
            return None
        first = 0
        if document.length > FILE_CHARS:
            first = max(0, visit.line // _REGION * _REGION - _REGION)
        at = Position(first, 0)
        snapshot = self._documents.snapshot(visit.uri, at, MARGIN, FILE_CHARS + MARGIN)
        if snapshot is None:
            return None
        allowed = self._gate.windows(snapshot, 0, FILE_CHARS).suffix
        text = unix(allowed.text)
        if len(snapshot.suffix) > FILE_CHARS:
            text = text[: text.rfind("\n") + 1]  # the last line may be half a line
        name = name_of(self._gate, visit.uri, visit.path)
        return _Read(name, text, snapshot.line, self._gate.policy_hash(), self._clock())

    # -- closed documents ----------------------------------------------------------------

    def _read_closed(self, others: Sequence[Visit]) -> None:
        """Sees to it that closed documents are read, for the next time if not for this one."""
        closed = [visit for visit in others if visit.uri not in self._documents]
        for uri in [uri for uri in self._files if uri in self._documents]:
            del self._files[uri]
        now = self._clock()
        due = [
            visit
            for visit in closed
            if visit.uri not in self._files or now - self._files[visit.uri].when > AGAIN_S
        ]
        if due and not len(self._tasks):
            self._tasks.spawn(self._read_all(due), name="context-files")

    async def _read_all(self, visits: Sequence[Visit]) -> None:
        """One by one, so that a key's look at the disk never waits for more than one file."""
        for visit in visits:
            await self._gate.look([visit.uri], LOOK_S, read=True)
            name, text, first, policy = name_of(self._gate, visit.uri, visit.path), "", 0, ""
            if visit.uri not in self._documents:
                try:
                    admitted = self._gate.read_file(visit.uri)
                except ExcludedError:
                    pass
                else:
                    first, text = _around(admitted.text.text, visit.line)
                    policy = self._gate.policy_hash()
            self._files[visit.uri] = _Read(name, text, first, policy, self._clock())
            self._files.move_to_end(visit.uri)
            while len(self._files) > _CHOSEN:
                self._files.popitem(last=False)


def _around(text: str, line: int) -> tuple[int, str]:
    """The part of a long text around a line, and the number of its first line."""
    text = unix(text)
    if len(text) <= FILE_CHARS:
        return 0, text
    first = max(0, line // _REGION * _REGION - _REGION)
    rest = text.split("\n", first)
    if len(rest) <= first:
        first, rest = 0, [text]
    return first, whole_lines(rest[-1])
