"""Which of a repository's tests exercise a function: by what they import and name.

A guess, and meant as one: a task is kept only if the tests show, by being run, that they judge
the function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from polypilot.compare.values import TestRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.compare.cutting_functions import Function

_IMPORT = re.compile(r"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w.]+))")
_WORD = re.compile(r"[^\W\d]\w*")
_TEST_FILE = re.compile(r"(?:test_.*|.*_test)\.py")
FEW = 2
"""Files that are run for a function, at most."""
_EXACT, _NEAR, _NAMED, _OWNED, _CALLED, _SLOW = 4, 2, 3, 2, 2, -4
_WHOLE = frozenset({"e2e", "integration", "functional", "acceptance", "browser", "bench"})
"""Folders of tests that start whole programs: slow, and they tell little of one function."""
_ENOUGH = 5
"""A file that scores less says too little: it only imports the package, say."""


def is_test_file(path: str) -> bool:
    """Whether pytest collects it by its usual names."""
    return _TEST_FILE.fullmatch(PurePosixPath(path).name) is not None


@dataclass(frozen=True, slots=True)
class _TestFile:
    path: str
    modules: frozenset[str]
    words: frozenset[str]


class PythonTests:
    """The test files of a repository.

    Args:
        texts: path and text of each.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._files = [
            _TestFile(path, _modules(text), frozenset(_WORD.findall(text)))
            for path, text in sorted(texts.items())
        ]

    def __bool__(self) -> bool:
        return bool(self._files)

    def of(self, path: str, function: Function) -> tuple[str, ...]:
        """The files that are likeliest to exercise a function of the file ``path``, best first."""
        scored = ((_score(each, path, function), each.path) for each in self._files)
        best = sorted((-score, name) for score, name in scored if score >= _ENOUGH)
        return tuple(name for _, name in best[:FEW])


def pytest_run(files: Iterable[str]) -> TestRun:
    """The run of these files; it stops at the first failure and leaves no cache."""
    # A name that begins with a dash would be an option.
    names = (f"./{name}" if name.startswith("-") else name for name in files)
    return TestRun(("{python}", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *names))


def _modules(text: str) -> frozenset[str]:
    found = (match[1] or match[2] for match in _IMPORT.finditer(text))
    return frozenset(name.strip(".") for name in found)


def _score(file: _TestFile, path: str, function: Function) -> int:
    pure = PurePosixPath(path)
    parts = list(pure.with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    # The same file is imported by a longer or shorter name, as the tests' paths are set up.
    names = {".".join(parts[at:]) for at in range(len(parts))}
    above = {".".join(parts[at:-1]) for at in range(len(parts) - 1)}
    score = 0
    if file.modules & names:
        score += _EXACT
    elif file.modules & above:
        score += _EXACT if parts[-1] in file.words else _NEAR
    if not score:
        return 0
    if _WHOLE & {*PurePosixPath(file.path).parts}:
        score += _SLOW
    if function.name in file.words:
        score += _CALLED
    if function.owner and function.owner in file.words:
        score += _OWNED
    if PurePosixPath(file.path).stem in {f"test_{pure.stem}", f"{pure.stem}_test"}:
        score += _NAMED
    return score
