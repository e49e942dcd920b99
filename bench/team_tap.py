"""Between one typist and the server: passes every byte on and notes when what went by.

It stands where a reverse proxy would, one for each typist, so that it is known whose a request
is. A typist who hangs up is hung up on the server at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_TEXT = re.compile(rb'"(?:content|text)":"[^"]')
_READ = re.compile(rb'"prompt_n":(\d+)')
_CACHED = re.compile(rb'"cache_n":(\d+)')
_WRITTEN = re.compile(rb'"predicted_n":(\d+)')
_STATUS = re.compile(rb"HTTP/1\.1 (\d+)")
_END = b"\r\n0\r\n\r\n"
"""Of a chunked answer; a header may end with a nought, too."""
_CHUNK = 2**16


@dataclass(slots=True)
class Asked:
    """A request, by the event loop's clock in seconds."""

    at: float
    text: float = math.inf
    """When its first text came by; infinite: none did."""
    end: float = math.inf
    """When its answer was whole, or the typist hung up."""
    status: int = 0
    aborted: bool = False
    """The typist hung up."""
    read: int | None = None
    """Prompt tokens that the server had to read; None: it did not say, having been cut short."""
    cached: int | None = None
    written: int | None = None
    events: int = 0
    """Pieces of text."""


@dataclass(slots=True)
class Tap:
    """One typist's way to the server."""

    upstream: int
    port: int = 0
    asked: list[Asked] = field(default_factory=list[Asked])

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        first = len(self.asked)
        mine: list[Asked] = []
        up = asyncio.ensure_future(self._up(reader, back, mine))
        down = asyncio.ensure_future(_down(there, writer, mine))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            assert len(self.asked) >= first
            now = asyncio.get_running_loop().time()
            if mine and mine[-1].end == math.inf:
                mine[-1].end, mine[-1].aborted = now, mine[-1].written is None
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            for each in (back, writer):
                each.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, mine: list[Asked]
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(_CHUNK):
            if data.startswith(b"POST "):
                mine.append(Asked(loop.time()))
                self.asked.append(mine[-1])
            back.write(data)
            await back.drain()


async def _down(
    there: asyncio.StreamReader, writer: asyncio.StreamWriter, mine: list[Asked]
) -> None:
    loop, tail = asyncio.get_running_loop(), b""
    while data := await there.read(_CHUNK):
        if mine and mine[-1].end == math.inf:
            tail = _note(mine[-1], tail, data, loop.time())
        writer.write(data)
        await writer.drain()


def _note(asked: Asked, tail: bytes, data: bytes, now: float) -> bytes:
    """Read what goes by; what of it may be cut in two."""
    seen = tail + data
    if not asked.status and (status := _STATUS.match(data)):
        asked.status = int(status[1])
    if found := len(_TEXT.findall(data)):
        asked.events += found
        asked.text = min(asked.text, now)
    for name, pattern in (("read", _READ), ("cached", _CACHED), ("written", _WRITTEN)):
        for match in pattern.finditer(seen):
            setattr(asked, name, int(match[1]))
    if seen.endswith(_END):
        asked.end = now
        return b""
    return seen[-512:]


@contextlib.asynccontextmanager
async def tapped(upstream: int, count: int) -> AsyncGenerator[list[Tap]]:
    """So many ways to the server at that port."""
    taps = [Tap(upstream) for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        for tap in taps:
            server = await asyncio.start_server(tap.pass_on, "127.0.0.1", 0)
            tap.port = server.sockets[0].getsockname()[1]
            stack.callback(server.close)
        yield taps
