"""Which of the user's targets answers a request: retry, failover, pause, circuit breaker.

The decisions are pure, in ``decisions``, ``health`` and ``hedging``; :class:`Router` only
carries them out. Text goes to no target that the caller did not list.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers import rate
from polypilot_providers.action import Action, AnyRequest, Failed, Switched, Target, Waiting
from polypilot_providers.attempts import Attempts
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits, Provider
from polypilot_providers.decisions import MARGIN, PATIENCE, Fail, NextTarget, decide
from polypilot_providers.errors import ConfigurationError, ProviderError
from polypilot_providers.health import Health, Terms
from polypilot_providers.types import ChatRequest, Event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

__all__ = [
    "COMPLETION_BUDGET",
    "AnyRequest",
    "Router",
    "RouterEvent",
    "Switched",
    "Target",
    "Terms",
    "Waiting",
]

_log = logging.getLogger(__name__)

COMPLETION_BUDGET = 10.0
"""Seconds a completion may take over all its targets, unless its limits allow one more."""
_BACKOFF = (0.3, 1.0)
_TRIES = 2
"""Requests of a chat to one target."""

RouterEvent = Event | Switched | Waiting


def _jitter() -> float:
    return random.uniform(*_BACKOFF)  # noqa: S311 - spreads retries, keeps no secret


def _no_terms(_provider: str) -> Terms:
    return Terms()


class Router:
    """Streams answers from the first of the user's targets that can give one.

    Args:
        resolve: the provider of an id; may raise ProviderError.
        clock: monotonic seconds.
        sleep: waits that many seconds.
        backoff: draws the pause before a retry, in seconds.
        terms: what the row of a provider's id says of asking it.
        local_only: ask no provider that is not on this machine. May be set later.
        hedge: ask a second target for a completion when the first is slow and both are free.
            May be set later.
    """

    def __init__(
        self,
        resolve: Callable[[str], Awaitable[Provider]],
        clock: Callable[[], float] = time.monotonic,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        backoff: Callable[[], float] = _jitter,
        terms: Callable[[str], Terms] = _no_terms,
        local_only: bool = False,
        hedge: bool = False,
    ) -> None:
        self._resolve = resolve
        self._clock = clock
        self._sleep = sleep
        self._backoff = backoff
        self.local_only = local_only
        self._health = Health(terms)
        self._attempts = Attempts(self._health, clock, sleep, self._allowed, hedge=hedge)

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

        A hedged request is made before it is certain that its target answers: the events are
        those of the target asked first, unless a Switched says otherwise.
        """
        budget = max(COMPLETION_BUDGET, limits.total or 0.0)
        action = Action(request_for, limits, chat=False, deadline=self._clock() + budget)
        return self._run(targets, action)

    def stream_chat(
        self,
        targets: Sequence[Target],
        request: ChatRequest | Callable[[Target], ChatRequest],
        limits: Limits = CHAT_LIMITS,
    ) -> AsyncGenerator[RouterEvent, None]:
        """Stream a chat answer; one retry per target, before the first event only.

        Events and errors as :meth:`stream_completion`, and Waiting before a wait of more than
        a moment. The request's model is replaced by each target's; a function makes the
        request for a target, whose history may be told in another way than the one before.
        """

        def request_for(target: Target) -> ChatRequest:
            made = request if isinstance(request, ChatRequest) else request(target)
            return replace(made, model=target.model)

        return self._run(targets, Action(request_for, limits, chat=True, deadline=None))

    @property
    def hedge(self) -> bool:
        """Whether completions are hedged."""
        return self._attempts.hedge

    @hedge.setter
    def hedge(self, hedge: bool) -> None:
        self._attempts.hedge = hedge

    def blocked(self, target: Target, *, chat: bool = False) -> tuple[str, float]:
        """Why no request may go to ``target`` now and for how many seconds, or ("", 0)."""
        held = self._health.hold(target, self._clock(), chat=chat)
        return (held.reason, held.seconds) if held else ("", 0.0)

    def on_failed(self, listener: Callable[[Failed], None]) -> None:
        """Call ``listener`` with each request that fails, in the context of the asking task."""
        self._attempts.listeners.append(listener)

    def heard(self, provider: str, model: str, headers: Mapping[str, str]) -> None:
        """Take note of the limits that an answer's head tells of; see ``HttpClient``."""
        self._health.heard(provider, model, rate.read(headers), self._clock())

    def forgive(self) -> None:
        """The user has changed something: who was out, or had no credit, may be asked again."""
        self._health.forgive()

    async def _run(
        self, targets: Sequence[Target], action: Action
    ) -> AsyncGenerator[RouterEvent, None]:
        action.last_resort = all(self.blocked(each, chat=action.chat)[0] for each in targets)
        for index, target in enumerate(targets):
            if action.error and action.deadline is not None and self._clock() >= action.deadline:
                break
            if target in action.hedged:
                continue
            action.rest = targets[index + 1 :]
            action.more = any(not self.blocked(each, chat=action.chat)[0] for each in action.rest)
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
        if waiting := self._worth_waiting(target, action):
            yield waiting
            await self._sleep(waiting.seconds)
        provider = await self._admit(target, action)
        if provider is None:
            return
        if switched := action.arrive(target):
            yield switched
        async with aclosing(self._tries(provider, target, action)) as events:
            async for event in events:
                yield event

    async def _tries(
        self, provider: Provider, target: Target, action: Action
    ) -> AsyncGenerator[RouterEvent, None]:
        """Events of one target's request, and of the one after it if that fails."""
        tries = _TRIES if action.chat else 1
        while True:
            tries -= 1
            try:
                async with aclosing(self._attempts.events(provider, target, action)) as events:
                    async for event in events:
                        action.started = True
                        yield event
            except ProviderError as error:
                delay = self._after(error, target, action, may_retry=tries > 0)
                message = error.message
            else:
                return
            if delay is None:
                return
            if delay > _BACKOFF[1]:
                yield Waiting(target, delay, message)
            await self._sleep(delay)
            if not self._take(target, action):
                return

    def _worth_waiting(self, target: Target, action: Action) -> Waiting | None:
        """The pause that a chat waits out, for want of another target."""
        held = self._health.hold(target, self._clock(), chat=action.chat)
        if not action.chat or action.more or held is None or held.seconds > PATIENCE:
            return None
        if held.reason != "paused":
            return None
        return Waiting(target, held.seconds + MARGIN, held.error.message)

    def _after(
        self, error: ProviderError, target: Target, action: Action, *, may_retry: bool
    ) -> float | None:
        """Seconds to wait before a retry, or None if ``target`` is left; raises to fail."""
        held = self._health.limited(target, self._clock(), chat=action.chat)
        step = decide(
            error,
            started=action.started,
            may_retry=may_retry,
            more=action.more,
            backoff=self._backoff(),
            pause=held.seconds if held else 0.0,
        )
        _log.info("provider %r: %s, %s", target.provider_id, error.code, step)
        if isinstance(step, Fail):
            raise error
        if isinstance(step, NextTarget):
            action.leave(target, error.code, error)
            return None
        return step.delay

    def _take(self, target: Target, action: Action) -> bool:
        """Claim the right to send to ``target`` now, or note why not; raises to fail."""
        held = self._health.hold(
            target, self._clock(), chat=action.chat, last_resort=action.last_resort
        )
        if held is None:
            action.take(self._health.breaker(target))
        elif held.error.failover:
            action.leave(target, held.reason, held.error)
        else:
            raise held.error
        return held is None

    async def _admit(self, target: Target, action: Action) -> Provider | None:
        """The provider to ask, or None after noting why ``target`` is passed over."""
        if not self._take(target, action):
            return None
        try:
            provider = await self._allowed(target.provider_id)
        except ProviderError as error:
            if not error.failover:
                raise
            action.leave(target, error.code, error)
            return None
        if provider is None:
            action.leave(target, "local_only", _remote_error(target.provider_id))
        return provider

    async def _allowed(self, name: str) -> Provider | None:
        """The provider, if text may go to it."""
        provider = await self._resolve(name)
        return None if self.local_only and not provider.local else provider


def _remote_error(name: str) -> ProviderError:
    return ConfigurationError(
        f"{name} is not on this machine, and only local providers are allowed",
        provider=name,
        cure="Select a local provider, or switch `privacy.local_only` off.",
    )
