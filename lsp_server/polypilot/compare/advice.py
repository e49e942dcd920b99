"""Which target to take, by stated rules, and how sure that is.

1. A target is considered if at most a fifth of its tasks failed; if none is, those that answered.
2. The best is the one with the highest mean score.
3. A target is as good as the best if the corrected paired test finds no difference (p of 0.02 or
   more), and if the 95% interval excludes that it is more than 10 points worse. Where the test
   finds none but the interval can't exclude that, the tasks are too few: it is said, and the
   best is named.
4. Of those as good: the ones whose price is at most a quarter above the lowest, or a cent a day.
   Unknown is never cheap: a target without a price is taken only if none has one.
5. Of those: the ones whose usual wait is at most a quarter above the shortest.
6. Of those: the one with the highest mean score.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from polypilot.compare import wording
from polypilot.compare.figures import Row, Summary
from polypilot.compare.statistics import SURE

if TYPE_CHECKING:
    from polypilot.compare.reckoning import Difference
    from polypilot.compare.values import Purpose

SIGNIFICANT: Final = SURE
"""Of the corrected probability; with 5 % two that are alike would be told apart too often."""
WORST_LOSS: Final = 0.10
"""How much worse than the best one may at most be to be called as good."""
MOST_FAILING: Final = 0.2
NEAR: Final = 1.25
"""Prices and waits within this factor are alike."""
TOLD: Final = 4
"""Differences that are told; the table of pairs has them all."""
CENT: Final = 0.01
"""Dollars a day that nobody changes a supplier for."""

State = Literal["leads", "as-good", "unsettled", "only", "none"]
"""``leads``: better than each other; ``as-good``: as good as the best, and cheaper or faster or
itself the best; ``unsettled``: too few tasks to tell; ``only``: nothing to compare it with;
``none``: nothing has answered."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to take for one purpose, and why."""

    purpose: Purpose
    state: State
    target: str
    """Empty if there is none to take."""
    headline: str
    reasons: tuple[str, ...]
    command: str
    """That sets it; empty if there is nothing to set."""


def advise(summary: Summary) -> list[Advice]:
    """One for each purpose that was asked for."""
    purposes: tuple[Purpose, ...] = ("completion", "chat")
    return [_advise(summary, purpose) for purpose in purposes if summary.of(purpose)]


def _advise(summary: Summary, purpose: Purpose) -> Advice:
    rows = summary.of(purpose)
    able = considered(rows)
    if not able:
        text = wording.nothing(purpose, rows)
        return Advice(purpose, "none", "", text, tuple(wording.failures(rows, [])), "")
    best = max(able, key=_score)
    equal, unsettled = _compared(summary, best, able)
    chosen = best if unsettled else choose(equal)
    state = _state(able, equal, unsettled)
    reasons = [
        *_differences(summary, chosen, [row for row in able if row is not chosen]),
        wording.price(chosen),
        wording.wait(chosen),
        *wording.failures(rows, able),
        *wording.unpriced([row for row in equal if row is not chosen]),
    ]
    return Advice(
        purpose,
        state,
        chosen.target,
        _headline(state, chosen, best, unsettled or equal, rows),
        tuple(reasons),
        f"polypilot use {shlex.quote(chosen.target)} --for {purpose}",
    )


def _headline(state: State, chosen: Row, best: Row, near: list[Row], rows: list[Row]) -> str:
    if state == "only":
        return wording.only(chosen, alone=len(rows) == 1)
    others = [row for row in near if row is not chosen]
    return wording.headline(state, chosen, best, others)


def considered(rows: list[Row]) -> list[Row]:
    """Those with a score that mostly answer, or else all that have answered."""
    judged = [row for row in rows if row.answered and row.quality.score.value is not None]
    steady = [row for row in judged if row.reliability.failing <= MOST_FAILING]
    return steady or judged


def _score(row: Row) -> float:
    value = row.quality.score.value
    return -1.0 if value is None else value


def between(summary: Summary, one: Row, other: Row) -> tuple[Difference, float] | None:
    """Of one less the other, and the corrected p; None if nothing is known of the pair."""
    for pair in summary.pairs:
        if pair.purpose != one.purpose or pair.corrected is None:
            continue
        if (pair.first, pair.second) == (one.target, other.target):
            return pair.difference, pair.corrected
        if (pair.first, pair.second) == (other.target, one.target):
            return wording.turned(pair.difference), pair.corrected
    return None


def _compared(summary: Summary, best: Row, able: list[Row]) -> tuple[list[Row], list[Row]]:
    """Those as good as the best, itself among them, and those of which that can't be told."""
    equal, unsettled = [best], list[Row]()
    for row in able:
        found = None if row is best else between(summary, best, row)
        if row is best or (found is not None and found[1] < SIGNIFICANT):
            continue
        least = None if found is None else found[0].high
        (equal if least is not None and least <= WORST_LOSS else unsettled).append(row)
    return equal, unsettled


def choose(equal: list[Row]) -> Row:
    """Of those as good: cheap, then fast, then good (rules 4 to 6)."""
    left = equal
    prices = [row.money.per_day for row in left if row.money.per_day is not None]
    if prices:
        bound = max(min(prices) * NEAR, min(prices) + CENT)
        left = [r for r in left if r.money.per_day is not None and r.money.per_day <= bound]
    waits = [wait for row in left if (wait := row.speed.wait(row.purpose).p50) is not None]
    if waits:
        bound = min(waits) * NEAR
        left = [
            row for row in left
            if (wait := row.speed.wait(row.purpose).p50) is not None and wait <= bound
        ]  # fmt: skip
    return max(left, key=_score)


def _state(able: list[Row], equal: list[Row], unsettled: list[Row]) -> State:
    if len(able) == 1:
        return "only"
    if unsettled:
        return "unsettled"
    return "as-good" if len(equal) > 1 else "leads"


def _differences(summary: Summary, chosen: Row, others: list[Row]) -> list[str]:
    """In words, the nearest first."""
    ordered = sorted(others, key=lambda row: -_score(row))
    told = [
        wording.difference(chosen, other, *found, settled=SIGNIFICANT)
        for other in ordered
        if (found := between(summary, chosen, other)) is not None
    ]
    more = len(told) - TOLD
    return told if more <= 1 else [*told[:TOLD], f"{more} more pairs are in the table."]
