"""The record of usage, to be read, exported and deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from polypilot.backend.refreshing import FILES_S
from polypilot.tasks import run_blocking
from polypilot.usage import reading, storing
from polypilot.usage.deleting import delete
from polypilot.usage.report import Line, Report

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.errors import Problem
    from polypilot.settings import Settings
    from polypilot.usage import Entry, Ledger
    from polypilot.usage.deleting import Deleted

_PAGE: Final = 5_000


class UsageView:
    """See the module.

    Args:
        ledger: the file.
        settings: those in force.
        problems: is told of a damaged file.
        today: the date by the user's clock.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: Callable[[], Settings],
        *,
        problems: Callable[[Problem], None] | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._problems = problems
        self._today = today

    async def report(self, days: int) -> Report:
        """The record of the last ``days`` days, today included.

        Raises:
            StorageError: it can't be read.
        """
        today = self._today()
        try:
            first = today - timedelta(days - 1)
        except OverflowError:
            first = date.min
        span = reading.Span(first.isoformat(), today.isoformat())
        if await self._there():
            work = partial(reading.read, span=span, today=span.last)
            found = await self._ledger.database.read(work)
        else:
            found = Report(span.first, span.last, Line("total"), {})
        settings = self._settings()
        return replace(
            found,
            budget=Decimal(str(settings.chat.daily_budget)),
            enabled=settings.usage.enabled,
            keep_days=settings.usage.keep_days,
        )

    async def entries(self) -> AsyncGenerator[list[Entry], None]:
        """Every suggestion and request that is kept one by one, oldest first, some at a time.

        Raises:
            StorageError: it can't be read.
        """
        last = -1
        while await self._there():
            found = await self._ledger.database.read(
                partial(storing.after, number=last, most=_PAGE)
            )
            if not found:
                return
            yield found
            last = found[-1].id

    async def daily(self) -> list[dict[str, Any]]:
        """All days' sums, by the names of their columns.

        Raises:
            StorageError: it can't be read.
        """
        return await self._ledger.database.read(reading.daily) if await self._there() else []

    async def delete(self) -> Deleted:
        """Delete everything for good; today's money is kept if there is a budget for the day.

        Raises:
            StorageError: it could not be done.
        """
        budget = self._settings().chat.daily_budget > 0
        today = self._today().isoformat()
        # What this process has open would keep the file's log from being emptied.
        await self._ledger.aclose()
        return await delete(keep_today=today if budget else "", problems=self._problems)

    async def _there(self) -> bool:
        return await run_blocking(self._ledger.there, timeout=FILES_S, name="usage")
