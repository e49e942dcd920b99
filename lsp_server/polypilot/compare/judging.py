"""Judges answers, on pydantic-evals: each answer a case, each judgement kept as it is made."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from polypilot.compare.scores import mark
from polypilot.errors import UserError
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from pydantic_evals import Dataset

    from polypilot.compare.scores import Verdict
    from polypilot.compare.store import Store
    from polypilot.compare.tested import Runs
    from polypilot.compare.values import Marks, Reply, Task, TestRun

IMPORT_S = 120.0
"""The library takes a second to import, and more on a slow disk."""


@dataclass(frozen=True, slots=True)
class _NotRun:
    """No verdict, since the user wants no tests to be run."""

    passed: bool | None = None
    note: str = "no tests are run"


_NOT_RUN = _NotRun()


class Bench(Protocol):
    """Where tests run: on this machine, or on a cluster."""

    @property
    def run(self) -> Runs | None:
        """Runs tests in a copy of a tree; None: none are to be run."""
        ...

    @property
    def at_once(self) -> int:
        """How many runs there may be at a time."""
        ...


class Judging:
    """Judges the answers of one comparison.

    Args:
        tree: the files that the tasks are from.
        told: is told how many are judged, and how many there are.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        bench: Bench,
        tree: Path,
        told: Callable[[int, int], None] = lambda _done, _whole: None,
    ) -> None:
        self._store = store
        self._run = run
        self._bench = bench
        self._tree = tree
        self._told = told
        self._done = 0

    async def run(self, tasks: Sequence[Task], replies: Sequence[Reply]) -> list[Marks]:
        """All judgements; those made before are not made again.

        Raises:
            UserError: ``needs_extra``.
            StorageError: a judgement can't be kept.
        """
        by_id = {task.id: task for task in tasks}
        known = {(each.target, each.task): each for each in await self._store.marks(self._run)}
        left = [
            (by_id[reply.task], reply)
            for reply in replies
            if reply.task in by_id and (reply.target, reply.task) not in known
        ]
        if left:
            await run_blocking(require_library, timeout=IMPORT_S, name="pydantic-evals")
            await self._all(left)
        return await self._store.marks(self._run)

    async def _all(self, pairs: Sequence[tuple[Task, Reply]]) -> None:
        async def judged(task: Task, reply: Reply) -> Marks:
            made = await mark(task, reply, self._runs)
            await self._store.marked(self._run, [made])
            self._done += 1
            self._told(self._done, len(pairs))
            return made

        report = await _dataset(pairs, judged).evaluate(
            _given, name="compare", max_concurrency=self._bench.at_once, progress=False
        )
        failures = [each for case in report.cases for each in case.evaluator_failures]
        if failures:
            # A failure of the judge's own is no verdict on the answer.
            raise UserError(
                f"{len(failures)} answers could not be judged ({failures[0].error_message})",
                code="judging",
                cure="the answers are kept: run the same command again",
            )

    async def _runs(self, run: TestRun, *, overlay: Mapping[str, str]) -> Verdict:
        if self._bench.run is None:
            return _NOT_RUN
        return await self._bench.run(run, self._tree, overlay=overlay)


async def _given(pair: tuple[Task, Reply]) -> Reply:
    """The answer is there already."""
    return pair[1]


def require_library() -> None:
    """See that pydantic-evals is there, and import it. Blocks.

    Raises:
        UserError: ``needs_extra``.
    """
    if importlib.util.find_spec("pydantic_evals") is None:
        raise UserError(
            "comparing needs a package that is not installed (pydantic-evals)",
            code="needs_extra",
            cure="pip install 'polypilot[compare]'",
        )
    importlib.import_module("pydantic_evals")


def _dataset(
    pairs: Sequence[tuple[Task, Reply]], judged: Callable[[Task, Reply], Awaitable[Marks]]
) -> Dataset[tuple[Task, Reply], Reply, None]:
    from pydantic_evals import Case, Dataset  # noqa: PLC0415 - see `require_library`
    from pydantic_evals.evaluators import (  # noqa: PLC0415 - likewise
        Evaluator,
        EvaluatorContext,
        EvaluatorOutput,
    )

    class Verdict(Evaluator[tuple["Task", "Reply"], "Reply", None]):
        async def evaluate(
            self, ctx: EvaluatorContext[tuple[Task, Reply], Reply, None]
        ) -> EvaluatorOutput:
            found = asdict(await judged(*ctx.inputs))
            return {
                name: value
                for name, value in found.items()
                if isinstance(value, bool | int | float)
            }

    cases = [
        Case[tuple["Task", "Reply"], "Reply", None](
            name=f"{reply.target} {task.id}", inputs=(task, reply)
        )
        for task, reply in pairs
    ]
    return Dataset(name="answers", cases=cases, evaluators=[Verdict()])
