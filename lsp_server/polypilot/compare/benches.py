"""Where tests run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.compare.tested import Outcome, Runs
    from polypilot.compare.values import TestRun


@dataclass(frozen=True, slots=True)
class LocalBench:
    """This machine, one run for each of its cores.

    Without ``tests`` none is run: no task is made that needs one, and none is judged so.
    """

    repository: Path = Path()
    """Top folder of the user's repository: what its environment is installed for."""
    tests: bool = True

    @property
    def run(self) -> Runs | None:
        """Runs tests in a sandbox; None: none are to be run."""
        return self._run if self.tests else None

    @property
    def at_once(self) -> int:
        """How many runs there may be at a time."""
        return max(1, os.cpu_count() or 1)

    async def _run(self, run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Outcome:
        from polypilot.compare import sandbox  # noqa: PLC0415 - those who run none don't pay for it

        return await sandbox.run(run, tree, overlay=overlay, repository=self.repository)
