"""The scripted server itself: a test tool that lies is worse than none."""

from __future__ import annotations

import asyncio

import pytest

from polypilot_providers.testing import Close, Reset, ScriptedServer, Send, Stall, Wait, reply
from polypilot_providers.types import Message, TextPart, ThoughtPart, assistant, user

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_it_sends_what_it_is_told_when_it_is_told() -> None:
    go = asyncio.Event()
    async with ScriptedServer([Send(b"one"), Wait(go), Send(b"two"), Close()]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET)
        assert await reader.readexactly(3) == b"one"
        assert server.open_connections == 1
        go.set()
        assert await reader.read() == b"two"
        (request,) = await server.wait_for_requests(1)
        assert (request.method, request.path, request.body) == ("GET", "/x", b"")
        assert request.answered
        writer.close()
        await asyncio.wait_for(request.gone.wait(), 10)
        assert request.gone_at is not None


async def test_it_notices_a_client_that_goes_away() -> None:
    async with ScriptedServer([Stall()]) as server:
        for data in (GET, GET[:9], b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf"):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(data)
            if data is GET:
                await server.wait_for_requests(1)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await asyncio.wait_for(server.requests[0].gone.wait(), 10)
        assert not server.requests[0].answered
        assert len(server.requests) == 1


async def test_a_reset_is_one() -> None:
    async with ScriptedServer([Reset()]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_ipv6_and_several_requests_over_one_connection() -> None:
    async with ScriptedServer(reply(200, b"a"), reply(404, [1]), host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        reader, writer = await asyncio.open_connection("::1", server.port)
        for body in (b"a", b"[1]", b"[1]"):
            writer.write(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(body)) == body
        assert server.requests[-1].json == {}
        assert [request.connection for request in server.requests] == [0, 0, 0]
        writer.close()


def test_a_messages_text_is_what_is_seen() -> None:
    assert user("a").text == "a"
    parts = (ThoughtPart("hm"), TextPart("b"), TextPart("c"))
    assert Message("assistant", parts).text == "bc"
    assert assistant("d") == Message("assistant", (TextPart("d"),))
