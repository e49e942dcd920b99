"""How soon a supplier notices that a request was given up, beside a bare socket's close.

    python bench/abort.py [--cancels 1000]

A scripted server streams over loopback; each request is given up at a random moment within
20 ms. Printed: median and 99th percentile of the time from the cancel to the moment the
server's socket ends, ours (through the HTTP layer and a wire's reader) and a bare socket's.
Client and server share one event loop, so both figures contain its turns. The same through
the whole server, typed into by an editor: ``abort_server.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
from contextlib import aclosing

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, Tick, stream
from polypilot_providers.wires.openai_chat import OpenAIParser

HELLO = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
LIMITS = Limits(10, 10, 10)


async def _consume(http: HttpClient, call: Call) -> None:
    async with aclosing(http.stream(call, OpenAIParser, LIMITS)) as events:
        async for _ in events:
            pass


async def _ours(server: ScriptedServer, http: HttpClient, wait: float) -> float | None:
    before = len(server.requests)
    call = Call("bench", Origin.parse(server.url), "/", {"code": "x" * 2000}, needs_key=False)
    task = asyncio.ensure_future(_consume(http, call))
    await asyncio.sleep(wait)
    loop = asyncio.get_running_loop()
    start = loop.time()
    task.cancel()
    await asyncio.wait([task])
    if len(server.requests) == before:  # given up before it was sent
        return None
    request = server.requests[-1]
    await request.gone.wait()
    return max(0.0, (request.gone_at or start) - start)


async def _bare(server: ScriptedServer, wait: float) -> float | None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
    await server.wait_for_requests(len(server.requests) + 1)
    await asyncio.sleep(wait)
    request = server.requests[-1]
    start = asyncio.get_running_loop().time()
    writer.transport.abort()
    await request.gone.wait()
    return max(0.0, (request.gone_at or start) - start)


def _show(name: str, seconds: list[float]) -> None:
    cuts = statistics.quantiles(seconds, n=100)
    print(
        f"{name:12} {len(seconds):5} seen  p50 {cuts[49] * 1e3:.2f} ms  p99 {cuts[98] * 1e3:.2f} ms"
    )


async def _run(cancels: int) -> None:
    draw = random.Random(5)
    http = HttpClient(Network(env={}))
    async with ScriptedServer(stream(Tick(HELLO, 0.002), end=False)) as server:
        ours = [await _ours(server, http, draw.uniform(0, 0.02)) for _ in range(cancels)]
        bare = [await _bare(server, draw.uniform(0, 0.02)) for _ in range(cancels)]
        _show("polypilot", [seconds for seconds in ours if seconds is not None])
        _show("bare socket", [seconds for seconds in bare if seconds is not None])
        print(f"still open: {server.open_connections}")
    await http.aclose()


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cancels", type=int, default=1000)
    asyncio.run(_run(parser.parse_args().cancels))


if __name__ == "__main__":
    main()
