"""One request on the wire: sending it, the answer's head, its body, its end.

What the bytes of a body mean is a wire's affair: they go to its ``StreamParser`` as they come.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING

import httpx2 as httpx  # noqa: TID251 - the half of http.py that deals with one answer

from polypilot_providers import failures
from polypilot_providers.answer import Answer
from polypilot_providers.deadlines import Road
from polypilot_providers.errors import (
    ConfigurationError,
    NetworkError,
    ProviderError,
    StreamBroken,
)
from polypilot_providers.network import os_reason
from polypilot_providers.origin import Origin
from polypilot_providers.types import TextDelta, ThoughtDelta, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from polypilot_providers.call import StreamParser
    from polypilot_providers.deadlines import Deadlines
    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

MAX_RESPONSE = 8_000_000
"""Most bytes, decompressed, of one answer; of a streamed one, without its envelopes."""
MAX_STREAM = 64_000_000
"""Most bytes, decompressed, of one streamed answer, envelopes included."""
_ENVELOPE = 512
"""Bytes around one streamed piece: 250 to 400 are usual, so that a long answer, a token in each
piece, is several times as many bytes as its text (128,000 tokens: 45 MB)."""
MAX_ERROR_BODY = 64_000
_DRAIN = 0.05
"""Seconds given to the end of a finished answer, so that its connection can be used again."""
_LAST_WORDS = 1.0
"""Seconds a supplier has for token counts and end marker after the answer itself is whole."""
_ENCODINGS = ("", "identity", "gzip", "deflate")


async def begin(
    client: httpx.AsyncClient, request: httpx.Request, deadlines: Deadlines, peer: Peer
) -> Exchange:
    """Send ``request`` and wait for the answer's head.

    Raises:
        NetworkError: the supplier could not be asked.
        TimedOut: a limit passed first.
    """
    return Exchange(await _open(client, request, deadlines, peer), peer, deadlines)


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


class Exchange:
    """An answer whose head has come."""

    def __init__(self, response: httpx.Response, peer: Peer, deadlines: Deadlines) -> None:
        self._response = response
        self._peer = peer
        self._deadlines = deadlines
        self._began = False

    @property
    def headers(self) -> Mapping[str, str]:
        """The head's fields; names are looked up without regard to case."""
        return self._response.headers

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

    async def answer(self) -> Answer:
        """The whole answer as it is, a refusal too; raises ConfigurationError for a redirect."""
        response = self._response
        status, headers = response.status_code, response.headers
        if status < 400:  # noqa: PLR2004 - HTTP's errors
            await self.check_status()
            return Answer(status, headers, await self.body(MAX_RESPONSE, cut=True))
        body = await self.body(MAX_ERROR_BODY, cut=True)
        error = failures.from_status(status, headers, body, self._peer)
        return Answer(status, headers, body, error)

    async def events(self, parser: StreamParser) -> AsyncGenerator[Event, None]:
        """What ``parser`` makes of the answer's body, under the idle limit."""
        async with aclosing(self._response.aiter_bytes()) as chunks:
            size = text = 0
            while not parser.done:
                chunk = await self._next(chunks, parser)
                if chunk is None:
                    break
                size += len(chunk)
                before = parser.progress
                limit = min(MAX_RESPONSE + _ENVELOPE * before, MAX_STREAM)
                if size > limit:
                    raise self.broken(f"its answer is longer than {limit:,} bytes")
                for event in parser.feed(chunk):
                    self._began = True
                    text += _text_size(event)
                    if text > MAX_RESPONSE:
                        raise self.broken(f"its text is longer than {MAX_RESPONSE:,} bytes")
                    yield event
                # Only now, since the time that our reader took is not the supplier's.
                if parser.progress != before:
                    self._deadlines.content(reasoning=parser.reasoning)
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
            if parser is not None and not self._began:
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


def _text_size(event: Event) -> int:
    """How much of what the supplier wrote is kept, about."""
    match event:
        case TextDelta(text=text) | ThoughtDelta(text=text) | ToolCall(arguments=text):
            return len(text)
        case _:
            return 0
