"""A router among scripted providers, with a clock that moves when somebody sleeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, Limits, Provider
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    NetworkError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    TimedOut,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.router import Router, RouterEvent, Target, Terms
from polypilot_providers.testing import outcome
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    ModelInfo,
    Stop,
    StopReason,
    TextDelta,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

A, B, C = Target("a", "m-a"), Target("b", "m-b"), Target("c")
OF_THE_MOMENT: list[ProviderError] = [
    RateLimited("429"),
    Unavailable("503"),
    NetworkError("refused"),
    TimedOut("no connection", limit="connect"),
    TimedOut("no first byte", limit="first_byte"),
]
FINAL: list[ProviderError] = [
    RequestRefused("400", status=400),
    AuthError("401", status=401),
    AuthError("403", status=403),
    UnknownModel("404", status=404),
    ContextTooLong("413", status=413),
    RequestRefused("422", status=422),
    QuotaExhausted("402", status=402),
    ConfigurationError("row"),
    StreamBroken("broke"),
]
Script = list[Event | ProviderError | asyncio.Event]


@dataclass
class Scripted:
    """A provider that plays one script per request: events, errors, waits."""

    id: str
    scripts: list[Script]
    local: bool = False
    asked: list[ChatRequest | CompletionRequest] = field(
        default_factory=list[ChatRequest | CompletionRequest]
    )
    limits: list[Limits] = field(default_factory=list[Limits])
    closed: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def complete(
        self, request: CompletionRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        return self._play(request, limits)

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        return self._play(request, limits)

    async def models(self) -> list[ModelInfo]:
        return []

    async def aclose(self) -> None:
        pass

    async def _play(
        self, request: ChatRequest | CompletionRequest, limits: Limits
    ) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        self.was_asked.set()
        self.limits.append(limits)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for step in script:
                if isinstance(step, ProviderError):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1


class World:
    """Providers, a clock that moves when somebody sleeps, and a router among them."""

    def __init__(
        self,
        *providers: Scripted | ProviderError,
        local_only: bool = False,
        hedge: bool = False,
        **terms: Terms,
    ) -> None:
        self.now = 1000.0
        self.terms = terms
        self.slept: list[float] = []
        self.providers = dict(zip("abc", providers, strict=False))
        self.router = Router(
            self._resolve,
            lambda: self.now,
            sleep=self._sleep,
            backoff=lambda: 0.5,
            terms=lambda name: self.terms.get(name, Terms()),
            local_only=local_only,
            hedge=hedge,
        )

    async def _resolve(self, name: str) -> Provider:
        found = self.providers[name]
        if isinstance(found, ProviderError):
            raise found
        return found

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def chat(self, *targets: Target) -> list[RouterEvent | ProviderError]:
        return await drain(self.router.stream_chat(targets, ChatRequest("x", (user("hi"),))))

    async def complete(self, *targets: Target) -> list[RouterEvent | ProviderError]:
        return await drain(self.router.stream_completion(targets, completion_for))


async def drain(
    events: AsyncGenerator[RouterEvent, None],
) -> list[RouterEvent | ProviderError]:
    got, error = await outcome(events)
    return [*got, error] if error else [*got]


def good(name: str, *, local: bool = False) -> Scripted:
    return Scripted(name, [[TextDelta(name), Stop(StopReason.END)]], local)


def bad(name: str, *errors: ProviderError, local: bool = False) -> Scripted:
    return Scripted(name, [[error] for error in errors], local)


def said(name: str) -> Script:
    return [TextDelta(name), Stop(StopReason.END)]


def completion_for(target: Target) -> CompletionRequest:
    """A small completion."""
    return CompletionRequest(target.model, "p")
