"""The report's plots, from the summary's rows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from polypilot.compare import facts
from polypilot.pages.charts.bars import Bar, Group, grouped
from polypilot.pages.charts.lines import Line, strips
from polypilot.pages.charts.scales import Axis
from polypilot.pages.charts.scatter import Dot, scatter
from polypilot.pages.charts.spread import Sample, spread
from polypilot.pages.numbers import dollars, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polypilot.compare.figures import Part, Row
    from polypilot.pages.charts.frame import Chart
    from polypilot.pages.charts.scatter import Span

_FEW_FAIL: Final = 0.2
"""The share that errors are drawn up to at least, so that one in a hundred looks like few."""
GROUPS: Final = 8
"""Languages that are drawn; the tables have them all."""
_DAY = 86_400


def plots(rows: Sequence[Row], styles: Mapping[str, int]) -> Iterator[Chart]:
    """One purpose's; ``styles`` keeps a target's colour the same everywhere."""
    yield cost(rows, styles)
    yield latency(rows, styles)
    yield waits(rows, styles)
    yield errors(rows, styles)
    for title, names in (("by language", _languages(rows)), ("by kind of task", _kinds(rows))):
        if names:
            yield _parts(f"Score {title}", rows, styles, names)


def _score(row: Row) -> tuple[float | None, Span | None]:
    score = row.quality.score
    span = None if score.low is None or score.high is None else (score.low, score.high)
    return score.value, span


_SCORE = Axis("score", percent, least=0.0)


def cost(rows: Sequence[Row], styles: Mapping[str, int]) -> Chart:
    """Quality against cost."""
    dots = [
        Dot(row.target, styles[row.target], row.money.per_1000, _score(row)[0],
            y_span=_score(row)[1],
            missing="its price is not known" if row.answered else "it has not answered")
        for row in rows
    ]  # fmt: skip
    axis = Axis("dollars for 1,000 answers", dollars, log=True, least=0.0)
    text = "Up is better, left is cheaper. Bars are 95% intervals."
    return scatter("Quality against cost", text, dots, axis, _SCORE)


def latency(rows: Sequence[Row], styles: Mapping[str, int]) -> Chart:
    """Quality against what one waits for."""
    dots: list[Dot] = []
    for row in rows:
        times = row.speed.wait(row.purpose)
        quarters = (times.quantiles[5], times.quantiles[15]) if times.quantiles else None
        dots.append(
            Dot(row.target, styles[row.target], times.p50, _score(row)[0], quarters,
                _score(row)[1], missing="it has not answered")
        )  # fmt: skip
    what = "the first line" if _completes(rows) else "the first words"
    text = (
        f"Up is better, left is faster. Across: the median wait for {what} and its middle half; "
        "upwards: 95% intervals."
    )
    axis = Axis(f"time to {what}, median", seconds, log=True, least=0.0)
    return scatter("Quality against latency", text, dots, axis, _SCORE)


def _completes(rows: Sequence[Row]) -> bool:
    return all(row.purpose == "completion" for row in rows)


def waits(rows: Sequence[Row], styles: Mapping[str, int]) -> Chart:
    """How long one waits."""
    samples = [
        Sample(row.target, styles[row.target], times.quantiles, times.n)
        for row in rows
        for times in [row.speed.wait(row.purpose)]
    ]
    what = "first line" if _completes(rows) else "first words"
    text = f"How long one waits for the {what}. Left is faster, and narrow is steady."
    return spread("Latency", text, samples, Axis(f"time to the {what}", seconds, log=True))


def errors(rows: Sequence[Row], styles: Mapping[str, int]) -> Chart:
    """The share of failures, in steps of time."""
    starts = [bucket.start for bucket in max((row.over_time for row in rows), key=len)]
    series = [
        Line(row.target, styles[row.target],
             [each.failed / each.asked if each.asked else None for each in row.over_time])
        for row in rows
    ]  # fmt: skip
    long = bool(starts) and starts[-1] - starts[0] > _DAY
    text = (
        "The share of requests that failed, from the first to the last. A dot: asked, and none "
        "failed. Nothing: not asked then."
    )
    times = [_clock(start, long=long) for start in starts]
    axis = Axis("share that failed", percent, least=0.0, most=_FEW_FAIL)
    return strips("Errors over time", text, times, series, axis)


def _clock(stamp: float, *, long: bool) -> str:
    try:
        moment = dt.datetime.fromtimestamp(stamp, dt.UTC)
    except (OverflowError, OSError, ValueError):  # a clock that is far off
        return "?"
    return f"{moment:%b %d %H:%M}" if long else f"{moment:%H:%M:%S}"


def _languages(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(part.name for row in rows for part in row.languages))[:GROUPS]


def _kinds(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(part.name for row in rows for part in row.kinds))


def _parts(
    title: str, rows: Sequence[Row], styles: Mapping[str, int], names: Sequence[str]
) -> Chart:
    groups = [Group(_named(rows, name), [_bar(row, name, styles) for row in rows])
              for name in names]  # fmt: skip
    text = "The mean score of each, with its 95% interval. Thin parts of the data have wide ones."
    return grouped(title, text, [row.target for row in rows], groups, _SCORE)


def _named(rows: Sequence[Row], name: str) -> str:
    number = max(part.score.n for row in rows for part in (*row.languages, *row.kinds)
                 if part.name == name)  # fmt: skip
    return f"{facts.kind(name)} ({number:,})"


def _bar(row: Row, name: str, styles: Mapping[str, int]) -> Bar:
    found: Part | None = next(
        (part for part in (*row.languages, *row.kinds) if part.name == name), None
    )
    if found is None:
        return Bar(styles[row.target], None)
    return Bar(styles[row.target], found.score.value, found.score.low, found.score.high)
