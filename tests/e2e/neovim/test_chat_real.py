"""The chat in a real Neovim, with our server and a small embedded model.

The model has 135 million parameters: what it writes is never judged, only how it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Editor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

# Loading the model and a cold prompt on a busy machine; a wait's bound, not a claim.
MODEL_S = 120.0
BUSY = "require('polypilot.chat').busy()"
RUNNING = "require('polypilot.client').running()"
CONFIG = """
[completion]
provider = "embedded"
enabled = false
[chat]
provider = "embedded"
mode = "plain"
[embedded]
model = "smollm2-135m"
model_file = "{file}"
threads = 1
idle_minutes = 1
"""
COUNTING = """
Test.texts, Test.wire = {}, 0
local answer = require("polypilot.chat.answer")
local take = answer.take
answer.take = function(mine, value)
  if value.kind == "text" then
    table.insert(Test.texts, value.text)
  end
  Test.wire = Test.wire + #vim.json.encode({ token = mine.token, value = value })
  return take(mine, value)
end
"""


@pytest.fixture
def real(start_real: Callable[[str], Editor]) -> Editor:
    """Neovim with the real program, which counts what it is sent."""
    editor = start_real(CONFIG)
    editor.edit("code.py", "def add(a, b):\n    return a + b\n")
    editor.lua(COUNTING)
    return editor


def ask(real: Editor, text: str) -> None:
    real.command("PolypilotChat")
    real.keys("i")
    real.type_text(text)
    real.keys("<C-s>")


def ask_until_it_streams(real: Editor, text: str) -> None:
    """Such a small model says a word and ends now and then, which is one delta."""
    for _ in range(5):
        real.lua("Test.texts, Test.wire = {}, 0")
        ask(real, text)
        real.wait(f"#Test.texts > 1 or (#Test.texts == 1 and not {BUSY})", MODEL_S)
        if real.lua("return #Test.texts > 1"):
            return
        real.keys("<Esc>")
        real.command("PolypilotChatNew")
    pytest.fail("five answers of one delta each")


def ask_until_it_can_be_stopped(real: Editor, text: str) -> None:
    """Now and then it has said all that it has to say before it is stopped."""
    for _ in range(5):
        real.lua("Test.texts = {}")
        ask(real, text)
        real.wait(f"#Test.texts > 2 or (#Test.texts > 0 and not {BUSY})", MODEL_S)
        real.keys("<C-c>")
        real.wait(f"not {BUSY}")
        if "*stopped" in real.transcript():
            return
        real.keys("<Esc>")
        real.command("PolypilotChatNew")
    pytest.fail("five answers that ended by themselves")


def test_an_answer_streams_onto_the_screen_and_no_delta_repeats(real: Editor) -> None:
    ask_until_it_streams(real, "Name three colours.")
    real.wait(f"not {BUSY}", 2 * MODEL_S)
    texts: list[str] = real.lua("return Test.texts")
    transcript = real.transcript()
    assert "".join(texts).strip() in transcript
    answer = transcript.split("## embedded", 1)[1].split("\n", 2)[2].rsplit("\n\n*", 1)[0]
    sent = sum(len(each.encode()) for each in texts)
    assert sent <= 1.3 * len(answer.encode())
    print(f"{len(texts)} deltas, {sent} bytes of text for {len(answer.encode())} shown,")  # noqa: T201  # figures
    print(f"{real.lua('return Test.wire')} with what is around them")  # noqa: T201  # figures
    # The screen: code on the left, on the right title, question, answer and prompt.
    screen = real.screen(28)
    left, right = zip(*(row.partition("│")[::2] for row in screen if "│" in row), strict=True)
    assert left[0].startswith("def add(a, b):")
    assert right[0].startswith("Polypilot · ")
    shown = "\n".join(each.strip() for each in right)
    # The window breaks its lines where they are full, in a long word too.
    assert "".join(answer.split())[-20:] in "".join(shown.split())  # the end is in view
    assert "tokensin," in "".join(shown.split())
    assert "<CR> sends" in shown
    assert real.messages() == []


def test_an_answer_that_is_stopped_is_kept_and_the_conversation_goes_on(real: Editor) -> None:
    ask_until_it_can_be_stopped(real, "Count from one to a thousand, one number in each line.")
    # What came is in the history, and the history is there after a restart.
    real.lua("Test.before = require('polypilot.client').running().id")
    real.command("PolypilotRestart")
    real.wait(f"({RUNNING} or {{ id = Test.before }}).id ~= Test.before", MODEL_S)
    real.lua(
        "require('polypilot.chat').new()"
        " vim.ui.select = function(rows, _, chosen) chosen(rows[1], 1) end"
    )
    real.command("PolypilotChatHistory")
    real.wait("Test.transcript():find('Count from one.*## embedded.*%w') ~= nil", MODEL_S)
    assert "*stopped" in real.transcript()
    real.lua("Test.texts = {}")
    ask(real, "Say yes.")
    real.wait("#Test.texts > 0", MODEL_S)
    real.keys("<C-c>")
    real.wait(f"not {BUSY}")
