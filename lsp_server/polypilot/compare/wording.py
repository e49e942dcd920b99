"""The advice's sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.compare.reckoning import Difference
from polypilot.pages.numbers import MINUS, NOTHING, count, dollars, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.compare.figures import Row
    from polypilot.compare.values import Purpose

_ALIKE = 0.8
"""Of two prices or waits: above this share they are told as alike."""


def turned(difference: Difference) -> Difference:
    """The same, of second less first."""
    negative = [None if each is None else -each
                for each in (difference.value, difference.high, difference.low)]  # fmt: skip
    return Difference(negative[0], negative[1], negative[2], difference.p, difference.n)


def points(share: float | None, *, sign: bool = False) -> str:
    """A difference of shares, in points of a hundred."""
    if share is None:
        return NOTHING
    text = f"{share * 100:+.1f}" if sign else f"{abs(share) * 100:.1f}"
    return text.replace("-", MINUS)


def only(row: Row, *, alone: bool) -> str:
    """Where there is one target to speak of."""
    if alone:
        return f"{row.target} was asked alone: there is nothing to compare it with."
    return f"{row.target} is the only one that can be advised for {row.purpose}: the others failed."


def headline(state: str, chosen: Row, best: Row, others: Sequence[Row]) -> str:
    """What to take, in a sentence; ``others`` are as good, or may be."""
    name, purpose = chosen.target, chosen.purpose
    if state == "unsettled":
        text = f"Too few tasks to tell {_names(others)} from {name}"
        return f"{text}, which has the best {purpose} score."
    if state == "leads":
        return f"{name} leads for {purpose}."
    if chosen is best:
        return f"{name} for {purpose}: no difference in quality from {_names(others)} was found."
    why = (
        cheaper(chosen, best)
        or _priced(chosen, best)
        or faster(chosen, best)
        or "preferred for its price and speed"
    )
    return f"{name} for {purpose}: no difference found between it and {best.target}; it is {why}."


def _priced(one: Row, other: Row) -> str:
    known = one.money.per_day is not None and other.money.per_day is None
    return "the one whose price is known" if known else ""


def nothing(purpose: Purpose, rows: Sequence[Row]) -> str:
    """Where no target can be advised."""
    if any(row.answered for row in rows):
        return f"No advice for {purpose}: nothing that was answered could be judged."
    return f"No advice for {purpose}: no target has answered."


def _names(rows: Sequence[Row]) -> str:
    """At most three, as a dozen are no headline."""
    names = [row.target for row in rows]
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_NAMED = 3


def cheaper(one: Row, other: Row) -> str:
    """How much less it costs, if it does."""
    low, high = one.money.per_day, other.money.per_day
    if low is None or high is None or low >= high * _ALIKE:
        return ""
    if low == 0:
        return f"free of charge, where the other is {dollars(high)} a typical day"
    return f"{high / low:.1f} times cheaper"


def faster(one: Row, other: Row) -> str:
    """How much sooner it answers, if it does."""
    short, long = (row.speed.wait(row.purpose).p50 for row in (one, other))
    if not short or not long or short >= long * _ALIKE:
        return ""
    return f"{long / short:.1f} times faster"


def difference(one: Row, other: Row, found: Difference, p: float, *, settled: float) -> str:
    """Whether there is one, between which bounds, and which of the two is cheaper."""
    value, low, high = (each or 0.0 for each in (found.value, found.low, found.high))
    word = "better" if value > 0 else "worse"
    if p < settled:
        text = f"{points(value)} points {word} than {other.target}"
    elif low > 0 or high < 0:
        text = f"Perhaps {word} than {other.target}, not surely"
    else:
        text = f"No difference from {other.target} was found"
    chance = "p < 0.001" if p < _SURE else f"p = {p:.3f}"
    span = f"{points(low, sign=True)} to {points(high, sign=True)} points"
    return f"{text} (95% interval {span}; {chance}; {found.n:,} tasks){_price_beside(one, other)}."


_SURE = 0.001


def _price_beside(one: Row, other: Row) -> str:
    if more := cheaper(one, other):
        return f"; it is {more}"
    if more := cheaper(other, one):
        return f"; {other.target} is {more}"
    return ""


def price(row: Row) -> str:
    """What it costs, or that nobody can tell."""
    money = row.money
    if money.per_1000 is None:
        return "What it costs is not known: look at the supplier's prices first."
    what = "completions" if row.purpose == "completion" else "answers"
    text = f"{dollars(money.per_1000)} for 1,000 {what}, {dollars(money.per_day)} a typical day"
    if money.unpriced:
        both = money.priced + money.unpriced
        part = f"{count(money.priced)} of {count(both)} answers"
        return f"{text} (from {part}; the others' price is not known)."
    return f"{text}."


def wait(row: Row) -> str:
    """What a user waits."""
    times = row.speed.wait(row.purpose)
    what = "The first line" if row.purpose == "completion" else "The first words"
    if times.p50 is None:
        return "How long one waits is not known."
    return (
        f"{what} after {seconds(times.p50)} as a rule, {seconds(times.p95)} at the 95th percentile."
    )


def failures(rows: Sequence[Row], able: Sequence[Row]) -> list[str]:
    """Those that are left out, and why."""
    return [f"{row.target} is left out: {_failure(row)}." for row in rows if row not in able]


def _failure(row: Row) -> str:
    fails = row.reliability
    if not fails.failed:
        return "none of its answers could be judged"
    codes = ", ".join(f"{code} {number:,}" for code, number in fails.errors.items())
    return f"{percent(fails.failing)} of its {fails.asked:,} tasks failed ({codes})"


def unpriced(rows: Sequence[Row]) -> list[str]:
    """Those that are as good and have no price."""
    return [
        f"{row.target} is as good, but its price is not known, so it is not called cheap."
        for row in rows
        if row.money.per_day is None
    ]
