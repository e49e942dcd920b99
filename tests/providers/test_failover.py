"""Failover between real servers, beside one that the user did not list."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest
from router_support import drain

from polypilot_providers.base import Limits, Provider
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import NetworkError, ProviderError, RateLimited, Unavailable
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.router import Router, RouterEvent, Switched, Target, Terms
from polypilot_providers.testing import (
    Close,
    Reset,
    ScriptedServer,
    Stall,
    Step,
    Tick,
    Wait,
    key_of,
    reply,
    stream,
)
from polypilot_providers.types import ChatRequest, CompletionRequest, Stop, TextDelta, user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

LIMITS = Limits(1.5, 1.5, 5)
SLOW_DOWN = reply(429, {"error": {"message": "slow"}}, {"retry-after": "60"})
FAULTS: dict[str, list[Step]] = {
    "429": SLOW_DOWN,
    "503": reply(503, b""),
    "no first byte": [Stall()],
    "closed": [Close()],
    "reset": [Reset()],
}
ANSWER = stream(
    b'data: {"choices":[{"delta":{"content":"here"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


class Field:
    """Servers that the user listed, in order; and one that he knows of and did not list."""

    def __init__(self, unlisted: ScriptedServer) -> None:
        self.unlisted = unlisted
        self.terms: dict[str, Terms] = {}
        self.urls: list[str] = []
        self.ahead = 0.0
        """Seconds by which the router's clock is ahead of the others."""
        self.router = Router(
            self._resolve,
            lambda: time.monotonic() + self.ahead,
            backoff=lambda: 0.0,
            terms=lambda name: self.terms.get(name, Terms()),
        )
        self.http = HttpClient(Network(env={}), heard=self.router.heard)

    def list(self, *servers: ScriptedServer | str) -> None:
        """The user's list, by server or address; what was known of others is forgiven."""
        self.router.forgive()
        self.urls = [each if isinstance(each, str) else each.url for each in servers]

    @property
    def targets(self) -> Sequence[Target]:
        return [Target(str(number), "m") for number in range(len(self.urls))]

    async def complete(self, limits: Limits = LIMITS) -> list[RouterEvent | ProviderError]:
        return await drain(self.completing(limits))

    def completing(self, limits: Limits = LIMITS) -> AsyncGenerator[RouterEvent, None]:
        return self.router.stream_completion(
            self.targets, lambda to: CompletionRequest(to.model, "p"), limits
        )

    async def chat(self) -> list[RouterEvent | ProviderError]:
        return await drain(
            self.router.stream_chat(self.targets, ChatRequest("", (user("x"),)), LIMITS)
        )

    async def _resolve(self, name: str) -> Provider:
        url = [*self.urls, self.unlisted.url][int(name)]
        row = ProviderRow(id=name, wire="openai-chat", completion="prefix", base_url=url)
        return build(row, key_of(f"key-of-{name}"), self.http)


@pytest.fixture
async def ground() -> AsyncIterator[Field]:
    """After each test: nothing ever came to the provider that is not listed."""
    async with ScriptedServer(ANSWER) as unlisted:
        field = Field(unlisted)
        yield field
        await field.http.aclose()
        assert (unlisted.requests, unlisted.connections) == ([], 0)


