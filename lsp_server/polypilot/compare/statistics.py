"""How sure a figure is, and whether one target is better than another.

Tasks of one group (a file) are alike, so nothing here counts them as independent: intervals
resample whole groups, and the paired test exchanges the two targets' answers for whole groups.
The same seed gives the same figures. Sums are whole millionths, so that ties are ties.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import combinations
from operator import getitem
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESAMPLES = 2000
EXCHANGES = 5000
FEWEST = 8
"""Of fewer groups no interval is known."""
LEVEL = 0.05
"""What intervals leave out."""
SURE = 0.02
"""Below which probability a difference is called one: of 100 comparisons of targets that are
alike, 95 and more say so. At 5 % every second hundred would say it of fewer."""
_SCALE = 1_000_000
_DRAWN = 200
"""Up to so many groups are drawn one by one; of more, halves are (hundreds of times faster)."""
_WHOLE = 13
"""Up to so many groups every exchange is looked at."""
_SHIFT = 64
_NORMAL = NormalDist()

Method = Literal["bootstrap", "wilson", "wilson over groups", "none"]
Verdict = Literal["better", "worse", "not known"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval; ``low`` and ``high`` are None if that is not known."""

    value: float
    low: float | None
    high: float | None
    tasks: int
    groups: int
    method: Method
    """By which the interval was found: ``bootstrap`` resamples groups; ``wilson`` holds for
    independent tasks; ``wilson over groups`` where all tasks came out alike, counting each group
    once."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One target's mean less the other's, over the tasks that both have."""

    value: float
    low: float | None
    high: float | None
    p: float
    """Probability of a difference at least so large between targets that are alike."""
    adjusted: float
    """``p`` after Holm's correction for the pairs that were compared at once."""
    tasks: int
    groups: int

    @property
    def verdict(self) -> Verdict:
        """``better`` or ``worse`` only where chance is an unlikely reason (2 %, adjusted)."""
        if self.adjusted >= SURE or not self.value:
            return "not known"
        return "better" if self.value > 0 else "worse"


# --- one target


def mean(values: Iterable[tuple[str, float]], *, seed: int = 1) -> Figure | None:
    """Mean of (group, value) pairs; None for none.

    The interval is wider than a plain percentile one where groups are few (as Student's t).
    """
    sums = _by_group(values)
    if not sums:
        return None
    tasks, groups = sum(size for _, size in sums), len(sums)
    value = sum(part for part, _ in sums) / tasks / _SCALE
    if groups < FEWEST:
        return Figure(value, None, None, tasks, groups, "none")
    low, high = _interval(sums, seed)
    return Figure(value, low, high, tasks, groups, "bootstrap")


def share(values: Iterable[tuple[str, bool]], *, seed: int = 1) -> Figure | None:
    """Share of what is true (pass@1, exact) of (group, verdict) pairs; None for none.

    ``method`` says how the interval was found.
    """
    listed = [(group, float(verdict)) for group, verdict in values]
    figure = mean(listed, seed=seed)
    if figure is None:
        return None
    if figure.groups == figure.tasks:
        return _wilson(figure, "wilson")
    if figure.groups >= FEWEST and figure.value in {0.0, 1.0}:  # resampling would be too sure
        return _wilson(figure, "wilson over groups")
    return figure


