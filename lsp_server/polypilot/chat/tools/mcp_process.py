"""The process of a server: what it is started with, and how it is ended. Everything blocks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.chat.tools.mcp_values import McpError
from polypilot.children import bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.settings.mcp import McpServer

END_S = 0.5
"""Seconds for the process to end when its input does, and when it is told to."""
_CHUNK = 65_536
_WINDOWS = ("PATHEXT", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)")


def environment(
    names: Iterable[str], environ: Mapping[str, str], outside: Iterable[str]
) -> dict[str, str]:
    """What a server gets to see: what any program needs, and what the user names.

    Its PATH has no folder that is below one of ``outside``, the open folders: what a repository
    brings along is never started, not by a server either.
    """
    kept = bare_environment(environ)
    wanted = {*names, *_WINDOWS}
    kept |= {name: value for name, value in environ.items() if name in wanted}
    kept["PATH"] = os.pathsep.join(_safe_folders(kept.get("PATH", os.defpath), outside))
    return kept


def program(command: str, env: Mapping[str, str]) -> str:
    """The absolute path of the program; blocks.

    Raises:
        McpError: there is none.
    """
    if Path(command).is_absolute():
        return command
    path = env.get("PATH", "")
    found = shutil.which(command, path=path)
    folders = {os.path.normcase(folder) for folder in path.split(os.pathsep)}
    if found is None or os.path.normcase(os.path.dirname(found)) not in folders:  # noqa: PTH120 - strings
        raise McpError(
            "its program is not found in PATH",
            code="mcp_start",
            cure="give its absolute path in command",
        )
    return found


def _safe_folders(path: str, outside: Iterable[str]) -> list[str]:
    closed = [os.path.join(os.path.realpath(root), "") for root in outside]  # noqa: PTH118 - strings
    return [
        folder
        for folder in path.split(os.pathsep)
        if os.path.isabs(folder)  # noqa: PTH117 - strings
        and not any(os.path.join(os.path.realpath(folder), "").startswith(root) for root in closed)  # noqa: PTH118 - strings
    ]


class Child:
    """The process. Its methods block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unwanted = False
        self._process: subprocess.Popen[bytes] | None = None
        self.reading = False
        """Whether a thread reads its output; it closes it then."""
        self.ended = threading.Event()
        """Set when its output has ended."""

    def start(
        self, server: McpServer, environ: Mapping[str, str], outside: tuple[str, ...]
    ) -> None:
        """Start it.

        Raises:
            McpError: there is no such program.
            OSError: it could not be started.
        """
        env = environment(server.env, environ, outside)
        command = [program(server.command, env), *server.args]
        cwd = server.cwd or str(Path.home())
        # Never in the opened folder: a program takes configuration and modules from where it is.
        with self._lock:
            if self._unwanted:
                return
            self._process = subprocess.Popen(  # noqa: S603  (the user's own configuration)
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                cwd=cwd, env=env, bufsize=0, start_new_session=True,
            )  # fmt: skip

    def read(self) -> bytes:
        """What it writes next; empty: nothing more."""
        pipe = self._process.stdout if self._process else None
        if pipe is None:
            return b""
        try:
            return os.read(pipe.fileno(), _CHUNK)
        except (OSError, ValueError):  # closed meanwhile
            return b""

    def over(self) -> None:
        """Nothing more is read."""
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self.ended.set()

    def write(self, data: bytes) -> None:
        """Give it a line; raises OSError."""
        pipe = self._process.stdin if self._process else None
        if pipe is None or pipe.closed:
            raise BrokenPipeError
        view = memoryview(data)
        while view:
            view = view[pipe.write(view) or 0 :]

    def kill(self) -> None:
        """End it and what it has started: first its input, then by a signal, then by force."""
        with self._lock:
            self._unwanted = True
            process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if not self.ended.wait(END_S):
            self._signal(process, force=False)
            self.ended.wait(END_S)
        self._signal(process, force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        if not self.reading:
            self.over()

    def _signal(self, process: subprocess.Popen[bytes], *, force: bool) -> None:
        # It has not been waited for yet, so that its number, and its group's, are still its own.
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
