"""A real Vim in a real terminal, and a language server in the test's hands."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from editor_support import SCRIPTED, InTerminal, do_without, for_scripted
from terminal_peer import BOUND_S, Peer, poll
from terminal_screen import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Start = Callable[..., "Vim"]

HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "editors" / "vim"
NEEDED = ("job", "channel", "textprop", "vim9script")


@pytest.fixture(scope="session")
def vim_program() -> str:
    """Vim, 9.0 or newer, with what the plugin needs."""
    found = shutil.which("vim")
    if found is None or shutil.which("tmux") is None:
        do_without("no Vim in a terminal: apt-get install vim tmux")
    text = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"IMproved (\d+)\.", text)
    if version is None or int(version[1]) < 9:
        do_without("this Vim is older than 9.0")
    missing = [each for each in NEEDED if f"+{each}" not in text]
    if missing:
        do_without(f"this Vim is built without {', '.join(missing)}: apt-get install vim")
    return found


class Vim(InTerminal):
    """One Vim, and the door through which the test asks it."""

    def __init__(self, home: Path, command: list[str], environment: dict[str, str]) -> None:
        self.home = home
        self._last = 0
        door = home / "door.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(door))
            listener.listen()
            listener.settimeout(BOUND_S)
            self.terminal = Terminal(
                home / "tmux.sock", command, {**environment, "POLYPILOT_TEST_DOOR": str(door)}
            )
            try:
                self._door, _ = listener.accept()
            except TimeoutError:
                screen = "\n".join(self.terminal.screen())
                self.terminal.close()
                pytest.fail(f"Vim does not start; there is\n{screen}")
        self._door.settimeout(BOUND_S)
        self._reader = self._door.makefile("r", encoding="utf-8")

    def _send(self, *message: Any) -> None:
        self._door.sendall(json.dumps(message).encode() + b"\n")

    def evaluate(self, expression: str) -> Any:
        """What an expression is worth; asked again while Vim can't evaluate any."""

        def look() -> list[Any]:
            value = self._value(expression)
            return [] if value == "ERROR" else [value]

        return poll(look, f"no error in {expression}")[0]

    def _value(self, expression: str) -> Any:
        self._last += 1
        self._send("expr", expression, -self._last)
        while True:
            line = self._reader.readline()
            assert line, "Vim has ended"
            ident, value = json.loads(line)
            if ident == -self._last:
                return value

    expr = evaluate

    def ex(self, command: str) -> None:
        """Runs a command, and waits for it to have run."""
        self._send("ex", command)
        self.expr("1")

    def command(self, text: str) -> None:
        """Types a command line, as a person does."""
        self.type_text(":" + text)
        self.keys("Enter")

    def edit(self, name: str, text: str = "") -> Path:
        """Opens a new file of that content, and waits for the server to have it."""
        path = self.create(name, text)
        self.ex(f"execute 'edit' fnameescape('{path}')")
        self.wait("TestOpen()", 60.0)
        return path

    def text(self) -> str:
        return cast("str", self.expr("TestText()"))

    def ghost(self) -> str:
        """The suggestion that is shown; the screen has what is drawn of it."""
        return cast("str", self.expr("polypilot#Suggestion()"))

    def transcript(self) -> str:
        return cast("str", self.expr("TestTranscript()"))

    def messages(self) -> list[str]:
        return cast("list[str]", self.expr("TestMessages()"))

    def close(self) -> None:
        with suppress(OSError, AssertionError):
            self._door.settimeout(2.0)
            self._send("ex", "qall!")
            while self._reader.readline():
                pass
        self._reader.close()
        self._door.close()
        self.terminal.close()


@pytest.fixture
def peer(short_folder: Path) -> Iterator[Peer]:
    """The scripted language server."""
    server = Peer(short_folder, "utf-8")
    yield server
    server.close()


@pytest.fixture
def start_vim(vim_program: str, short_folder: Path) -> Iterator[Start]:
    """Starts a Vim whose polypilot program is that command."""
    started: list[Vim] = []

    def start(
        command: Sequence[str], environment: dict[str, str], options: dict[str, Any] | None = None
    ) -> Vim:
        base = {
            "HOME": str(short_folder),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "POLYPILOT_VIM_PLUGIN": str(PLUGIN),
            "POLYPILOT_VIM_COMMAND": json.dumps(list(command)),
            "POLYPILOT_VIM_OPTIONS": json.dumps(options or {}),
        }
        # tmux names its own terminal; Vim knows the keys of an xterm.
        arguments = ["env", "TERM=xterm-256color", vim_program, "-N", "-n", "-i", "NONE"]
        arguments += ["-u", str(HERE / "vimrc.vim")]
        started.append(Vim(short_folder, arguments, {**base, **environment}))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def vim(start_vim: Start, peer: Peer, short_folder: Path) -> Vim:
    """Vim whose polypilot program is the scripted one."""
    return start_vim(SCRIPTED, for_scripted(peer, short_folder))


@pytest.fixture
def editing(vim: Vim, peer: Peer) -> Vim:
    """That Vim with an empty Python file open."""
    vim.edit("code.py")
    peer.wait("textDocument/didOpen")
    return vim
