"""A real Emacs in a real terminal, and a language server in the test's hands."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest
from editor_support import SCRIPTED, InTerminal, do_without, for_scripted
from terminal_peer import BOUND_S, Peer, poll
from terminal_screen import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "editors" / "emacs"


@pytest.fixture(scope="session")
def emacs_program() -> str:
    """Emacs, 28.2 or newer."""
    found = shutil.which("emacs")
    if found is None or shutil.which("tmux") is None:
        do_without("no Emacs in a terminal: apt-get install emacs-nox tmux")
    text = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = text.split("\n", maxsplit=1)[0].split()[-1]
    if tuple(int(part) for part in version.split(".")[:2]) < (28, 2):
        do_without(f"Emacs {version} is older than 28.2")
    return found


def lisp(value: str) -> str:
    """A string as Emacs Lisp reads it; a line of its own must hold the form."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


class Emacs(InTerminal):
    """One Emacs, and the door through which the test asks it."""

    def __init__(self, home: Path, command: list[str], environment: dict[str, str]) -> None:
        self.home = home
        door = home / "door.sock"
        self.terminal = Terminal(
            home / "tmux.sock", command, {**environment, "POLYPILOT_TEST_DOOR": str(door)}
        )
        self._door = socket.socket(socket.AF_UNIX)
        self._door.settimeout(BOUND_S)

        def connect() -> bool:
            with suppress(FileNotFoundError, ConnectionRefusedError):
                self._door.connect(str(door))
                return True
            return False

        try:
            poll(connect, lambda: "Emacs is ready; there is\n" + "\n".join(self.terminal.screen()))
        except BaseException:
            self.terminal.close()
            raise
        self._reader = self._door.makefile("r", encoding="utf-8")

    def evaluate(self, expression: str) -> Any:
        """What a form is worth, in the selected window's buffer."""
        self._door.sendall(expression.replace("\n", " ").encode() + b"\n")
        line = self._reader.readline()
        assert line, "Emacs has ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    eval = evaluate

    def command(self, name: str) -> None:
        """Runs a command as a person does, by M-x."""
        self.terminal.keys("M-x")
        self.terminal.type_text(name)
        self.terminal.keys("Enter")

    def edit(self, name: str, text: str = "") -> Path:
        """Opens a new file of that content, and waits for the server to have it."""
        path = self.create(name, text)
        self.eval(f"(progn (switch-to-buffer (find-file-noselect {lisp(str(path))})) t)")
        self.wait("(polypilot-document-open-p)", 60.0)
        return path

    def text(self) -> str:
        return cast("str", self.eval("(test-text)"))

    def point(self) -> int:
        return cast("int", self.eval("(point)"))

    def ghost(self) -> str:
        return cast("str", self.eval("(test-ghost)"))

    def transcript(self) -> str:
        return cast("str", self.eval("(test-transcript)"))

    def messages(self) -> list[str]:
        """What was shown, first first."""
        return cast("list[str]", self.eval("(or (reverse test-messages) [])"))

    def look(self) -> str:
        log = self.eval('(test-text "*Messages*")')
        return f"{super().look()}\n{log}"

    def close(self) -> None:
        with suppress(OSError, AssertionError, psutil.Error):
            self._door.settimeout(2.0)
            process = psutil.Process(self.eval("(emacs-pid)"))
            with suppress(OSError, AssertionError):
                self.eval("(let ((kill-emacs-query-functions nil)) (kill-emacs))")
            # A terminal that goes while Emacs ends can leave it hanging in its handler for that.
            try:
                process.wait(5)
            except psutil.TimeoutExpired:
                process.kill()
        self._reader.close()
        self._door.close()
        self.terminal.close()


@pytest.fixture
def peer(short_folder: Path) -> Iterator[Peer]:
    """The scripted language server."""
    server = Peer(short_folder, "utf-32")
    yield server
    server.close()


@pytest.fixture(scope="session")
def compiled_package(emacs_program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as users have it: byte-compiled, which also starts sooner."""
    folder = tmp_path_factory.mktemp("package") / "polypilot"
    shutil.copytree(PACKAGE, folder)
    files = [str(each) for each in sorted(folder.glob("*.el"))]
    command = [emacs_program, "-Q", "--batch", "-L", str(folder), "-f", "batch-byte-compile"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return folder


@pytest.fixture
def start_emacs(
    emacs_program: str, compiled_package: Path, short_folder: Path
) -> Iterator[Callable[[Sequence[str], dict[str, str]], Emacs]]:
    """Starts an Emacs whose polypilot program is that command."""
    started: list[Emacs] = []

    def start(command: Sequence[str], environment: dict[str, str]) -> Emacs:
        base = {
            "HOME": str(short_folder),
            "XDG_CONFIG_HOME": str(short_folder / "config"),
            "TERM": "tmux-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "POLYPILOT_EMACS_PACKAGE": str(compiled_package),
            "POLYPILOT_EMACS_COMMAND": json.dumps(list(command)),
        }
        arguments = [emacs_program, "-nw", "-Q", "-l", str(HERE / "init.el")]
        started.append(Emacs(short_folder, arguments, {**base, **environment}))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def emacs(
    start_emacs: Callable[[Sequence[str], dict[str, str]], Emacs], peer: Peer, short_folder: Path
) -> Emacs:
    """Emacs whose polypilot program is the scripted one."""
    return start_emacs(SCRIPTED, for_scripted(peer, short_folder))


@pytest.fixture
def editing(emacs: Emacs, peer: Peer) -> Emacs:
    """That Emacs with an empty Python file open."""
    emacs.eval("(progn (global-polypilot-mode) t)")
    emacs.edit("code.py")
    peer.wait("textDocument/didOpen")
    return emacs
