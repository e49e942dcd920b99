"""Features for the protocol's tests: each misbehaves, or watches, in one way."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from polypilot.errors import UserError
from polypilot.lsp import chat_methods, chat_names, methods
from polypilot.lsp.faults import Code, ReplyError
from polypilot.lsp.sync import position_of
from polypilot.tasks import Tasks, run_blocking
from polypilot_providers.errors import AuthError

if TYPE_CHECKING:
    from polypilot.lsp.server import PolypilotServer, Start

CANARY = "canary-7f3a-in-an-exception"


class FakeBackend:
    """A backend that may be slow to be made and slow to go."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.closed = False

    @classmethod
    async def make(cls, start: Start) -> FakeBackend:
        return cls(start)

    async def aclose(self) -> None:
        self.closed = True
        await asyncio.sleep(float(os.environ.get("TEST_BACKEND_CLOSE", "0")))


Server = "PolypilotServer[FakeBackend]"


def _value(params: Any, name: str, default: Any = None) -> Any:
    return params.get(name, default) if isinstance(params, dict) else default  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - a client's JSON


def register_simple(server: PolypilotServer[FakeBackend]) -> None:
    """Echo, waiting, blocking, stubborn and big answers."""

    @server.feature("test/echo")
    async def echo(params: Any) -> Any:
        return params

    @server.feature("test/slow")
    async def slow(params: Any) -> str:
        await asyncio.sleep(_value(params, "seconds", 30))
        return "done"

    @server.feature("test/blocking")
    async def blocking(params: Any) -> str:
        release = threading.Event()
        await run_blocking(release.wait, _value(params, "seconds", 30), timeout=60)
        return "done"

    @server.feature("test/executor")
    async def executor(params: Any) -> None:
        """A thread of a pool, which the interpreter would join at its end."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, time.sleep, _value(params, "seconds", 30))

    @server.feature("test/stubborn")
    async def stubborn(params: Any) -> str:
        end = time.monotonic() + _value(params, "seconds", 5)
        while time.monotonic() < end:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)
        return "never mind"

    @server.feature("test/partial", cancel_grace=1.0)
    async def partial(_params: Any) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.08)  # closing a socket, say
        return "stopped"

    @server.feature("test/big")
    async def big(params: Any) -> str:
        return "x" * _value(params, "bytes", 20_000_000)

    @server.feature("test/unsendable")
    async def unsendable(params: Any) -> Any:
        return {"nan": float("nan"), "object": object(), "key": {(1,): 2}}[_value(params, "what")]

    @server.feature("test/nothing")
    async def nothing(_params: Any) -> None:
        return None


def register_faults(server: PolypilotServer[FakeBackend]) -> None:
    """Handlers that fail, in every way known."""

    def recurse() -> None:
        recurse()

    def fail(what: str) -> None:
        match what:
            case "recursion":
                recurse()
            case "user":
                raise UserError("the file is odd", code="excluded", cure="use another")
            case "provider":
                raise AuthError("the key was refused", cure="set another key")
            case "reply":
                raise ReplyError(Code.CONTENT_MODIFIED, "content modified")
            case "group":
                raise BaseExceptionGroup("g", [ValueError(CANARY), SystemExit(3)])
            case _:
                kinds: dict[str, type[BaseException]] = {
                    "exception": ValueError,
                    "exit": SystemExit,
                    "interrupt": KeyboardInterrupt,
                    "memory": MemoryError,
                    "generator": GeneratorExit,
                    "stop": StopAsyncIteration,
                    "cancelled": asyncio.CancelledError,
                }
                raise kinds[what](CANARY)

    @server.feature("test/raise")
    async def raise_(params: Any) -> None:
        fail(_value(params, "what"))

    @server.feature("test/raiseLater")
    async def raise_later(params: Any) -> None:
        await asyncio.sleep(0)
        fail(_value(params, "what"))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(params: types.DidChangeConfigurationParams) -> None:
        fail(_value(params.settings, "what"))

    @server.command("test.raise")
    async def command_raise(what: str) -> None:
        fail(what)

    @server.command("test.slow")
    async def command_slow() -> None:
        await asyncio.sleep(30)

    @server.command("test.add")
    async def command_add(a: int, b: int) -> int:
        return a + b

    @server.feature("test/noise")
    async def noise(_params: Any) -> str:
        print("a stray print")  # noqa: T201 -- this is what must not reach the client
        os.write(1, b"a stray write\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"a stray puts")
        libc.fflush(None)
        sys.__stdout__.write("another\n") if sys.__stdout__ else None
        warnings.warn("a stray warning", stacklevel=1)
        child = await asyncio.create_subprocess_exec("echo", "a stray child")
        await child.wait()
        return "quiet"


def register_documents(server: PolypilotServer[FakeBackend]) -> None:
    """What the server knows of documents, folders and its own queues."""

    @server.feature("test/document")
    async def document(params: Any) -> Any:
        found = server.documents.get(_value(params, "uri"))
        if found is None:
            return None
        text = found.text if found.length < 100_000 else ""
        return {
            "text": text,
            "length": found.length,
            "version": found.version,
            "inSync": server.documents.current(found.uri) is not None,
            "languageId": found.language_id,
            "notebook": found.notebook,
        }

    @server.feature("test/stats")
    async def stats(_params: Any) -> Any:
        sink: Any = server.protocol.sink
        return {
            "mostInFlight": server.protocol.calls.most,
            "inFlight": len(server.protocol.calls),
            "mostQueued": getattr(sink, "most_queued", 0),
            "folders": server.folders,
            "threads": threading.active_count(),
        }

    @server.feature("test/start")
    async def start(_params: Any) -> Any:
        backend = await server.backend()
        return {
            "options": dict(backend.start.options),
            "client": backend.start.client_name,
            "encoding": server.documents.encoding,
        }

    @server.feature("test/ask")
    async def ask(_params: Any) -> Any:
        items = [types.ConfigurationItem(section="polypilot")]
        return await server.workspace_configuration_async(types.ConfigurationParams(items))

    @server.feature("test/stream")
    async def stream(params: Any) -> int:
        sent = 0
        for number in range(_value(params, "count", 10)):
            await server.drained()
            await asyncio.sleep(0)
            text = chat_methods.TextDelta("x" * _value(params, "size", 10) + str(number))
            server.progress(types.ProgressParams("token", text))
            sent += 1
        return sent

    @server.feature(chat_names.SEND)
    async def chat(params: chat_methods.ChatSendParams) -> chat_methods.ChatSendResult:
        usage = chat_methods.Usage(input_tokens=len(params.text))
        model = ",".join(item.kind for item in params.context)
        return chat_methods.ChatSendResult("s1", "m1", "end", "fake", model, usage=usage)

    @server.feature(methods.SELECT)
    async def select(params: methods.SelectParams) -> methods.SelectResult:
        return methods.SelectResult(params.provider, params.model or "", params.for_, "config.toml")


def register_completion(server: PolypilotServer[FakeBackend]) -> None:
    """Inline completion as an engine would do it: the newest request of a document wins."""
    tasks = Tasks()
    seconds = float(os.environ.get("TEST_WORK", "0.05"))

    async def work(seconds: float, text: str) -> str:
        await asyncio.sleep(seconds)
        return text

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def complete(params: types.InlineCompletionParams) -> types.InlineCompletionList | None:
        uri = params.text_document.uri
        snapshot = server.documents.snapshot(uri, position_of(params.position), 100, 100)
        if snapshot is None:
            return None
        task = tasks.latest(uri, work(seconds, snapshot.line_prefix), name="complete")
        try:
            text = await task
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if me is not None and me.cancelling():
                task.cancel()
                raise
            return None  # a newer request took this one's place
        at = types.Range(params.position, params.position)
        return types.InlineCompletionList([types.InlineCompletionItem(text, range=at)])


FEATURES = (register_simple, register_faults, register_documents, register_completion)
