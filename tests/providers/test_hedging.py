"""A second free target, asked when the first is slow."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from router_support import A, B, C, Scripted, World, bad, completion_for, drain, good, said

from polypilot_providers.base import Limits, Provider
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    NetworkError,
    ProviderError,
    RateLimited,
    RequestRefused,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.hedging import Budget, Latency, rival_of
from polypilot_providers.racing import race
from polypilot_providers.router import Router, Switched, Terms
from polypilot_providers.testing import ScriptedServer, Stall, Wait, key_of, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot_providers.http import HttpClient
    from polypilot_providers.router import Target

FREE = Terms(free=True)


# Decisions


def test_the_second_is_asked_after_four_tenths_until_the_first_is_known() -> None:
    latency = Latency()
    for _ in range(4):
        latency.answered(0.1)
    assert latency.delay() == 0.4
    latency.answered(0.1)
    assert latency.delay() == 0.1


def test_then_after_its_95th_percentile() -> None:
    latency = Latency()
    for hundredth in range(1, 21):
        latency.answered(hundredth / 100)
    assert latency.delay() == 0.19
    for _ in range(50):
        latency.answered(0.3)
    assert latency.delay() == 0.3  # of the last 50


def test_what_was_given_up_counts_only_if_it_was_slow() -> None:
    latency = Latency()
    for _ in range(5):
        latency.answered(0.2)
    latency.given_up(0.1)  # by a key the user pressed
    assert latency.delay() == 0.2
    latency.given_up(2)
    assert latency.delay() == 2


def test_one_request_of_ten_may_be_hedged() -> None:
    budget, hedges = Budget(), 0
    for at in range(1, 101):
        budget.asked(at)
        hedges += budget.take(at)
        assert hedges <= at / 10
    assert hedges == 10
    assert not budget.take(800)  # nothing was asked of late


@pytest.mark.parametrize(
    ("free", "rival"),
    [("abc", B), ("ac", C), ("bc", None), ("a", None), ("", None)],
)
def test_only_the_free_ones_of_the_list_are_hedged(free: str, rival: Target | None) -> None:
    assert rival_of(A, [A, B, C], lambda target: target.provider_id in free) == rival


# The router, with scripts


class Slow(World):
    """Has hedging on and a budget for it; ``a`` says nothing until ``text`` is set."""

    def __init__(self, *others: Scripted) -> None:
        self.text = asyncio.Event()
        self.a = Scripted("a", [[self.text, *said("a")]])
        super().__init__(self.a, *others, hedge=True)
        self.terms = dict.fromkeys("abc", FREE)

    async def save_up(self, requests: int = 20) -> None:
        """Requests that are not hedged, for the budget."""
        terms, self.terms = self.terms, {}
        scripts, self.a.scripts = self.a.scripts, [said("a")]
        for _ in range(requests):
            await self.complete(A)
        self.terms, self.a.scripts = terms, scripts
        self.a.asked.clear()


async def test_the_first_text_wins_and_the_other_is_closed() -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    world.a.closed = 0
    got = await world.complete(A, B)
    assert got == [Switched(A, B, "slow", "a had said nothing after 0.0 s"), *said("b")]
    assert (world.a.closed, len(world.a.asked), len(b.asked)) == (1, 1, 1)


async def test_nothing_is_told_when_the_first_wins() -> None:
    held = asyncio.Event()
    b = Scripted("b", [[held, *said("b")]])
    world = Slow(b)
    await world.save_up()
    asking = asyncio.ensure_future(world.complete(A, B))
    await b.was_asked.wait()
    world.text.set()
    assert await asking == said("a")
    assert b.closed == 1


async def test_without_the_setting_nobody_else_is_asked() -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    world.router.hedge = False
    assert world.router.hedge is False
    asking = asyncio.ensure_future(world.complete(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert await asking == said("a")
    assert b.asked == []


@pytest.mark.parametrize(
    "terms", [{"a": FREE}, {"b": FREE}, {"a": FREE, "b": Terms(free=True, requests_per_minute=1)}]
)
async def test_never_one_that_costs_or_is_limited(terms: dict[str, Terms]) -> None:
    b = good("b")
    world = Slow(b)
    world.terms = terms
    await world.save_up()
    await world.complete(B)
    asking = asyncio.ensure_future(world.complete(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert await asking == said("a")
    assert len(b.asked) == 1


async def test_never_in_chat() -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    asking = asyncio.ensure_future(world.chat(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert await asking == said("a")
    assert b.asked == []


async def test_one_in_ten() -> None:
    b = good("b")
    world = Slow(b)
    world.text.set()
    slow = asyncio.Event()
    for _ in range(100):
        world.a.scripts = [[slow, *said("a")]]
        asking = asyncio.ensure_future(world.complete(A, B))
        for _ in range(20):
            await asyncio.sleep(0)
        slow.set()
        await asking
        slow.clear()
    assert len(b.asked) == 10


@pytest.mark.parametrize(
    "error", [Unavailable("503"), RateLimited("429"), AuthError("401", status=401)], ids=repr
)
async def test_a_rival_that_fails_changes_nothing(error: Unavailable) -> None:
    b, c = bad("b", error), good("c")
    world = Slow(b, c)
    await world.save_up()
    asking = asyncio.ensure_future(world.complete(A, B, C))
    await b.was_asked.wait()
    world.text.set()
    assert await asking == said("a")
    assert c.asked == []


async def test_when_the_first_fails_the_rival_is_waited_for() -> None:
    held = asyncio.Event()
    b = Scripted("b", [[held, Usage(1), *said("b")]])
    world = Slow(b)
    await world.save_up()
    world.a.scripts = [[world.text, Unavailable("503")]]
    asking = asyncio.ensure_future(world.complete(A, B))
    await b.was_asked.wait()
    world.text.set()
    for _ in range(20):
        await asyncio.sleep(0)
    held.set()
    assert await asking == [Switched(A, B, "unavailable", "503"), Usage(1), *said("b")]


async def test_when_both_fail_the_next_is_asked_and_none_twice() -> None:
    b, c = bad("b", Unavailable("2")), good("c")
    world = Slow(b, c)
    await world.save_up()
    world.a.scripts = [[world.text, Unavailable("1")]]
    asking = asyncio.ensure_future(world.complete(A, B, C))
    await b.was_asked.wait()
    world.text.set()
    assert await asking == [Switched(A, C, "unavailable", "1"), *said("c")]
    assert (len(world.a.asked), len(b.asked), len(c.asked)) == (1, 1, 1)


async def test_a_first_that_fails_before_is_an_ordinary_switch() -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    waits = asyncio.Event()

    async def sleep(seconds: float) -> None:
        del seconds
        await waits.wait()

    async def resolve(name: str) -> Provider:
        return {"a": world.a, "b": b}[name]

    router = Router(resolve, sleep=sleep, hedge=True, terms=lambda _: FREE)
    world.a.scripts = [[Unavailable("1")]]
    got = await drain(router.stream_completion([A, B], completion_for))
    assert got == [Switched(A, B, "unavailable", "1"), *said("b")]
    assert len(b.asked) == 1


@pytest.mark.parametrize("end", [Stop(StopReason.END), Refusal("no")], ids=repr)
async def test_an_empty_answer_is_one(end: Stop | Refusal) -> None:
    world = Slow(Scripted("b", [[end]]))
    await world.save_up()
    assert (await world.complete(A, B))[1:] == [end]


async def test_who_is_unwell_is_no_rival() -> None:
    """Its probe belongs to a request that has nobody else."""
    b = bad("b", Unavailable("1"))
    world = Slow(b)
    await world.save_up()
    for _ in range(5):
        await world.complete(B)
    world.now += 30
    b.asked.clear()
    asking = asyncio.ensure_future(world.complete(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert await asking == said("a")
    assert b.asked == []


@pytest.mark.parametrize("why", ["remote", "broken"])
async def test_who_may_not_be_asked_is_no_rival(why: str) -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    world.a.local = True
    world.router.local_only = why == "remote"
    if why == "broken":
        world.providers["b"] = ConfigurationError("row")
    asking = asyncio.ensure_future(world.complete(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert await asking == said("a")
    assert b.asked == []


async def test_closing_the_stream_closes_both() -> None:
    b = Scripted("b", [[asyncio.Event()]])
    world = Slow(b)
    await world.save_up()
    world.a.closed = 0
    asking = asyncio.ensure_future(world.complete(A, B))
    await b.was_asked.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert (world.a.closed, b.closed) == (1, 1)
    b.scripts = [[TextDelta("b"), asyncio.Event()]]
    await world.save_up(40)
    events = world.router.stream_completion([A, B], completion_for)
    async with aclosing(events):
        assert isinstance(await anext(events), Switched)
        assert await anext(events) == TextDelta("b")
    assert b.closed == 2


@pytest.mark.parametrize(
    "error", [AuthError("401", status=401), RequestRefused("400", status=400)], ids=repr
)
async def test_what_the_user_has_to_mend_is_not_hidden_by_the_rival(error: ProviderError) -> None:
    b = Scripted("b", [[asyncio.Event()]])
    world = Slow(b)
    await world.save_up()
    world.a.scripts = [[world.text, error]]
    asking = asyncio.ensure_future(world.complete(A, B))
    await b.was_asked.wait()
    world.text.set()
    assert await asking == [error]
    assert b.closed == 1


async def test_of_two_that_answer_at_once_the_loser_is_closed_before_anything_is_said() -> None:
    at_once = asyncio.Event()
    b = Scripted("b", [[at_once, *said("b")]])
    world = Slow(b)
    await world.save_up()
    world.a.scripts = [[at_once, *said("a")]]
    async with aclosing(world.router.stream_completion([A, B], completion_for)) as events:
        asking = asyncio.ensure_future(anext(events))
        await b.was_asked.wait()
        at_once.set()
        assert await asking == TextDelta("a")
        assert b.closed == 1


async def test_both_are_closed_though_closing_one_is_interrupted() -> None:
    """As when a newer key gives a completion up, and then the server ends."""
    closing, never = asyncio.Event(), asyncio.Event()
    closed: list[str] = []

    async def slow_to_close() -> AsyncGenerator[Event, None]:
        try:
            await never.wait()
            yield TextDelta("")
        finally:
            closing.set()
            try:
                await never.wait()
            finally:
                closed.append("one")

    async def other() -> AsyncGenerator[Event, None]:
        try:
            await never.wait()
            yield TextDelta("")
        finally:
            closed.append("two")

    racing = asyncio.ensure_future(anext(race(slow_to_close(), other(), lambda: True)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    racing.cancel()
    await closing.wait()
    racing.cancel()
    await asyncio.wait([racing])
    assert closed == ["two"]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait([task])
    assert closed == ["two", "one"]


async def test_a_chat_shaped_completion_is_hedged_too() -> None:
    b = good("b")
    world = Slow(b)
    await world.save_up()
    got = await drain(
        world.router.stream_completion([A, B], lambda to: ChatRequest(to.model, (), max_tokens=9))
    )
    assert got[1:] == said("b")


# With real servers


async def test_the_losers_socket_is_closed_while_the_winner_goes_on(http: HttpClient) -> None:
    rest = asyncio.Event()
    pieces = [
        b'data: {"choices":[{"delta":{"content":"one"}}]}\n\n',
        Wait(rest),
        b'data: {"choices":[{"delta":{"content":"two"},"finish_reason":"stop"}]}\n\n',
        b"data: [DONE]\n\n",
    ]
    async with (
        ScriptedServer(stream(*pieces)) as quick,
        ScriptedServer([Stall()]) as slow,
        ScriptedServer(stream(*pieces)) as unlisted,
    ):
        urls = {"a": slow.url, "b": quick.url, "c": unlisted.url}

        async def resolve(name: str) -> Provider:
            row = ProviderRow(
                id=name, wire="openai-chat", completion="prefix", base_url=urls[name], free=True
            )
            return build(row, key_of(f"key-of-{name}"), http)

        router = Router(resolve, hedge=True, terms=lambda _: FREE)

        def request_for(target: Target) -> CompletionRequest:
            return CompletionRequest(target.model, "p")

        rest.set()
        for _ in range(10):
            await drain(router.stream_completion([B], request_for))
        rest.clear()
        events = router.stream_completion([A, B], request_for, Limits(5, 20, 20, 20))
        async with aclosing(events):
            switched = await anext(events)
            assert isinstance(switched, Switched)
            assert (switched.to, switched.reason) == (B, "slow")
            assert await anext(events) == TextDelta("one")
            async with asyncio.timeout(10):
                await slow.requests[0].gone.wait()
            assert not quick.requests[-1].gone.is_set()
            rest.set()
            assert [event async for event in events] == [TextDelta("two"), Stop(StopReason.END)]
        assert (len(slow.requests), len(quick.requests)) == (1, 11)
        assert (unlisted.requests, unlisted.connections) == ([], 0)


async def test_a_network_error_of_both_is_the_firsts() -> None:
    world = Slow(bad("b", NetworkError("2")))
    await world.save_up()
    world.a.scripts = [[world.text, NetworkError("1")]]
    asking = asyncio.ensure_future(world.complete(A, B))
    for _ in range(20):
        await asyncio.sleep(0)
    world.text.set()
    assert [str(event) for event in await asking] == ["1"]
