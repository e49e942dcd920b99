"""Routing: who is asked, again, next, or not at all."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from router_support import (
    FINAL,
    OF_THE_MOMENT,
    A,
    B,
    C,
    Scripted,
    World,
    bad,
    drain,
    good,
    said,
)

from polypilot_providers.base import Limits, Provider
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
from polypilot_providers.router import Router, Switched, Target, Waiting
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta, user


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
    assert await world.chat(A) == [Waiting(A, 4.05, "1"), *said("a")]
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
    waiting, *got = await world.chat(A)
    assert isinstance(waiting, Waiting)
    assert "in 8 s" in waiting.message
    assert got == said("a")
    assert world.slept == [waiting.seconds] == [pytest.approx(8.05)]


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


async def test_a_chat_request_may_be_made_for_each_target() -> None:
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)
    events = world.router.stream_chat(
        [A, B], lambda target: ChatRequest("?", (user(f"for {target.provider_id}"),))
    )
    await drain(events)
    asked = [request for request in (*a.asked, *b.asked) if isinstance(request, ChatRequest)]
    assert [(each.model, each.messages[0].text) for each in asked] == [
        ("m-a", "for a"),
        ("m-a", "for a"),
        ("m-b", "for b"),
    ]


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
