"""A file as tasks are made of it: its text, what may be cut out of it, and when it changed."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from polypilot.compare.cutting import cut
from polypilot.compare.cutting_lines import spans
from polypilot.compare.eligible import language
from polypilot.compare.values import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.compare.cutting import Cut
    from polypilot.compare.cutting_functions import Function
    from polypilot.compare.values import Kind, TestRun

ATTACHED = 24_000
"""Characters of a file that are attached to a question, at most."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file. Dates are seconds since the epoch; None where they are not known."""

    path: str
    language: str
    cut: Cut = field(repr=False)
    date: float | None = None
    lines: tuple[float | None, ...] = field(default=(), repr=False)
    """When each line was last changed; empty if only the file's date is known."""
    digest: str = ""
    starts: tuple[int, ...] = field(default=(), repr=False)
    """Where each line begins."""

    @property
    def text(self) -> str:
        """As it is in the commit."""
        return self.cut.text

    def changed(self, start: int, end: int) -> float | None:
        """When the newest of the lines from one position to another was last changed."""
        first, last = (bisect_right(self.starts, at) - 1 for at in (start, max(start, end - 1)))
        times = [when for when in self.lines[first : last + 1] if when is not None]
        return max(times) if times else self.date

    def function_start(self, function: Function) -> int:
        """Where a function begins, decorators included, at the start of its line."""
        return self.starts[function.head]

    def excerpt(self, start: int, end: int) -> str:
        """The text around a range, by whole lines, not longer than what is attached."""
        if len(self.text) <= ATTACHED:
            return self.text
        room = max(0, ATTACHED - (end - start)) // 2
        low = self.starts[bisect_right(self.starts, max(0, start - room)) - 1]
        after = bisect_right(self.starts, min(len(self.text), end + room))
        high = self.starts[after - 1] if after < len(self.starts) else len(self.text)
        return self.text[low : max(high, end)]

    def task(
        self,
        kind: Kind,
        start: int,
        end: int,
        *,
        question: str = "",
        attached: tuple[tuple[str, str], ...] = (),
        tests: TestRun | None = None,
        salt: str = "",
    ) -> Task:
        """A task about a range of the text, with an id that depends on nothing else."""
        return Task(
            id=identity(kind, self.path, self.digest, str(start), str(end), salt),
            kind=kind,
            language=self.language,
            path=self.path,
            group=self.path,
            prefix=self.text[:start],
            truth=self.text[start:end],
            suffix=self.text[end:],
            question=question,
            attached=attached,
            tests=tests,
            changed=self.changed(start, end),
        )


def source_of(
    path: str,
    text: str,
    seed: str,
    *,
    date: float | None = None,
    lines: Sequence[float | None] = (),
) -> Source:
    """A file, cut. ``seed`` decides where its lines are cut."""
    known = language(path)
    return Source(
        path,
        known,
        cut(text, known, PurePosixPath(path).suffix, f"{seed}:{path}"),
        date,
        tuple(lines),
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        tuple(start for start, _ in spans(text)),
    )


def identity(*parts: str) -> str:
    """An id that is the same on every machine."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:20]
