"""How the index stays what the disk is, whatever happens."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polypilot.workspace.index import Phase, store
from polypilot.workspace.index.builder import Builder
from polypilot.workspace.index.keeping import Limits
from polypilot.workspace.index.process import environment
from polypilot.workspace.index.wire import Report, Wish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from index_support import Space

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def fill(space: Space, count: int = 300) -> None:
    for number in range(count):
        body = f"def animal_{number}():\n    return cow_{number % 10}\n\n\n" * 15
        space.write(f"d{number % 11}/f{number}.py", body)


def check(file: Path) -> None:
    """The database is sound: SQLite's own tests of the file and of the search table."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO words(words) VALUES('integrity-check')")


# -- news of changes -----------------------------------------------------------------------


async def test_a_save_is_found_and_what_was_there_is_not(space: Space, uri: Callable[[str], str]):
    path = space.write("my folder/a.py", "tapir = 1\ndef old(): pass\n")
    index = await space.built()
    space.write("my folder/a.py", "gibbon = 1\ndef new(): pass\n")
    index.saved(uri(path))
    assert await index.ready()
    assert (await index.search("tapir")).hits == ()
    assert len((await index.search("gibbon")).hits) == 1
    assert [each.name for each in await index.symbols("new")] == ["new"]
    assert [each.name for each in await index.symbols("old")] == []


async def test_new_deleted_and_renamed_files_and_folders_are_noticed(space: Space):
    old = space.write("a/one.py", "tapir = 1\n")
    space.write("b/two.py", "tapir = 1\n")
    index = await space.built()
    new = space.write("c/deep/er/three.py", "tapir = 1\n")
    index.changed([new])
    assert await index.ready()
    assert len((await index.search("tapir")).hits) == 3
    (space.root / "a/one.py").rename(space.root / "a/uno.py")
    index.changed([old, str(space.root / "a/uno.py")])
    assert await index.ready()
    assert set(await index.files()) == {"a/uno.py", "b/two.py", "c/deep/er/three.py"}
    (space.root / "c").rename(space.root / "d")
    index.changed([str(space.root / "c"), str(space.root / "d")])
    assert await index.ready()
    assert set(await index.files()) == {"a/uno.py", "b/two.py", "d/deep/er/three.py"}
    assert len((await index.search("tapir")).hits) == 3


async def test_what_is_gone_from_the_files_is_gone_from_the_disk(space: Space, until: Until):
    """Enough files that the index tidies up behind reading them."""
    fill(space, 1_100)
    first = await space.built()

    async def tidy() -> bool:  # till then the log may hold the better part
        return space.database.stat().st_size > 1 << 20

    await until(tidy)
    size = space.database.stat().st_size
    await first.aclose()
    for number in range(1_100):
        space.write(f"d{number % 11}/f{number}.py")
    index = await space.built()

    async def small() -> bool:
        return space.database.stat().st_size < size / 3

    await until(small)
    assert space.rows("PRAGMA freelist_count") == [(0,)]
    assert len(await index.files(limit=2_000)) == 1_100
    await index.aclose()
    check(space.database)


async def test_what_nobody_tells_is_seen_by_the_next_look(space: Space, until: Until):
    space.write("a.py", "tapir = 1\n")
    gone = space.write("b.py", "tapir = 1\n")
    index = await space.built(rescan_seconds=0)
    space.write("a.py", "gibbon = 1\n")
    os.unlink(gone)  # noqa: PTH108 - a string
    space.write("new.py", "gibbon = 1\n")

    async def seen() -> bool:
        names = sorted(space.names(await index.search("gibbon")))
        return names == ["a.py", "new.py"] and not (await index.search("tapir")).hits

    await until(seen)


