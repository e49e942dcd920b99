"""Figures with intervals, for tasks that come in groups; differences of targets, task by task."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95% interval over ``n`` values; None without values."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two targets on the same tasks: the mean of first less second, and how likely by chance."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int


def quantile(values: Sequence[float], q: float) -> float | None:
    """Between two values in proportion; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values_by_group: Mapping[str, Sequence[float]], seed: int = 1) -> Figure:
    """The mean of all values; the interval by drawing whole groups anew."""
    groups = [values for _, values in sorted(values_by_group.items()) if values]
    sums = [(math.fsum(values), len(values)) for values in groups]
    n = sum(number for _, number in sums)
    if not n:
        return Figure(None, None, None, 0)
    value = math.fsum(total for total, _ in sums) / n
    chance = random.Random(seed)  # noqa: S311  (a seeded sample, no secret)
    draws: list[float] = []
    for _ in range(_DRAWS):
        drawn = chance.choices(sums, k=len(sums))
        draws.append(math.fsum(total for total, _ in drawn) / sum(number for _, number in drawn))
    return Figure(value, quantile(draws, 0.025), quantile(draws, 0.975), n)


def paired(
    a: Mapping[str, tuple[str, float]], b: Mapping[str, tuple[str, float]], seed: int = 1
) -> Difference:
    """Of the tasks in both, from id to (group, value); p by turning whole groups' signs."""
    by_group: dict[str, list[float]] = {}
    for task in sorted(a.keys() & b.keys()):
        by_group.setdefault(a[task][0], []).append(a[task][1] - b[task][1])
    figure = mean(by_group, seed)
    if figure.value is None:
        return Difference(None, None, None, None, 0)
    totals = [math.fsum(values) for values in by_group.values()]
    return Difference(figure.value, figure.low, figure.high, _chance(totals, seed), figure.n)


_FLIPS = 20_000
"""Enough for p to be small after the correction for a hundred pairs."""
_BEYOND = 50
"""So many as extreme are enough: a large p needs few digits (Besag and Clifford)."""


def _chance(totals: Sequence[float], seed: int) -> float:
    """How often turning signs at random gives as large a sum."""
    observed = abs(math.fsum(totals)) - 1e-9
    chunks = [totals[at : at + 8] for at in range(0, len(totals), 8)]
    tables = [
        [math.fsum(-x if bits >> at & 1 else x for at, x in enumerate(chunk))
         for bits in range(256)]
        for chunk in chunks
    ]  # fmt: skip
    chance = random.Random(seed)  # noqa: S311  (a seeded sample, no secret)
    beyond = 0
    for flips in range(1, _FLIPS + 1):
        drawn = chance.randbytes(len(tables))
        beyond += abs(sum(table[at] for table, at in zip(tables, drawn, strict=True))) >= observed
        if beyond >= _BEYOND:
            return beyond / flips
    return (1 + beyond) / (1 + _FLIPS)


def holm(ps: Sequence[float]) -> list[float]:
    """The probabilities, corrected for how many there are."""
    corrected = [0.0] * len(ps)
    greatest = 0.0
    for place, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        greatest = max(greatest, min(1.0, ps[at] * (len(ps) - place)))
        corrected[at] = greatest
    return corrected
