"""How soon a supplier notices that a request was given up, beside a bare socket's close.

    python bench/abort.py [--cancels 1000] [--tasks 1] [--only http|https]

A scripted server streams over loopback, without and with TLS; each request is given up at a
random moment: before it is connected, in the handshake, while it waits or in mid-stream.
Printed for each: median and 99th percentile of the time from the cancel to the moment the
server's socket ends, ours (through the HTTP layer and a wire's reader) and a bare socket's;
how many connections are left open at either end, and whether as many requests as the pool has
slots are still served at once. Client and server share one event loop, so all figures contain
its turns. The same through the whole server, typed into by an editor: ``abort_server.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import trustme

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.testing import Request, ScriptedServer, Tick, stream
from polypilot_providers.wires.openai_chat import OpenAIParser

HELLO = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
LIMITS = Limits(60, 60, 60)
LONGEST = 0.02
"""Seconds after which a request is given up, at most."""
SLOTS = 100
PATIENCE = 60.0


class Server(ScriptedServer):
    """Knows its requests by their path, and forgets those that are done with."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(stream(Tick(HELLO, 0.002), end=False), tls=tls)

    def take(self, path: str) -> Request | None:
        """The request for ``path``, if it came."""
        found = next((each for each in self.requests if each.path == path), None)
        if found is not None:
            self.requests.remove(found)
        return found


async def _consume(http: HttpClient, call: Call) -> None:
    async with aclosing(http.stream(call, OpenAIParser, LIMITS)) as events:
        async for _ in events:
            pass


def _call(server: Server, path: str) -> Call:
    return Call("bench", Origin.parse(server.url), path, {"code": "x" * 2000}, needs_key=False)


async def _ours(server: Server, http: HttpClient, path: str, wait: float) -> float | None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(_consume(http, _call(server, path)))
    await asyncio.sleep(wait)
    start = loop.time()
    task.cancel()
    await asyncio.wait([task])
    # What was written right before the cancel may arrive, or not, a turn later.
    await asyncio.sleep(0)
    request = server.take(path)
    if request is None:
        return None
    await asyncio.wait_for(request.gone.wait(), PATIENCE)
    return max(0.0, (request.gone_at or start) - start)


async def _bare(server: Server, trust: ssl.SSLContext | None, path: str, wait: float) -> float:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
    writer.write(f"POST {path} HTTP/1.1\r\ncontent-length: 0\r\n\r\n".encode())
    while (request := server.take(path)) is None:  # noqa: ASYNC110 - at most a few turns
        await asyncio.sleep(0)
    await asyncio.sleep(wait)
    start = asyncio.get_running_loop().time()
    writer.transport.abort()
    await request.gone.wait()
    return max(0.0, (request.gone_at or start) - start)


def _show(name: str, seconds: list[float]) -> None:
    cuts = statistics.quantiles(seconds, n=100)
    print(
        f"  {name:12} {len(seconds):6} seen  p50 {cuts[49] * 1e3:.2f} ms  p99 "
        f"{cuts[98] * 1e3:.2f} ms  max {max(seconds) * 1e3:.1f} ms   (wanted: p99 under 250 ms)"
    )


async def _all_slots(server: Server, http: HttpClient) -> bool:
    """Whether as many requests as the pool has slots are served at once."""
    streams = [http.stream(_call(server, "/last"), OpenAIParser, LIMITS) for _ in range(SLOTS)]
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(anext(each) for each in streams))
    except TimeoutError:
        return False
    finally:
        for each in streams:
            await each.aclose()
    return True


async def _load(server: Server, http: HttpClient, cancels: int, tasks: int) -> list[float]:
    """Give up so many requests; the seconds of those that the server had seen."""
    draw = random.Random(5)
    seen: list[float] = []

    async def worker(number: int) -> None:
        for count in range(number, cancels, tasks):
            wait = draw.uniform(0, LONGEST)
            taken = await _ours(server, http, f"/{count}", wait)
            if taken is not None:
                seen.append(taken)

    await asyncio.gather(*(worker(number) for number in range(tasks)))
    return seen


async def _run(scheme: str, folder: Path, cancels: int, tasks: int) -> None:
    served = trust = None
    ca_file = ""
    if scheme == "https":
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(served)  # pyright: ignore[reportUnknownMemberType] - names pyOpenSSL
        ca_file = str(folder / "ca.pem")
        trust = ssl.create_default_context(cafile=ca_file)
    http = HttpClient(Network(ca_file=ca_file, env={}))
    async with Server(served) as server:
        start = time.perf_counter()
        ours = await _load(server, http, cancels, tasks)
        taken = time.perf_counter() - start
        await asyncio.sleep(0.5)
        left = server.open_connections
        whole = await _all_slots(server, http)
        server.requests.clear()
        draw = random.Random(5)
        bare = [
            await _bare(server, trust, f"/bare{count}", draw.uniform(0, LONGEST))
            for count in range(min(cancels, 1000))
        ]
        print(f"{scheme}: {cancels:,} given up by {tasks} at a time in {taken:.0f} s")
        _show("polypilot", ours)
        _show("bare socket", bare)
        print(f"  connections left open: {left}; all {SLOTS} slots usable: {whole}", flush=True)
    await http.aclose()


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cancels", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=1)
    parser.add_argument("--only", choices=["http", "https"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for scheme in [options.only] if options.only else ["http", "https"]:
            asyncio.run(_run(scheme, Path(folder), options.cancels, options.tasks))


if __name__ == "__main__":
    main()
