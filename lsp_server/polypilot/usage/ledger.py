"""What was spent, by day, across all of the user's editors: what a daily budget is held against.

Days, providers and dollars; nothing of what was asked or answered.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from polypilot.database.worker import rows
from polypilot.usage.schema import open_database, where

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from polypilot.database import Database
    from polypilot.errors import Problem

_KEPT_DAYS = 400


class Ledger:
    """Money by day and provider in ``usage.db``, to which several processes add.

    Args:
        path: of the file; None: in the user's data folder.
        problems: is told that the file was damaged, and where it is kept now.
        limit: seconds after which nobody waits for the disk any longer.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        problems: Callable[[Problem], None] | None = None,
        limit: float = 10.0,
    ) -> None:
        self._path: Final = where(path)
        self.database: Final[Database] = open_database(path, problems=problems, limit=limit)
        """The file, which the record of suggestions and requests shares."""

    async def add(self, day: date, provider: str, dollars: Decimal) -> None:
        """Add what a request cost.

        It is added also if the caller is cancelled. The last 400 days with money are kept.

        Raises:
            StorageError: it could not be written.
            ValueError: no sum of money.
        """
        if not dollars.is_finite():
            raise ValueError("not a sum of money")
        work = partial(_add, day=day.isoformat(), provider=provider, dollars=dollars)
        await self.database.write(work)

    async def total(self, day: date) -> Decimal:
        """US dollars spent on a day, by all processes.

        Raises:
            StorageError: it can't be read.
        """
        return await self.database.read(partial(_total, day=day.isoformat()))

    def there(self) -> bool:
        """Whether anything was ever added. Looks at the disk."""
        return self._path().exists()

    async def aclose(self) -> None:
        """Finish what was asked for, and close the file. Safe to call twice."""
        await self.database.aclose()


def _add(connection: sqlite3.Connection, day: str, provider: str, dollars: Decimal) -> None:
    # Added here and not by SQLite, which would count in binary fractions.
    where = "WHERE day = ? AND provider = ?"
    row = connection.execute(f"SELECT dollars FROM spent {where}", (day, provider)).fetchone()  # noqa: S608  (our own words)
    if row is not None:
        values = (str(Decimal(row[0]) + dollars), day, provider)
        connection.execute(f"UPDATE spent SET dollars = ? {where}", values)  # noqa: S608  (likewise)
        return
    connection.execute("INSERT INTO spent VALUES (?, ?, ?)", (day, provider, str(dollars)))
    # By the days that are there and not by a clock: one that is wrong for once deletes nothing.
    connection.execute(
        "DELETE FROM spent WHERE day NOT IN"
        " (SELECT DISTINCT day FROM spent ORDER BY day DESC LIMIT ?)",
        (_KEPT_DAYS,),
    )


def _total(connection: sqlite3.Connection, day: str) -> Decimal:
    found = rows(connection.execute("SELECT dollars FROM spent WHERE day = ?", (day,)))
    return sum((Decimal(each[0]) for each in found), Decimal(0))
