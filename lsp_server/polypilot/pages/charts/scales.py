"""From a value to a place on an axis, and where the axis has its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.pages.numbers import finite, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TINIEST = 1e-12
LARGEST = 1e15
_APART = 54.0
"""Pixels between nothing and the least value above it."""
_DECADES = 2.3
"""Ticks at 2 and 5 too as long as there are no more decades."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, and how."""

    label: str
    write: Callable[[float], str] = plain
    """Of a tick's value."""
    log: bool = False
    """Used where no value is negative, and those above nothing span more than a factor of ten."""
    least: float | None = None
    """The axis begins here, at the latest (a share at 0), where it is not logarithmic."""
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A span of values laid on a span of pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[float, ...]
    nought: float | None = None
    """Where a logarithmic scale has what is nothing, apart from all others."""

    def at(self, value: float) -> float:
        """The pixel of a value; what is outside is at the edge."""
        if self.nought is not None and value <= TINIEST:
            return self.nought
        value = min(max(value, self.low), self.high)
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log10(each) for each in (value, low, high))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def numbers(values: Iterable[float | None]) -> list[float]:
    """Those that can be drawn; what is beyond any measure is at its edge."""
    return [
        min(max(each, -LARGEST), LARGEST) for value in values if (each := finite(value)) is not None
    ]


def scale(axis: Axis, values: Iterable[float | None], start: float, end: float) -> Scale:
    """Round ends and at most about one tick for each 60 pixels (45 upwards)."""
    known = numbers(values)
    room = max(2, int(abs(end - start) / (70 if end > start else 45)))
    positive = [value for value in known if value > TINIEST]
    if axis.log and positive and min(known) >= 0 and max(positive) > 10 * min(positive):
        return _logarithmic(positive, start, end, nought=len(positive) < len(known))
    low, high = _ends(axis, known)
    step = _step(high - low, room)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(number * step for number in range(first, max(last, first + 1) + 1))
    return Scale(ticks[0], ticks[-1], start, end, log=False, ticks=ticks)


def _ends(axis: Axis, known: list[float]) -> tuple[float, float]:
    low = min([*known, *numbers([axis.least])], default=0.0)
    high = max([*known, *numbers([axis.most])], default=low + 1.0)
    least = max(abs(low), abs(high)) * 1e-6
    if high - low <= max(least, TINIEST):
        high = low + (abs(low) if abs(low) > TINIEST else 1.0)
    return low, high


def _step(span: float, room: int) -> float:
    """1, 2 or 5 times a power of ten."""
    rough = span / room
    power = 10.0 ** math.floor(math.log10(rough))
    return next((m * power for m in (1, 2, 5) if m * power >= rough * (1 - 1e-9)), 10 * power)


def _logarithmic(positive: list[float], start: float, end: float, *, nought: bool) -> Scale:
    low, high = min(positive), max(positive)
    steps = (1, 2, 5) if math.log10(high / low) <= _DECADES else (1,)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = [float(f"{step}e{power}") for power in powers for step in steps]
    first = max(tick for tick in every if tick <= low * (1 + 1e-9))
    last = min(tick for tick in every if tick >= high * (1 - 1e-9))
    ticks = [tick for tick in every if first <= tick <= last]
    apart = max(1, math.ceil(len(ticks) * 60 / max(60.0, abs(end - start))))
    made = Scale(first, last, start, end, log=True, ticks=tuple(ticks[::apart]))
    if not nought:
        return made
    begin = start + math.copysign(_APART, end - start)
    return replace(made, start=begin, ticks=(0.0, *made.ticks), nought=start)
