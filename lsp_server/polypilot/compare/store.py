"""What comparisons have asked and got, on the disk as it arrives.

A question is noted before it goes out, its answer as soon as it is whole: after a crash it is
known what has been paid for, and what was under way and has to be asked again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from polypilot import paths
from polypilot.compare.forms import Kept, as_json, from_json
from polypilot.compare.values import Marks, Reply, Task
from polypilot.database import Database
from polypilot.database.shrinking import give_back
from polypilot.database.worker import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from polypilot.errors import Problem

_WHAT = "The record of comparisons"
_PAGES: Final = 2_000
"""Given back to the disk in one step."""
_CLOSING: Final = 2.0
_SHRINKING: Final = 120.0
"""Seconds that closing waits for what was deleted to be off the disk."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A comparison in a list."""

    id: int
    spec: Mapping[str, Any]
    """What was compared: targets, repository, commit, seed, numbers; decides what goes on."""
    begun: float
    """Seconds since the epoch, like ``ended``."""
    ended: float | None
    tasks: int = 0
    replies: int = 0


class Store:
    """Comparisons in ``compare.db``.

    Args:
        path: of the file; None: in the user's data folder.
        problems: is told that the file was damaged, and where it is kept now.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        problems: Callable[[Problem], None] | None = None,
        limit: float = 30.0,
    ) -> None:
        self._database: Final = Database(
            lambda: path or paths.data_dir() / "compare.db",
            (_first_version, _second_version),
            _WHAT,
            problems=problems,
            chore=self._shrink,
            limit=limit,
        )
        self._deleted = False
        """Whether something was deleted, and the file is still as long as before."""

    async def find(self, spec: Mapping[str, Any]) -> RunInfo | None:
        """The newest comparison of exactly this; raises StorageError."""
        key = _key(spec)
        return await self._database.read(lambda connection: _find(connection, key))

    async def listing(self) -> list[RunInfo]:
        """All of them, the newest first; raises StorageError."""
        return await self._database.read(_listing)

    async def begin(self, spec: Mapping[str, Any], tasks: Sequence[Task], now: float) -> int:
        """A new comparison's id; raises StorageError."""
        work = partial(_begin, key=_key(spec), now=now, tasks=tasks)
        return await self._database.write(work)

    async def tasks(self, run: int) -> list[Task]:
        """What it asks, in its order; raises StorageError."""
        return await self._database.read(partial(_tasks, run=run))

    async def asking(self, run: int, target: str, task: str, now: float) -> int:
        """Note that a question goes out now; what to call it when it has ended.

        Raises:
            StorageError: it can't be noted, and then it must not go out.
        """

        def work(connection: sqlite3.Connection) -> int:
            row = (run, target, task, now)
            query = "INSERT INTO asked (run, target, task, at) VALUES (?, ?, ?, ?)"
            return cast("int", connection.execute(query, row).lastrowid)

        return await self._database.write(work)

    async def ended(self, asked: int, run: int, reply: Reply | None) -> None:
        """A question has ended, with its answer or with nothing that counts.

        Raises StorageError.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM asked WHERE id = ?", (asked,))
            if reply is not None:
                row = (run, reply.target, reply.task, as_json(reply))
                connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", row)

        await self._database.write(work)

    async def marked(self, run: int, marks: Sequence[Marks]) -> None:
        """Answers were judged; raises StorageError."""

        def work(connection: sqlite3.Connection) -> None:
            made = [(run, each.target, each.task, as_json(each)) for each in marks]
            # A cursor that left this thread would be taken down in another.
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", made)

        await self._database.write(work)

    async def replies(self, run: int) -> list[Reply]:
        """All answers so far; raises StorageError."""
        return await self._database.read(partial(_all, run=run, kind=Reply))

    async def marks(self, run: int) -> list[Marks]:
        """All judgements so far; raises StorageError."""
        return await self._database.read(partial(_all, run=run, kind=Marks))

    async def cut_off(self, run: int) -> list[tuple[str, str]]:
        """Target and task of each question that went out and was cut off with the program.

        It may have been paid for, and have been asked again since.

        Raises StorageError.
        """
        return await self._database.read(partial(_cut_off, run=run))

    async def end(self, run: int, now: float) -> None:
        """It is complete; raises StorageError."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE runs SET ended = ? WHERE id = ?", (now, run))

        await self._database.write(work)

    async def delete(self, runs: Iterable[int]) -> None:
        """Forget comparisons, code and answers; raises StorageError.

        The file becomes shorter behind it, at the latest when it is closed.
        """
        wanted = [(each,) for each in runs]

        def work(connection: sqlite3.Connection) -> None:
            for table, column in (("marks", "run"), ("replies", "run"), ("asked", "run"),
                                  ("facts", "run"), ("tasks", "run"), ("runs", "id")):  # fmt: skip
                connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", wanted)  # noqa: S608 - our own words
            self._deleted = True

        await self._database.write(work)

    async def noted(self, run: int, facts: Mapping[str, Any]) -> None:
        """Keep what a watch found beside the answers; raises StorageError."""
        row = (run, json.dumps(facts))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", row)

        await self._database.write(work)

    async def facts(self, run: int) -> Mapping[str, Any]:
        """What was noted of it, empty if nothing was; raises StorageError."""
        found = await self._database.read(partial(_facts, run=run))
        return json.loads(found) if found else {}

    async def aclose(self) -> None:
        """Finish what was asked for, and close the file."""
        await self._database.aclose(_SHRINKING if self._deleted else _CLOSING)

    def _shrink(self, connection: sqlite3.Connection) -> bool:
        """Do one step, on the file's thread; True: there is more to do."""
        if not self._deleted:
            return False
        if give_back(connection, _PAGES):
            return True
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._deleted = False
        return False


