"""A provider as the engines get it: behind the gate's last check, with its own connections."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from polypilot.backend.retiring import Retiring
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.errors import AuthError, ConfigurationError, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from polypilot.workspace.gate import Gate
    from polypilot_providers.base import Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event, ModelInfo


class Checked:
    """A provider, and the client that is its alone.

    Retired, it answers what it is answering to the end, and takes nothing new.

    Args:
        provider: the one that asks.
        http: its client.
        gate: sees every request on its way.
        on_refused: called when the supplier has not taken the key.
    """

    def __init__(
        self,
        provider: Provider,
        http: HttpClient,
        gate: Gate,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._provider = provider
        self._on_refused = on_refused
        self._http = http
        self._gate = gate
        self._use = Retiring(self._close)

    @property
    def id(self) -> str:
        """As the provider's."""
        return self._provider.id

    @property
    def local(self) -> bool:
        """As the provider's."""
        return self._provider.local

    @property
    def closed(self) -> bool:
        """Whether its connections are closed."""
        return self._use.closed

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """As the provider's; raises ConfigurationError if another has taken its place."""
        return self._stream(self._provider.complete(self._gate.last_check(request), limits))

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """As :meth:`complete`."""
        return self._stream(self._provider.chat(self._gate.last_check(request), limits))

    async def prepare(self, origin: Origin) -> None:
        """As :meth:`HttpClient.prepare`."""
        async with self._use.used():
            await self._http.prepare(origin)

    async def models(self) -> list[ModelInfo]:
        """As :meth:`complete`."""
        self._check_current()
        async with self._use.used():
            with self._noticing():
                return await self._provider.models()

    async def check(self) -> str:
        """Prove the key, as its row says; a short word on it. Raises as :meth:`complete`."""
        prove: Callable[[], Awaitable[str]] | None = getattr(self._provider, "check", None)
        if prove is None:  # a plug-in's
            return f"{len(await self.models())} models"
        self._check_current()
        async with self._use.used():
            with self._noticing():
                return await prove()

    async def retire(self) -> None:
        """Another has its place: close when the last running request has ended."""
        await self._use.retire()

    async def aclose(self) -> None:
        """Close now."""
        await self._use.aclose()

    async def _stream(self, stream: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        self._check_current()
        async with self._use.used(), aclosing(stream) as events:
            with self._noticing():
                async for event in events:
                    yield event

    @contextmanager
    def _noticing(self) -> Generator[None]:
        """Tell if the supplier refuses the key. What it may not do is not the key's fault, and
        an error without a status is from before the supplier was asked.
        """  # noqa: D205 - one sentence
        try:
            yield
        except AuthError as error:
            if error.status is not None and not isinstance(error, PermissionDenied):
                self._on_refused()
            raise

    def _check_current(self) -> None:
        """What was handed out and not asked yet, or is asked again after a pause, may be what
        the user has just replaced: its address, its proxy.

        Raises:
            ConfigurationError: it is.
        """  # noqa: D205 - one sentence
        if self._use.retired:
            raise ConfigurationError(
                f"the settings of {self.id} were changed before it was asked",
                provider=self.id,
                cure="Ask again.",
            )

    async def _close(self) -> None:
        try:
            await self._provider.aclose()
        finally:
            await self._http.aclose()