async def test_a_change_that_keeps_size_and_time_is_seen(space: Space):
    path = space.write("a.py", "tapir = 1\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    await (await space.built()).aclose()
    space.write("a.py", "gnu_s = 1\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    index = await space.built()
    assert len((await index.search("gnu_s")).hits) == 1


async def test_a_file_that_was_just_written_is_looked_at_again(space: Space):
    """Within one tick of the file system's clock, a change would not show in its status."""
    space.write("a.py", "tapir = 1\n")
    await space.built()
    assert space.rows("SELECT stamp, kind FROM file") == [(0, 1)]


async def test_what_has_not_changed_is_not_read_again(space: Space):
    space.write("a.py", "tapir = 1\n")
    index = await space.built()
    [(before,)] = space.rows("SELECT id FROM chunk")
    os.utime(space.root / "a.py", (1_700_000_000, 1_700_000_000))
    index.saved(str(space.root / "a.py"))
    assert await index.ready()
    assert space.rows("SELECT id FROM chunk") == [(before,)]


async def test_a_thousand_saves_of_one_file_leave_one_file(space: Space):
    """The dead rows of the search table are found by no question, and cleared some day."""
    path = space.root / "a.py"
    space.write("b.py", "tapir = 2\n")
    space.write("a.py", "tapir = 0\n")
    index = await space.built()
    for number in range(40):
        name = f"tapir_{'abcdefghij'[number % 10]}q{'klmnopqrst'[number // 10]}"
        space.write("a.py", "".join(f"{name} = {n}\n\n" for n in range(1_500)))
        index.saved(str(path))
        assert await index.ready()
    assert sorted(set(space.names(await index.search("tapir")))) == ["a.py", "b.py"]
    assert (await index.search("tapir_iqn")).hits == ()
    assert len((await index.search("tapir_jqn")).hits) == 3
    await index.rebuild()
    assert await index.ready()
    assert space.rows("SELECT value FROM meta WHERE key = 'dead'") == [(0,)]
    check(space.database)


async def test_a_worn_search_table_is_made_again(space: Space):
    fill(space, 30)
    index = await space.built()
    for number in range(2):
        with closing(sqlite3.connect(space.database)) as connection, connection:
            connection.execute("UPDATE meta SET value = 5000 WHERE key = 'dead'")
        await index.aclose()
        index = await space.built()
        assert len((await index.search(f"animal_{number}")).hits) >= 1
    assert space.rows("SELECT value FROM meta WHERE key = 'dead'") == [(0,)]
    check(space.database)


# -- processes -----------------------------------------------------------------------------


@linux
async def test_the_process_steps_aside_knows_no_key_and_runs_nothing(
    space: Space, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-user")
    monkeypatch.setenv("PYTHONPATH", str(space.root))
    space.write("sqlite3.py", "raise SystemExit(9)\n")
    index = await space.built()
    assert index.pid
    with open(f"/proc/{index.pid}/environ", "rb") as file:  # noqa: ASYNC230, PTH123 - /proc
        assert b"key-of-the-user" not in file.read()
    assert os.getpriority(os.PRIO_PROCESS, index.pid) == 19


def test_the_surroundings_are_what_python_needs():
    assert environment(
        {"HOME": "/h", "LC_ALL": "C", "OPENAI_API_KEY": "k", "PYTHONPATH": "/x"}
    ) == {
        "HOME": "/h",
        "LC_ALL": "C",
    }


@linux
async def test_closing_ends_the_process(space: Space):
    index = await space.built()
    pid = index.pid
    assert pid
    await index.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await index.aclose()
    assert not await index.ready(timeout=1)


_SERVER = """
import asyncio, sys
from pathlib import Path
from polypilot.workspace.index import WorkspaceIndex
from polypilot.workspace.index.judging import Rules
from polypilot.workspace.roots import Roots

async def main():
    roots = Roots([sys.argv[1]])
    index = WorkspaceIndex(lambda: Path(sys.argv[2]), Rules, lambda: roots)
    index.on_progress(lambda state: print(state.phase, index.pid, state.done, flush=True))
    await index.ready()
    print("end", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@linux
async def test_kill_9_at_any_moment_loses_little_and_damages_nothing(space: Space, until: Until):
    fill(space)
    rng = random.Random(4)  # noqa: S311 - test data
    for _ in range(8):
        with subprocess.Popen(  # noqa: ASYNC220 - a test may wait
            [sys.executable, "-c", _SERVER, str(space.root), str(space.cache)],
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdout
            child = 0
            for _ in range(rng.randint(1, 4)):
                line = await asyncio.to_thread(server.stdout.readline)
                phase, *rest = line.decode().split()
                if phase == "end":
                    break
                child = int(rest[0])
            victim = rng.choice([child, server.pid])
            os.kill(victim, signal.SIGKILL)
            server.kill()

        async def gone(child: int = child) -> bool:
            return not _is_running(child)

        await until(gone)  # it ends by itself when the server has
        if space.database.exists() and space.rows("SELECT 1 FROM sqlite_master"):
            check(space.database)
    index = await space.built()
    assert (await index.search("animal_299")).hits
    assert len(await index.files(limit=1_000)) == 300
    assert space.rows("SELECT count(*) FROM file WHERE kind = 1") == [(300,)]
    check(space.database)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@linux
async def test_a_killed_process_is_told_and_breaks_no_search(space: Space, until: Until):
    fill(space, 20)
    index = await space.built()
    assert index.pid
    os.kill(index.pid, signal.SIGKILL)

    async def told() -> bool:
        return index.state().phase is Phase.FAILED

    await until(told)
    assert index.state().problem
    assert (await index.search("animal_7")).hits


async def test_two_servers_share_one_index(space: Space):
    fill(space)
    one, two = space.server(), space.server()
    assert all(await asyncio.gather(one.ready(), two.ready()))
    assert space.rows("SELECT count(*) FROM file") == [(300,)]
    one.saved(space.write("fresh.py", "narwhal = 1\n"))
    assert await one.ready()
    assert len((await two.search("narwhal")).hits) == 1
    two.saved(space.write("fresh.py", "oryx = 1\n"))
    assert await two.ready()
    assert (await one.search("narwhal")).hits == ()
    await one.delete()
    assert not space.database.exists()
    two.saved(space.write("fresh.py", "quokka = 1\n"))
    await two.rebuild()
    assert await two.ready()
    assert len((await one.search("quokka", budget_s=20)).hits) == 1
    assert (await two.search("animal_3")).hits
    check(space.database)


REMAKE = """
import sqlite3, sys
from pathlib import Path
from polypilot.workspace.index import store

print("ready", flush=True)
sys.stdin.read()
for _ in range(60):
    try:
        if sys.argv[2] == "delete":
            store.discard(Path(sys.argv[1]))
        else:
            store.open_to_write(Path(sys.argv[1]), "/project")[0].close()
    except (OSError, sqlite3.Error) as error:
        print(getattr(error, "sqlite_errorname", repr(error)))
"""


def test_making_and_deleting_at_once_do_not_disturb_each_other(space: Space):
    command = [sys.executable, "-c", REMAKE, str(space.database)]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([*command, what], stdin=pipe, stdout=pipe, env=environment())
        for what in ("delete", "make", "make", "make")
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    assert [each.communicate()[0] for each in running] == [b"", b"", b"", b""]
    assert [each.returncode for each in running] == [0, 0, 0, 0]


@pytest.mark.parametrize("saves", [False, True])
def test_a_database_that_is_deleted_under_its_writer_is_made_again(space: Space, *, saves: bool):
    fill(space)
    wish = Wish(
        "scan",
        1,
        str(space.root),
        os.path.realpath(space.root),
        str(space.database),
        (str(space.root),),
        max_file_bytes=2_000_000,
        max_bytes=10**9,
        max_files=1_000,
    )
    told = list[Report]()
    builder = Builder(wish, told.append)
    builder.order(wish)
    deleted = set[str]()
    while builder.step() is not None:
        phase = told[-1].phase if told else ""
        if phase in {Phase.WALKING, Phase.READING} and phase not in deleted:
            store.discard(space.database)  # as another server does
            deleted.add(phase)
            if saves:
                path = space.write("d1/f1.py", "def changed(): pass\n")
                builder.order(replace(wish, order="update", serial=2, paths=(path,)))
    assert len(deleted) == 2
    assert told[-1].phase == Phase.READY, told[-1]
    builder.forget(delete=False)
    assert space.rows("SELECT count(*) FROM file WHERE kind = 1") == [(300,)]
    check(space.database)


# -- the database --------------------------------------------------------------------------


async def test_delete_leaves_nothing_and_the_next_search_makes_it_again(space: Space):
    space.write("a.py", "tapir = 1\n")
    index = await space.built()
    await index.delete()
    assert [file for file in space.cache.iterdir() if not file.name.startswith(".")] == []
    assert index.state().phase is Phase.IDLE
    assert len((await index.search("tapir", budget_s=20)).hits) == 1
    other = space.server()
    await index.aclose()
    await other.delete()  # by a server that has not searched
    assert not space.database.exists()


async def test_only_the_user_may_read_it_and_no_text_is_in_it(space: Space):
    space.write("a.py", "password_of_mine = 'correct horse battery staple'  # spoken aloud\n")
    await space.built()
    assert stat.S_IMODE(space.cache.stat().st_mode) == 0o700
    for file in space.cache.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert b"correct horse" not in file.read_bytes()


async def test_a_link_in_its_place_is_not_followed(space: Space, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    space.write("a.py", "tapir = 1\n")
    space.cache.mkdir(parents=True)
    space.database.symlink_to(victim)
    index = await space.built()
    assert victim.read_text() == "precious"
    assert len((await index.search("tapir")).hits) == 1


@pytest.mark.parametrize("damage", ["garbage", "middle", "cut", "version", "another"])
async def test_a_database_that_is_no_use_is_made_again(space: Space, damage: str):
    fill(space, 60)
    await (await space.built()).aclose()
    file = space.database
    match damage:
        case "garbage":
            file.write_bytes(b"not a database at all" * 1_000)
        case "middle":
            raw = bytearray(file.read_bytes())
            for at in range(4_096, len(raw), 4_096):
                raw[at : at + 200] = os.urandom(200)
            file.write_bytes(raw)
        case "cut":
            file.write_bytes(file.read_bytes()[:9_000])
        case "version":
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA user_version = 99")
        case _:
            with closing(sqlite3.connect(file)) as connection, connection:
                connection.execute("UPDATE meta SET value = 'elsewhere' WHERE key = 'root'")
    index = await space.built()
    assert (await index.search("animal_59")).hits
    check(file)


async def test_damage_that_a_question_finds_is_repaired(space: Space, until: Until):
    fill(space, 60)
    index = await space.built()
    for suffix in ("-wal", "-shm"):
        space.database.with_name(space.database.name + suffix).unlink(missing_ok=True)
    space.database.write_bytes(b"garbage" * 10_000)

    async def repaired() -> bool:
        found = await index.search("animal_59")
        return bool(found.hits) and found.complete

    await until(repaired)


async def test_an_index_that_another_server_deletes_is_made_again(space: Space, until: Until):
    fill(space, 20)
    one, two = await space.built(), await space.built()
    await one.delete()

    async def again() -> bool:
        found = await two.search("animal_7")
        return bool(found.hits) and not found.problem

    await until(again)


async def test_without_room_it_says_so_and_searches_what_there_is(space: Space):
    space.limits = Limits(bytes=1_500_000)
    rng = random.Random(1)  # noqa: S311 - test data
    for number in range(1_500):
        words = "\n".join(f"w{rng.randrange(10**9)}x" for _ in range(100))
        space.write(f"f{number:04}.txt", f"zebra\n{words}\n")
    index = space.server()
    assert not await index.ready()
    assert index.state().phase is Phase.FAILED
    assert "room" in index.state().problem
    found = await index.search("zebra")
    assert found.hits
    assert not found.complete
    assert "room" in found.problem


async def test_too_many_files_are_said_and_the_first_are_kept(space: Space):
    space.limits = Limits(files=20)
    fill(space, 30)
    index = await space.built()
    assert "20" in index.state().problem
    assert len(await index.files()) == 20


async def test_a_cache_that_cant_be_written_is_said(space: Space, tmp_path: Path):
    space.write("a.py")
    (tmp_path / "file").write_text("")
    space.cache = tmp_path / "file" / "index"
    index = space.server()
    assert not await index.ready()
    assert index.state().problem
    assert (await index.search("x")).problem


async def test_a_root_that_is_gone_is_said(space: Space):
    space.root.rmdir()
    index = space.server()
    assert not await index.ready()
    assert "No such file" in index.state().problem


# -- what is on disks ----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="has neither")
async def test_odd_files_neither_hang_nor_break_it(space: Space, tmp_path: Path):
    space.write("good.py", "tapir = 1\n")
    space.write("latin.py", "tapir = 'é' and some more\n".encode("latin-1"))
    space.write("wide.txt", "\ufefftapir\n".encode("utf-16"))
    space.write("binary.dat", b"tapir\0\1\2" * 100)
    space.write("big.txt", b"tapir " * 400_000)
    space.write("packed.js", b"var tapir=1;" * 100_000)
    space.write("lines.txt", ("tapir " + "x" * 3_000 + "\n") * 300)
    space.write("empty.py", b"")
    space.write("surrogates.txt", b"tapir \xed\xa0\x80 \xff\xfe\n" + b"words " * 60)
    os.mkfifo(space.root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(space.root / "socket.py"))
    with open(os.fsencode(space.root) + b"/caf\xe9.py", "wb") as file:  # noqa: ASYNC230, PTH123
        file.write(b"tapir = 1\n")
    (space.root / "loop").symlink_to(space.root)
    (space.root / "self").symlink_to("self")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "o.py").write_text("tapir = 1\n")
    (space.root / "out").symlink_to(outside)
    (space.root / "out.py").symlink_to(outside / "o.py")
    (space.root / "unreadable").mkdir(mode=0)
    space.write("/".join(["deep"] * 70) + "/x.py", "tapir = 1\n")
    index = await space.built()
    found = await index.search("tapir", limit=100)
    assert sorted(set(space.names(found))) == [
        "good.py", "latin.py", "lines.txt", "packed.js", "surrogates.txt", "wide.txt",
    ]  # fmt: skip
    index.changed([str(path) for path in space.root.iterdir()])
    assert await index.ready()
    assert sorted(set(space.names(await index.search("tapir", limit=100)))) == sorted(
        set(space.names(found))
    )
    check(space.database)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
async def test_another_name_of_an_excluded_file_is_not_found(space: Space):
    path = space.write(".env", "walrus = 1\n")
    os.link(path, space.root / "innocent.py")
    index = await space.built()
    assert (await index.search("walrus")).hits == ()
    assert await index.files() == ()


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
async def test_a_root_that_is_a_link_is_named_as_the_editor_names_it(space: Space, tmp_path: Path):
    space.write("a.py", "tapir = 1\n")
    link = tmp_path / "link"
    link.symlink_to(space.root)
    space.roots.remove(str(space.root))
    await asyncio.to_thread(space.roots.add, str(link))
    index = await space.built()
    [hit] = (await index.search("tapir")).hits
    assert hit.path == str(link / "a.py")
    space.write("a.py", "gibbon = 1\n")
    index.saved(str(link / "a.py"))
    assert await index.ready()
    assert len((await index.search("gibbon")).hits) == 1


async def test_our_own_databases_below_the_root_are_left_alone(space: Space):
    space.cache = space.root / "cache" / "index"
    space.write("a.py", "tapir = 1\n")
    index = await space.built()
    await index.rebuild()
    assert await index.ready()
    assert await index.files() == ("a.py",)
    assert "index" not in await index.tree()


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_twenty_thousand_files(space: Space):
    for number in range(20_000):
        space.write(
            f"p{number % 50}/q{number % 400}/f{number}.py", f"def animal_{number}(): pass\n"
        )
    index = space.server()
    assert await index.ready(timeout=500)
    for number in (0, 9_999, 19_999):
        assert space.names(await index.search(f"animal_{number}", limit=1))[0].endswith(
            f"f{number}.py"
        )
    assert len(await index.files("f1999", limit=50)) == 11
    check(space.database)
