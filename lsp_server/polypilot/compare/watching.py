"""What has changed since the earlier rounds of a watch. Pure: seeded, without a clock.

Four figures of each target are tested at once: score, wait, cost of an answer and share of
failures, each over the same tasks, with one correction (Holm) over all of them. What the price
list and the supplier's list of models say is compared as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import TYPE_CHECKING, Final, Literal

from polypilot.compare import statistics
from polypilot.compare.statistics import SURE, holm
from polypilot.compare.watched_facts import Told, facts_found
from polypilot.pages.numbers import dollars, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from polypilot.compare.statistics import Difference
    from polypilot.compare.watched import Key, Round, Sample

ROUNDS: Final = 10
"""The latest so many earlier rounds are what a round is compared with."""
SLOWER: Final = 1.25
"""From which ratio of waits on, or its inverse, a change is told."""
DEARER: Final = 1.10
_USUAL_SPREAD: Final = 0.1
"""By what share a supplier's rounds usually differ in speed, counted as so many rounds seen."""
_USUAL_ROUNDS: Final = 4
_NORMAL = NormalDist()

Tested = Literal["quality", "speed", "cost", "failures"]


@dataclass(frozen=True, slots=True)
class _Test:
    """One figure of one target against its earlier ones."""

    kind: Tested
    key: Key
    p: float
    better: bool
    enough: bool
    """Whether the change is large enough to be told, if it is one."""
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """What came of comparing a round with those before it."""

    found: tuple[Told, ...]
    tasks: int
    unseen: float | None
    """A change of the score below this (0 to 1) would not be seen in every target; None: no
    interval is known."""
    rounds: int
    """The earlier rounds that there are; 0: nothing to compare with."""


def look(latest: Round, earlier: Sequence[Round], *, seed: int = 1) -> Look:
    """Compare a round with the earlier ones, the oldest first."""
    past = [each for each in earlier if each.number < latest.number]
    made = list(_tests(latest, past, seed))
    adjusted = holm([each.p for each in made])
    told = [
        Told(test.kind, *test.key, better=test.better, text=test.text)
        for test, p in zip(made, adjusted, strict=True)
        if p <= SURE and test.enough
    ]
    from_facts = facts_found(latest, past) if past else []
    tariffs = {(each.target, each.purpose) for each in from_facts if each.kind == "price"}
    # A new price explains what answers cost: it is told once.
    told = [each for each in told if each.kind != "cost" or (each.target, each.purpose) not in
            tariffs]  # fmt: skip
    return Look(
        (*told, *from_facts),
        len(latest.groups),
        _unseen(latest, past, len(made), seed),
        len(past),
    )


def baseline(kind: str, key: Key, past: Sequence[Round]) -> list[Round]:
    """The earlier rounds that a figure is compared with: none from before its last change."""
    since = max((at for at, each in enumerate(past) if (kind, *key) in each.facts.found), default=0)
    return [each for each in past[since:] if key in each.samples][-ROUNDS:]


def _tests(latest: Round, past: Sequence[Round], seed: int) -> Iterator[_Test]:
    kinds: Mapping[Tested, Callable[[_Case], _Test | None]] = {
        "quality": _quality, "speed": _speed, "cost": _cost, "failures": _failures,
    }  # fmt: skip
    for key, sample in latest.samples.items():
        for kind, test in kinds.items():
            before = [each.samples[key] for each in baseline(kind, key, past)]
            if before and (made := test(_Case(key, sample, before, latest.groups, seed))):
                yield made


@dataclass(frozen=True, slots=True)
class _Case:
    key: Key
    now: Sample
    before: Sequence[Sample]
    groups: Mapping[str, str]
    seed: int

    @property
    def since(self) -> str:
        count = len(self.before)
        return "the round before" if count == 1 else f"the {count} rounds before"

    def paired(
        self, values: Callable[[Sample], Mapping[str, float]], *, log: bool = False
    ) -> Difference | None:
        """The latest values less the means of the earlier ones, task by task."""
        turn = math.log if log else float
        now = {task: turn(value) for task, value in values(self.now).items()}
        past: dict[str, list[float]] = {}
        for each in self.before:
            for task, value in values(each).items():
                past.setdefault(task, []).append(turn(value))
        means = {task: sum(each) / len(each) for task, each in past.items()}
        return statistics.difference(now, means, self.groups, seed=self.seed)


