"""The process that indexes: ``python -m polypilot.workspace.index.worker``.

It takes orders on its standard input and reports on its standard output. It runs nothing and
sends nothing. It ends when its input ends, that is when the server has ended in any way.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from polypilot.workspace.index import store
from polypilot.workspace.index.builder import Builder
from polypilot.workspace.index.values import Phase
from polypilot.workspace.index.wire import Report, Wish

_SLICE = 0.05
"""Seconds of work between two looks for orders."""
_QUIET = 0.1
"""Seconds between two reports of progress."""
_STEPPED_ASIDE = 19
_PROGRESS = frozenset((Phase.WAITING, Phase.WALKING, Phase.READING))


class Worker:
    """All roots of one server."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._orders: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        self._builders: dict[str, Builder] = {}
        self._due: dict[str, float] = {}
        self._told: dict[str, tuple[str, float]] = {}
        self._swept = False

    def listen(self, lines: BinaryIO) -> None:
        """Takes orders, in a thread of its own, until there are no more."""
        for line in lines:
            self._orders.put(Wish.read(line))
        # The server is gone. Every transaction is whole or not at all, so this loses nothing.
        os._exit(0)

    def run(self) -> None:
        """Works for ever."""
        while True:
            self._take_orders()
            self._work()

    def _take_orders(self) -> None:
        """All that wait; waits for one as long as there is nothing to do."""
        wait = None
        if self._due:
            wait = max(0.0, min(self._due.values()) - time.monotonic())
        with contextlib.suppress(queue.Empty):
            self._obey(self._orders.get(timeout=wait) if wait != 0.0 else self._orders.get_nowait())
            while True:
                self._obey(self._orders.get_nowait())

    def _obey(self, wish: Wish) -> None:
        if not self._swept and wish.file:
            self._swept = True
            store.sweep(Path(wish.file).parent)
        if wish.order == "forget":
            self._forget(wish)
            return
        builder = self._builders.get(wish.root)
        if builder is None:
            builder = self._builders[wish.root] = Builder(wish, self._tell)
        builder.order(wish)
        self._due[wish.root] = 0.0

    def _forget(self, wish: Wish) -> None:
        builder = self._builders.pop(wish.root, None) or Builder(wish, self._tell)
        self._due.pop(wish.root, None)
        report = Report(wish.root, Phase.IDLE, served=wish.serial)
        try:
            builder.forget(delete=wish.delete)
        except (OSError, sqlite3.Error) as error:
            name = type(error).__name__
            report = Report(wish.root, Phase.FAILED, 0, 0, wish.serial, "failed", name)
        self._tell(report)

    def _work(self) -> None:
        """A slice of work for each root that wants to work now."""
        for root, due in tuple(self._due.items()):
            if due > time.monotonic():
                continue
            wait = self._slice(self._builders[root])
            if wait is None:
                del self._due[root]
            else:
                self._due[root] = time.monotonic() + wait if wait else 0.0

    def _slice(self, builder: Builder) -> float | None:
        until = time.monotonic() + _SLICE
        wait: float | None = 0.0
        while wait == 0.0 and time.monotonic() < until:
            wait = builder.step()
        return wait

    def _tell(self, report: Report) -> None:
        """Reports; mere progress not too often."""
        phase, when = self._told.get(report.root, ("", 0.0))
        now = time.monotonic()
        if phase == report.phase and phase in _PROGRESS and now - when < _QUIET:
            return
        self._told[report.root] = (report.phase, now)
        self._out.write(report.line())
        self._out.flush()


def _step_aside() -> None:
    """Whatever else wants to run comes first; and no memory of ours is written to disk."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  (POSIX only)

        with contextlib.suppress(OSError):
            os.nice(_STEPPED_ASIDE)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Works until the standard input ends."""
    _step_aside()
    worker = Worker(sys.stdout.buffer)
    threading.Thread(target=worker.listen, args=(sys.stdin.buffer,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        worker.run()


if __name__ == "__main__":
    main()
