"""Where tests run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polypilot.compare.tested import Runs


@dataclass(frozen=True, slots=True)
class LocalBench:
    """This machine, one run for each of its cores.

    Without ``tests`` none is run: no task is made that needs one, and none is judged so.
    """

    tests: bool = True

    @property
    def run(self) -> Runs | None:
        """Runs tests in a sandbox; None: none are to be run."""
        if not self.tests:
            return None
        from polypilot.compare import sandbox  # noqa: PLC0415 - those who run none don't pay for it

        return sandbox.run

    @property
    def at_once(self) -> int:
        """How many runs there may be at a time."""
        return max(1, os.cpu_count() or 1)
