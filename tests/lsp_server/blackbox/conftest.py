"""The real server as an editor starts it, a raw LSP client, and HTTP servers as suppliers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import home_support
import psutil
import pytest

from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from polypilot_providers.testing import Step

SERVER = (sys.executable, "-P", "-m", "polypilot.cli", "--stdio")
PATIENCE = 60.0

Message = dict[str, Any]


def completion_chunks(*texts: str) -> list[bytes]:
    """The events of a legacy Completions stream, as an OpenAI-compatible server sends them."""
    events = [
        {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": text}]}
        for text in texts
    ]
    end = {"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return [f"data: {json.dumps(each)}\n\n".encode() for each in (*events, end)] + [
        b"data: [DONE]\n\n"
    ]


def chat_chunks(*texts: str) -> list[bytes]:
    """The events of a Chat Completions stream."""
    events: list[Message] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    events.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [f"data: {json.dumps(each)}\n\n".encode() for each in events] + [b"data: [DONE]\n\n"]


def completing(*texts: str) -> list[Step]:
    """A whole completion answer."""
    return stream(*completion_chunks(*texts))


def chatting(*texts: str) -> list[Step]:
    """A whole chat answer."""
    return stream(*chat_chunks(*texts))


class Editor:
    """A client that remembers every byte of either side."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workspace = home / "work"
        self.config = home / "config" / "config.toml"
        for folder in (self.workspace, self.config.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.env = home_support.environment(home)
        self.wire = b""
        """Everything the server wrote to stdout."""
        self.stderr = b""
        self.notifications: list[Message] = []
        self.configuration: object = None
        """What the client answers to ``workspace/configuration``."""
        self.process: asyncio.subprocess.Process | None = None
        self._ids = 0
        self._versions: dict[str, int] = {}
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    # -- set-up --------------------------------------------------------------------------

    def settings(self, text: str) -> None:
        """Write the user's config.toml."""
        self.config.write_text(text, encoding="utf-8")

    def team(self, url: str, more: str = "") -> None:
        """Make the server at ``url`` the provider for everything."""
        self.settings(home_support.team(url) + more)

    def uri(self, name: str) -> str:
        """URI of a file of the workspace."""
        return (self.workspace / name).as_uri()

    async def start(
        self,
        *,
        options: Mapping[str, object] | None = None,
        command: Sequence[str] = SERVER,
        capabilities: Mapping[str, object] | None = None,
    ) -> Message:
        """Start the server and shake hands; the result of ``initialize``."""
        self.process = await asyncio.create_subprocess_exec(
            *command,
            env=self.env,
            cwd=self.workspace,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        loop = asyncio.get_running_loop()
        self._readers = [
            loop.create_task(self._read()),
            loop.create_task(self._read_errors()),
        ]
        folder = {"uri": self.workspace.as_uri(), "name": "work"}
        result = await self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder["uri"],
                "workspaceFolders": [folder],
                "capabilities": capabilities or {"workspace": {"configuration": True}},
                "initializationOptions": dict(options or {}),
            },
        )
        self.notify("initialized", {})
        return result["result"]

    # -- messages ------------------------------------------------------------------------

    def notify(self, method: str, params: object = None) -> None:
        """Send a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: object = None) -> tuple[int, asyncio.Future[Message]]:
        """Send a request; its id and its answer to come."""
        self._ids += 1
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[self._ids] = future
        message: Message = {"jsonrpc": "2.0", "id": self._ids, "method": method}
        if params is not None:
            message["params"] = params
        self._write(message)
        return self._ids, future

    async def ask(self, method: str, params: object = None) -> Message:
        """The answer to a request, error or not."""
        _, future = self.request(method, params)
        async with asyncio.timeout(PATIENCE):
            return await future

    async def result(self, method: str, params: object = None) -> Any:
        """The result of a request that has to succeed."""
        answer = await self.ask(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    async def until(self, ready: Callable[[], Any]) -> Any:
        """Wait until ``ready()`` is true, looking at each message that arrives."""
        async with asyncio.timeout(PATIENCE):
            while not (found := ready()):
                self._news.clear()
                await self._news.wait()
        return found

    def of(self, method: str) -> list[Any]:
        """The params of all notifications of a method so far."""
        return [each["params"] for each in self.notifications if each["method"] == method]

    # -- documents -----------------------------------------------------------------------

    def open(self, name: str, text: str, language: str = "python") -> str:
        """Open a document; its URI."""
        uri = name if ":" in name else self.uri(name)
        self._versions[uri] = 1
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str) -> None:
        """Replace a document's text."""
        self._versions[uri] += 1
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": self._versions[uri]},
                "contentChanges": [{"text": text}],
            },
        )

    def complete(
        self, uri: str, line: int, character: int, kind: int = 1
    ) -> tuple[int, asyncio.Future[Message]]:
        """Ask for completions at a place."""
        return self.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": uri},
                "position": {"line": line, "character": character},
                "context": {"triggerKind": kind},
            },
        )

    async def suggestion(self, uri: str, line: int, character: int, kind: int = 1) -> str | None:
        """The text of the first suggestion, if there is one."""
        _, future = self.complete(uri, line, character, kind)
        async with asyncio.timeout(PATIENCE):
            answer = await future
        assert "error" not in answer, answer
        result: Message = answer["result"] or {"items": []}
        items: list[Message] = result["items"]
        return items[0]["insertText"] if items else None

    async def status(self) -> Message:
        """The server's status."""
        return await self.result("polypilot/status")

    # -- the end -------------------------------------------------------------------------

    async def stop(self) -> int:
        """Shut down in order; the exit code."""
        assert self.process is not None
        await self.ask("shutdown")
        self.notify("exit")
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def kill(self) -> None:
        """End it however it is."""
        if self.process is not None and self.process.returncode is None:
            # A tracer's child goes on without it, and holds the pipes.
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                for child in psutil.Process(self.process.pid).children(recursive=True):
                    child.kill()
                self.process.kill()
            await self.process.wait()
            # To the pipes' end, so that nothing is left open behind the test.
            await asyncio.gather(*self._readers, return_exceptions=True)
            if self.process.stdin is not None:
                self.process.stdin.close()

    # -- inside --------------------------------------------------------------------------

    def _write(self, message: Message) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        assert self.process is not None
        stream = self.process.stdout
        assert stream is not None
        while head := await self._head(stream):
            body = await stream.readexactly(head)
            self.wire += body
            self._take(json.loads(body))
            self._news.set()

    async def _head(self, stream: asyncio.StreamReader) -> int:
        length = 0
        while line := await stream.readline():
            self.wire += line
            if not line.strip():
                return length
            name, _, value = line.partition(b":")
            assert name.lower() == b"content-length", line
            length = int(value)
        return 0

    async def _read_errors(self) -> None:
        assert self.process is not None
        stream = self.process.stderr
        assert stream is not None
        while data := await stream.read(65536):
            self.stderr += data
            self._news.set()

    def _take(self, message: Message) -> None:
        if "method" not in message:
            future = self._pending.pop(message["id"])
            if not future.done():
                future.set_result(message)
        elif "id" in message:
            found: object = None
            if message["method"] == "workspace/configuration":
                found = [self.configuration for _ in message["params"]["items"]]
            self._write({"jsonrpc": "2.0", "id": message["id"], "result": found})
        else:
            self.notifications.append(message)