@pytest.fixture
def refusing() -> str:
    """An address where nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def deaf() -> AsyncGenerator[str]:
    """A listener that accepts no connection: those beyond its queue get no answer at all."""
    with closing(socket.socket()) as listener, closing(socket.socket()) as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.setblocking(False)
        await asyncio.get_running_loop().sock_connect(first, listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("first", FAULTS)
@pytest.mark.parametrize("second", FAULTS)
async def test_while_one_is_up_the_user_gets_an_answer(
    ground: Field, first: str, second: str
) -> None:
    async with (
        ScriptedServer(FAULTS[first]) as a,
        ScriptedServer(FAULTS[second]) as b,
        ScriptedServer(ANSWER) as c,
    ):
        ground.list(a, b, c)
        got = await ground.complete()
        assert [type(event) for event in got] == [Switched, Switched, TextDelta, Stop]
        for name, server in enumerate((a, b, c)):
            assert len(server.requests) == 1
            assert server.requests[0].headers["authorization"] == f"Bearer key-of-{name}"


@pytest.mark.parametrize(
    "fault",
    [
        reply(500, b""),
        reply(529, {"error": {"type": "overloaded_error"}}),
        stream(Tick(b": ping\n\n", 0.1), end=False),
        stream(b'data: {"error":{"message":"out","code":503}}\n\n'),
    ],
    ids=["500", "529", "pings and no content", "an error in the stream"],
)
async def test_so_with_faults_that_show_late(ground: Field, fault: list[Step]) -> None:
    async with ScriptedServer(fault) as a, ScriptedServer(ANSWER) as b:
        ground.list(a, b)
        for ask in (ground.complete, ground.chat):
            got = await ask()
            assert [type(event) for event in got] == [Switched, TextDelta, Stop]


async def test_what_can_not_be_reached_is_passed_over(ground: Field, refusing: str) -> None:
    untrusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with (
        deaf() as silent,
        ScriptedServer(ANSWER) as plain,
        ScriptedServer(ANSWER, tls=untrusted) as tls,
        ScriptedServer(ANSWER) as up,
    ):
        for address, cause in (
            (refusing, "refused"),
            (silent, "could not be reached within 1.5 s"),
            (tls.url, ""),
            (plain.url.replace("http:", "https:"), ""),
            ("https://no-such-host.invalid", ""),
        ):
            ground.list(address, up)
            switched, *rest = await ground.complete()
            assert isinstance(switched, Switched)
            assert switched.reason in ("network", "timeout")
            assert cause in switched.message
            assert [type(event) for event in rest] == [TextDelta, Stop]
            ground.list(address)
            (error,) = await ground.complete()
            assert isinstance(error, NetworkError)
            assert error.host in address
            assert (error.cure, error.host in error.message) == (error.cure, True)
        assert (plain.requests, tls.requests) == ([], [])


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_a_refusal_is_one_request(ground: Field, status: int) -> None:
    async with ScriptedServer(reply(status, b"")) as a, ScriptedServer(ANSWER) as b:
        ground.list(a, b)
        for ask in (ground.chat, ground.complete):
            a.requests.clear()
            ground.router.forgive()
            (error,) = await ask()
            assert isinstance(error, ProviderError)
            assert (len(a.requests), len(b.requests)) == (1, 0)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
async def test_attempts_per_supplier_and_action(ground: Field, status: int) -> None:
    async with ScriptedServer(reply(status, b"")) as a:
        ground.list(a)
        assert isinstance((await ground.chat())[0], Unavailable)
        assert len(a.requests) == 2
        await ground.complete()
        assert len(a.requests) == 3


async def test_nothing_follows_the_first_text(ground: Field) -> None:
    half = b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n'
    late = b'data: {"error":{"message":"overloaded","type":"overloaded_error"}}\n\n'
    async with ScriptedServer(stream(half, late)) as a, ScriptedServer(ANSWER) as b:
        ground.list(a, b)
        for ask in (ground.chat, ground.complete):
            text, error = await ask()
            assert text == TextDelta("half")
            assert isinstance(error, ProviderError)
        assert b.requests == []


async def test_no_request_goes_out_within_a_pause(ground: Field) -> None:
    async with ScriptedServer(SLOW_DOWN) as a, ScriptedServer(ANSWER) as b:
        ground.list(a)
        for _ in range(200):
            assert isinstance((await ground.complete())[0], RateLimited)
        assert len(a.requests) == 1
        ground.list(a, b)
        for _ in range(5):
            assert isinstance((await ground.complete())[0], Switched)
            assert isinstance((await ground.chat())[0], Switched)
        assert (len(a.requests), len(b.requests)) == (1, 10)


async def test_the_head_of_an_answer_holds_back_the_next_request(ground: Field) -> None:
    """The last request of the minute is answered, and no other runs into a refusal."""
    last = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m"}
    answer = stream(
        b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        headers=last,
    )
    async with ScriptedServer(answer, SLOW_DOWN) as a, ScriptedServer(ANSWER) as b:
        ground.list(a, b)
        assert [type(event) for event in await ground.complete()] == [TextDelta, Stop]
        for _ in range(20):
            assert isinstance((await ground.complete())[0], Switched)
        assert len(a.requests) == 1


async def test_an_open_breaker_costs_the_supplier_nothing(ground: Field) -> None:
    async with ScriptedServer(FAULTS["503"]) as a, ScriptedServer(ANSWER) as b:
        ground.list(a, b)
        for _ in range(30):
            assert [type(event) for event in await ground.complete()] == [Switched, TextDelta, Stop]
        assert (len(a.requests), len(b.requests)) == (5, 30)


async def test_the_probe_of_a_half_open_breaker_brings_the_first_back(ground: Field) -> None:
    """Where nobody else is left it may go out after four seconds."""
    async with ScriptedServer(*[FAULTS["503"]] * 5, ANSWER) as a:
        ground.list(a)
        for _ in range(5):
            await ground.complete()
        refused = 0
        async with asyncio.timeout(30):
            while isinstance((await ground.complete())[0], Unavailable):
                refused += 1
                ground.ahead += 0.1
        assert refused
        assert len(a.requests) == 6


async def test_when_all_are_down_the_answer_is_one_error(ground: Field) -> None:
    async with (
        ScriptedServer([Stall()]) as a,
        ScriptedServer([Stall()]) as b,
        ScriptedServer([Stall()]) as c,
    ):
        ground.list(a, b, c)
        *switches, error = await ground.complete(Limits(0.3, 0.3, 5))
        assert [type(event) for event in switches] == [Switched, Switched]
        assert isinstance(error, NetworkError)


async def test_the_users_requests_per_minute_hold_on_the_wire(ground: Field) -> None:
    async with ScriptedServer(ANSWER) as a:
        ground.list(a)
        ground.terms["0"] = Terms(requests_per_minute=10)
        for _ in range(30):
            await ground.complete()
        assert len(a.requests) == 9
        await ground.chat()
        assert len(a.requests) == 10


@pytest.mark.parametrize("end", [Close(), Reset()], ids=["closed", "reset"])
async def test_a_connection_that_ends_between_two_requests_is_nobodys_error(
    ground: Field, end: Step
) -> None:
    """As after a sleep, or when the supplier tires of an idle connection."""
    gone = asyncio.Event()
    async with ScriptedServer([*ANSWER, Wait(gone), end]) as a:
        ground.list(a)
        for number in range(100):
            got = await ground.complete()
            assert [type(event) for event in got] == [TextDelta, Stop]
            gone.set()
            if number % 2:  # either the end is seen before the next request, or it is not
                async with asyncio.timeout(10):
                    await a.requests[-1].gone.wait()
            gone.clear()
        assert len(a.requests) == 100
