"""A user's home with clients that others wrote, each started in front of the recorded agent."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acp_support import LOCK, NODE, PATIENCE, PROGRAM, Record
from home_support import environment

if TYPE_CHECKING:
    from pathlib import Path


_TRIES = 20
_ENDING = "Queue owner is shutting down"
"""acpx says so of the process that it keeps for a conversation, for a second after its last use."""


@dataclass(frozen=True)
class Done:
    """A finished run."""

    status: int
    out: str
    err: str


class Desk:
    """A user's home with an editor in it."""

    def __init__(self, home: Path, clients: Path) -> None:
        self.home = home
        self.clients = clients
        self.workspace = home / "work"
        for folder in (self.workspace, home / "config", home / "run"):
            folder.mkdir(parents=True)
        (home / "run").chmod(0o700)
        self.log = home / "frames"
        self.env = environment(home)
        self.env["PATH"] = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
        self.env["NODE_PATH"] = str(clients / "node_modules")

    @property
    def agent(self) -> list[str]:
        """The agent's command, with the record in front of it."""
        return [sys.executable, str(LOCK / "relay.py"), str(self.log), *PROGRAM]

    def configure(self, text: str) -> None:
        """Write the user's config.toml."""
        (self.home / "config" / "config.toml").write_text(text, encoding="utf-8")

    @property
    def record(self) -> Record:
        """What has passed so far."""
        return Record.read(self.log) if self.log.exists() else Record()

    async def ended(self, count: int) -> None:
        """Wait until that many agents have ended."""
        async with asyncio.timeout(PATIENCE):
            while self.log.read_text(encoding="utf-8").count("\n! ") < count:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)

    async def start(self, *command: str) -> asyncio.subprocess.Process:
        """Start a program in the workspace."""
        return await asyncio.create_subprocess_exec(
            *command,
            env=self.env,
            cwd=self.workspace,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @staticmethod
    async def finished(process: asyncio.subprocess.Process) -> Done:
        """Wait for its end."""
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return Done(process.returncode or 0, out.decode(), err.decode())

    def acpx(self, *arguments: str) -> tuple[str, ...]:
        """The command line of acpx."""
        program = self.clients / "node_modules" / "acpx" / "dist" / "cli.js"
        agent = shlex.join(self.agent)
        where = ("--agent", agent, "--cwd", str(self.workspace), "--ttl", "1")
        return (str(NODE), str(program), *where, *arguments)

    async def run(self, *command: str) -> Done:
        """Run a program to its end; again if acpx's own helper was just about to end."""
        done = await self.finished(await self.start(*command))
        for _ in range(_TRIES):
            if _ENDING not in done.out:
                break
            done = await self.finished(await self.start(*command))
        return done
