"""When the next round is: on clocks that tests turn, with a machine that sleeps."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from polypilot.compare.store import RunInfo
from polypilot.compare.watch_clock import Timetable
from polypilot.compare.watch_history import Turn, following, name, read, written
from polypilot.compare.watched import Facts

HOUR = 3600.0


class Clocks:
    """Two clocks, and a wait that turns both."""

    def __init__(self, jumps: dict[int, float] | None = None) -> None:
        self.wall = 1.79e9
        self.steady = 50.0
        self.waits = 0
        self._jumps = jumps or {}
        """By the number of a wait: how far the clock on the wall jumps in it."""

    async def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 30
        self.waits += 1
        self.steady += seconds
        self.wall += seconds + self._jumps.get(self.waits, 0.0)

    def table(self, every: float = HOUR) -> Timetable:
        return Timetable(every, lambda: self.wall, lambda: self.steady, self.sleep)


async def test_rounds_are_counted_from_their_begin():
    clocks = Clocks()
    table = clocks.table()
    table.begin()
    clocks.wall += 600
    clocks.steady += 600
    assert table.left == HOUR - 600
    await table.wait()
    assert clocks.steady == 50 + HOUR


async def test_a_round_that_took_longer_than_the_time_between_is_followed_at_once():
    clocks = Clocks()
    table = clocks.table()
    table.begin()
    clocks.wall += 2 * HOUR
    clocks.steady += 2 * HOUR
    await table.wait()
    assert clocks.waits == 0


async def test_what_was_slept_through_is_made_up_for_once():
    """The machine sleeps for a day: the steady clock stands still, the other goes on."""
    clocks = Clocks({3: 24 * HOUR})
    table = clocks.table()
    table.begin()
    await table.wait()
    assert clocks.waits == 3
    table.begin()
    assert table.left == HOUR


@pytest.mark.parametrize("back", [-HOUR, -1e9])
async def test_a_clock_that_is_set_back_puts_nothing_off(back: float):
    clocks = Clocks({1: back})
    table = clocks.table()
    table.begin()
    await table.wait()
    assert clocks.steady == 50 + HOUR


async def test_whatever_the_clock_does_no_wait_is_longer_than_the_time_between():
    dice = random.Random(1)  # noqa: S311 - a simulation
    for _ in range(200):
        jumps = {at: dice.uniform(-2 * HOUR, 2 * HOUR) for at in dice.sample(range(1, 121), 3)}
        clocks = Clocks(jumps)
        table = clocks.table()
        table.begin()
        await table.wait()
        assert clocks.steady <= 50 + HOUR


# --- which round it is

SMALL: dict[str, Any] = {"total": 30, "test_command": ()}
WISH: dict[str, Any] = {
    "targets": [["a/one", ""]],
    "commit": "",
    "wish": {"total": 30, "test_command": ()},
}


def run(id_: int, number: int, *, watch: int = 1, ended: bool = True) -> RunInfo:
    spec: dict[str, Any] = {**WISH, "wish": {**SMALL, "test_command": []}, "commit": f"c{watch}"}
    spec["watch"] = {"id": watch, "round": number}
    return RunInfo(id_, spec, 0.0, 60.0 if ended else None, 30, 30)


def turn(*listing: RunInfo, now: float = 1000.0, anew: bool = False) -> Turn:
    return following(WISH, listing, now=now, every=HOUR, anew=anew)


def test_the_first_round_has_no_commit_yet_and_later_ones_have_that_of_the_first():
    assert turn() == Turn(1, 1)
    assert turn(run(7, 2), run(4, 1)) == Turn(1, 3, "c1", 4)
    assert turn(run(7, 2), run(4, 1), anew=True) == Turn(2, 1)
    assert turn(run(9, 1, watch=2), run(4, 1)) == Turn(2, 2, "c2", 9)


def test_other_comparisons_are_no_rounds():
    other = run(4, 1)
    plain = replace(other, spec={key: each for key, each in other.spec.items() if key != "watch"})
    fewer = replace(other, spec={**other.spec, "wish": {"total": 9, "test_command": []}})
    assert turn(plain, fewer) == Turn(1, 1)
    assert name(plain.spec) == ""
    assert name(fewer.spec) != name(other.spec) == name(run(8, 5).spec)


@pytest.mark.parametrize(
    ("now", "number"), [(1000.0, 2), (HOUR / 2 - 1, 2), (HOUR, 3), (5 * HOUR, 3), (-HOUR, 3)]
)
def test_a_round_that_was_cut_off_is_gone_on_with_unless_it_is_old(now: float, number: int):
    assert turn(run(7, 2, ended=False), run(4, 1), now=now).number == number


def test_facts_are_kept_as_they_are_and_those_of_a_later_version_are_none():
    facts = Facts({"a chat": ("1", "2")}, {"a": ("x", "y")}, {"a": "2027-01-01"},
                  (("speed", "a", "chat"),))  # fmt: skip
    assert read(written(facts)) == facts
    assert read({"prices": 7}) == read({}) == Facts()
