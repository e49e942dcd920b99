"""The file: sums that are those of its entries, whoever writes and however often."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import aclosing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from usage_support import (
    TODAY,
    buckets,
    expected,
    expected_buckets,
    request,
    some,
    suggestion,
    sums,
)

from polypilot.database import StorageError
from polypilot.usage import Ledger, Stay, reading, storing
from polypilot.usage.deleting import delete
from polypilot.usage.schema import open_database
from polypilot.usage.values import Gap

pytestmark = pytest.mark.allow_blocking("the tests look into the file")

DAY = date.fromisoformat(TODAY)


async def test_the_sums_are_those_of_the_entries_however_they_change(tmp_path: Path) -> None:
    dice = random.Random(3)  # noqa: S311 - no secrets
    entries = {each.id: each for each in (some(dice) for _ in range(300))}
    path = tmp_path / "usage.db"
    async with aclosing(open_database(path)) as database:
        batch = [(each, True) for each in entries.values()]
        await database.write(partial(storing.put, batch=batch))
        await database.write(partial(storing.put, batch=batch))  # a disk that was late
        assert sums(path) == expected(list(entries.values()))
        for _ in range(5):
            chosen = dice.sample(sorted(entries), 60)
            for number in chosen:
                old = entries[number]
                new = some(dice)
                changed = replace(new, id=old.id, day=old.day, provider=old.provider)
                entries[number] = replace(changed, model=old.model)
            await database.write(
                partial(storing.put, batch=[(entries[number], False) for number in chosen])
            )
        assert sums(path) == expected(list(entries.values()))
        assert buckets(path) == expected_buckets(list(entries.values()))
        found = await database.read(partial(storing.after, number=-1, most=1_000))
        assert {each.id: each for each in found} == entries


async def test_a_change_of_what_was_deleted_brings_nothing_back(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    shown = suggestion()
    async with aclosing(open_database(path)) as database:
        await database.write(partial(storing.put, batch=[(shown, True)]))
        await delete(keep_today="", path=path)
        taken = replace(shown, accepted=True, stay30=Stay.SAME)
        await database.write(partial(storing.put, batch=[(taken, False)]))
        assert await database.read(partial(storing.after, number=-1, most=9)) == []
    assert sums(path) == {}


def held(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(each.read_bytes() for each in folder.iterdir())


async def test_deleting_leaves_no_byte_and_no_page(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    async with aclosing(Ledger(path)) as ledger:
        batch = [(request(model=f"secret-model-{number}"), True) for number in range(2_000)]
        await ledger.database.write(partial(storing.put, batch=batch))
        await ledger.add(DAY, "secret-provider", Decimal(1))
        await ledger.add(DAY - timedelta(1), "secret-provider", Decimal(1))
    (tmp_path / "usage.db.broken-2026-01-01").write_bytes(b"secret")
    size = path.stat().st_size
    done = await delete(keep_today=TODAY, path=path)
    assert (done.rows, done.set_aside, done.in_log, done.kept_today) == (2_000, 1, False, True)
    left = held(tmp_path)
    assert b"secret-model" not in left
    assert left.count(b"secret-provider") == 1, "today's money, for the budget"
    assert path.stat().st_size < size / 4
    assert (await delete(keep_today="", path=path)).rows == 0
    assert b"secret" not in held(tmp_path)


async def test_deleting_beside_a_reader_says_that_its_log_is_left(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    async with aclosing(open_database(path)) as database:
        await database.write(partial(storing.put, batch=[(request(), True)]))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM daily").fetchall()
        try:
            assert (await delete(keep_today="", path=path)).in_log
        finally:
            reader.close()
        assert not (await delete(keep_today="", path=path)).in_log


async def test_where_there_is_nothing_nothing_is_made(tmp_path: Path) -> None:
    assert (await delete(keep_today="", path=tmp_path / "usage.db")).rows == 0
    assert held(tmp_path) == b""


# --- how long it is kept


async def pruned(path: Path, days: list[int], today: date, keep: int = 400) -> list[str]:
    """Days of the sums that are left of these many days ago, and of entries behind a bar."""
    async with aclosing(open_database(path)) as database:
        batch = [(request(day=(DAY - timedelta(number)).isoformat()), True) for number in days]
        await database.write(partial(storing.put, batch=batch))
        while await database.write(partial(storing.prune, today=today, keep_days=keep)):
            pass
        entries = await database.read(partial(storing.after, number=-1, most=9_999))
    left = sorted({(DAY - date.fromisoformat(key[0])).days for key in sums(path)})
    single = sorted({(DAY - date.fromisoformat(each.day)).days for each in entries})
    return [f"{number}" for number in left] + ["|"] + [f"{number}" for number in single]


async def test_old_entries_go_and_their_sums_stay_and_go_later(tmp_path: Path) -> None:
    days = [0, 1, 2, 30, 31, 32, 399, 400, 401]
    found = await pruned(tmp_path / "usage.db", days, DAY)
    assert " ".join(found) == "0 1 2 30 31 32 399 400 | 0 1 2 30 31"


async def test_counts_of_what_was_lost_go_with_the_sums(tmp_path: Path) -> None:
    days = [(DAY - timedelta(number)).isoformat() for number in (0, 1, 2, 400, 401)]
    async with aclosing(open_database(tmp_path / "usage.db")) as database:
        batch = [(request(day=day), True) for day in days]
        gaps = [Gap(day, 1, 2, entries=3) for day in days]
        for _ in range(2):  # a disk that was late
            await database.write(partial(storing.put, batch=batch, gaps=gaps))
        while await database.write(partial(storing.prune, today=DAY, keep_days=400)):
            pass
        left = await database.read(partial(reading.gaps, span=reading.Span("", TODAY)))
    assert left == sorted(gaps[:-1], key=lambda gap: gap.day)


async def test_a_user_may_keep_less(tmp_path: Path) -> None:
    found = await pruned(tmp_path / "usage.db", [0, 1, 2, 7, 8, 31], DAY, keep=7)
    assert " ".join(found) == "0 1 2 7 | 0 1 2 7"


@pytest.mark.parametrize("ahead", [500, 30_000])
async def test_a_clock_that_jumps_ahead_deletes_nothing(tmp_path: Path, ahead: int) -> None:
    found = await pruned(tmp_path / "usage.db", [0, 1, 2, -ahead], DAY + timedelta(ahead))
    assert " ".join(found) == f"-{ahead} 0 1 2 | -{ahead} 0 1 2"


async def test_a_clock_that_jumps_back_deletes_nothing(tmp_path: Path) -> None:
    found = await pruned(tmp_path / "usage.db", [0, 1, 2, 9_000], DAY - timedelta(9_000))
    assert " ".join(found) == "0 1 2 9000 | 0 1 2 9000"


async def test_much_is_deleted_in_steps(tmp_path: Path) -> None:
    async with aclosing(open_database(tmp_path / "usage.db")) as database:
        old = (DAY - timedelta(50)).isoformat()
        batch = [(request(day=old), True) for _ in range(2_500)]
        batch += [(request(day=(DAY - timedelta(n)).isoformat()), True) for n in range(3)]
        await database.write(partial(storing.put, batch=batch))
        work = partial(storing.prune, today=DAY, keep_days=400)
        assert [await database.write(work) for _ in range(3)] == [True, True, False]
        left = await database.read(partial(storing.after, number=-1, most=9_999))
    assert len(left) == 3


# --- files of other versions, other processes


async def test_a_file_of_the_first_format_keeps_its_money(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    shutil.copy(Path(__file__).with_name("format1.db"), path)
    async with aclosing(Ledger(path)) as ledger:
        assert await ledger.total(date(2026, 11, 20)) == Decimal("2.6234567")
        await ledger.database.write(partial(storing.put, batch=[(request(), True)]))
        await ledger.add(date(2026, 11, 21), "anthropic", Decimal(1))
        assert await ledger.total(date(2026, 11, 21)) == Decimal("1.0000000001")
    assert sums(path) == expected([request()])


async def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    async with aclosing(open_database(path)) as database:
        with pytest.raises(StorageError, match="newer version") as failure:
            await database.write(partial(storing.put, batch=[(request(), True)]))
    assert failure.value.code == "storage_newer"
    with pytest.raises(StorageError):
        await delete(keep_today="", path=path)
    assert path.read_bytes() == before


async def test_two_servers_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    code = """
        import asyncio, sys
        from dataclasses import replace
        from pathlib import Path
        from polypilot.tasks import Tasks
        from polypilot.usage import Entry, Stay, Writer
        from polypilot.usage.schema import open_database

        async def main():
            database, tasks = open_database(Path(sys.argv[1])), Tasks()
            writer = Writer(database, tasks)
            sys.stdin.readline()
            for number in range(60):
                shown = [
                    Entry("2026-11-22", "completion", "team", "coder", "python", "network")
                    for _ in range(10)
                ]
                for each in shown:
                    writer.put(each, new=True)
                await writer.flush()
                for each in shown[:3]:
                    writer.put(replace(each, accepted=True, saved=5, stay30=Stay.SAME))
                await writer.flush()
            await writer.aclose()
            await tasks.aclose()
            await database.aclose()

        asyncio.run(main())
    """
    path = tmp_path / "usage.db"
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    writers = [
        await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE) for _ in range(2)
    ]
    await asyncio.gather(*(each.communicate(b"go\n") for each in writers))
    assert [each.returncode for each in writers] == [0, 0]
    (found,) = sums(path).values()
    wanted = {"shown": 1200, "from_network": 1200, "accepted": 360, "same30": 360}
    assert found == {**wanted, "saved_chars": 1800}
