"""Routing: who is asked, again, next, or not at all."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_providers.base import CHAT_LIMITS, Limits, Provider
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.decisions import (
    Breaker,
    Fail,
    NextTarget,
    Pause,
    Retry,
    asked_pause,
    decide,
)
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    NetworkError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    TimedOut,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.factory import build
from polypilot_providers.router import Router, RouterEvent, Switched, Target
from polypilot_providers.testing import (
    Close,
    Reset,
    ScriptedServer,
    Stall,
    Step,
    key_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    ModelInfo,
    Stop,
    StopReason,
    TextDelta,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from polypilot_providers.http import HttpClient

A, B, C = Target("a", "m-a"), Target("b", "m-b"), Target("c")
OF_THE_MOMENT: list[ProviderError] = [
    RateLimited("429"),
    Unavailable("503"),
    NetworkError("refused"),
    TimedOut("no connection", limit="connect"),
    TimedOut("no first byte", limit="first_byte"),
]
FINAL: list[ProviderError] = [
    RequestRefused("400", status=400),
    AuthError("401", status=401),
    AuthError("403", status=403),
    UnknownModel("404", status=404),
    ContextTooLong("413", status=413),
    RequestRefused("422", status=422),
    QuotaExhausted("402", status=402),
    ConfigurationError("row"),
    StreamBroken("broke"),
]
Script = list[Event | ProviderError | asyncio.Event]


@dataclass
class Scripted:
    """A provider that plays one script per request: events, errors, waits."""

    id: str
    scripts: list[Script]
    local: bool = False
    asked: list[ChatRequest | CompletionRequest] = field(
        default_factory=list[ChatRequest | CompletionRequest]
    )
    limits: list[Limits] = field(default_factory=list[Limits])
    closed: int = 0

    def complete(
        self, request: CompletionRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        return self._play(request, limits)

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        return self._play(request, limits)

    async def models(self) -> list[ModelInfo]:
        return []

    async def aclose(self) -> None:
        pass

    async def _play(
        self, request: ChatRequest | CompletionRequest, limits: Limits
    ) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        self.limits.append(limits)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for step in script:
                if isinstance(step, ProviderError):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1


class World:
    """Providers, a clock that moves when somebody sleeps, and a router among them."""

    def __init__(self, *providers: Scripted | ProviderError, local_only: bool = False) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._providers = dict(zip("abc", providers, strict=False))
        self.router = Router(
            self._resolve,
            lambda: self.now,
            sleep=self._sleep,
            backoff=lambda: 0.5,
            local_only=local_only,
        )

    async def _resolve(self, name: str) -> Provider:
        found = self._providers[name]
        if isinstance(found, ProviderError):
            raise found
        return found

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def chat(self, *targets: Target) -> list[RouterEvent | ProviderError]:
        return await drain(self.router.stream_chat(targets, ChatRequest("x", (user("hi"),))))

    async def complete(self, *targets: Target) -> list[RouterEvent | ProviderError]:
        def request_for(target: Target) -> CompletionRequest:
            return CompletionRequest(target.model, "p")

        return await drain(self.router.stream_completion(targets, request_for))


async def drain(
    events: AsyncGenerator[RouterEvent, None],
) -> list[RouterEvent | ProviderError]:
    got, error = await outcome(events)
    return [*got, error] if error else [*got]


def good(name: str, *, local: bool = False) -> Scripted:
    return Scripted(name, [[TextDelta(name), Stop(StopReason.END)]], local)


def bad(name: str, *errors: ProviderError, local: bool = False) -> Scripted:
    return Scripted(name, [[error] for error in errors], local)


def said(name: str) -> Script:
    return [TextDelta(name), Stop(StopReason.END)]


# Decisions


@pytest.mark.parametrize("error", FINAL, ids=str)
@pytest.mark.parametrize("may_retry", [True, False])
def test_a_refusal_is_final(error: ProviderError, *, may_retry: bool) -> None:
    assert decide(error, started=False, may_retry=may_retry, more=True, backoff=1) == Fail()


@pytest.mark.parametrize("error", OF_THE_MOMENT, ids=repr)
def test_after_the_first_event_every_error_is_final(error: ProviderError) -> None:
    assert decide(error, started=True, may_retry=True, more=True, backoff=1) == Fail()


@pytest.mark.parametrize(
    ("error", "may_retry", "more", "step"),
    [
        (Unavailable("503"), True, True, Retry(0.7)),
        (Unavailable("503"), False, True, NextTarget()),
        (NetworkError("reset"), True, False, Retry(0.7)),
        (TimedOut("late"), True, False, NextTarget()),
        (RateLimited("429"), True, True, NextTarget()),
        (RateLimited("429"), True, False, Retry(5.05)),
        (RateLimited("429", retry_after=2), True, False, Retry(2.05)),
        (RateLimited("429", retry_after=0.1), True, False, Retry(0.7)),
        (RateLimited("429", retry_after=11), True, False, NextTarget()),
        (RateLimited("429", retry_after=2), False, False, NextTarget()),
        (Unavailable("503", retry_after=3), True, False, Retry(3.05)),
        (Unavailable("503", retry_after=3), True, True, NextTarget()),
    ],
)
def test_what_follows(error: ProviderError, step: object, *, may_retry: bool, more: bool) -> None:
    assert decide(error, started=False, may_retry=may_retry, more=more, backoff=0.7) == step


@pytest.mark.parametrize(("asked", "pause"), [(None, 5.0), (-3.0, 0.0), (1e9, 120.0), (7.0, 7.0)])
def test_how_long_a_rate_limit_pauses(asked: float | None, pause: float) -> None:
    assert asked_pause(RateLimited("429", retry_after=asked)) == pause


def test_a_pause_only_grows() -> None:
    pause = Pause()
    assert pause.wait(0) == 0
    pause.extend(0, RateLimited("", retry_after=20))
    pause.extend(1, RateLimited("", retry_after=5))
    pause.extend(1, Unavailable(""))
    assert (pause.wait(0), pause.wait(19), pause.wait(20), pause.wait(21)) == (20, 1, 0, 0)


def test_five_in_a_row_open_the_breaker_and_one_probe_closes_it() -> None:
    breaker = Breaker()
    for at in range(5):
        assert breaker.wait(at) == 0
        assert not breaker.take()
        breaker.failed(at)
    assert breaker.wait(4) == 30
    assert breaker.wait(33.9) == pytest.approx(0.1)
    assert breaker.wait(34) == 0
    assert breaker.take()
    assert breaker.wait(34) == float("inf")  # one probe at a time
    breaker.release()
    assert breaker.wait(34) == 0
    assert breaker.take()
    breaker.failed(35)
    assert breaker.wait(35) == 30
    assert breaker.take()
    breaker.answered(65)
    assert (breaker.wait(65), breaker.take()) == (0, False)
    breaker.failed(66)
    assert breaker.wait(66) == 0  # the old failures are forgiven


def test_half_of_ten_within_a_minute_open_it_too() -> None:
    breaker = Breaker()
    for at in range(9):
        (breaker.failed if at % 2 else breaker.answered)(at)
    assert breaker.wait(9) == 0
    breaker.failed(9)
    assert breaker.wait(9) == 30
    slow = Breaker()
    for at in range(0, 300, 15):  # never ten within a minute
        (slow.failed if at % 2 else slow.answered)(at)
        assert slow.wait(at) == 0


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["ok", "bad", "gone"])), max_size=60))
def test_an_open_breaker_lets_at_most_one_through_per_half_minute(
    story: list[tuple[float, str]],
) -> None:
    breaker, now, probes = Breaker(), 0.0, list[float]()
    for gap, end in story:
        now += gap
        if breaker.wait(now):
            continue
        if probe := breaker.take():
            probes.append(now)
        if end == "ok":
            breaker.answered(now)
            probes.clear()
        elif end == "bad":
            breaker.failed(now)
        elif probe:
            breaker.release()
            probes.pop()
    assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(probes))


# The shell


async def test_the_first_target_answers() -> None:
    world = World(good("a"), good("b"))
    assert await world.chat(A, B) == said("a")
    assert await world.complete(A, B) == said("a")


@pytest.mark.parametrize("error", OF_THE_MOMENT, ids=repr)
async def test_failover_of_a_completion_without_retry(error: ProviderError) -> None:
    a, b = bad("a", error), good("b")
    world = World(a, b)
    assert await world.complete(A, B) == [
        Switched(A, B, error.code, error.message),
        *said("b"),
    ]
    assert (len(a.asked), len(b.asked), world.slept) == (1, 1, [])
    assert [request.model for request in a.asked + b.asked] == ["m-a", "m-b"]


@pytest.mark.parametrize("error", FINAL, ids=str)
async def test_no_failover_of_a_refusal(error: ProviderError) -> None:
    for ask in ("chat", "complete"):
        a, b = bad("a", error), good("b")
        got = await getattr(World(a, b), ask)(A, B)
        assert got == [error]
        assert (len(a.asked), len(b.asked)) == (1, 0)


@pytest.mark.parametrize("error", [*OF_THE_MOMENT, StreamBroken("x")], ids=repr)
async def test_nothing_follows_what_was_shown(error: ProviderError) -> None:
    a, b = Scripted("a", [[TextDelta("half"), error]]), good("b")
    assert await World(a, b).chat(A, B) == [TextDelta("half"), error]
    assert (len(a.asked), len(b.asked)) == (1, 0)


async def test_chat_retries_once() -> None:
    a = Scripted("a", [[Unavailable("1")], said("a")])
    world = World(a)
    assert await world.chat(A) == said("a")
    assert world.slept == [0.5]
    a, b = bad("a", Unavailable("1"), NetworkError("2")), good("b")
    world = World(a, b)
    assert await world.chat(A, B) == [Switched(A, B, "network", "2"), *said("b")]
    assert (len(a.asked), world.slept) == (2, [0.5])
    a = bad("a", Unavailable("1"), Unavailable("2"))
    got = await World(a).chat(A)
    assert [str(event) for event in got] == ["2"]
    assert len(a.asked) == 2


async def test_chat_does_not_retry_a_timeout_and_waits_out_a_short_rate_limit() -> None:
    a = bad("a", TimedOut("late"))
    assert [str(event) for event in await World(a).chat(A)] == ["late"]
    assert len(a.asked) == 1
    a = Scripted("a", [[RateLimited("1", retry_after=4)], said("a")])
    world = World(a)
    assert await world.chat(A) == said("a")
    assert world.slept == [4.05]
    a = bad("a", RateLimited("1", retry_after=60))
    world = World(a)
    assert [str(event) for event in await world.chat(A)] == ["1"]
    assert world.slept == []


async def test_no_request_goes_out_within_a_pause() -> None:
    a, b = Scripted("a", [[RateLimited("1", retry_after=60)], said("a")]), good("b")
    world = World(a, b)
    await world.complete(A, B)
    for _ in range(50):
        got = await world.complete(A)
        assert isinstance(got[0], RateLimited)
        assert got[0].retry_after == pytest.approx(1060 - world.now)
        assert await world.complete(A, B) == [
            Switched(A, B, "paused", got[0].message),
            *said("b"),
        ]
        other_model = Target("a", "another")
        assert isinstance((await world.complete(other_model))[0], RateLimited)
        world.now += 1.19
    assert len(a.asked) == 1
    world.now = 1060
    assert await world.complete(A) == said("a")


async def test_chat_waits_out_the_end_of_a_pause_if_there_is_nowhere_else() -> None:
    a, b = Scripted("a", [[RateLimited("1", retry_after=60)], said("a")]), good("b")
    world = World(a, b)
    await world.complete(A)
    world.now += 52
    got = await world.chat(A, B)
    assert isinstance(got[0], Switched)
    assert await world.chat(A) == said("a")
    assert world.slept == [pytest.approx(8.05)]


async def test_a_retry_into_a_pause_or_an_open_circuit_is_not_sent() -> None:
    """Others' failures may have closed the way while this one waited."""
    a = bad("a", Unavailable("1"))
    world = World(a)
    for _ in range(2):
        await world.chat(A)
    assert len(a.asked) == 4
    got = await world.chat(A)  # the fifth failure in a row opens the circuit
    assert len(a.asked) == 5
    assert isinstance(got[-1], Unavailable)
    assert "left alone" in got[-1].message


