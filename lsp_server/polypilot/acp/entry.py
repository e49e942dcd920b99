"""The agent as editors start it: on standard input and output, from start to exit code.

However it ends (end of input, a signal, the editor's death, a client that has gone), requests
that wait are answered, running ones stopped, the backend closed and what is queued written,
each within a share of a second; after that the process ends whatever still hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from polypilot import __version__
from polypilot.acp.agent import Agent
from polypilot.logs import install_crash_hooks, install_log_redaction
from polypilot.stdio.process import exit_within, on_signals, watch_process
from polypilot.stdio.reading import start_reading
from polypilot.stdio.running import run as run_on_stdio
from polypilot.stdio.writing import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend
    from polypilot.stdio.process import Wire

log = logging.getLogger(__name__)

PART_S = 0.3
"""Seconds for each part of the end."""
LIMIT_S = 1.5
"""Seconds from the reason to end until the process is ended by force."""
LATER = ("blocks", "options", "proposals", "replay")
"""Modules of ours that need the engines."""


def run() -> int:
    """Serve on standard input and output; the exit code, 0 unless they are closed."""
    install_log_redaction()
    install_crash_hooks()
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    return run_on_stdio(_serve)


async def _serve(wire: Wire) -> int:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def end(reason: str = "") -> None:
        if not ended.is_set():
            if reason:
                log.info("ending: %s", reason)
            exit_within(LIMIT_S, 0)
            ended.set()

    def signalled(name: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end, name)

    outbox = Outbox(wire.outgoing, loop, end)
    on_signals(signalled)
    stop_watching = _watch_parent(lambda: end("the editor's process has ended"))
    agent = Agent(outbox, end, _open, __version__)
    stop_reading = await start_reading(wire.incoming, agent.connection)
    await ended.wait()
    stop_watching()
    stop_reading()
    await agent.finish(PART_S)
    outbox.close(PART_S)
    return 0


def _watch_parent(gone: Callable[[], None]) -> Callable[[], None]:
    """Call ``gone`` when the process that started us has ended. Returns what ends the watch.

    The end of the input says the same, unless another child of the editor's holds its end of
    the pipe. Windows gives an orphan no new parent; there the end of the input has to do.
    """
    parent = os.getppid()
    if sys.platform == "win32" or parent <= 1:
        return lambda: None
    end = watch_process(parent, gone)
    if os.getppid() != parent:  # it has ended between the two
        asyncio.get_running_loop().call_soon(gone)
    return end


def _open() -> Backend:
    """Runs in a thread: the imports take longer than answering ``initialize``."""
    from polypilot.backend import Backend  # noqa: PLC0415 - as above
    from polypilot_prompts.chat import system_prompt  # noqa: PLC0415 - likewise

    for name in LATER:
        importlib.import_module(f"polypilot.acp.{name}")
    system_prompt("")  # reads its template now: the first answer would, in the event loop
    backend = Backend.open()
    logging.getLogger().setLevel(backend.settings.log.level.upper())
    return backend
