"""Deleting the record for good: overwritten in the file, and the file made small again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from polypilot.usage.schema import open_database, where

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.errors import Problem

_LIMIT_S: Final = 300.0
"""A million rows take some seconds, on a slow disk more."""
_TABLES: Final = ("latency", "failures", "entries", "daily", "gaps")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of it."""

    rows: int
    """Suggestions and requests that were recorded."""
    kept_today: bool
    """Whether today's money was kept, for the day's budget."""
    set_aside: int
    """Files that were set aside as damaged, and are removed now."""
    in_log: bool
    """Another program reads the file: its log still holds parts until that ends."""


async def delete(
    *,
    keep_today: str,
    path: Path | None = None,
    problems: Callable[[Problem], None] | None = None,
) -> Deleted:
    """Delete everything, of all editors; they go on with an empty record.

    Args:
        keep_today: an ISO date whose money is kept, for the sake of a budget; empty: none.
        path: of the file; None: in the user's data folder.
        problems: is told of a damaged file.

    Raises:
        StorageError: it could not be done; the record is as it was.
    """
    file = where(path)()
    removed = 0
    if not file.exists():
        return Deleted(0, kept_today=False, set_aside=_remove_set_aside(file), in_log=False)
    busy: list[bool] = []

    def shrink(connection: sqlite3.Connection) -> bool:
        connection.execute("VACUUM")
        busy.append(bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]))
        return False

    database = open_database(path, problems=problems, chore=shrink, limit=_LIMIT_S)
    try:
        removed = await database.write(partial(_empty, keep_today=keep_today))
    finally:
        await database.aclose(timeout=_LIMIT_S)  # the log is emptied before it is closed
    return Deleted(
        removed,
        kept_today=bool(keep_today),
        set_aside=_remove_set_aside(file),
        in_log=not busy or busy[-1],
    )


def _empty(connection: sqlite3.Connection, keep_today: str) -> int:
    """``secure_delete`` is on: what is deleted is overwritten."""
    query = "SELECT coalesce(sum(shown + requests), 0) FROM daily"
    count: int = connection.execute(query).fetchone()[0]
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  (our own names)
    connection.execute("DELETE FROM spent WHERE day <> ?", (keep_today,))
    return count


def _remove_set_aside(file: Path) -> int:
    found = list(file.parent.glob(f"{file.name}.broken-*"))
    for each in found:
        with suppress(FileNotFoundError):
            each.unlink()
    return len(found)
