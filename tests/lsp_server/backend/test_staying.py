"""Accepted texts, looked at again by a clock that the test turns."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from polypilot.backend.staying import Stays
from polypilot.completion.values import Placed
from polypilot.tasks import Tasks
from polypilot.usage.values import Stay
from polypilot.workspace.documents import Change, DocumentStore, Position

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

URI = "untitled:1"
BEFORE = "def price_of(basket):\n"
TEXT = "    return sum(each.price for each in basket)\n"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._alarms: list[tuple[float, int, asyncio.Event]] = []
        self._news = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        rung = asyncio.Event()
        heapq.heappush(self._alarms, (self.now + seconds, id(rung), rung))
        self._news.set()
        await rung.wait()

    async def to(self, since: float) -> None:
        """Let the time pass up to so many seconds after the start, once somebody waits for it."""
        async with asyncio.timeout(30):
            while not self._alarms:
                self._news.clear()
                await self._news.wait()
        self.now = 1000.0 + since
        while self._alarms and self._alarms[0][0] <= self.now:
            heapq.heappop(self._alarms)[2].set()


class Desk:
    """A document store, its watch, and what that tells."""

    def __init__(self) -> None:
        self.documents = DocumentStore(encoding="utf-32")
        self.clock, self.tasks = Clock(), Tasks()
        self.told: asyncio.Queue[tuple[str, int, Stay, float]] = asyncio.Queue()
        self.stays = Stays(
            self.documents,
            self.tasks,
            self._settled,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self.documents.tell(self.stays)

    def _settled(self, name: str, moment: int, left: Stay, share: float) -> None:
        self.told.put_nowait((name, moment, left, share))

    def take(self, text: str = TEXT, name: str = "s1", uri: str = URI) -> None:
        """A suggestion is taken below the line that is there."""
        if uri not in self.documents:
            self.documents.open(uri, "python", 1, BEFORE + text)
        self.stays.watch(name, Placed(uri, Position(1, 0), BEFORE, text))

    def write(self, text: str, version: int) -> None:
        self.documents.change(URI, version, [Change(text)])

    async def next(self) -> tuple[str, int, Stay]:
        async with asyncio.timeout(30):
            return (await self.told.get())[:3]

    async def aclose(self) -> None:
        await self.tasks.aclose()


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with aclosing(Desk()) as made:
        yield made


async def test_a_text_is_looked_at_three_times(desk: Desk) -> None:
    desk.take()
    await desk.clock.to(29.9)
    assert desk.told.empty()
    await desk.clock.to(30)
    assert await desk.next() == ("s1", 30, Stay.SAME)
    desk.write(BEFORE + TEXT.replace("each.price", "each.cost"), 2)
    await desk.clock.to(120)
    assert await desk.next() == ("s1", 120, Stay.CHANGED)
    desk.write("", 3)
    await desk.clock.to(600)
    assert await desk.next() == ("s1", 600, Stay.GONE)
    await desk.tasks.aclose()
    assert len(desk.stays) == 0


async def test_a_document_that_is_closed_is_judged_by_what_it_held(desk: Desk) -> None:
    desk.take()
    await desk.clock.to(30)
    assert await desk.next() == ("s1", 30, Stay.SAME)
    desk.documents.close(URI)
    assert [await desk.next() for _ in range(2)] == [("s1", 120, Stay.SAME), ("s1", 600, Stay.SAME)]
    assert len(desk.stays) == 0


async def test_a_document_out_of_step_says_nothing(desk: Desk) -> None:
    desk.take()
    desk.documents.lost(URI)
    await desk.clock.to(30)
    desk.take(name="s2", uri="untitled:2")
    await desk.clock.to(60)
    assert await desk.next() == ("s2", 30, Stay.SAME)
    desk.documents.close(URI)
    assert desk.told.empty()


async def test_the_end_judges_all_that_is_watched(desk: Desk) -> None:
    desk.take()
    desk.take(name="s2", uri="untitled:2")
    await desk.tasks.aclose()
    await desk.stays.aclose()
    found = [await desk.next() for _ in range(6)]
    assert {each[0] for each in found} == {"s1", "s2"}
    assert [each[1] for each in found] == [30, 120, 600] * 2
    await desk.stays.aclose()


async def test_taking_more_of_it_looks_for_all_of_it_from_the_first_time_on(desk: Desk) -> None:
    desk.take(TEXT[:10])
    await desk.clock.to(20)
    desk.write(BEFORE + TEXT, 2)
    desk.take(TEXT)
    desk.write(BEFORE + TEXT[:10], 3)
    await desk.clock.to(30)
    assert await desk.next() == ("s1", 30, Stay.GONE)


async def test_only_the_newest_are_watched(desk: Desk) -> None:
    for number in range(250):
        desk.take(name=f"s{number}")
    assert len(desk.stays) == 200
    await desk.clock.to(30)
    assert {(await desk.next())[0] for _ in range(200)} == {f"s{n}" for n in range(50, 250)}


async def test_in_a_huge_document_the_surroundings_are_searched(desk: Desk) -> None:
    desk.documents.open(
        URI, "python", 1, "# filler\n" * 80_000 + BEFORE + TEXT + "# more\n" * 9_000
    )
    desk.stays.watch("s1", Placed(URI, Position(80_001, 0), BEFORE, TEXT))
    await desk.clock.to(30)
    assert await desk.next() == ("s1", 30, Stay.SAME)
