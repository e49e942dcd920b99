"""Giving requests up: the supplier notices, and the pool loses nothing. Many times over."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, Stall, Tick, key_of, stream
from polypilot_providers.types import Stop
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    import ssl
    from pathlib import Path
    from typing import Protocol

    class Authority(Protocol):
        """The fixture of conftest."""

        file: Path

        def server(self, *names: str, **options: object) -> ssl.SSLContext: ...


HELLO = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
LIMITS = Limits(60, 60, 60)


def call(server: ScriptedServer) -> Call:
    return Call("team", Origin.parse(server.url), "/v1", {"code": "x" * 2000}, key_of("k"))


async def consume(http: HttpClient, what: Call) -> None:
    async with aclosing(http.stream(what, OpenAIParser, LIMITS)) as events:
        async for _ in events:
            pass


async def cancel_after(http: HttpClient, what: Call, seconds: float) -> None:
    task = asyncio.get_running_loop().create_task(consume(http, what))
    await asyncio.sleep(seconds)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=60)
    assert done
    assert task.cancelled()


async def test_every_cancel_reaches_the_supplier(http: HttpClient) -> None:
    """Mid-stream, one after another; each socket is closed and nothing is left open."""
    async with ScriptedServer(stream(Tick(HELLO, 0.001), end=False)) as server:
        for count in range(200):
            stream_ = http.stream(call(server), OpenAIParser, LIMITS)
            await anext(stream_)
            if count % 2:
                await stream_.aclose()
            else:
                waiting = asyncio.get_running_loop().create_task(anext(stream_))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
                await stream_.aclose()
            await asyncio.wait_for(server.requests[count].gone.wait(), 60)
        assert server.open_connections == 0


@pytest.mark.allow_blocking("an executor takes its own short lock when a thread is started")
async def test_two_thousand_cancels_at_any_moment(authority: Authority) -> None:
    """TCP, TLS handshake, waiting, streaming, 20 at a time: no slot of the pool is lost."""
    http = HttpClient(Network(ca_file=str(authority.file), env={}))
    draw = random.Random(3)  # noqa: S311 - moments, not secrets
    script = stream(Tick(HELLO, 0.002), end=False)
    async with ScriptedServer(script, tls=authority.server("127.0.0.1")) as server:
        await cancel_after(http, call(server), 0.05)

        async def worker() -> None:
            for _ in range(100):
                await cancel_after(http, call(server), draw.uniform(0, 0.03))

        await asyncio.gather(*(worker() for _ in range(20)))
        assert len(server.requests) < 2000  # a good part never got through the handshake
        for request in server.requests:
            await asyncio.wait_for(request.gone.wait(), 60)
        server.play(stream(HELLO, Stall(), end=False))
        # As many at once as the pool has slots: had one been lost, the last would wait for ever.
        everyone = [http.stream(call(server), OpenAIParser, LIMITS) for _ in range(100)]
        await asyncio.gather(*(anext(stream_) for stream_ in everyone))
        for stream_ in everyone:
            await stream_.aclose()
        server.play(stream(b"data: [DONE]\n\n"))
        answer = http.stream(call(server), OpenAIParser, LIMITS)
        assert [type(event) async for event in answer] == [Stop]
    await http.aclose()


async def test_cancelling_in_the_handshake_closes_the_socket(authority: Authority) -> None:
    """A server that takes the connection and then says nothing."""
    met: list[asyncio.Event] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.Event()
        met.append(gone)
        arrived.set()
        while await reader.read(1000):
            pass
        gone.set()
        writer.close()

    http = HttpClient(Network(ca_file=str(authority.file), env={}))
    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listener:
        origin = Origin.parse(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        what = Call("team", origin, "/", {}, needs_key=False)
        for count in range(20):
            arrived = asyncio.Event()
            task = asyncio.get_running_loop().create_task(consume(http, what))
            await asyncio.wait_for(arrived.wait(), 10)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.wait_for(met[count].wait(), 10)
    await http.aclose()


async def test_cancelling_while_the_client_is_built(authority: Authority) -> None:
    http = HttpClient(Network(ca_file=str(authority.file), env={}))
    async with ScriptedServer(
        stream(b"data: [DONE]\n\n"), tls=authority.server("127.0.0.1")
    ) as server:
        for _ in range(5):
            await cancel_after(http, call(server), 0)
        await consume(http, call(server))
    await http.aclose()
