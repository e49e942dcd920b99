"""Values over time, as lines, or as one row of columns for each series."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.pages.blocks import Table
from polypilot.pages.charts import frame
from polypilot.pages.charts.frame import Chart, Drawing
from polypilot.pages.charts.marks import classed, dash, marker
from polypilot.pages.charts.scales import Axis, numbers, scale
from polypilot.pages.markup import Markup, join, tag
from polypilot.pages.numbers import NOTHING, finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.pages.charts.scales import Scale

ROW = 58.0


@dataclass(frozen=True, slots=True)
class Line:
    """A series: one value for each step in time, None where there is none."""

    name: str
    style: int
    values: Sequence[float | None]


def lines(
    title: str, description: str, times: Sequence[str], series: Sequence[Line], axis: Axis
) -> Chart:
    """Lines through all series; a gap is a gap."""
    return Chart(
        title,
        description,
        lambda width, _: _lines(times, series, axis, width),
        _table(title, times, series, axis),
        [(line.name, line.style) for line in series],
    )


def strips(
    title: str, description: str, times: Sequence[str], series: Sequence[Line], axis: Axis
) -> Chart:
    """A row of columns for each series, all to the same scale: readable for a dozen of them."""
    return Chart(
        title,
        description,
        lambda width, _: _strips(times, series, axis, width),
        _table(title, times, series, axis),
    )


def _table(title: str, times: Sequence[str], series: Sequence[Line], axis: Axis) -> Table:
    rows = [
        (time, *(_written(axis, line.values[at] if at < len(line.values) else None)
                 for line in series))
        for at, time in enumerate(times)
    ]  # fmt: skip
    return Table(f"{title}: {axis.label}", ("from", *(line.name for line in series)), rows)


def _written(axis: Axis, value: float | None) -> str:
    return NOTHING if finite(value) is None or value is None else axis.write(value)


def _lines(times: Sequence[str], series: Sequence[Line], axis: Axis, width: float) -> Drawing:
    top, bottom = 34.0, 272.0
    up = scale(axis, [value for line in series for value in line.values], bottom, top)
    left, right = frame.margin(axis, up), width - 14
    inside = join(
        frame.upwards(axis, up, left, right),
        frame.steps(times, left, right, bottom),
        *(_line(line, len(times), up, left, right) for line in series),
    )
    return Drawing(width, bottom + 26, inside)


def _line(line: Line, steps: int, up: Scale, left: float, right: float) -> Markup:
    known = [
        (at, frame.step(at, steps, left, right), up.at(numbers([value])[0]))
        for at, value in enumerate(line.values[:steps])
        if value is not None and finite(value) is not None
    ]
    pieces = [
        tag("line", x1=x, y1=y, x2=next_x, y2=next_y, class_=classed(line.style, "line"),
            stroke_dasharray=dash(line.style))
        for (at, x, y), (next_at, next_x, next_y) in itertools.pairwise(known)
        if next_at == at + 1
    ]  # fmt: skip
    return join(*pieces, *(marker(line.style, x, y, 4) for _, x, y in known))


def _strips(times: Sequence[str], series: Sequence[Line], axis: Axis, width: float) -> Drawing:
    left, right, top = 2.0, width - 2, 4.0
    rows: list[Markup] = []
    for line in series:
        up = scale(axis, [v for each in series for v in each.values], top + ROW - 8, top + 20)
        most = max(numbers(line.values), default=None)
        said = "no data" if most is None else f"most: {axis.write(most)}"
        room = right - left - frame.width_of(said, 11) - 14
        rows += [
            frame.label(frame.fitted(line.name, room), left, top + 12, class_="label"),
            frame.label(said, right, top + 12, "end", "tick"),
            _columns(line, len(times), up, left, right),
        ]
        top += ROW
    inside = join(*rows, frame.steps(times, left, right, top + 2))
    return Drawing(width, top + 28, inside)


def _columns(line: Line, steps: int, up: Scale, left: float, right: float) -> Markup:
    step = (right - left) / max(1, steps)
    parts = [tag("line", x1=left, x2=right, y1=up.start, y2=up.start, class_="grid")]
    for at, value in enumerate(line.values[:steps]):
        x = left + step * at
        if value is None or finite(value) is None:
            continue
        y = up.at(numbers([value])[0])
        if y < up.start:
            parts.append(
                tag("rect", x=x + 1, y=y, width=max(1.0, step - 2), height=up.start - y,
                    class_=classed(line.style, "bar"))
            )  # fmt: skip
        else:
            parts.append(tag("circle", cx=x + step / 2, cy=up.start, r=1.5, class_="asked"))
    return join(*parts)
