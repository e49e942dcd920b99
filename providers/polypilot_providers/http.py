"""The only door to the network: one HTTP/1.1 client, its limits, and who gets which key.

HTTP/1.1 because closing its socket is the one cancellation every supplier understands: over
HTTP/2 neither httpx nor httpx2 resets a stream that is given up, and its tokens are billed.
No redirects: a 307 carries key and body to another host. No cookies.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx2 as httpx  # noqa: TID251 - this is the module the ban reserves it for

from polypilot_providers import failures
from polypilot_providers.call import Call
from polypilot_providers.deadlines import Deadlines, Road
from polypilot_providers.errors import (
    ConfigurationError,
    NetworkError,
    ProviderError,
    StreamBroken,
    TimedOut,
    Unavailable,
)
from polypilot_providers.jsonvalue import parse
from polypilot_providers.network import Network, os_reason
from polypilot_providers.origin import Origin
from polypilot_providers.sanitise import Hidden

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from polypilot_providers.base import Limits
    from polypilot_providers.call import StreamParser
    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

for _library in ("httpx2", "httpcore2"):
    # At their debug level they log addresses and headers, which may hold anything.
    logging.getLogger(_library).setLevel(logging.WARNING)

MAX_RESPONSE = 8_000_000
"""Most bytes, decompressed, that one answer may have."""
MAX_ERROR_BODY = 64_000
_KEEP_ALIVE = 90.0
_DRAIN = 0.05
"""Seconds given to the end of a finished answer, so that its connection can be used again."""
_LAST_WORDS = 1.0
"""Seconds a supplier has for token counts and end marker after the answer itself is whole."""
_ENCODINGS = ("", "identity", "gzip", "deflate")


class HttpClient:
    """The process's connections to suppliers; belongs to one event loop.

    The client proper, with its TLS context, is built at the first request and in a thread.

    Args:
        network: the user's proxy and certificate settings.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = Network() if network is None else network
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._building = asyncio.Lock()
        self._closed = False

    async def stream(
        self, call: Call, parser: StreamParser, limits: Limits
    ) -> AsyncGenerator[Event, None]:
        """Send ``call`` and yield what ``parser`` makes of the answer.

        Closing the generator, or cancelling the task that iterates it, closes the socket.

        Raises:
            ProviderError: see the tree; after the first event only StreamBroken or TimedOut.
        """
        exchange = await self._send(call, limits)
        started = False
        try:
            await exchange.check_status()
            async with aclosing(exchange.events(parser)) as events:
                async for event in events:
                    started = True
                    yield event
        except (StreamBroken, TimedOut):
            raise
        except ProviderError as error:
            if not started:
                raise
            raise exchange.broken(error.message, error) from error
        finally:
            await exchange.aclose()

    async def get_json(self, call: Call, limits: Limits) -> object:
        """Send ``call`` and return the JSON value it is answered with.

        Raises:
            ProviderError: as :meth:`stream`; Unavailable if the answer is not JSON.
        """
        exchange = await self._send(call, limits)
        try:
            await exchange.check_status()
            body = await exchange.body(MAX_RESPONSE)
        finally:
            await exchange.aclose()
        try:
            return parse(body)
        except ValueError:
            raise Unavailable(
                f"{call.origin.authority} answered with something else than JSON",
                provider=call.provider,
                host=call.origin.authority,
                cure="Check the provider's base_url; a network log-in page may be in the way.",
            ) from None

    async def warm(self, origin: Origin, limits: Limits) -> None:
        """Have a connection to ``origin`` ready, if none is: the next request saves TCP and TLS.

        Sends a bare HEAD request without key or body. Failures are nobody's concern here.
        """
        with suppress(ProviderError):
            call = Call("", origin, "/", needs_key=False)
            exchange = await self._send(call, limits, method="HEAD")
            try:
                await exchange.body(0, cut=True)
            finally:
                await exchange.aclose()

    async def aclose(self) -> None:
        """Close all connections. Safe to call twice."""
        self._closed = True
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()

    async def _send(self, call: Call, limits: Limits, method: str = "") -> _Exchange:
        """Send a request and wait for the answer's head."""
        key = await call.reveal_key()
        client = await self._client(call.origin)
        url = str(call.origin) + call.path
        if not call.path.startswith("/") or Origin.parse(url) != call.origin:
            raise ConfigurationError("the provider's path does not begin with a slash")
        headers = {"accept": "application/json", **call.headers}
        hidden = call.peer.hidden
        if key is not None:
            name = "authorization" if call.auth == "bearer" else call.auth
            headers[name] = f"Bearer {key}" if call.auth == "bearer" else key
            hidden = Hidden(hidden.texts, (key,))
        content = None
        if call.body is not None:
            headers |= {"content-type": "application/json", "accept": "text/event-stream"}
            # An unpaired surrogate, which a document may hold, becomes a question mark.
            content = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "replace"
            )
        method = method or ("GET" if content is None else "POST")
        peer = replace(call.peer, hidden=hidden)
        deadlines = Deadlines(limits, peer)
        request = client.build_request(method, url, headers=headers, content=content)
        return _Exchange(await _open(client, request, deadlines, peer), peer, deadlines)

    async def _client(self, origin: Origin) -> httpx.AsyncClient:
        if self._closed:
            raise NetworkError("Polypilot is shutting down")
        proxy = self._network.proxy_for(origin)
        # Plain http (this machine only) gets a client of its own, so that it neither waits
        # for a TLS context nor fails for broken certificate settings.
        kind = origin.scheme if proxy is None else proxy
        async with self._building:
            if kind not in self._clients:
                self._clients[kind] = await asyncio.to_thread(self._build, kind, proxy)
            return self._clients[kind]

    def _build(self, kind: str, proxy: str | None) -> httpx.AsyncClient:
        if kind == "http":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            tls = self._network.tls(lambda: httpx.create_ssl_context(trust_env=False))
        return httpx.AsyncClient(
            verify=tls,
            http1=True,
            http2=False,
            follow_redirects=False,
            trust_env=False,
            proxy=None if proxy is None else httpx.Proxy(proxy, ssl_context=_for_proxy(proxy, tls)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=None,  # every wait is under one of our own deadlines
            limits=httpx.Limits(
                max_connections=100, max_keepalive_connections=10, keepalive_expiry=_KEEP_ALIVE
            ),
            headers={"user-agent": "polypilot", "accept-encoding": "identity"},
        )


def _for_proxy(proxy: str, tls: ssl.SSLContext) -> ssl.SSLContext | None:
    return tls if proxy.startswith("https://") else None


async def _open(
    client: httpx.AsyncClient, request: httpx.Request, deadlines: Deadlines, peer: Peer
) -> httpx.Response:
    """Send and wait for the head; again, once, if a kept connection proves dead."""
    again = False
    while True:
        guard = asyncio.timeout_at(deadlines.when)
        road = Road(deadlines, guard)
        request.extensions["trace"] = road.trace
        try:
            async with AsyncExitStack() as failing, guard:
                failing.push_async_callback(road.aclose)
                response = await client.send(request, stream=True)
                failing.pop_all()
                return response
        except TimeoutError:
            raise deadlines.error() from None
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            # An idle connection may close while we write to it; no byte of an answer has
            # come, so asking again over a new one is safe.
            if again or road.new:
                raise _unreachable(error, peer) from error
            again = True
        except (httpx.HTTPError, OSError) as error:
            raise _unreachable(error, peer) from error


def _unreachable(error: Exception, peer: Peer) -> NetworkError:
    what, cure = _reason(error)
    return NetworkError(
        f"{peer.host} could not be asked: {what}",
        provider=peer.provider,
        host=peer.host,
        cure=cure,
    )


class _Exchange:
    """An answer whose head has come."""

    def __init__(self, response: httpx.Response, peer: Peer, deadlines: Deadlines) -> None:
        self._response = response
        self._peer = peer
        self._deadlines = deadlines

    async def check_status(self) -> None:
        """Raise the error that the answer's status and head stand for, if they do."""
        response, peer = self._response, self._peer
        status = response.status_code
        if 300 <= status < 400:  # noqa: PLR2004 - HTTP's redirections
            raise ConfigurationError(
                f"{peer.host} redirects{_target(response)}; Polypilot follows no redirects, "
                "since they would take your key and code along",
                provider=peer.provider,
                host=peer.host,
                status=status,
                cure="If you trust the new address, set it as the provider's base_url.",
            )
        if response.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
            raise self.broken("it sent a compressed answer although asked not to")
        if status >= 400:  # noqa: PLR2004 - HTTP's errors
            body = b""
            with suppress(ProviderError):  # the status alone says enough
                body = await self.body(MAX_ERROR_BODY, cut=True)
            raise failures.from_status(status, response.headers, body, peer)

    async def events(self, parser: StreamParser) -> AsyncGenerator[Event, None]:
        """What ``parser`` makes of the answer's body, under the idle limit."""
        async with aclosing(self._response.aiter_bytes()) as chunks:
            size = 0
            while not parser.done:
                chunk = await self._next(chunks, parser)
                if chunk is None:
                    break
                size += len(chunk)
                if size > MAX_RESPONSE:
                    raise self.broken(f"its answer is longer than {MAX_RESPONSE:,} bytes")
                before = parser.progress
                for event in parser.feed(chunk):
                    yield event
                # Only now, since the time that our reader took is not the supplier's.
                if parser.progress != before:
                    self._deadlines.content()
            if parser.done:
                await self._drain(chunks)
        for event in parser.close():
            yield event

    async def body(self, limit: int, *, cut: bool = False) -> bytes:
        """The whole body; beyond ``limit`` bytes it is cut or refused."""
        body = bytearray()
        async with aclosing(self._response.aiter_bytes()) as chunks:
            while (chunk := await self._next(chunks, None)) is not None:
                body += chunk
                if len(body) > limit:
                    if cut:
                        break
                    raise self.broken(f"its answer is longer than {limit:,} bytes")
        return bytes(body[:limit])

    async def aclose(self) -> None:
        """Give the connection back if its answer was read to the end, else close it."""
        await self._response.aclose()

    def broken(self, why: str, cause: ProviderError | None = None) -> StreamBroken:
        """The error of an answer that broke off."""
        host = self._peer.host
        return StreamBroken(
            why if cause else f"the answer of {host} broke off: {why}",
            provider=self._peer.provider,
            host=host,
            status=cause.status if cause else None,
            cure=cause.cure if cause else "What came before stands; ask again for the rest.",
            retry_after=cause.retry_after if cause else None,
        )

    async def _next(
        self, chunks: AsyncIterator[bytes], parser: StreamParser | None
    ) -> bytes | None:
        """The next chunk, or None at the end of the body or of our interest in it."""
        complete = parser is not None and parser.complete
        when = self._deadlines.soon(_LAST_WORDS) if complete else self._deadlines.when
        try:
            async with asyncio.timeout_at(when):
                return await anext(chunks, None)
        except TimeoutError:
            if complete:
                return None
            raise self._deadlines.error() from None
        except (httpx.HTTPError, OSError) as error:
            if complete:
                return None
            if isinstance(error, httpx.DecodingError):
                raise self.broken("it can't be decompressed") from error
            if parser is not None and not parser.progress:
                raise _unreachable(error, self._peer) from error
            raise self.broken("the connection was lost") from error

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the little that follows an end marker, so that the connection stays usable."""
        rest = 0
        with suppress(TimeoutError, httpx.HTTPError, OSError):
            async with asyncio.timeout(_DRAIN):
                async for chunk in chunks:
                    rest += len(chunk)
                    if rest > MAX_ERROR_BODY:
                        return


def _target(response: httpx.Response) -> str:
    """`` to HOST`` of a redirect's address, if it is one we can show."""
    location = response.headers.get("location", "")
    if location.startswith("/") and not location.startswith("//"):
        return " within itself"
    try:
        return f" to {Origin.parse(location).authority}"
    except ConfigurationError:
        return ""


def _reason(error: Exception) -> tuple[str, str]:
    """Why a request failed, and the cure."""
    if found := os_reason(error):
        return found
    text = str(error)
    if isinstance(error, httpx.ProxyError):
        if text.startswith("407"):
            return "the proxy wants a user name and password", "Put them in the proxy's URL."
        return "the proxy would not connect to it", "Check the proxy setting."
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in text:
        return "it does not answer in HTTP", "Check the address and the port."
    return "the connection was closed or could not be made", "Try again; check the network."
