"""The report of usage as one self-contained HTML page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from polypilot.pages.blocks import Table, cards, code, folded, listed, notice, paragraph
from polypilot.pages.charts.bars import Layer, stacked
from polypilot.pages.charts.frame import figure
from polypilot.pages.charts.lines import Line as Series
from polypilot.pages.charts.lines import lines
from polypilot.pages.charts.scales import Axis
from polypilot.pages.markup import Markup, join
from polypilot.pages.numbers import count, dollars, percent, seconds
from polypilot.pages.page import Section, page
from polypilot.usage.report import DIMENSIONS, Line
from polypilot.usage.words import (
    ASKED,
    TAKEN,
    budget,
    headline,
    missing,
    money,
    nothing,
    remarks,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.usage.report import Report

_MOST_DAYS: Final = 120
"""Drawn; more would be thinner than a pixel on a telephone. The table has all."""


def html(report: Report) -> str:
    """The page. It loads nothing, and follows the reader's light or dark theme."""
    title = "What was suggested, kept and spent"
    subtitle = f"From {report.first_day} to {report.last_day}, by the record on this machine"
    foot = "Made by polypilot usage. The record holds no text, no names of files and no keys."
    return page(title, subtitle, list(_sections(report)), foot)


def _sections(report: Report) -> Iterator[Section]:
    yield Section("overview", "Overview", _overview(report))
    if report.empty:
        return
    days = folded("Day by day", _table(report, "day"))  # as long as the days are many
    yield Section("days", "By day", join(*_charts(report), days))
    for dimension in DIMENSIONS:
        if dimension != "day" and report.lines.get(dimension):
            yield Section(dimension, f"By {dimension}", _table(report, dimension))
    if report.failures:
        rows = [(provider, code, count(n)) for provider, code, n in report.failures]
        table = Table("Errors", ("provider", "error", "times"), rows, frozenset({1}))
        yield Section("errors", "Errors", table.markup())
    yield Section("reading", "How to read this", listed(map(_marked, remarks(report))))


def _overview(report: Report) -> Markup:
    if report.empty:
        said = (*nothing(report), *missing(report), budget(report))
        return notice(*(paragraph(_marked(each)) for each in said))
    total = report.total
    stayed = total.stayed(600)
    figures = (
        ("accepted", percent(total.share("accepted", "shown")), f"of {count(total['shown'])}"),
        ("still there after 10 min", percent(stayed), "at most a third changed"),
        ("characters saved", count(total["saved_chars"]), "not typed"),
        ("spent", money(total.dollars), f"{count(total['unpriced'])} requests at unknown prices"),
        ("failed", percent(total.share("errors", "requests"), 1), "of the requests"),
    )
    said = (paragraph(_marked(each)) for each in (*headline(report), budget(report)))
    lacking = [paragraph(_marked(each)) for each in missing(report)]
    return join(cards(figures), *said, notice(*lacking, tone="warn") if lacking else "")


def _marked(text: str) -> Markup:
    """What stands between backticks, as something to type."""
    parts = text.split("`")
    return join(*(code(part) if at % 2 else part for at, part in enumerate(parts)))


def _charts(report: Report) -> Iterator[Markup]:
    known = {line.name: line for line in report.lines.get("day", ())}
    days = _days(report, known)
    of_days = [known.get(day, Line(day)) for day in days]
    taken = [float(each["accepted"]) for each in of_days]
    partly = [float(each["partly"]) for each in of_days]
    left = [float(each["shown"] - each["accepted"] - each["partly"]) for each in of_days]
    layers = (Layer("accepted", 0, taken), Layer("in part", 1, partly), Layer("not taken", 2, left))
    said = "Suggestions shown on each day, and how many of them were taken."
    yield figure(stacked("Suggestions", said, days, layers, Axis("suggestions", count, least=0)))
    series = [
        Series(f"{which} p{rank}", style, [_time(each, which, rank) for each in of_days])
        for style, (which, rank) in enumerate(
            (which, rank) for which in ("first", "total") for rank in (50, 95)
        )
    ]
    said = "Completions' times to the first text and to the end, for each day."
    yield figure(lines("Times", said, days, series, Axis("seconds", seconds, log=True)))
    spent = [float(each.dollars) for each in of_days]
    if any(spent):
        axis = Axis("US dollars", dollars, least=0)
        said = "What each day has cost, as far as prices are known."
        yield figure(stacked("Money", said, days, (Layer("spent", 0, spent),), axis))


def _time(line: Line, which: str, rank: int) -> float | None:
    found = line.latency.get(f"completion_{which}")
    return None if found is None else (found.p50 if rank == 50 else found.p95) / 1000  # noqa: PLR2004


def _days(report: Report, known: dict[str, Line]) -> list[str]:
    """All days from the first of which something is known, the newest of them."""
    last = date.fromisoformat(report.last_day)
    first = max(date.fromisoformat(min(known)), last - timedelta(_MOST_DAYS - 1))
    return [(first + timedelta(each)).isoformat() for each in range((last - first).days + 1)]


def _table(report: Report, dimension: str) -> Markup:
    """Two tables: what was offered, and what was asked."""
    found = {str(key): each for key, each in report.lines.items()}[dimension]
    rows = [(line.name, *row(line)) for line in found]
    size = 1 + len(TAKEN)
    taken = Table("Suggestions", (dimension, *TAKEN), [each[:size] for each in rows])
    asked = [(each[0], *each[size:]) for each in rows]
    return join(taken.markup(), Table("Requests", (dimension, *ASKED), asked).markup())
