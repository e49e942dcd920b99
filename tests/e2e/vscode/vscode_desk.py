"""A user with VS Code: a home, a login session with a keyring, a workspace, an editor's server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from vscode_window import BOUND_S, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_support import Session
    from vscode_install import Programs

# Nothing that asks another machine, and nothing that stands in a picture's way.
SETTINGS: dict[str, Any] = {
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.welcomePage.walkthroughs.openOnInstall": True,
    "chat.disableAIFeatures": False,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none",
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
}
_LISTENS = re.compile(rb"HTTP server listening on (http://\S+?)/?\s")


class Desk:
    """One user; ``start`` gives the window."""

    def __init__(
        self, base: Path, session: Session, programs: Programs, browser: str, shots: Path
    ) -> None:
        self.base = base
        self.session = session
        self.programs = programs
        self.browser = browser
        self.shots = shots
        self.home = Path(session.env["HOME"])
        self.workspace = base / "project"
        self.profile = base / "vscode-data"
        self.extensions = base / "vscode-extensions"
        self.config = Path(session.env["POLYPILOT_CONFIG_DIR"])
        self.output = bytearray()
        self.log_level = "info"
        for folder in (self.workspace, self.profile / "User", self.config):
            folder.mkdir(parents=True)
        self.settings: dict[str, Any] = dict(SETTINGS)
        self._server: asyncio.subprocess.Process | None = None
        self._windows: list[Window] = []
        self._reader: asyncio.Task[None] | None = None

    # --- what the user has

    @property
    def environment(self) -> dict[str, str]:
        """The user's own; VS Code asks no extension gallery."""
        cache = {"POLYPILOT_CACHE_DIR": str(self.base / "polypilot-cache")}
        return {**self.session.env, **cache, "EXTENSIONS_GALLERY": "{}"}

    def install_server(self) -> None:
        """Put the program where pipx and uv put it."""
        folder = self.home / ".local" / "bin"
        folder.mkdir(parents=True)
        (folder / "polypilot").symlink_to(Path(sys.executable).with_name("polypilot"))

    def configure(self, toml: str) -> None:
        """Write the user's ``config.toml``."""
        (self.config / "config.toml").write_text(toml, encoding="utf-8")

    def store_key(self, provider: str, key: str) -> None:
        """As the user did once, in a terminal."""
        command = [sys.executable, "-P", "-m", "polypilot.cli", "auth", "set", provider]
        subprocess.run(
            [*command, "--stdin", "--no-check"],
            env=self.session.env, input=key, text=True, encoding="utf-8",
            check=True, capture_output=True, timeout=BOUND_S,
        )  # fmt: skip

    def secrets(self) -> str:
        """What another program finds of ours in the Secret Service."""
        tool = ["secret-tool", "search", "--all", "service", "polypilot"]
        done = subprocess.run(
            tool, env=self.session.env, text=True, encoding="utf-8", check=False,
            capture_output=True, timeout=BOUND_S,
        )  # fmt: skip
        return done.stdout + done.stderr

    def write(self, name: str, text: str) -> Path:
        """A file of the workspace."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def read(self, name: str) -> str:
        """The text of a file of the workspace, as it is on disk."""
        return (self.workspace / name).read_bytes().decode()

    async def saved(self, name: str, text: str) -> None:
        """Return when the file in front, saved, has just this text on disk."""
        await self._windows[-1].press("Control+s")
        await until(lambda: self.read(name) == text, f"{name} is {text!r}", lambda: self.read(name))

    # --- the editor

    async def install(self, vsix: Path) -> str:
        """Install an extension as ``code --install-extension`` does; what it said."""
        options = ["--install-extension", str(vsix), "--force"]
        process = await asyncio.create_subprocess_exec(
            *self.programs.code_server, *self._folders(), *options,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), BOUND_S)
        said = out.decode()
        assert process.returncode == 0, said
        return said

    def _folders(self) -> list[str]:
        return ["--user-data-dir", str(self.profile), "--extensions-dir", str(self.extensions)]

    async def start(self, **settings: Any) -> Window:
        """Start VS Code's server, and show the workspace in a browser."""
        self.settings |= {name.replace("__", "."): value for name, value in settings.items()}
        file = self.profile / "User" / "settings.json"
        file.write_text(json.dumps(self.settings), encoding="utf-8")
        self._server = await asyncio.create_subprocess_exec(
            *self.programs.code_server, *self._folders(),
            "--auth", "none", "--log", self.log_level, "--bind-addr", "127.0.0.1:0",
            "--disable-telemetry", "--disable-update-check", "--disable-getting-started-override",
            # Else the extension and its language server outlive the closed window.
            "--reconnection-grace-time", "3",
            env=self.environment,
            cwd=self.home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=2**20,
        )  # fmt: skip
        url = await asyncio.wait_for(self._listening(), BOUND_S)
        self._reader = asyncio.get_running_loop().create_task(self._drain())
        return await self.window(f"{url}/?folder={self.workspace}")

    async def begin(self, **settings: Any) -> Window:
        """Start, and wait for the walkthrough that opens by itself, or it comes in between."""
        window = await self.start(**settings)
        await window.wait(".gettingStartedContainer:has-text('Polypilot')")
        return window

    async def begin_with_trust(self, trusted: bool) -> Window:  # noqa: FBT001 - the test's parameter
        """Start, and answer VS Code's own question about the workspace."""
        window = await self.start()
        yes, no = "Yes, I trust the authors", "No, I don't trust the authors"
        dialog = ".monaco-dialog-box .monaco-button"
        await window.click(f'{dialog}:has-text("{yes if trusted else no}")')
        await window.wait(".gettingStartedContainer:has-text('Polypilot')")
        restricted = await window.count("[id='status.workspaceTrust']")
        assert restricted == (0 if trusted else 1)
        return window

    async def window(self, url: str) -> Window:
        """A browser at that page."""
        window = Window(self.programs, self.browser, self.shots)
        self._windows.append(window)
        home = self.base / f"browser{len(self._windows)}"
        home.mkdir()
        await window.open(url, home)
        return window

    async def _listening(self) -> str:
        assert self._server is not None
        assert self._server.stdout is not None
        while (match := _LISTENS.search(bytes(self.output))) is None:
            data = await self._server.stdout.read(65536)
            assert data, self.output.decode()
            self.output += data
        return match[1].decode()

    async def _drain(self) -> None:
        assert self._server is not None
        assert self._server.stdout is not None
        while data := await self._server.stdout.read(65536):
            self.output += data

    # --- the language server, seen from outside

    def servers(self) -> list[psutil.Process]:
        """The running language servers of this user's editor."""
        return [each for each in self._processes() if _is_polypilot(each)]

    def logs(self) -> str:
        """All that VS Code, its extensions and the language server have logged."""
        files = sorted((self.profile / "logs").rglob("*.log"))
        return "\n".join(each.read_text("utf-8", "replace") for each in files)

    def told_to_processes(self) -> list[str]:
        """Arguments and environments of the editor, its extensions' processes, and so on."""
        told: list[str] = []
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                told += [*process.cmdline(), *process.environ().values()]
        return told

    def _processes(self) -> list[psutil.Process]:
        if self._server is None:
            return []
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self._server.pid).children(recursive=True)
        return []

    def holds(self, *needles: bytes) -> list[Path]:
        """Files anywhere in the user's home, profile, workspace, logs that hold one of these."""
        places = {self.base, self.session.base}
        files = [each for place in places for each in place.rglob("*") if each.is_file()]
        return [file for file in files if any(each in _content(file) for each in needles)]

    async def close(self) -> None:
        """End windows, editor, language servers."""
        for window in self._windows:
            await window.close()
        left = self._processes()
        for process in left:
            # They would wait for the window to come back.
            with contextlib.suppress(psutil.Error):
                process.terminate()
        if self._server is not None and self._server.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(self._server.wait(), 10)
            except TimeoutError:
                os.killpg(self._server.pid, signal.SIGKILL)
                await self._server.wait()
        _, alive = psutil.wait_procs(left, timeout=10)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self._reader is not None:
            await self._reader


async def until(
    look: Callable[[], object], what: str, instead: Callable[[], object] = lambda: ""
) -> None:
    """Return when ``look`` is true; the test fails when it does not become so."""
    deadline = time.monotonic() + BOUND_S
    while not look():
        assert time.monotonic() < deadline, f"not within {BOUND_S} s: {what}; {instead()!r}"
        await asyncio.sleep(0.02)


def _content(file: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):  # it has just been deleted
        return file.read_bytes()
    return b""


def _is_polypilot(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        return "--stdio" in command and any("polypilot" in part for part in command)
    return False
