"""The real console program in a process of its own, and a real HTTP server as its provider."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.terminal.clean import Cleaner
from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from polypilot_providers.testing import Step

PROGRAM = (sys.executable, "-P", "-m", "polypilot.cli")
PREPARED = (sys.executable, "-P", str(Path(__file__).with_name("prepared_program.py")))
PATIENCE = 60


@dataclass(frozen=True)
class Done:
    """A finished run."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """stderr as JSON lines."""
        return [json.loads(line) for line in self.err.splitlines()]


class Cli:
    """Runs ``polypilot`` with an empty home of its own."""

    def __init__(self, home: Path, prepared: Path) -> None:
        self.prepared = prepared
        self.home = home
        self.folder = home / "work"
        self.config = home / "config" / "config.toml"
        for path in (self.folder, self.config.parent):
            path.mkdir(parents=True)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
            "HOME": str(home),
            "POLYPILOT_CONFIG_DIR": str(self.config.parent),
            "POLYPILOT_DATA_DIR": str(home / "data"),
            "POLYPILOT_CACHE_DIR": str(home / "cache"),
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "COLUMNS": "100",
        }

    def team(self, base_url: str, more: str = "") -> None:
        """Make a server on this machine the provider for everything."""
        self.config.write_text(
            f"""\
# my own
[completion]
provider = "team"
model = "coder"
[chat]
provider = "team"
model = "talker"
[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{base_url}/v1"
auth = "none"
{more}
""",
            encoding="utf-8",
        )

    async def start(
        self,
        *arguments: str,
        stdin: int = asyncio.subprocess.DEVNULL,
        stdout: int = asyncio.subprocess.PIPE,
        stderr: int = asyncio.subprocess.PIPE,
        preexec: Callable[[], object] | None = None,
    ) -> asyncio.subprocess.Process:
        """Start the program, in a session of its own, and leave it running."""
        return await asyncio.create_subprocess_exec(
            *PROGRAM,
            *arguments,
            env=self.env,
            cwd=self.folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=preexec,
        )

    async def run(self, *arguments: str, stdin: str | None = None) -> Done:
        """Run the program to its end."""
        as_prepared = stdin is None and arguments[:1] not in {("--stdio",), ("acp",)}
        if as_prepared and _pythons_own(self.env) == _pythons_own(os.environ):
            return await asyncio.to_thread(self._run_prepared, arguments)
        source = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
        process = await self.start(*arguments, stdin=source)
        try:
            async with asyncio.timeout(PATIENCE):
                given = None if stdin is None else stdin.encode()
                out, err = await process.communicate(given)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()
            raise
        return Done(process.returncode or 0, out.decode(), err.decode())

    def _run_prepared(self, arguments: Sequence[str]) -> Done:
        """In a process of its own whose imports have been done.

        What it writes is read to its end, as a pipe in a shell is: not before every process
        that it has started has closed the stream, too.
        """
        asked = {"argv": list(arguments), "env": self.env, "cwd": str(self.folder)}
        with socket.socket(socket.AF_UNIX) as connection, contextlib.ExitStack() as ends:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.prepared))
            out, out_end = _pipe(ends)
            err, err_end = _pipe(ends)
            none = ends.enter_context(Path(os.devnull).open("rb"))
            request = json.dumps(asked).encode() + b"\n"
            socket.send_fds(connection, [b"\n"], [none.fileno(), out_end, err_end])
            connection.sendall(request)
            os.close(out_end)
            os.close(err_end)
            with connection.makefile("r") as told:
                pid = int(told.readline())
                try:
                    texts = _read_all((out, err))
                    status = int(told.readline())
                except BaseException:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    raise
            return Done(status, texts[out].decode(), texts[err].decode())


def _pipe(ends: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose reading end is closed with ``ends``."""
    reading, writing = os.pipe()
    ends.callback(os.close, reading)
    return reading, writing


def _read_all(ends: Iterable[int]) -> dict[int, bytes]:
    """What comes out of pipes until their writers are gone."""
    texts = dict.fromkeys(ends, b"")
    until = time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        for each in texts:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            left = until - time.monotonic()
            assert left > 0, "it does not end"
            for key, _ in selector.select(left):
                data = os.read(key.fd, 65536)
                texts[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    return texts


def _pythons_own(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that only a fresh interpreter minds."""
    return {
        name: value for name, value in env.items() if name.startswith(("PYTHON", "LC_", "LANG"))
    }


class Terminal:
    """A person at a terminal: types, and reads what the program shows."""

    def __init__(self, fd: int, process: asyncio.subprocess.Process) -> None:
        self._fd = fd
        self.process = process
        self._cleaner = Cleaner()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._seen = 0
        self.text = ""
        """Everything shown so far, without colours and cursor movements."""
        self._closed = False
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the program has closed its side
            data = b""
        if not data:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._fd)
        self.text += self._cleaner.feed(self._decoder.decode(data))
        self._news.set()

    def type(self, keys: str) -> None:
        """Press keys; ``\\x03`` is Ctrl-C."""
        os.write(self._fd, keys.encode())

    async def see(self, text: str) -> None:
        """Wait until ``text`` is shown, after what was seen before."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := self.text.find(text, self._seen)) < 0:
                    assert not self._closed, "the program has ended"
                    self._news.clear()
                    await self._news.wait()
        except (TimeoutError, AssertionError):
            raise AssertionError(
                f"{text!r} was not shown, but {self.text[self._seen :]!r}"
            ) from None
        self._seen = found + len(text)

    async def interrupt(self, text: str) -> None:
        """Press Ctrl-C until ``text`` is shown or the program ends.

        Once is not always enough: CPython misses a signal that comes between the prompt and
        the wait for a key, until the next key.
        """
        for _ in range(10):
            self.type("\x03")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    while self.text.find(text, self._seen) < 0 and not self._closed:
                        self._news.clear()
                        await self._news.wait()
                    return

    async def ended(self) -> int:
        """Wait for the program's end; its exit status."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@pytest.fixture
async def terminal(cli: Cli) -> AsyncGenerator[Callable[..., Awaitable[Terminal]]]:
    """Call with arguments: the program on a terminal of its own."""
    opened: list[tuple[int, Terminal]] = []

    async def start(*arguments: str) -> Terminal:
        ours, theirs = os.openpty()
        process = await cli.start(
            *arguments,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        opened.append((ours, Terminal(ours, process)))
        return opened[-1][1]

    cli.env["TERM"] = "xterm-256color"
    yield start
    for fd, each in opened:
        if each.process.returncode is None:
            each.process.kill()
            await each.process.wait()
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """Where a process listens that has imported the program, see there."""
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        with subprocess.Popen((*PREPARED, str(meeting)), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield meeting
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(meeting))


@pytest.fixture
def cli(tmp_path: Path, prepared: Path) -> Cli:
    """The program, with an empty home."""
    return Cli(tmp_path, prepared)


@pytest.fixture
async def server(cli: Cli) -> AsyncGenerator[ScriptedServer]:
    """A provider on this machine; the program's settings choose it. Give it scripts to play."""
    async with ScriptedServer() as running:
        cli.team(running.url)
        yield running


@pytest.fixture
async def other() -> AsyncGenerator[ScriptedServer]:
    """A second provider on this machine, which no setting names yet."""
    async with ScriptedServer() as running:
        yield running


def _chunk(**fields: object) -> bytes:
    return b"data: " + json.dumps({"id": "x", "model": "m-1", **fields}).encode() + b"\n\n"


def chat_answer(*texts: str, finish: str = "stop", usage: bool = True) -> list[Step]:
    """An OpenAI Chat Completions stream."""
    pieces = [_chunk(choices=[{"index": 0, "delta": {"content": text}}]) for text in texts]
    end: dict[str, object] = {"index": 0, "delta": dict[str, str](), "finish_reason": finish}
    pieces.append(_chunk(choices=[end]))
    if usage:
        counts = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        pieces.append(_chunk(choices=[], usage=counts))
    return stream(*pieces, b"data: [DONE]\n\n")


def call_answer(name: str, arguments: str) -> list[Step]:
    """An OpenAI Chat Completions stream that calls a tool."""
    function = {"name": name, "arguments": arguments}
    call = {"index": 0, "id": "call_1", "function": function}
    end: dict[str, object] = {"index": 0, "delta": dict[str, str](), "finish_reason": "tool_calls"}
    return stream(
        _chunk(choices=[{"index": 0, "delta": {"tool_calls": [call]}}]),
        _chunk(choices=[end]),
        b"data: [DONE]\n\n",
    )


def completion_answer(*texts: str) -> list[Step]:
    """An OpenAI Completions stream."""
    pieces = [_chunk(choices=[{"index": 0, "text": text}]) for text in texts]
    pieces.append(_chunk(choices=[{"index": 0, "text": "", "finish_reason": "stop"}]))
    return stream(*pieces, b"data: [DONE]\n\n")


@pytest.fixture
def answers() -> dict[str, Callable[..., list[Step]]]:
    """What suppliers send, by name (test modules can't import this file)."""
    return {
        "chat": chat_answer,
        "call": call_answer,
        "completion": completion_answer,
        "reply": reply,
        "stream": stream,
    }
