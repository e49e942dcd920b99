"""Entries on their way to the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from usage_support import expected, request, suggestion, sums

from polypilot.tasks import Tasks
from polypilot.usage import Writer
from polypilot.usage.schema import open_database
from polypilot.usage.writing import MOST_WAITING, SOON

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.errors import Problem

pytestmark = pytest.mark.allow_blocking("the tests look into the file")


class Waits:
    """Waiting that ends when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = asyncio.Semaphore(0)
        self._news = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._news.set()
        await self._over.acquire()

    def end(self) -> None:
        self._over.release()

    async def count(self, wanted: int) -> None:
        async with asyncio.timeout(30):
            while len(self.asked) < wanted:
                self._news.clear()
                await self._news.wait()


async def ended() -> None:
    """Until the writer has nothing left to write."""
    async with asyncio.timeout(30):
        await asyncio.gather(*(each for each in asyncio.all_tasks() if each.get_name() == "usage"))


async def test_what_comes_in_a_while_is_written_together(tmp_path: Path) -> None:
    path, waits, tasks = tmp_path / "usage.db", Waits(), Tasks()
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        writer = Writer(database, tasks, sleep=waits)
        shown = suggestion()
        writer.put(shown, new=True)
        await waits.count(1)
        assert not path.exists()
        writer.put(replace(shown, accepted=True))
        asked = request()
        writer.put(asked, new=True)
        waits.end()
        await ended()
        assert sums(path) == expected([replace(shown, accepted=True), asked])
        assert waits.asked == [SOON]


async def test_a_disk_that_fails_is_told_once_and_gets_all_when_it_works(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_bytes(b"")  # no folder
    path, waits, tasks = folder / "usage.db", Waits(), Tasks()
    told: list[Problem] = []
    solved: list[str] = []
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        writer = Writer(database, tasks, problems=told.append, solved=solved.append, sleep=waits)
        asked = [request() for _ in range(3)]
        for number, each in enumerate(asked, 1):
            writer.put(each, new=True)
            await waits.count(number)
            if number < 3:
                waits.end()
        await waits.count(3)
        assert waits.asked == [SOON, 2 * SOON, 4 * SOON]
        assert len(told) == 1
        assert told[0].message.startswith("The record of what was spent and suggested can't be")
        folder.unlink()
        waits.end()
        await ended()
        assert solved == [told[0].code]
        assert sums(path) == expected(asked)
        assert writer.dropped == 0


async def test_a_disk_that_hangs_costs_the_oldest_and_no_memory(tmp_path: Path) -> None:
    path, waits, tasks = tmp_path / "usage.db", Waits(), Tasks()
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        await database.write(lambda _connection: None)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # nobody else can write now
        try:
            writer = Writer(database, tasks, sleep=waits)
            entries = [request() for _ in range(MOST_WAITING + 10)]
            for each in entries:
                writer.put(each, new=True)
            assert (len(writer), writer.dropped) == (MOST_WAITING, 10)
        finally:
            other.close()
        await writer.flush()
        assert sums(path) == expected(entries[10:])


async def test_the_end_writes_what_waits(tmp_path: Path) -> None:
    path, tasks = tmp_path / "usage.db", Tasks()
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        writer = Writer(database, tasks, sleep=Waits())
        asked = request()
        writer.put(asked, new=True)
        await writer.aclose(timeout=30)
        await writer.aclose()
        assert sums(path) == expected([asked])
