"""Tokens and money of this session's requests, by provider; nothing of it is kept on disk."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from polypilot.backend.watching import WatchedChat, Watcher
from polypilot.chat import events
from polypilot.completion.values import Ended
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from polypilot.backend.pricing import Prices
    from polypilot.backend.status import StatusBoard
    from polypilot.chat.attachments import Attach
    from polypilot.chat.events import ChatEvent
    from polypilot.chat.service import ChatPlan
    from polypilot.completion.values import EngineEvent
    from polypilot.tasks import Tasks
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.router import Router
    from polypilot_providers.types import Cost, Effort, Usage


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
    ) -> None:
        self._prices = prices
        self._row = row
        self._board = board
        self._tasks = tasks
        self._answered = answered
        self._today = today
        self._day = today()
        self._spent: dict[str, Spent] = {}

    def today(self) -> tuple[Spent, ...]:
        """The totals since midnight, the provider first that was asked first."""
        self._turn_page()
        return tuple(self._spent.values())

    def answered(self, provider: str) -> None:
        """A provider has answered a chat message."""
        self._answered(provider)

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
        self._board.tally(self.today())

    def observe(self, event: EngineEvent) -> None:
        """The completion engine's observer."""
        if not isinstance(event, Ended) or not event.provider:
            return
        if event.error is not None and event.usage is None:
            return  # what failed is not charged
        usage = event.usage
        try:
            known, cost = self._prices.at_once(self._row(event.provider), usage)
        except ProviderError:
            known, cost = True, None
        self.count(event.provider, usage, cost)
        if event.error is None and not event.cancelled:
            self._answered(event.provider)
        if not known:
            work = self._price(event.provider, event.model, usage, self._day)
            self._tasks.spawn(work, name="price")

    async def _price(self, provider: str, model: str, usage: Usage | None, day: date) -> None:
        cost = await self.cost(provider, (model,), usage)
        self._turn_page()
        if cost is not None and day == self._day:
            self._spent[provider] = self._spent[provider].priced(cost)
        self._board.tally(self.today(), tell=True)

    def _turn_page(self) -> None:
        if (day := self._today()) != self._day:
            self._day = day
            self._spent.clear()


class CountedChat(WatchedChat):
    """The chat service, with what each answer cost."""

    def __init__(
        self,
        spending: Spending,
        watcher: Watcher,
        *,
        router: Router,
        gate: Gate,
        documents: DocumentStore,
        plan: Callable[[str, str], ChatPlan],
    ) -> None:
        super().__init__(watcher, router=router, gate=gate, documents=documents, plan=plan)
        self._spending = spending

    async def send(
        self,
        text: str,
        *,
        session_id: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        effort: Effort | None = None,
        attachments: Sequence[Attach] = (),
    ) -> AsyncGenerator[ChatEvent, None]:
        """As ChatService.send; Usage and End say what it cost."""
        stream = super().send(
            text,
            session_id=session_id,
            provider=provider,
            model=model,
            effort=effort,
            attachments=attachments,
        )
        receipt = _Receipt(self._spending)
        try:
            async with aclosing(stream) as answer:
                async for event in answer:
                    yield await receipt.take(event)
        finally:
            receipt.close()


class _Receipt:
    """What is known of one answer's cost."""

    def __init__(self, spending: Spending) -> None:
        self._spending = spending
        self._provider = self._asked = ""
        self._usage: Usage | None = None
        self._cost: Cost | None = None
        self._open = False

    async def take(self, event: ChatEvent) -> ChatEvent:
        """Note an event; the same with its cost."""
        match event:
            case events.Session():
                self._open = True
                self._provider, self._asked = event.provider, event.model
            case events.Usage():
                self._provider, self._usage = event.provider, event.usage
                self._cost = await self._spending.cost(
                    event.provider, (event.model, self._asked), event.usage
                )
                return replace(event, cost=self._cost)
            case events.End():
                return await self._end(event)
            case _:
                pass
        return event

    def close(self) -> None:
        """Count the answer, if it was stopped before its end."""
        if self._open:
            self._open = False
            self._spending.count(self._provider, self._usage, self._cost)

    async def _end(self, event: events.End) -> ChatEvent:
        self._provider, self._usage = event.provider, event.usage
        names = (event.model, self._asked)
        self._cost = await self._spending.cost(event.provider, names, event.usage)
        if event.error is None:
            self._spending.answered(event.provider)
        elif event.usage is None:
            self._open = False  # what failed is not charged
        self.close()
        return replace(event, cost=self._cost)
