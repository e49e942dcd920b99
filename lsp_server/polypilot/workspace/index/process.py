"""The server's end of the process that indexes: started when first needed, ended with us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import subprocess
import threading
from typing import TYPE_CHECKING

from polypilot.children import python, python_environment
from polypilot.workspace.index.wire import Report, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

_MEASURED = frozenset(("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"))
_ENDING_SECONDS = 1.0


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What Python needs to run, and to measure it."""
    return python_environment(environ, _MEASURED)


class Indexer:
    """One process. What it reports arrives in the event loop that made this object."""

    def __init__(
        self, on_report: Callable[[Report], None], on_end: Callable[[Indexer], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_report = on_report
        self._on_end = on_end
        self._orders: queue.SimpleQueue[Wish | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = False
        self._ended = asyncio.Event()
        threading.Thread(target=self._run, name="polypilot:index", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The number of the process, once there is one."""
        return self._process.pid if self._process else None

    def send(self, wish: Wish) -> None:
        """Hands an order over; does not wait."""
        self._orders.put(wish)

    async def aclose(self) -> None:
        """Ends the process, within about a second."""
        self._closing = True
        self._orders.put(None)
        for end in (None, subprocess.Popen[bytes].terminate, subprocess.Popen[bytes].kill):
            if end is not None and self._process is not None:
                end(self._process)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _ENDING_SECONDS / 3)
                return

    # -- in threads ----------------------------------------------------------------------

    def _run(self) -> None:
        """Starts the process and reads its reports until it ends."""
        try:
            with subprocess.Popen(  # noqa: S603  (our interpreter, our module)
                python("-m", "polypilot.workspace.index.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                cwd=os.path.abspath(os.sep),  # noqa: PTH100  (a folder that is nobody's work)
                start_new_session=True,  # Ctrl-C in a terminal is for us to handle
            ) as process:
                self._process = process
                writer = threading.Thread(target=self._write, name="polypilot:orders", daemon=True)
                writer.start()
                self._read(process)
                self._orders.put(None)
        except OSError as error:
            log.warning("the process that indexes could not be started: %s", error.strerror)
        status = self._process.returncode if self._process else None
        if not self._closing:
            log.warning("the process that indexes ended (%r)", status)
        self._in_loop(self._ended.set)
        self._in_loop(self._on_end, self)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        for line in process.stdout:
            self._in_loop(self._on_report, Report.read(line))

    def _write(self) -> None:
        """Orders go through a thread: a process that is busy does not read at once."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError, ValueError), process.stdin as pipe:
            while (wish := self._orders.get()) is not None:
                pipe.write(wish.line())
                pipe.flush()

    def _in_loop(self, call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(call, *arguments)
