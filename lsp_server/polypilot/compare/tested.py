"""Functions that the repository's own tests judge: kept only if the tests tell right from wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

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
    _sound: dict[tuple[str, ...], asyncio.Future[bool]] = field(
        default_factory=dict[tuple[str, ...], "asyncio.Future[bool]"]
    )

    async def passes(self, run: TestRun, overlay: Mapping[str, str]) -> bool | None:
        """Whether the tests pass with these texts in place of the tree's."""
        self.count += 1
        outcome = await self.runs(run, self.tree, overlay=overlay)
        if outcome.passed is None:
            self.notes[outcome.note] = self.notes.get(outcome.note, 0) + 1
        return outcome.passed

    async def is_sound(self, run: TestRun) -> bool:
        """Whether the tests pass on the tree as it is."""
        waiting = self._sound.get(run.command)
        if waiting is None:
            waiting = self._sound[run.command] = asyncio.get_running_loop().create_future()
            try:
                waiting.set_result(await self.passes(run, {}) is True)
            finally:
                if not waiting.done():  # this one failed, or was cancelled: the next asks again
                    waiting.set_result(False)
                    del self._sound[run.command]
        return await asyncio.shield(waiting)

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
    task = source.task(Kind.TESTED, candidate.start, candidate.end, tests=run)
    hollow = task.prefix + hollow_body(source.language) + task.suffix
    if not await judge.is_sound(run):
        return None
    return task if await judge.passes(run, {source.path: hollow}) is False else None


def hollow_body(language: str) -> str:
    """A body that does nothing, in place of a real one."""
    # An empty one would be no Python at all, which every test that imports it tells.
    return "pass" if language == "python" else ""


def notes_told(notes: Mapping[str, int]) -> Sequence[str]:
    """Why tests gave no verdict, for the user."""
    return [
        f"tests gave no verdict {number} times: {note or 'no reason given'}"
        for note, number in sorted(notes.items())
    ]
