"""How long a request of the chat took and how it ended, for the record of usage."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from polypilot.usage.values import Asked
from polypilot_providers.errors import ProviderError
from polypilot_providers.router import Switched
from polypilot_providers.types import TextDelta, ThoughtDelta, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.chat.plan import Accounts
    from polypilot_providers.router import RouterEvent
    from polypilot_providers.types import Cost

NO_FAULT: Final = frozenset({"circuit_open", "paused", "local_only", "slow"})
"""Reasons for a switch that are no error of a request."""


class Timing:
    """Of one request, from now on.

    Args:
        accounts: is told when it has ended.
        provider: who is asked; the event of a switch says who is instead.
        model: likewise.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        accounts: Accounts,
        provider: str,
        model: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._provider, self._model = provider, model
        self._began = clock()
        self._first: float | None = None
        self._usage: Usage | None = None

    def see(self, event: RouterEvent) -> None:
        """Note an event of the stream."""
        match event:
            case TextDelta() | ThoughtDelta() | ToolCall():
                if self._first is None:
                    self._first = self._clock() - self._began
            case Usage():
                self._usage = event
            case Switched():
                if event.reason not in NO_FAULT:
                    self.over(failure=event.reason)
                self._provider, self._model = event.to.provider_id, event.to.model
                self._began, self._first, self._usage = self._clock(), None, None
            case _:
                pass

    def over(
        self, error: BaseException | None = None, cost: Cost | None = None, *, failure: str = ""
    ) -> None:
        """It has ended: well, with an error, or (cancelled, closed) before its end."""
        if isinstance(error, ProviderError):
            failure = error.code
        cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
        self._accounts.asked(
            Asked(
                "chat",
                self._provider,
                self._model,
                self._clock() - self._began,
                self._first,
                failure,
                cancelled,
                self._usage,
                None if cost is None else cost.dollars,
            )
        )
