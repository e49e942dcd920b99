"""What a user is told of the record: sums by provider, model, language and day."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from polypilot.usage.values import COUNTERS, MOMENTS, PRECISION, middle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.usage.values import Gap

Dimension = Literal["provider", "model", "language", "day"]
DIMENSIONS: Final[tuple[Dimension, ...]] = ("provider", "model", "language", "day")
_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, each within 4.4 %: they are read from buckets."""

    p50: float
    p95: float
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """Sums of one provider, model, language or day, or of all."""

    name: str
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """By the names of ``values.COUNTERS``; what is missing is 0."""
    latency: Mapping[str, Latency] = field(default_factory=dict[str, Latency])
    """``completion_first``, ``completion_total``, ``chat_first``, ``chat_total``: of requests
    that have ended well, to the first text and to the end."""

    def __getitem__(self, name: str) -> int:
        return self.counts.get(name, 0)

    @property
    def dollars(self) -> Decimal:
        """Of the requests whose price is known."""
        return Decimal(self["nanos"]) / _NANOS

    def share(self, part: str, whole: str) -> float | None:
        """One sum over another; None of nothing."""
        return self[part] / self[whole] if self[whole] else None

    def stayed(self, moment: int) -> float | None:
        """Which share of the taken texts was there after so many seconds, changed a little or not.

        None: of none is it known.
        """
        there = self[f"same{moment}"] + self[f"changed{moment}"]
        known = there + self[f"gone{moment}"]
        return there / known if known else None

    def fields(self) -> dict[str, object]:
        """As JSON has it."""
        sums = {name: self[name] for name in COUNTERS if name != "nanos"}
        return {
            "name": self.name,
            **sums,
            "dollars": f"{self.dollars:f}",
            "acceptance": self.share("accepted", "shown"),
            "stayed": {str(moment): self.stayed(moment) for moment in MOMENTS},
            "latency_ms": {
                key: {"p50": round(each.p50), "p95": round(each.p95), "count": each.count}
                for key, each in self.latency.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The record of some days. Days are ISO dates."""

    first_day: str
    last_day: str
    total: Line
    lines: Mapping[Dimension, Sequence[Line]]
    """Those with most first; days in their order."""
    failures: Sequence[tuple[str, str, int]] = ()
    """Provider, code of the error, and how often; the most frequent first."""
    booked: Decimal = Decimal(0)
    """Dollars of these days by the account book, which is kept also without a record."""
    spent_today: Decimal = Decimal(0)
    budget: Decimal = Decimal(0)
    """Dollars a day; 0: no limit."""
    enabled: bool = True
    keep_days: int = 400
    newest: str = ""
    """The newest day of which anything is recorded, up to today; empty: there is none."""
    future: int = 0
    """Suggestions and requests that are dated after today: some clock was wrong. Left out."""
    gaps: Sequence[Gap] = ()
    """What of these days the disk did not take, the oldest first."""

    @property
    def empty(self) -> bool:
        """Whether nothing is recorded of these days."""
        return not self.total["shown"] and not self.total["requests"]

    @property
    def left_today(self) -> Decimal | None:
        """Dollars of the day's budget that are left; None: there is no limit."""
        return max(self.budget - self.spent_today, Decimal(0)) if self.budget > 0 else None

    def fields(self, by: Sequence[Dimension] = DIMENSIONS) -> dict[str, object]:
        """As JSON has it; ``by`` says which lines."""
        left = self.left_today
        return {
            "type": "usage_report",
            "first_day": self.first_day,
            "last_day": self.last_day,
            "enabled": self.enabled,
            "keep_days": self.keep_days,
            "total": self.total.fields(),
            "by": {each: [line.fields() for line in self.lines.get(each, ())] for each in by},
            "failures": [
                {"provider": provider, "code": code, "count": count}
                for provider, code, count in self.failures
            ],
            "booked_dollars": f"{self.booked:f}",
            "today": {
                "dollars": f"{self.spent_today:f}",
                "budget": f"{self.budget:f}" if self.budget > 0 else None,
                "left": None if left is None else f"{left:f}",
            },
            "newest_day": self.newest or None,
            "future": self.future,
            "not_recorded": [
                {
                    "day": gap.day,
                    "first_at": gap.first,
                    "last_at": gap.last,
                    "entries": gap.entries,
                    "changes": gap.changes,
                }
                for gap in self.gaps
            ],
            "latency_precision": round(PRECISION, 4),
        }


def latency(buckets: Mapping[int, int]) -> Latency | None:
    """Percentiles (nearest rank) of counts by bucket; None of nothing."""
    filled = sorted((number, count) for number, count in buckets.items() if count > 0)
    total = sum(count for _, count in filled)
    if not total:
        return None

    def at(share: float) -> float:
        rank, seen = share * total, 0
        for number, count in filled:
            seen += count
            if seen >= rank:
                return middle(number)
        return middle(filled[-1][0])

    return Latency(at(0.5), at(0.95), total)
