"""The report's figures in words, for the terminal and the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from polypilot.pages.numbers import NOTHING, count, dollars, percent, seconds
from polypilot.usage.values import MOMENTS, PRECISION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from polypilot.usage.report import Line, Report
    from polypilot.usage.values import Gap

TAKEN: Final = ("shown", "accepted", "partly", "30 s", "2 min", "10 min", "saved", "cached")
ASKED: Final = ("requests", "errors", "tokens in/out", "money", "first text", "whole")
"""Names of the columns of :func:`row`, in two parts."""
_SHORT: Final = {30: "30 s", 120: "2 min", 600: "10 min"}
_THOUSAND: Final = 1000
_MOST_GAPS: Final = 5
"""Told one by one, the newest; older ones together."""


def money(sum_of_money: Decimal) -> str:
    """US dollars."""
    return dollars(float(sum_of_money))


def some(number: int, what: str) -> str:
    """``1 suggestion``, ``2 suggestions``."""
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def short(number: int) -> str:
    """``950``, ``12k``, ``7.3M``."""
    size: float = number
    for unit in ("", "k", "M"):
        if size < _THOUSAND - 0.5:  # what rounds to a thousand is one of the next unit
            return f"{size:.3g}{unit}"
        size /= _THOUSAND
    return f"{size:,.3g}G"


def latencies(line: Line, purpose: str) -> tuple[str, str] | None:
    """``p50/p95`` to the first text and of the whole; None if there are none."""
    found = [line.latency.get(f"{purpose}_{which}") for which in ("first", "total")]
    if not any(found):
        return None
    first, total = (
        f"{seconds(each.p50 / _THOUSAND)}/{seconds(each.p95 / _THOUSAND)}" if each else NOTHING
        for each in found
    )
    return first, total


def unpriced(line: Line) -> str:
    """Money, and how many requests it leaves out."""
    known = money(line.dollars)
    return f"{known} and {count(line['unpriced'])} unknown" if line["unpriced"] else known


def row(line: Line) -> tuple[str, ...]:
    """A line's figures, by :data:`TAKEN` and :data:`ASKED`.

    Times are p50/p95 of completions; of who only chats, those of the chat.
    """
    times = latencies(line, "completion") or latencies(line, "chat") or (NOTHING, NOTHING)
    accepted = count(line["accepted"])
    if line["accepted"]:
        accepted += f" ({percent(line.share('accepted', 'shown'))})"
    cached = line["from_cache"] + line["from_flight"] + line["from_shown"]
    return (
        count(line["shown"]),
        accepted,
        count(line["partly"]),
        *(percent(line.stayed(moment)) for moment in MOMENTS),
        count(line["saved_chars"]),
        percent(cached / line["shown"] if line["shown"] else None),
        count(line["requests"]),
        count(line["errors"]),
        f"{short(line['input'])}/{short(line['output'])}",
        unpriced(line),
        *times,
    )


def headline(report: Report) -> Iterator[str]:
    """The totals in sentences."""
    total = report.total
    share = percent(total.share("accepted", "shown"))
    yield (
        f"{some(total['shown'], 'suggestion')} shown, {count(total['accepted'])} accepted"
        f" ({share}), {count(total['partly'])} taken in part;"
        f" {some(total['saved_chars'], 'character')} saved."
    )
    yield (
        f"{some(total['requests'], 'request')}, {count(total['cancelled'])} of them given up and"
        f" {count(total['errors'])} failed; {some(total['input'], 'token')} in"
        f" ({count(total['cached'])} from the supplier's cache), {count(total['output'])} out"
        f" ({count(total['reasoning'])} for reasoning); {unpriced(total)}."
    )


def remarks(report: Report) -> Iterator[str]:
    """What one has to know to read the tables."""
    stayed = ((moment, report.total.stayed(moment)) for moment in MOMENTS)
    known = [f"{percent(share)} after {_SHORT[at]}" for at, share in stayed if share is not None]
    if known:
        yield f"Of the taken texts still there, at most a third changed: {', '.join(known)}."
    yield (
        "Saved are characters. Cached are suggestions that needed no request of their own. Times"
        f" are p50/p95 of completions, within {percent(PRECISION, 1)}."
    )
    if chat := latencies(report.total, "chat"):
        yield f"Chat: first text {chat[0]}, whole answer {chat[1]} (p50/p95)."
    # As they are shown: the book has more digits than the record.
    if report.booked and money(report.booked) != money(report.total.dollars):
        yield f"The account book, which is kept in any case, has {money(report.booked)}."
    if not report.enabled:
        yield "The record is switched off now (`usage.enabled`)."


def missing(report: Report) -> Iterator[str]:
    """What is not in the sums, if anything: to be said beside them."""
    if report.future:
        yield (
            f"Suggestions and requests dated after today: {count(report.future)}. They are left"
            " out, since a clock was wrong; `polypilot usage --delete` removes them."
        )
    older, newest = report.gaps[:-_MOST_GAPS], report.gaps[-_MOST_GAPS:]
    if older:
        yield _gap(older)
    yield from (_gap((each,)) for each in newest)


def _gap(gaps: Sequence[Gap]) -> str:
    lost = sum(gap.entries for gap in gaps)
    changes = sum(gap.changes for gap in gaps)
    first, last = (
        f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"
        for at in (min(gap.first for gap in gaps), max(gap.last for gap in gaps))
    )
    what = f"suggestions and requests: {count(lost)}" if lost else ""
    if changes:
        what += (", and " if what else "") + f"what became of suggestions: {count(changes)} times"
    return f"Not recorded between {first} and {last}, as the disk failed or hung: {what}."


def budget(report: Report) -> str:
    """Today's money, and what is left of the day's budget."""
    left = report.left_today
    if left is None:
        return f"Today: {money(report.spent_today)}; no daily budget (`chat.daily_budget`)."
    return f"Today: {money(report.spent_today)} of {money(report.budget)}; {money(left)} left."


def nothing(report: Report) -> tuple[str, str]:
    """That nothing is recorded, and what to do."""
    span = f"from {report.first_day} to {report.last_day}"
    if not report.enabled:
        return (
            f"Nothing is recorded {span}: the record is switched off.",
            "Set `usage.enabled = true` in config.toml to keep one.",
        )
    if report.newest:
        return (
            f"Nothing is recorded {span}. The newest day that is: {report.newest}.",
            "Ask for more days with `polypilot usage --days N`.",
        )
    return (
        "Nothing is recorded yet.",
        (
            "Complete or chat in an editor (`polypilot setup` connects one); what is suggested "
            "and asked is counted from then on, on this machine alone."
        ),
    )