def _quality(case: _Case) -> _Test | None:
    found = case.paired(lambda sample: sample.scores)
    if found is None:
        return None
    better = found.value > 0
    span = "" if found.low is None or found.high is None else (
        f", 95% interval {100 * found.low:+.1f} to {100 * found.high:+.1f}")  # fmt: skip
    text = (
        f"{_named(case.key)} got {'better' if better else 'worse'}: {100 * found.value:+.1f} "
        f"points against {case.since}{span}, {found.tasks} tasks"
    )
    return _Test("quality", case.key, found.p, better, bool(found.value), text)


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A figure that is compared as a ratio."""

    kind: Tested
    values: Callable[[Sample], Mapping[str, float]]
    """Of each task."""
    figure: Callable[[Sample], float | None]
    """Of all of them."""
    least: float
    words: tuple[str, str]
    """Where it fell, where it rose."""
    write: Callable[[float], str]


_COST = _Ratio(
    "cost",
    lambda sample: sample.dollars,
    lambda sample: sample.per_1000,
    DEARER,
    ("cheaper: fewer tokens used", "dearer: more tokens used"),
    lambda value: f"{dollars(value)} for 1,000 answers",
)


def _wait(what: str) -> _Ratio:
    return _Ratio(
        "speed",
        lambda sample: sample.waits,
        lambda sample: sample.wait,
        SLOWER,
        ("faster", "slower"),
        lambda value: f"{what} after {seconds(value)}",
    )


def _speed(case: _Case) -> _Test | None:
    what = "the first line" if case.key[1] == "completion" else "the first words"
    return _ratio(case, _wait(what))


def _cost(case: _Case) -> _Test | None:
    return _ratio(case, _COST)


def _ratio(case: _Case, of: _Ratio) -> _Test | None:
    found = case.paired(of.values, log=True)
    known = [figure for each in case.before if (figure := of.figure(each))]
    now = of.figure(case.now)
    if found is None or not known or not now:
        return None
    usual, better = median(known), found.value < 0
    # Suppliers have slow hours: only what no earlier round has shown is a change.
    beyond = now < min(known) if better else now > max(known)
    large = now * of.least <= usual if better else now >= usual * of.least
    span = ""
    if found.low is not None and found.high is not None:
        low, high = 100 * math.expm1(found.low), 100 * math.expm1(found.high)
        span = f" ({low:+.0f} to {high:+.0f} % task by task)"
    text = (
        f"{_named(case.key)} got {of.words[not better]}, {of.write(now)} in place of "
        f"{of.write(usual)}{span}, against {case.since}"
    )
    p = max(found.p, steady(now, known)) if of.kind == "speed" else found.p
    return _Test(of.kind, case.key, p, better, beyond and large, text)


def steady(now: float, before: Sequence[float]) -> float:
    """Probability of a median so far from the earlier ones between rounds of one supplier.

    A whole round may meet a slow hour, of which its tasks know nothing: the rounds' own spread
    counts, and where they are few, what is usual (Student's t, by Wallace's approximation).
    """
    logs = [math.log(each) for each in before]
    middle, count = sum(logs) / len(logs), len(logs)
    free = _USUAL_ROUNDS + count - 1
    spread = _USUAL_ROUNDS * _USUAL_SPREAD**2 + sum((each - middle) ** 2 for each in logs)
    t = (math.log(now) - middle) / math.sqrt(spread / free * (1 + 1 / count))
    z = (8 * free + 1) / (8 * free + 3) * math.sqrt(free * math.log1p(t * t / free))
    return 2 * _NORMAL.cdf(-z)


def _failures(case: _Case) -> _Test | None:
    bad, asked = sum(each.bad for each in case.before), sum(each.asked for each in case.before)
    now = case.now
    if not asked or not now.asked:
        return None
    p = exact(now.bad, now.asked, bad, asked)
    better = now.bad * asked < bad * now.asked
    text = (
        f"{_named(case.key)} got {'more' if better else 'less'} reliable: {now.bad} of {now.asked} "
        f"tasks failed or met a limit ({percent(now.bad / now.asked)}), {bad} of {asked} "
        f"({percent(bad / asked)}) in {case.since}; p = {p:.4f}"
    )
    return _Test("failures", case.key, p, better, True, text)


def exact(one: int, of_one: int, other: int, of_other: int) -> float:
    """Fisher's exact test, two-sided: probability of shares at least so different."""
    whole, bad = of_one + of_other, one + other
    ways = math.comb(whole, bad)
    chances = {
        at: math.comb(of_one, at) * math.comb(of_other, bad - at)
        for at in range(max(0, bad - of_other), min(of_one, bad) + 1)
    }
    return sum(each for each in chances.values() if each <= chances[one]) / ways


def _unseen(latest: Round, past: Sequence[Round], tests: int, seed: int) -> float | None:
    """Half the interval, widened to what the correction asks for."""
    wider = _NORMAL.inv_cdf(1 - SURE / 2 / max(1, tests)) / _NORMAL.inv_cdf(0.975)
    reaches: list[float] = []
    for key, sample in latest.samples.items():
        before = [each.samples[key] for each in baseline("quality", key, past)]
        case = _Case(key, sample, before, latest.groups, seed)
        found = case.paired(lambda each: each.scores)
        if found is not None and found.low is not None and found.high is not None:
            reaches.append((found.high - found.low) / 2 * wider)
    return max(reaches, default=None)


def _named(key: Key) -> str:
    return f"{key[0]} ({key[1]})"