@pytest.fixture
def completing_script() -> Callable[..., list[Step]]:
    """Makes a completion answer of pieces of text."""
    return completing


@pytest.fixture
def chatting_script() -> Callable[..., list[Step]]:
    """Makes a chat answer of pieces of text."""
    return chatting


@pytest.fixture
def completion_events() -> Callable[..., list[bytes]]:
    """The single events of a completion answer, to put waits between them."""
    return completion_chunks


@pytest.fixture
def chat_events() -> Callable[..., list[bytes]]:
    """The single events of a chat answer."""
    return chat_chunks


@pytest.fixture
async def new_editor(tmp_path: Path) -> AsyncGenerator[Callable[[], Editor]]:
    """Makes editors, each with a home of its own; started servers are ended afterwards."""
    made: list[Editor] = []

    def make() -> Editor:
        made.append(Editor(tmp_path / f"editor{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        await each.kill()


@pytest.fixture
def editor(new_editor: Callable[[], Editor]) -> Editor:
    """One editor, its server not yet started."""
    return new_editor()


@pytest.fixture
async def supplier() -> AsyncGenerator[ScriptedServer]:
    """A supplier that completes with ``return a + b`` until told otherwise."""
    async with ScriptedServer(completing("return a + b")) as server:
        yield server


@pytest.fixture
async def suppliers() -> AsyncGenerator[Callable[..., Awaitable[ScriptedServer]]]:
    """Starts further suppliers with the given scripts."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*scripts: list[Step]) -> ScriptedServer:
            return await stack.enter_async_context(ScriptedServer(*scripts))

        yield start
