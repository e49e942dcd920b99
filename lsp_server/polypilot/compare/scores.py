"""Which score each target has on each task; what failed counts as nothing shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from polypilot.compare.values import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polypilot.compare.values import Reply, Task

MEASURES: Final = ("exact", "similar", "passed", "kept", "wrong")
"""Those that nothing shown has a value of, too: none of it is right, none wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One task, one target: what came back and how it is judged."""

    task: Task
    reply: Reply
    marks: Marks

    def value(self, measure: str) -> float | None:
        """A measure as a number; None if it does not apply."""
        value: object = getattr(self.marks, measure)
        return float(value) if isinstance(value, bool | int | float) else None

    @property
    def score(self) -> float | None:
        """Passed or not where tests judge, else how similar, else exact or not."""
        values = (self.value(measure) for measure in ("passed", "similar", "exact"))
        return next((value for value in values if value is not None), None)


def answers(
    tasks: Iterable[Task], replies: Iterable[Reply], marks: Iterable[Marks]
) -> dict[str, list[Answer]]:
    """For each target its answers, in the tasks' order; the last reply counts.

    Replies to tasks that are not there are left out. A reply that was judged by nobody because
    it failed has the marks of nothing shown, in the measures that others' answers to it have.
    """
    known = {(mark.task, mark.target): mark for mark in marks}
    judged = _judged(known.values())
    latest = {(reply.task, reply.target): reply for reply in replies}
    targets = dict.fromkeys(target for _, target in latest)
    ordered = list(tasks)
    return {
        target: [
            Answer(task, reply, _marks(known.get((task.id, target)), reply, judged))
            for task in ordered
            if (reply := latest.get((task.id, target))) is not None
        ]
        for target in targets
    }


def _judged(marks: Iterable[Marks]) -> Mapping[str, set[str]]:
    """For each task the measures that some answer has."""
    judged: dict[str, set[str]] = {}
    for mark in marks:
        names = {name for name in MEASURES if getattr(mark, name) is not None}
        judged.setdefault(mark.task, set()).update(names)
    return judged


def _marks(mark: Marks | None, reply: Reply, judged: Mapping[str, set[str]]) -> Marks:
    mark = mark or Marks(reply.task, reply.target, shown=bool(reply.text) and not reply.error)
    if mark.shown:
        return mark
    applies = judged.get(reply.task, set())
    return Marks(
        mark.task,
        mark.target,
        shown=False,
        exact=False if "exact" in applies else None,
        similar=0.0 if "similar" in applies else None,
        kept=0 if "kept" in applies else None,
        wrong=0 if "wrong" in applies else None,
        passed=False if "passed" in applies else None,
        note=mark.note,
    )


def by_group(given: Sequence[Answer], measure: str) -> dict[str, list[float]]:
    """A measure's values (``score``: that one) for each group of tasks."""
    groups: dict[str, list[float]] = {}
    for answer in given:
        value = answer.score if measure == "score" else answer.value(measure)
        if value is not None:
            groups.setdefault(answer.task.group, []).append(value)
    return groups


def by_task(given: Sequence[Answer]) -> dict[str, tuple[str, float]]:
    """The score on each task, with its group."""
    return {
        answer.task.id: (answer.task.group, score)
        for answer in given
        if (score := answer.score) is not None
    }