async def test_while_the_circuit_is_open_the_next_target_answers_at_once() -> None:
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)
    for _ in range(5):
        await world.complete(A, B)
    for _ in range(10):
        got = await world.complete(A, B)
        assert isinstance(got[0], Switched)
        assert (got[0].reason, got[1:]) == ("circuit_open", said("b"))
    assert len(a.asked) == 5
    world.now += 30
    a.scripts = [said("a")]
    assert await world.complete(A, B) == said("a")
    assert await world.complete(A, B) == said("a")


async def test_one_probe_at_a_time_and_a_cancelled_one_frees_the_place() -> None:
    gate = asyncio.Event()
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)
    for _ in range(5):
        await world.complete(A)
    world.now += 30
    a.scripts = [[gate, *said("a")]]
    probe = asyncio.ensure_future(world.complete(A))
    await asyncio.sleep(0)
    blocked = await world.complete(A)
    assert isinstance(blocked[0], Unavailable)
    assert blocked[0].retry_after is None
    assert world.router.blocked(A) == ("circuit_open", float("inf"))
    probe.cancel()
    await asyncio.wait([probe])
    gate.set()
    assert await world.complete(A) == said("a")


async def test_a_refusal_of_the_probe_shows_that_the_supplier_is_there() -> None:
    a = bad("a", *[Unavailable("1")] * 5, AuthError("no"), AuthError("no"))
    world = World(a)
    for _ in range(5):
        await world.complete(A)
    world.now += 30
    assert isinstance((await world.complete(A))[0], AuthError)
    assert world.router.blocked(A) == ("", 0.0)


