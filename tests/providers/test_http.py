"""The HTTP layer against a real server that behaves in every way servers do."""

from __future__ import annotations

import asyncio
import gzip
import logging
import resource
import socket
import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import Limits, Secret
from polypilot_providers.call import Call
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    NetworkError,
    ProviderError,
    RateLimited,
    StreamBroken,
    TimedOut,
    Unavailable,
)
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network, os_reason
from polypilot_providers.origin import Origin
from polypilot_providers.testing import (
    Close,
    Reset,
    ScriptedServer,
    Send,
    Stall,
    Step,
    Tick,
    Wait,
    key_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import Event, Stop, StopReason, TextDelta
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot_providers.base import KeySource

PATIENT = Limits(10, 10, 10, None)
HELLO = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
FINISH = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = [TextDelta("hello"), Stop(StopReason.END)]


def call(server: ScriptedServer, **fields: object) -> Call:
    defaults: dict[str, object] = {
        "provider": "team",
        "origin": Origin.parse(server.url),
        "path": "/v1/chat",
        "body": {"model": "m"},
        "needs_key": False,
    }
    return Call(**(defaults | fields))  # pyright: ignore[reportArgumentType] - fields of several types


async def ask(
    http: HttpClient, what: Call, limits: Limits = PATIENT
) -> tuple[list[Event], ProviderError | None]:
    return await outcome(http.stream(what, OpenAIParser, limits))


async def test_connections_are_kept_and_used_again(http: HttpClient) -> None:
    async with ScriptedServer(stream(HELLO, FINISH, DONE)) as server:
        for _ in range(5):
            assert await ask(http, call(server)) == (WHOLE, None)
        assert server.connections == 1


async def test_no_cookies(http: HttpClient) -> None:
    script = stream(HELLO, FINISH, DONE, headers={"set-cookie": "track=1; Path=/"})
    async with ScriptedServer(script) as server:
        await ask(http, call(server))
        await ask(http, call(server))
        assert "cookie" not in server.requests[1].headers
        assert server.requests[1].headers["user-agent"] == "polypilot"


async def test_an_unpaired_surrogate_is_sent_as_a_question_mark(http: HttpClient) -> None:
    async with ScriptedServer(stream(DONE)) as server:
        await ask(http, call(server, body={"prompt": "a\ud800b"}))
        assert server.requests[0].json == {"prompt": "a?b"}


# The key


@pytest.mark.parametrize("path", ["@evil.example/", "v1", "", ".evil.example/"])
async def test_the_path_can_not_change_the_host(
    http: HttpClient, key: KeySource, path: str
) -> None:
    async with ScriptedServer(stream(DONE)) as server:
        got, error = await ask(http, call(server, path=path, key=key))
        assert isinstance(error, ConfigurationError)
        assert (got, server.requests) == ([], [])


@pytest.mark.parametrize("value", ["", "line\nbreak", "ä", "two words", "tab\t", "\x7f"])
async def test_a_key_that_can_be_none_is_not_sent(http: HttpClient, value: str) -> None:
    async with ScriptedServer(stream(DONE)) as server:
        _, error = await ask(http, call(server, key=key_of(value)))
        assert isinstance(error, AuthError)
        assert server.requests == []
        assert not value or value not in str(error)


async def test_a_needed_key_that_is_missing(http: HttpClient) -> None:
    async def key() -> Secret | None:
        return None

    async with ScriptedServer(stream(DONE)) as server:
        for source in (key, None):
            _, error = await ask(http, call(server, key=source, needs_key=True))
            assert isinstance(error, AuthError)
            assert "polypilot auth set team" in error.cure
        assert server.requests == []
        assert (await ask(http, call(server, key=key)))[1] is None
        assert "authorization" not in server.requests[0].headers


async def test_each_supplier_sees_only_its_own_key(http: HttpClient) -> None:
    async with ScriptedServer(stream(DONE)) as a, ScriptedServer(stream(DONE)) as b:
        await ask(http, call(a, key=key_of("key-of-a")))
        await ask(http, call(b, key=key_of("key-of-b"), auth="x-api-key"))
        await ask(http, call(a, key=key_of("key-of-a")))
        assert all("key-of-b" not in repr(request) for request in a.requests)
        assert all("key-of-a" not in repr(request) for request in b.requests)
        assert a.requests[0].headers["authorization"] == "Bearer key-of-a"
        assert b.requests[0].headers["x-api-key"] == "key-of-b"
        assert "authorization" not in b.requests[0].headers


async def test_nothing_of_key_or_code_is_logged(
    http: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # The client's own log is off, since it shows headers of answers; here it is what is read.
    for library in ("httpx2", "httpcore2"):
        assert logging.getLogger(library).level >= logging.WARNING
        caplog.set_level(logging.DEBUG, logger=library)
    async with ScriptedServer(reply(500, {"error": {"message": "canary-code"}})) as server:
        what = call(
            server,
            key=key_of("canary-key"),
            body={"prompt": "canary-code"},
            own_text=("canary-code",),
        )
        _, error = await ask(http, what)
        assert "canary" not in f"{error!s}{error!r}{error.__dict__}"
    assert caplog.records
    assert "canary" not in caplog.text


# Redirects


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("where", ["cross", "//", "same", "none", "bad"])
async def test_redirects(http: HttpClient, status: int, where: str) -> None:
    async with ScriptedServer(stream(DONE)) as other, ScriptedServer([]) as server:
        targets = {
            "cross": f"{other.url}/v1?key=canary",
            "//": f"//127.0.0.1:{other.port}/",
            "same": "/elsewhere",
            "bad": "http://evil.example/",
        }
        headers = {"location": targets[where]} if where in targets else {}
        server.play(reply(status, b"", headers))
        got, error = await ask(http, call(server))
        assert got == []
        assert isinstance(error, ConfigurationError)
        assert not error.failover
        assert error.message.startswith(f"127.0.0.1:{server.port} redirects")
        assert (f"to 127.0.0.1:{other.port};" in error.message) == (where == "cross")
        assert "canary" not in error.message
        assert other.requests == []
        assert len(server.requests) == 1


# Time limits


async def test_no_first_byte(http: HttpClient) -> None:
    async with ScriptedServer([Stall()]) as server:
        got, error = await ask(http, call(server), Limits(10, 0.1, 10))
        assert isinstance(error, TimedOut)
        assert (got, error.limit, error.failover) == ([], "first_byte", True)
        await asyncio.wait_for(server.requests[0].gone.wait(), 10)


async def test_headers_are_no_content(http: HttpClient) -> None:
    async with ScriptedServer(stream(Stall(), end=False)) as server:
        _, error = await ask(http, call(server), Limits(10, 0.1, 10))
        assert isinstance(error, TimedOut)
        assert error.limit == "first_byte"


async def test_silence_in_the_middle(http: HttpClient) -> None:
    async with ScriptedServer(stream(HELLO, Stall(), end=False)) as server:
        got, error = await ask(http, call(server), Limits(10, 10, 0.1))
        assert got == WHOLE[:1]
        assert isinstance(error, TimedOut)
        assert error.limit == "idle"


async def test_content_holds_off_the_idle_limit_but_not_the_total(http: HttpClient) -> None:
    async with ScriptedServer(stream(Tick(HELLO, 0.02), end=False)) as server:
        got, error = await ask(http, call(server), Limits(10, 10, 5, 2.0))
        assert len(got) > 3
        assert isinstance(error, TimedOut)
        assert error.limit == "total"


async def test_the_readers_own_time_does_not_count(http: HttpClient) -> None:
    go = asyncio.Event()
    limits = Limits(10, 10, 0.3)
    async with (
        ScriptedServer(stream(HELLO, Wait(go), HELLO, FINISH, DONE)) as server,
        ScriptedServer(stream(HELLO, Stall(), end=False)) as other,
    ):
        what = http.stream(call(server), OpenAIParser, limits)
        async with aclosing(what) as events:
            assert await anext(events) == TextDelta("hello")
            # The reader is busy until the limit of an answer that began later has passed.
            _, error = await ask(http, call(other), limits)
            assert isinstance(error, TimedOut)
            assert error.limit == "idle"
            go.set()
            assert await anext(events) == TextDelta("hello")


async def test_a_black_hole_takes_the_connect_limit(http: HttpClient) -> None:
    """A listener whose queue of connections is full answers no more of them."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        port = hole.getsockname()[1]
        fillers: list[socket.socket] = []
        try:
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            origin = Origin.parse(f"http://127.0.0.1:{port}")
            what = Call("team", origin, "/", {}, needs_key=False)
            _, error = await ask(http, what, Limits(0.2, 10, 10))
            assert isinstance(error, TimedOut)
            assert error.limit == "connect"
        finally:
            for filler in fillers:
                filler.close()


async def test_a_finished_answer_does_not_wait_for_its_end_marker(http: HttpClient) -> None:
    async with ScriptedServer(stream(HELLO, FINISH, Stall(), end=False)) as server:
        assert await ask(http, call(server)) == (WHOLE, None)
    async with ScriptedServer(stream(HELLO, FINISH, Reset(), end=False)) as server:
        assert await ask(http, call(server)) == (WHOLE, None)
    async with ScriptedServer(stream(HELLO, FINISH, DONE, Stall(), end=False)) as server:
        assert await ask(http, call(server)) == (WHOLE, None)
    flood = b"x" * 40_000
    async with ScriptedServer(stream(HELLO, FINISH, DONE, flood, flood)) as server:
        assert await ask(http, call(server)) == (WHOLE, None)


# What a network does


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection(http: HttpClient, host: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    what = Call("team", Origin.parse(f"http://{host}:{port}"), "/", {}, needs_key=False)
    _, error = await asyncio.wait_for(ask(http, what), 10)
    assert isinstance(error, NetworkError)
    assert error.failover
    assert error.message == f"{host}:{port} could not be asked: the connection was refused"
    assert error.cure


def test_a_name_that_is_not_resolved_is_said_to_be_so() -> None:
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("localhost", "no-such-service")
    reason = os_reason(caught.value)
    assert reason is not None
    assert "resolved" in reason[0]


@pytest.mark.parametrize(
    "steps",
    [
        [Close()],
        [Reset()],
        [Send(b"HTTP/1.1 200"), Close()],
        [Send(b"SSH-2.0-OpenSSH_9\r\n\r\n"), Close()],
        [Send(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")],
    ],
)
async def test_no_answer_in_http(http: HttpClient, steps: list[Step]) -> None:
    async with ScriptedServer(steps) as server:
        got, error = await ask(http, call(server))
        assert isinstance(error, NetworkError)
        assert got == []
        assert len(server.requests) == 1  # a new connection: no second try
        server.play(stream(HELLO, FINISH, DONE))
        assert await ask(http, call(server)) == (WHOLE, None)


@pytest.mark.parametrize(
    "tail",
    [
        [Close()],
        [Reset()],
        [Send(b"zz\r\ngarbage")],
        [Send(b"5\r\nab"), Close()],
    ],
)
async def test_a_connection_that_breaks_in_the_middle(http: HttpClient, tail: list[Step]) -> None:
    async with ScriptedServer([*stream(HELLO, end=False), *tail]) as server:
        got, error = await ask(http, call(server))
        assert got == WHOLE[:1]
        assert isinstance(error, StreamBroken)
        assert not error.failover
        server.play([*stream(end=False), *tail])
        got, error = await ask(http, call(server))
        assert got == []
        assert isinstance(error, NetworkError)  # nothing was shown: another may try


async def test_an_error_in_the_middle_keeps_what_came(http: HttpClient) -> None:
    error_event = b'event: error\ndata: {"error":{"type":"overloaded_error","message":"busy"}}\n\n'
    async with ScriptedServer(stream(HELLO + error_event)) as server:
        got, error = await ask(http, call(server))
        assert got == WHOLE[:1]
        assert type(error) is StreamBroken
        assert "busy" in error.message
        assert isinstance(error.__cause__, Unavailable)
        server.play(stream(error_event))
        got, error = await ask(http, call(server))
        assert type(error) is Unavailable


async def test_a_kept_connection_that_died_is_replaced_once(http: HttpClient) -> None:
    """The server closes an idle connection at the moment we write to it."""
    whole = stream(HELLO, FINISH, DONE)
    for last in (Close(), Reset()):
        async with ScriptedServer(whole) as server:
            for round_ in range(20):
                server.play(whole, [last], whole)
                assert await ask(http, call(server)) == (WHOLE, None)
                assert await ask(http, call(server)) == (WHOLE, None)
                assert len(server.requests) == 3 * (round_ + 1)
            server.play(whole, [last], [last], whole)
            await ask(http, call(server))
            _, error = await ask(http, call(server))
            assert isinstance(error, NetworkError)  # twice is not the idle time's fault


async def test_two_kept_connections_that_died_are_one_too_many(http: HttpClient) -> None:
    both = asyncio.Event()
    slow = stream(HELLO, Wait(both), FINISH, DONE)
    async with ScriptedServer(slow) as server:
        first = asyncio.ensure_future(ask(http, call(server)))
        second = asyncio.ensure_future(ask(http, call(server)))
        await server.wait_for_requests(2)
        both.set()
        assert await first == await second == (WHOLE, None)
        server.play([Close()])
        _, error = await ask(http, call(server))
        assert isinstance(error, NetworkError)
        assert len(server.requests) == 4  # one retry, over the other kept connection


async def test_an_idle_connection_that_was_closed_is_noticed_before(http: HttpClient) -> None:
    whole = stream(HELLO, FINISH, DONE)
    async with ScriptedServer([*whole, Close()]) as server:
        for _ in range(10):
            assert await ask(http, call(server)) == (WHOLE, None)
            await asyncio.wait_for(server.requests[-1].gone.wait(), 10)
        assert len(server.requests) == 10


# What a hostile supplier does


def rss_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    zeros = b"data: " + b"0" * 1_000_000
    return b"".join(packer.compress(zeros) for _ in range(400)) + packer.flush()


def hostile() -> Iterator[tuple[str, list[Step], str]]:
    """Name, what the server does, what the error says."""
    pieces = HELLO.replace(b"hello", b"o" * 9000) * 9
    gzip_head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
    event, answer = "event of more than 1,000,000", "longer than 8,000,000"
    yield "line without end", stream(Tick(b"x" * 500_000, 0.001), end=False), event
    yield "event of 200 MB", stream(b"data: ", Tick(b"x" * 900_000, 0), end=False), event
    many = Tick(b"data: " + b"x" * 100_000 + b"\n", 0)
    yield "many lines in one event", stream(many, end=False), event
    text = "its text is longer than 8,000,000"
    yield "endless content", stream(Tick(pieces, 0), end=False), text
    padded = b'{"x": "' + b"x" * 9000 + b'", ' + HELLO.removeprefix(b"data: {")
    envelopes = stream(Tick((b"data: " + padded) * 9, 0), end=False)
    yield "endless envelopes", envelopes, "longer than 8,4"
    small = (b"data: " + padded.replace(b"x" * 9000, b"x" * 450)) * 150
    yield "endless small pieces", stream(Tick(small, 0), end=False), "longer than 64,000,000"
    yield "endless pings", stream(Tick((b": ping" * 99 + b"\n") * 200, 0), end=False), answer
    yield "deep JSON", stream(b"data: " + b'{"a":' * 150_000 + b"\n\n"), "not JSON"
    yield "long number", stream(b"data: " + b"9" * 500_000 + b"\n\n"), "not JSON"
    yield "gzip bomb", [Send(gzip_head), Send(bomb()), Close()], event
    not_gzip = stream(b"plain", headers={"content-encoding": "gzip"})
    yield "not gzip", not_gzip, "can't be decompressed"
    for name in ("br", "gzip, gzip"):
        yield name, stream(b"plain", headers={"content-encoding": name}), "although asked not to"
    yield "document without end", stream(b"{", Tick(b" " * 500_000, 0), end=False), answer
    error: list[Step] = [Send(b"HTTP/1.1 500 X\r\n\r\n"), Tick(b"x" * 100_000, 0)]
    yield "error without end", error, "HTTP 500"
    head: list[Step] = [Send(b"HTTP/1.1 200 OK\r\n"), Tick(b"a: b\r\n" * 5000, 0)]
    yield "headers without end", head, "does not answer in HTTP"
    yield "html", reply(200, b"<html>log in", {"content-type": "text/html"}), "web page"


HOSTILE = {name: (steps, words) for name, steps, words in hostile()}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_answers_are_bounded(http: HttpClient, name: str) -> None:
    steps, words = HOSTILE[name]
    async with ScriptedServer(steps) as server:
        before = rss_kb()
        _, error = await asyncio.wait_for(ask(http, call(server)), 60)
        assert isinstance(error, ProviderError)
        assert words in error.message
        assert rss_kb() - before < 64 * 1024
        server.play(stream(HELLO, FINISH, DONE))
        assert await ask(http, call(server)) == (WHOLE, None)


async def test_a_long_answer_may_be_many_times_its_text(http: HttpClient) -> None:
    """A token in each piece, as suppliers send it: twelve million bytes for 150,000 characters."""
    piece = HELLO[:-3] + b',"id":"' + b"c" * 340 + b'"}\n\n'
    async with ScriptedServer(stream(piece * 30_000, FINISH, DONE)) as server:
        events, error = await ask(http, call(server))
    assert error is None
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["hello"] * 30_000


async def test_answers_nobody_reads_give_their_connection_back(http: HttpClient) -> None:
    """More of them than the pool has places."""
    async with ScriptedServer(reply(307, b"x" * 1000, {"location": "/"})) as server:
        for _ in range(120):
            _, error = await asyncio.wait_for(ask(http, call(server)), 60)
            assert isinstance(error, ConfigurationError)
        assert len(server.requests) == 120


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_an_answer_compressed_unasked_is_read(http: HttpClient, encoding: str) -> None:
    data = HELLO + FINISH + DONE
    packed = gzip.compress(data) if encoding == "gzip" else zlib.compress(data)
    async with ScriptedServer(stream(packed, headers={"content-encoding": encoding})) as server:
        assert await ask(http, call(server)) == (WHOLE, None)


async def test_the_body_of_an_error_may_be_missing(http: HttpClient) -> None:
    stall: list[Step] = [
        Send(b"HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 9\r\n\r\n"),
        Stall(),
    ]
    async with ScriptedServer(stall) as server:
        _, error = await ask(http, call(server), Limits(10, 0.1, 10))
        assert isinstance(error, RateLimited)
        assert error.retry_after == 7


# Whole answers, warming, closing


async def test_get_json(http: HttpClient) -> None:
    async with ScriptedServer(reply(200, {"data": []})) as server:
        get = call(server, body=None, path="/v1/models?limit=1")
        assert await http.get_json(get, PATIENT) == {"data": []}
        assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models?limit=1")
        for script, kind in (
            (reply(200, b"<html>"), Unavailable),
            (reply(200, b"[" * 200_000), Unavailable),
            (reply(401, b"{}"), AuthError),
            (reply(200, b" " * 8_000_001), StreamBroken),
            ([Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), Close()], StreamBroken),
        ):
            server.play(script)
            with pytest.raises(kind):
                await http.get_json(get, PATIENT)
        server.play([Stall()])
        with pytest.raises(TimedOut):
            await http.get_json(get, Limits(10, 0.1, 10))


async def test_warming_leaves_a_connection_for_the_next_request(http: HttpClient) -> None:
    head: list[Step] = [Send(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")]
    async with ScriptedServer(head, stream(HELLO, FINISH, DONE)) as server:
        await http.warm(Origin.parse(server.url), PATIENT)
        assert await ask(http, call(server)) == (WHOLE, None)
        warmed = server.requests[0]
        assert (warmed.method, warmed.body) == ("HEAD", b"")
        assert "authorization" not in warmed.headers
        assert server.connections == 1
        server.play([Reset()])
        await http.warm(Origin.parse(server.url), PATIENT)


async def test_after_closing_nothing_is_sent(http: HttpClient) -> None:
    async with ScriptedServer(stream(HELLO, FINISH, DONE)) as server:
        await ask(http, call(server))
        await http.aclose()
        await http.aclose()
        await asyncio.wait_for(server.requests[0].gone.wait(), 10)
        _, error = await ask(http, call(server))
        assert isinstance(error, NetworkError)
        assert len(server.requests) == 1


async def test_requests_at_the_same_moment_build_one_client() -> None:
    http = HttpClient(Network(env={}))
    async with ScriptedServer(stream(HELLO, FINISH, DONE)) as server:
        results = await asyncio.gather(*(ask(http, call(server)) for _ in range(8)))
        assert results == [(WHOLE, None)] * 8
    await http.aclose()


async def test_the_environments_settings_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy.example")
    http = HttpClient()
    what = Call("team", Origin.parse("https://example.org"), "/", {}, needs_key=False)
    _, error = await ask(http, what)
    assert isinstance(error, ConfigurationError)
    assert "HTTPS_PROXY" in error.message


async def test_a_key_that_takes_for_ever_is_within_the_limits(http: HttpClient) -> None:
    async def never() -> Secret | None:
        await asyncio.Event().wait()

    async with ScriptedServer(stream(HELLO + FINISH + DONE)) as server:
        got, error = await ask(http, call(server, key=never), Limits(10, 10, 10, total=0.01))
        assert (got, type(error)) == ([], TimedOut)
        assert server.requests == []
