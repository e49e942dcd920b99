"""A server on loopback that streams completions as OpenAI-compatible ones do, for the benches."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PATH = b"POST /v1/completions "


class StreamingServer:
    """Listens; each client is a `StreamingConnection` that ``connect`` makes."""

    def __init__(self, connect: Callable[[], StreamingConnection]) -> None:
        self.handlers: set[asyncio.Task[None]] = set()
        self._connect = connect
        self._server: asyncio.Server

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return self._server.sockets[0].getsockname()[1]

    @property
    def base_url(self) -> str:
        """What a provider's row needs."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def running(self) -> int:
        """Requests being answered now."""
        return len(self.handlers)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, "127.0.0.1", 0)
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


class StreamingConnection(asyncio.Protocol):
    """One client; it is kept open after whole answers, and its answer is ended when it leaves."""

    def __init__(self, server: StreamingServer) -> None:
        self.loop = asyncio.get_running_loop()
        self._handlers = server.handlers
        self._buffer = b""
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def answer(self, asked: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Note a request, which has just arrived; what answers it."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers when a whole request is there."""
        self._buffer += data
        head, gap, body = self._buffer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = sum(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        if not gap or len(body) < size:
            return
        self._buffer = body[size:]
        if not head.startswith(_PATH):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        self._answering = self.loop.create_task(self.answer(json.loads(body[:size])))
        self._handlers.add(self._answering)
        self._answering.add_done_callback(self._handlers.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left."""
        del exc
        if self._answering is not None:
            self._answering.cancel()

    def begin(self) -> None:
        """The answer's head."""
        self._transport.write(_HEAD)

    def event(self, event: dict[str, Any]) -> None:
        """One event of the answer."""
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def end(self) -> None:
        """The answer is whole."""
        self._chunk(b"data: [DONE]\n\n")
        self._transport.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
