"""What a summary is made of: plain values that are JSON as they are.

Money is in US dollars, times in seconds, shares from 0 to 1. None is: not known, or nothing to
measure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polypilot.compare.statistics import Difference, Figure
    from polypilot.compare.values import Purpose


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the answers are. An error counts as nothing shown."""

    score: Figure
    """Of each task: passed (1) or not (0) where tests judge it, else how similar."""
    exact: Figure
    similar: Figure
    passed: Figure
    """pass@1, of the tasks that tests judge."""
    parses: Figure
    """Of what is shown."""
    kept: Figure
    """Characters per task that are as they were in the file."""
    wrong: Figure
    """Characters per task that are not."""
    shown: int


@dataclass(frozen=True, slots=True)
class Times:
    """Quantiles of one time, over the answers that have it."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    quantiles: tuple[float, ...] = ()
    """From the least to the greatest, at steps of a twentieth; empty without answers."""


@dataclass(frozen=True, slots=True)
class Speed:
    """To the first text, to the first whole line, to the end."""

    first_text: Times
    first_line: Times
    seconds: Times

    def wait(self, purpose: Purpose) -> Times:
        """What a user waits for: a completion's first line, the first words of an answer."""
        return self.first_line if purpose == "completion" else self.first_text


@dataclass(frozen=True, slots=True)
class Reliability:
    """What went wrong."""

    asked: int
    failed: int
    errors: dict[str, int] = field(default_factory=dict[str, int])
    """How often each code ended a task."""
    timeouts: int = 0
    limited: int = 0
    """How often the supplier said that a limit was reached."""
    retries: int = 0

    @property
    def failing(self) -> float:
        """The share of the tasks that failed."""
        return self.failed / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums over the answers that were counted, and how many were not."""

    input: int
    output: int
    cached: int
    reasoning: int
    counted: int
    uncounted: int


@dataclass(frozen=True, slots=True)
class Money:
    """What was paid, as far as it is known, and what it comes to."""

    dollars: float
    priced: int
    """Answers whose price is known."""
    unpriced: int
    """Answers that it is not known of: they may have cost something."""
    per_1000: float | None
    """Of a thousand answers, from the priced ones; None if less than half are."""
    per_day: float | None
    """Of a day of typical use."""


@dataclass(frozen=True, slots=True)
class Part:
    """The score on some of the tasks."""

    name: str
    score: Figure


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was asked from ``start`` on, until the next bucket; seconds since the epoch."""

    start: float
    asked: int
    failed: int
    limited: int


@dataclass(frozen=True, slots=True)
class Row:
    """One target for one purpose."""

    target: str
    purpose: Purpose
    quality: Quality
    speed: Speed
    reliability: Reliability
    tokens: Tokens
    money: Money
    languages: tuple[Part, ...]
    kinds: tuple[Part, ...]
    over_time: tuple[Bucket, ...]
    models: tuple[str, ...]
    """The models that said they have answered."""

    @property
    def answered(self) -> bool:
        """Whether it has answered at all."""
        return self.reliability.failed < self.reliability.asked


@dataclass(frozen=True, slots=True)
class Pair:
    """Two targets' scores on the tasks of both."""

    purpose: Purpose
    first: str
    second: str
    difference: Difference
    """Of first less second."""
    corrected: float | None
    """p, corrected (Holm) for all pairs of this purpose."""


@dataclass(frozen=True, slots=True)
class Example:
    """An answer that went well or badly; texts are cut to a bound."""

    target: str
    task: str
    kind: str
    language: str
    path: str
    score: float
    best: bool
    """One of the best, or one of the worst."""
    before: str
    """A few lines above, in the file; of chat, the question."""
    truth: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the report and the advice say, for each purpose that there are tasks for."""

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    examples: tuple[Example, ...]
    tasks: dict[str, int]
    """How many there are of each kind."""
    languages: dict[str, int]
    groups: int
    """How many independent groups the tasks are from."""
    use: dict[Purpose, int]
    """Answers on a day of typical use."""

    def of(self, purpose: Purpose) -> list[Row]:
        """That purpose's rows."""
        return [row for row in self.rows if row.purpose == purpose]

    @property
    def targets(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(row.target for row in self.rows))