async def test_each_switch_is_announced_once() -> None:
    a, b, c = bad("a", Unavailable("1")), bad("b", Unavailable("2")), good("c")
    world = World(a, b, c)
    got = await world.complete(A, B, C)
    assert got == [
        Switched(A, B, "unavailable", "1"),
        Switched(B, C, "unavailable", "2"),
        *said("c"),
    ]
    for _ in range(4):
        await world.complete(B)
    got = await world.complete(A, B, C)  # b is passed over without a word of its own
    assert [event for event in got if isinstance(event, Switched)] == [
        Switched(
            A, C, "unavailable", "b failed several times in a row and is left alone for a moment"
        )
    ]


async def test_when_all_are_down_the_last_error_is_told() -> None:
    world = World(bad("a", Unavailable("1")), bad("b", Unavailable("2")))
    got = await world.complete(A, B)
    assert [type(event) for event in got] == [Switched, Unavailable]
    assert str(got[-1]) == "2"


async def test_unlisted_providers_are_never_asked() -> None:
    a, b, c = bad("a", Unavailable("1")), bad("b", TimedOut("2")), good("c")
    world = World(a, b, c)
    for error in (*OF_THE_MOMENT, *FINAL):
        a.scripts = [[error]]
        await world.chat(A, B)
        await world.complete(A, B)
        world.now += 1000
    assert c.asked == []


