"""A server with a script and the provider under test in front of it, for the suites."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, Self

from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.probes import key_of, outcome
from polypilot_providers.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable
    from types import TracebackType

    from polypilot_providers.base import KeySource, Limits, Provider
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.scripts import Step
    from polypilot_providers.types import Event

KEY = "canary-key-3fbc51d0"
PATIENCE = 10.0
"""Seconds that anything bounded may take on a busy machine."""


class Suite(Protocol):
    """What a stage needs to know of its suite."""

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        """The provider under test, talking to ``base_url``."""
        ...

    def ask(self, provider: Provider, limits: Limits | None = None) -> AsyncGenerator[Event, None]:
        """One request to it."""
        ...


class Stage:
    """A server with a script, and the provider under test in front of it."""

    def __init__(self, suite: Suite, *scripts: list[Step], key: KeySource | None = None) -> None:
        self.server = ScriptedServer(*scripts, aside=getattr(suite, "aside", None))
        self._suite = suite
        self._key = key or key_of(KEY)
        self._http = HttpClient(Network(env={}))

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        self.provider = self._suite.make(self.server.url, self._key, self._http)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()
        await self.server.__aexit__(kind, error, trace)

    async def collect(self) -> list[Event]:
        """All events of one request."""
        async with aclosing(self._suite.ask(self.provider)) as events:
            return [event async for event in events]

    async def collect_until_error(
        self, limits: Limits | None = None
    ) -> tuple[list[Event], ProviderError | None]:
        """The events of one request, and what ended them."""
        return await outcome(self._suite.ask(self.provider, limits))


async def within(wait: Awaitable[object]) -> None:
    """Wait for what has to come soon."""
    async with asyncio.timeout(PATIENCE):
        await wait
