"""How values are spread: for each series a box over its quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.pages.blocks import Table
from polypilot.pages.charts import frame
from polypilot.pages.charts.frame import Chart, Drawing
from polypilot.pages.charts.marks import classed, marker
from polypilot.pages.charts.scales import Axis, numbers, scale
from polypilot.pages.markup import join, tag
from polypilot.pages.numbers import NOTHING, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.pages.charts.scales import Scale
    from polypilot.pages.markup import Markup

ROW = 46.0
_NOTE = (
    "The box holds the middle half, its line is the median; the thin line goes from the 5th to the "
    "95th percentile, and the sign is at the 95th."
)
_SHARES = (("fastest 5%", 0.05), ("a quarter", 0.25), ("half", 0.5), ("three quarters", 0.75),
           ("95%", 0.95), ("99%", 0.99))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """A series' quantiles at equal steps from the least value to the greatest."""

    name: str
    style: int
    quantiles: Sequence[float]
    n: int

    def at(self, share: float) -> float | None:
        """The quantile, between two steps in proportion; None without values."""
        known = numbers(self.quantiles)
        if not known:
            return None
        place = share * (len(known) - 1)
        low = int(place)
        high = min(low + 1, len(known) - 1)
        return known[low] + (known[high] - known[low]) * (place - low)


def spread(title: str, description: str, samples: Sequence[Sample], axis: Axis) -> Chart:
    """The plot; series without values keep a row that says so."""
    rows = [
        (each.name, *(NOTHING if (at := each.at(share)) is None else axis.write(at)
                      for _, share in _SHARES), count(each.n))
        for each in samples
    ]  # fmt: skip
    return Chart(
        title,
        description,
        lambda width, _: _drawing(samples, axis, width),
        Table(title, ("", *(name for name, _ in _SHARES), "answers"), rows),
        notes=[_NOTE],
    )


def _drawing(samples: Sequence[Sample], axis: Axis, width: float) -> Drawing:
    bottom = 6 + ROW * len(samples)
    values = [each.at(share) for each in samples for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    across = scale(axis, values, 22, width - 24)
    rows = [_row(each, 6 + ROW * at, across, width) for at, each in enumerate(samples)]
    inside = join(frame.across(axis, across, 4, bottom), *rows)
    return Drawing(width, bottom + 48, inside)


def _row(sample: Sample, top: float, across: Scale, width: float) -> Markup:
    places = [sample.at(share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    known = [across.at(place) for place in places if place is not None]
    name = sample.name if known else f"{sample.name}: no answers"
    text = frame.label(frame.fitted(name, width - 26), 22, top + 14, class_="label over")
    if len(known) < len(places):
        return text
    low, quarter, half, three, high = known
    y = top + 30
    return join(
        text,
        tag("line", x1=low, x2=high, y1=y, y2=y, class_=classed(sample.style, "whisker")),
        tag("rect", x=quarter, y=y - 7, width=max(1.0, three - quarter), height=14, rx=3,
            class_=classed(sample.style, "area")),
        tag("line", x1=half, x2=half, y1=y - 9, y2=y + 9, class_=classed(sample.style, "median")),
        marker(sample.style, high, y, 4.5),
    )  # fmt: skip
