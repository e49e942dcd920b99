"""The chat in a real Neovim, against a server whose every delta the test sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from terminal_peer import Message

    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

SEND = "polypilot/chat/send"
NAMES = {"sessionId": "s-1", "messageId": "m-1", "provider": "anthropic", "model": "claude-x"}


def ask(editor: Editor, peer: Peer, text: str, count: int = 1) -> Message:
    """Types a question into the prompt and sends it; returns the request."""
    editor.command("PolypilotChat")
    editor.keys("i")
    editor.type_text(text)
    editor.keys("<Esc><CR>")
    return peer.wait(SEND, count)


def end(peer: Peer, request: Message, reason: str = "end", **more: Any) -> None:
    peer.reply(request, {**NAMES, "stopReason": reason, **more})


def has(editor: Editor, part: str) -> None:
    editor.wait(f"Test.transcript():find([==[{part}]==], 1, true) ~= nil")


@pytest.mark.feature("neovim", "chat")
def test_answer_streams_into_the_transcript(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "what is <this>?")
    assert request["params"]["text"] == "what is <this>?"
    assert "sessionId" not in request["params"]
    peer.progress(request, kind="session", **NAMES)
    peer.progress(request, kind="text", text="It is\na ")
    has(editing, "It is\na ")
    peer.progress(request, kind="text", text="te")
    peer.progress(request, kind="text", text="st.")
    has(editing, "It is\na test.")
    assert "out*" not in editing.transcript()
    peer.progress(request, kind="usage", inputTokens=12, outputTokens=3)
    end(peer, request)
    has(editing, "12 tokens in, 3 out")
    assert editing.transcript().split("\n") == [
        "## You",
        "",
        "what is <this>?",
        "",
        "## anthropic / claude-x",
        "",
        "It is",
        "a test.",
        "",
        "*anthropic / claude-x · 12 tokens in, 3 out*",
    ]


def test_the_next_question_goes_on_with_the_session(editing: Editor, peer: Peer) -> None:
    end(peer, ask(editing, peer, "one"))
    editing.wait("not require('polypilot.chat').busy()")
    second = ask(editing, peer, "two", 2)
    assert second["params"]["sessionId"] == "s-1"
    end(peer, second)
    editing.wait("not require('polypilot.chat').busy()")
    editing.command("PolypilotChatNew")
    assert peer.wait("polypilot/chat/close")["params"] == {"sessionId": "s-1"}
    assert editing.transcript() == ""
    assert "sessionId" not in ask(editing, peer, "three", 3)["params"]


def test_sending_from_insert_mode(editing: Editor, peer: Peer) -> None:
    editing.command("PolypilotChat")
    editing.keys("ifirst<CR>second<C-s>")
    assert peer.wait(SEND)["params"]["text"] == "first\nsecond"
    editing.wait("vim.api.nvim_get_mode().mode == 'n'")
    assert editing.lines() == [""]


@pytest.mark.feature("neovim", "stop an answer")
def test_stop_cancels_and_keeps_what_came(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "long?")
    peer.progress(request, kind="session", **NAMES)
    peer.progress(request, kind="text", text="half an ans")
    has(editing, "half an ans")
    editing.keys("<C-c>")
    assert peer.wait("$/cancelRequest")["params"]["id"] == request["id"]
    has(editing, "*stopped*")
    # What still comes of the stopped answer isn't shown.
    peer.progress(request, kind="text", text="LATE")
    end(peer, request, "cancelled")
    second = ask(editing, peer, "again", 2)
    peer.progress(second, kind="text", text="fresh")
    has(editing, "fresh")
    assert "LATE" not in editing.transcript()
    assert "half an ans" in editing.transcript()


def test_thought_is_folded_away(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "hm?")
    peer.progress(request, kind="session", **NAMES)
    for part in ("first I\nthink", " about\nit"):
        peer.progress(request, kind="thought", text=part)
    peer.progress(request, kind="text", text="The answer.")
    end(peer, request)
    has(editing, "The answer.")
    assert "> first I\n> think about\n> it\n\nThe answer." in editing.transcript()
    editing.keys("<C-w>k")
    closed = editing.lua(
        "local out = {} for line = 1, vim.fn.line('$') do out[line] = vim.fn.foldclosed(line) end"
        " return out"
    )
    lines = editing.transcript().split("\n")
    first = lines.index("> first I") + 1
    folded = [number for number, start in enumerate(closed, 1) if start != -1]
    assert folded == [first, first + 1, first + 2]
    assert any("thought, 3 lines" in row for row in editing.screen(29))


def test_an_error_is_shown_with_its_cure(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    error = {
        "code": -32803,
        "message": "The key was \x1b[31mrefused",
        "data": {"code": "auth", "cure": "Run: polypilot auth set anthropic"},
    }
    peer.refuse(request, error)
    has(editing, "**Error:** The key was ^[[31mrefused\n\nRun: polypilot auth set anthropic")
    second = ask(editing, peer, "b", 2)
    peer.progress(second, kind="session", **NAMES)
    peer.progress(second, kind="text", text="part")
    trouble = {"code": "overloaded", "message": "Overloaded", "cure": "Try later"}
    end(peer, second, "error", error=trouble)
    has(editing, "part\n\n**Error:** Overloaded\n\nTry later")


def test_a_server_that_dies_ends_the_answer(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    peer.progress(request, kind="text", text="half")
    has(editing, "half")
    peer.hang_up()
    has(editing, "the server ended before the answer was complete")
    editing.command("PolypilotRestart")
    second = ask(editing, peer, "b", 2)
    assert "sessionId" not in second["params"]
    end(peer, second, text="whole")
    has(editing, "whole")


def test_one_answer_at_a_time_and_the_prompt_is_kept(editing: Editor, peer: Peer) -> None:
    ask(editing, peer, "a")
    editing.keys("ib<Esc><CR>")
    editing.wait_message("still being written")
    assert editing.lines() == ["b"]
    assert len(peer.all(SEND)) == 1


def test_text_that_looks_like_commands_stays_text(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    evil = (
        "vim: set fdm=expr fde=execute('let\\ g:pwned=1') ft=lua:\n\x1b]52;c;cGF3bmVk\x07 \x00 end"
    )
    peer.progress(request, kind="text", text=evil)
    end(peer, request)
    has(editing, "end\n\n*")
    options = editing.lua(
        "local t, p = require('polypilot.chat.windows').buffers() return {"
        " vim.bo[t].modeline, vim.bo[p].modeline, vim.bo[t].filetype, vim.bo[t].buftype,"
        " vim.bo[t].modifiable, vim.bo[t].swapfile, vim.g.pwned == nil }"
    )
    assert options == [False, False, "markdown", "nofile", False, False, True]
    editing.command("doautoall BufReadPost")
    assert editing.lua("return vim.g.pwned == nil")
    assert any("^[]52;c;" in row for row in editing.screen(29))


def test_an_open_fence_does_not_swallow_the_rest(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    peer.progress(request, kind="session", **NAMES)
    peer.progress(request, kind="text", text="see:\n```py")
    peer.progress(request, kind="text", text="thon\nx = 1")
    end(peer, request, "length")
    has(editing, "```python\nx = 1\n```\n\n*cut off")


def test_selection_and_document_go_along(editor: Editor, peer: Peer) -> None:
    peer.encoding = "utf-16"
    editor.setup()
    path = editor.edit("code.py", "a = '😀漢字'\nb = 2\nc = 3\n")
    editor.keys("f漢v<Esc>:'<lt>,'>PolypilotAsk explain this<CR>")
    request = peer.wait(SEND)
    assert request["params"]["text"] == "explain this"
    assert request["params"]["context"] == [
        {
            "kind": "selection",
            "uri": path.as_uri(),
            "range": {
                "start": {"line": 0, "character": 7},
                "end": {"line": 0, "character": 8},
            },
        }
    ]
    items = [
        {"uri": path.as_uri(), "tokens": 40, "redacted": 2},
        {"uri": path.with_name(".env").as_uri(), "tokens": 0, "redacted": 0, "refused": "excluded"},
    ]
    peer.progress(request, kind="context", items=items)
    end(peer, request)
    has(editor, "code.py, 40 tokens, 2 secrets taken out*")
    has(editor, ".env was not sent: excluded*")
    editor.wait("not require('polypilot.chat').busy()")
    # Whole lines, then the document; each goes with one message only.
    editor.command("wincmd h")
    editor.command("2,3PolypilotAttach")
    editor.command("PolypilotAttach")
    context = ask(editor, peer, "more", 2)["params"]["context"]
    assert context[0]["range"] == {
        "start": {"line": 1, "character": 0},
        "end": {"line": 2, "character": 5},
    }
    assert context[1] == {"kind": "document", "uri": path.as_uri()}
    end(peer, peer.wait(SEND, 2))
    editor.wait("not require('polypilot.chat').busy()")
    assert "context" not in ask(editor, peer, "plain", 3)["params"]


def test_chat_without_a_file_starts_the_server(editor: Editor, peer: Peer) -> None:
    editor.setup()
    request = ask(editor, peer, "hello")
    end(peer, request, text="hello you")
    has(editor, "hello you")


def test_work_progress_of_others_is_left_to_neovim(editing: Editor, peer: Peer) -> None:
    editing.lua(
        "Test.seen = {} vim.api.nvim_create_autocmd('LspProgress', {callback = function(e)"
        " table.insert(Test.seen, e.data.params.value.kind) end})"
    )
    request = ask(editing, peer, "a")
    peer.progress(request, kind="text", text="x")
    peer.notify(
        "$/progress", {"token": "model", "value": {"kind": "begin", "title": "Loading the model"}}
    )
    editing.wait("#Test.seen > 0")
    assert editing.lua("return Test.seen") == ["begin"]


def test_closing_one_window_closes_both_and_the_chat_comes_back(
    editing: Editor, peer: Peer
) -> None:
    end(peer, ask(editing, peer, "a"), text="kept")
    has(editing, "kept")
    assert editing.lua("return #vim.api.nvim_list_wins()") == 3
    editing.keys("q")
    editing.wait("#vim.api.nvim_list_wins() == 1")
    editing.command("PolypilotChat")
    assert editing.lua("return #vim.api.nvim_list_wins()") == 3
    assert "kept" in editing.transcript()
    editing.command("close")
    editing.wait("#vim.api.nvim_list_wins() == 1")


def test_scrolled_back_the_view_stays_where_it_is(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    peer.progress(request, kind="text", text="line\n" * 60)
    has(editing, "line\n" * 60)
    where = "return vim.api.nvim_win_get_cursor(Test.window)[1]"
    editing.lua("vim.cmd('wincmd k') Test.window = vim.api.nvim_get_current_win()")
    assert editing.lua(where) >= 60
    editing.keys("gg")
    peer.progress(request, kind="text", text="more\n")
    has(editing, "more")
    assert editing.lua(where) == 1
    editing.keys("G")
    peer.progress(request, kind="text", text="most\n")
    has(editing, "most")
    editing.wait("vim.api.nvim_win_get_cursor(Test.window)[1] == vim.fn.line('$', Test.window)")
