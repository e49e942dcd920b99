"""Ghost text, in a real Neovim against a server whose every answer the test chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

SIGNATURE = "def add(a, b):"
END = len(SIGNATURE)
BODY = "\n    return a + b"
METHOD = "textDocument/inlineCompletion"


def item(text: str, command: str = "", **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"insertText": text, **more}
    if command:
        row["command"] = {"title": "", "command": "polypilot.accepted", "arguments": [command]}
    return row


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {
        "start": {"line": line, "character": start},
        "end": {"line": line, "character": end},
    }


def insert(editor: Editor, text: str) -> None:
    editor.keys("i")
    editor.type_text(text)


def has_text(editor: Editor, *lines: str) -> None:
    editor.wait(f"vim.deep_equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), {lua_list(lines)})")


def lua_list(lines: tuple[str, ...]) -> str:
    return "{" + ",".join(f"[==[{each}]==]" for each in lines) + "}"


@pytest.mark.feature("neovim", "ghost text")
def test_suggestion_is_drawn_and_nothing_in_the_buffer_changes(editing: Editor, peer: Peer) -> None:
    insert(editing, SIGNATURE)
    peer.offer_at(0, END, item(BODY))
    editing.wait_ghost(BODY)
    assert editing.lines() == [SIGNATURE]
    assert editing.screen(2) == [SIGNATURE, "    return a + b"]


def test_request_sees_the_text_as_it_is(editing: Editor, peer: Peer) -> None:
    insert(editing, SIGNATURE)
    request = peer.offer_at(0, END, item(BODY))
    messages = list(peer.messages)
    before = messages[: messages.index(request)]
    text = "".join(
        change["text"]
        for each in before
        if each.get("method") == "textDocument/didChange"
        for change in each["params"]["contentChanges"]
    )
    assert text.replace("\n", "") == SIGNATURE


def test_tab_accepts_all_and_runs_the_command(editing: Editor, peer: Peer) -> None:
    insert(editing, SIGNATURE)
    peer.offer_at(0, END, item(BODY, "id-1"))
    editing.wait_ghost(BODY)
    editing.keys("<Tab>")
    has_text(editing, SIGNATURE, "    return a + b")
    assert editing.cursor() == (2, 16)
    accepted = peer.wait("workspace/executeCommand")["params"]
    assert accepted == {"command": "polypilot.accepted", "arguments": ["id-1"]}
    assert editing.ghost() == ""


def test_accepting_is_one_undo_step_of_its_own(editing: Editor, peer: Peer) -> None:
    insert(editing, SIGNATURE)
    peer.offer_at(0, END, item(BODY))
    editing.wait_ghost(BODY)
    editing.keys("<Tab>")
    has_text(editing, SIGNATURE, "    return a + b")
    editing.type_text(" + c")
    editing.keys("<Esc>")
    has_text(editing, SIGNATURE, "    return a + b + c")
    editing.keys("u")
    has_text(editing, SIGNATURE, "    return a + b")
    editing.keys("u")
    has_text(editing, SIGNATURE)
    editing.keys("u")
    has_text(editing, "")


@pytest.mark.feature("neovim", "accept a word or line")
def test_word_then_line_then_rest(editing: Editor, peer: Peer) -> None:
    insert(editing, "x = ")
    peer.offer_at(0, 4, item("naïve_name + 1\ny = 2", "id-2"))
    editing.wait_ghost("naïve_name + 1\ny = 2")
    editing.keys("<M-Right>")
    has_text(editing, "x = naïve_name")
    editing.wait_ghost(" + 1\ny = 2")
    editing.keys("<M-Right>")
    has_text(editing, "x = naïve_name +")
    editing.keys("<M-C-Right>")
    has_text(editing, "x = naïve_name + 1")
    editing.wait_ghost("\ny = 2")
    assert not peer.all("workspace/executeCommand")
    editing.keys("<M-C-Right>")
    has_text(editing, "x = naïve_name + 1", "y = 2")
    assert editing.cursor() == (2, 5)
    peer.wait("workspace/executeCommand")


def test_typing_what_is_suggested_keeps_it_without_a_gap(editing: Editor, peer: Peer) -> None:
    insert(editing, "pri")
    peer.offer_at(0, 3, item("nt(x)"))
    editing.wait_ghost("nt(x)")
    # What is drawn is noted at each change, before any answer can have come.
    editing.lua(
        "Test.seen = {}; vim.api.nvim_create_autocmd('TextChangedI', {callback = function()"
        " table.insert(Test.seen, Test.ghost()) end})"
    )
    for char in "nt(":
        editing.type_text(char)
        column = editing.cursor()[1]
        editing.wait(f"#Test.seen >= {column - 3}")
    assert editing.lua("return Test.seen") == ["t(x)", "(x)", "x)"]
    # Each keystroke asked again; the answer may carry on from there.
    peer.offer_at(0, 6, item("x, y)"))
    editing.wait_ghost("x, y)")


def test_typing_over_a_line_end_keeps_it(editing: Editor, peer: Peer) -> None:
    insert(editing, SIGNATURE)
    peer.offer_at(0, END, item(BODY))
    editing.wait_ghost(BODY)
    editing.command("set indentexpr= noautoindent")
    editing.keys("<CR>    re")
    editing.wait_ghost("turn a + b")


def test_typing_something_else_takes_it_away(editing: Editor, peer: Peer) -> None:
    insert(editing, "a")
    peer.offer_at(0, 1, item("bc"))
    editing.wait_ghost("bc")
    editing.type_text("x")
    editing.wait_ghost("")
    peer.offer_at(0, 2)
    assert editing.lines() == ["ax"]


def test_empty_answer_takes_it_away_and_null_does_not(editing: Editor, peer: Peer) -> None:
    insert(editing, "a")
    peer.offer_at(0, 1, item("bcd"))
    editing.wait_ghost("bcd")
    editing.type_text("b")
    editing.wait_ghost("cd")
    peer.reply(peer.open_at(0, 2), None)
    editing.type_text("c")
    editing.wait_ghost("d")
    peer.offer_at(0, 3)
    editing.wait_ghost("")


def test_a_new_keystroke_cancels_the_request_before(editing: Editor, peer: Peer) -> None:
    insert(editing, "a")
    first = peer.open_at(0, 1)
    editing.type_text("b")
    peer.offer_at(0, 2, item("right"))
    cancelled = [each["params"]["id"] for each in peer.all("$/cancelRequest")]
    assert first["id"] in cancelled
    editing.wait_ghost("right")
    # A late answer to what was cancelled changes nothing.
    peer.reply(first, {"items": [item("WRONG")]})
    assert editing.lua("vim.wait(0); return 1") == 1
    assert editing.ghost() == "right"


def test_leaving_insert_mode_takes_it_away(editing: Editor, peer: Peer) -> None:
    insert(editing, "a")
    peer.offer_at(0, 1, item("bc"))
    editing.wait_ghost("bc")
    editing.keys("<Esc>")
    editing.wait_ghost("")
    assert editing.lines() == ["a"]


@pytest.mark.parametrize(
    ("encoding", "units"),
    [("utf-8", (8, 10, 13)), ("utf-16", (4, 5, 6)), ("utf-32", (3, 4, 5))],
)
def test_positions_beyond_ascii(
    editor: Editor, peer: Peer, encoding: str, units: tuple[int, int, int]
) -> None:
    """In `x😀漢é漢 tail` the range is `é漢`, the cursor between the two."""
    start, here, stop = units
    peer.encoding = encoding
    editor.setup()
    editor.edit("code.py", "x😀漢é漢 tail\n")
    editor.keys("fé" + "a")
    peer.offer_at(0, here, item("é😀漢字", range=span(0, start, stop)))
    editor.wait_ghost("😀字")
    editor.keys("<Tab>")
    has_text(editor, "x😀漢é😀漢字 tail")


def test_carriage_returns_of_the_server_stay_out_of_a_crlf_buffer(
    editor: Editor, peer: Peer
) -> None:
    editor.setup()
    path = editor.edit("code.py", "a = 1\r\nb = \r\n")
    assert editor.lua("return vim.bo.fileformat") == "dos"
    opened = peer.wait("textDocument/didOpen")["params"]["textDocument"]
    assert opened["text"] == "a = 1\r\nb = \r\n"
    editor.keys("GA")
    peer.offer_at(1, 4, item("2\r\nc = 3"))
    editor.wait_ghost("2\nc = 3")
    editor.keys("<Tab><Esc>")
    has_text(editor, "a = 1", "b = 2", "c = 3")
    editor.command("write")
    assert path.read_bytes() == b"a = 1\r\nb = 2\r\nc = 3\r\n"


def test_range_replaces_what_stands_after_the_cursor(editing: Editor, peer: Peer) -> None:
    insert(editing, "f()")
    editing.keys("<Left>")
    peer.offer_at(0, 2, item("a, (b)):", range=span(0, 2, 3)))
    # The bracket that is there is drawn where it is, not twice.
    editing.wait_ghost("a, (b):")
    assert editing.screen(1) == ["f(a, (b)):"]
    editing.keys("<Tab>")
    has_text(editing, "f(a, (b)):")
    assert editing.cursor() == (1, 10)


def test_what_follows_moves_to_the_last_line(editing: Editor, peer: Peer) -> None:
    insert(editing, "f(z)")
    editing.keys("<Left><Left>")
    peer.offer_at(0, 2, item("\n  a,\n  "))
    editing.wait_ghost("  \n  a,\n  z)")
    assert editing.screen(3) == ["f(", "  a,", "  z)"]
    editing.keys("<Tab>")
    has_text(editing, "f(", "  a,", "  z)")


def test_a_bracket_that_another_plugin_closed_is_not_doubled(editing: Editor, peer: Peer) -> None:
    insert(editing, "f")
    peer.offer_at(0, 1, item("(x)"))
    editing.wait_ghost("(x)")
    editing.lua("vim.keymap.set('i', '(', '()<Left>')")
    editing.keys("(")
    editing.wait_ghost("x")
    editing.keys("<Tab>")
    has_text(editing, "f(x)")


def test_tabs_and_control_characters_are_drawn_harmlessly(editing: Editor, peer: Peer) -> None:
    editing.command("set tabstop=4")
    insert(editing, "ab")
    peer.offer_at(0, 2, item("\tc\n\td\x1b[31m"))
    editing.wait_ghost("  c\n    d^[[31m")


@pytest.mark.feature("neovim", "next suggestion")
def test_cycling_asks_for_all_once_and_goes_round(editing: Editor, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("<M-]>")
    request = peer.offer_at(0, 4, item("one"), item("two"), item("three"))
    assert request["params"]["context"] == {"triggerKind": 1}
    editing.wait_ghost("two")
    count = len(peer.all(METHOD))
    for expected, key in (("three", "<M-]>"), ("one", "<M-]>"), ("three", "<M-[>")):
        editing.keys(key)
        editing.wait_ghost(expected)
    assert editing.screen(1) == ["v = three 3/3"]
    assert len(peer.all(METHOD)) == count
    editing.keys("<Tab>")
    has_text(editing, "v = three")


def test_dismiss_and_ask_again_by_key(editing: Editor, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("<C-]>")
    editing.wait_ghost("")
    editing.keys("<M-Bslash>")
    peer.reply(peer.open_at(0, 4, kind=1), {"items": [item("again")]})
    editing.wait_ghost("again")


def test_refusal_is_shown_when_the_user_asked_and_only_then(editing: Editor, peer: Peer) -> None:
    error = {
        "code": -32803,
        "message": "the key was refused",
        "data": {"code": "auth", "cure": "polypilot auth set anthropic"},
    }
    insert(editing, "v")
    peer.refuse(peer.open_at(0, 1), error)
    editing.keys("<M-Bslash>")
    peer.refuse(peer.open_at(0, 1, kind=1), error)
    editing.wait_message("the key was refused\npolypilot auth set anthropic")
    assert len(editing.messages()) == 1


def test_tab_does_what_it_did_before(editor: Editor, peer: Peer) -> None:
    editor.lua("vim.keymap.set('i', '<Tab>', function() return 'TAB' end, { expr = true })")
    editor.setup()
    editor.edit("code.py")
    editor.keys("i<Tab>")
    has_text(editor, "TAB")
    # Also after a second setup, and when the key is given back.
    editor.setup()
    editor.keys("<Tab>")
    has_text(editor, "TABTAB")
    peer.offer_at(0, 6, item("!"))
    editor.wait_ghost("!")
    editor.keys("<Tab>")
    has_text(editor, "TABTAB!")
    editor.setup("{ keys = false }")
    editor.keys("x")
    peer.offer_at(0, 8, item("?"))
    editor.wait_ghost("?")
    editor.keys("<Tab>")
    has_text(editor, "TABTAB!xTAB")


def test_tab_without_a_mapping_is_a_tab(editing: Editor) -> None:
    editing.command("set noexpandtab")
    editing.keys("i<Tab>x")
    has_text(editing, "\tx")


def test_mappings_of_the_users_own(editor: Editor, peer: Peer) -> None:
    editor.setup("{ keys = false }")
    editor.lua("vim.keymap.set('i', '<C-y>', '<Plug>(polypilot-accept)')")
    editor.lua("vim.keymap.set('i', '<C-l>', function() require('polypilot').accept('word') end)")
    editor.edit("code.py")
    insert(editor, "v")
    peer.offer_at(0, 1, item(" = one"))
    editor.wait_ghost(" = one")
    editor.keys("<C-l>")
    has_text(editor, "v =")
    editor.keys("<C-y>")
    has_text(editor, "v = one")


def test_hidden_while_the_menu_is_open(editing: Editor, peer: Peer) -> None:
    editing.command("set completeopt=menuone,noselect")
    insert(editing, "word wo")
    peer.offer_at(0, 7, item("w!"))
    editing.wait_ghost("w!")
    editing.keys("<C-n>")
    editing.wait("vim.fn.pumvisible() == 1")
    editing.wait_ghost("")
    editing.keys("<C-e>")
    editing.wait("vim.fn.pumvisible() == 0")
    editing.wait_ghost("w!")


def test_paused_switched_off_here_or_by_hand(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/pause"] = lambda params: params
    editing.command("PolypilotPause")
    editing.wait("require('polypilot').status().paused == true")
    insert(editing, "a")
    editing.keys("<M-Bslash>")
    peer.open_at(0, 1, kind=1)
    editing.keys("<Esc>")
    editing.command("PolypilotPause off")
    editing.wait("require('polypilot').status().paused == false")
    editing.command("PolypilotToggle")
    editing.keys("ob<M-Bslash>")
    peer.open_at(1, 1, kind=1)
    assert len(peer.all(METHOD)) == 2
    assert editing.lines() == ["a", "b"]


def test_native_inline_completion_does_not_draw_a_second_time(editor: Editor, peer: Peer) -> None:
    enable = "if vim.lsp.inline_completion then vim.lsp.inline_completion.enable(true) end"
    editor.lua(enable)
    editor.setup()
    editor.edit("code.py")
    editor.lua(enable)
    insert(editor, "v")
    peer.offer_at(0, 1, item(" = one"))
    editor.wait_ghost(" = one")
    # Native completion attaches to a client by this, and asks some time after a keystroke.
    assert not editor.lua(
        f"return require('polypilot.client').attached(0):supports_method('{METHOD}')"
    )


def test_a_buffer_without_a_filetype_is_served_too(editor: Editor, peer: Peer) -> None:
    editor.setup()
    editor.command("enew")
    editor.keys("ihello")
    editor.wait("require('polypilot.client').attached(0) ~= nil")
    editor.keys(" w")
    peer.offer_at(0, 7, item("orld"))
    editor.wait_ghost("orld")