async def test_local_only_is_absolute() -> None:
    home, away = bad("a", Unavailable("1"), local=True), good("b")
    world = World(home, away, local_only=True)
    got = await world.complete(A, B)
    assert isinstance(got[-1], ConfigurationError)
    assert away.asked == []
    home.scripts = [said("a")]
    got = await world.complete(B, A)
    assert isinstance(got[0], Switched)
    assert (got[0].reason, got[1:]) == ("local_only", said("a"))
    assert away.asked == []
    world.router.local_only = False
    assert await world.complete(B) == said("b")


async def test_from_local_to_remote_by_the_users_list_only() -> None:
    home, away = bad("a", Unavailable("1"), local=True), good("b")
    world = World(home, away)
    await world.complete(A)
    assert away.asked == []
    assert (await world.complete(A, B))[1:] == said("b")


async def test_without_targets() -> None:
    assert isinstance((await World().chat())[0], ConfigurationError)


async def test_a_provider_that_can_not_be_had() -> None:
    world = World(NetworkError("runtime did not start"), good("b"))
    got = await world.complete(A, B)
    assert got == [Switched(A, B, "network", "runtime did not start"), *said("b")]
    got = await World(ConfigurationError("row"), good("b")).complete(A, B)
    assert str(got[0]) == "row"


async def test_a_chat_request_for_a_completion_target() -> None:
    a = good("a")
    world = World(a)
    events = world.router.stream_completion([A], lambda target: ChatRequest(target.model, ()))
    assert await drain(events) == said("a")
    assert isinstance(a.asked[0], ChatRequest)


