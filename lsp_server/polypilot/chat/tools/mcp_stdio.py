"""A server of the Model Context Protocol as a process: lines over its standard streams.

The official package has such a transport; this one differs in what it survives. Starting a
program and writing to it may hang, so both happen in other threads; a line has a limit, or a
server that never ends one would fill the memory; and what else the server writes is dropped.
The process gets a session of its own and is ended with all that it has started.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage

from polypilot.chat.tools.mcp_process import END_S, Child
from polypilot.tasks import run_blocking, start_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from polypilot.settings.mcp import McpServer
    from polypilot.tasks import Tasks

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one message."""
MOST_UNASKED = 10_000
"""Messages, and lines that are none, between two of ours."""
_WRITE_S = 10.0
_KILL_S = 4 * END_S

Message = SessionMessage | Exception


class Stdio:
    """The transport, as the package's client takes it."""

    def __init__(
        self,
        server: McpServer,
        tasks: Tasks,
        *,
        environ: Mapping[str, str],
        outside: tuple[str, ...],
        start_s: float,
    ) -> None:
        self._server = server
        self._tasks = tasks
        self._environ = environ
        self._outside = outside
        self._start_s = start_s
        self._child = Child()
        self._unasked = 0
        self._in, self._incoming = anyio.create_memory_object_stream[Message](0)
        self._outgoing, self._out = anyio.create_memory_object_stream[SessionMessage](0)
        self._writer: asyncio.Task[None] | None = None
        self.fault = ""
        """Why the connection was ended from this side; empty: it was not."""

    async def __aenter__(
        self,
    ) -> tuple[MemoryObjectReceiveStream[Message], MemoryObjectSendStream[SessionMessage]]:
        try:
            await run_blocking(
                self._child.start,
                self._server,
                self._environ,
                self._outside,
                timeout=self._start_s,
                name="start a server",
            )
        except BaseException:
            start_blocking(self._child.kill)
            for stream in (self._in, self._incoming, self._outgoing, self._out):
                stream.close()
            raise
        loop = asyncio.get_running_loop()
        self._child.reading = True
        threading.Thread(target=self._read, args=(loop,), name="polypilot:mcp", daemon=True).start()
        self._writer = self._tasks.spawn(self._write(), name="mcp: write")
        return self._incoming, self._outgoing

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del kind, error, trace
        killing = start_blocking(self._child.kill)  # at once, whatever becomes of this task
        if self._writer is not None:
            self._writer.cancel()
        for stream in (self._in, self._incoming, self._outgoing, self._out):
            stream.close()
        try:
            await asyncio.wait({killing}, timeout=_KILL_S)
        except asyncio.CancelledError:
            await asyncio.wait({killing}, timeout=_KILL_S)  # no process outlives who asked for it
            raise

    async def _write(self) -> None:
        with contextlib.suppress(OSError, TimeoutError, anyio.ClosedResourceError):
            async for message in self._out:
                self._unasked = 0
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                data = text.encode("utf-8", "replace") + b"\n"
                await run_blocking(self._child.write, data, timeout=_WRITE_S, name="write")
            return
        self.fault = self.fault or "it does not take what is sent to it"
        self._in.close()

    # -- in a thread of its own ------------------------------------------------------------

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        buffer = bytearray()
        while not self.fault and (chunk := self._child.read()):
            searched = len(buffer)
            buffer += chunk
            while (end := buffer.find(b"\n", searched)) >= 0:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                searched = 0
                if not self._take(line, loop):
                    break
            if len(buffer) > LONGEST_LINE:
                self.fault = f"it sent a message of more than {LONGEST_LINE:,} bytes"
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._in.close)
        while self._child.read():  # so that it is not kept from ending by what it still says
            pass
        self._child.over()

    def _take(self, line: bytes, loop: asyncio.AbstractEventLoop) -> bool:
        """Pass on one line, and wait until it is taken; False: nobody wants any more."""
        self._unasked += 1
        if self._unasked > MOST_UNASKED:
            self.fault = "it sends without end"
            return False
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            return True  # what some servers print for people
        coroutine = self._deliver(SessionMessage(message))
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
        except (RuntimeError, asyncio.CancelledError):  # the loop has ended
            coroutine.close()
            return False

    async def _deliver(self, message: SessionMessage) -> bool:
        try:
            await self._in.send(message)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return False
        return True
