"""The report of usage in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.usage.values import MOMENTS, PRECISION
from polypilot.usage.words import headline, latencies, money, number, percent, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.terminal.output import Output
    from polypilot.usage.report import Dimension, Report

_MOST_LINES = 20
_TITLES: dict[Dimension, str] = {
    "provider": "By provider",
    "model": "By model",
    "language": "By language",
    "day": "By day",
}
_TAKEN = ("shown", "accepted", "partly", "30 s", "2 min", "10 min", "characters saved", "cached")
_ASKED = ("requests", "errors", "tokens in/out", "money", "first text p50/p95", "whole p50/p95")


def show(output: Output, report: Report, by: Sequence[Dimension]) -> None:
    """Print it; of an empty one say what to do."""
    if report.empty:
        _empty(output, report)
    else:
        for text in headline(report):
            output.print(text)
        for dimension in by:
            _tables(output, report, dimension)
        _failures(output, report)
        _notes(output, report)
    _budget(output, report)
    if report.future:
        output.note(
            f"{report.future:,} suggestions and requests are dated after today: a clock was wrong "
            "once. They are left out until their day has come; --delete removes them."
        )


def _empty(output: Output, report: Report) -> None:
    span = f"from {report.first_day} to {report.last_day}"
    if not report.enabled:
        output.print(f"Nothing is recorded {span}: the record is switched off.")
        output.print("Set `usage.enabled = true` in config.toml to keep one.")
    elif report.newest:
        output.print(f"Nothing is recorded {span}. The newest day that is: {report.newest}.")
        output.print("Ask for more days with --days N.")
    else:
        output.print("Nothing is recorded yet.")
        output.print(
            "Complete or chat in an editor (`polypilot setup` connects one); what is suggested "
            "and asked is counted from then on, on this machine alone."
        )


def _tables(output: Output, report: Report, dimension: Dimension) -> None:
    lines = report.lines.get(dimension, ())
    # The newest days, and those of the others that have most.
    shown = lines[-_MOST_LINES:] if dimension == "day" else lines[:_MOST_LINES]
    if not shown:
        return
    rows = [(each.name, *row(each)) for each in shown]
    output.print()
    output.print(_TITLES[dimension], style="bold")
    size = 1 + len(_TAKEN)
    output.table((dimension, *_TAKEN), [each[:size] for each in rows])
    output.print()
    output.table((dimension, *_ASKED), [(each[0], *each[size:]) for each in rows])
    if len(lines) > len(shown):
        output.print(f"and {len(lines) - len(shown)} more; --json has them all")


def _failures(output: Output, report: Report) -> None:
    if report.failures:
        output.print()
        output.print("Errors", style="bold")
        rows = [(provider, code, number(n)) for provider, code, n in report.failures[:_MOST_LINES]]
        output.table(("provider", "error", "times"), rows)


def _notes(output: Output, report: Report) -> None:
    output.print()
    chat = latencies(report.total, "chat")
    if chat:
        output.print(f"Chat: first text p50/p95 {chat[0]}, whole answer {chat[1]}.")
    moments = ", ".join(f"{stayed}" for each in MOMENTS if (stayed := _stayed(report, each)))
    if moments:
        output.print(f"Of the taken texts there later, at most a third changed: {moments}.")
    output.print(f"Times are those of completions, and within {percent(PRECISION, 1)}.")
    if not report.enabled:
        output.print("The record is switched off now (usage.enabled).")


def _stayed(report: Report, moment: int) -> str:
    share = report.total.stayed(moment)
    return "" if share is None else f"{percent(share)} after {moment} s"


def _budget(output: Output, report: Report) -> None:
    if report.booked != report.total.dollars and report.booked:
        output.print(f"The account book, which is kept in any case, has {money(report.booked)}.")
    left = report.left_today
    if left is None:
        output.print(f"Today: {money(report.spent_today)}; no daily budget (chat.daily_budget).")
    else:
        output.print(
            f"Today: {money(report.spent_today)} of {money(report.budget)}; {money(left)} left."
        )
