"""What `polypilot compare` shows: the bill, the progress, the result."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from polypilot.backend.pricing import amount
from polypilot.compare.report_json import to_json
from polypilot.terminal.clean import clean

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path
    from types import TracebackType

    from rich.progress import TaskID
    from rich.text import Text

    from polypilot.compare.figures import Row
    from polypilot.compare.orders import Prepared
    from polypilot.compare.report import Report
    from polypilot.compare.running import Outcome
    from polypilot.compare.running import Progress as Answered
    from polypilot.terminal.output import Output

_LINES_EVERY = 25
"""Answers between two lines of progress where there is no terminal to draw on."""


class Bars:
    """Progress on stderr: bars on a terminal, now and then a line elsewhere."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}", markup=False),
            console=output.err,
            disable=output.json_mode or not output.err.is_terminal,
            transient=True,
        )
        self._ids: dict[str, TaskID] = {}
        self._said: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, ready: Prepared) -> None:
        """Show the targets before the first answer is there."""
        for label, bill in ready.bills.items():
            whole = len(ready.tasks)
            self._set(label, whole - bill.requests, whole, "")

    def step(self, what: str, done: int, whole: int) -> None:
        """Something is being made ready."""
        self._set(what, done, whole, "")

    def answered(self, progress: Answered) -> None:
        """A target has answered."""
        left = "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"
        more = f"{left}  {amount(progress.dollars)}"
        self._set(progress.target, progress.done, progress.total, more)

    def judged(self, done: int, whole: int) -> None:
        """An answer was judged."""
        self._set("judging", done, whole, "")

    def _set(self, name: str, done: int, whole: int, more: str) -> None:
        if self._bars.disable:
            if not self._output.json_mode and done and done % _LINES_EVERY == 0:
                self._output.note(f"{name}: {done} of {whole} {more}".rstrip(), kind="progress")
            return
        if name not in self._ids:
            self._ids[name] = self._bars.add_task(clean(name), more="")
        self._bars.update(self._ids[name], completed=done, total=whole, more=more)


def duration(seconds: float) -> str:
    """Time for people: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:  # noqa: PLR2004 - see the examples
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - likewise


def show_bill(output: Output, ready: Prepared, *, alone: bool = False) -> None:
    """What is about to be asked, and what it takes; on stderr.

    ``alone``: it is all that was asked for, so that programs have it on stdout.
    """
    if alone and output.json_mode:
        output.json(_bill_json(ready))
        return
    for problem in ready.problems:
        output.note(problem)
    for label, absent in ready.absent.items():
        output.note(f"{label} is left out: {absent.message}. {absent.cure}".strip())
    kinds = Counter(str(task.kind) for task in ready.tasks)
    mix = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    output.note(f"{len(ready.tasks)} tasks: {mix}", kind="plan")
    if ready.known:
        output.note(f"{len(ready.known)} answers are there already", kind="plan")
    if ready.again:
        output.note(f"{ready.again} questions were cut off, and are asked again", kind="plan")
    for label, bill in ready.bills.items():
        tokens = f"{bill.tokens_in:,} tokens in, {bill.tokens_out:,} out"
        output.note(f"{label}: {bill.requests} questions, {tokens}, {_price(bill.dollars)}"
                    + ("" if not bill.most else f", at most {_price(bill.most)}"),
                    kind="plan")  # fmt: skip


def _bill_json(ready: Prepared) -> dict[str, object]:
    """The same for a program; amounts are US dollars as text, null where they are not known."""
    return {
        "type": "plan",
        "commit": ready.commit,
        "tasks": Counter(str(task.kind) for task in ready.tasks),
        "answered": len(ready.known),
        "targets": {
            label: {
                "questions": bill.requests,
                "input_tokens": bill.tokens_in,
                "output_tokens": bill.tokens_out,
                "dollars": None if bill.dollars is None else str(bill.dollars),
                "dollars_at_most": None if bill.most is None else str(bill.most),
            }
            for label, bill in ready.bills.items()
        },
        "left_out": {label: asdict(absent) for label, absent in ready.absent.items()},
        "problems": list(ready.problems),
    }


def _price(dollars: Decimal | None) -> str:
    if dollars is None:
        return "price not known"
    return f"about {amount(dollars)}" if dollars else "free"


def show_report(output: Output, report: Report, outcome: Outcome, files: tuple[Path, ...]) -> None:
    """The result on stdout; where the report is, and what is missing, on stderr."""
    if output.json_mode:
        output.out.file.write(to_json(report) + "\n")
        output.out.file.flush()
    else:
        for purpose in dict.fromkeys(row.purpose for row in report.summary.rows):
            rows = [row for row in report.summary.rows if row.purpose == purpose]
            output.print(purpose, style="bold")
            output.table(_COLUMNS, [_row(row) for row in rows])
            output.print()
        for advice in report.advice:
            output.print(advice.headline, style="bold")
            for reason in advice.reasons:
                output.print(f"  {reason}")
            if advice.command:
                output.print(f"  {advice.command}", style="green")
    for label, (_, message, cure) in outcome.stopped.items():
        output.note(f"{label} was given up: {message}. {cure}".strip())
    if outcome.capped:
        output.note("The limit of money was reached; with a higher one the same command goes on.")
    for file in files:
        output.note(f"report: {file}", kind="report")


_COLUMNS = ("target", "score", "exact", "tests", "first text p50", "p95", "errors", "per 1,000")


def _row(row: Row) -> tuple[str | Text, ...]:
    quality, times = row.quality, row.speed.first_text
    return (
        row.target,
        _share(quality.score.value),
        _share(quality.exact.value),
        _share(quality.passed.value),
        _seconds(times.p50),
        _seconds(times.p95),
        f"{row.reliability.failed} of {row.reliability.asked}",
        "unknown" if row.money.per_1000 is None else f"${row.money.per_1000:.2f}",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"