def _first_version(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, spec TEXT NOT NULL, begun REAL NOT NULL,"
        " ended REAL)"
    )
    connection.execute(
        "CREATE TABLE tasks (run INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (run, number)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE asked (id INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
        " target TEXT NOT NULL, task TEXT NOT NULL,"
        " at REAL NOT NULL)"
    )
    for table in ("replies", "marks"):
        connection.execute(
            f"CREATE TABLE {table} (run INTEGER NOT NULL, target TEXT NOT NULL,"
            " task TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, target, task))"
            " WITHOUT ROWID"
        )


def _second_version(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE facts (run INTEGER PRIMARY KEY, body TEXT NOT NULL)")


def _key(spec: Mapping[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True)


def _begin(connection: sqlite3.Connection, key: str, now: float, tasks: Sequence[Task]) -> int:
    cursor = connection.execute("INSERT INTO runs (spec, begun) VALUES (?, ?)", (key, now))
    run = cast("int", cursor.lastrowid)
    connection.executemany(
        "INSERT INTO tasks VALUES (?, ?, ?)",
        [(run, at, as_json(task)) for at, task in enumerate(tasks)],
    )
    return run


_INFO = (
    "SELECT id, spec, begun, ended, (SELECT count(*) FROM tasks WHERE run = id),"
    " (SELECT count(*) FROM replies WHERE run = id) FROM runs"
)


def _info(row: Sequence[Any]) -> RunInfo:
    return RunInfo(row[0], json.loads(row[1]), *row[2:])


def _find(connection: sqlite3.Connection, key: str) -> RunInfo | None:
    found = rows(connection.execute(f"{_INFO} WHERE spec = ? ORDER BY id DESC LIMIT 1", (key,)))
    return _info(found[0]) if found else None


def _listing(connection: sqlite3.Connection) -> list[RunInfo]:
    return [_info(each) for each in rows(connection.execute(f"{_INFO} ORDER BY id DESC"))]


def _tasks(connection: sqlite3.Connection, run: int) -> list[Task]:
    found = rows(connection.execute("SELECT body FROM tasks WHERE run = ? ORDER BY number", (run,)))
    return [from_json(Task, each[0]) for each in found]


def _all(connection: sqlite3.Connection, run: int, kind: type[Kept]) -> list[Kept]:
    table = "replies" if kind is Reply else "marks"
    query = f"SELECT body FROM {table} WHERE run = ? ORDER BY target, task"  # noqa: S608 - our own words
    found = rows(connection.execute(query, (run,)))
    return [from_json(kind, each[0]) for each in found]


def _cut_off(connection: sqlite3.Connection, run: int) -> list[tuple[str, str]]:
    query = "SELECT target, task FROM asked WHERE run = ? ORDER BY id"
    return [(str(each[0]), str(each[1])) for each in rows(connection.execute(query, (run,)))]


def _facts(connection: sqlite3.Connection, run: int) -> str:
    found = rows(connection.execute("SELECT body FROM facts WHERE run = ?", (run,)))
    return str(found[0][0]) if found else ""
