"""Reading sums from the file. What is read grows with days, models and languages, not with rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from polypilot.database.worker import rows
from polypilot.usage.report import DIMENSIONS, Dimension, Latency, Line, Report, latency
from polypilot.usage.values import COUNTERS, Gap

if TYPE_CHECKING:
    import sqlite3

_NAMES: Final[dict[str, str]] = {
    "": "''",
    "provider": "d.provider",
    "model": "d.provider || '/' || d.model",
    "language": "d.language",
    "day": "d.day",
}
_SUMS: Final = ", ".join(f"sum(d.{each})" for each in COUNTERS)
_DAYS: Final = "d.day BETWEEN ? AND ?"
_WHICH: Final = ("first", "total")


@dataclass(frozen=True, slots=True)
class Span:
    """Days, as ISO dates, both included."""

    first: str
    last: str

    @property
    def pair(self) -> tuple[str, str]:
        """As a query takes it."""
        return self.first, self.last


def read(connection: sqlite3.Connection, span: Span, today: str) -> Report:
    """The record of some days; what the settings say is left at its defaults."""
    lines: dict[Dimension, list[Line]] = {
        each: _lines(connection, span, each) for each in DIMENSIONS
    }
    lines["day"].sort(key=lambda line: line.name)
    # The chat has no language.
    lines["language"] = [line for line in lines["language"] if line.name]
    total = _lines(connection, span, "")
    query = "SELECT max(day) FROM daily WHERE day <= ?"
    newest = connection.execute(query, (today,)).fetchone()[0]
    later = "SELECT coalesce(sum(shown + requests), 0) FROM daily WHERE day > ?"
    return Report(
        span.first,
        span.last,
        replace(total[0], name="total") if total else Line("total"),
        lines,
        failures=_failures(connection, span),
        booked=_booked(connection, span),
        spent_today=_booked(connection, Span(today, today)),
        newest=newest or "",
        future=connection.execute(later, (today,)).fetchone()[0],
        gaps=gaps(connection, span),
    )


def gaps(connection: sqlite3.Connection, span: Span) -> list[Gap]:
    """What was lost of some days, the oldest first."""
    names = ("day", "first", "last", "entries", "changes", "id")
    query = f"SELECT {', '.join(names)} FROM gaps d WHERE {_DAYS} ORDER BY day, first, id"  # noqa: S608  (our own names)
    return [Gap(*row) for row in rows(connection.execute(query, span.pair))]


def daily(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """All days' sums, to be exported."""
    heads = ("day", "purpose", "provider", "model", "language")
    names = (*heads, *COUNTERS)
    query = f"SELECT {', '.join(names)} FROM daily ORDER BY day, id"  # noqa: S608  (our own names)
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query)]


def _lines(connection: sqlite3.Connection, span: Span, dimension: str) -> list[Line]:
    name = _NAMES[dimension]
    query = f"SELECT {name}, {_SUMS} FROM daily d WHERE {_DAYS} GROUP BY 1"  # noqa: S608  (likewise)
    times = _latencies(connection, span, name)
    found = [
        Line(each, dict(zip(COUNTERS, sums, strict=True)), times.get(each, {}))
        for each, *sums in rows(connection.execute(query, span.pair))
    ]
    return sorted(found, key=lambda line: (-line["shown"] - line["requests"], line.name))


def _latencies(
    connection: sqlite3.Connection, span: Span, name: str
) -> dict[str, dict[str, Latency]]:
    query = (
        f"SELECT {name}, d.purpose, l.which, l.bucket, sum(l.count)"  # noqa: S608  (likewise)
        f" FROM latency l JOIN daily d ON d.id = l.daily WHERE {_DAYS} GROUP BY 1, 2, 3, 4"
    )
    buckets: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for each, purpose, which, number, count in rows(connection.execute(query, span.pair)):
        buckets[each, f"{purpose}_{_WHICH[which]}"][number] = count
    found: dict[str, dict[str, Latency]] = defaultdict(dict)
    for (each, key), counts in buckets.items():
        if (times := latency(counts)) is not None:
            found[each][key] = times
    return found


def _failures(connection: sqlite3.Connection, span: Span) -> list[tuple[str, str, int]]:
    query = (
        "SELECT d.provider, f.code, sum(f.count)"  # noqa: S608  (likewise)
        f" FROM failures f JOIN daily d ON d.id = f.daily WHERE {_DAYS}"
        " GROUP BY 1, 2 HAVING sum(f.count) > 0 ORDER BY 3 DESC, 1, 2"
    )
    return [(row[0], row[1], row[2]) for row in rows(connection.execute(query, span.pair))]


def _booked(connection: sqlite3.Connection, span: Span) -> Decimal:
    # Added here and not by SQLite, which would count in binary fractions.
    query = "SELECT dollars FROM spent WHERE day BETWEEN ? AND ?"
    found = rows(connection.execute(query, span.pair))
    return sum((Decimal(row[0]) for row in found), Decimal(0))
