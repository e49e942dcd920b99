"""The report as one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.compare import facts, wording
from polypilot.compare.report_plots import plots
from polypilot.pages.blocks import (
    Table,
    cards,
    command,
    definitions,
    folded,
    listed,
    notice,
    paragraph,
)
from polypilot.pages.charts.frame import figure
from polypilot.pages.charts.marks import sign
from polypilot.pages.diff import diff
from polypilot.pages.markup import Markup, join, tag
from polypilot.pages.numbers import MINUS, NOTHING, dollars, percent, seconds
from polypilot.pages.page import Section, page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polypilot.compare.advice import Advice
    from polypilot.compare.figures import Example, Pair, Row
    from polypilot.compare.report import Report
    from polypilot.pages.blocks import Tone

_TITLES = {"completion": "Completion", "chat": "Chat"}


def to_html(report: Report) -> str:
    """The document, the advice first. It loads nothing and runs nothing."""
    styles = {target: at for at, target in enumerate(report.summary.targets)}
    title, subtitle = facts.title(report)
    sections = [Section("advice", "Advice", join(*_advice(report)))]
    for purpose, name in _TITLES.items():
        rows = [row for row in report.summary.rows if row.purpose == purpose]
        if rows:
            pairs = [pair for pair in report.summary.pairs if pair.purpose == purpose]
            inside = join(*_figures(rows, pairs, styles))
            sections.append(Section(purpose, name, inside))
    if report.summary.examples:
        sections.append(Section("examples", "Examples", join(*_examples(report, styles))))
    sections.append(Section("caveats", "What these figures do not say", listed(report.caveats)))
    sections.append(Section("settings", "To repeat it", _settings(report)))
    foot = "Made on this machine by polypilot compare. This file loads nothing and sends nothing."
    return page(title, subtitle, sections, foot)


# --- advice


_TONES: dict[str, Tone] = {"leads": "good", "as-good": "good", "unsettled": "warn", "none": "warn"}


def _advice(report: Report) -> Iterator[Markup]:
    for advice in report.advice:
        tone: Tone = _TONES.get(advice.state, "plain")
        yield notice(
            tag("h3", advice.headline),
            tag("ul", *(tag("li", reason) for reason in advice.reasons)) if advice.reasons else "",
            command(advice.command) if advice.command else "",
            tone=tone,
        )
        yield cards(list(_cards(report, advice)))
    yield folded(
        "How the advice is found",
        paragraph(
            "A lead is claimed only where a paired test over the same tasks, corrected for the "
            "number of pairs (Holm), finds one (p below 0.02). Targets of which it finds none are "
            "called as good only if the 95% interval excludes a loss of more than 10 points; "
            "otherwise the tasks are too few to tell. Among those as good, the ones within a "
            "quarter of the lowest price (or a cent a day) are taken, of those the ones within a "
            "quarter of the shortest usual wait, and of those the one with the highest score. An "
            "unknown price is never taken for a low one. A target of which more than a fifth of "
            "the tasks failed is left out."
        ),
    )


def _cards(report: Report, advice: Advice) -> Iterator[tuple[str, str, str]]:
    row = next((each for each in report.summary.of(advice.purpose)
                if each.target == advice.target), None)  # fmt: skip
    if row is None:
        return
    score, span = facts.share(row.quality.score)
    wait = row.speed.wait(row.purpose)
    money = row.money
    day = "" if money.per_day is None else f"{dollars(money.per_day)} a typical day"
    yield "score", score, span
    yield "usual wait", seconds(wait.p50), f"{seconds(wait.p95)} at the 95th percentile"
    cost = "not known" if money.per_1000 is None else dollars(money.per_1000)
    yield "1,000 answers", cost, day
    failed = row.reliability
    yield "failed", percent(failed.failing), f"{failed.failed:,} of {failed.asked:,} tasks"


# --- figures


def _figures(
    rows: Sequence[Row], pairs: Sequence[Pair], styles: Mapping[str, int]
) -> Iterator[Markup]:
    yield _main_table(rows, styles)
    named = [_target(row.target, styles) for row in rows]
    times = _table("Times", facts.SPEEDS, named, [facts.speeds(row) for row in rows])
    yield folded("Times to the first text, the first line and the end", times)
    yield _table("Reliability", facts.RELIABILITY, named,
                 [facts.reliability(row) for row in rows], frozenset({2}))  # fmt: skip
    yield _table("Tokens and money", facts.MONEY, named, [facts.spent(row) for row in rows])
    if pairs:
        yield folded("Differences, pair by pair", _pairs(pairs))
    for chart in plots(rows, styles):
        yield figure(chart, rows[0].purpose)


def _target(name: str, styles: Mapping[str, int]) -> Markup:
    """With its sign; it may be broken behind a ``/``."""
    pieces = (join(piece, tag("wbr")) for piece in name.replace("/", "/\0").split("\0"))
    return tag("span", sign(styles[name]), tag("span", *pieces), class_="named")


def _table(
    caption: str,
    head: Sequence[str],
    names: Sequence[Markup],
    rows: Sequence[Sequence[str]],
    texts: frozenset[int] = frozenset(),
) -> Markup:
    together = [(name, *row) for name, row in zip(names, rows, strict=True)]
    return Table(caption, ("target", *head), together, texts).markup()


def _main_table(rows: Sequence[Row], styles: Mapping[str, int]) -> Markup:
    columns = list(facts.columns(rows))
    waits = [row.speed.wait(row.purpose) for row in rows]
    columns.append(
        ("wait", [(seconds(each.p50), f"p95 {seconds(each.p95)}" if each.n else "")
                  for each in waits])
    )  # fmt: skip
    columns.append(("cost of 1,000", [facts.cost(row) for row in rows]))
    cells = [[_cell(cells[at]) for _, cells in columns] for at in range(len(rows))]
    named = [_target(row.target, styles) for row in rows]
    caption = (
        "Quality, with 95% intervals. The score of a task: passed or not where tests judge it, "
        "else how similar the answer is to what stood there."
    )
    return _table(caption, [name for name, _ in columns], named, cells)


def _cell(cell: tuple[str, str]) -> Markup:
    value, remark = cell
    return join(value, tag("span", remark, class_="sub") if remark else "")


def _pairs(pairs: Sequence[Pair]) -> Markup:
    rows = [
        (
            f"{pair.first} less {pair.second}",
            wording.points(found.value, sign=True),
            f"{wording.points(found.low, sign=True)} to {wording.points(found.high, sign=True)}",
            NOTHING if found.p is None else f"{found.p:.3f}",
            NOTHING if pair.corrected is None else f"{pair.corrected:.3f}",
            f"{found.n:,}",
        )
        for pair in pairs
        for found in [pair.difference]
    ]
    head = ("pair", "points", "95% interval", "p", "p, corrected", "tasks")
    return Table("Differences of scores on the same tasks", head, rows).markup()


# --- examples, settings


def _examples(report: Report, styles: Mapping[str, int]) -> Iterator[Markup]:
    yield paragraph(
        f"The worst and the best answers of each target. Lines with {MINUS} were expected, with + "
        "were answered."
    )
    for target in report.summary.targets:
        mine = [each for each in report.summary.examples if each.target == target]
        if mine:
            yield tag("h3", _target(target, styles), class_="of-target")
            yield from (_example(each) for each in mine)


def _example(each: Example) -> Markup:
    word = "Best" if each.best else "Worst"
    kind = facts.kind(each.kind)
    where = f"{kind}, {each.path}" if each.path else kind
    inside = folded(
        f"{word}, score {percent(each.score)}: {where}",
        paragraph(each.note) if each.note else "",
        diff(each.truth, each.text, each.before),
    )
    return tag("div", inside, class_="example")


def _settings(report: Report) -> Markup:
    return join(command(report.settings.command), definitions(facts.settings(report)))
