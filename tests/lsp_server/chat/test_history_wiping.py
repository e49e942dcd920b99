"""What was deleted is not on the disk any more, in whatever form it was kept there."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import aclosing, closing
from typing import TYPE_CHECKING

import pytest
from history_support import message, session

from polypilot.chat.history import History
from polypilot.chat.history_wiping import wipe

if TYPE_CHECKING:
    from pathlib import Path


def canary(number: int) -> str:
    return f"canary{number:05d}x"


def on_disk(folder: Path) -> bytes:
    # Words are stored in lower case in the index, with common beginnings left out; the end of
    # each one is unique.
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()))


async def fill(history: History, count: int) -> None:
    filler = " ".join(("red", "green", "blue", "heron", "stork") * 30)
    for number in range(count):
        ident = f"s{number}"
        texts = [f"{filler} {canary(number)} {part}" for part in range(3)]
        messages = [
            message(f"m{part}", ident, text=text, body=f'["{text}"]')
            for part, text in enumerate(texts)
        ]
        await history.save(session(ident, title=f"title {canary(number)}"), messages)


async def wiped(path: Path) -> None:
    """Until all is overwritten; one end of a history waits no longer than two seconds for it."""
    left = True
    async with asyncio.timeout(100):
        while left:
            async with aclosing(History(path)) as history:
                await history.sessions()
            with closing(sqlite3.connect(path)) as connection:
                left = connection.execute("SELECT count(*) FROM wiping").fetchone() != (0,)


async def test_a_deleted_conversation_is_overwritten(tmp_path: Path) -> None:
    count = 300
    async with aclosing(History(tmp_path / "chat.db")) as history:
        await fill(history, count)
    content = on_disk(tmp_path)
    assert all(canary(number).encode() in content for number in range(count))
    gone = [number * 7 % count for number in range(60)]
    async with aclosing(History(tmp_path / "chat.db")) as history:
        for number in gone:
            await history.delete(f"s{number}")
    await wiped(tmp_path / "chat.db")
    content = on_disk(tmp_path)
    left = [number for number in gone if canary(number).encode() in content]
    # In the index only the end of a word may stand.
    ends = [number for number in gone if f"{number:05d}x".encode() in content]
    assert (left, ends) == ([], [])
    assert canary(next(n for n in range(count) if n not in gone)).encode() in content
    async with aclosing(History(tmp_path / "chat.db")) as history:
        assert len(await history.search("heron", limit=1_000)) == count - 60
        assert await history.search(canary(gone[0])) == []


async def test_of_all_nothing_is_left_and_the_disk_gets_its_space_back(tmp_path: Path) -> None:
    async with aclosing(History(tmp_path / "chat.db")) as history:
        await fill(history, 100)
        before = await history.size()
        await history.delete_all()
    await wiped(tmp_path / "chat.db")
    assert b"canary" not in on_disk(tmp_path)
    async with aclosing(History(tmp_path / "chat.db")) as history:
        assert await history.size() < before / 3


def test_a_step_gives_many_pages_back(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("""PRAGMA auto_vacuum=INCREMENTAL; CREATE TABLE filler (x);
            CREATE TABLE wiping (step INTEGER); INSERT INTO wiping VALUES (2)""")
        connection.executemany("INSERT INTO filler VALUES (zeroblob(9000))", [()] * 200)
        connection.execute("DELETE FROM filler")
        before = path.stat().st_size
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        assert wipe(connection)
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] == free - 200
        assert path.stat().st_size == before - 200 * 4096
        assert wipe(connection)
        assert wipe(connection)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute("SELECT step FROM wiping").fetchone() == (3,)


async def test_what_another_process_could_not_finish_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with aclosing(History(path)) as history:
        await fill(history, 30)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM sessions").fetchone() == (30,)
    async with aclosing(History(path)) as history:
        await history.delete("s7")
    # Somebody still reads the state before, so that the log can't be emptied.
    assert canary(7).encode() in on_disk(tmp_path)
    reader.execute("COMMIT")
    await wiped(path)
    # While another program has the file open, nobody's end empties the log by itself.
    assert (tmp_path / "chat.db-wal").exists()
    assert canary(7).encode() not in on_disk(tmp_path)
    reader.close()


@pytest.mark.parametrize("ident", ["s1", "s2"])
async def test_a_replaced_text_is_no_longer_found(tmp_path: Path, ident: str) -> None:
    async with aclosing(History(tmp_path / "chat.db")) as history:
        await history.save(session(ident), [message("m", ident, text="heron")])
        await history.save(session(ident), [message("m", ident, text="stork")])
        assert await history.search("heron") == []
        assert len(await history.search("stork")) == 1
