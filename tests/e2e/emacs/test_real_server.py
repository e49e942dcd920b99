"""The whole way in a real Emacs: our server, the embedded runtime, a real small model.

The model has 135 million parameters: what it writes is never judged, only that it is written,
shown, accepted, and stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from terminal_peer import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import Emacs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

# Loading the model and a cold prompt on a busy machine; a wait's bound, not a claim.
MODEL_S = 120.0
CONFIG = """
[completion]
provider = "embedded"
[chat]
provider = "embedded"
mode = "plain"
[embedded]
model = "smollm2-135m"
model_file = "{file}"
threads = 1
idle_minutes = 1
"""


@pytest.fixture
def real(
    start_emacs: Callable[[Sequence[str], dict[str, str]], Emacs],
    smollm2: Path,
    short_folder: Path,
) -> Emacs:
    """Emacs with the real program, and a Python file open."""
    settings = short_folder / "settings"
    settings.mkdir()
    (settings / "config.toml").write_text(CONFIG.format(file=smollm2), encoding="utf-8")
    environment = {
        "POLYPILOT_CONFIG_DIR": str(settings),
        "POLYPILOT_DATA_DIR": str(short_folder / "pp-data"),
        "POLYPILOT_CACHE_DIR": str(short_folder / "pp-cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    emacs = start_emacs([str(Path(sys.executable).with_name("polypilot"))], environment)
    emacs.eval("(progn (global-polypilot-mode) t)")
    emacs.edit("code.py", "def add(a, b):\n    return a + b\n\n\n")
    return emacs


@pytest.mark.feature("emacs", "embedded model", "ghost text", "chat")
def test_ghost_text_accept_and_chat(real: Emacs) -> None:
    real.keys("M->")
    real.type_text("def subtract(a, b):")
    real.keys("Enter")
    real.type_text("return")
    real.wait('(not (equal (test-ghost) ""))', MODEL_S)
    ghost, before, point = real.ghost(), real.text(), real.point()
    assert ghost.strip()
    first = ghost.strip().split("\n", maxsplit=1)[0]
    screen = real.terminal.wait_screen(first)
    assert any("return" in row and row.endswith(ghost.split("\n")[0].rstrip()) for row in screen)
    real.terminal.shot("emacs-ghost")
    real.keys("Tab")
    real.wait_text(before[: point - 1] + ghost + before[point - 1 :])
    assert real.messages() == []
    # Now the chat, about this file.
    real.eval(
        "(progn (defvar test-lengths nil) (advice-add 'polypilot-stream :after"
        " (lambda (&rest _) (push (length (test-transcript)) test-lengths))) t)"
    )
    real.command("polypilot-attach")
    real.command("polypilot-chat")
    real.terminal.wait_screen("C-c C-c sends")
    real.type_text("Say in one sentence what this file does.")
    real.keys("C-c", "C-c")
    real.wait("(> (length test-lengths) 2)", MODEL_S)
    # A model this small may write on to its limit.
    real.terminal.shot("emacs-chat")
    real.keys("C-c", "C-k")
    text = real.wait_transcript("*stopped")
    assert "## embedded" in text
    assert "code.py, " in text
    assert "**Error:**" not in text
    lengths = real.eval("(reverse test-lengths)")
    assert lengths == sorted(set(lengths))  # piece by piece
    assert any("C-c C-c sends" in row for row in real.terminal.wait_screen("*stopped"))
    # What came is kept, and found again.
    real.command("polypilot-chat-new")
    real.wait('(equal (test-transcript) "")')
    real.command("polypilot-chat-history")
    real.terminal.wait_screen("Conversations:")
    real.keys("Tab", "Enter")
    text = real.wait_transcript("*stopped")
    assert "Say in one sentence" in text
    assert "**Error:**" not in text


def test_providers_and_status(real: Emacs) -> None:
    real.command("polypilot-select")
    real.terminal.wait_screen("Choose for:")
    real.type_text("completion")
    real.keys("Enter")
    real.terminal.wait_screen("Provider:", MODEL_S)
    real.keys("Tab", "Tab")
    real.terminal.wait_screen("needs a key")
    real.keys("C-g")
    real.command("polypilot-show-status")
    real.terminal.wait_screen("workspace")
    assert any("completion   embedded" in row for row in real.terminal.screen())
    # The mode line says who completes.
    poll(
        lambda: any("polypilot:" in row for row in real.terminal.screen()),
        "the mode line",
    )
