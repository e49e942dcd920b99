"""What the editor tells the server: suggestions seen and taken in part, problems in the buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

METHOD = "textDocument/inlineCompletion"
SHOWN = "textDocument/didShowCompletion"
TAKEN = "textDocument/didPartiallyAcceptCompletion"
PROBLEMS = "polypilot/diagnostics"


def item(text: str, ident: str, **more: Any) -> dict[str, Any]:
    command = {"title": "t", "command": "polypilot.accepted", "arguments": [ident]}
    return {"insertText": text, "command": command, **more}


def insert(editor: Editor, text: str) -> None:
    editor.keys("i")
    editor.type_text(text)


def has_text(editor: Editor, *lines: str) -> None:
    quoted = ",".join(f"[==[{each}]==]" for each in lines)
    editor.wait(f"vim.deep_equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), {{{quoted}}})")


def lengths(peer: Peer) -> list[int]:
    return [each["params"]["acceptedLength"] for each in peer.all(TAKEN)]


def test_each_suggestion_is_told_of_as_shown_once(editing: Editor, peer: Peer) -> None:
    insert(editing, "v = ")
    one = item("one", "s1")
    peer.offer_at(0, 4, one)
    editing.wait_ghost("one")
    assert peer.wait(SHOWN)["params"] == {"item": one}
    editing.type_text("o")
    peer.offer_at(0, 5, item("ne", "s1"))
    editing.wait_ghost("ne")
    editing.keys("<M-Bslash>")
    peer.reply(peer.open_at(0, 5, kind=1), {"items": [item("ne", "s1"), item("ff", "s2")]})
    editing.wait("#Test.screen(1)[1] > 8")  # the count is drawn behind the line
    for ghost, key in (("ff", "<M-]>"), ("ne", "<M-]>"), ("ff", "<M-[>")):
        editing.keys(key)
        editing.wait_ghost(ghost)
    peer.wait(SHOWN, 2)
    editing.keys("<Tab>")
    peer.wait("workspace/executeCommand")
    arguments = [each["params"]["item"]["command"]["arguments"] for each in peer.all(SHOWN)]
    assert arguments == [["s1"], ["s2"]]


def test_what_is_not_drawn_was_not_shown(editing: Editor, peer: Peer) -> None:
    ghost = "require('polypilot.config').current.ghost"
    insert(editing, "v = ")
    request = peer.open_at(0, 4)
    editing.lua(f"{ghost}.suppress = function() return true end")
    peer.reply(request, {"items": [item("one", "s1")]})
    editing.wait("require('polypilot.shown').any()")
    assert editing.ghost() == ""
    editing.lua(f"{ghost}.suppress = nil")
    editing.type_text("x")
    peer.offer_at(0, 5, item("two", "s2"))
    editing.wait_ghost("two")
    assert peer.wait(SHOWN)["params"]["item"]["command"]["arguments"] == ["s2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_parts_are_told_in_utf_16_whatever_positions_are_in(
    editor: Editor, peer: Peer, encoding: str
) -> None:
    peer.encoding = encoding
    editor.setup()
    editor.edit("code.py")
    insert(editor, "x = ")
    whole = item("'😀' + é\r\n+ b", "s1")
    peer.offer_at(0, 4, whole)
    editor.wait_ghost("'😀' + é\n+ b")
    editor.keys("<M-C-Right>")
    has_text(editor, "x = '😀' + é")
    assert peer.wait(TAKEN)["params"] == {"item": whole, "acceptedLength": 8}
    editor.wait_ghost("\n+ b")
    editor.keys("<M-Right>")
    has_text(editor, "x = '😀' + é", "+")
    editor.wait_ghost(" b")
    peer.wait(TAKEN, 2)
    assert lengths(peer) == [8, 11]  # the line end came as two characters
    assert not peer.all("workspace/executeCommand")
    editor.keys("<M-Right>")
    has_text(editor, "x = '😀' + é", "+ b")
    accepted = peer.wait("workspace/executeCommand")["params"]
    assert accepted == {"command": "polypilot.accepted", "arguments": ["s1"]}
    assert len(lengths(peer)) == 2


def test_a_part_counts_from_the_items_start_not_from_the_cursor(
    editing: Editor, peer: Peer
) -> None:
    insert(editing, "é.pr")
    span = {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 5}}
    peer.offer_at(0, 5, item("print(a, b)", "s1", range=span))
    editing.wait_ghost("int(a, b)")
    editing.type_text("i")
    editing.wait_ghost("nt(a, b)")
    editing.keys("<M-Right>")
    has_text(editing, "é.print")
    peer.wait(TAKEN)
    assert lengths(peer) == [5]
    editing.wait_ghost("(a, b)")


def test_the_rest_stays_while_the_server_is_asked_again(editing: Editor, peer: Peer) -> None:
    insert(editing, "if x:")
    peer.offer_at(0, 5, item("\n    y = 1\n\n    z = 2", "s1"))
    editing.wait_ghost("\n    y = 1\n\n    z = 2")
    editing.keys("<M-C-Right>")
    has_text(editing, "if x:", "    y = 1")
    editing.wait_ghost("\n\n    z = 2")
    peer.reply(peer.open_at(1, 9), {"items": [item("\n\n    z = 2", "s1")]})
    editing.keys("<M-C-Right>")
    has_text(editing, "if x:", "    y = 1", "")
    editing.wait_ghost("\n    z = 2")
    assert editing.screen(4) == ["if x:", "    y = 1", "", "    z = 2"]
    editing.keys("<M-C-Right>")
    has_text(editing, "if x:", "    y = 1", "", "    z = 2")
    peer.wait("workspace/executeCommand")
    editing.keys("<Esc>u")
    has_text(editing, "if x:", "    y = 1", "")


def test_candidates_of_one_request_are_cycled_without_another(editing: Editor, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.reply(peer.open_at(0, 4), {"items": []})
    editing.keys("<M-Bslash>")
    answer = {"items": [item("one", "s1"), item("\n  two", "s2"), item("three", "s3")]}
    peer.reply(peer.open_at(0, 4, kind=1), answer)
    editing.wait_ghost("one")
    asked = len(peer.all(METHOD))
    for ghost, key in (("\n  two", "<M-]>"), ("three", "<M-]>"), ("one", "<M-]>")):
        editing.keys(key)
        editing.wait_ghost(ghost)
    editing.keys("<M-[>")
    editing.wait_ghost("three")
    assert len(peer.all(METHOD)) == asked
    editing.keys("<M-Right>")
    has_text(editing, "v = three")
    assert peer.wait("workspace/executeCommand")["params"]["arguments"] == ["s3"]


def test_only_what_the_user_sends_away_is_told_of_as_dismissed(editing: Editor, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("one", "s1"))
    editing.wait_ghost("one")
    editing.keys("<Esc>a")
    peer.offer_at(0, 4, item("two", "s2"))
    editing.wait_ghost("two")
    editing.keys("<C-]>")
    editing.wait_ghost("")
    told = peer.wait("workspace/executeCommand")["params"]
    assert told == {"command": "polypilot.dismissed", "arguments": ["s2"]}
    assert len(peer.all("workspace/executeCommand")) == 1


def test_a_server_that_knows_no_such_command_is_not_asked(editor: Editor, peer: Peer) -> None:
    peer.capabilities = {"executeCommandProvider": {"commands": ["polypilot.accepted"]}}
    editor.setup()
    editor.edit("code.py")
    insert(editor, "v = ")
    peer.offer_at(0, 4, item("one", "s1"))
    editor.wait_ghost("one")
    editor.keys("<C-]>")
    editor.wait_ghost("")
    editor.type_text("w")
    peer.offer_at(0, 5, item("two", "s2"))
    editor.wait_ghost("two")
    editor.keys("<Tab>")
    assert peer.wait("workspace/executeCommand")["params"]["command"] == "polypilot.accepted"
    assert editor.messages() == []


SET = """
local namespace = vim.api.nvim_create_namespace("test")
vim.diagnostic.set(namespace, ..., {
  { lnum = 0, col = 6, end_lnum = 0, end_col = 10, message = "no 😀", severity = 2,
    source = "tool", code = "E1" },
  { lnum = 7, col = 3, message = "beyond the end", severity = 1 },
})
"""


@pytest.mark.parametrize(
    ("encoding", "start", "end"), [("utf-8", 6, 10), ("utf-16", 5, 7), ("utf-32", 5, 6)]
)
def test_problems_of_the_buffer_are_told(
    editor: Editor, peer: Peer, encoding: str, start: int, end: int
) -> None:
    peer.encoding = encoding
    editor.setup()
    path = editor.edit("code.py", "é = '😀'\n")
    editor.lua(SET, 0)
    told = peer.wait(PROBLEMS)["params"]
    assert told["uri"] == path.as_uri()
    first, second = sorted(told["diagnostics"], key=lambda each: each["range"]["start"]["line"])
    assert first == {
        "range": {
            "start": {"line": 0, "character": start},
            "end": {"line": 0, "character": end},
        },
        "message": "no 😀",
        "severity": 2,
        "source": "tool",
        "code": "E1",
    }
    assert second["message"] == "beyond the end"
    assert second["range"]["start"] == {"line": 7, "character": 0}
    editor.lua("vim.diagnostic.reset()")
    assert peer.wait(PROBLEMS, 2)["params"]["diagnostics"] == []


def test_many_changes_are_told_at_once_and_the_same_ones_never_again(
    editing: Editor, peer: Peer
) -> None:
    one = (
        "vim.diagnostic.set(vim.api.nvim_create_namespace('test'), 0,"
        " {{ lnum = 0, col = 0, message = 'no ' .. n }})"
    )
    editing.lua(f"for n = 1, 20 do {one} end")
    assert peer.wait(PROBLEMS)["params"]["diagnostics"][0]["message"] == "no 20"
    editing.lua(f"local n = 20 {one}")
    editing.lua("vim.api.nvim_exec_autocmds('BufEnter', { buffer = 0 })")
    editing.lua("vim.wait(300)")  # longer than the editor waits for more changes
    editing.lua(f"local n = 21 {one}")
    assert peer.wait(PROBLEMS, 2)["params"]["diagnostics"][0]["message"] == "no 21"
    assert len(peer.all(PROBLEMS)) == 2


def test_problems_of_other_buffers_are_told_when_they_are_entered(
    editing: Editor, peer: Peer
) -> None:
    editing.lua("Test.first = vim.api.nvim_get_current_buf()")
    second = editing.edit("other.py", "x\n")
    editing.lua("local first = Test.first\n" + SET.replace("...", "first"))
    editing.lua(SET, 0)
    assert peer.wait(PROBLEMS)["params"]["uri"] == second.as_uri()
    editing.command("buffer code.py")
    assert peer.wait(PROBLEMS, 2)["params"]["uri"].endswith("code.py")


def test_problems_of_a_buffer_without_the_server_stay_here(editing: Editor, peer: Peer) -> None:
    editing.command("new | set buftype=nofile")
    editing.lua(SET, 0)
    editing.lua("vim.wait(300)")
    editing.command("bwipeout! | edit third.py")
    editing.wait("require('polypilot.client').attached(0) ~= nil")
    editing.lua(SET, 0)
    assert peer.wait(PROBLEMS)["params"]["uri"].endswith("third.py")
    assert len(peer.all(PROBLEMS)) == 1


def test_a_restarted_server_is_told_again(editing: Editor, peer: Peer) -> None:
    editing.lua(SET, 0)
    peer.wait(PROBLEMS)
    editing.command("PolypilotRestart")
    assert peer.wait(PROBLEMS, 2)["params"]["diagnostics"]


def test_what_was_typed_while_the_server_started_is_asked_about(editor: Editor, peer: Peer) -> None:
    start = peer.answers.pop("initialize")
    editor.setup()
    editor.command("edit code.py")
    insert(editor, "v = ")
    editor.wait("vim.api.nvim_get_current_line() == 'v = '")
    request = peer.wait("initialize")
    assert not peer.all(METHOD)
    peer.reply(request, start(request["params"]))
    peer.offer_at(0, 4, item("one", "s1"))
    editor.wait_ghost("one")
