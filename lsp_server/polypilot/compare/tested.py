"""Functions that the repository's own tests judge: kept only if the tests tell right from wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from polypilot.compare import evidence
from polypilot.compare.values import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from polypilot.compare.sampling import Candidate
    from polypilot.compare.values import Task, TestRun


class Outcome(Protocol):
    """How a run of tests ended."""

    @property
    def passed(self) -> bool | None:
        """None: there is no verdict."""
        ...

    @property
    def note(self) -> str:
        """Why there is none."""
        ...

    @property
    def shown(self) -> tuple[str, ...]:
        """Signs of what has passed (:mod:`polypilot.compare.evidence`)."""
        ...


class Runs(Protocol):
    """Runs tests in a copy of a tree."""

    def __call__(
        self, run: TestRun, tree: Path, *, overlay: Mapping[str, str]
    ) -> Awaitable[Outcome]:
        """``overlay``: path and text of what is written over the copy."""
        ...


@dataclass(slots=True)
class Judge:
    """The tests of one tree. What passes untouched is asked once for each command."""

    tree: Path
    runs: Runs
    at_once: int = 2
    count: int = 0
    """Runs so far."""
    notes: dict[str, int] = field(default_factory=dict[str, int])
    """Why there was no verdict, and how often."""
    warnings: set[str] = field(default_factory=set[str])
    """What the user should know of how the tests judge."""
    _sound: dict[tuple[str, ...], asyncio.Future[TestRun | None]] = field(
        default_factory=dict[tuple[str, ...], "asyncio.Future[TestRun | None]"]
    )

    async def passes(self, run: TestRun, overlay: Mapping[str, str]) -> bool | None:
        """Whether the tests pass with these texts in place of the tree's."""
        return (await self._ran(run, overlay)).passed

    async def _ran(self, run: TestRun, overlay: Mapping[str, str]) -> Outcome:
        self.count += 1
        outcome = await self.runs(run, self.tree, overlay=overlay)
        if outcome.passed is None:
            self.notes[outcome.note] = self.notes.get(outcome.note, 0) + 1
        return outcome

    async def sound(self, run: TestRun) -> TestRun | None:
        """The run with what it must show, as the tree as it is does; None: there it fails.

        It is run twice, since a test may pass by chance, or have another name in each run.
        """
        waiting = self._sound.get(run.command)
        if waiting is None:
            waiting = self._sound[run.command] = asyncio.get_running_loop().create_future()
            try:
                waiting.set_result(await self._twice(run))
            finally:
                if not waiting.done():  # this one failed, or was cancelled: the next asks again
                    waiting.set_result(None)
                    del self._sound[run.command]
        return await asyncio.shield(waiting)

    async def _twice(self, run: TestRun) -> TestRun | None:
        first = await self._ran(run, {})
        if first.passed is not True:
            return None
        second = await self._ran(run, {})
        if second.passed is not True:
            return None
        expects = evidence.stable((first.shown, second.shown))
        if not expects:
            self.warnings.add(evidence.EXIT_ALONE)
        return replace(run, expects=expects)

    async def first(
        self,
        candidates: Iterable[Candidate],
        wanted: int,
        make: Callable[[Candidate], Awaitable[Task | None]],
        *,
        tries: int,
        progress: Callable[[int, int], None],
    ) -> list[tuple[Candidate, Task]]:
        """The first ``wanted`` of which ``make`` makes a task, of at most ``tries`` candidates.

        Some are tried at a time, and taken in their order, so that the result does not depend
        on how long each takes.
        """
        made: list[tuple[Candidate, Task]] = []
        waiting = list(candidates)[:tries]
        while waiting and len(made) < wanted:
            batch, waiting = waiting[: self.at_once], waiting[self.at_once :]
            # A failure waits for the runs beside it, which would go on behind it otherwise.
            tasks = await asyncio.gather(*(make(each) for each in batch), return_exceptions=True)
            for each, task in zip(batch, tasks, strict=True):
                if isinstance(task, BaseException):
                    raise task
                made += [(each, task)] if task else []
            progress(min(len(made), wanted), wanted)
        return made[:wanted]


async def tested(candidate: Candidate, run: TestRun, judge: Judge) -> Task | None:
    """The task of writing a function's body; None if the tests do not judge it."""
    source = candidate.source
    sound = await judge.sound(run)
    if sound is None:
        return None
    task = source.task(Kind.TESTED, candidate.start, candidate.end, tests=sound)
    hollow = task.prefix + hollow_body(source.language) + task.suffix
    return task if await judge.passes(sound, {source.path: hollow}) is False else None


def hollow_body(language: str) -> str:
    """A body that does nothing, in place of a real one."""
    # An empty one would be no Python at all, which every test that imports it tells.
    return "pass" if language == "python" else ""


def notes_told(notes: Mapping[str, int], warnings: Iterable[str] = ()) -> Sequence[str]:
    """Why tests gave no verdict, and what to know of those they gave, for the user."""
    return [
        *sorted(warnings),
        *(
            f"tests gave no verdict {number} times: {note or 'no reason given'}"
            for note, number in sorted(notes.items())
        ),
    ]
