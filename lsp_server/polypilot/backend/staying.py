"""Looks at accepted texts 30 s, 2 and 10 minutes later: what of them is still there."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from polypilot.tasks import run_blocking
from polypilot.usage.closeness import MOST, stay
from polypilot.usage.values import MOMENTS, Stay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.completion.values import Placed
    from polypilot.tasks import Tasks
    from polypilot.workspace.documents import Document, DocumentStore

    Settled = Callable[[str, int, Stay, float], None]
    """Told of a suggestion's id, a moment in seconds, and what is left: a share, 0 to 1."""

_MOST_WATCHED: Final = 200
_LIMIT_S: Final = 5.0
_WHOLE: Final = 500_000
"""Characters; in a longer document only the surroundings are searched."""
_AROUND: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Watched:
    placed: Placed
    offset: int
    since: float
    looked: int = 0
    """How many of the moments are over."""


class Stays:
    """Watches texts that were taken, in open documents. Holds them in memory only.

    Of more than 200 the oldest are given up; what becomes of them is not known.

    Args:
        documents: where they are.
        tasks: owns the timers.
        settled: is told at each moment.
        clock, sleep: monotonic seconds, and waiting for some.
    """

    def __init__(
        self,
        documents: DocumentStore,
        tasks: Tasks,
        settled: Settled,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._documents = documents
        self._tasks = tasks
        self._settled = settled
        self._clock = clock
        self._sleep = sleep
        self._watched: OrderedDict[str, _Watched] = OrderedDict()

    def __len__(self) -> int:
        return len(self._watched)

    def watch(self, name: str, placed: Placed) -> None:
        """Watch a text that was taken just now; more of one that is watched takes its place."""
        document = self._documents.get(placed.uri)
        if document is None or not placed.text:
            return
        before = self._watched.get(name)
        if before is not None:
            placed = replace(placed, text=placed.text[:MOST])
            self._watched[name] = replace(before, placed=placed)
            return
        kept = replace(placed, text=placed.text[:MOST])
        self._watched[name] = _Watched(kept, document.offset(placed.position), self._clock())
        while len(self._watched) > _MOST_WATCHED:
            self._forget(next(iter(self._watched)))
        self._tasks.latest((self, name), self._follow(name), name="usage-stay")

    # -- what the document store tells ---------------------------------------------------

    def visited(self, uri: str, line: int | None = None) -> None:
        """Nothing to do."""

    def edited(self, uri: str, line: int | None = None) -> None:
        """Nothing to do."""

    def closed(self, uri: str) -> None:
        """A document is about to be closed: its texts are judged by what it holds now."""
        for name in [name for name, each in self._watched.items() if each.placed.uri == uri]:
            if judge := self._forget(name):
                self._tasks.spawn(self._close(name, *judge), name="usage-stay")

    async def aclose(self) -> None:
        """The end comes first: judge all by what their documents hold now."""
        judges = {name: judge for name in list(self._watched) if (judge := self._forget(name))}
        work = {name: judge for name, (judge, _) in judges.items()}
        try:
            found = await run_blocking(
                lambda: {name: judge() for name, judge in work.items()},
                timeout=0.5,
                name="usage",
            )
        except TimeoutError:
            return
        for name, (left, share) in found.items():
            self._tell(name, judges[name][1], left, share)

    # -- inside --------------------------------------------------------------------------

    async def _follow(self, name: str) -> None:
        for number, moment in enumerate(MOMENTS):
            watched = self._watched[name]
            await self._sleep(max(0.0, watched.since + moment - self._clock()))
            watched = self._watched[name]
            document = self._documents.current(watched.placed.uri)
            if document is not None:  # else its text is not known for sure
                with suppress(TimeoutError):
                    judge = _judge(watched, document)
                    left, share = await run_blocking(judge, timeout=_LIMIT_S, name="usage")
                    self._settled(name, moment, left, share)
            if name in self._watched:
                self._watched[name] = replace(self._watched[name], looked=number + 1)
        self._watched.pop(name, None)

    async def _close(self, name: str, judge: Callable[[], tuple[Stay, float]], looked: int) -> None:
        with suppress(TimeoutError):
            left, share = await run_blocking(judge, timeout=_LIMIT_S, name="usage")
            self._tell(name, looked, left, share)

    def _tell(self, name: str, looked: int, left: Stay, share: float) -> None:
        for moment in MOMENTS[looked:]:
            self._settled(name, moment, left, share)

    def _forget(self, name: str) -> tuple[Callable[[], tuple[Stay, float]], int] | None:
        """Stop watching; how to judge it now, and how many moments are over.

        None: its document's text is not known for sure.
        """
        watched = self._watched.pop(name)
        self._tasks.cancel((self, name))
        document = self._documents.current(watched.placed.uri)
        return None if document is None else (_judge(watched, document), watched.looked)


def _judge(watched: _Watched, document: Document) -> Callable[[], tuple[Stay, float]]:
    """What compares, on another thread, with the text as it is now."""
    start, text = 0, ""
    if document.length <= _WHOLE:
        text = document.text
    else:
        start = max(0, watched.offset - _AROUND)
        end = watched.offset + len(watched.placed.text) + _AROUND
        text = document.between(document.position(start), document.position(end))
    placed = watched.placed
    return partial(stay, placed.text, placed.anchor, watched.offset - start, text)
