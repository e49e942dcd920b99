"""The only door to the network: one HTTP/1.1 client, its limits, and who gets which key.

HTTP/1.1 because closing its socket is the one cancellation every supplier understands: over
HTTP/2 neither httpx nor httpx2 resets a stream that is given up, and its tokens are billed.
No redirects: a 307 carries key and body to another host. No cookies.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import ssl
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from typing import TYPE_CHECKING

import httpx2 as httpx  # noqa: TID251 - this is the module the ban reserves it for

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.deadlines import Deadlines
from polypilot_providers.errors import (
    ConfigurationError,
    NetworkError,
    ProviderError,
    StreamBroken,
    TimedOut,
    Unavailable,
)
from polypilot_providers.exchange import MAX_RESPONSE, begin
from polypilot_providers.jsonvalue import as_str, parse
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot_providers.answer import Answer
    from polypilot_providers.call import StreamParser
    from polypilot_providers.exchange import Exchange
    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

for _library in ("httpx2", "httpcore2"):
    # At their debug level they log addresses and headers, which may hold anything.
    logging.getLogger(_library).setLevel(logging.WARNING)

_KEEP_ALIVE = 90.0

Heard = Callable[[str, str, Mapping[str, str]], None]
"""Told of the head of each answer: the provider's id, the model asked for, the headers."""


class HttpClient:
    """The process's connections to suppliers; belongs to one event loop.

    The client proper is built at the first request and in a thread. Its TLS context is that of
    all clients with the same certificates.

    Args:
        network: the user's proxy and certificate settings.
        heard: told of each answer's head, for the limits it may name.
    """

    def __init__(self, network: Network | None = None, *, heard: Heard | None = None) -> None:
        self._network = Network() if network is None else network
        self._heard = heard
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._building = asyncio.Lock()
        self._closed = False

    async def stream(
        self, call: Call, parser: Callable[[Peer], StreamParser], limits: Limits
    ) -> AsyncGenerator[Event, None]:
        """Send ``call`` and yield what a parser, made for its peer, makes of the answer.

        Closing the generator, or cancelling the task that iterates it, closes the socket.

        Raises:
            ProviderError: see the tree; after the first event only StreamBroken or TimedOut.
        """
        prepared, limits = await self._prepare(call, limits)
        reader = parser(prepared.peer)
        exchange = await prepared.send(limits, reader.accept)
        started = False
        try:
            self._note(call, exchange)
            await exchange.check_status()
            async with aclosing(exchange.events(reader)) as events:
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
        prepared, limits = await self._prepare(call, limits)
        exchange = await prepared.send(limits)
        try:
            self._note(call, exchange)
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

    async def ask(self, call: Call, limits: Limits) -> Answer:
        """Send ``call`` and return what comes, refusals too, for a look at a server not known yet.

        Raises:
            ProviderError: nothing came, or a redirect.
        """
        prepared, limits = await self._prepare(call, limits)
        exchange = await prepared.send(limits, "application/json, text/event-stream")
        try:
            return await exchange.answer()
        finally:
            await exchange.aclose()

    async def prepare(self, origin: Origin) -> None:
        """Do what the first request to ``origin`` would wait for, short of connecting.

        Raises:
            ProviderError: the proxy or certificate settings can't be used.
        """
        await self._client(origin)

    async def warm(self, origin: Origin, limits: Limits) -> None:
        """Have a connection to ``origin`` ready, if none is: the next request saves TCP and TLS.

        Sends a bare HEAD request without key or body. Failures are nobody's concern here.
        """
        with suppress(ProviderError):
            call = Call("", origin, "/", needs_key=False)
            prepared, limits = await self._prepare(call, limits, method="HEAD")
            exchange = await prepared.send(limits)
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

    def _note(self, call: Call, exchange: Exchange) -> None:
        if self._heard is not None:
            model = call.model or as_str((call.body or {}).get("model"))
            self._heard(call.provider, model, exchange.headers)

    async def _prepare(
        self, call: Call, limits: Limits, *, method: str = ""
    ) -> tuple[_Prepared, Limits]:
        """A request with its key or signature, and the limits that are left for it.

        A keyring, a token's command or a search for credentials may take its time.
        """
        if limits.total is None:
            return await self._request(call, method), limits
        start = asyncio.get_running_loop().time()
        whole = Deadlines(Limits(math.inf, math.inf, math.inf, limits.total), call.peer)
        try:
            async with asyncio.timeout_at(whole.when):
                prepared = await self._request(call, method)
        except TimeoutError:
            raise whole.error() from None
        taken = asyncio.get_running_loop().time() - start
        return prepared, replace(limits, total=limits.total - taken)

    async def _request(self, call: Call, method: str) -> _Prepared:
        """A request with its key or signature, and who it is for."""
        key = await call.reveal_key()
        client = await self._client(call.origin)
        url = str(call.origin) + call.path
        if not call.path.startswith("/") or Origin.parse(url) != call.origin:
            raise ConfigurationError("the provider's path does not begin with a slash")
        content = b""
        headers = dict(call.headers)
        if call.body is not None:
            headers["content-type"] = "application/json"
            # An unpaired surrogate, which a document may hold, becomes a question mark.
            content = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "replace"
            )
        method = method or ("GET" if call.body is None else "POST")
        proof: Mapping[str, str] = {}
        if key is not None:
            name = "authorization" if call.auth == "bearer" else call.auth
            proof = {name: f"Bearer {key}" if call.auth == "bearer" else key}
        elif call.sign is not None:
            proof = await call.sign(method, url, headers, content)
        # Whoever reads the answer, or an error in it, has to know what no text may repeat.
        peer = replace(call.peer, hidden=call.peer.hidden.also(key, *proof.values()))
        headers |= proof
        request = client.build_request(method, url, headers=headers, content=content or None)
        return _Prepared(client, request, peer)

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
        # The client loads it when it first connects, which would be in the event loop.
        import_module("anyio._backends._asyncio")
        if kind == "http":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            tls = self._network.tls(_system_store)
        return httpx.AsyncClient(
            verify=tls,
            http1=True,
            http2=False,
            follow_redirects=False,
            trust_env=False,
            proxy=None if proxy is None else self._proxy(proxy),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=None,  # every wait is under one of our own deadlines
            limits=httpx.Limits(
                max_connections=100, max_keepalive_connections=10, keepalive_expiry=_KEEP_ALIVE
            ),
            headers={"user-agent": "polypilot", "accept-encoding": "identity"},
        )

    def _proxy(self, url: str) -> httpx.Proxy:
        tls = None
        if url.startswith("https://"):
            # The user's own certificate is for the provider alone.
            tls = self._network.tls(_system_store, as_client=False)
        return httpx.Proxy(url, ssl_context=tls)


def _system_store() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request that is ready to be sent."""

    client: httpx.AsyncClient
    request: httpx.Request
    peer: Peer

    async def send(self, limits: Limits, accept: str = "application/json") -> Exchange:
        """Send it and wait for the answer's head."""
        self.request.headers["accept"] = accept
        return await begin(self.client, self.request, Deadlines(limits, self.peer), self.peer)
