"""Entries on their way to the disk."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from usage_support import expected, request, suggestion, sums

from polypilot.tasks import Tasks
from polypilot.usage import Writer, reading
from polypilot.usage.schema import open_database
from polypilot.usage.writing import MOST_WAITING, SOON

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.database import Database
    from polypilot.errors import Problem
    from polypilot.usage.values import Gap

NOON = 1_795_348_800
"""Seconds since the epoch."""

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


async def gaps_of(database: Database) -> list[Gap]:
    """What the record says that it lacks."""
    return await database.read(lambda opened: reading.gaps(opened, reading.Span("", "9")))


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


async def test_a_disk_that_hangs_costs_the_oldest_and_no_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, waits, tasks = tmp_path / "usage.db", Waits(), Tasks()
    notices: list[str] = []
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        await database.write(lambda _connection: None)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # nobody else can write now
        try:
            writer = Writer(database, tasks, notice=notices.append, sleep=waits)
            old = suggestion(at=NOON)
            writer.put(old, new=True)
            entries = [request(at=NOON + at) for at in range(MOST_WAITING + 10)]
            for each in entries:
                writer.put(each, new=True)
            assert (len(writer), writer.dropped) == (MOST_WAITING, 11)
            # Its beginning is lost already, and counted; so nothing of it is written.
            writer.put(replace(old, accepted=True))
            assert (len(writer), writer.dropped) == (MOST_WAITING, 12)
        finally:
            other.close()
        await writer.flush()
        assert sums(path) == expected(entries[11:])
        (gap,) = await gaps_of(database)
        assert (gap.first, gap.last, gap.entries, gap.changes) == (NOON, NOON + 10, 12, 0)
    (notice,) = notices
    assert "`polypilot usage`" in notice
    assert [each.message for each in caplog.records if each.name.endswith("losing")] == [SAID]


async def test_what_is_on_its_way_to_a_disk_that_hangs_is_not_counted_as_lost(
    tmp_path: Path,
) -> None:
    """The thread writes it when the disk answers, though nobody waits for it any more."""
    path, tasks = tmp_path / "usage.db", Tasks()
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        writer = Writer(database, tasks, sleep=Waits())
        first = request(at=NOON)
        writer.put(first, new=True)
        go_on = threading.Event()
        begun = threading.Event()

        def hang(_: sqlite3.Connection) -> bool:
            begun.set()
            return go_on.wait(30)

        hanging = tasks.spawn(database.write(hang), name="hanging")
        assert await asyncio.to_thread(begun.wait, 30)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await writer.flush()
        entries = [request(at=NOON) for _ in range(MOST_WAITING + 3)]
        for each in entries:
            writer.put(each, new=True)
        assert (len(writer), writer.dropped) == (MOST_WAITING + 1, 3)
        go_on.set()
        await hanging
        await writer.flush()
        assert sums(path) == expected([first, *entries[3:]])
        assert [each.entries for each in await gaps_of(database)] == [3]


async def test_each_day_has_its_own_count_and_each_trouble_its_own_notice(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    waits, tasks = Waits(), Tasks()
    notices: list[str] = []
    away.mkdir()
    async with aclosing(open_database(folder / "usage.db")) as database, aclosing(tasks):
        writer = Writer(database, tasks, notice=notices.append, sleep=waits)
        for trouble in (1, 2):
            folder.write_bytes(b"")  # no folder
            for day in ("2026-11-21", "2026-11-22"):
                writer.put(request(day=day), new=True)
            writer.put(replace(suggestion(day="2026-11-22"), accepted=True))
            for _ in range(MOST_WAITING):
                writer.put(request(), new=True)
            assert len(notices) == trouble
            folder.unlink()
            away.rename(folder)
            waits.end()
            await ended()
            found = [(each.day, each.entries, each.changes) for each in await gaps_of(database)]
            assert found == sorted([("2026-11-21", 1, 0), ("2026-11-22", 1, 1)] * trouble)
            folder.rename(away)


FULL = """
    import asyncio, logging, resource, sys
    from pathlib import Path
    from polypilot.errors import UserError
    from polypilot.tasks import Tasks
    from polypilot.usage import Entry, Writer, reading
    from polypilot.usage.schema import open_database
    from polypilot.usage.writing import MOST_WAITING

    def most(size):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    async def main(path, well):
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
        database, tasks = open_database(path), Tasks()
        await database.write(lambda _connection: None)
        most(65536)  # bytes of a file: as if the disk were full
        writer = Writer(database, tasks)
        for _ in range(MOST_WAITING + 7):
            writer.put(Entry("2026-11-22", "chat", "team", "coder"), new=True)
        try:
            await writer.flush()
        except UserError as failure:
            print(failure.code)
        if well:
            most(resource.RLIM_INFINITY)
        await writer.aclose(30)
        await writer.aclose(30)
        span = reading.Span("2026-11-22", "2026-11-22")
        found = await database.read(lambda opened: reading.read(opened, span, span.last))
        print(found.total["requests"], [each.entries for each in found.gaps])
        await tasks.aclose()
        await database.aclose()

    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "well"))
"""
SAID = "usage: the disk takes nothing; the oldest rows are left out"


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
@pytest.mark.parametrize("end", ["well", "badly"])
async def test_a_full_disk(tmp_path: Path, end: str) -> None:
    """What a process may write to a file is limited: until it ends, or only for a while."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path / "usage.db"), end),
        stdout=subprocess.PIPE,
    )
    out, _ = await child.communicate()
    said, failed, *rest = out.decode().splitlines()
    assert said == SAID
    assert failed in {"storage_full", "storage_failed"}
    if end == "well":
        assert rest == ["5000 [7]"]
    else:  # nothing is lost that is neither in the record nor in the log
        told, left = rest
        lost = re.fullmatch(r"usage: (\d+) rows and 0 changes of rows may be .*\((\w+)\)", told)
        assert lost is not None
        assert lost[2] == failed
        assert int(lost[1]) > 0
        assert sum(map(int, [lost[1], *re.findall(r"\d+", left)])) == MOST_WAITING + 7


async def test_the_end_writes_what_waits(tmp_path: Path) -> None:
    path, tasks = tmp_path / "usage.db", Tasks()
    async with aclosing(open_database(path)) as database, aclosing(tasks):
        writer = Writer(database, tasks, sleep=Waits())
        asked = request()
        writer.put(asked, new=True)
        await writer.aclose(timeout=30)
        await writer.aclose()
        assert sums(path) == expected([asked])
