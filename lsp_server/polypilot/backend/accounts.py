"""The chat's accounts: what its requests cost, the limit of a day, and the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat.plan import ChatError
from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from polypilot.backend.spending import Spending
    from polypilot.backend.watching import Watcher
    from polypilot.errors import Problem
    from polypilot.usage.values import Asked
    from polypilot_providers.types import Cost, Usage


class ChatAccounts:
    """Counts each request of a conversation, however it ends.

    Args:
        spending: the totals.
        watcher: tells the status.
        limit: US dollars that a day may cost; 0: any.
    """

    def __init__(self, spending: Spending, watcher: Watcher, limit: Callable[[], Decimal]) -> None:
        self._spending = spending
        self._watcher = watcher
        self._limit = limit

    async def check(self, *providers: str) -> None:
        """Raises ChatError ``budget`` if the limit of today is used up.

        Not if those that may be asked are known, and none of them costs anything.
        """
        limit = self._limit()
        if limit <= 0 or (providers and all(map(self._spending.free, providers))):
            return
        try:
            spent = await self._spending.spent_today()
        except UserError:  # the book can't be read: what this process knows must do
            spent = self._spending.known_today()
        if spent >= limit:
            raise ChatError(
                f"today's requests have cost ${spent:.2f}, and your limit is ${limit:.2f} a day",
                code="budget",
                cure="Raise `chat.daily_budget`, or choose a provider that costs nothing, such as "
                "`embedded`.",
            )

    async def cost(self, provider: str, models: Sequence[str], usage: Usage | None) -> Cost | None:
        """What a request cost; it is not counted."""
        return await self._spending.cost(provider, models, usage)

    def count(self, provider: str, usage: Usage | None, cost: Cost | None) -> None:
        """Count a request."""
        self._spending.count(provider, usage, cost)

    def asked(self, asked: Asked) -> None:
        """A request has ended, in one way or another."""
        self._spending.asked(asked)

    def answered(self, provider: str) -> None:
        """A provider has answered."""
        self._spending.answered(provider)

    def began(self) -> None:
        """A message is being answered."""
        self._watcher.began()

    def ended(self, problem: Problem | None, *, answered: bool) -> None:
        """It is answered, has failed, or was stopped."""
        self._watcher.ended(problem, answered=answered)
