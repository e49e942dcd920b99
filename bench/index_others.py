"""What other requests of the server feel of the index: each an echo over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable


@contextlib.asynccontextmanager
async def echoing() -> AsyncGenerator[Callable[[], Awaitable[object]]]:
    """A request over a socket whose both ends are in this event loop, as a completion is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(json.loads(line)).encode() + b"\n")
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    body = json.dumps({"method": "textDocument/inlineCompletion", "params": ["x" * 80] * 20})

    async def ask() -> None:
        writer.write(body.encode() + b"\n")
        await writer.drain()
        await reader.readline()

    try:
        yield ask
    finally:
        writer.close()
        await asyncio.sleep(0.05)  # the other end sees it and ends
        server.close()


async def loop_figures(
    ask: Callable[[], Awaitable[object]], seconds: float, task: asyncio.Future[Any] | None = None
) -> list[float]:
    """Latencies of requests that come every 5 ms, for a while or until ``task`` ends."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not (task and task.done()):
        begun = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(0.005)
    return taken
