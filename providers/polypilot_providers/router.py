"""Which of the user's targets answers a request: retry, failover, pause, circuit breaker.

The decisions are pure, in ``decisions``; :class:`Router` only carries them out. Text goes
to no target that the caller did not list.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import defaultdict
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers.action import Action, AnyRequest, Switched, Target
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits, Provider
from polypilot_providers.decisions import (
    MARGIN,
    PATIENCE,
    Breaker,
    Fail,
    NextTarget,
    Pause,
    counts_against,
    decide,
)
from polypilot_providers.errors import (
    ConfigurationError,
    ProviderError,
    RateLimited,
    Unavailable,
)
from polypilot_providers.types import ChatRequest, Event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

__all__ = ["COMPLETION_BUDGET", "AnyRequest", "Router", "RouterEvent", "Switched", "Target"]

_log = logging.getLogger(__name__)

COMPLETION_BUDGET = 10.0
"""Seconds a completion may take over all its targets, unless its limits allow one more."""
_BACKOFF = (0.3, 1.0)

RouterEvent = Event | Switched


def _jitter() -> float:
    return random.uniform(*_BACKOFF)  # noqa: S311 - spreads retries, keeps no secret


class Router:
    """Streams answers from the first of the user's targets that can give one.

    Args:
        resolve: the provider of an id; may raise ProviderError.
        clock: monotonic seconds.
        sleep: waits that many seconds.
        backoff: draws the pause before a retry, in seconds.
        local_only: ask no provider that is not on this machine. May be set later.
    """

    def __init__(
        self,
        resolve: Callable[[str], Awaitable[Provider]],
        clock: Callable[[], float] = time.monotonic,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        backoff: Callable[[], float] = _jitter,
        local_only: bool = False,
    ) -> None:
        self._resolve = resolve
        self._clock = clock
        self._sleep = sleep
        self._backoff = backoff
        self.local_only = local_only
        self._breakers: defaultdict[Target, Breaker] = defaultdict(Breaker)
        self._pauses: defaultdict[str, Pause] = defaultdict(Pause)

    def stream_completion(
        self,
        targets: Sequence[Target],
        request_for: Callable[[Target], AnyRequest],
        limits: Limits = COMPLETION_LIMITS,
    ) -> AsyncGenerator[RouterEvent, None]:
        """Stream a completion. Never retries; 10 s at most over all targets.

        A longer total among ``limits`` replaces these 10 s. ``request_for`` makes the
        request for a target; a ChatRequest goes to the target's chat endpoint (for models
        without a completion endpoint). Events and errors are those of a Provider, plus one
        Switched before the events of another target than the one tried before. When no
        target answers, the last one's ProviderError is raised.
        """
        budget = max(COMPLETION_BUDGET, limits.total or 0.0)
        action = Action(request_for, limits, 0, self._clock() + budget)
        return self._run(targets, action)

    def stream_chat(
        self, targets: Sequence[Target], request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[RouterEvent, None]:
        """Stream a chat answer; one retry per target, before the first event only.

        Events and errors as :meth:`stream_completion`. The request's model is replaced by
        each target's.
        """

        def request_for(target: Target) -> ChatRequest:
            return replace(request, model=target.model)

        return self._run(targets, Action(request_for, limits, 1, None))

    def blocked(self, target: Target) -> tuple[str, float]:
        """Why no request may go to ``target`` now and for how many seconds, or ("", 0)."""
        now = self._clock()
        if pause := self._pauses[target.provider_id].wait(now):
            return "paused", pause
        wait = self._breakers[target].wait(now)
        return ("circuit_open", wait) if wait else ("", 0.0)

    async def _run(
        self, targets: Sequence[Target], action: Action
    ) -> AsyncGenerator[RouterEvent, None]:
        for index, target in enumerate(targets):
            if action.error and action.deadline is not None and self._clock() >= action.deadline:
                break
            action.more = any(not self.blocked(later)[0] for later in targets[index + 1 :])
            try:
                async with aclosing(self._target(target, action)) as events:
                    async for event in events:
                        yield event
            finally:
                action.release()
            if action.error is None:
                return
        raise action.error or ConfigurationError(
            "no provider is selected", cure="Select a provider, for example `embedded`."
        )

    async def _target(self, target: Target, action: Action) -> AsyncGenerator[RouterEvent, None]:
        """Events of one target; ``action.error`` is set at the end if it was left."""
        provider = await self._admit(target, action)
        if provider is None:
            return
        if switched := action.arrive(target):
            yield switched
        retries = action.retries
        while True:
            try:
                async with aclosing(self._once(provider, target, action)) as events:
                    async for event in events:
                        yield event
            except ProviderError as error:
                delay = self._after(error, target, action, may_retry=retries > 0)
            else:
                return
            if delay is None:
                return
            retries -= 1
            await self._sleep(delay)
            if not self._take(target, action):
                return

    def _after(
        self, error: ProviderError, target: Target, action: Action, *, may_retry: bool
    ) -> float | None:
        """Seconds to wait before a retry, or None if ``target`` is left; raises to fail."""
        step = decide(
            error,
            started=action.started,
            may_retry=may_retry,
            more=action.more,
            backoff=self._backoff(),
        )
        _log.info("provider %r: %s, %s", target.provider_id, error.code, step)
        if isinstance(step, Fail):
            raise error
        if isinstance(step, NextTarget):
            action.leave(target, error.code, error)
            return None
        return step.delay

    def _take(self, target: Target, action: Action) -> bool:
        """Claim the right to send to ``target`` now, or note why not."""
        reason, wait = self.blocked(target)
        if reason:
            action.leave(target, reason, _blocked_error(target.provider_id, reason, wait))
            return False
        action.take(self._breakers[target])
        return True

    async def _admit(self, target: Target, action: Action) -> Provider | None:
        """The provider to ask, or None after noting why ``target`` is passed over."""
        reason, wait = self.blocked(target)
        if reason == "paused" and action.retries and not action.more and wait <= PATIENCE:
            await self._sleep(wait + MARGIN)
        if not self._take(target, action):
            return None
        try:
            provider = await self._resolve(target.provider_id)
        except ProviderError as error:
            if not error.failover:
                raise
            action.leave(target, error.code, error)
            return None
        if self.local_only and not provider.local:
            action.leave(target, "local_only", _remote_error(target.provider_id))
            return None
        return provider

    async def _once(
        self, provider: Provider, target: Target, action: Action
    ) -> AsyncGenerator[Event, None]:
        """Events of one request; keeps the target's health record."""
        breaker = self._breakers[target]
        request = action.request_for(target)
        limits = action.limits_at(self._clock())
        if isinstance(request, ChatRequest):
            stream = provider.chat(request, limits)
        else:
            stream = provider.complete(request, limits)
        answered = False
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    if not answered:
                        breaker.answered(self._clock())
                    answered = action.started = True
                    yield event
        except ProviderError as error:
            now = self._clock()
            self._pauses[target.provider_id].extend(now, error)
            if counts_against(error):
                breaker.failed(now)
            elif not answered:
                breaker.answered(now)
            raise


def _blocked_error(name: str, reason: str, wait: float) -> ProviderError:
    if reason == "paused":
        message = f"{name} asked for a pause; the next request goes out in {math.ceil(wait)} s"
        return RateLimited(message, provider=name, retry_after=wait)
    message = f"{name} failed several times in a row and is left alone for a moment"
    return Unavailable(message, provider=name, retry_after=None if wait == math.inf else wait)


def _remote_error(name: str) -> ProviderError:
    return ConfigurationError(
        f"{name} is not on this machine, and only local providers are allowed",
        provider=name,
        cure="Select a local provider, or switch `privacy.local_only` off.",
    )
