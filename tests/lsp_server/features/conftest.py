"""The whole server in this process, with every feature, an editor's end of it, and a supplier."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from polypilot import paths
from polypilot.lsp.connection import Connection
from polypilot.lsp.features import FEATURES
from polypilot.lsp.features.session import make_backend
from polypilot.lsp.server import PolypilotServer
from polypilot_providers.testing import ScriptedServer, Stall, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot_providers.testing import Step

Message = dict[str, Any]
PATIENCE = 30.0
"""Seconds after which a wait has failed; no test's subject."""


def _events(*events: Message) -> list[Step]:
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return stream(*lines, b"data: [DONE]\n\n")


class Editor:
    """An editor. It answers what the server asks from ``answers``, by method."""

    def __init__(self, home: Path) -> None:
        self.workspace = home / "work"
        self.workspace.mkdir()
        self.received: list[Message] = []
        self.answers: dict[str, Message] = {}
        """Members of the response; without one, the request stays open."""
        self.congested = False
        self._heard = asyncio.Event()
        self._ids = itertools.count(1)
        self.server: PolypilotServer[Backend] = PolypilotServer(make_backend, lambda _: None)
        # Three members of a sink are all that is used.
        self.server.protocol.sink = self  # pyright: ignore[reportAttributeAccessIssue] - the test's own sink
        for register in FEATURES:
            register(self.server)
        self._connection = Connection(self.server, lambda _: None)

    # -- the wire ------------------------------------------------------------------------

    def put(self, data: bytes) -> None:
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        self.received.append(message)
        self._heard.set()
        answer = self.answers.get(message.get("method", "")) if "id" in message else None
        if answer is not None:
            self._send({"id": message["id"], **answer})

    async def drained(self) -> None:
        self.congested = False

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._connection.feed(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    # -- what an editor does -------------------------------------------------------------

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any = None) -> int:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        return number

    async def until(self, ready: Callable[[Message], bool], after: int = 0) -> Message:
        """The first message of this kind, or the one after so many."""
        async with asyncio.timeout(PATIENCE):
            while len(found := [each for each in self.received if ready(each)]) <= after:
                self._heard.clear()
                await self._heard.wait()
        return found[after]

    async def reply(self, number: int) -> Message:
        return await self.until(lambda each: each.get("id") == number and "method" not in each)

    async def asked(self, method: str, after: int = 0) -> Any:
        """The params of the first request or notification of this method, or of a later one."""
        return (await self.until(lambda each: each.get("method") == method, after))["params"]

    async def said(self, text: str) -> None:
        """Returns when this piece of an answer has arrived."""

        def arrived(message: Message) -> bool:
            progress = message.get("method") == "$/progress"
            return progress and message["params"]["value"].get("text") == text

        await self.until(arrived)

    def all(self, method: str) -> list[Any]:
        return [each["params"] for each in self.received if each.get("method") == method]

    async def result(self, method: str, params: Any = None) -> Any:
        answer = await self.reply(self.ask(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, params: Any = None) -> Any:
        return (await self.reply(self.ask(method, params)))["error"]

    async def start(self, options: Message | None = None, **capabilities: Any) -> Message:
        """Shakes hands, and waits until the server says that it is ready."""
        folder = {"uri": self.workspace.as_uri(), "name": "work"}
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": capabilities,
            "workspaceFolders": [folder],
            "initializationOptions": {"polypilot": options or {}},
        }
        result = await self.result("initialize", params)
        self.notify("initialized", {})
        await self.until(
            lambda each: (
                each.get("method") == "polypilot/status" and each["params"]["state"] != "starting"
            )
        )
        return result

    def open(self, name: str, text: str) -> str:
        path = self.workspace / name
        path.write_text(text, "utf-8")
        uri = path.as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    async def complete(
        self, uri: str, line: int, character: int, kind: int = 1, **context: Any
    ) -> Any:
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": kind, **context},
        }
        return await self.result("textDocument/inlineCompletion", params)

    async def aclose(self) -> None:
        await self.server.protocol.finish(1)
        await self.server.aclose(5)


@pytest.fixture
def settings() -> Callable[[str], None]:
    """Makes the server at an address the provider for everything."""

    def write(url: str, more: str = "") -> None:
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        jobs = "".join(
            f'[{job}]\nprovider = "team"\nmodel = "coder"\n' for job in ("completion", "chat")
        )
        row = (
            f'[providers.team]\nwire = "openai-chat"\ncompletion = "openai-completions"\n'
            f'base_url = "{url}/v1"\nauth = "none"\n'
        )
        jobs = jobs.replace("[completion]\n", '[completion]\nprefetch = "off"\n')
        file.write_text(jobs + row + more, "utf-8")

    return write


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncGenerator[Editor]:
    """An editor that has not said a word yet."""
    made = Editor(tmp_path)
    yield made
    await made.aclose()


def _completion(text: str) -> list[Step]:
    start = {"id": "c", "choices": [{"index": 0, "text": text}]}
    end = {"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return _events(start, end)


@pytest.fixture
async def completing() -> AsyncGenerator[ScriptedServer]:
    """A supplier that completes with ``return a + b``."""
    async with ScriptedServer(_completion("return a + b")) as server:
        yield server


@pytest.fixture
async def supplier() -> AsyncGenerator[Callable[[str], Awaitable[ScriptedServer]]]:
    """Makes suppliers that complete with a text."""
    async with AsyncExitStack() as running:

        async def make(text: str) -> ScriptedServer:
            return await running.enter_async_context(ScriptedServer(_completion(text)))

        yield make


@pytest.fixture
async def talking() -> AsyncGenerator[ScriptedServer]:
    """A supplier that says ``Hello``."""
    text = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}
    end: Message = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    async with ScriptedServer(_events(text, end)) as server:
        yield server


@pytest.fixture
async def hanging() -> AsyncGenerator[ScriptedServer]:
    """A supplier that says ``Hello`` and then nothing more."""
    text = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}
    script = stream(f"data: {json.dumps(text)}\n\n".encode(), Stall())
    async with ScriptedServer(script) as server:
        yield server


@pytest.fixture
async def listing() -> AsyncGenerator[ScriptedServer]:
    """A supplier that lists one model."""
    body = {"object": "list", "data": [{"id": "one", "object": "model"}]}
    async with ScriptedServer(reply(200, json.dumps(body).encode())) as server:
        yield server
