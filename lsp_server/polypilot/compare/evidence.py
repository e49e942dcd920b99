"""What shows that tests have run and passed: more than an exit status, which any answer can give.

A Python program is run by a witness (:mod:`polypilot.compare.witness`), which signs with a
number of this run alone, through a pipe that leads out of the copy, which tests have passed. Of
any other command the summary that its runner prints is read. What the untouched tree has shown
(:attr:`polypilot.compare.values.TestRun.expects`), an answer must show as well.

What this does not keep from: an answer is in the same process as its tests, so code made for
the purpose can look for the witness in memory, return objects that are equal to everything, or
(of other commands) print the runner's summary and end the process. It gains a mark by that, and
nothing else: the cage holds all the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Mode = Literal["pytest", "pytest-module", "module", "script", "code"]
PYTHON = "{python}"
MOST = 1000
"""Signs of tests, or of a summary, that are kept for a task."""
EXIT_ALONE = "the test command prints no summary that is known: its exit status alone judges"
_INTERPRETER = re.compile(r"python(?:3(?:\.\d+)?)?")
_PYTEST = frozenset({"pytest", "py.test"})
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SUMMARIES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"\b(\d+) passed\b",  # pytest, jest, vitest, playwright, cargo
        r"^\s*(\d+) passing\b",  # mocha
        r"^Ran (\d+) tests? in ",  # unittest
        r"\bTests run: (\d+), Failures: 0, Errors: 0\b",  # Maven
        r"^OK \((\d+) tests?\b",  # JUnit, PHPUnit
        r"^(\d+) examples?, 0 failures\b",  # RSpec
        r"^(\d+) (?:runs|tests), \d+ assertions, 0 failures, 0 errors\b",  # minitest
        r"^100% tests passed, 0 tests failed out of (\d+)",  # CTest
        r"^\s*Passed: +(\d+)",  # dotnet
        r"^# pass +(\d+)",  # node --test, TAP
        r"^[ℹi] pass (\d+)",  # noqa: RUF001  (node's own sign)
        r"^ok +\t?(\S+)",  # Go's packages, TAP's lines
        r"^\s*--- PASS: (\S+)",  # Go's tests
        r"^test (\S+) \.\.\. ok$",  # cargo
        r"^All (\d+) tests passed",  # Catch2 and others
        r"^\[  PASSED  \] (\d+) tests?\b",  # GoogleTest
    )
)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A command that is run by the witness."""

    mode: Mode
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the witness has signed."""

    code: int
    signs: frozenset[str]


def witnessed(command: Sequence[str]) -> Witnessed | None:
    """How the witness runs a command; None if it is no Python program, or has options of its own.

    Shown are commands that begin with ``{python}``, or with ``pytest``, which becomes the same
    interpreter's.
    """
    program, *rest = command
    if program in _PYTEST:
        return Witnessed("pytest", tuple(command))
    if not rest or (program != PYTHON and not _INTERPRETER.fullmatch(program)):
        return None
    if rest[0] in {"-m", "-c"} and len(rest) > 1:
        pytest = rest[1] in _PYTEST
        mode: Mode = "code" if rest[0] == "-c" else "pytest-module" if pytest else "module"
        return Witnessed(mode, tuple(rest[1:]))
    return None if rest[0].startswith("-") else Witnessed("script", tuple(rest))


def wrapped(command: Sequence[str]) -> list[str]:
    """The command by which the witness runs it; itself, if it can't."""
    how = witnessed(command)
    if how is None:
        return list(command)
    text = Path(__file__).with_name("witness.py").read_text("utf-8")
    program = PYTHON if how.mode == "pytest" else command[0]
    return [program, "-c", text, how.mode, *how.words]


def signed(text: str, nonce: str) -> Proof | None:
    """What was signed with the nonce; all else that came through the pipe is nothing."""
    for line in reversed(text.splitlines()):
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            said = cast("dict[str, Any]", found)
            if said.get("nonce") == nonce:
                return Proof(int(said["code"]), frozenset(map(str, said["signs"])))
    return None


def printed(output: str) -> frozenset[str]:
    """Signs of the summaries that known runners print, with their numbers."""
    plain = _COLOUR.sub("", output).replace("\r\n", "\n")
    return frozenset(
        _sign(f"printed {at}", match[1])
        for at, pattern in enumerate(_SUMMARIES)
        for match in pattern.finditer(plain)
    )


def stable(runs: Sequence[Iterable[str]]) -> tuple[str, ...]:
    """What each of the runs on the untouched tree, one or more, has shown: the rest is chance."""
    first, *others = [frozenset(each) for each in runs]
    both = sorted(first.intersection(*others))
    own = [each for each in both if each[0] not in "tp"]
    return tuple(sorted({*own, *both[:MOST]}))


def missing(
    how: Witnessed | None, proof: Proof | None, shown: frozenset[str], expects: Sequence[str]
) -> str:
    """Why a run with exit status 0 has not passed; empty if it has.

    Args:
        how: of its command.
        proof: what the witness signed.
        shown: all that the run has shown.
        expects: what it must show.
    """
    if how and (proof is None or proof.code != 0):
        return "it ended before its tests did"
    if how and how.mode.startswith("pytest") and not any(each[0] == "t" for each in shown):
        return "no test has passed"
    lacking = len(set(expects) - shown)
    if lacking:
        return f"{lacking} of {len(set(expects))} signs of the untouched code's tests are missing"
    return ""


def _sign(kind: str, name: str) -> str:
    """As the witness makes them."""
    return kind[0] + hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:12]


ENDED = _sign("ended", "")
"""The sign of a program that has come to its last line."""
