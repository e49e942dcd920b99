from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from polypilot.database import Database, StorageError
from polypilot.database.worker import rows
from polypilot.errors import Problem, UserError
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHAT = "The record of numbers"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


def first_version(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE numbers (number INTEGER)")


def second_version(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE numbers ADD COLUMN name TEXT DEFAULT 'none'")


def adding(number: int) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers (number) VALUES (?)", (number,))

    return work


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in rows(connection.execute("SELECT number FROM numbers"))]


def open_at(path: Path, **given: object) -> Database:
    options: dict[str, object] = {"migrations": (first_version,), "what": WHAT}
    return Database(lambda: path, **(options | given))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (by name)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def code_of(awaitable: object) -> str:
    with pytest.raises(UserError) as caught:
        await awaitable  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  (a coroutine)
    return caught.value.code


# --- reading and writing


async def test_nothing_touches_the_disk_before_the_first_call(tmp_path: Path) -> None:
    path = tmp_path / "data" / "a.db"
    async with aclosing(open_at(path)) as database:
        assert not path.parent.exists()
        assert await database.size() == 0
        assert not path.parent.exists()
        assert await database.read(numbers) == []
        assert await database.size() > 0


async def test_what_was_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    async with aclosing(open_at(tmp_path / "a.db")) as database:
        await database.write(adding(1))
        await database.write(adding(2))
    async with aclosing(open_at(tmp_path / "a.db")) as database:
        assert await database.read(numbers) == [1, 2]


async def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        adding(7)(connection)
        connection.execute("INSERT INTO nowhere VALUES (1)")

    async with aclosing(open_at(tmp_path / "a.db")) as database:
        assert await code_of(database.write(half)) == "storage_failed"
        assert await database.read(numbers) == []
        await database.write(adding(1))
        assert await database.read(numbers) == [1]


async def test_a_cursor_can_not_leave_its_thread(tmp_path: Path) -> None:
    async with aclosing(open_at(tmp_path / "a.db")) as database:
        with pytest.raises(StorageError, match="TypeError"):
            await database.read(lambda connection: connection.execute("SELECT 1"))
        query = "INSERT INTO numbers VALUES (1)"
        with pytest.raises(StorageError, match="TypeError"):
            await database.write(lambda connection: connection.execute(query))
        assert await database.read(numbers) == []


async def test_all_of_it_runs_on_one_daemon_thread(tmp_path: Path) -> None:
    def thread(_: sqlite3.Connection) -> threading.Thread:
        return threading.current_thread()

    async with aclosing(open_at(tmp_path / "a.db")) as database:
        found = await asyncio.gather(*(database.read(thread) for _ in range(5)))
        assert len(set(found)) == 1
        assert found[0].daemon
        assert found[0] is not threading.main_thread()
    assert not found[0].is_alive() or found[0].join(20) is None


async def test_after_the_end_it_says_so(tmp_path: Path) -> None:
    database = open_at(tmp_path / "a.db")
    await database.write(adding(1))
    await database.aclose()
    await database.aclose()
    assert await code_of(database.read(numbers)) == "storage_closed"
    assert not (tmp_path / "a.db-wal").exists()


async def test_processes_that_begin_at_once_lose_nothing(tmp_path: Path) -> None:
    code = """
        import asyncio, sys
        from pathlib import Path
        from polypilot.database import Database

        def schema(connection):
            connection.execute("CREATE TABLE numbers (number INTEGER)")

        async def main():
            database = Database(lambda: Path(sys.argv[1]), (schema,), "It")
            sys.stdin.readline()
            for number in range(50):
                await database.write(
                    lambda connection: connection.execute("INSERT INTO numbers VALUES (1)") and None
                )
            await database.aclose()

        asyncio.run(main())
    """
    path = tmp_path / "a.db"
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    writers = [
        await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE) for _ in range(4)
    ]
    await asyncio.gather(*(each.communicate(b"go\n") for each in writers))
    assert [each.returncode for each in writers] == [0] * 4
    async with aclosing(open_at(path)) as database:
        assert len(await database.read(numbers)) == 200


async def test_a_new_file_can_be_begun_by_several_at_once(tmp_path: Path) -> None:
    for attempt in range(10):
        opened = [open_at(tmp_path / f"{attempt}.db") for _ in range(6)]
        await asyncio.gather(*(each.write(adding(n)) for n, each in enumerate(opened)))
        assert sorted(await opened[0].read(numbers)) == list(range(6))
        await asyncio.gather(*(each.aclose() for each in opened))


# --- a disk that hangs, callers that leave


