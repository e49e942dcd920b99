"""Makes the tasks of a comparison from the user's own repository: the one entry."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.compare import chat_tasks, eligible
from polypilot.compare.folder import Folder
from polypilot.compare.gathering import Gathering
from polypilot.compare.origin import below, opened
from polypilot.compare.other_tasks import STANDARD, from_commits, from_sets
from polypilot.compare.repository import Repository
from polypilot.compare.sampling import SHARES, YEAR, Candidate, Sample, plan
from polypilot.compare.test_files import PythonTests, pytest_run
from polypilot.compare.tested import Judge, notes_told, tested
from polypilot.compare.values import Kind, TestRun
from polypilot.compare.wishes import Collected, Wish
from polypilot.compare.withheld import copied
from polypilot.errors import UserError
from polypilot.tasks import start_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from polypilot.compare.cutting_functions import Function
    from polypilot.compare.sources import Source
    from polypilot.compare.tested import Runs
    from polypilot.compare.values import Task
    from polypilot.compare.wishes import Progress
    from polypilot.workspace.gate import Gate

__all__ = ["Collected", "Wish", "collect"]

_RUN = (Kind.TESTED, Kind.FIX)
"""What takes a run of tests to be made."""
_CUT = (Kind.FUNCTION, Kind.BLOCK, Kind.REST, Kind.LINE)
"""The scarcest first: a taken function leaves no place for its lines."""
_PER_FILE = 6
_FEWEST_FILES = 60
_TRIES = 4
"""Functions that are tried for each task that tests judge."""


async def collect(
    root: Path,
    wish: Wish,
    *,
    gate: Gate,
    runs: Runs | None = None,
    tree: Path | None = None,
    progress: Progress = lambda _what, _done, _whole: None,
) -> Collected:
    """Make tasks from the repository that ``root`` is in, or from a folder without one.

    Args:
        root: the folder; of a repository only what is below it is taken.
        wish: what to make.
        gate: judges what may leave; ``root`` is one of its roots.
        runs: runs tests; None: no tasks that need it.
        tree: an empty folder, into which the commit's files are written: for tests, and for asks
            that see the files around; None: no tasks that need a run of tests.
        progress: told what is being done.

    Raises:
        UserError: nothing can be made of it (``no_tasks``), the repository has no commit, the
            data of a standard set is not installed, git does not answer.
    """
    origin = await opened(root, gate.roots, wish.revision)
    numbers = dict(wish.numbers) or plan(wish.total, wish.kinds or tuple(SHARES))
    inside = await start_blocking(below, origin.top, root)
    collection = _Collection(wish, Gathering(origin, gate, wish.seed, progress, inside), numbers)
    await collection.run(tree, runs)
    return collection.result()


class _Collection:
    """One collecting."""

    def __init__(self, wish: Wish, gathering: Gathering, numbers: Mapping[Kind, int]) -> None:
        self.judge: Judge | None = None
        self._wish = wish
        self._gathering = gathering
        self._origin = gathering.origin
        self._numbers = {kind: number for kind, number in numbers.items() if number > 0}
        self._tasks: list[Task] = []
        self._sources: list[Source] = []
        self._tests = PythonTests({})
        self._sample: Sample | None = None
        when = self._origin.when
        known = wish.newer_than if wish.newer_than is not None else when and when - YEAR
        self._cutoff = known if when is not None else None

    async def run(self, tree: Path | None, runs: Runs | None) -> None:
        """Make all tasks, and the tree where one is wanted."""
        if runs is not None and tree is not None:
            self.judge = Judge(tree, runs)
        self._drop_impossible()
        kinds = self._numbers.keys()
        if kinds & {*_CUT, *_RUN, Kind.EXPLAIN, Kind.WRITE_TEST}:
            if tree is not None:
                await self._check_out(tree)
            await self._from_files()
        if isinstance(self._origin, Repository) and (wanted := self._numbers.get(Kind.COMMIT)):
            self._tasks += await from_commits(
                self._origin, self._gathering, wanted, seed=self._wish.seed
            )
        if kinds & {*STANDARD}:
            self._tasks += await from_sets(self._numbers, self._wish.seed)
        self._fill()

    async def _check_out(self, tree: Path) -> None:
        self._gathering.progress("copying files", 0, 1)
        if count := len((await copied(self._origin, self._gathering.gate, tree)).left_out):
            self._gathering.problems.append(
                f"{count} files are not in the copy: they lead out of it, or are too big"
            )
        self._gathering.progress("copying files", 1, 1)

    def result(self) -> Collected:
        """What was made; groups in a seeded order, so that a part of it is a sample too."""
        if not self._tasks:
            raise self._nothing()
        made = {task.id: task for task in self._tasks}
        groups = sorted({task.group for task in made.values()})
        random.Random(f"{self._wish.seed}:groups").shuffle(groups)  # noqa: S311 - no secret
        rank = {group: at for at, group in enumerate(groups)}
        ordered = sorted(
            made.values(), key=lambda task: (rank[task.group], len(task.prefix), task.id)
        )
        problems = self._gathering.problems + self._missing()
        problems += notes_told(self.judge.notes, self.judge.warnings) if self.judge else []
        return Collected(
            tuple(ordered),
            self._origin.commit,
            tuple(problems),
            {reason: count for reason, count in self._gathering.skipped.items() if count},
            len(self._sources),
            self._cutoff,
            self.judge.count if self.judge else 0,
        )

    # -- what can't be made ------------------------------------------------------------------

    def _drop_impossible(self) -> None:
        """Give the numbers of kinds that can't be made here to those that can."""
        dropped = {kind for kind in _RUN if self.judge is None}
        if isinstance(self._origin, Folder):
            dropped.add(Kind.COMMIT)
        dropped &= self._numbers.keys()
        if not dropped or self._wish.numbers:
            self._drop(dropped)
            return
        kinds = self._numbers.keys() - dropped
        self._numbers = plan(self._wish.total, kinds)

    def _drop(self, kinds: set[Kind]) -> None:
        for kind in sorted(kinds):
            del self._numbers[kind]
            why = "no commits" if kind is Kind.COMMIT else "no runs of tests"
            self._gathering.problems.append(f"no tasks of the kind {kind}: there are {why} here")

    def _missing(self) -> list[str]:
        made = {kind: sum(task.kind is kind for task in self._tasks) for kind in self._numbers}
        return [
            f"{made[kind]} of {number} tasks of the kind {kind} were found"
            for kind, number in self._numbers.items()
            if made[kind] < number
        ]

    def _nothing(self) -> UserError:
        skipped = self._gathering.skipped
        why = ", ".join(f"{reason}: {count}" for reason, count in skipped.most_common(4) if count)
        return UserError(
            "no tasks were found" + (f" (files left out: {why})" if why else ""),
            code="no_tasks",
            cure="Name a folder or a commit with source code, other kinds of tasks, or a standard "
            "set (humaneval); files that privacy.exclude or an ignore file names are never taken.",
        )

    # -- from files --------------------------------------------------------------------------

    async def _from_files(self) -> None:
        wanted = sum(self._numbers.values())
        gathering = self._gathering
        self._sources = await gathering.sources(max(_FEWEST_FILES, wanted), self._cutoff)
        if not self._sources:
            return
        per_file = max(_PER_FILE, math.ceil(2 * wanted / len(self._sources)))
        wish = self._wish
        sample = Sample(
            wish.seed, wish.per_file or per_file, self._cutoff, wish.newer_share, gathering.shares
        )
        self._tests = await gathering.python_tests()
        functions = [
            (Candidate(source, Kind.FUNCTION, each.start, each.end, each.name), each)
            for source in self._sources
            for each in source.cut.functions
        ]
        if self.judge is not None and self._numbers.keys() & {*_RUN}:
            await self._judged(self.judge, sample, functions)
        self._chat(sample, functions)
        self._sample = sample
        self._holes(sample, self._numbers)

    def _fill(self) -> None:
        """Holes in place of what could not be found, where the wish does not name numbers."""
        missing = self._wish.total - len({task.id for task in self._tasks})
        kinds = self._numbers.keys() & {*_CUT}
        if self._sample is not None and missing > 0 and kinds and not self._wish.numbers:
            self._holes(self._sample, plan(missing, kinds))

    def _holes(self, sample: Sample, numbers: Mapping[Kind, int]) -> None:
        for kind in _CUT:
            found = [
                Candidate(source, kind, hole.start, hole.end, hole.name)
                for source in self._sources
                for hole in source.cut.holes
                if hole.kind is kind
            ]
            chosen = sample.choose(found, numbers.get(kind, 0))
            self._tasks += [each.source.task(kind, each.start, each.end) for each in chosen]

    def _chat(self, sample: Sample, functions: Sequence[tuple[Candidate, Function]]) -> None:
        named = [replace(each, kind=Kind.EXPLAIN) for each, _ in functions if each.name]
        for each in sample.choose(named, self._numbers.get(Kind.EXPLAIN, 0)):
            self._tasks.append(chat_tasks.explain(each))
        near = {
            each.order: self._tests.of(each.source.path, function)
            for each, function in self._judgeable(functions)
            if _is_python(each)
        }
        # Beside tests that are there it is known how the module is imported.
        if any(near.values()):
            near = {order: tests for order, tests in near.items() if tests}
        found = [replace(each, kind=Kind.WRITE_TEST) for each, _ in functions if each.order in near]
        for each in sample.choose(found, self._numbers.get(Kind.WRITE_TEST, 0)):
            self._tasks.append(chat_tasks.write_test(each, near[each.order]))

    def _judgeable(
        self, functions: Sequence[tuple[Candidate, Function]]
    ) -> list[tuple[Candidate, Function]]:
        """Functions that tests may call, and that are none themselves."""
        return [
            (each, function)
            for each, function in functions
            if each.name and not function.inner and not eligible.is_test(each.source.path)
        ]

    # -- by running tests --------------------------------------------------------------------

    async def _judged(
        self, judge: Judge, sample: Sample, functions: Sequence[tuple[Candidate, Function]]
    ) -> None:
        known: dict[tuple[str, int, int], tuple[Function, TestRun]] = {}
        for each, function in self._judgeable(functions):
            if run := self._run_for(each, function):
                known[each.order] = (function, run)
        found = [each for each, _ in functions if each.order in known]

        async def write(each: Candidate) -> Task | None:
            return await tested(each, known[each.order][1], judge)

        async def mend(each: Candidate) -> Task | None:
            function, run = known[each.order]
            start = each.source.function_start(function)
            return await chat_tasks.fix(each, start, run, judge, self._wish.seed)

        for kind, make in ((Kind.TESTED, write), (Kind.FIX, mend)):
            wanted = self._numbers.get(kind, 0)
            ordered = sample.by_age(replace(each, kind=kind) for each in found)
            free = [each for each in ordered if sample.is_free(each)]
            made = await judge.first(
                free,
                wanted,
                make,
                tries=_TRIES * wanted,
                progress=lambda done, whole: self._gathering.progress("running tests", done, whole),
            )
            self._tasks += [task for each, task in made if sample.take(each)]

    def _run_for(self, each: Candidate, function: Function) -> TestRun | None:
        """The tests that may judge a function; None: there are none."""
        if self._wish.test_command:
            run = TestRun(self._wish.test_command)
        elif not _is_python(each):
            return None
        else:
            files = self._tests.of(each.source.path, function)
            if not files:
                return None
            run = pytest_run(files)
        return replace(run, seconds=self._wish.test_seconds)


def _is_python(each: Candidate) -> bool:
    return each.source.language == "python"
