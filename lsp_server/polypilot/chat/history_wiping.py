"""Taking the words of deleted texts off the disk. Runs on the history's thread, when idle.

SQLite overwrites the rows that are deleted (``secure_delete``). The index keeps their words
until its segments are merged, and the file's own log until it is written back. FTS5 has an
option that wipes at once, but a file that has used it can't be read by SQLite before 3.42.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.database.opening import BUSY_SECONDS
from polypilot.database.shrinking import give_back

if TYPE_CHECKING:
    import sqlite3

_PAGES = 200  # a step; some 20 ms
_PATIENCE = 100  # ms; wiping gives way to others who write


def wipe(connection: sqlite3.Connection) -> bool:
    """Do one step; True: there is more to do."""
    connection.execute(f"PRAGMA busy_timeout={_PATIENCE}")
    try:
        row: tuple[int] | None = connection.execute("SELECT step FROM wiping").fetchone()
        return row is not None and _STEPS[row[0]](connection)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def _gather(connection: sqlite3.Connection) -> bool:
    """Have all of the index merged into one segment, from which nothing is left out."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (-_PAGES,))
        _go_on(connection, 1)
    return True


def _merge(connection: sqlite3.Connection) -> bool:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (_PAGES,))
        # Fewer than two changes: there was nothing to merge (fts5.html, 6.8).
        if connection.total_changes - before < 2:  # noqa: PLR2004  (see above)
            _go_on(connection, 2)
    return True


def _shrink(connection: sqlite3.Connection) -> bool:
    """Give free pages back to the disk."""
    give_back(connection, _PAGES)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("PRAGMA freelist_count").fetchone()[0]:
            _go_on(connection, 3)
    return True


def _write_back(connection: sqlite3.Connection) -> bool:
    """Empty the write-ahead log. While somebody reads from it, it is left for later."""
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if not busy:
        connection.execute("DELETE FROM wiping WHERE step = 3")
    return False


def _go_on(connection: sqlite3.Connection, step: int) -> None:
    # What was deleted meanwhile has set it back to the first step.
    connection.execute("UPDATE wiping SET step = ? WHERE step = ?", (step, step - 1))


_STEPS = (_gather, _merge, _shrink, _write_back)