def _wilson(figure: Figure, method: Method) -> Figure:
    z, count, value = _NORMAL.inv_cdf(1 - LEVEL / 2), figure.groups, figure.value
    middle = value + z * z / (2 * count)
    reach = z * math.sqrt(value * (1 - value) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low, high = max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
    return replace(figure, low=low, high=high, method=method)


def quantile(values: Sequence[float], share_below: float) -> float | None:
    """The nearest-rank quantile (a value that was measured), ``share_below`` between 0 and 1.

    None if fewer than one value could be expected above it: p95 takes 20 values, p99 100.
    """
    count = len(values)
    if count * (1 - share_below) < 1 - 1e-9:
        return None
    return sorted(values)[max(0, math.ceil(share_below * count - 1e-9) - 1)]


# --- two targets


def difference(
    one: Mapping[str, float],
    other: Mapping[str, float],
    groups: Mapping[str, str],
    *,
    seed: int = 1,
) -> Difference | None:
    """Compare two targets by their values of tasks (by id); None if no task has both.

    ``p`` is that of the paired test: for each group a coin says whose answers are whose. Up to
    13 groups that differ all ways are counted, so that a handful never looks sure.
    """
    both = [task for task in one if task in other]
    sums = _by_group((groups[task], one[task] - other[task]) for task in both)
    if not sums:
        return None
    value = sum(part for part, _ in sums) / len(both) / _SCALE
    low, high = _interval(sums, seed) if len(sums) >= FEWEST else (None, None)
    p = _exchanged([part for part, _ in sums if part], seed)
    return Difference(value, low, high, p, p, len(both), len(sums))


def differences(
    targets: Mapping[str, Mapping[str, float]], groups: Mapping[str, str], *, seed: int = 1
) -> dict[tuple[str, str], Difference]:
    """Compare every two targets, with Holm's correction over all these pairs."""
    found: dict[tuple[str, str], Difference] = {}
    for one, other in combinations(targets, 2):
        each = difference(targets[one], targets[other], groups, seed=seed)
        if each is not None:
            found[one, other] = each
    adjusted = holm([each.p for each in found.values()])
    pairs = zip(found.items(), adjusted, strict=True)
    return {names: replace(each, adjusted=p) for (names, each), p in pairs}


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each probability, adjusted for being one of several (Holm 1979)."""
    count, before = len(probabilities), 0.0
    adjusted = [0.0] * count
    for rank, at in enumerate(sorted(range(count), key=probabilities.__getitem__)):
        before = max(before, min(1.0, (count - rank) * probabilities[at]))
        adjusted[at] = before
    return adjusted


# --- resampling


def _by_group(values: Iterable[tuple[str, float]]) -> list[tuple[int, int]]:
    """Of each group the sum in millionths and the number of values, in the order of names."""
    found: dict[str, tuple[int, int]] = {}
    for group, value in values:
        part, size = found.get(group, (0, 0))
        found[group] = part + round(value * _SCALE), size + 1
    return [found[group] for group in sorted(found)]


def _interval(sums: Sequence[tuple[int, int]], seed: int) -> tuple[float, float]:
    packed = [(part << _SHIFT) + size for part, size in sums]  # one addition adds both
    draw = _drawn if len(packed) <= _DRAWN else _halves
    means = sorted(_mean(each) for each in draw(packed, random.Random(seed)))  # noqa: S311  (no secret)
    tail = _tail(len(packed))
    last = len(means) - 1
    return means[math.floor(last * tail)], means[math.ceil(last * (1 - tail))]


def _drawn(packed: Sequence[int], dice: random.Random) -> list[int]:
    return [sum(dice.choices(packed, k=len(packed))) for _ in range(RESAMPLES)]


def _halves(packed: Sequence[int], dice: random.Random) -> list[int]:
    """Sums over random halves: they spread as sums of groups that are drawn one by one do."""
    found = _coin_sums(packed, dice, RESAMPLES)
    return [each for each in found if each & ((1 << _SHIFT) - 1)]


def _mean(packed: int) -> float:
    return (packed >> _SHIFT) / (packed & ((1 << _SHIFT) - 1)) / _SCALE


def _tail(groups: int) -> float:
    """How much to cut at each end so that few groups have the interval of Student's t.

    A percentile interval is too narrow by the normal quantile over Student's, and by the
    factor between a sample's deviation and its estimate (Hesterberg 2015).
    """
    free = groups - 1
    z = _NORMAL.inv_cdf(1 - LEVEL / 2)
    student = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free * free)
    return _NORMAL.cdf(-student * math.sqrt(groups / free))


def _exchanged(parts: Sequence[int], seed: int) -> float:
    """Share of the exchanges that make a difference at least so large, this one included."""
    whole = sum(parts)
    if not parts:
        return 1.0
    if len(parts) <= _WHOLE:
        sums = [0]
        for part in parts:
            sums += [each + part for each in sums]
        return sum(abs(whole - 2 * each) >= abs(whole) for each in sums) / len(sums)
    found = _coin_sums(parts, random.Random(seed), EXCHANGES)  # noqa: S311  (no secret)
    larger = sum(abs(whole - 2 * each) >= abs(whole) for each in found)
    return (1 + larger) / (1 + EXCHANGES)


def _coin_sums(parts: Sequence[int], dice: random.Random, count: int) -> list[int]:
    """Sums over random subsets, eight parts at a time by a table of their 256 sums."""
    tables: list[list[int]] = []
    for start in range(0, len(parts), 8):
        table = [0]
        for part in parts[start : start + 8]:
            table += [each + part for each in table]
        tables.append(table * (256 // len(table)))
    return [sum(map(getitem, tables, dice.randbytes(len(tables)))) for _ in range(count)]
