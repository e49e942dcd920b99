"""Clients for the protocol's tests: one in the same process, one over real pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol_features import FEATURES, FakeBackend

from polypilot.lsp.connection import Connection
from polypilot.lsp.server import PolypilotServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SERVER = Path(__file__).with_name("protocol_server.py")
PATIENCE = 15.0
"""Seconds after which a wait has failed; no test's subject."""

Message = dict[str, Any]


def frame(body: bytes | Message | list[Any]) -> bytes:
    """A message with its header."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


def initialize_params(**more: Any) -> Message:
    """The least that ``initialize`` takes."""
    return {"processId": None, "rootUri": None, "capabilities": {}, **more}


class Replies:
    """What a server has sent, by kind."""

    def __init__(self) -> None:
        self.all: list[Message] = []
        self._changed = asyncio.Event()

    def take(self, message: Message) -> None:
        self.all.append(message)
        self._changed.set()

    def to(self, msg_id: int | str | None) -> list[Message]:
        """Every response with this id; None: those that could not be told a request."""
        return [m for m in self.all if "method" not in m and m["id"] == msg_id]

    def notifications(self, method: str) -> list[Message]:
        return [m for m in self.all if m.get("method") == method]

    async def until(self, ready: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Waits until ``ready`` gives something true."""
        async with asyncio.timeout(patience):
            while not (found := ready()):
                self._changed.clear()
                await self._changed.wait()
            return found


class Peer:
    """What both clients can do."""

    def __init__(self) -> None:
        self.replies = Replies()
        self._next = 0

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def send(self, message: Message | list[Any]) -> None:
        self.write(frame(message))

    def notify(self, method: str, params: Any = None) -> None:
        message = {"jsonrpc": "2.0", "method": method}
        self.send(message if params is None else {**message, "params": params})

    def start(
        self, method: str, params: Any = None, *, msg_id: int | str | None = None
    ) -> int | str:
        """Sends a request; returns its id."""
        if msg_id is None:
            self._next += 1
            msg_id = self._next
        message = {"jsonrpc": "2.0", "id": msg_id, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return msg_id

    async def reply(self, msg_id: int | str | None, patience: float = PATIENCE) -> Message:
        """The first response with this id."""
        return (await self.replies.until(lambda: self.replies.to(msg_id), patience))[0]

    async def ask(self, method: str, params: Any = None, patience: float = PATIENCE) -> Message:
        """A request's whole response."""
        return await self.reply(self.start(method, params), patience)

    async def result(self, method: str, params: Any = None) -> Any:
        """A request's result."""
        reply = await self.ask(method, params)
        assert "result" in reply, reply
        return reply["result"]

    async def initialize(self, **more: Any) -> Message:
        result = await self.result("initialize", initialize_params(**more))
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, version: int = 1) -> None:
        item = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: Message) -> None:
        document = {"uri": uri, "version": version}
        params = {"textDocument": document, "contentChanges": list(changes)}
        self.notify("textDocument/didChange", params)

    async def document(self, uri: str) -> Any:
        return await self.result("test/document", {"uri": uri})


class Session(Peer):
    """A server in this process, without pipes."""

    def __init__(
        self, features: Iterable[Callable[[PolypilotServer[FakeBackend]], None]] = FEATURES
    ) -> None:
        super().__init__()
        self.code: int | None = None
        self.broken = ""
        self.ended = asyncio.Event()
        self.congested = False
        self.server = PolypilotServer(FakeBackend.make, self._finish)
        self.server.protocol.sink = self
        for register in features:
            register(self.server)
        self.connection = Connection(self.server, self._broken, stall=0.1)

    def write(self, data: bytes) -> None:
        self.connection.feed(data)

    def put(self, data: bytes) -> None:
        self.replies.take(json.loads(data.partition(b"\r\n\r\n")[2]))

    async def drained(self) -> None:
        return None

    def _finish(self, code: int) -> None:
        self.code = code
        self.ended.set()

    def _broken(self, reason: str) -> None:
        self.broken = reason
        self._finish(1)

    async def quiet(self) -> None:
        """Returns when everything received has been handled and every handler has ended."""
        async with asyncio.timeout(PATIENCE):
            while self.connection.backlog or self.server.protocol.calls.running:  # noqa: ASYNC110 - a bounded wait, with no event to wait on
                await asyncio.sleep(0)  # the loop's own turns are what is waited for
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        await self.server.protocol.finish(0.1)
        await self.server.aclose(1)


class Process(Peer):
    """A server in a process of its own, over pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self.process = process
        self.stray = b""
        self.stderr = b""
        self.reading = asyncio.Event()
        self.reading.set()
        self._tasks = [
            asyncio.ensure_future(self._read()),
            asyncio.ensure_future(self._read_errors()),
        ]

    @classmethod
    async def spawn(
        cls,
        *command: str,
        env: Mapping[str, str] | None = None,
        stdin: int = asyncio.subprocess.PIPE,
    ) -> Process:
        """Starts ``command``, or the test server."""
        process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, str(SERVER))),
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {})},
            limit=2**20,
        )
        return cls(process)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def drain(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.drain()

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close_output(self) -> None:
        """Closes our end of the server's standard output."""
        self._output().close()

    def pause_reading(self) -> None:
        """Leaves the server's output in the pipe."""
        self.reading.clear()
        self._output().pause_reading()

    def resume_reading(self) -> None:
        self._output().resume_reading()
        self.reading.set()

    async def exit_code(self, patience: float = PATIENCE) -> int:
        async with asyncio.timeout(patience):
            code = await self.process.wait()
            await asyncio.gather(*self._tasks)
        return code

    async def ends_within(self, seconds: float) -> tuple[int, float]:
        """Exit code and seconds until it; a timeout error after ``seconds``."""
        began = time.perf_counter()
        async with asyncio.timeout(seconds):
            # Not wait(): that one also waits for our reading the output to its end.
            while (code := self.process.returncode) is None:  # noqa: ASYNC110 - a bounded wait, with no event to wait on
                await asyncio.sleep(0.005)
        return code, time.perf_counter() - began

    async def aclose(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        self._transport().close()  # or the wait would wait for output that is not read
        await self.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _transport(self) -> asyncio.SubprocessTransport:
        # asyncio's Process does not show it, and has no other way to reach its pipes.
        transport: asyncio.SubprocessTransport = getattr(self.process, "_transport")  # noqa: B009 - private in the library, and typed as such
        return transport

    def _output(self) -> asyncio.ReadTransport:
        pipe = self._transport().get_pipe_transport(1)
        assert isinstance(pipe, asyncio.ReadTransport)
        return pipe

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await self.reading.wait()
                header = await stdout.readuntil(b"\r\n\r\n")
                start = header.rfind(b"Content-Length: ")
                self.stray += header[:start]
                length = int(header[start:].split(b"\r\n")[0].split(b":")[1])
                body = await stdout.readexactly(length)
                self.replies.take(json.loads(body))

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(65536):
            self.stderr += data
