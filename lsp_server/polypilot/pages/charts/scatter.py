"""One point for each series, with its intervals: quality against cost, or against latency."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.pages.blocks import Table
from polypilot.pages.charts import frame
from polypilot.pages.charts.frame import Chart, Drawing
from polypilot.pages.charts.marks import classed, marker
from polypilot.pages.charts.scales import Axis, Scale, scale
from polypilot.pages.markup import Markup, join, tag
from polypilot.pages.numbers import NOTHING, finite

if TYPE_CHECKING:
    from collections.abc import Sequence

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Dot:
    """A series' place, None where it is not known, and its intervals."""

    name: str
    style: int
    x: float | None
    y: float | None
    x_span: Span | None = None
    y_span: Span | None = None
    missing: str = ""
    """Why a place is not known."""

    @property
    def drawn(self) -> bool:
        """Whether both places are known."""
        return finite(self.x) is not None and finite(self.y) is not None


def scatter(title: str, description: str, dots: Sequence[Dot], x: Axis, y: Axis) -> Chart:
    """The plot; what has no place is said below it."""
    rows = [(dot.name, _cell(x, dot.x, dot.x_span), _cell(y, dot.y, dot.y_span)) for dot in dots]
    return Chart(
        title,
        description,
        lambda width, _: _Plot([dot for dot in dots if dot.drawn], x, y, width).drawing(),
        Table(title, ("", x.label, y.label), rows),
        [(dot.name, dot.style) for dot in dots],
        [f"Not drawn: {dot.name} ({dot.missing or 'no value'})." for dot in dots if not dot.drawn],
    )


def _cell(axis: Axis, value: float | None, span: Span | None) -> str:
    if finite(value) is None or value is None:
        return NOTHING
    low, high = (None, None) if span is None else (finite(span[0]), finite(span[1]))
    if low is None or high is None:
        return axis.write(value)
    return f"{axis.write(value)} ({axis.write(low)} to {axis.write(high)})"


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def from_(self, x: float, y: float) -> float:
        """How far a point is from it."""
        across = max(self.left - x, 0.0, x - self.right)
        return math.hypot(across, max(self.top - y, 0.0, y - self.bottom))

    def holds(self, other: _Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(slots=True)
class _Plot:
    dots: Sequence[Dot]
    x: Axis
    y: Axis
    width: float
    height: float = 380.0
    taken: list[_Box] = field(default_factory=list[_Box])
    """Where signs and labels are."""

    def drawing(self) -> Drawing:
        """What is drawn; without any dot, a line that says so."""
        if not self.dots:
            text = frame.label("Nothing to draw: see below.", 2, 24, class_="name")
            return Drawing(self.width, 40, text)
        top, bottom = 34.0, self.height - 48
        up = scale(self.y, self._values(upwards=True), bottom, top)
        left, right = frame.margin(self.y, up), self.width - 22
        across = scale(self.x, self._values(upwards=False), left, right)
        inside = join(
            frame.upwards(self.y, up, left, right),
            frame.across(self.x, across, top, bottom),
            *(self._whiskers(dot, across, up) for dot in self.dots),
            *self._signs(across, up),
            *self._labels(across, up, _Box(left, top - 4, self.width - 2, bottom)),
        )
        return Drawing(self.width, self.height, inside)

    def _values(self, *, upwards: bool) -> list[float | None]:
        places = [dot.y if upwards else dot.x for dot in self.dots]
        spans = [dot.y_span if upwards else dot.x_span for dot in self.dots]
        return [*places, *(end for span in spans if span for end in span)]

    def _whiskers(self, dot: Dot, across: Scale, up: Scale) -> Markup:
        x, y = across.at(dot.x or 0.0), up.at(dot.y or 0.0)
        parts: list[Markup] = []
        for span, place, sideways in ((dot.x_span, across, True), (dot.y_span, up, False)):
            ends = None if span is None else [finite(end) for end in span]
            if ends is None or ends[0] is None or ends[1] is None:
                continue
            low, high = place.at(ends[0]), place.at(ends[1])
            self.taken.append(
                _Box(low, y - 2, high, y + 2) if sideways else _Box(x - 2, high, x + 2, low)
            )
            ends_at = (
                {"x1": low, "x2": high, "y1": y, "y2": y}
                if sideways
                else {"x1": x, "x2": x, "y1": low, "y2": high}
            )
            parts.append(tag("line", class_=classed(dot.style, "whisker"), **ends_at))
        return join(*parts)

    def _signs(self, across: Scale, up: Scale) -> list[Markup]:
        signs: list[Markup] = []
        for dot in self.dots:
            x, y = across.at(dot.x or 0.0), up.at(dot.y or 0.0)
            self.taken.append(_Box(x - 8, y - 8, x + 8, y + 8))
            signs.append(marker(dot.style, x, y, 6.5))
        return signs

    def _labels(self, across: Scale, up: Scale, room: _Box) -> list[Markup]:
        """A name beside its sign where it is free; the others are told by the legend."""
        labels: list[Markup] = []
        for dot in self.dots:
            name = frame.fitted(dot.name.rsplit("/", 1)[-1], min(190, self.width / 2.6))
            wide = frame.width_of(name)
            x, y = across.at(dot.x or 0.0), up.at(dot.y or 0.0)
            for left, middle in _places(x, y, wide):
                box = _Box(left, middle - 9, left + wide, middle + 6)
                free = not any(box.meets(other) for other in self.taken)
                if room.holds(box) and free and self._is_of(box, dot, across, up):
                    self.taken.append(box)
                    labels.append(frame.label(name, left, middle + 3))
                    break
        return labels

    def _is_of(self, box: _Box, dot: Dot, across: Scale, up: Scale) -> bool:
        """Whether the label is clearly nearest to its own sign."""
        far = {
            each: box.from_(across.at(each.x or 0.0), up.at(each.y or 0.0)) for each in self.dots
        }
        return all(far[dot] + 6 < away for each, away in far.items() if each is not dot)


def _places(x: float, y: float, wide: float) -> list[tuple[float, float]]:
    """Where a label may begin, and its middle's height: right, left, above, below, corners."""
    right, left, centre = x + 12, x - 12 - wide, x - wide / 2
    return [
        (right, y), (left, y), (right, y - 12), (right, y + 12), (left, y - 12), (left, y + 12),
        (centre, y - 17), (centre, y + 17), (right, y - 24), (right, y + 24),
        (left, y - 24), (left, y + 24),
    ]  # fmt: skip