async def test_a_completion_ends_within_its_budget() -> None:
    a = bad("a", Unavailable("1"))
    b = bad("b", Unavailable("2"))
    c = good("c")
    world = World(a, b, c)

    def slow(target: Target) -> CompletionRequest:
        world.now += 6
        return CompletionRequest(target.model, "p")

    got = await drain(world.router.stream_completion([A, B, C], slow, Limits(total=7)))
    assert str(got[-1]) == "2"
    assert c.asked == []
    assert [limits.total for limits in (*a.limits, *b.limits)] == [4, 0]
    await drain(world.router.stream_completion([A], slow, Limits()))
    assert a.limits[-1].total == 4


async def test_a_completion_may_take_what_its_limits_allow() -> None:
    """A model on this machine reads a cold prompt for longer than the budget."""
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)

    def slow(target: Target) -> CompletionRequest:
        world.now += 12
        return CompletionRequest(target.model, "p")

    got = await drain(world.router.stream_completion([A, B], slow, Limits(total=45)))
    assert got[1:] == said("b")
    assert [limits.total for limits in (*a.limits, *b.limits)] == [33, 21]


async def test_closing_the_stream_closes_the_providers() -> None:
    a = Scripted("a", [[TextDelta("x"), asyncio.Event()]])
    events = World(a).router.stream_chat([A], ChatRequest("", ()))
    async with aclosing(events):
        assert await anext(events) == TextDelta("x")
    assert a.closed == 1


async def test_the_default_pause_before_a_retry() -> None:
    a = Scripted("a", [[Unavailable("1")], said("a")])

    async def resolve(name: str) -> Provider:
        del name
        return a

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    router = Router(resolve, sleep=sleep)
    assert await drain(router.stream_chat([A], ChatRequest("", ()))) == said("a")
    assert 0.3 <= slept[0] <= 1.0


# With real servers


FAULTS: dict[str, list[Step]] = {
    "429": reply(429, {"error": {"message": "slow"}}, {"retry-after": "60"}),
    "503": reply(503, b""),
    "no first byte": [Stall()],
    "closed": [Close()],
    "reset": [Reset()],
}
ANSWER = stream(
    b'data: {"choices":[{"delta":{"content":"here"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def real_router(http: HttpClient, servers: Sequence[ScriptedServer]) -> Router:
    async def resolve(name: str) -> Provider:
        row = ProviderRow(
            id=name, wire="openai-chat", completion="prefix", base_url=servers[int(name)].url
        )
        return build(row, key_of(f"key-of-{name}"), http)

    return Router(resolve, backoff=lambda: 0.0)


@pytest.mark.parametrize("first", FAULTS)
@pytest.mark.parametrize("second", FAULTS)
async def test_while_one_is_up_the_user_gets_an_answer(
    http: HttpClient, first: str, second: str
) -> None:
    targets = [Target("0", "m"), Target("1", "m"), Target("2", "m")]
    limits = Limits(5, 1.5, 5)
    async with (
        ScriptedServer(FAULTS[first]) as a,
        ScriptedServer(FAULTS[second]) as b,
        ScriptedServer(ANSWER) as c,
    ):
        router = real_router(http, [a, b, c])
        got = await drain(
            router.stream_completion(targets, lambda to: CompletionRequest(to.model, "p"), limits)
        )
        assert [type(event) for event in got] == [Switched, Switched, TextDelta, Stop]
        for name, server in enumerate((a, b, c)):
            assert len(server.requests) == 1
            assert server.requests[0].headers["authorization"] == f"Bearer key-of-{name}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_refusal_is_one_request(http: HttpClient, status: int) -> None:
    targets = [Target("0", "m"), Target("1", "m")]
    async with ScriptedServer(reply(status, b"")) as a, ScriptedServer(ANSWER) as b:
        router = real_router(http, [a, b])
        got = await drain(router.stream_chat(targets, ChatRequest("", (user("x"),))))
        assert len(got) == 1
        assert isinstance(got[0], ProviderError)
        assert (len(a.requests), len(b.requests)) == (1, 0)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
async def test_attempts_per_supplier_and_action(http: HttpClient, status: int) -> None:
    async with ScriptedServer(reply(status, b"")) as a:
        router = real_router(http, [a])
        got = await drain(router.stream_chat([Target("0", "m")], ChatRequest("", (user("x"),))))
        assert isinstance(got[0], Unavailable)
        assert len(a.requests) == 2
        await drain(
            router.stream_completion([Target("0", "m")], lambda _: CompletionRequest("m", "p"))
        )
        assert len(a.requests) == 3
