"""Suggestions in a real Vim, against a server whose every answer the test sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import Message, item, poll, span

if TYPE_CHECKING:
    from terminal_peer import Peer

    from conftest import Vim

pytestmark = pytest.mark.e2e

METHOD = "textDocument/inlineCompletion"
SHOWN = "textDocument/didShowCompletion"
TAKEN = "textDocument/didPartiallyAcceptCompletion"


def insert(vim: Vim, text: str) -> None:
    """Types text in insert mode."""
    vim.type_text("i" + text)


def commands(peer: Peer) -> list[Any]:
    """The commands that the server was told to run, with their arguments."""
    return [
        (each["params"]["command"], each["params"]["arguments"])
        for each in peer.all("workspace/executeCommand")
    ]


@pytest.mark.feature("vim", "ghost text")
def test_typed_shown_accepted_undone(editing: Vim, peer: Peer) -> None:
    insert(editing, "def add(a, b):")
    request = peer.offer_at(0, 14, item("\n    return a + b"))
    assert request["params"]["context"] == {"triggerKind": 2}
    editing.wait_ghost("\n    return a + b")
    screen = editing.terminal.wait_screen("return a + b")
    assert screen[:2] == ["def add(a, b):", "    return a + b"]
    assert editing.terminal.cursor() == (0, 14)
    assert editing.text() == "def add(a, b):"
    editing.terminal.shot("vim-ghost-scripted")
    assert peer.wait(SHOWN)["params"]["item"]["command"]["arguments"] == ["i-1"]
    editing.keys("Tab")
    editing.wait_text("def add(a, b):\n    return a + b")
    assert editing.expr("mode()") == "i"
    peer.wait("workspace/executeCommand")
    assert commands(peer) == [("polypilot.accepted", ["i-1"])]
    uri = peer.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    wanted = editing.text() + "\n"
    poll(lambda: peer.document(uri) == wanted, "the server's copy is the same")
    editing.keys("Escape")
    editing.type_text("u")
    editing.wait_text("def add(a, b):")


def test_typing_along_keeps_it_and_typing_something_else_does_not(editing: Vim, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("foo(1)"))
    editing.wait_ghost("foo(1)")
    editing.type_text("f")
    editing.wait_ghost("oo(1)")
    assert editing.terminal.wait_screen("v = foo(1)")[0] == "v = foo(1)"
    editing.keys("BSpace")
    editing.wait_ghost("foo(1)")
    editing.type_text("x")
    editing.wait_ghost("")
    editing.wait_text("v = x")
    assert len(peer.all(SHOWN)) == 1


@pytest.mark.feature("vim", "accept a word or line")
def test_word_then_line_then_the_rest(editing: Vim, peer: Peer) -> None:
    insert(editing, "x")
    peer.offer_at(0, 1, item(" = 😀one(two)\r\ny = 3\r\nz"))
    editing.wait_ghost(" = 😀one(two)\ny = 3\nz")
    editing.keys("M-Right")
    editing.wait_text("x =")
    first = peer.wait(TAKEN)["params"]
    assert (first["acceptedLength"], first["item"]["command"]["arguments"]) == (2, ["i-1"])
    editing.wait_ghost(" 😀one(two)\ny = 3\nz")
    editing.keys("M-C-Right")
    editing.wait_text("x = 😀one(two)")
    assert peer.wait(TAKEN, 2)["params"]["acceptedLength"] == 13
    editing.keys("M-C-Right")
    editing.wait_text("x = 😀one(two)\ny = 3")
    assert peer.wait(TAKEN, 3)["params"]["acceptedLength"] == 20
    editing.keys("Tab")
    editing.wait_text("x = 😀one(two)\ny = 3\nz")
    peer.wait("workspace/executeCommand")
    assert commands(peer) == [("polypilot.accepted", ["i-1"])]


def test_keys_do_what_they_did_when_there_is_nothing(editing: Vim, peer: Peer) -> None:
    editing.ex("setlocal noexpandtab")
    insert(editing, "")
    editing.keys("Tab")
    editing.wait_text("\t")
    peer.offer_at(0, 1, item("!"))
    editing.wait_ghost("!")
    editing.keys("Tab")
    editing.wait_text("\t!")


def test_a_mapping_of_before_is_kept(vim: Vim, peer: Peer) -> None:
    vim.ex("iunmap <C-]>")
    vim.ex("inoremap <expr> <C-]> 'WAS'")
    vim.ex("call polypilot#keys#Define()")
    vim.edit("code.py")
    insert(vim, "")
    vim.keys("C-]")
    vim.wait_text("WAS")
    peer.offer_at(0, 3, item("!"))
    vim.wait_ghost("!")
    vim.keys("C-]")
    vim.wait_ghost("")
    vim.wait_text("WAS")


@pytest.mark.feature("vim", "next suggestion")
def test_cycling_asks_for_all_once_and_goes_round(editing: Vim, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("M-Down")
    request = peer.offer_at(0, 4, item("one"), item("two", "i-2"), item("three", "i-3"))
    assert request["params"]["context"] == {"triggerKind": 1}
    editing.wait_ghost("two")
    count = len(peer.all(METHOD))
    for expected, key in (("three", "M-Down"), ("one", "M-Down"), ("three", "M-Up")):
        editing.keys(key)
        editing.wait_ghost(expected)
    assert editing.terminal.wait_screen("3/3")[0] == "v = three 3/3"
    assert len(peer.all(METHOD)) == count
    editing.keys("Tab")
    editing.wait_text("v = three")


def test_dismissed_and_asked_for_again_by_key(editing: Vim, peer: Peer) -> None:
    insert(editing, "v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("C-]")
    editing.wait_ghost("")
    peer.wait("workspace/executeCommand")
    assert commands(peer) == [("polypilot.dismissed", ["i-1"])]
    editing.keys("C-x", "C-g")
    peer.reply(peer.open_at(0, 4, kind=1), {"items": [item("again")]})
    editing.wait_ghost("again")


def test_a_bracket_that_another_plugin_closed_is_not_doubled(editing: Vim, peer: Peer) -> None:
    insert(editing, "f")
    peer.offer_at(0, 1, item("(x)"))
    editing.wait_ghost("(x)")
    editing.ex("inoremap ( ()<Left>")
    editing.type_text("(")
    editing.wait_ghost("x)")
    editing.wait_text("f()")
    assert editing.terminal.wait_screen("f(x)")[0] == "f(x)"
    editing.keys("Tab")
    editing.wait_text("f(x)")


def test_range_replaces_what_stands_after_the_cursor(editing: Vim, peer: Peer) -> None:
    insert(editing, "é f()")
    editing.keys("Left")
    peer.offer_at(0, 5, item("a, (b)):", range=span(0, 5, 6)))
    editing.wait_ghost("a, (b)):")
    assert editing.terminal.wait_screen("f(a")[0] == "é f(a, (b)):"
    editing.keys("Tab")
    editing.wait_text("é f(a, (b)):")


def test_what_follows_stands_behind_the_last_line(editing: Vim, peer: Peer) -> None:
    insert(editing, "f(z)")
    editing.keys("Left", "Left")
    peer.offer_at(0, 2, item("\n  a,\n  "))
    editing.wait_ghost("\n  a,\n  ")
    assert editing.terminal.wait_screen("  z)")[1:3] == ["  a,", "  z)"]
    editing.keys("Tab")
    editing.wait_text("f(\n  a,\n  z)")


def test_hidden_while_the_menu_is_open(editing: Vim, peer: Peer) -> None:
    editing.ex("set completeopt=menuone,noselect")
    insert(editing, "word wo")
    peer.offer_at(0, 7, item("w!"))
    editing.wait_ghost("w!")
    editing.keys("C-n")
    editing.wait("pumvisible()")
    editing.wait_ghost("")
    editing.keys("C-e")
    editing.wait("!pumvisible()")
    editing.wait_ghost("w!")


def test_the_first_one_may_come_while_none_can_be_shown(editing: Vim, peer: Peer) -> None:
    editing.keys("q", "a")  # a macro is recorded
    insert(editing, "v")
    editing.keys("C-x", "C-g")
    peer.reply(peer.open_at(0, 1, kind=1), {"items": [item(" = one")]})
    peer.request("client/registerCapability", {"registrations": []}, "after")
    peer.wait_result("after")
    assert editing.ghost() == ""
    assert "Error detected" not in editing.expr("execute('messages')")
    editing.keys("Escape", "q")
    editing.type_text("A ")
    peer.offer_at(0, 2, item("= two"))
    editing.wait_ghost("= two")


def test_leaving_insert_mode_takes_it_away(editing: Vim, peer: Peer) -> None:
    insert(editing, "a")
    peer.offer_at(0, 1, item("bc"))
    editing.wait_ghost("bc")
    editing.keys("Escape")
    editing.wait_ghost("")
    assert editing.text() == "a"


def test_paused_or_switched_off_here_nothing_is_asked(editing: Vim, peer: Peer) -> None:
    peer.answers["polypilot/pause"] = lambda params: params
    editing.command("PolypilotPause")
    editing.wait_message("suggestions are paused")
    insert(editing, "a")
    editing.wait_text("a")
    editing.keys("Escape")
    editing.command("PolypilotPause off")
    editing.wait_message("suggestions are on")
    editing.command("PolypilotToggle")
    editing.wait_message("suggestions are off here")
    editing.type_text("ab")
    editing.wait_text("ab")
    editing.keys("C-x", "C-g")
    peer.offer_at(0, 2, item("c"))
    editing.wait_ghost("c")
    assert len(peer.all(METHOD)) == 1


def test_a_late_answer_changes_nothing(editing: Vim, peer: Peer) -> None:
    insert(editing, "a")
    first = peer.open_at(0, 1)
    editing.type_text("b")
    peer.offer_at(0, 2, item("right"))
    editing.wait_ghost("right")
    assert first["id"] in [each["params"]["id"] for each in peer.all("$/cancelRequest")]
    peer.reply(first, {"items": [item("WRONG")]})
    peer.request("client/registerCapability", {"registrations": []}, "after")
    peer.wait_result("after")
    assert editing.ghost() == "right"


def test_a_request_of_the_server_with_the_number_of_one_of_ours(editing: Vim, peer: Peer) -> None:
    insert(editing, "a")
    first = peer.open_at(0, 1)
    peer.request("workspace/configuration", {"items": [{"section": "polypilot"}]}, first["id"])
    assert peer.wait_result(first["id"]) == [{}]
    peer.reply(first, {"items": [item("right")]})
    editing.wait_ghost("right")


def test_a_refusal_is_shown_when_the_user_asked_and_only_then(editing: Vim, peer: Peer) -> None:
    error: Message = {
        "code": -32803,
        "message": "the key was refused",
        "data": {"code": "auth", "cure": "polypilot auth set anthropic"},
    }
    insert(editing, "v")
    peer.refuse(peer.open_at(0, 1), error)
    editing.keys("C-x", "C-g")
    peer.refuse(peer.open_at(0, 1, kind=1), error)
    editing.wait_message("the key was refused")
    editing.wait_message("polypilot auth set anthropic")
    assert len([each for each in editing.messages() if "refused" in each]) == 1


def test_it_grows_when_more_has_been_written(editing: Vim, peer: Peer) -> None:
    insert(editing, "v")
    peer.offer_at(0, 1, item(" = one"))
    editing.wait_ghost(" = one")
    uri = peer.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    peer.notify("polypilot/completionGrew", {"uri": uri})
    peer.reply(peer.open_at(0, 1, kind=2), {"items": [item(" = one\nw = two")]})
    editing.wait_ghost(" = one\nw = two")


def test_every_kind_of_change_reaches_the_server(editing: Vim, peer: Peer) -> None:
    """The copies stay equal, whatever changes the buffer."""
    path = editing.edit("many.py", "b = 'é😀漢'\na = 2\n\tc = 3\nlast\n")
    uri = path.as_uri()
    steps = (
        "normal! x",
        "normal! Gox",
        "2,3sort",
        "%s/a/oo/g",
        "1delete",
        "undo",
        "$put ='new'",
        "1move $",
        "set fileformat=dos",
        "normal! ggOfirst",
        "set fileformat=unix",
        "set noendofline nofixendofline",
        "normal! Gx",
        "normal! Goy",
        "set endofline",
        "%delete",
        "earlier 10f",
        "edit!",
        "normal! ggyGP",
    )
    for step in steps:
        editing.ex(step)
        editing.ex("call polypilot#document#FlushAll()")
        lines = editing.expr("getline(1, '$')")
        end = "\r\n" if editing.expr("&fileformat") == "dos" else "\n"
        ended = editing.expr("(&endofline || &fixendofline) && getline(1, '$') != ['']")
        wanted = end.join(lines) + (end if ended else "")
        poll(
            lambda wanted=wanted: peer.document(uri) == wanted,
            lambda step=step, wanted=wanted: f"{step}: {peer.document(uri)!r} is {wanted!r}",
            5.0,
        )


def test_a_buffer_without_a_name_is_served_too(vim: Vim, peer: Peer) -> None:
    insert(vim, "hello")
    vim.wait("TestOpen()")
    vim.type_text(" w")
    peer.offer_at(0, 7, item("orld"))
    vim.wait_ghost("orld")
