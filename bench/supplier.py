"""A supplier of completions on loopback that notes when it sent what, and when it was left."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import random
    from types import TracebackType

PIECES = [f"part_{number:02}." for number in range(24)]
"""What it says to everything, one line; each piece is a token."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(slots=True)
class Served:
    """One request and its fate. Times are the event loop's, in seconds."""

    prompt: str
    arrived: float
    sent: list[float] = field(default_factory=list[float])
    """When each piece was handed to the socket."""
    gone: float | None = None
    """When the socket ended before the answer was complete."""
    complete: bool = False


class Supplier:
    """Answers like an OpenAI-compatible server; keeps connections open after whole answers.

    The first text comes after 80 to 500 ms, then a token every 15 to 40 ms.
    """

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.served: list[Served] = []
        self.open = 0
        """Connections that are open now."""
        self.handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    @property
    def base_url(self) -> str:
        """What the provider's row needs."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in list(self.handlers):
            task.cancel()
        await asyncio.gather(*self.handlers, return_exceptions=True)


class _Connection(asyncio.Protocol):
    def __init__(self, supplier: Supplier) -> None:
        self._supplier = supplier
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._answering: asyncio.Task[None] | None = None
        self._request: Served | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._supplier.open += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, body = self._buffer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        sizes = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
        if not gap or len(body) < sum(sizes):
            return
        self._buffer = b""
        asked: dict[str, Any] = json.loads(body)
        self._request = Served(asked["prompt"], self._loop.time())
        self._supplier.served.append(self._request)
        self._answering = self._loop.create_task(self._answer(self._request))
        self._supplier.handlers.add(self._answering)
        self._answering.add_done_callback(self._supplier.handlers.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._supplier.open -= 1
        if self._answering is not None:
            self._answering.cancel()
        if self._request is not None and not self._request.complete:
            self._request.gone = self._loop.time()

    async def _answer(self, request: Served) -> None:
        draw = self._supplier.draw
        await asyncio.sleep(draw.uniform(0.08, 0.5))
        self._transport.write(_HEAD)
        for piece in PIECES:
            self._event({"choices": [{"index": 0, "text": piece, "finish_reason": None}]})
            request.sent.append(self._loop.time())
            await asyncio.sleep(draw.uniform(0.015, 0.04))
        self._event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
        request.complete = True
        self._chunk(b"data: [DONE]\n\n")
        self._transport.write(b"0\r\n\r\n")

    def _event(self, event: dict[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