class Tap:
    """A path that can be made to take for ever, as on a network drive that is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flow = threading.Event()
        self.flow.set()
        self.reached = threading.Event()

    def __call__(self) -> Path:
        self.reached.set()
        self.flow.wait(30)
        return self.path


async def test_a_disk_that_hangs_is_told_and_later_served_in_order(tmp_path: Path) -> None:
    tap = Tap(tmp_path / "a.db")
    database = Database(tap, (first_version,), WHAT, limit=0.05)
    tap.flow.clear()
    assert await code_of(database.write(adding(1))) == "storage_timeout"
    # Known to hang: the next one is told at once, and does not wait behind it.
    assert await code_of(database.write(adding(2))) == "storage_timeout"
    await database.aclose(timeout=0.01)  # and the end waits no longer than it may
    tap.flow.set()
    async with aclosing(open_at(tmp_path / "a.db")) as other:
        async with asyncio.timeout(30):
            while not (found := await other.read(numbers)):
                pass
        assert found == [1]


async def came(event: threading.Event) -> None:
    """Wait for what another thread does."""
    assert await run_blocking(event.wait, 30, timeout=60)


async def test_a_write_is_done_also_when_its_caller_is_cancelled(tmp_path: Path) -> None:
    tap = Tap(tmp_path / "a.db")
    async with aclosing(Database(tap, (first_version,), WHAT)) as database:
        tap.flow.clear()
        first = asyncio.ensure_future(database.read(numbers))
        await came(tap.reached)
        second = asyncio.ensure_future(database.write(adding(1)))
        await asyncio.sleep(0)  # it waits behind the first one now
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        tap.flow.set()
        assert await first == []
        assert await database.read(numbers) == [1]


async def test_a_read_whose_caller_has_left_stops(tmp_path: Path) -> None:
    began = threading.Event()
    ended: list[str] = []

    def endless(connection: sqlite3.Connection) -> None:
        began.set()
        try:
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                " SELECT count(*) FROM n"
            ).fetchone()
        except sqlite3.OperationalError as exc:
            ended.append(exc.sqlite_errorname)
            raise

    async with aclosing(open_at(tmp_path / "a.db")) as database:
        task = asyncio.ensure_future(database.read(endless))
        await came(began)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.write(adding(1))
        assert ended == ["SQLITE_INTERRUPT"]


async def test_another_program_that_holds_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with aclosing(open_at(path)) as database:
        await database.write(adding(1))

        def impatient(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA busy_timeout=1")

        await database.read(impatient)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert await code_of(database.write(adding(2))) == "storage_busy"
        assert await database.read(numbers) == [1]  # readers are not held up
        other.execute("ROLLBACK")
        other.close()
        await database.write(adding(3))
        assert await database.read(numbers) == [1, 3]


# --- whose file it is


@posix_only
async def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "data" / "a.db"
    before = os.umask(0)
    try:
        async with aclosing(open_at(path)) as database:
            await database.write(adding(1))
            assert mode(path.parent) == 0o700
            made = {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert {"a.db", "a.db-wal", "a.db-shm"} <= set(made)
    assert set(made.values()) == {0o600}


@posix_only
async def test_modes_that_were_loosened_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "data" / "a.db"
    async with aclosing(open_at(path)) as database:
        await database.write(adding(1))
    path.chmod(0o644)
    path.parent.chmod(0o755)
    async with aclosing(open_at(path)) as database:
        assert await database.read(numbers) == [1]
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


@posix_only
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
async def test_a_planted_link_is_refused_and_its_target_left_alone(
    tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    target.chmod(0o644)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / f"a.db{suffix}").symlink_to(target)
    async with aclosing(open_at(folder / "a.db")) as database:
        assert await code_of(database.write(adding(1))) == "storage_unsafe"
    assert (target.read_bytes(), mode(target)) == (b"", 0o644)


@posix_only
async def test_a_link_to_nothing_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.db").symlink_to(tmp_path / "elsewhere")
    async with aclosing(open_at(folder / "a.db")) as database:
        assert await code_of(database.write(adding(1))) == "storage_unsafe"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a folder nobody can write to")
async def test_a_disk_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    from pathlib import Path as RealPath  # noqa: PLC0415  (only its name is imported above)

    del tmp_path
    async with aclosing(open_at(RealPath("/sys/fs/polypilot/a.db"))) as database:
        assert await code_of(database.write(adding(1))) == "storage_unwritable"


async def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    full = True

    def large(connection: sqlite3.Connection) -> None:
        if full:
            connection.execute("PRAGMA max_page_count=8")  # SQLite's own full disk
        connection.executemany("INSERT INTO numbers VALUES (?)", ((i,) for i in range(20_000)))

    async with aclosing(open_at(tmp_path / "a.db")) as database:
        await database.write(adding(1))
        with pytest.raises(StorageError) as caught:
            await database.write(large)
        assert caught.value.code == "storage_full"
        assert caught.value.message == "The record of numbers can't be kept: the disk is full"
        assert await database.read(numbers) == [1]
        full = False
        await database.write(large)
        assert len(await database.read(numbers)) == 20_001


# --- versions


async def test_an_older_file_is_brought_up_to_date_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with aclosing(open_at(path)) as database:
        await database.write(adding(1))
    async with aclosing(open_at(path, migrations=(first_version, second_version))) as database:
        found = await database.read(lambda c: rows(c.execute("SELECT * FROM numbers")))
        assert found == [(1, "none")]


async def test_a_migration_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        second_version(connection)
        connection.execute("INSERT INTO nowhere VALUES (1)")

    path = tmp_path / "a.db"
    async with aclosing(open_at(path)) as database:
        await database.write(adding(1))
    async with aclosing(open_at(path, migrations=(first_version, broken))) as database:
        assert await code_of(database.read(numbers)) == "storage_failed"
    async with aclosing(open_at(path)) as database:
        assert await database.read(lambda c: rows(c.execute("SELECT * FROM numbers"))) == [(1,)]


async def test_a_newer_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with aclosing(open_at(path, migrations=(first_version, second_version))) as database:
        await database.write(adding(1))
    before = path.read_bytes()
    told: list[Problem] = []
    async with aclosing(open_at(path, problems=told.append)) as database:
        for _ in range(2):
            with pytest.raises(StorageError) as caught:
                await database.write(adding(2))
            assert caught.value.code == "storage_newer"
            assert "format 2, this one knows 1" in caught.value.message
    assert path.read_bytes() == before
    assert told == []


# --- damage


def broken_copies(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if ".broken-" in each.name)


@pytest.mark.parametrize("content", [b"this is no database at all" * 200, b"SQLite format 3\0" * 9])
async def test_a_file_that_is_no_database_is_set_aside_and_said_once(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    told: list[Problem] = []
    async with aclosing(open_at(path, problems=told.append)) as database:
        await database.write(adding(1))
        await database.write(adding(2))
        assert await database.read(numbers) == [1, 2]
    kept = broken_copies(tmp_path)
    assert [each.read_bytes() for each in kept] == [content]
    assert [each.code for each in told] == ["storage_damaged"]
    assert kept[0].name in told[0].message


async def test_pages_that_were_overwritten_are_found_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    def fill(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT INTO numbers VALUES (?)", ((i,) for i in range(20_000)))

    async with aclosing(open_at(path)) as database:
        await database.write(fill)
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    told: list[Problem] = []
    async with aclosing(open_at(path, problems=told.append)) as database:
        assert await database.read(numbers) == []
        await database.write(adding(1))
        assert await database.read(numbers) == [1]
    assert broken_copies(tmp_path)[0].read_bytes() == bytes(content)
    assert len(told) == 1


async def test_two_who_find_the_same_damage_set_one_file_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database" * 500)
    told: list[Problem] = []
    async with (
        aclosing(open_at(path, problems=told.append)) as one,
        aclosing(open_at(path, problems=told.append)) as two,
    ):
        await asyncio.gather(one.write(adding(1)), two.write(adding(2)))
        assert sorted(await one.read(numbers)) == [1, 2]
        assert sorted(await two.read(numbers)) == [1, 2]
    assert len(broken_copies(tmp_path)) == 1
    assert len(told) == 1


async def test_broken_files_of_one_day_have_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for number in range(3):
        path.write_bytes(b"no database %d" % number * 500)
        async with aclosing(open_at(path)) as database:
            await database.write(adding(number))
        path.unlink()
    assert len(broken_copies(tmp_path)) == 3


@posix_only
async def test_a_file_that_is_removed_while_it_is_open_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with (
        aclosing(open_at(path)) as one,
        aclosing(open_at(path)) as two,
    ):
        await one.write(adding(1))
        await two.write(adding(2))
        for each in ("", "-wal", "-shm"):
            (tmp_path / f"a.db{each}").unlink()
        await one.write(adding(3))
        # The other one's handle is on the removed file; closing it must not harm the new one.
        await two.write(adding(4))
        assert await one.read(numbers) == [3, 4]
    async with aclosing(open_at(path)) as database:
        assert await database.read(numbers) == [3, 4]
        assert await database.read(lambda c: rows(c.execute("PRAGMA integrity_check"))) == [("ok",)]


# --- what can wait


async def test_chores_run_while_nobody_waits_and_are_finished_at_the_end(tmp_path: Path) -> None:
    def chore(connection: sqlite3.Connection) -> bool:
        """Takes one number away at a time."""
        connection.execute(
            "DELETE FROM numbers WHERE rowid = (SELECT max(rowid) FROM numbers WHERE number < 0)"
        )
        return bool(connection.execute("SELECT 1 FROM numbers WHERE number < 0").fetchone())

    path = tmp_path / "a.db"
    async with aclosing(open_at(path, chore=chore)) as database:
        for number in (-1, 2, -3, -4):
            await database.write(adding(number))
    async with aclosing(open_at(path)) as database:
        assert await database.read(numbers) == [2]


async def test_a_chore_that_fails_harms_nobody(tmp_path: Path) -> None:
    def chore(connection: sqlite3.Connection) -> bool:
        connection.execute("DELETE FROM nowhere")
        return True

    async with aclosing(open_at(tmp_path / "a.db", chore=chore)) as database:
        await database.write(adding(1))
        assert await database.read(numbers) == [1]
