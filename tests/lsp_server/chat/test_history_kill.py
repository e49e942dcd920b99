"""A process that is killed while it writes leaves a whole file, with all that it had kept."""

from __future__ import annotations

import random
import select
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from polypilot.chat.history_rows import SHIFT

WRITER = Path(__file__).parents[1] / "history_writer.py"
PER_FILE = 25  # kills, so that checking a file does not come to take longer than writing it

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def test_kills_during_writes_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    kill_many(tmp_path, 25)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_a_thousand_kills_during_writes_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    kill_many(tmp_path, 1_000)


def kill_many(folder: Path, times: int) -> None:
    kept = 0
    acknowledged: dict[tuple[str, str], int] = {}
    deleted: set[str] = set()
    for number in range(times):
        path = folder / f"{number // PER_FILE}.db"
        if number % PER_FILE == 0:
            acknowledged.clear()
            deleted.clear()
        for line in written_until_killed(path, number):
            ident, name, length = line.split()
            if name == "-":
                deleted.add(ident)
            else:
                acknowledged[ident, name] = int(length)
                kept += 1
        check(path, acknowledged, deleted)
    # On average a writer got somewhere before it was killed.
    assert kept > times * 5


def written_until_killed(path: Path, seed: int) -> list[str]:
    """What a writer had said to be kept when it was killed, at a moment chosen by chance."""
    chance = random.Random(seed)  # noqa: S311  (no secret)
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(path), str(seed)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        lines: list[bytes] = [writer.stdout.readline() for _ in range(chance.randint(1, 30))]
        # Not right after a message was kept, but anywhere in the writing of the next ones.
        select.select([], [], [], chance.random() * 0.02)
        writer.kill()
        lines += rest(writer.stdout)
    assert all(each.endswith(b"\n") for each in lines), "the writer failed by itself"
    return [each.decode() for each in lines]


def rest(stream: IO[bytes]) -> list[bytes]:
    return stream.readlines()


def check(path: Path, acknowledged: dict[tuple[str, str], int], deleted: set[str]) -> None:
    """With SQLite alone, so that nothing of ours can mend it first."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 0)")
        found = {
            (str(ident), str(name)): (len(body), int(length))
            for ident, name, body, length in connection.execute(
                "SELECT s.id, m.id, m.body, length(w.text) FROM messages m"
                " JOIN sessions s ON s.key = m.key >> ? JOIN words w ON w.rowid = m.key",
                (SHIFT,),
            )
        }
        counts = connection.execute(
            "SELECT s.id FROM sessions s WHERE s.messages <>"
            " (SELECT count(*) FROM messages m WHERE m.session = s.key)"
        ).fetchall()
    finally:
        connection.close()
    assert counts == []
    for (ident, name), length in acknowledged.items():
        if ident in deleted:
            assert (ident, name) not in found
        elif (ident, name) in found:
            assert found[ident, name] == (length, length)
        else:
            # Its deletion was done, and not yet acknowledged.
            assert not any(other == ident for other, _ in found), (ident, name)
