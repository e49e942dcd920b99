"""The whole way in a real Neovim: our server, the embedded runtime, a real small model.

The model has 135 million parameters: what it writes is never judged, only that it is written,
shown, accepted, and stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Editor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

# Loading the model and a cold prompt on a busy machine; a wait's bound, not a claim.
MODEL_S = 120.0
CONFIG = """
[completion]
provider = "embedded"
[chat]
provider = "embedded"
[embedded]
model = "smollm2-135m"
model_file = "{file}"
threads = 1
idle_minutes = 1
"""


@pytest.fixture
def real(start_real: Callable[[str], Editor]) -> Editor:
    """Neovim with the real program, and an empty Python file open."""
    editor = start_real(CONFIG)
    editor.edit("code.py", "def add(a, b):\n    return a + b\n\n\n")
    return editor


@pytest.mark.feature("neovim", "embedded model", "ghost text")
def test_from_keystroke_to_accepted_text(real: Editor) -> None:
    real.keys("Go")
    real.type_text("def subtract(a, b):")
    real.keys("<CR>    return")
    real.wait("Test.ghost() ~= ''", MODEL_S)
    ghost = real.ghost()
    before = real.lines()
    assert ghost.strip()
    real.keys("<Tab>")
    expected = "\n".join(before) + ghost
    joined = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"
    real.wait(f"{joined} == {_lua(expected)}")
    assert real.messages() == []
    real.keys("<Esc>u")
    real.wait(f"vim.deep_equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), {_lua_list(before)})")


def test_typing_along_keeps_the_suggestion(real: Editor) -> None:
    real.keys("Go")
    real.type_text("def multiply(a, b):")
    real.keys("<CR>    return")
    real.wait("#Test.ghost() > 2 and not Test.ghost():find('\\n')", MODEL_S)
    ghost = real.ghost()
    real.type_text(ghost[0])
    real.wait(f"vim.startswith({_lua(ghost[1:])}, Test.ghost()) or Test.ghost() ~= ''", MODEL_S)


@pytest.mark.feature("neovim", "embedded model", "chat")
def test_from_question_to_streamed_answer(real: Editor) -> None:
    real.lua(
        "Test.lengths = {} local transcript = require('polypilot.chat.transcript')"
        " local stream = transcript.stream transcript.stream = function(...)"
        " stream(...) table.insert(Test.lengths, #Test.transcript()) end"
    )
    real.command("PolypilotAttach")
    real.command("PolypilotChat")
    real.keys("iSay in one sentence what this file does.<C-s>")
    real.wait("#Test.lengths > 1", MODEL_S)
    # A model this small may write on to its limit, which takes minutes.
    busy = "require('polypilot.chat').busy()"
    real.wait(f"not {busy} or #Test.lengths > 60", 2 * MODEL_S)
    stopped = real.lua(f"return {busy}")
    if stopped:
        real.keys("<C-c>")
        real.wait(f"not {busy}")
    text = real.transcript()
    assert "## embedded" in text
    assert "code.py" in text
    assert "**Error:**" not in text
    assert "tokens in" in text or (stopped and "*stopped" in text)
    lengths = real.lua("return Test.lengths")
    assert lengths == sorted(set(lengths))
    assert len(lengths) > 1  # it came piece by piece


def test_an_answer_can_be_stopped(real: Editor) -> None:
    real.command("PolypilotChat")
    for _ in range(5):  # now and then it has said all that it has to say before
        real.keys("iCount from one to a thousand, one number in each line.<C-s>")
        real.wait("Test.transcript():find('## embedded.*%w.*\\n.*%w') ~= nil", MODEL_S)
        real.keys("<C-c>")
        real.wait("not require('polypilot.chat').busy()", MODEL_S)
        if "*stopped*" in real.transcript():
            break
        real.keys("<Esc>")
        real.command("PolypilotChatNew")
    assert "*stopped*" in real.transcript()
    real.keys("iSay yes.<C-s>")
    # So small a model may go on for ever: that it answers again is enough.
    real.wait("Test.transcript():find('Say yes.*## embedded.*\\n.*%w') ~= nil", MODEL_S)
    real.keys("<C-c>")
    real.wait("not require('polypilot.chat').busy()")
    assert real.transcript().count("## You") == 2
    assert "**Error:**" not in real.transcript()


def test_providers_status_and_health(real: Editor) -> None:
    real.lua(
        "vim.ui.select = function(items, options)"
        " Test.offered = vim.tbl_map(options.format_item, items) end"
    )
    real.command("PolypilotSelect completion")
    real.wait("Test.offered ~= nil", MODEL_S)
    offered: list[Any] = real.lua("return Test.offered")
    assert any("on this machine" in each for each in offered)
    assert any("Anthropic" in each for each in offered)
    real.command("PolypilotStatus")
    assert "embedded" in real.wait_message("completion")
    real.command("checkhealth polypilot")
    report = "\n".join(real.lines())
    assert "polypilot" in report
    assert "running:" in report
    assert "the server's checks failed" not in report


def _lua(text: str) -> str:
    return f"[==[\n{text}]==]"


def _lua_list(lines: list[str]) -> str:
    return "{" + ",".join(_lua(line) for line in lines) + "}"
