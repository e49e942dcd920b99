"""The figures of a summary, by the statistics for tasks that come in groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.compare import statistics
from polypilot.compare.statistics import holm, quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Difference", "Figure", "curve", "holm", "mean", "paired", "quantile"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval over ``n`` values; None: without values, or not known."""

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


def mean(values_by_group: Mapping[str, Sequence[float]], seed: int = 1) -> Figure:
    """The mean of all values; a share's interval, where they are verdicts, stays in 0 to 1."""
    pairs = [(group, value) for group, values in values_by_group.items() for value in values]
    verdicts = all(value in {0.0, 1.0} for _, value in pairs)
    if verdicts:
        found = statistics.share(((group, bool(value)) for group, value in pairs), seed=seed)
    else:
        found = statistics.mean(pairs, seed=seed)
    if found is None:
        return Figure(None, None, None, 0)
    return Figure(found.value, found.low, found.high, len(pairs))


def paired(
    a: Mapping[str, tuple[str, float]], b: Mapping[str, tuple[str, float]], seed: int = 1
) -> Difference:
    """Of the tasks in both, from id to (group, value)."""
    found = statistics.difference(
        {task: value for task, (_, value) in a.items()},
        {task: value for task, (_, value) in b.items()},
        {task: group for task, (group, _) in a.items()},
        seed=seed,
    )
    if found is None:
        return Difference(None, None, None, None, 0)
    return Difference(found.value, found.low, found.high, found.p, found.tasks)


def curve(ordered: Sequence[float], steps: int) -> tuple[float, ...]:
    """Quantiles at equal steps from the least to the greatest, of values in order."""
    if not ordered:
        return ()
    places = [step / steps * (len(ordered) - 1) for step in range(steps + 1)]
    return tuple(_between(ordered, place) for place in places)


def _between(ordered: Sequence[float], place: float) -> float:
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
