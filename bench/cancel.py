"""What cancelled requests do to the connection pool of httpx 0.28 and of httpx2.

    python bench/cancel.py [--cancels 100000] [--library httpx2] [--library httpx]

For each library two loads against a TLS server on loopback, half of the cancels each:
``keystrokes`` (one request at a time, each given up after 0 to 8 ms: in the TCP or TLS
handshake, while waiting, or in mid-stream) and ``contention`` (20 tasks on a pool of 10).
Printed: slots that were never given back, sockets that are open but in no pool, and the
median time of a request over the used pool against that over a new one, asked in turns. A
pool that serves no request within 3 s is reported dead and left.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import multiprocessing
import random
import ssl
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import trustme

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROBES = 200
CHECK_EVERY = 1000


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
            if b"/quick" in head:
                writer.write(b"content-length: 12\r\n\r\ndata: hello\n")
                continue
            await asyncio.sleep(0.002)
            writer.write(b"transfer-encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"d\r\ndata: hello\n\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.001)
    writer.close()


async def _serve(folder: Path, ready: Connection) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context, backlog=512)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _server(folder: Path, ready: Connection) -> None:
    asyncio.run(_serve(folder, ready))


async def _one(client: Any, url: str) -> None:
    async with client.stream("POST", f"{url}/stream", content=b"x" * 2000) as response:
        async for _ in response.aiter_bytes():
            pass


async def _cancelled(client: Any, url: str, seconds: float) -> None:
    task = asyncio.ensure_future(_one(client, url))
    await asyncio.sleep(seconds)
    task.cancel()
    with suppress(BaseException):
        await task


async def _probe(client: Any, url: str) -> float:
    """Milliseconds of a small request; infinite if it takes more than 3 s."""
    start = time.perf_counter()
    try:
        async with asyncio.timeout(3):
            await client.get(f"{url}/quick")
    except Exception:  # noqa: BLE001 - dead is dead, of whatever
        return float("inf")
    return (time.perf_counter() - start) * 1000


async def _compare(used: Any, new: Any, url: str) -> tuple[float, float]:
    """Median milliseconds over both, asked in turns so that the machine's load hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    await _probe(new, url)  # its connection
    for turn in range(PROBES):
        for which in (0, 1) if turn % 2 else (1, 0):
            times[which].append(await _probe((used, new)[which], url))
        if times[0][-1] == float("inf"):
            return times[0][-1], 1.0
    return statistics.median(times[0]), statistics.median(times[1])


def _stray(client: Any) -> int:
    """Sockets of this process that the pool does not know of."""
    port = client.base_url.port
    connected = [
        entry
        for entry in psutil.Process().net_connections("tcp")
        if entry.raddr and entry.raddr.port == port and entry.status == "ESTABLISHED"
    ]
    pool = client._transport._pool  # noqa: SLF001 - see below
    return len(connected) - sum(1 for slot in pool.connections if not slot.is_closed())


async def _load(client: Any, url: str, cancels: int, tasks: int) -> int:
    """Cancel that many requests; returns how many until the pool died."""
    draw = random.Random(7)
    done = 0

    async def worker(share: int) -> None:
        for _ in range(share):
            await _cancelled(client, url, draw.uniform(0, 0.008))

    while done < cancels:
        step = min(CHECK_EVERY, cancels - done)
        await asyncio.gather(*(worker(step // tasks or 1) for _ in range(tasks)))
        done += (step // tasks or 1) * tasks
        if await _probe(client, url) == float("inf"):
            break
    return done


def _lost(client: Any) -> int:
    pool = client._transport._pool  # noqa: SLF001 - neither library counts its slots in public
    return sum(1 for slot in pool.connections if not (slot.is_idle() or slot.is_closed()))


async def _measure(library: str, name: str, url: str, ca: Path, cancels: int) -> None:
    httpx = importlib.import_module(library)
    tasks, size = (1, 100) if name == "keystrokes" else (20, 10)

    def make() -> Any:
        return httpx.AsyncClient(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(ca)),
            trust_env=False,
            timeout=httpx.Timeout(5.0, pool=2.0),
            limits=httpx.Limits(max_connections=size, max_keepalive_connections=10),
        )

    used, new = make(), make()
    start = time.perf_counter()
    done = await _load(used, url, cancels, tasks)
    seconds = time.perf_counter() - start
    stray = _stray(used)
    await asyncio.sleep(0.5)
    lost = _lost(used)
    after, fresh = await _compare(used, new, url)
    dead = after == float("inf")
    speed = "pool dead" if dead else f"{after:.2f}/{fresh:.2f} ms = {after / fresh:.2f}x"
    print(
        f"{library:6} {httpx.__version__:7} {name:11} {done:7,} cancels  {lost:3} slots lost  "
        f"{max(0, stray):3} stray sockets  next request {speed}  ({seconds:.0f} s)",
        flush=True,
    )
    for client in (used, new):
        with suppress(Exception):
            await client.aclose()


def main() -> None:
    """Start the server, run the loads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cancels", type=int, default=100_000)
    parser.add_argument("--library", action="append", choices=["httpx", "httpx2"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        pem = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
        pem.write_to_path(str(folder / "server.pem"))
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=_server, args=(folder, theirs), daemon=True)
        server.start()
        url = f"https://127.0.0.1:{ours.recv()}"
        try:
            for library in asked.library or ["httpx2", "httpx"]:
                for load in ("keystrokes", "contention"):
                    run = _measure(library, load, url, folder / "ca.pem", asked.cancels // 2)
                    asyncio.run(run)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
