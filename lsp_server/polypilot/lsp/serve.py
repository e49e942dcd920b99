"""`serve`: the language server on standard input and output, from start to exit code.

How it ends (``exit``, end of input, a signal, the editor's death, a client that has gone or
speaks gibberish) makes no difference to what happens then: requests that wait are answered,
running ones are cancelled and answered, the backend is closed, what is queued is written, each
within a share of half a second, after which the process ends whatever still hangs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from polypilot.lsp import collector
from polypilot.lsp.connection import Connection
from polypilot.lsp.server import Backend, PolypilotServer, Start
from polypilot.stdio.process import exit_within, on_signals, tell, watch_process
from polypilot.stdio.reading import start_reading
from polypilot.stdio.running import run
from polypilot.stdio.writing import Outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from polypilot.stdio.process import Wire

log = logging.getLogger(__name__)

B = TypeVar("B", bound=Backend)

HANDLERS_MAY_TAKE = 0.1
BACKEND_MAY_TAKE = 0.12
WRITING_MAY_TAKE = 0.1
LIMIT = 0.4
"""Seconds from the reason to end until the process is ended by force."""

COLLECT_AFTER = 5.0
"""Seconds after which garbage is collected even if no client has said a word."""


def serve(
    make_backend: Callable[[Start], Awaitable[B]],
    features: Iterable[Callable[[PolypilotServer[B]], None]],
    *,
    version: str = "",
) -> int:
    """Serves until the end; returns the exit code. For the main thread of a process of its own.

    The code is 0 if the client said ``shutdown`` first, 1 if not, and 2 if standard input or
    output is closed.
    """
    return run(lambda wire: _Session(wire, make_backend, features, version).run())


class _Session:
    def __init__(
        self,
        wire: Wire,
        make_backend: Callable[[Start], Awaitable[Any]],
        features: Iterable[Callable[[PolypilotServer[Any]], None]],
        version: str,
    ) -> None:
        self._wire = wire
        self._code: int | None = None
        self._server = PolypilotServer(
            make_backend, self._finish, connected=self._connected, version=version
        )
        self._stop_watching: Callable[[], None] = lambda: None
        for register in features:
            register(self._server)

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._loop, self._ended = loop, asyncio.Event()
        outbox = Outbox(self._wire.outgoing, loop, self._client_lost)
        self._server.protocol.sink = outbox
        restore = on_signals(self._signalled, ignorable=("SIGHUP",))
        loop.call_later(COLLECT_AFTER, collector.resume)
        connection = Connection(self._server, self._broken)
        stop_reading = await start_reading(self._wire.incoming, connection)
        await self._ended.wait()
        stop_reading()
        self._stop_watching()
        connection.close()
        await self._server.protocol.finish(HANDLERS_MAY_TAKE)
        await self._server.aclose(BACKEND_MAY_TAKE)
        outbox.close(WRITING_MAY_TAKE)
        restore()
        return self._code or 0

    def _finish(self, code: int) -> None:
        if self._code is None:
            self._code = code
            exit_within(LIMIT, code)
            self._ended.set()

    def _broken(self, reason: str) -> None:
        tell(f"the client's messages can't be read: {reason}")
        self._finish(1)

    def _client_lost(self, reason: str) -> None:
        log.warning("ending: %s", reason)
        self._server.input_ended()

    def _signalled(self, name: str) -> None:
        """Runs between two instructions of whatever the main thread is doing."""
        code = 0 if self._server.protocol.shutting_down else 1
        if self._code is None:
            exit_within(LIMIT, code)
        self._loop.call_soon_threadsafe(self._finish, code)
        log.info("ending: %s", name)

    def _connected(self, pid: int | None) -> None:
        self._loop.call_soon(collector.resume)  # after the answer, which is sent next
        if pid is not None:
            self._watch(pid)

    def _watch(self, pid: int) -> None:
        def gone() -> None:
            log.warning("ending: the client's process has ended")
            self._server.input_ended()

        self._stop_watching = watch_process(pid, gone)
