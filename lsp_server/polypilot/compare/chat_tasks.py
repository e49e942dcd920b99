"""Tasks for a conversation: explain, mend, test, and say what a commit does."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from polypilot.compare.eligible import language
from polypilot.compare.mutating import broken
from polypilot.compare.sources import ATTACHED, identity
from polypilot.compare.test_files import pytest_run
from polypilot.compare.values import Kind, Task

if TYPE_CHECKING:
    from polypilot.compare.repository_parts import Commit
    from polypilot.compare.sampling import Candidate
    from polypilot.compare.tested import Judge
    from polypilot.compare.values import TestRun
    from polypilot.workspace.git_diff import GitDiff

DIFF = 20_000
"""Bytes of the longest diff that a message is asked for."""
_FILES = 20
_SHORTEST = 12
_LONGEST = 4_000
_MUTANTS = 4
"""Ways to break a function that are tried."""
_TRAILER = re.compile(
    r"(?im)^(?:signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|change-id|cc|link"
    r"|reported-by|cherry picked from commit|\(cherry picked)\b.*$"
)
_EMPTY = re.compile(
    r"(?i)(?:revert\b|merge\b|fixup!|squash!|amend!|wip\b|bump\b|release\b|version\b|v?\d+\.\d+"
    r"|chore\(deps|update dependency|initial commit|\.$)"
)
_MACHINE = re.compile(r"(?i)\[bot\]|dependabot|renovate|github-actions")
TEST_NAME = "test_polypilot_compare.py"
"""The file that a written test is put into, in the folder of the tests that are there."""


def explain(candidate: Candidate) -> Task:
    """What does a function do?"""
    source = candidate.source
    attached = (source.path, source.excerpt(candidate.start, candidate.end))
    return source.task(
        Kind.EXPLAIN,
        candidate.start,
        candidate.end,
        question=f"Explain what the function `{candidate.name}` in {source.path} does, and what "
        "its callers must know: arguments, result, errors, side effects.",
        attached=(attached,),
    )


def write_test(candidate: Candidate, tests: tuple[str, ...]) -> Task:
    """A test for a function.

    The one who judges writes the answer to the last file of the run's command, and runs it on the
    function as it is and broken (:func:`polypilot.compare.mutants.mutants`).
    """
    source = candidate.source
    folder = PurePosixPath(tests[0]).parent if tests else PurePosixPath()
    place = str(folder / TEST_NAME)
    return source.task(
        Kind.WRITE_TEST,
        candidate.start,
        candidate.end,
        question=f"Write pytest tests for the function `{candidate.name}` in {source.path}. Answer "
        f"with the whole new file {place} in one code block, imports included; use no network and "
        "no package besides pytest and those that the file imports.",
        attached=((source.path, source.excerpt(candidate.start, candidate.end)),),
        tests=pytest_run((place,)),
    )


async def fix(
    candidate: Candidate, start: int, run: TestRun, judge: Judge, seed: str
) -> Task | None:
    """A function that was broken so that the tests fail; None if they don't notice.

    Args:
        candidate: the function's body.
        start: where the function begins, its head included: that is what is to be answered.
        run: tests that pass on the function as it is.
        judge: runs them.
        seed: decides how it is broken.
    """
    source = candidate.source
    ways = broken(source.text, candidate.start, candidate.end, source.language, seed)
    sound = await judge.sound(run) if ways else None
    if sound is None:
        return None
    for each in ways[:_MUTANTS]:
        if await judge.passes(sound, {source.path: each.text}) is False:
            return _fix(candidate, start, sound, each.text)
    return None


def _fix(candidate: Candidate, start: int, run: TestRun, text: str) -> Task:
    source = candidate.source
    task = source.task(Kind.FIX, start, candidate.end, tests=run, salt=text)
    end = len(text) - len(task.suffix)
    shown = text if len(text) <= ATTACHED else text[start:end]
    names = [word for word in run.command if "/" in word or word.endswith(".py")]
    where = f" ({', '.join(names)})" if names else ""
    question = (
        f"The tests{where} fail since the function `{candidate.name}` in {source.path} has "
        "a fault. Find and mend it. Answer with the whole function, from its first line on and as "
        "it is indented in the file, in one code block; change nothing else."
    )
    return replace(task, question=question, attached=((source.path, shown),))


@dataclass(frozen=True, slots=True)
class Message:
    """A commit that a message may be asked for."""

    commit: Commit
    text: str
    """The message, without trailers."""


def message(commit: Commit) -> Message | None:
    """The commit, if a person has said what it does."""
    text = _TRAILER.sub("", commit.message).strip()
    made = _MACHINE.search(commit.author) or _EMPTY.match(text)
    words = len(text.split())
    if made or not _SHORTEST <= len(text) <= _LONGEST or words < 3:  # noqa: PLR2004 - "fix a bug"
        return None
    return Message(commit, text)


def commit_task(found: Message, change: GitDiff) -> Task | None:
    """A message for a commit's diff; None if that is empty, too big or not of text."""
    files = change.files
    if change.truncated or not 1 <= len(files) <= _FILES or any(each.binary for each in files):
        return None
    languages = Counter(language(each.path) for each in files)
    return Task(
        id=identity(Kind.COMMIT, found.commit.name),
        kind=Kind.COMMIT,
        language=max(sorted(languages), key=lambda name: languages[name]),
        path="",
        group=found.commit.name,
        truth=found.text,
        question="Write the commit message for the attached diff: a subject line, and if needed "
        "a body that says why. Answer with the message alone.",
        attached=(("changes.diff", change.text),),
        changed=found.commit.when,
    )
