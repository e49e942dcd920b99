"""How good an answer is: beside what stood there, as a file, and by tests.

An answer that failed (no key, a limit, a timeout) has no marks but that nothing was shown: how
often that happens is told elsewhere. One that is empty without an error has been wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from polypilot.compare import answers
from polypilot.compare.likeness import is_exact, kept, similarity
from polypilot.compare.mutants import mutants
from polypilot.compare.parsing import parses, still_parses
from polypilot.compare.values import Kind, Marks
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from polypilot.compare.values import Reply, Task, TestRun

MUTANTS = 5
"""Faults that a written test should notice."""
_LONGEST = 4_000
"""Code points of a message that are compared."""
_LIMIT = 60.0
_PATHS = re.compile(r"(?m)^\+\+\+ b/(?P<path>[^\t\n]+)")


class Verdict(Protocol):
    """How a run ended (:class:`polypilot.compare.sandbox.Outcome`)."""

    @property
    def passed(self) -> bool | None:
        """None: there is no verdict."""
        ...

    @property
    def note(self) -> str:
        """Why it did not pass."""
        ...


class Runs(Protocol):
    """Runs a test on the task's tree, with texts (path: text) written over a copy of it."""

    def __call__(self, run: TestRun, /, *, overlay: Mapping[str, str]) -> Awaitable[Verdict]:
        """See the class."""
        ...


async def mark(task: Task, reply: Reply, runs: Runs) -> Marks:
    """Judge one reply.

    By tests are judged: completions of TESTED, HUMANEVAL and INFILL (the file with the answer in
    it), FIX (with the function of the answer's first block that defines it), and WRITE_TEST: the
    answer's test has ``passed`` if it passes on the real code and fails for at least one of up
    to five seeded faults; ``similar`` is the share of the faults that it notices.

    EXPLAIN and COMMIT have no verdict, since no rule of ours could give one: a message's likeness
    to the real one is in ``similar``, and ``note`` counts which names are in the answer (the
    function; the changed files).

    Raises:
        what ``runs`` raises.
    """
    marks = Marks(task.id, reply.target, shown=bool(reply.text.strip()) and not reply.error)
    if reply.error:
        return replace(marks, note=f"no answer: {reply.error}")
    match task.kind:
        case Kind.EXPLAIN:
            return _explained(task, reply, marks)
        case Kind.COMMIT:
            return await run_blocking(_told, task, reply, marks, timeout=_LIMIT)
        case Kind.WRITE_TEST:
            return await _test_written(task, reply, marks, runs)
        case Kind.FIX:
            return await _fixed(task, reply, marks, runs)
        case _:
            return await _completed(task, reply.text, marks, runs)


# --- completions, and functions that were mended


async def _completed(task: Task, text: str, marks: Marks, runs: Runs) -> Marks:
    if not marks.shown:
        judged = False if task.tests else None
        return replace(marks, exact=False, similar=0.0, kept=0, wrong=0, passed=judged)
    marks = await run_blocking(_compared, task, text, marks, timeout=_LIMIT)
    if task.tests is None:
        return marks
    file = task.prefix + text + task.suffix
    verdict = await runs(task.tests, overlay={task.path: file})
    return replace(marks, passed=verdict.passed, note=verdict.note)


def _compared(task: Task, text: str, marks: Marks) -> Marks:
    right = kept(text.rstrip(), task.truth)
    before = task.prefix + task.truth + task.suffix
    return replace(
        marks,
        exact=is_exact(text, task.truth),
        similar=similarity(text.strip(), task.truth.strip()),
        kept=right,
        wrong=len(text.rstrip()) - right,
        parses=still_parses(before, task.prefix + text + task.suffix, task.language),
    )


async def _fixed(task: Task, reply: Reply, marks: Marks, runs: Runs) -> Marks:
    code = answers.mended(reply.text, task.truth, task.language) if marks.shown else None
    if code is None:
        return replace(
            marks, exact=False, similar=0.0, passed=False, note="no code block has the function"
        )
    found = await _completed(task, code, marks, runs)
    return replace(found, kept=None, wrong=None)  # an answer is not typed over


# --- tests that were written


async def _test_written(task: Task, reply: Reply, marks: Marks, runs: Runs) -> Marks:
    code = answers.test_file(reply.text) if marks.shown else None
    if code is None or task.tests is None:
        return replace(marks, similar=0.0, passed=False, note="no code block with a test")
    place = task.tests.command[-1]
    marks = replace(marks, parses=await run_blocking(parses, code, "python", timeout=_LIMIT))
    verdict = await runs(task.tests, overlay={place: code})
    if not verdict.passed:
        none = None if verdict.passed is None else 0.0
        return replace(marks, similar=none, passed=verdict.passed, note=verdict.note)
    return await _noticed(task, task.tests, {place: code}, marks, runs)


async def _noticed(
    task: Task, run: TestRun, test: Mapping[str, str], marks: Marks, runs: Runs
) -> Marks:
    """How many faults the test notices, which passes on the real code."""
    start, source = _function(task)
    seed = int.from_bytes(task.id.encode()[-8:])
    faults = await run_blocking(mutants, source, seed, MUTANTS, timeout=_LIMIT)
    noticed, judged = 0, 0
    for fault in faults:
        text = task.prefix[:start] + fault + task.suffix
        verdict = await runs(run, overlay={**test, task.path: text})
        judged += verdict.passed is not None
        noticed += verdict.passed is False
    if not judged:
        return replace(marks, note="it passes; no fault to notice could be put in")
    note = f"it notices {noticed} of {judged} faults"
    return replace(marks, similar=noticed / judged, passed=noticed > 0, note=note)


def _function(task: Task) -> tuple[int, str]:
    """Where in the prefix the function begins that the truth ends, and its text.

    A task's truth may be the whole function or its body below the head.
    """
    if answers.function_name(task.truth.lstrip().split("\n", 1)[0]):
        return len(task.prefix), task.prefix[len(task.prefix) :] + task.truth
    heads = list(re.finditer(r"(?m)^[ \t]*(?:async[ \t]+)?def[ \t]", task.prefix))
    start = heads[-1].start() if heads else len(task.prefix)
    return start, task.prefix[start:] + task.truth


# --- words


def _explained(task: Task, reply: Reply, marks: Marks) -> Marks:
    name = answers.function_name(task.prefix[_function(task)[0] :] + task.truth)
    if not name or not marks.shown:
        return marks
    told = re.search(rf"\b{re.escape(name)}\b", reply.text) is not None
    return replace(marks, note=f"{'names' if told else 'does not name'} the function")


def _told(task: Task, reply: Reply, marks: Marks) -> Marks:
    if not marks.shown:
        return replace(marks, exact=False, similar=0.0)
    ours, theirs = answers.message(reply.text)[:_LONGEST], task.truth.strip()[:_LONGEST]
    changes = "\n".join(text for _, text in task.attached)
    paths = sorted({match["path"].strip() for match in _PATHS.finditer(changes)})
    named = sum(PurePosixPath(path).stem in ours for path in paths)
    note = f"names {named} of {len(paths)} changed files" if paths else ""
    return replace(marks, exact=ours == theirs, similar=similarity(ours, theirs), note=note)
