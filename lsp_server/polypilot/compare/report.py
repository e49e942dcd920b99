"""A comparison's report: its figures, its advice, and what it takes to repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from polypilot.compare.advice import Advice, advise
from polypilot.compare.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot.compare.figures import Summary
    from polypilot.compare.values import Marks, Reply, Task, Way

VERSION: Final = 1
"""Of the report as JSON; raised when a name's meaning changes. New names may come without."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What it takes to repeat the run. Empty: not known."""

    command: str
    """As it was typed; it holds no key."""
    seed: int
    started: float
    """Seconds since the epoch."""
    finished: float | None = None
    """None if it was ended before all was asked."""
    repository: str = ""
    """Its folder's name."""
    commit: str = ""
    way: Way = "product"
    polypilot: str = ""
    python: str = ""
    machine: str = ""
    """Its class: system, processor, cores, memory."""
    prices: str = ""
    """The price data's package, with its version."""
    prices_date: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    """Further programs and data and their versions."""
    notes: tuple[str, ...] = ()
    """What else the reader must know: a cap that ended the run, a standard set that is missing."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown, whatever the format."""

    settings: Settings
    summary: Summary
    advice: tuple[Advice, ...]
    caveats: tuple[str, ...]


def report(
    tasks: Sequence[Task],
    replies: Iterable[Reply],
    marks: Iterable[Marks],
    settings: Settings,
    *,
    targets: Sequence[str] = (),
) -> Report:
    """The report; texts have been through the gate already, as examples show them."""
    summary = summarise(tasks, replies, marks, targets=targets, seed=settings.seed)
    return Report(settings, summary, tuple(advise(summary)), tuple(caveats(summary, settings)))


_FEW = 100


def caveats(summary: Summary, settings: Settings) -> Iterable[str]:
    """What these figures don't say."""
    number = sum(summary.tasks.values())
    yield from settings.notes
    if settings.finished is None:
        yield "The run was ended before every task was asked: the figures are of those that were."
    if number < _FEW:
        yield (f"{number:,} tasks are few: only large differences can be found. "
               "More tasks make the intervals narrower.")  # fmt: skip
    yield (
        f"The {number:,} tasks come from {summary.groups:,} groups (files, mostly). Tasks of one "
        "group are alike, so intervals are made by drawing whole groups anew, and are wider than "
        "if each task stood alone."
    )
    yield (
        "Models may have seen this code when they were trained. Newer code is preferred, but "
        "public code may flatter a model all the same."
    )
    yield ("Edit similarity measures what is near to what was written, and tests what they test: "
           "another good answer may score low.")  # fmt: skip
    if any(row.money.unpriced for row in summary.rows):
        yield ("Some prices are not known. An unknown price is left out of the sums and is never "
               "counted as nothing.")  # fmt: skip
    yield (
        "Prices are estimates from a list without contracts, taxes and free tiers. A typical "
        f"day is taken as {summary.use['completion']:,} completions and {summary.use['chat']:,} "
        "answers in chat; the cost is in proportion."
    )
    yield "Latency depends on the hour, the network and this machine."
    if settings.way == "bare":
        yield "Asked without context and filters (--path bare): the editor's own answers differ."
