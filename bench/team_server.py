"""The team's server as the bench sees it: a process of its own, its counters and its slots."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

KEY = "team-bench-key"
PROGRAM = Path(__file__).with_name("team_serve.py")
PATIENCE = 60.0
POLL = 0.25
"""Seconds between two looks at the queue."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How the server is started."""

    model: Path
    slots: int = 4
    context: int = 1024
    """Tokens a slot."""
    threads: int = 2
    cache: int = 1024
    """MiB for the prompts of those without a slot."""


@dataclass(frozen=True, slots=True)
class TeamServer:
    """A running server."""

    port: int
    pid: int

    async def get(self, path: str) -> bytes:
        """What it says at a path."""
        return await self.request(f"GET {path}", b"")

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The whole answer to a request."""
        return json.loads(await self.request(f"POST {path}", json.dumps(body).encode()))

    async def request(self, line: str, data: bytes) -> bytes:
        """One exchange on a connection of its own; the body."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await self.open(line, data, "Connection: close\r\n")
            try:
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
        assert b" 200 " in head.splitlines()[0], head
        return body

    async def open(
        self, line: str, data: bytes, more: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request; where its answer is read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        fields = f"Host: team\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(data)}\r\n"
        writer.write(f"{line} HTTP/1.1\r\n{fields}{more}\r\n".encode() + data)
        return reader, writer

    async def counters(self) -> dict[str, float]:
        """Its counters: ``prompt_tokens_total``, ``requests_deferred``, ..."""
        text = (await self.get("/metrics")).decode()
        found = re.findall(r"^llamacpp:(\S+) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    async def busy(self) -> int:
        """How many slots work."""
        slots: list[dict[str, Any]] = json.loads(await self.get("/slots"))
        return sum(slot["is_processing"] for slot in slots)

    async def idle(self, pause: float = 0.02) -> None:
        """Returns when no slot works."""
        async with asyncio.timeout(PATIENCE):
            while await self.busy():  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(pause)


@contextlib.asynccontextmanager
async def team_server(how: Serving) -> AsyncGenerator[TeamServer]:
    """A server that has loaded its model."""
    numbers = (how.slots, how.context, how.threads, how.cache)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), str(how.model), KEY, *map(str, numbers)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            port = int(await process.stdout.readline())
        yield TeamServer(port, process.pid)
    finally:
        process.stdin.close()
        await process.wait()


async def watch(server: TeamServer, waiting: list[int]) -> None:
    """Note, until cancelled, how many requests wait for a slot."""
    while True:
        found = await server.counters()
        waiting.append(int(found.get("requests_deferred", 0)))
        await asyncio.sleep(POLL)
