"""What the report's formats share: the table's columns, and the run's settings in words."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from polypilot.pages.numbers import NOTHING, count, dollars, percent, plain, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polypilot.compare.figures import Row
    from polypilot.compare.reckoning import Figure
    from polypilot.compare.report import Report

KINDS: dict[str, str] = {
    "line": "whole lines",
    "rest": "rests of lines",
    "block": "blocks",
    "function": "functions",
    "tested": "judged by tests",
    "humaneval": "HumanEval",
    "humaneval-infill": "HumanEval infilling",
    "explain": "explanations",
    "fix": "fixes",
    "write-test": "written tests",
    "commit": "commit messages",
}
"""A kind of task, as people say it."""


def kind(name: str) -> str:
    """The kind, or the name itself, of a language say."""
    return KINDS.get(name, name)


def share(figure: Figure) -> tuple[str, str]:
    """A share and its interval."""
    if figure.value is None:
        return NOTHING, ""
    return percent(figure.value, 1), f"{percent(figure.low)} to {percent(figure.high)}"


def characters(row: Row) -> str:
    """Kept and wrong ones."""
    kept, wrong = row.quality.kept.value, row.quality.wrong.value
    return NOTHING if kept is None else f"{plain(kept)} / {plain(wrong)}"


def cost(row: Row) -> tuple[str, str]:
    """Of a thousand answers, and how sure that is."""
    money = row.money
    if money.per_1000 is None:
        return ("not known", "") if money.priced + money.unpriced else (NOTHING, "")
    partly = money.priced + money.unpriced
    return dollars(money.per_1000), f"of {money.priced:,} in {partly:,}" if money.unpriced else ""


def columns(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The main table's: a name, and for each row a value with a remark. Empty ones are left out."""
    answers = [(count(row.quality.shown), f"of {count(row.reliability.asked)}") for row in rows]
    every: list[tuple[str, list[tuple[str, str]]]] = [
        ("score", [share(row.quality.score) for row in rows]),
        ("exact", [share(row.quality.exact) for row in rows]),
        ("similar", [share(row.quality.similar) for row in rows]),
        ("tests passed", [share(row.quality.passed) for row in rows]),
        ("parses", [share(row.quality.parses) for row in rows]),
        ("characters kept / wrong", [(characters(row), "") for row in rows]),
        ("shown", answers),
    ]
    for name, cells in every:
        if any(value != NOTHING for value, _ in cells):
            yield name, cells


def speeds(row: Row) -> list[str]:
    """p50, p95, p99 of the three times."""
    speed = row.speed
    times = (speed.first_text, speed.first_line, speed.seconds)
    return [seconds(at) for each in times for at in (each.p50, each.p95, each.p99)]


SPEEDS = [
    f"{what} {at}" for what in ("first text", "first line", "end") for at in ("p50", "p95", "p99")
]
RELIABILITY = ("failed", "errors", "timeouts", "rate limits", "retries")
MONEY = ("input", "cached", "output", "reasoning", "uncounted",
         "known cost", "per 1,000", "per typical day")  # fmt: skip


def reliability(row: Row) -> list[str]:
    """As the table of errors has it."""
    each = row.reliability
    codes = ", ".join(f"{code} {number:,}" for code, number in each.errors.items())
    failed = f"{each.failed:,} of {each.asked:,} ({percent(each.failing)})"
    return [failed, codes or "none", count(each.timeouts), count(each.limited), count(each.retries)]


def spent(row: Row) -> list[str]:
    """Tokens and money, as their table has them."""
    tokens, money = row.tokens, row.money
    known = tokens.counted > 0
    sums = (tokens.input, tokens.cached, tokens.output, tokens.reasoning)
    return [
        *(count(each) if known else NOTHING for each in sums),
        count(tokens.uncounted),
        dollars(money.dollars) if money.priced else "not known" if money.unpriced else NOTHING,
        " ".join(part for part in cost(row) if part),
        cost(row)[0] if money.per_day is None else dollars(money.per_day),
    ]


def when(stamp: float | None) -> str:
    """A time, in UTC."""
    if stamp is None:
        return NOTHING
    try:
        moment = dt.datetime.fromtimestamp(stamp, dt.UTC)
    except (OverflowError, OSError, ValueError):  # a clock that is far off
        return NOTHING
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def settings(report: Report) -> list[tuple[str, str]]:
    """Names and values, those not known left out."""
    given = report.settings
    ways = {"product": "product: as the editor asks", "bare": "bare: no context, no filters"}
    pairs = [
        ("Repository", given.repository),
        ("Commit", given.commit),
        ("Seed", str(given.seed)),
        ("Path", ways[given.way]),
        ("Started", when(given.started)),
        ("Finished", when(given.finished)),
        ("Polypilot", given.polypilot),
        ("Python", given.python),
        ("Machine", given.machine),
        ("Prices", given.prices),
        ("Prices as of", given.prices_date),
        *given.packages,
        ("Tasks", ", ".join(f"{number:,} {kind(name)}"
                            for name, number in report.summary.tasks.items())),
        ("Languages", ", ".join(f"{name} {number:,}"
                                for name, number in report.summary.languages.items())),
        ("Independent groups", count(report.summary.groups)),
    ]  # fmt: skip
    pairs += [
        (f"Answered as ({row.target}, {row.purpose})", ", ".join(row.models[:4]))
        for row in report.summary.rows
    ]
    return [(name, value) for name, value in pairs if value]


def title(report: Report) -> tuple[str, str]:
    """The heading, and what is below it."""
    number, targets = sum(report.summary.tasks.values()), len(report.summary.targets)
    where = report.settings.repository or "your code"
    models = "model" if targets == 1 else "models"
    return (
        f"Which model is best for {where}?",
        f"{number:,} tasks put to {targets} {models}, {when(report.settings.started)}",
    )
