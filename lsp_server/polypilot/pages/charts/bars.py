"""Bars: groups with intervals (quality by language), and stacked ones over days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.pages.blocks import Table
from polypilot.pages.charts import frame
from polypilot.pages.charts.frame import Chart, Drawing
from polypilot.pages.charts.marks import classed, hatching, marker
from polypilot.pages.charts.scales import Axis, Scale, numbers, scale
from polypilot.pages.markup import Markup, join, tag
from polypilot.pages.numbers import NOTHING, finite

if TYPE_CHECKING:
    from collections.abc import Sequence

Span = tuple[float, float]
BAR = 17.0
_TWO_COLUMNS = 600.0
_VALUE = 44.0
"""Pixels of a value behind its bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A series' value in a group, from 0, with its interval."""

    style: int
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What is compared: one bar for each series, in their order."""

    name: str
    bars: Sequence[Bar]


def grouped(
    title: str,
    description: str,
    names: Sequence[str],
    groups: Sequence[Group],
    axis: Axis,
) -> Chart:
    """Groups of horizontal bars, to one scale; ``names`` are the series'."""
    rows = [(group.name, *(_cell(axis, bar) for bar in group.bars)) for group in groups]
    styles = [bar.style for bar in groups[0].bars] if groups else []
    return Chart(
        title,
        description,
        lambda width, _: _grouped(groups, axis, width),
        Table(f"{title}: {axis.label}", ("", *names), rows),
        list(zip(names, styles, strict=False)),
    )


def _cell(axis: Axis, bar: Bar) -> str:
    value, low, high = finite(bar.value), finite(bar.low), finite(bar.high)
    if value is None:
        return NOTHING
    if low is None or high is None:
        return axis.write(value)
    return f"{axis.write(value)} ({axis.write(low)} to {axis.write(high)})"


def _grouped(groups: Sequence[Group], axis: Axis, width: float) -> Drawing:
    columns = 2 if width > _TWO_COLUMNS and len(groups) > 1 else 1
    across = (width - 28 * (columns - 1)) / columns
    values = [end for group in groups for bar in group.bars for end in (bar.value, bar.high)]
    at = scale(axis, [0.0, *values], 8, across - _VALUE - 8)
    parts: list[Markup] = []
    top = 0.0
    for first in range(0, len(groups), columns):
        row = groups[first : first + columns]
        for column, group in enumerate(row):
            inside = _group(group, axis, at, across)
            move = f"translate({column * (across + 28):.1f} {top:.1f})"
            parts.append(tag("g", inside, transform=move))
        top += max(_tall(group) for group in row)
    return Drawing(width, max(top, 20.0), join(*parts))


def _tall(group: Group) -> float:
    return 22 + BAR * len(group.bars) + 16


def _group(group: Group, axis: Axis, at: Scale, width: float) -> Markup:
    bottom = 22 + BAR * len(group.bars)
    zero = at.at(0.0)
    parts = [
        frame.label(frame.fitted(group.name, width - 16), zero, 14, class_="label strong"),
        tag("line", x1=zero, x2=zero, y1=21, y2=bottom, class_="axis"),
    ]
    for place, bar in enumerate(group.bars):
        parts += _bar(bar, axis, at, 22 + BAR * place + BAR / 2)
    return join(*parts)


def _bar(bar: Bar, axis: Axis, at: Scale, y: float) -> list[Markup]:
    zero = at.at(0.0)
    if not (known := numbers([bar.value])):
        return [marker(bar.style, zero + 9, y, 4),
                frame.label("no value", zero + 19, y + 4, class_="tick")]  # fmt: skip
    x = at.at(known[0])
    parts = [
        tag("rect", x=min(zero, x), y=y - 5, width=max(1.0, abs(x - zero)), height=10, rx=2,
            class_=classed(bar.style, "area")),
    ]  # fmt: skip
    ends = numbers([bar.low, bar.high])
    if len(ends) == 2:  # noqa: PLR2004  (both of them)
        low, high = at.at(ends[0]), at.at(ends[1])
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, class_=classed(bar.style, "whisker")))
        x = max(x, high)
    parts.append(marker(bar.style, at.at(known[0]), y, 4))
    parts.append(frame.label(axis.write(known[0]), max(x, at.at(known[0]) + 4) + 7, y + 4,
                             class_="tick"))  # fmt: skip
    return parts


# --- stacked, over days


@dataclass(frozen=True, slots=True)
class Layer:
    """A series: a value for each day, none of them negative."""

    name: str
    style: int
    values: Sequence[float | None]


def stacked(
    title: str, description: str, days: Sequence[str], layers: Sequence[Layer], axis: Axis
) -> Chart:
    """A column for each day, its layers in the order of the series, the first below."""
    rows = [
        (day, *(NOTHING if (value := _height(layer, at)) is None else axis.write(value)
                for layer in layers))
        for at, day in enumerate(days)
    ]  # fmt: skip
    return Chart(
        title,
        description,
        lambda width, prefix: _stacked(days, layers, axis, width, prefix),
        Table(f"{title}: {axis.label}", ("day", *(layer.name for layer in layers)), rows),
        [(layer.name, layer.style) for layer in layers],
    )


def _height(layer: Layer, day: int) -> float | None:
    value = finite(layer.values[day]) if day < len(layer.values) else None
    return None if value is None else max(0.0, value)


def _stacked(
    days: Sequence[str], layers: Sequence[Layer], axis: Axis, width: float, prefix: str
) -> Drawing:
    top, bottom = 34.0, 272.0
    sums = [math.fsum(numbers(_height(layer, day) for layer in layers)) for day in range(len(days))]
    up = scale(axis, [0.0, *sums], bottom, top)
    left, right = frame.margin(axis, up), width - 14
    step = (right - left) / max(1, len(days))
    columns = [
        _column(layers, day, up, (left + step * day, left + step * (day + 1)), prefix)
        for day in range(len(days))
    ]
    inside = join(
        tag("defs", *(hatching(prefix, layer.style) for layer in layers)),
        frame.upwards(axis, up, left, right),
        *columns,
        frame.steps(days, left, right, bottom),
    )
    return Drawing(width, bottom + 26, inside)


def _column(layers: Sequence[Layer], day: int, up: Scale, across: Span, prefix: str) -> Markup:
    """One day's, between two places."""
    left, right = across
    gap = min(4.0, (right - left) * 0.15)
    wide = max(0.5, right - left - 2 * gap)
    parts: list[Markup] = []
    below = 0.0
    for layer in layers:
        value = (numbers([_height(layer, day)]) or [0.0])[0]
        low, high = up.at(below), up.at(below + value)
        below += value
        if low - high <= 0:
            continue
        box = {"x": left + gap, "y": high, "width": wide, "height": low - high}
        parts.append(tag("rect", class_=classed(layer.style, "bar"), **box))
        if layer.style % 2:
            parts.append(tag("rect", fill=f"url(#{prefix}-{layer.style})", **box))
    return join(*parts)
