"""The file ``usage.db``: its tables, and how they came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.database import Database
from polypilot.usage.values import COUNTERS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.errors import Problem

WHAT = "The record of what was spent and suggested"


def where(path: Path | None) -> Callable[[], Path]:
    """Where the file is; None: in the user's data folder."""
    return lambda: path or paths.data_dir() / "usage.db"


def open_database(
    path: Path | None = None,
    *,
    problems: Callable[[Problem], None] | None = None,
    chore: Callable[[sqlite3.Connection], bool] | None = None,
    limit: float = 10.0,
) -> Database:
    """The file, which the first job opens; the arguments are those of :class:`Database`."""
    return Database(where(path), MIGRATIONS, WHAT, problems=problems, chore=chore, limit=limit)


def _ledger(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE spent (
            day TEXT NOT NULL, provider TEXT NOT NULL, dollars TEXT NOT NULL,
            PRIMARY KEY (day, provider)
        ) WITHOUT ROWID"""
    )


def _record(connection: sqlite3.Connection) -> None:
    """Days by whom was asked and in which language; what happened; and their latencies.

    ``daily`` has the sums of ``entries``, also of those that are not kept any more.
    """
    sums = ", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in COUNTERS)
    connection.execute(
        f"""CREATE TABLE daily (
            id INTEGER PRIMARY KEY, day TEXT NOT NULL, purpose TEXT NOT NULL,
            provider TEXT NOT NULL, model TEXT NOT NULL, language TEXT NOT NULL, {sums},
            UNIQUE (day, purpose, provider, model, language)
        )"""
    )
    connection.execute(
        """CREATE TABLE entries (
            id INTEGER PRIMARY KEY, daily INTEGER NOT NULL, at INTEGER NOT NULL,
            source TEXT NOT NULL, suggested INTEGER, seen INTEGER, accepted INTEGER,
            partly INTEGER, rejected INTEGER, saved INTEGER, kept INTEGER, stay30 INTEGER,
            stay120 INTEGER, stay600 INTEGER, first_ms INTEGER, total_ms INTEGER,
            cancelled INTEGER, error TEXT NOT NULL, input INTEGER, output INTEGER,
            cached INTEGER, reasoning INTEGER, nanos INTEGER
        )"""
    )
    connection.execute(
        """CREATE TABLE latency (
            daily INTEGER NOT NULL, which INTEGER NOT NULL, bucket INTEGER NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (daily, which, bucket)
        ) WITHOUT ROWID"""
    )
    connection.execute(
        """CREATE TABLE failures (
            daily INTEGER NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (daily, code)
        ) WITHOUT ROWID"""
    )


def _gaps(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE gaps (
            id INTEGER PRIMARY KEY, day TEXT NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, entries INTEGER NOT NULL, changes INTEGER NOT NULL
        )"""
    )


MIGRATIONS = (_ledger, _record, _gaps)
"""Each takes the schema one version further. Only ever append."""
