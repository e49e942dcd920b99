"""What the tests of one editor have in common with those of another."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from terminal_peer import BOUND_S, poll

if TYPE_CHECKING:
    from terminal_peer import Peer
    from terminal_screen import Terminal

RELAY = Path(__file__).parents[1] / "neovim" / "relay.py"
# Stands for the `polypilot` program; without the site packages it starts in a fraction of the time.
SCRIPTED = (sys.executable, "-I", "-S", str(RELAY))


def do_without(reason: str) -> NoReturn:
    """Skips; where everything was meant to be installed, fails."""
    if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def for_scripted(peer: Peer, folder: Path) -> dict[str, str]:
    """The environment in which `SCRIPTED` finds the test."""
    return {"POLYPILOT_TEST_SOCKET": str(peer.address), "POLYPILOT_TEST_RECORD": str(folder)}


def for_real(folder: Path, settings: str) -> dict[str, str]:
    """The environment in which the real program has those settings and nothing else."""
    (folder / "settings").mkdir()
    (folder / "settings" / "config.toml").write_text(settings, encoding="utf-8")
    return {
        "POLYPILOT_CONFIG_DIR": str(folder / "settings"),
        "POLYPILOT_DATA_DIR": str(folder / "pp-data"),
        "POLYPILOT_CACHE_DIR": str(folder / "pp-cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Shows(ABC):
    """An editor, as far as what it shows."""

    @abstractmethod
    def ghost(self) -> str:
        """The suggestion that is shown."""

    @abstractmethod
    def messages(self) -> list[str]:
        """Everything that was said to the user, first first."""

    def wait_ghost(self, text: str) -> None:
        poll(
            lambda: self.ghost() == text,
            lambda: f"ghost {text!r}; there is {self.ghost()!r}; said was {self.messages()}",
        )

    def wait_message(self, part: str) -> str:
        def look() -> list[str]:
            return [each for each in self.messages() if part in each]

        return poll(look, lambda: f"a message with {part!r}; there are {self.messages()}")[0]


class InTerminal(Shows):
    """An editor in a terminal, driven by keys as a user does."""

    home: Path
    terminal: Terminal

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """What an expression of the editor's own language is worth."""

    @abstractmethod
    def text(self) -> str:
        """The text that is being edited."""

    @abstractmethod
    def transcript(self) -> str:
        """The chat as it is shown."""

    def keys(self, *names: str) -> None:
        self.terminal.keys(*names)

    def type_text(self, text: str) -> None:
        self.terminal.type_text(text)

    def create(self, name: str, text: str) -> Path:
        """A new file in the user's home."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def look(self) -> str:
        """What there is to see, for the message of a test that fails."""
        screen = "\n".join(self.terminal.screen())
        return f"said was {self.messages()}; there is\n{screen}"

    def wait(self, expression: str, bound: float = BOUND_S) -> Any:
        """The first true value of an expression."""
        return poll(
            lambda: self.evaluate(expression), lambda: f"{expression}; {self.look()}", bound
        )

    def wait_text(self, text: str) -> None:
        poll(
            lambda: self.text() == text,
            lambda: f"text {text!r}; there is {self.text()!r}; {self.look()}",
        )

    def wait_transcript(self, part: str, bound: float = BOUND_S) -> str:
        poll(
            lambda: part in self.transcript(),
            lambda: f"{part!r} in the chat; {self.transcript()!r}; said was {self.messages()}",
            bound,
        )
        return self.transcript()
