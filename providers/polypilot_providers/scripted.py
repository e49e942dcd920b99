"""A real HTTP/1.1 server on a loopback port that plays scripts, for tests.

It sends exactly the bytes it is told, when it is told, and remembers what it was sent and
when its client went away.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Self, cast

from polypilot_providers.scripts import Request, Reset, Send, Stall, Tick, Wait

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from polypilot_providers.scripts import Step


class ScriptedServer:
    """Plays one script per request, in the order given; the last one again and again.

    Use as an asynchronous context manager.

    Args:
        scripts: what to answer, see :func:`reply` and :func:`stream`.
        tls: serve https with this context.
        host: the loopback address to listen at.
        aside: what to answer at paths that clients look at by the way. Requests there are in
            ``asides`` and use up no script.
    """

    def __init__(
        self,
        *scripts: Iterable[Step],
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        aside: Mapping[str, Iterable[Step]] | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.asides: list[Request] = []
        self.connections = 0
        """Connections accepted so far (with TLS: whose handshake succeeded)."""
        self._scripts = [list(script) for script in scripts]
        self._aside = {path: list(script) for path, script in (aside or {}).items()}
        self._tls = tls
        self._host = host
        self._server: asyncio.Server
        self.port = 0
        """The port it listens at."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[_Connection] = set()
        self._arrival = asyncio.Event()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    def play(self, *scripts: Iterable[Step]) -> None:
        """Answer the coming requests with these scripts instead of what is left."""
        self._scripts = [list(script) for script in scripts]

    async def wait_for_requests(self, count: int, seconds: float = 10.0) -> list[Request]:
        """The requests so far, once there are ``count``; TimeoutError if that takes too long."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:
                self._arrival.clear()
                await self._arrival.wait()
        return self.requests

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self._host, 0, ssl=self._tls, backlog=512
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for connection in list(self._open):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Called by connections.

    def opened(self, connection: _Connection) -> int:
        """A client has connected; returns the connection's number."""
        self._open.add(connection)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        return self.connections - 1

    def closed(self, connection: _Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)

    def next_script(self, request: Request) -> list[Step]:
        """A request has come; what to answer."""
        if request.path in self._aside:
            self.asides.append(request)
            return self._aside[request.path]
        self.requests.append(request)
        self._arrival.set()
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


class _Connection(asyncio.Protocol):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = False
        self._number = -1
        self._request: Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._number = self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._news.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._gone = True
        self._news.set()
        self._server.closed(self)
        if self._request is not None:
            self._request.gone_at = asyncio.get_running_loop().time()
            self._request.gone.set()

    def abort(self) -> None:
        """End the connection from this side, with a reset."""
        sock = cast("socket.socket", self._transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def serve(self) -> None:
        """Take requests and play their scripts until the connection ends."""
        while (request := await self._read()) is not None:
            self._request = request
            for step in self._server.next_script(request):
                await self._play(step, request)
                if self._gone or self._transport.is_closing():
                    return
            request.answered = True

    async def _read(self) -> Request | None:
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, path, _ = line.split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (entry.partition(":") for entry in fields)
        }
        length = int(headers.get("content-length", "0"))
        self._buffer[:] = rest
        while len(self._buffer) < length:
            if not await self._more():
                return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return Request(method, path, headers, body, self._number)

    async def _more(self) -> bool:
        self._news.clear()
        await self._news.wait()
        return not self._gone

    async def _play(self, step: Step, request: Request) -> None:
        if isinstance(step, Send):
            self._transport.write(step.data)
        elif isinstance(step, Tick):
            while not request.gone.is_set():
                self._transport.write(step.data)
                await _either(request.gone, asyncio.Event(), step.seconds)
                await _either(request.gone, self._writable)
        elif isinstance(step, Wait):
            await _either(step.event, request.gone)
        elif isinstance(step, Stall):
            await request.gone.wait()
        else:
            request.answered = True
            self.abort() if isinstance(step, Reset) else self._transport.close()


async def _either(one: asyncio.Event, other: asyncio.Event, seconds: float | None = None) -> None:
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
