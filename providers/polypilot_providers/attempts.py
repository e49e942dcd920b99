"""One request to a target, and a second one to another beside it where that is wanted."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers.action import Failed, Switched
from polypilot_providers.errors import ProviderError
from polypilot_providers.hedging import Hedges, rival_of
from polypilot_providers.limits import Need, need_of
from polypilot_providers.racing import RivalWon, race
from polypilot_providers.types import ChatRequest, Event, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from polypilot_providers.action import Action, AnyRequest, Target
    from polypilot_providers.base import Provider
    from polypilot_providers.health import Health


class Attempts:
    """Sends requests, and keeps the record of how their targets do.

    Args:
        health: that record.
        clock: monotonic seconds.
        sleep: waits that many seconds.
        allowed: the provider of an id; None if no text may go to it; may raise ProviderError.
        hedge: ask a second target for a completion when the first is slow and both are free.
            May be set later.
    """

    def __init__(
        self,
        health: Health,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        allowed: Callable[[str], Awaitable[Provider | None]],
        *,
        hedge: bool,
    ) -> None:
        self._health = health
        self._clock = clock
        self._sleep = sleep
        self._allowed = allowed
        self.hedge = hedge
        self._hedges = Hedges()
        self.listeners: list[Callable[[Failed], None]] = []
        """Told of each request that fails, in the context of the task that asks."""

    async def events(
        self, provider: Provider, target: Target, action: Action
    ) -> AsyncGenerator[Event | Switched, None]:
        """Events of one request, or of a second one beside it that was faster."""
        # Here and not where it is sent: the caller may tell its requests apart by their task.
        request = action.request_for(target)
        first = self._once(provider, target, action, request)
        rival = None
        if self.hedge and not action.chat:
            self._hedges.budget.asked(self._clock())
            rival = rival_of(target, action.rest, self._health.free)
        if rival is None or action.hedged:
            async with aclosing(first):
                async for event in first:
                    yield event
            return
        delay = self._hedges.latency(target).delay()
        second = self._rival(rival, delay, action)
        async with aclosing(race(first, second, lambda: rival in action.hedged)) as events:
            async for event in events:
                if isinstance(event, RivalWon):
                    yield _overtaken(target, rival, delay, event.error)
                else:
                    yield event

    async def _rival(
        self, rival: Target, delay: float, action: Action
    ) -> AsyncGenerator[Event, None]:
        """Events of ``rival``, which is asked after ``delay`` seconds if it may be."""
        await self._sleep(delay)
        try:
            provider = await self._allowed(rival.provider_id)
        except ProviderError:
            return
        now = self._clock()
        if (
            provider is None
            or self._health.hold(rival, now, chat=False)
            or not self._health.breaker(rival).closed  # its probe is for who has to ask it
            or not self._hedges.budget.take(now)
        ):
            return
        action.hedged.add(rival)
        request = action.request_for(rival)
        async with aclosing(self._once(provider, rival, action, request)) as events:
            async for event in events:
                yield event

    async def _once(
        self, provider: Provider, target: Target, action: Action, request: AnyRequest
    ) -> AsyncGenerator[Event, None]:
        """Events of one request; keeps the target's health record."""
        sent = self._clock()
        need = Need() if action.chat else need_of(request)
        if held := self._health.limited(target, sent, chat=action.chat, need=need):
            raise held.error
        limits = replace(
            action.limits_at(sent),
            resent=lambda: self._health.sent(target, self._clock(), need_of(request)),
        )
        if isinstance(request, ChatRequest):
            stream = provider.chat(request, limits)
        else:
            stream = provider.complete(request, limits)
        self._health.sent(target, sent, need_of(request))
        latency = self._hedges.latency(target)
        answered = False
        text = action.chat
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    now = self._clock()
                    if not answered:
                        self._health.answered(target, now, sent)
                        answered = True
                    if not text and isinstance(event, TextDelta):
                        latency.answered(now - sent)
                        text = True
                    yield event
        except ProviderError as error:
            self._health.failed(target, error, self._clock(), sent, answered=answered)
            for each in self.listeners:
                each(Failed(target, error))
            raise
        finally:
            if not text:
                latency.given_up(self._clock() - sent)


def _overtaken(
    target: Target, rival: Target, delay: float, error: ProviderError | None
) -> Switched:
    if error is not None:
        return Switched(target, rival, error.code, error.message)
    message = f"{target.provider_id} had said nothing after {delay:.1f} s"
    return Switched(target, rival, "slow", message)
