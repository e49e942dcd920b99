"""The report's figures in words, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.usage.values import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from polypilot.usage.report import Line, Report

NONE = "-"
_SECOND = 1000
_CENT = 0.01


def number(value: int) -> str:
    """A count."""
    return f"{value:,}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share; a dash if there is none."""
    return NONE if share is None else f"{share * 100:.{digits}f} %"


def money(dollars: Decimal) -> str:
    """US dollars: cents, or more digits of what is less than a cent."""
    if not dollars:
        return "$0"
    return f"${dollars:,.2f}" if dollars >= _CENT else f"${dollars:.6f}".rstrip("0")


def time(milliseconds: float) -> str:
    """A time in the unit that suits it."""
    if milliseconds >= 10 * _SECOND:
        return f"{milliseconds / _SECOND:.0f} s"
    if milliseconds >= _SECOND:
        return f"{milliseconds / _SECOND:.1f} s"
    return f"{milliseconds:.0f} ms"


def latencies(line: Line, purpose: str) -> tuple[str, str] | None:
    """``p50/p95`` to the first text and of the whole; None if there are none."""
    found = [line.latency.get(f"{purpose}_{which}") for which in ("first", "total")]
    if not any(found):
        return None
    first, total = (f"{time(each.p50)}/{time(each.p95)}" if each else NONE for each in found)
    return first, total


def unpriced(line: Line) -> str:
    """Money, and how many requests it leaves out."""
    known = money(line.dollars)
    return f"{known} + {number(line['unpriced'])} unknown" if line["unpriced"] else known


def row(line: Line) -> tuple[str, ...]:
    """Shown, accepted, partly, still there (three), saved, cached; then what was asked.

    That is requests, errors, tokens, money and two times.
    """
    times = latencies(line, "completion") or latencies(line, "chat") or (NONE, NONE)
    accepted = number(line["accepted"])
    if line["accepted"]:
        accepted += f" ({percent(line.share('accepted', 'shown'))})"
    cached = line["from_cache"] + line["from_flight"] + line["from_shown"]
    return (
        number(line["shown"]),
        accepted,
        number(line["partly"]),
        *(percent(line.stayed(moment)) for moment in MOMENTS),
        number(line["saved_chars"]),
        percent(cached / line["shown"] if line["shown"] else None),
        number(line["requests"]),
        number(line["errors"]),
        f"{number(line['input'])}/{number(line['output'])}",
        unpriced(line),
        *times,
    )


def headline(report: Report) -> Iterator[str]:
    """The totals in sentences."""
    total = report.total
    share = percent(total.share("accepted", "shown"))
    yield f"From {report.first_day} to {report.last_day}:"
    yield (
        f"{number(total['shown'])} suggestions shown, {number(total['accepted'])} accepted"
        f" ({share}), {number(total['partly'])} taken in part;"
        f" {number(total['saved_chars'])} characters saved."
    )
    yield (
        f"{number(total['requests'])} requests, {number(total['cancelled'])} of them given up and"
        f" {number(total['errors'])} failed; {number(total['input'])} tokens in"
        f" ({number(total['cached'])} from the supplier's cache), {number(total['output'])} out"
        f" ({number(total['reasoning'])} for reasoning); {unpriced(total)}."
    )
