"""From the first byte of an answer's text on the socket to its first event, per wire.

    python bench/first_byte.py [--requests 300]

A server in another process sends an answer's head, waits a few milliseconds and sends the first
piece of text, which says what time it was just before it went to the socket (one clock for all
processes). Printed: median and 99th percentile of the time until the event is out of the HTTP
layer, and of the time until a bare asyncio socket has the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.types import TextDelta
from provider_streams import STREAMS, Json

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LIMITS = Limits(60, 60, 60)
PAUSE = 0.004
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower().split(b"\r\n")
            size = sum(int(each[15:]) for each in fields if each.startswith(b"content-length:"))
            await reader.readexactly(size)
            stream = STREAMS[head.split()[1].decode().strip("/")]

            def write(*values: Json) -> bytes:
                return b"".join(chunk(stream.write(value)) for value in values)  # noqa: B023 - used at once

            writer.write(HEAD + write(*stream.head))
            await asyncio.sleep(PAUSE)
            writer.write(write(stream.text(f"{time.monotonic_ns():020}")))
            await asyncio.sleep(PAUSE)
            end = write(*stream.end) + (chunk(stream.done) if stream.done else b"")
            writer.write(end + chunk(b""))
            await writer.drain()
    writer.close()


async def _serve(ready: Connection) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(ready: Connection) -> None:
    asyncio.run(_serve(ready))


async def ours(http: HttpClient, url: str, name: str) -> float:
    call = Call("bench", Origin.parse(url), f"/{name}", {}, needs_key=False)
    sent = 0
    seen = 0
    async with aclosing(http.stream(call, STREAMS[name].parser, LIMITS)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                seen = time.monotonic_ns()
                sent = int(event.text)
    return (seen - sent) / 1e6


async def bare(port: int, name: str) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /{name} HTTP/1.1\r\ncontent-length: 0\r\n\r\n".encode())
    got = b""
    while True:
        got += await reader.read(65_536)
        seen = time.monotonic_ns()
        digits = [part for part in got.split(b'"') if len(part) == 20 and part.isdigit()]
        if digits:
            break
    writer.close()
    await writer.wait_closed()
    return (seen - int(digits[0])) / 1e6


async def measure(port: int, count: int) -> None:
    http = HttpClient(Network(env={}))
    for name in STREAMS:
        await ours(http, f"http://127.0.0.1:{port}", name)
        mine: list[float] = []
        theirs: list[float] = []
        for _ in range(count):
            mine.append(await ours(http, f"http://127.0.0.1:{port}", name))
            theirs.append(await bare(port, name))
        cuts, bare_cuts = statistics.quantiles(mine, n=100), statistics.quantiles(theirs, n=100)
        print(
            f"{name:18} p50 {cuts[49]:.2f} ms  p99 {cuts[98]:.2f} ms   "
            f"(bare socket {bare_cuts[49]:.2f} / {bare_cuts[98]:.2f} ms; wanted: p50 under 2 ms)"
        )
    await http.aclose()


def main() -> None:
    """Start the server, measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=300)
    count = parser.parse_args().requests
    receiver, sender = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_run, args=(sender,), daemon=True)
    server.start()
    try:
        asyncio.run(measure(receiver.recv(), count))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
