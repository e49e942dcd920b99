"""What a watch tells of a round: what has changed, and nothing of what has not."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from polypilot.compare.watched import Facts, Round, Sample
from polypilot.compare.watching import ROUNDS, Look, baseline, exact, look, steady

KEY = ("a/one", "completion")
TASKS = 30
GROUPS = {f"task-{at}": f"group-{at // 2}" for at in range(TASKS)}


@dataclass(frozen=True)
class Supplier:
    """How one behaves; answers differ by chance from round to round."""

    skill: float = 0.6
    """What the mean of its scores is added to."""
    wait: float = 0.4
    dollars: float = 0.001
    failing: float = 0.02


USUAL = Supplier()


def asked(number: int, seed: int, **suppliers: Supplier) -> Round:
    """A round of all suppliers by name, or of one."""
    given = {(f"a/{name}", "completion"): each for name, each in suppliers.items()}
    samples = {key: sample(f"{seed}:{number}:{key}", each)
               for key, each in (given or {KEY: USUAL}).items()}  # fmt: skip
    return Round(number, 1e9 + number, GROUPS, samples)


def sample(seed: str, by: Supplier) -> Sample:
    dice = random.Random(seed)  # noqa: S311 - a simulation
    hour = dice.lognormvariate(0, 0.1)  # the whole round is a little slower or faster
    failed = {task for task in GROUPS if dice.random() < by.failing}
    good = [task for task in GROUPS if task not in failed]
    hard = {task: (at % 5 - 2) / 10 for at, task in enumerate(GROUPS)}
    return Sample(
        {task: min(1.0, max(0.0, by.skill + hard[task] + dice.gauss(0, 0.12))) for task in good},
        {task: by.wait * hour * dice.lognormvariate(hard[task], 0.3) for task in good},
        {task: by.dollars * dice.lognormvariate(hard[task], 0.15) for task in good},
        len(failed),
        TASKS,
    )


def past(number: int = 4, seed: int = 1, **suppliers: Supplier) -> list[Round]:
    return [asked(at, seed, **suppliers) for at in range(1, number + 1)]


def kinds(found: Look) -> list[tuple[str, bool | None]]:
    return [(each.kind, each.better) for each in found.found]


# --- false alarms


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_a_hundred_rounds_of_suppliers_that_stay_the_same_at_most_five_alarm(seed: int):
    """Three suppliers, four figures each: every change that is told here is one alarm."""
    suppliers = {"one": USUAL, "two": Supplier(0.4, 1.5, 0.01, 0.1), "three": Supplier(0.8, 0.2)}
    rounds: list[Round] = [asked(0, seed, **suppliers)]
    alarms = 0
    for number in range(1, 101):
        now = asked(number, seed, **suppliers)
        found = look(now, rounds[-ROUNDS:])
        alarms += len(found.found)
        told = tuple((each.kind, each.target, each.purpose) for each in found.found)
        rounds.append(replace(now, facts=Facts(found=told)))
    assert alarms <= 5


# --- what has changed


@pytest.mark.parametrize(
    ("now", "kind", "better", "said"),
    [
        (replace(USUAL, skill=0.35), "quality", False, "got worse: -"),
        (replace(USUAL, skill=0.85), "quality", True, "got better: +"),
        (replace(USUAL, wait=0.9), "speed", False, "got slower, the first line after "),
        (replace(USUAL, wait=0.15), "speed", True, "got faster"),
        (replace(USUAL, dollars=0.0016), "cost", False, "got dearer: more tokens used"),
        (replace(USUAL, dollars=0.0006), "cost", True, "got cheaper"),
        (replace(USUAL, failing=0.5), "failures", False, "got less reliable: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_is_told_with_its_figures(now: Supplier, kind: str, *, better: bool, said: str):
    found = look(asked(5, 1, one=now), past(one=USUAL))
    assert kinds(found) == [(kind, better)]
    assert found.found[0].text.startswith("a/one (completion) got ")
    assert said in found.found[0].text
    assert "the 4 rounds before" in found.found[0].text


def test_the_same_change_counts_with_one_round_before():
    found = look(asked(2, 1, one=replace(USUAL, wait=1.2)), past(1, one=USUAL))
    assert kinds(found) == [("speed", False)]
    assert "against the round before" in found.found[0].text


def test_a_small_change_of_the_wait_is_none_however_sure():
    [before] = past(1)
    same = [replace(before, number=number) for number in range(1, 11)]
    old = before.samples[KEY]
    for factor, told in ((1.2, []), (1.3, [("speed", False)])):
        now = replace(old, waits={task: wait * factor for task, wait in old.waits.items()})
        assert kinds(look(replace(before, number=11, samples={KEY: now}), same)) == told


def test_the_spread_of_rounds_counts_and_few_rounds_prove_little():
    assert steady(1.3, [1.0]) > 0.1
    assert steady(1.3, [1.0] * 10) < 0.001
    assert steady(1.3, [0.8, 1.2] * 5) > 0.1
    assert steady(1 / 1.3, [1.0] * 10) == pytest.approx(steady(1.3, [1.0] * 10))


def test_a_slow_hour_that_was_there_before_is_no_change():
    rounds = [*past(4), asked(5, 1, one=replace(USUAL, wait=0.9))]
    assert look(asked(6, 2, one=replace(USUAL, wait=0.8)), rounds).found == ()


def test_what_was_told_is_the_new_baseline():
    slow = replace(USUAL, skill=0.35)
    fifth = asked(5, 1, one=slow)
    told = look(fifth, past(one=USUAL)).found
    assert [each.kind for each in told] == ["quality"]
    fifth = replace(fifth, facts=Facts(found=(("quality", *KEY),)))
    rounds = [*past(one=USUAL), fifth]
    assert baseline("quality", KEY, rounds) == [fifth]
    assert len(baseline("speed", KEY, rounds)) == 5
    assert look(asked(6, 1, one=slow), rounds).found == ()


def test_only_the_latest_ten_count():
    assert [each.number for each in baseline("speed", KEY, past(14))] == list(range(5, 15))


def test_a_first_round_has_nothing_to_be_compared_with():
    found = look(asked(1, 1), [])
    assert (found.found, found.rounds, found.unseen) == ((), 0, None)


def test_nothing_found_says_what_would_not_be_seen():
    found = look(asked(5, 1), past())
    assert found.tasks == TASKS
    assert found.unseen is not None
    assert 0.02 < found.unseen < 0.2


def test_a_change_that_is_just_beyond_what_is_unseen_is_seen():
    """The figure that is told is an honest one."""
    before = past()
    unseen = look(asked(5, 1), before).unseen
    assert unseen is not None
    seen = [look(asked(5, seed, one=replace(USUAL, skill=USUAL.skill - 1.5 * unseen)), before).found
            for seed in range(1, 11)]  # fmt: skip
    assert sum(any(each.kind == "quality" for each in found) for found in seen) >= 9


def test_a_round_of_failures_alone_is_told_and_breaks_nothing():
    [before] = past(1)
    dead = Sample({}, {}, {}, 11, 11)
    found = look(replace(before, number=2, samples={KEY: dead}), [before])
    assert kinds(found) == [("failures", False)]
    assert "11 of 11 tasks" in found.found[0].text


@pytest.mark.parametrize(
    ("table", "p"), [((0, 5, 5, 5), 2 / 252), ((3, 10, 3, 10), 1.0), ((0, 30, 0, 30), 1.0),
                     ((1, 10, 11, 14), 0.002759456185220083)]
)  # fmt: skip
def test_the_exact_test_is_fishers(table: tuple[int, int, int, int], p: float):
    assert exact(*table) == pytest.approx(p)


# --- what suppliers and the price list say

FACTS = Facts({"a/one completion": ("2", "8")}, {"a": ("one", "two")}, {})


@pytest.mark.parametrize(
    ("now", "kind", "better", "said"),
    [
        (replace(FACTS, prices={"a/one completion": ("2.5", "8")}), "price", False,
         "got dearer by the price list: $2.5 in and $8 out"),
        (replace(FACTS, prices={"a/one completion": ("2", "4")}), "price", True, "got cheaper"),
        (replace(FACTS, models={"a": ("one", "two", "three")}), "new", None,
         "a has new models: three"),
        (replace(FACTS, models={"a": ("one",)}), "gone", None, "a does not list any more: two"),
        (replace(FACTS, ends={"a/one": "2027-01-31"}), "ends", False, "a/one ends on 2027-01-31"),
    ],
)  # fmt: skip
def test_what_is_said_is_told(now: Facts, kind: str, *, better: bool | None, said: str):
    [before] = past(1)
    found = look(replace(before, number=3, facts=now), [replace(before, facts=FACTS)])
    assert kinds(found) == [(kind, better)]
    assert said in found.found[0].text


def test_what_was_said_before_is_told_once_and_a_supplier_that_is_silent_loses_nothing():
    [before] = past(1)
    later = replace(FACTS, models={"a": ("one", "two", "three")}, ends={"a/one": "2027-01-31"})
    rounds = [replace(before, facts=FACTS), replace(before, number=2, facts=later),
              replace(before, number=3, facts=Facts())]  # fmt: skip
    assert look(replace(before, number=4, facts=later), rounds).found == ()


def test_a_price_that_rose_by_less_than_a_tenth_is_no_change():
    [before] = past(1)
    now = replace(FACTS, prices={"a/one completion": ("2.1", "8.5")})
    assert look(replace(before, number=2, facts=now), [replace(before, facts=FACTS)]).found == ()


def test_a_new_price_is_told_once_and_not_as_more_tokens_too():
    [before] = past(1)
    old = before.samples[KEY]
    now = replace(old, dollars={task: 2 * value for task, value in old.dollars.items()})
    dear = replace(FACTS, prices={"a/one completion": ("4", "16")})
    found = look(
        replace(before, number=2, facts=dear, samples={KEY: now}), [replace(before, facts=FACTS)]
    )
    assert kinds(found) == [("price", False)]
