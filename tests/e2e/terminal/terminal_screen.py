"""A program in a real terminal: keys go in, the screen comes out."""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from terminal_peer import BOUND_S, poll

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Read now: a test's own environment has no settings of ours.
SCREENSHOTS = os.environ.get("POLYPILOT_SCREENSHOTS", "")


class Terminal:
    """One tmux server with one pane; gone with `close`.

    With `POLYPILOT_SCREENSHOTS` naming a folder, `shot` keeps screens there, colours included.
    """

    def __init__(
        self,
        socket: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        size: tuple[int, int] = (100, 30),
    ) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        width, height = size
        # Escape: no wait for what may follow it, which would read as Alt.
        subprocess.run(
            [
                *self._tmux,
                *("set-option", "-s", "escape-time", "0", ";"),
                *("set-option", "-g", "default-terminal", "tmux-256color", ";"),
                *("new-session", "-d", "-s", "a", "-x", str(width), "-y", str(height)),
                shlex.join(command),
            ],
            check=True,
            env={**os.environ, **environment},
            cwd=environment.get("HOME"),
        )

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            encoding="utf-8",
        )
        return done.stdout

    def keys(self, *names: str) -> None:
        """Presses keys by tmux's names: `Tab`, `C-c`, `M-Right`, `Escape`."""
        self._run("send-keys", *names)

    def type_text(self, text: str) -> None:
        """Types text as it is."""
        self._run("send-keys", "-l", "--", text)

    def screen(self) -> list[str]:
        """The rows of the screen."""
        return [row.rstrip() for row in self._run("capture-pane", "-p").split("\n")]

    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor on the screen, from 0."""
        text = self._run("display-message", "-p", "#{cursor_y} #{cursor_x}")
        row, column = text.split()
        return int(row), int(column)

    def wait_screen(self, part: str, bound: float = BOUND_S) -> list[str]:
        """The screen as soon as that text is on it."""

        def what() -> str:
            return f"{part!r} on the screen; there is\n" + "\n".join(self.screen())

        poll(lambda: part in "\n".join(self.screen()), what, bound)
        return self.screen()

    def shot(self, name: str) -> None:
        """Keeps the screen, where a folder for that is named."""
        if SCREENSHOTS:
            path = Path(SCREENSHOTS)
            path.mkdir(parents=True, exist_ok=True)
            text = self._run("capture-pane", "-p", "-e")
            (path / f"{name}.ansi").write_text(text, encoding="utf-8")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("kill-server")
