"""The sources for blink.cmp and nvim-cmp, called as those call theirs.

Neither plugin is in a registry, so a driver stands for each: it hands over the context that their
documentation describes, applies the edit of an entry as they do, and lets the source execute it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Editor, Peer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

METHOD = "textDocument/inlineCompletion"
DRIVER = """
Test.source = require("polypilot.%s").new()
Test.edit = function(item)
  vim.lsp.util.apply_text_edits({ item.textEdit }, vim.api.nvim_get_current_buf(), "utf-8")
end
Test.blink = function()
  local cursor = vim.api.nvim_win_get_cursor(0)
  local context = { bufnr = vim.api.nvim_get_current_buf(), cursor = cursor }
  Test.stop = Test.source:get_completions(context, function(answer) Test.answer = answer end)
end
Test.cmp = function()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local context = { bufnr = vim.api.nvim_get_current_buf(),
    cursor = { row = row, col = column + 1, line = row - 1 } }
  Test.source:complete({ context = context }, function(answer) Test.answer = answer end)
end
Test.take = { blink = function(item)
  Test.source:execute({}, item, function() Test.done = true end, function() Test.edit(item) end)
end, cmp = function(item)
  Test.edit(item)
  Test.source:execute(item, function() Test.done = true end)
end }
"""


@pytest.fixture(params=["blink", "cmp"])
def engine(request: pytest.FixtureRequest, editor: Editor, peer: Peer) -> str:
    """The plugin whose source is driven; ghost text is off."""
    peer.encoding = "utf-16"
    editor.setup("{ ghost = { auto = false } }")
    editor.edit("code.py", "x = 'é'\n")
    peer.wait("textDocument/didOpen")
    editor.lua(DRIVER % request.param)
    return str(request.param)


def offer(text: str, ident: str = "i-1", **more: Any) -> dict[str, Any]:
    command = {"title": "", "command": "polypilot.accepted", "arguments": [ident]}
    return {"insertText": text, "command": command, **more}


def answered(editor: Editor, peer: Peer, engine: str, *items: dict[str, Any]) -> dict[str, Any]:
    """What the source gives when the server gives that."""
    editor.lua("Test.answer = nil")
    count = len(peer.all(METHOD))
    editor.lua(f"Test.{engine}()")
    request = peer.wait(METHOD, count + 1)
    peer.reply(request, {"items": list(items)})
    editor.wait("Test.answer ~= nil")
    return editor.lua("return Test.answer")


def test_entries_are_taken_and_the_server_is_told(engine: str, editor: Editor, peer: Peer) -> None:
    editor.keys("ofoo ba")
    editor.wait("vim.api.nvim_get_current_line() == 'foo ba'")
    text = "r(1)\n    baz()"
    answer = answered(editor, peer, engine, offer(text), offer("nana", "i-2"))
    assert peer.all(METHOD)[-1]["params"]["position"] == {"line": 1, "character": 6}
    first, second = answer["items"]
    assert (first["label"], first["filterText"]) == ("r(1)", "bar(1)")
    assert first["documentation"]["value"] == f"```python\n{text}\n```"
    assert second["filterText"] == "banana"
    assert answer.get("is_incomplete_forward", answer.get("isIncomplete")) is True
    editor.lua(f"Test.take.{engine}(Test.answer.items[1])")
    editor.wait("Test.done == true")
    assert editor.lines() == ["x = 'é'", "foo bar(1)", "    baz()"]
    told = peer.wait("workspace/executeCommand")["params"]
    assert (told["command"], told["arguments"]) == ("polypilot.accepted", ["i-1"])


def test_a_range_is_in_bytes_whatever_the_server_counts(
    engine: str, editor: Editor, peer: Peer
) -> None:
    editor.keys("A")
    span = {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 7}}
    answer = answered(editor, peer, engine, offer("é' + y", range=span))
    assert answer["items"][0]["textEdit"]["range"] == {
        "start": {"line": 0, "character": 5},
        "end": {"line": 0, "character": 8},
    }
    editor.lua(f"Test.take.{engine}(Test.answer.items[1])")
    assert editor.lines() == ["x = 'é' + y"]


def test_what_comes_too_late_or_is_not_wanted_is_empty(
    engine: str, editor: Editor, peer: Peer
) -> None:
    editor.keys("A")
    editor.lua(f"Test.{engine}()")
    request = peer.wait(METHOD)
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, 1, false, { 'y' })")
    peer.reply(request, {"items": [offer("late")]})
    editor.wait("Test.answer ~= nil")
    assert not editor.lua("return Test.answer.items")
    editor.lua("vim.b.polypilot_enabled = false; Test.answer = nil")
    enabled = "enabled" if engine == "blink" else "is_available"
    assert editor.lua(f"return Test.source:{enabled}()") is False
    editor.lua(f"Test.{engine}()")
    assert not editor.lua("return Test.answer.items")
    assert len(peer.all(METHOD)) == 1


def test_the_request_before_is_cancelled(engine: str, editor: Editor, peer: Peer) -> None:
    editor.keys("A")
    editor.lua(f"Test.{engine}()")
    request = peer.wait(METHOD)
    editor.lua("Test.stop()" if engine == "blink" else "Test.cmp()")
    assert peer.wait("$/cancelRequest")["params"]["id"] == request["id"]
    peer.reply(request, {"items": [offer("old")]})
    if engine == "cmp":
        peer.reply(peer.wait(METHOD, 2), {"items": [offer("new")]})
        editor.wait("Test.answer ~= nil")
        assert editor.lua("return Test.answer.items[1].label") == "new"
