"""What all plots share: sizes of text, axes, the grid, and the figure around them."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from polypilot.pages.blocks import Table, folded, listed
from polypilot.pages.charts.marks import sign
from polypilot.pages.markup import Markup, join, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot.pages.charts.scales import Axis, Scale

WIDTHS: Final = {"wide": 1034.0, "middle": 620.0, "narrow": 334.0}
"""Of the drawings that each figure has; the page's style shows the one that fits."""
TEXT: Final = 12.0
"""Pixels of a text's height."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing's size and what is in it."""

    width: float
    height: float
    inside: Markup


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot: what it says in words and numbers, and how it is drawn at some width."""

    title: str
    description: str
    """What is seen, in a sentence, for those who don't see it."""
    draw: Callable[[float, str], Drawing]
    """From a width in pixels and a prefix for ids."""
    table: Table
    legend: Sequence[tuple[str, int]] = ()
    """Names and styles of the series."""
    notes: Sequence[str] = ()
    """What is not drawn, and why."""


def width_of(text: str, size: float = TEXT) -> float:
    """At most how wide a text is, in pixels, as fonts differ."""
    return size * sum(_share(char) for char in text)


def _share(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in "ijl|.,:;'!()[] ftrI/-":
        return 0.42
    return 0.98 if char in "mwMW@%—…" else 0.72 if char.isupper() else 0.66


def fitted(text: str, room: float, size: float = TEXT) -> str:
    """The text, its middle left out as far as the room wants it."""
    if width_of(text, size) <= room:
        return text
    for keep in range(len(text) - 1, 1, -1):
        tail = (keep - 1) // 2
        short = f"{text[: keep - tail]}…{text[len(text) - tail :]}"
        if width_of(short, size) <= room:
            return short
    return "…"


def label(text: str, x: float, y: float, anchor: str = "start", class_: str = "label") -> Markup:
    """A line of text; ``anchor`` as SVG has it."""
    return tag("text", text, x=x, y=y, text_anchor=anchor, class_=class_)


def across(axis: Axis, at: Scale, top: float, bottom: float) -> Markup:
    """The horizontal axis below ``bottom``, with lines up to ``top``."""
    parts: list[Markup] = []
    free = 0.0
    for tick in at.ticks:
        x, text = at.at(tick), axis.write(tick)
        parts.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
        half = width_of(text, 11) / 2
        if x - half >= free:
            parts.append(label(text, x, bottom + 16, "middle", "tick"))
            free = x + half + 6
    words = f"{axis.label} (logarithmic)" if at.log else axis.label
    name = fitted(words, abs(at.end - at.start) + 30)
    parts.append(
        label(
            name,
            ((at.start if at.nought is None else at.nought) + at.end) / 2,
            bottom + 36,
            "middle",
            "name",
        )
    )
    return join(*parts)


def upwards(axis: Axis, at: Scale, left: float, right: float) -> Markup:
    """The vertical axis left of ``left``, its name above it, with lines to ``right``."""
    parts = [label(fitted(axis.label, right), 2, at.end - 14, "start", "name")]
    for tick in at.ticks:
        y = at.at(tick)
        parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(label(axis.write(tick), left - 7, y + 4, "end", "tick"))
    return join(*parts)


def step(at: int, steps: int, left: float, right: float) -> float:
    """The middle of a step in time."""
    return left + (right - left) * (at + 0.5) / max(1, steps)


def steps(times: Sequence[str], left: float, right: float, bottom: float) -> Markup:
    """Names of some of the steps below a line, as many as fit."""
    parts = [tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis")]
    free = left - 10
    for at, text in enumerate(times):
        wide = width_of(text, 11)
        start = step(at, len(times), left, right) - wide / 2
        start = max(left, min(start, right + 10 - wide))
        if start >= free:
            parts.append(label(text, start, bottom + 17, "start", "tick"))
            free = start + wide + 14
    return join(*parts)


def margin(axis: Axis, at: Scale) -> float:
    """What the vertical axis' numbers take."""
    return 12 + max(width_of(axis.write(tick), 11) for tick in at.ticks)


def figure(chart: Chart, place: str = "") -> Markup:
    """The plot for wide, middling and narrow pages, with its legend and its data.

    ``place`` tells it from a plot of the same name and description on the same page.
    """
    drawn = [
        tag("div", _svg(chart, width, f"{place} {name}"), class_=name)
        for name, width in WIDTHS.items()
    ]
    legend = tag(
        "ul", *(tag("li", sign(style), " ", tag("span", name)) for name, style in chart.legend),
        class_="legend",
    )  # fmt: skip
    return tag(
        "figure",
        tag("figcaption", tag("h3", chart.title), tag("p", chart.description)),
        *drawn,
        legend if chart.legend else "",
        listed(chart.notes) if chart.notes else "",
        folded("The numbers", chart.table.markup()),
    )


def _svg(chart: Chart, width: float, kind: str) -> Markup:
    seed = f"{chart.title}\n{chart.description}\n{kind}"
    prefix = "p" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:10]
    drawing = chart.draw(width, prefix)
    return tag(
        "svg",
        tag("title", chart.title, id=f"{prefix}-t"),
        tag("desc", chart.description, id=f"{prefix}-d"),
        drawing.inside,
        class_="plot", role="img", viewBox=f"0 0 {drawing.width:.0f} {drawing.height:.0f}",
        width=drawing.width, height=drawing.height,
        aria_labelledby=f"{prefix}-t {prefix}-d",
    )  # fmt: skip
