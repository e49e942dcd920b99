"""A made-up run: tasks, replies and marks with known figures."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from polypilot.compare.report import Report, Settings, report
from polypilot.compare.values import Kind, Marks, Reply, Task

START = 1_790_000_000.0
SETTINGS = Settings(
    command="polypilot compare a/one b/two --tasks 40",
    seed=1,
    started=START,
    finished=START + 600,
    repository="shop",
    commit="9f2c1e7b0d",
    polypilot="0.1.0",
    python="3.11.7",
    machine="Linux x86_64, 2 cores",
    prices="genai-prices 0.2.3",
    prices_date="2026-11-02",
)


def tasks(number: int, kind: Kind = Kind.BLOCK, *, each: int = 1) -> list[Task]:
    """So many, in groups of ``each``."""
    languages = ("python", "go", "rust")
    return [
        Task(
            f"{kind.value}-{at:03}", kind, languages[at % 3], f"src/part_{at // each}",
            f"group-{at // each}", prefix="def f():\n    ", truth=f"return {at}\n",
            question="Fix it." if kind.purpose == "chat" else "",
        )
        for at in range(number)
    ]  # fmt: skip


@dataclass(frozen=True)
class Target:
    """How one behaves."""

    name: str
    skill: float = 1.0
    """Its share of exact answers; the others are half right."""
    dollars: str | None = "0.001"
    wait: float = 0.2
    failing: float = 0.0
    error: str = "unavailable"


@dataclass
class Run:
    """What comes back."""

    tasks: list[Task]
    replies: list[Reply] = field(default_factory=list[Reply])
    marks: list[Marks] = field(default_factory=list[Marks])

    def ask(self, target: Target) -> None:
        """All tasks, in their order."""
        chance = random.Random(target.name)  # noqa: S311  (the same sample each time)
        for at, task in enumerate(self.tasks):
            fails = chance.random() < target.failing
            good = chance.random() < target.skill
            self._answer(target, task, at, good=good, error=target.error if fails else "")

    def _answer(self, target: Target, task: Task, at: int, *, good: bool, error: str) -> None:
        when = START + at
        if error:
            self.replies.append(Reply(task.id, target.name, when, error=error, limited=1))
            return
        price = None if target.dollars is None else Decimal(target.dollars)
        self.replies.append(
            Reply(
                task.id, target.name, when, task.truth if good else "pass\n",
                seconds=target.wait * 2, first_text=target.wait / 2, first_line=target.wait,
                input_tokens=100, output_tokens=10, cached_tokens=50, dollars=price, model="m-1",
            )
        )  # fmt: skip
        similar = 1.0 if good else 0.5
        tested = task.kind in {Kind.TESTED, Kind.FIX}
        self.marks.append(
            Marks(task.id, target.name, shown=True, exact=good, similar=similar, kept=8 if good
                  else 4, wrong=0 if good else 6, parses=True, passed=good if tested else None)
        )  # fmt: skip


def run(given: list[Task], *targets: Target) -> Run:
    """Each target asked each task."""
    made = Run(given)
    for target in targets:
        made.ask(target)
    return made


def reported(given: list[Task], *targets: Target, settings: Settings = SETTINGS) -> Report:
    """The report of such a run."""
    made = run(given, *targets)
    return report(made.tasks, made.replies, made.marks, settings, targets=[t.name for t in targets])
