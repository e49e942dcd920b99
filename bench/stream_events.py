"""What a streamed event costs us, per wire: from the bytes to the event, and over a socket.

    python bench/stream_events.py [--events 20000]

Printed per wire: the median time of one event fed alone (parser and framing); events per second
when the same stream comes in blocks of 16 KB, beside ``json.loads`` of the same payloads alone;
events per second through the HTTP layer from a server in another process, beside httpx2 reading
the same bytes and doing nothing with them. On two shared cores the server is part of that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from contextlib import aclosing

import httpx2  # noqa: TID251 - the baseline

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.failures import Peer
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.types import Stop, TextDelta
from provider_streams import STREAMS, Stream, served

LIMITS = Limits(60, 60, 60)
BLOCK = 16_384
ROUNDS = 5


def alone(stream: Stream, count: int) -> float:
    """Median seconds of an event that comes by itself."""
    parser = stream.parser(Peer("bench", "host"))
    times: list[float] = []
    for piece in stream.pieces(count):
        start = time.perf_counter()
        events = list(parser.feed(piece))
        taken = time.perf_counter() - start
        if events and isinstance(events[0], TextDelta):
            times.append(taken)
    assert len(times) == count
    return statistics.median(times)


def blocks(stream: Stream, count: int) -> float:
    """Events per second of a stream that comes in blocks; the best of some rounds."""
    data = b"".join(stream.pieces(count))
    best = 0.0
    for _ in range(ROUNDS):
        parser = stream.parser(Peer("bench", "host"))
        start = time.perf_counter()
        got = sum(
            isinstance(event, TextDelta)
            for at in range(0, len(data), BLOCK)
            for event in parser.feed(data[at : at + BLOCK])
        )
        best = max(best, got / (time.perf_counter() - start))
        assert got == count
        assert isinstance(list(parser.close())[-1], Stop)
    return best


def json_alone(stream: Stream, count: int) -> float:
    """The same payloads per second, when they are but parsed as JSON."""
    texts = [json.dumps(stream.text(f" piece{number}")) for number in range(count)]
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for text in texts:
            json.loads(text)
        best = max(best, count / (time.perf_counter() - start))
    return best


async def ours(http: HttpClient, url: str, name: str, count: int) -> float:
    call = Call("bench", Origin.parse(url), f"/{name}", {}, needs_key=False)
    start = time.perf_counter()
    got = 0
    async with aclosing(http.stream(call, STREAMS[name].parser, LIMITS)) as events:
        async for event in events:
            got += isinstance(event, TextDelta)
    assert got == count
    return count / (time.perf_counter() - start)


async def bare(client: httpx2.AsyncClient, url: str, name: str, count: int) -> float:
    start = time.perf_counter()
    async with client.stream("POST", f"{url}/{name}", json={}) as response:
        async for _ in response.aiter_bytes():
            pass
    return count / (time.perf_counter() - start)


async def sockets(count: int) -> dict[str, tuple[float, float]]:
    """Events per second over a socket, ours and the baseline's, by wire."""
    found: dict[str, tuple[float, float]] = {}
    answers = {name: stream.pieces(count) for name, stream in STREAMS.items()}
    http = HttpClient(Network(env={}))
    with served(answers) as url:
        async with httpx2.AsyncClient(trust_env=False) as client:
            for name in STREAMS:
                rates = [
                    (await ours(http, url, name, count), await bare(client, url, name, count))
                    for _ in range(ROUNDS)
                ]
                mine, theirs = zip(*rates, strict=True)
                found[name] = max(mine), max(theirs)
    await http.aclose()
    return found


def main() -> None:
    """Measure all wires."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    count = parser.parse_args().events
    rates = asyncio.run(sockets(count))
    print("wanted: p50 under 50 us an event, 20,000 events/s")
    for name, stream in STREAMS.items():
        mine, theirs = rates[name]
        print(
            f"{name:18} p50 {alone(stream, count) * 1e6:5.1f} us  "
            f"{blocks(stream, count):9,.0f}/s (json.loads {json_alone(stream, count):9,.0f}/s)"
            f"  socket {mine:8,.0f}/s (httpx2 unread {theirs:9,.0f}/s)"
        )


if __name__ == "__main__":
    main()
