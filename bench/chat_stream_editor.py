"""The editor of `chat_stream.py`: a server over stdio, and a client that counts what it reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from whole_server import COMMAND, support

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CONFIG = """
[completion]
provider = "scripted"
model = "m"
prefetch = "off"
[chat]
provider = "scripted"
model = "m"
mode = "plain"
history = false
[providers.scripted]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""


class Client(support.Process):  # pyright: ignore[reportUntypedBaseClass] - loaded by name
    """An editor that counts what it reads."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.sent = 0
        self.heard: list[tuple[int, dict[str, Any]]] = []
        self.wake = asyncio.Event()
        super().__init__(process)  # pyright: ignore[reportUnknownMemberType] - likewise

    async def _read(self) -> None:
        stdout = self.process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await self.reading.wait()
                header = await stdout.readuntil(b"\r\n\r\n")
                body = await stdout.readexactly(int(header.split(b":")[1]))
                now = time.monotonic_ns()
                message = json.loads(body)
                if message.get("method") == "$/progress":
                    self.sent += len(header) + len(body)
                    self.heard.append((now, message["params"]["value"]))
                    self.wake.set()
                else:
                    self.replies.take(message)

    def forget(self) -> None:
        """Count from nothing."""
        self.sent = 0
        self.heard.clear()

    def memory(self) -> float:
        """MiB that the server takes now."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def cpu(self) -> float:
        """Seconds that the server has computed."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def texts(self) -> str:
        """The answer's text."""
        return "".join(each["text"] for _, each in self.heard if each["kind"] == "text")


@contextlib.asynccontextmanager
async def editor(url: str) -> AsyncGenerator[Any]:
    """A server, and an editor with a document open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(CONFIG.format(url=url), "utf-8")
        env = {f"POLYPILOT_{each}_DIR": str(folder) for each in ("CONFIG", "DATA", "CACHE")}
        env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        client: Any = await Client.spawn(*COMMAND, env=env)
        try:
            await client.initialize(workspaceFolders=[{"uri": folder.as_uri(), "name": "work"}])
            client.open((folder / "a.py").as_uri(), "x = \n" * 200)
            client.uri = (folder / "a.py").as_uri()
            yield client
        finally:
            await client.aclose()


async def ask(client: Any, text: str) -> Any:
    """A question, and its result."""
    params = {"text": text, "partialResultToken": "t", "keep": False}
    return await client.result("polypilot/chat/send", params)
