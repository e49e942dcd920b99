"""A real server over stdio, with settings of its own, as the benches of typing talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from typing_oracle import Oracle

COMMAND = (sys.executable, "-P", "-m", "polypilot.cli", "--stdio")
PATIENCE = 60.0
"""Seconds after which a reply will not come any more."""
_ORACLE = """
[completion]
provider = "scripted"
model = "oracle"
[providers.scripted]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}"
auth = "none"
"""

Reply = tuple[float, dict[str, Any]]
"""When it came, by the event loop's clock, and the message."""


class Server:
    """A server process and the messages from and to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._ids = 0
        self._log: list[str] = []
        self._reading = [
            asyncio.ensure_future(self._read()),
            asyncio.ensure_future(self._read_log()),
        ]

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    @property
    def waiting(self) -> int:
        """Requests that have no reply yet."""
        return len(self._pending)

    def start(self, method: str, params: object) -> asyncio.Future[Reply]:
        """Send a request; when it was answered, and the reply. Its number is ``last``."""
        self._ids += 1
        future = asyncio.get_running_loop().create_future()
        self._pending[self._ids] = future
        self._send({"id": self._ids, "method": method, "params": params})
        return future

    @property
    def last(self) -> int:
        """The number of the newest request."""
        return self._ids

    async def ask(self, method: str, params: object = None) -> Any:
        """A request's result; None after an error."""
        async with asyncio.timeout(PATIENCE):
            return (await self.start(method, params))[1].get("result")

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def write(self, data: bytes) -> None:
        """Send framed messages."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def memory(self) -> Memory:
        """What it holds now."""
        return memory_of(self.pid)

    async def aclose(self) -> None:
        """End it, in order if it can."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(10):
                await self.start("shutdown", None)
                self.notify("exit", None)
                await self.process.wait()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await asyncio.gather(*self._reading)
        if self._log:
            print(f"the server logged {len(self._log)} lines, first:", file=sys.stderr)
            print(self._log[0].rstrip(), file=sys.stderr)

    def _send(self, message: dict[str, Any]) -> None:
        self.write(framed(message))

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = (await stdout.readuntil(b"\r\n\r\n")).lower()
                size = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                body = await stdout.readexactly(int(size))
                now = loop.time()
                self._take(now, json.loads(body))

    async def _read_log(self) -> None:
        stderr = self.process.stderr
        assert stderr is not None
        while line := await stderr.readline():
            self._log.append(line.decode(errors="replace"))

    def _take(self, now: float, message: dict[str, Any]) -> None:
        if "method" not in message:
            future = self._pending.pop(message["id"], None)
            if future is not None and not future.done():
                future.set_result((now, message))
        elif "id" in message:
            configuration = message["method"] == "workspace/configuration"
            result = [None for _ in message["params"]["items"]] if configuration else None
            self._send({"id": message["id"], "result": result})


def framed(message: dict[str, Any]) -> bytes:
    """A message as it goes over the wire."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process, in MiB."""

    rss: float
    pss: float | None
    """Its share of what it shares with others, too; None where the system does not say."""

    def __str__(self) -> str:
        share = "" if self.pss is None else f" (Pss {self.pss:.1f})"
        return f"{self.rss:.1f} MiB{share}"


def memory_of(pid: int) -> Memory:
    """What a process holds now."""
    found = psutil.Process(pid).memory_full_info()
    pss = getattr(found, "pss", None)
    return Memory(found.rss / 2**20, None if pss is None else pss / 2**20)


def environment(folder: Path, config: str) -> dict[str, str]:
    """An environment in which the server has these settings and nothing else of the user's."""
    (folder / "config.toml").write_text(config, encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("POLYPILOT_")}
    env |= {f"POLYPILOT_{name}_DIR": str(folder) for name in ("CONFIG", "DATA", "CACHE")}
    return env | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def asking(oracle: Oracle) -> str:
    """Settings with the oracle as the provider."""
    return _ORACLE.format(url=oracle.base_url)


@contextlib.asynccontextmanager
async def serving(
    work: Path, env: Mapping[str, str], command: tuple[str, ...] = COMMAND
) -> AsyncGenerator[Server]:
    """A server that has answered ``initialize``, with ``work`` as its workspace folder."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
        cwd=work,
        limit=2**24,
    )
    server = Server(process)
    try:
        capabilities = {"general": {"positionEncodings": ["utf-32"]}}
        root = {"uri": work.as_uri(), "name": "work"}
        hello = {"processId": os.getpid(), "rootUri": None, "workspaceFolders": [root]}
        await server.ask("initialize", {**hello, "capabilities": capabilities})
        server.notify("initialized", {})
        if command is COMMAND:
            await server.ask("polypilot/status")  # answered when everything is loaded
        yield server
    finally:
        await server.aclose()
