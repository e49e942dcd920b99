"""The whole way in a real Vim: our server, the embedded runtime, a real small model.

The model has 135 million parameters: what it writes is never judged, only that it is written,
shown, accepted, and stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from editor_support import for_real

if TYPE_CHECKING:
    from conftest import Start, Vim

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
def real(start_vim: Start, smollm2: Path, short_folder: Path) -> Vim:
    """Vim with the real program, and a Python file open."""
    environment = for_real(short_folder, CONFIG.format(file=smollm2))
    vim = start_vim([str(Path(sys.executable).with_name("polypilot"))], environment)
    vim.edit("code.py", "def add(a, b):\n    return a + b\n\n\n")
    return vim


@pytest.mark.feature(
    "vim", "embedded model", "ghost text", "chat", "stop an answer", "history of conversations"
)
def test_ghost_text_accept_and_chat(real: Vim) -> None:
    real.type_text("Go")
    real.type_text("def subtract(a, b):")
    real.keys("Enter")
    real.type_text("return")
    real.wait("polypilot#Suggestion() !=# ''", MODEL_S)
    ghost, before = real.ghost(), real.text()
    assert ghost.strip()
    first = ghost.split("\n")[0].rstrip()
    screen = real.terminal.wait_screen(f"return{first}")
    assert any(row.endswith(f"return{first}") for row in screen)
    real.terminal.shot("vim-ghost")
    real.keys("Tab")
    real.wait_text(before + ghost)
    assert real.messages() == []
    # Now the chat, about this file.
    real.keys("Escape")
    real.command("PolypilotAttach")
    real.command("PolypilotChat")
    real.terminal.wait_screen("<CR> sends")
    real.type_text("iSay in one sentence what this file does.")
    real.keys("C-s")
    real.wait("TestTranscript() =~# '## embedded\\_.*\\n\\n\\_.*\\a'", MODEL_S)
    lengths = [len(real.transcript())]
    real.wait(f"strchars(TestTranscript()) > {lengths[0]}", MODEL_S)  # piece by piece
    # A model this small may write on to its limit.
    real.terminal.shot("vim-chat")
    real.keys("C-c")
    text = real.wait_transcript("*stopped")
    assert "code.py, " in text
    assert "**Error:**" not in text
    # What came is kept, and found again.
    real.command("PolypilotChatNew")
    real.wait("TestTranscript() ==# ''")
    real.command("PolypilotChatHistory")
    real.terminal.wait_screen("Conversations")
    real.keys("Enter")
    text = real.wait_transcript("*stopped")
    assert "Say in one sentence" in text


def test_providers_and_status(real: Vim) -> None:
    real.command("PolypilotSelect completion")
    real.terminal.wait_screen("needs a key", MODEL_S)
    real.keys("Escape")
    real.wait("empty(popup_list())")
    real.command("PolypilotStatus")
    real.terminal.wait_screen("workspace")
    assert any("completion   embedded" in row for row in real.terminal.screen())
    assert real.expr("polypilot#Statusline()").startswith("polypilot: ")
