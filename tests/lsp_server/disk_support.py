"""A disk that can be made to hang, as a network drive does that is gone."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BOUND = 20
"""Seconds after which a wait has failed; no test's subject."""


class Tap:
    """The machine's disk, of which what is below one folder can be made to hang."""

    def __init__(self) -> None:
        self.hung = ""
        self.flow = threading.Event()
        self.flow.set()
        self.reached = threading.Event()
        """Set when somebody hangs."""
        self.calls = 0
        self.paths: set[str] = set()
        self.threads: set[int] = set()
        self.inside = 0
        """Who hangs now."""
        self.most = 0

    def hang(self, below: Path) -> None:
        self.reached.clear()
        self.flow.clear()
        self.hung = str(below)

    def heal(self) -> None:
        self.hung = ""
        self.flow.set()

    def _pass(self, path: str) -> None:
        self.calls += 1
        self.paths.add(path)
        self.threads.add(threading.get_ident())
        if self.hung and path.startswith(self.hung):
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.reached.set()
            self.flow.wait(BOUND)
            self.inside -= 1

    def stat(self, path: str) -> os.stat_result:
        self._pass(path)
        return os.stat(path)  # noqa: PTH116 - as the real one

    def lstat(self, path: str) -> os.stat_result:
        self._pass(path)
        return os.lstat(path)

    def real(self, path: str) -> str:
        self._pass(path)
        return os.path.realpath(path)
