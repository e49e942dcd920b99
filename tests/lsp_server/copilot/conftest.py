"""The real server as Copilot's clients start it, and a client that is told what to say.

What each client says, in which order, is taken from its source; each test names the client and
its version. Suppliers are HTTP servers on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from polypilot_providers.testing import Step

SERVER = (sys.executable, "-P", "-m", "polypilot.cli")
PATIENCE = 60.0
"""Seconds after which a wait has failed; no test's subject."""

Message = dict[str, Any]


def _events(*values: Message) -> list[Step]:
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in values]
    return stream(*lines, b"data: [DONE]\n\n")


def completing(text: str) -> list[Step]:
    """A completion."""
    start = {"id": "c", "choices": [{"index": 0, "text": text}]}
    end = {"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return _events(start, end)


def chatting(*texts: str) -> list[Step]:
    """A chat's answer."""
    said: list[Message] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    end: Message = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return _events(*said, end)


class Supplier(ScriptedServer):
    """Completes and talks as told; a completion with a temperature is another one each time."""

    def __init__(self) -> None:
        super().__init__()
        self.completion = "return a + b"
        self.others = ["return sum((a, b))", "return b + a"]
        self.answer: list[Step] = chatting("Hel", "lo")
        self.script: list[Step] | None = None
        """For every request for a completion, if it is given."""

    def next_script(self, request: Any) -> list[Step]:
        """See ScriptedServer."""
        self.play(self._script_for(request))
        return super().next_script(request)

    def _script_for(self, request: Any) -> list[Step]:
        if request.path.endswith("/models"):
            return reply(200, {"object": "list", "data": [{"id": "coder"}, {"id": "talker"}]})
        if request.path.endswith("/chat/completions"):
            return self.answer
        if not request.path.endswith("/v1/completions"):  # somebody looks for servers
            return reply(404, {"detail": "Not Found"})
        if self.script is not None:
            return self.script
        if request.json.get("temperature") and self.others:
            return completing(self.others.pop(0))
        return completing(self.completion)

    @property
    def completions(self) -> list[Any]:
        """The requests for a completion."""
        return [each for each in self.requests if each.path.endswith("/v1/completions")]

    @property
    def chats(self) -> list[Any]:
        """The requests for an answer."""
        return [each for each in self.requests if each.path.endswith("/chat/completions")]


class Client:
    """A client's end of the wire. It remembers all that the server says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workspace = home / "work"
        self.config = home / "config" / "config.toml"
        for folder in (self.workspace, self.config.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.env: dict[str, str] = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POLYPILOT_")},
            "HOME": str(home),
            "POLYPILOT_CONFIG_DIR": str(self.config.parent),
            "POLYPILOT_DATA_DIR": str(home / "data"),
            "POLYPILOT_CACHE_DIR": str(home / "cache"),
        }
        self.received: list[Message] = []
        self.answers: dict[str, Callable[[Any], Any]] = {}
        """What the client answers to requests of the server's; to others: no such method."""
        self._process: asyncio.subprocess.Process | None = None
        self._ids = 0
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []
        self.stderr = b""

    # -- before the start ----------------------------------------------------------------

    def team(self, url: str, more: str = "", auth: str = "none") -> None:
        """Make the server at ``url`` the provider for everything."""
        self.config.write_text(
            f"""\
[completion]
provider = "team"
model = "coder"
prefetch = "off"
[chat]
provider = "team"
model = "talker"
[providers.team]
name = "Team"
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "{auth}"
{more}
""",
            "utf-8",
        )

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int | None, str, str]:
        """Run `polypilot` beside the server: status, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *SERVER,
            *arguments,
            env=self.env,
            cwd=self.workspace,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, errors = await process.communicate(stdin.encode())
        return process.returncode, out.decode(), errors.decode()

    @property
    def folder(self) -> dict[str, str]:
        """The workspace folder."""
        return {"uri": self.workspace.as_uri(), "name": "work"}

    # -- the wire ------------------------------------------------------------------------

    async def spawn(self, arguments: Sequence[str] = ("--stdio",)) -> None:
        """Start the server."""
        self._process = await asyncio.create_subprocess_exec(
            *SERVER,
            *arguments,
            env=self.env,
            cwd=self.workspace,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        loop = asyncio.get_running_loop()
        self._readers = [loop.create_task(self._read()), loop.create_task(self._read_errors())]

    async def initialize(
        self, params: Mapping[str, Any], arguments: Sequence[str] = ("--stdio",)
    ) -> Any:
        """Start the server and shake hands; what it says of itself."""
        await self.spawn(arguments)
        found = await self.result("initialize", {"processId": os.getpid(), **params})
        self.notify("initialized", {})
        return found

    def will_answer(self, method: str, result: Any = None) -> None:
        """Answer a request of the server's from now on."""

        def answer(_params: object) -> Any:
            return result

        self.answers[method] = answer

    def notify(self, method: str, params: Any = None) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, method: str, params: Any = None) -> tuple[int, asyncio.Future[Message]]:
        """A request: its id, and its answer to come."""
        self._ids += 1
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[self._ids] = future
        self._write({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        return self._ids, future

    async def ask(self, method: str, params: Any = None) -> Message:
        """The answer to a request, error or not."""
        _, future = self.send(method, params)
        return await self.soon(future)

    async def soon(self, future: asyncio.Future[Message]) -> Message:
        async with asyncio.timeout(PATIENCE):
            return await future

    async def result(self, method: str, params: Any = None) -> Any:
        """The result of a request that has to succeed."""
        answer = await self.ask(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, params: Any = None) -> Any:
        """The error of a request that has to fail."""
        answer = await self.ask(method, params)
        assert "result" not in answer, answer
        return answer["error"]

    def all(self, method: str) -> list[Any]:
        """The params of what the server has sent so far under a method."""
        return [each.get("params") for each in self.received if each.get("method") == method]

    async def until(self, ready: Callable[[], Any]) -> Any:
        """Wait until ``ready()`` is true, looking at each message that arrives."""
        async with asyncio.timeout(PATIENCE):
            while not (found := ready()):
                self._news.clear()
                await self._news.wait()
        return found

    async def state(self, kind: str, *, busy: bool = False) -> Any:
        """Wait until the last status says so, in both of its forms; the newer one."""

        def reached() -> Any:
            newer, older = self.all("didChangeStatus"), self.all("statusNotification")
            if not newer or len(newer) != len(older):  # the second one is still to come
                return None
            status = "InProgress" if newer[-1]["busy"] else newer[-1]["kind"]
            assert older[-1] == {"status": status, "message": newer[-1]["message"]}
            return newer[-1] if (newer[-1]["kind"], newer[-1]["busy"]) == (kind, busy) else None

        return await self.until(reached)

    async def completes_with(self, model: str) -> None:
        """Wait until this model is the one that is asked for completions."""

        def chosen() -> bool:
            told = self.all("polypilot/status")
            return bool(told) and told[-1]["completion"]["model"] == model

        await self.until(chosen)

    # -- documents -----------------------------------------------------------------------

    def uri(self, name: str) -> str:
        return (self.workspace / name).as_uri()

    def open(self, name: str, text: str, version: int = 1) -> str:
        """Open a document; its URI."""
        uri = self.uri(name)
        (self.workspace / name).write_text(text, "utf-8")
        document = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, version: int, text: str, span: Any = None) -> None:
        """Edit it: all of it, or a range."""
        change = {"text": text} if span is None else {"text": text, "range": span}
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]},
        )

    # -- the end -------------------------------------------------------------------------

    async def stop(self) -> int:
        """Shut down in order; the exit code."""
        assert self._process is not None
        await self.result("shutdown")
        self.notify("exit")
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def kill(self) -> None:
        """End it however it is."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    # -- inside --------------------------------------------------------------------------

    def _write(self, message: Message) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        body = json.dumps(message).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        assert self._process is not None
        stream = self._process.stdout
        assert stream is not None
        while head := await stream.readline():
            await stream.readline()
            body = await stream.readexactly(int(head.partition(b":")[2]))
            self._take(json.loads(body))
            self._news.set()

    async def _read_errors(self) -> None:
        assert self._process is not None
        stream = self._process.stderr
        assert stream is not None
        while data := await stream.read(65536):
            self.stderr += data

    def _take(self, message: Message) -> None:
        self.received.append(message)
        if "method" not in message:
            future = self._pending.pop(message["id"])
            if not future.done():
                future.set_result(message)
            return
        if "id" in message:
            answer = self.answers.get(message["method"])
            if answer is None:
                outcome: Message = {"error": {"code": -32601, "message": "no such method"}}
            else:
                outcome = {"result": answer(message.get("params"))}
            self._write({"jsonrpc": "2.0", "id": message["id"], **outcome})


@pytest.fixture
async def new_client(tmp_path: Path) -> AsyncGenerator[Callable[[], Client]]:
    """Makes clients, each with a home of its own; started servers are ended afterwards."""
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(tmp_path / f"client{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        await each.kill()
        sys.stderr.write(each.stderr.decode(errors="replace"))  # shown if the test has failed


@pytest.fixture
async def supplier() -> AsyncGenerator[Supplier]:
    """A supplier that completes with ``return a + b`` and says ``Hello``."""
    async with Supplier() as server:
        yield server


@pytest.fixture
def client(new_client: Callable[[], Client], supplier: Supplier) -> Client:
    """A client whose supplier is the scripted one, its server not yet started."""
    made = new_client()
    made.team(supplier.url)
    return made


@pytest.fixture
def started(client: Client) -> Callable[..., Awaitable[Any]]:
    """Starts the server as a client of Copilot's does, whichever; what it says of itself."""

    async def start(**params: Any) -> Any:
        info = {"name": "Editor", "version": "1.0"}
        options = {"editorInfo": info, "editorPluginInfo": info}
        found = await client.initialize(
            {
                "capabilities": {},
                "workspaceFolders": [client.folder],
                "initializationOptions": options,
                **params,
            }
        )
        await client.state("Normal")
        return found

    return start


@pytest.fixture
def chat_answer() -> Callable[..., list[Step]]:
    """Makes a chat's answer of pieces of text."""
    return chatting
