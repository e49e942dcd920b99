"""Tokens and money of this session's requests, by provider; only the money goes into the book."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from polypilot.backend.refreshing import FILES_S
from polypilot.completion.values import Ended
from polypilot.tasks import run_blocking
from polypilot.usage.values import Asked
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from polypilot.backend.pricing import Prices
    from polypilot.backend.status import StatusBoard
    from polypilot.completion.values import EngineEvent
    from polypilot.tasks import Tasks
    from polypilot.usage import Ledger
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.types import Cost, Usage


@dataclass(frozen=True, slots=True)
class Spent:
    """What one provider was asked today, in this session."""

    provider: str
    requests: int = 0
    input_tokens: int = 0
    """As far as the provider told them, like the others."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cost: Decimal = Decimal(0)
    """US dollars, of the requests whose cost is known."""
    unpriced: int = 0
    """Requests whose cost is not known."""

    def plus(self, usage: Usage | None) -> Spent:
        """With one request more, its cost not known yet."""
        return replace(
            self,
            requests=self.requests + 1,
            input_tokens=self.input_tokens + ((usage and usage.input_tokens) or 0),
            output_tokens=self.output_tokens + ((usage and usage.output_tokens) or 0),
            cache_read_tokens=self.cache_read_tokens + ((usage and usage.cache_read_tokens) or 0),
            unpriced=self.unpriced + 1,
        )

    def priced(self, cost: Cost) -> Spent:
        """With the cost of one of the requests known now."""
        return replace(self, cost=self.cost + cost.dollars, unpriced=self.unpriced - 1)


class Spending:
    """Counts requests, and tells the status board.

    Args:
        prices: what they cost.
        row: a provider's row; raises for one that is gone.
        board: is told the new totals.
        tasks: owns the look-ups of prices.
        answered: is told which provider has answered a request.
        today: the date by the user's clock.
        ledger: where the money of all the user's editors is added up.
        record: is told of each completion that has ended, once its price is known or is not.
    """

    def __init__(
        self,
        prices: Prices,
        row: Callable[[str], ProviderRow],
        board: StatusBoard,
        tasks: Tasks,
        *,
        answered: Callable[[str], None],
        today: Callable[[], date] = date.today,
        ledger: Ledger | None = None,
        record: Callable[[Asked], None] | None = None,
    ) -> None:
        self._prices = prices
        self._row = row
        self._board = board
        self._tasks = tasks
        self._answered = answered
        self._today = today
        self._ledger = ledger
        self._record = record
        self._day = today()
        self._spent: dict[str, Spent] = {}
        self._everywhere: Decimal | None = None

    def today(self) -> tuple[Spent, ...]:
        """The totals since midnight, the provider first that was asked first."""
        self._turn_page()
        return tuple(self._spent.values())

    def known_today(self) -> Decimal:
        """US dollars since midnight, of this process's requests whose cost is known."""
        return sum((each.cost for each in self.today()), Decimal(0))

    async def spent_today(self) -> Decimal:
        """US dollars since midnight, of all editors of the user, as far as they are known.

        Raises:
            UserError: the account book can't be read.
        """
        if self._ledger is None:
            return self.known_today()
        # What was just counted may still be on its way into the book.
        return max(await self._ledger.total(self._today()), self.known_today())

    async def look(self) -> None:
        """Tell what all editors have spent today, unless nothing was ever spent."""
        if self._ledger is None or not await run_blocking(
            self._ledger.there, timeout=FILES_S, name="ledger"
        ):
            return
        self._turn_page()
        self._everywhere = await self.spent_today()
        self._tell(tell=True)

    def asked(self, asked: Asked) -> None:
        """A request of the chat has ended; for the record."""
        if self._record is not None:
            self._record(asked)

    def answered(self, provider: str) -> None:
        """A provider has answered a chat message."""
        self._answered(provider)

    def free(self, provider: str) -> bool:
        """Whether a provider costs nothing, however much it is asked."""
        try:
            _, cost = self._prices.at_once(self._row(provider), None)
        except ProviderError:  # it is gone from the settings
            return False
        return cost is not None and not cost.dollars

    async def cost(self, provider: str, models: Sequence[str], usage: Usage | None) -> Cost | None:
        """What a request cost; it is not counted."""
        try:
            row = self._row(provider)
        except ProviderError:  # it is gone from the settings
            return None
        return await self._prices.cost(row, models, usage)

    def count(self, provider: str, usage: Usage | None, cost: Cost | None) -> None:
        """Count a request. Told with the next change of the status, which is its end."""
        self._turn_page()
        spent = self._spent.get(provider, Spent(provider)).plus(usage)
        self._spent[provider] = spent if cost is None else spent.priced(cost)
        self._book(provider, cost, self._day)
        self._tell()

    def observe(self, event: EngineEvent) -> None:
        """The completion engine's observer."""
        if not isinstance(event, Ended) or not event.provider:
            return
        if event.error is not None and event.usage is None:
            self._ended(event, None)
            return  # what failed is not charged
        usage = event.usage
        try:
            known, cost = self._prices.at_once(self._row(event.provider), usage)
        except ProviderError:
            known, cost = True, None
        self.count(event.provider, usage, cost)
        if event.error is None and not event.cancelled:
            self._answered(event.provider)
        if known:
            self._ended(event, cost)
        else:
            task = self._tasks.spawn(self._price(event, self._day), name="price")
            # Not in a `finally` of its own: one that is cancelled before its first step has none.
            task.add_done_callback(lambda done: self._ended(event, _result(done)))

    async def _price(self, event: Ended, day: date) -> Cost | None:
        provider = event.provider
        cost = await self.cost(provider, (event.model,), event.usage)
        self._turn_page()
        if cost is not None and day == self._day:
            self._spent[provider] = self._spent[provider].priced(cost)
        self._book(provider, cost, day)
        self._tell(tell=True)
        return cost

    def _ended(self, event: Ended, cost: Cost | None) -> None:
        if self._record is not None:
            self._record(
                Asked(
                    "completion",
                    event.provider,
                    event.model,
                    event.seconds,
                    event.first_text,
                    "" if event.error is None else event.error.code,
                    event.cancelled,
                    event.usage,
                    None if cost is None else cost.dollars,
                    event.language,
                )
            )

    def _tell(self, *, tell: bool = False) -> None:
        self._board.tally(self.today(), self._everywhere, tell=tell)

    def _book(self, provider: str, cost: Cost | None, day: date) -> None:
        """Add it to the account book, if it has cost anything."""
        if self._ledger is not None and cost is not None and cost.dollars > 0:
            work = self._enter(self._ledger, day, provider, cost.dollars)
            self._tasks.spawn(work, name="account")

    async def _enter(self, ledger: Ledger, day: date, provider: str, dollars: Decimal) -> None:
        await ledger.add(day, provider, dollars)
        await self.look()

    def _turn_page(self) -> None:
        if (day := self._today()) != self._day:
            self._day = day
            self._spent.clear()
            self._everywhere = None


def _result(task: asyncio.Task[Cost | None]) -> Cost | None:
    return None if task.cancelled() or task.exception() else task.result()
