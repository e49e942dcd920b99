"""The report of usage in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polypilot.pages.numbers import count
from polypilot.usage.words import ASKED, TAKEN, budget, headline, missing, nothing, remarks, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.terminal.output import Output
    from polypilot.usage.report import Dimension, Report

_MOST_LINES: Final = 20


def show(output: Output, report: Report, by: Sequence[Dimension]) -> None:
    """Print it; of an empty one say what to do."""
    if report.empty:
        for text in (*nothing(report), *missing(report)):
            output.print(text)
    else:
        output.print(f"From {report.first_day} to {report.last_day}", style="bold")
        for text in (*headline(report), *missing(report)):
            output.print(text)
        for dimension in by:
            _tables(output, report, dimension)
        _failures(output, report)
        output.print()
        for text in remarks(report):
            output.print(text)
    output.print(budget(report))


def _tables(output: Output, report: Report, dimension: Dimension) -> None:
    lines = report.lines.get(dimension, ())
    # The newest days, and those of the others that have most.
    shown = lines[-_MOST_LINES:] if dimension == "day" else lines[:_MOST_LINES]
    if not shown:
        return
    rows = [(each.name, *row(each)) for each in shown]
    output.print()
    output.print(f"By {dimension}", style="bold")
    size = 1 + len(TAKEN)
    output.table((dimension, *TAKEN), [each[:size] for each in rows])
    output.print()
    output.table((dimension, *ASKED), [(each[0], *each[size:]) for each in rows])
    if len(lines) > len(shown):
        output.print(f"and {len(lines) - len(shown)} more; --json has them all")


def _failures(output: Output, report: Report) -> None:
    if report.failures:
        output.print()
        output.print("Errors", style="bold")
        rows = [(provider, code, count(n)) for provider, code, n in report.failures[:_MOST_LINES]]
        output.table(("provider", "error", "times"), rows)
