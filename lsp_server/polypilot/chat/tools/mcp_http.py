"""A server of the Model Context Protocol at an address, reached as providers are.

The same client with the same proxy and certificates: no cookies, nothing from the environment
but the proxy, and the key for this origin alone.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import httpx2  # noqa: TID251 - for a type of its; the client is made where it always is

from polypilot.chat.tools.mcp_values import McpError
from polypilot.errors import register_secret
from polypilot_providers.http import HttpClient
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from mcp.client._transport import TransportStreams

    from polypilot.settings.mcp import McpServer
    from polypilot_providers.base import Secret
    from polypilot_providers.network import Network

MOST_BYTES = 8 * 1024 * 1024
"""Of an answer in one piece. What comes as events is limited event by event by the package."""


class _Open(Protocol):
    def __call__(
        self, url: str, *, http_client: httpx2.AsyncClient | None = None
    ) -> AbstractAsyncContextManager[TransportStreams]: ...


class _Http(HttpClient):
    """The one way to the network, lent to the package."""

    async def lend(self, origin: Origin, key: str) -> httpx2.AsyncClient:
        """The client for one origin, with the key that belongs there."""
        client = await self._client(origin)
        client.event_hooks = {"request": [_stays(origin)], "response": [_bounded]}
        if key:
            client.headers["authorization"] = f"Bearer {key}"
        return client


class Door:
    """The transport, as the package's client takes it."""

    def __init__(
        self,
        name: str,
        server: McpServer,
        network: Network,
        key: Callable[[str, Origin], Awaitable[Secret | None]],
        opened: _Open,
    ) -> None:
        self._name = name
        self._server = server
        self._http = _Http(network)
        self._key = key
        self._open = opened
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> TransportStreams:
        origin = Origin.parse(self._server.url)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._http.aclose)
            client = await self._http.lend(origin, await self._revealed(origin))
            streams = await stack.enter_async_context(
                self._open(self._server.url, http_client=client)
            )
            self._stack = stack.pop_all()
            return streams

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def _revealed(self, origin: Origin) -> str:
        if self._server.auth == "none":
            return ""
        secret = await self._key(self._name, origin)
        if secret is None:
            raise McpError(
                f"there is no key of {self._name} for {origin} in the keyring",
                code="mcp_start",
                cure=f"Store it with: polypilot auth set mcp:{self._name}",
            )
        key = secret.reveal()
        register_secret(key)
        return key


def _stays(origin: Origin) -> Callable[[httpx2.Request], Awaitable[None]]:
    """Nothing goes anywhere else, whatever an answer says."""

    async def check(request: httpx2.Request) -> None:
        if Origin.parse(str(request.url)) != origin:
            raise McpError("it sends elsewhere", code="mcp_refused")

    return check


async def _bounded(response: httpx2.Response) -> None:
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        stream = response.stream
        if isinstance(stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(stream)


class _Bounded(httpx2.AsyncByteStream):
    """An answer's body, up to a limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise McpError(f"an answer of more than {MOST_BYTES:,} bytes", code="mcp_refused")
            yield chunk

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()
