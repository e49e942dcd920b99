"""Routing under limits: the supplier's, the user's own, and those of an empty account."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from router_support import A, B, Scripted, World, bad, completion_for, drain, good, said

from polypilot_providers.errors import AuthError, QuotaExhausted, RateLimited, Unavailable
from polypilot_providers.router import Switched, Target, Terms, Waiting
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta, user

EMPTY = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8s"}
CHAT = ChatRequest("x", (user("hi"),))


# What the supplier says is left


async def test_with_no_request_left_no_completion_goes_out_until_the_reset() -> None:
    a, b = good("a"), good("b")
    world = World(a, b)
    world.router.heard("a", "m-a", EMPTY)
    for _ in range(7):
        (error,) = await world.complete(A)
        assert isinstance(error, RateLimited)
        got = await world.complete(A, B)
        assert isinstance(got[0], Switched)
        assert (got[0].reason, got[1:]) == ("paused", said("b"))
        world.now += 1
    assert a.asked == []
    assert await world.complete(Target("a", "another")) == said("a")
    world.now += 1
    assert await world.complete(A) == said("a")


async def test_the_last_request_that_is_left_is_one() -> None:
    a = good("a")
    world = World(a)
    world.router.heard("a", "m-a", EMPTY | {"x-ratelimit-remaining-requests": "1"})
    assert await world.complete(A) == said("a")
    assert isinstance((await world.complete(A))[0], RateLimited)
    assert len(a.asked) == 1


async def test_a_model_without_a_name_may_be_any() -> None:
    world = World(good("a"))
    world.router.heard("a", "m-a", EMPTY)
    assert isinstance((await world.complete(Target("a")))[0], RateLimited)


async def test_a_head_without_limits_leaves_what_is_known() -> None:
    world = World(good("a"))
    world.router.heard("a", "m-a", EMPTY)
    world.router.heard("a", "m-a", {"content-type": "text/event-stream"})
    assert world.router.blocked(A) == ("paused", 8)


async def test_a_completion_that_needs_more_than_is_left_is_not_sent() -> None:
    a, b = good("a"), good("b")
    world = World(a, b)
    head = {"x-ratelimit-remaining-tokens": "500", "x-ratelimit-reset-tokens": "40s"}
    world.router.heard("a", "m-a", head | {"x-ratelimit-limit-tokens": "2500"})

    def large(target: Target) -> CompletionRequest:
        return CompletionRequest(target.model, "p" * 3000, max_tokens=500)

    got = await drain(world.router.stream_completion([A, B], large))
    assert isinstance(got[0], Switched)
    assert got[1:] == said("b")
    assert world.router.blocked(A) == ("", 0)  # a smaller one is
    assert await world.complete(A) == said("a")
    world.now += 30
    assert await drain(world.router.stream_completion([A, B], large)) == said("a")
    assert len(a.asked) == 2


async def test_chat_waits_for_the_reset_and_says_so_or_goes_to_the_next() -> None:
    a, b = good("a"), good("b")
    world = World(a, b)
    world.router.heard("a", "m-a", EMPTY)
    waiting, *got = await world.chat(A)
    assert isinstance(waiting, Waiting)
    assert (waiting.target, waiting.seconds) == (A, 8.05)
    assert got == said("a")
    world.router.heard("a", "m-a", EMPTY)
    assert isinstance((await world.chat(A, B))[0], Switched)
    world.router.heard("a", "m-a", EMPTY | {"x-ratelimit-reset-requests": "11s"})
    (error,) = await world.chat(A)
    assert isinstance(error, RateLimited)
    assert world.slept == [8.05]


async def test_after_a_rate_limit_every_next_one_pauses_for_longer() -> None:
    """However the user types, the supplier hears from us ever less often."""
    a = bad("a", RateLimited("429"))
    world = World(a)
    sent: list[float] = []
    for _ in range(6000):
        before = len(a.asked)
        await world.complete(A)
        if len(a.asked) > before:
            sent.append(world.now - 1000)
        world.now += 0.1
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(sent)]
    assert gaps == [5, 10, 20, 40, 80, 120, 120, 120]
    a.scripts = [said("a")]
    world.now += 120
    assert await world.complete(A) == said("a")
    a.scripts = [[RateLimited("429")], said("a")]
    await world.complete(A)
    world.now += 5
    assert await world.complete(A) == said("a")


async def test_two_accounts_have_limits_of_their_own() -> None:
    a = Scripted("a", [[RateLimited("429", retry_after=60)], said("a")])
    world = World(a, a=Terms("home"))
    await world.complete(A)
    assert world.router.blocked(A)[0] == "paused"
    world.terms = {"a": Terms("work")}
    assert await world.complete(A) == said("a")
    world.terms = {"a": Terms("home")}
    assert world.router.blocked(A)[0] == "paused"


# What the user allows


async def test_the_users_requests_per_minute_are_kept_to() -> None:
    a = good("a")
    world = World(a, a=Terms(requests_per_minute=20))
    sent: list[float] = []
    for step in range(1800):
        before = len(a.asked)
        await (world.chat if step % 7 == 0 else world.complete)(A, A)
        sent += [world.now] * (len(a.asked) - before)
        world.now += 0.1
    for first in sent:
        assert sum(first <= at < first + 60 for at in sent) <= 20
    assert len(sent) >= 60


async def test_chat_has_the_last_of_them() -> None:
    a = good("a")
    world = World(a, a=Terms(requests_per_minute=20))
    for _ in range(30):
        await world.complete(A)
    assert len(a.asked) == 18
    (error,) = await world.complete(A)
    assert isinstance(error, RateLimited)
    assert "20 requests a minute" in error.message
    assert await world.chat(A) == said("a")
    assert await world.chat(A) == said("a")
    assert isinstance((await world.chat(A))[0], RateLimited)
    world.now += 55
    waiting, *got = await world.chat(A)
    assert isinstance(waiting, Waiting)
    assert got == said("a")


async def test_retries_count() -> None:
    a = bad("a", Unavailable("503"))
    world = World(a, a=Terms(requests_per_minute=1))
    await world.chat(A)
    assert len(a.asked) == 1


async def test_requests_at_the_same_moment_count_one_by_one() -> None:
    gate = asyncio.Event()
    a = Scripted("a", [[gate, *said("a")]])
    world = World(a, a=Terms(requests_per_minute=3))
    asking = [asyncio.ensure_future(world.complete(A)) for _ in range(10)]
    chatting = asyncio.ensure_future(world.chat(A))
    gate.set()
    await asyncio.gather(*asking, chatting)
    assert len(a.asked) == 3


# No credit


async def test_without_credit_completions_stop_and_chat_asks() -> None:
    a, b = bad("a", QuotaExhausted("402", status=402)), good("b")
    world = World(a, b)
    assert isinstance((await world.complete(A, B))[0], QuotaExhausted)
    for _ in range(59):
        (error,) = await world.complete(A, B)
        assert isinstance(error, QuotaExhausted)
        assert error.cure
        world.now += 1
    assert (len(a.asked), b.asked) == (1, [])
    assert isinstance((await world.chat(A))[0], QuotaExhausted)
    assert len(a.asked) == 2
    a.scripts = [said("a")]
    assert await world.chat(A) == said("a")


async def test_new_settings_may_bring_credit() -> None:
    a = Scripted("a", [[QuotaExhausted("402")], said("a")])
    world = World(a)
    await world.complete(A)
    assert world.router.blocked(A) == ("paused", 60)
    world.router.forgive()
    assert await world.complete(A) == said("a")
    a.scripts = [[Unavailable("1")]]
    for _ in range(5):
        await world.complete(A)
    assert world.router.blocked(A) == ("circuit_open", 30)
    world.router.forgive()
    assert world.router.blocked(A) == ("", 0)


# Back


async def test_when_all_were_down_the_first_to_return_answers_within_five_seconds() -> None:
    """An outage of five minutes, with a key every half second."""
    a, b = bad("a", Unavailable("1")), bad("b", Unavailable("2"))
    world = World(a, b)
    for _ in range(600):
        got = await world.complete(A, B)
        assert isinstance(got[-1], Unavailable)
        world.now += 0.5
    assert len(a.asked) + len(b.asked) < 2 * 300 / 4 + 20
    b.scripts = [said("b")]
    back = world.now
    while not any(isinstance(event, TextDelta) for event in await world.complete(A, B)):
        world.now += 0.5
    assert world.now - back <= 5


async def test_the_first_is_asked_again_by_a_request_that_goes_out_anyway() -> None:
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)
    for _ in range(300):
        await world.complete(A, B)
        world.now += 0.1
    assert len(a.asked) == 5  # and none but the user's own requests
    a.scripts = [said("a")]
    world.now += 5
    assert await world.complete(A, B) == said("a")


async def test_who_flaps_is_left_alone_for_longer_each_time() -> None:
    a, b = good("a"), good("b")
    world = World(a, b)
    away: list[float] = []
    for _ in range(4):
        a.scripts = [[Unavailable("1")]]
        for _ in range(5):
            await world.complete(A, B)
        left = world.now
        a.scripts = [said("a")]
        while (await world.complete(A, B)) != said("a"):
            world.now += 0.5
        away.append(world.now - left)
        world.now += 10
    assert away == [30, 60, 120, 240]


async def test_a_refusal_is_the_users_affair_and_pauses_nothing() -> None:
    a = bad("a", AuthError("401", status=401))
    world = World(a)
    for _ in range(3):
        assert isinstance((await world.complete(A))[0], AuthError)
    assert len(a.asked) == 3


@pytest.mark.parametrize("chat", [True, False])
async def test_no_target_is_asked_twice_for_the_sake_of_a_limit(*, chat: bool) -> None:
    a = Scripted("a", [[RateLimited("429", retry_after=3)]])
    world = World(a)
    stream = (
        world.router.stream_chat([A], CHAT)
        if chat
        else world.router.stream_completion([A], completion_for)
    )
    got = await drain(stream)
    assert isinstance(got[-1], RateLimited)
    assert len(a.asked) == (2 if chat else 1)


async def test_who_is_unwell_and_names_a_time_is_left_alone_until_then() -> None:
    a, b = Scripted("a", [[Unavailable("503", retry_after=20)], said("a")]), good("b")
    world = World(a, b)
    await world.complete(A, B)
    assert world.router.blocked(A) == ("paused", 20)
    world.now += 20
    assert await world.complete(A, B) == said("a")


async def test_chat_does_not_wait_for_who_is_unwell() -> None:
    a = Scripted("a", [[Unavailable("1")]])
    world = World(a)
    for _ in range(5):
        await world.complete(A)
    world.now += 25
    a.scripts = [said("a")]
    assert await world.chat(A) == said("a")  # the last resort
    assert world.slept == []
