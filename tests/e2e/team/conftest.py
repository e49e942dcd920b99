"""A team's real llama.cpp server with two slots and a key, and developers with a Polypilot each."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.backend import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator

ROOT = Path(__file__).parents[3]
SERVE = ROOT / "bench" / "team_serve.py"
KEY = "team-server-key"
PATIENCE = 60.0
SLOTS = 2
CODE = """\
def add(first, second):
    return first + second


def multiply(first, second):
    return """
_KEYRING = """
import json, os, pathlib
from keyring.backend import KeyringBackend

FILE = pathlib.Path(os.environ["TEST_KEYRING_FILE"])

class Keyring(KeyringBackend):
    priority = 1

    def _read(self):
        return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._read().get(service + " " + username)

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps(self._read() | {service + " " + username: password}), "utf-8")

    def delete_password(self, service, username):
        kept = self._read()
        del kept[service + " " + username]
        FILE.write_text(json.dumps(kept), "utf-8")
"""


@dataclass
class Team:
    """The server's process, asked directly."""

    port: int
    process: subprocess.Popen[bytes]
    held: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        """What it says at a path."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def counter(self, name: str) -> int:
        """One of its counters."""
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith(f"llamacpp:{name} "):
                return int(float(line.split()[1]))
        raise LookupError(name)

    def busy(self) -> int:
        """How many slots work."""
        return sum(slot["is_processing"] for slot in json.loads(self.get("/slots")))

    def hold(self) -> None:
        """Take a slot, with an answer that takes longer than any test."""
        body = {"prompt": "Count:", "n_predict": -1, "ignore_eos": True, "stream": True}
        data = json.dumps(body).encode()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(
            b"POST /completion HTTP/1.1\r\nHost: team\r\nAuthorization: Bearer %b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (KEY.encode(), len(data), data)
        )
        connection.recv(64)
        self.held.append(connection)

    def release(self) -> None:
        """Hang up on all that is held."""
        while self.held:
            self.held.pop().close()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(PATIENCE)


@contextmanager
def _served(model: Path) -> Generator[Team]:
    numbers = (SLOTS, 2048, 1, 256)
    process = subprocess.Popen(
        [sys.executable, str(SERVE), str(model), KEY, *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    team = Team(int(process.stdout.readline()), process)
    try:
        yield team
    finally:
        team.release()
        process.stdin.close()
        process.stdout.close()
        process.wait(PATIENCE)


@pytest.fixture(scope="session")
def team(smollm2: Path) -> Iterator[Team]:
    """A server for all tests that leave it alive."""
    with _served(smollm2) as running:
        yield running


@pytest.fixture
def mortal(smollm2: Path) -> Iterator[Team]:
    """A server of the test's own, which it may kill."""
    with _served(smollm2) as running:
        yield running


async def until(ready: Callable[[], bool]) -> None:
    """Wait for something in another process, and not for ever."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(ready):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.02)


@pytest.fixture(name="until")
def until_() -> Callable[..., Any]:
    """Waits."""
    return until


@dataclass
class Developer:
    """One developer's machine: settings, keyring and a file, and the real command line."""

    folder: Path

    @property
    def config(self) -> Path:
        """Their settings."""
        return self.folder / "config" / "config.toml"

    @property
    def environment(self) -> dict[str, str]:
        """Of their programs."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        folders = {
            f"POLYPILOT_{name}_DIR": str(self.folder / name.lower())
            for name in ("CONFIG", "DATA", "CACHE")
        }
        return (
            kept
            | folders
            | {
                "PYTHONPATH": str(self.folder),
                "PYTHON_KEYRING_BACKEND": "team_keyring.Keyring",
                "TEST_KEYRING_FILE": str(self.folder / "keys.json"),
                "COLUMNS": "200",
            }
        )

    async def run(self, *arguments: str, typed: str = "", **more: str) -> tuple[int, str, str]:
        """``polypilot ARGUMENTS``: exit status, stdout and stderr."""
        program = "import sys; from polypilot.cli import main; sys.exit(main())"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment | more,
            cwd=self.folder / "work",
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(typed.encode())
        return process.returncode or 0, out.decode(), err.decode()

    def write(self, text: str) -> None:
        """Put more into the settings."""
        self.config.write_text(self.config.read_text("utf-8") + text, "utf-8")

    @property
    def place(self) -> str:
        """Where they complete, for ``polypilot complete``."""
        file = self.folder / "work" / "sums.py"
        return f"{file}:{CODE.count(chr(10)) + 1}:12"


@pytest.fixture
def developer(tmp_path: Path) -> Callable[..., Developer]:
    """Makes developers."""
    made: list[Developer] = []

    def make() -> Developer:
        folder = tmp_path / f"developer{len(made)}"
        (folder / "work").mkdir(parents=True)
        (folder / "config").mkdir()
        settings = "[keyring]\nallow_insecure = true  # the test's own\n"
        (folder / "config" / "config.toml").write_text(settings, "utf-8")
        (folder / "team_keyring.py").write_text(textwrap.dedent(_KEYRING), "utf-8")
        (folder / "work" / "sums.py").write_text(CODE, "utf-8")
        made.append(Developer(folder))
        return made[-1]

    return make


@pytest.fixture
async def opened() -> AsyncGenerator[Callable[..., Awaitable[Backend]]]:
    """Opens the backend of rows that have their key in the environment; closed afterwards."""
    made: list[Backend] = []

    def start(config: Path, text: str) -> Backend:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(text, "utf-8")
        return Backend.open(env={"TEAM_API_KEY": KEY})

    async def make(config: Path, text: str) -> Backend:
        made.append(await asyncio.to_thread(start, config, text))
        return made[-1]

    yield make
    for backend in made:
        await backend.aclose()
