"""What tasks are wished for, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.compare.sampling import NEWER_SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.compare.values import Kind, Task

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What tasks to make. Dates are seconds since the epoch."""

    total: int = 300
    kinds: tuple[Kind, ...] = ()
    """Only these, in their default shares; empty: all that have one."""
    numbers: Mapping[Kind, int] = field(default_factory=dict["Kind", int])
    """Exact numbers, in place of ``total`` and ``kinds``."""
    seed: str = "1"
    revision: str = "HEAD"
    newer_than: float | None = None
    """None: a year before the commit."""
    newer_share: float = NEWER_SHARE
    per_file: int = 0
    """The most completions of a file, and the most chat tasks; 0: six, or what a small
    repository needs."""
    test_command: tuple[str, ...] = ()
    """Program and arguments that run the tests, whatever the language; empty: pytest's files."""
    test_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Collected:
    """The tasks, and what to say about them."""

    tasks: tuple[Task, ...] = field(repr=False)
    commit: str
    """Its hash; empty if the files were taken from the disk."""
    problems: tuple[str, ...] = ()
    """What is less than wished, one line each."""
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    """Why files were left out, and how many."""
    files: int = 0
    """That tasks were looked for in."""
    cutoff: float | None = None
    """What changed later counts as newer."""
    runs: int = 0
    """Of tests, to see which functions they judge."""

    @property
    def mix(self) -> Mapping[Kind, int]:
        """How many tasks of each kind."""
        return Counter(task.kind for task in self.tasks)

    @property
    def newer_share(self) -> float | None:
        """Of the tasks whose date is known, how much is newer than the cut-off date."""
        dates = [task.changed for task in self.tasks if task.changed is not None]
        if self.cutoff is None or not dates:
            return None
        return sum(when > self.cutoff for when in dates) / len(dates)
