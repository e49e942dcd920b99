"""Giving the space of what was deleted back to the disk, a little at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def give_back(connection: sqlite3.Connection, pages: int) -> bool:
    """Take at most so many unused pages off the file; True: there are more.

    Not inside a transaction, which it would commit. The file itself is shorter when its log has
    been written back. A file without ``auto_vacuum=INCREMENTAL`` stays as it is.

    Raises:
        sqlite3.Error: the disk, or another process that is writing.
    """
    before = _unused(connection)
    if not before:
        return False
    # As a script, or one page is all it frees: it frees one each time that it is stepped, and a
    # statement without columns is stepped once only.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")
    return 0 < _unused(connection) < before


def _unused(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return count
