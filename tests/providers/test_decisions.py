"""The router's decisions, without a router."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_support import FINAL, OF_THE_MOMENT

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
    NetworkError,
    ProviderError,
    RateLimited,
    TimedOut,
    Unavailable,
)


@pytest.mark.parametrize("error", FINAL, ids=str)
@pytest.mark.parametrize("may_retry", [True, False])
def test_a_refusal_is_final(error: ProviderError, *, may_retry: bool) -> None:
    assert decide(error, started=False, may_retry=may_retry, more=True, backoff=1) == Fail()


@pytest.mark.parametrize("error", OF_THE_MOMENT, ids=repr)
def test_after_the_first_event_every_error_is_final(error: ProviderError) -> None:
    assert decide(error, started=True, may_retry=True, more=True, backoff=1) == Fail()


@pytest.mark.parametrize(
    ("error", "pause", "may_retry", "more", "step"),
    [
        (Unavailable("503"), 0, True, True, Retry(0.7)),
        (Unavailable("503"), 0, False, True, NextTarget()),
        (NetworkError("reset"), 0, True, False, Retry(0.7)),
        (TimedOut("late"), 0, True, False, NextTarget()),
        (RateLimited("429"), 5, True, True, NextTarget()),
        (RateLimited("429"), 5, True, False, Retry(5.05)),
        (RateLimited("429"), 0.1, True, False, Retry(0.7)),
        (RateLimited("429"), 11, True, False, NextTarget()),
        (RateLimited("429"), 2, False, False, NextTarget()),
        (Unavailable("503"), 3, True, False, Retry(3.05)),
        (Unavailable("503"), 3, True, True, NextTarget()),
    ],
)
def test_what_follows(
    error: ProviderError, pause: float, step: object, *, may_retry: bool, more: bool
) -> None:
    got = decide(error, started=False, may_retry=may_retry, more=more, backoff=0.7, pause=pause)
    assert got == step


@pytest.mark.parametrize(("asked", "pause"), [(None, 5.0), (-3.0, 0.0), (1e9, 120.0), (7.0, 7.0)])
def test_how_long_a_rate_limit_pauses(asked: float | None, pause: float) -> None:
    assert asked_pause(RateLimited("429", retry_after=asked)) == pause


def test_a_pause_is_never_cut_short() -> None:
    pause = Pause()
    assert pause.wait(0) == 0
    pause.refused(1, 20, sent=0)
    pause.refused(2, 5, sent=0.5)
    pause.wished(2, 3)
    assert (pause.wait(1), pause.wait(20), pause.wait(21), pause.wait(22)) == (20, 1, 0, 0)
    pause.wished(30, 3)
    assert pause.wait(30) == 3


def test_each_refusal_in_a_row_doubles_the_pause_up_to_two_minutes() -> None:
    pause, now, waits = Pause(), 0.0, list[float]()
    for _ in range(20):
        now += 1
        pause.refused(now, 5, sent=now)
        waits.append(pause.wait(now))
        now += waits[-1]
    assert waits == [5, 10, 20, 40, 80, *[120] * 15]
    pause.answered(now + 1)
    pause.refused(now + 3, 0, sent=now + 2)
    assert pause.wait(now + 3) == 5


def test_refusals_of_one_moment_count_once() -> None:
    """What was on its way when the first was refused had no chance to mind the pause."""
    pause = Pause()
    for at in (10, 10.1, 10.2):
        pause.refused(at, 8, sent=at - 1)
    assert pause.wait(10.2) == 8
    pause.answered(9.9)  # so had what was answered after it
    pause.refused(30, 8, sent=29)
    assert pause.wait(30) == 16


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
    assert breaker.wait(35) == 60
    assert breaker.take()
    breaker.answered(95)
    assert (breaker.wait(95), breaker.take(), breaker.closed) == (0, False, True)
    breaker.failed(96)
    assert breaker.wait(96) == 0  # the old failures are forgiven


def opened(breaker: Breaker, now: float) -> float:
    """Seconds for which five failures close the way."""
    for _ in range(5):
        breaker.failed(now)
    return breaker.wait(now)


def test_who_fails_again_and_again_is_left_alone_for_longer() -> None:
    breaker, now, waits = Breaker(), 0.0, list[float]()
    waits.append(opened(breaker, now))
    for _ in range(5):
        now += waits[-1]
        assert breaker.take()
        breaker.failed(now)
        waits.append(breaker.wait(now))
    assert waits == [30, 60, 120, 240, 240, 240]
    now += 240
    breaker.take()
    breaker.answered(now)
    assert opened(breaker, now + 59) == 240  # it answered for less than a minute
    breaker.take()
    breaker.answered(now + 300)
    assert opened(breaker, now + 360) == 30


def test_what_was_on_its_way_does_not_prolong_it() -> None:
    breaker = Breaker()
    assert opened(breaker, 0) == 30
    breaker.failed(1)
    assert breaker.wait(1) == 29


def test_as_a_last_resort_one_is_let_through_every_four_seconds() -> None:
    breaker = Breaker()
    opened(breaker, 0)
    for now in (4, 8, 12, 16, 20, 24, 28):
        assert breaker.wait(now - 1, last_resort=True) == 1
        assert breaker.wait(now, last_resort=True) == 0
        assert breaker.take()
        assert breaker.wait(now, last_resort=True) == float("inf")
        breaker.failed(now)
        assert breaker.wait(now) == 30 - now  # and others wait no longer for it
    breaker.take()
    breaker.answered(30)
    assert breaker.wait(30) == 0


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
