"""Suggestions in a real Emacs, against a server whose every answer the test sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import Message, item, poll, span

if TYPE_CHECKING:
    from terminal_peer import Peer

    from conftest import Emacs

pytestmark = pytest.mark.e2e

METHOD = "textDocument/inlineCompletion"
SHOWN = "textDocument/didShowCompletion"
TAKEN = "textDocument/didPartiallyAcceptCompletion"


def commands(peer: Peer) -> list[Any]:
    """The commands that the server was told to run, with their arguments."""
    return [
        (each["params"]["command"], each["params"]["arguments"])
        for each in peer.all("workspace/executeCommand")
    ]


@pytest.mark.feature("emacs", "ghost text")
def test_typed_shown_accepted_undone(editing: Emacs, peer: Peer) -> None:
    editing.type_text("def add(a, b):")
    request = peer.offer_at(0, 14, item("\n    return a + b"))
    assert request["params"]["context"] == {"triggerKind": 2}
    editing.wait_ghost("\n    return a + b")
    screen = editing.terminal.wait_screen("return a + b")
    assert screen[:2] == ["def add(a, b):", "    return a + b"]
    assert editing.terminal.cursor() == (0, 14)  # before the suggestion, not behind it
    assert editing.text() == "def add(a, b):"
    editing.terminal.shot("emacs-ghost-scripted")
    assert peer.wait(SHOWN)["params"]["item"]["command"]["arguments"] == ["i-1"]
    editing.keys("Tab")
    editing.wait_text("def add(a, b):\n    return a + b")
    peer.wait("workspace/executeCommand")
    assert commands(peer) == [("polypilot.accepted", ["i-1"])]
    uri = peer.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    poll(lambda: peer.document(uri) == editing.text(), "the server's copy is the same")
    editing.keys("C-/")
    editing.wait_text("def add(a, b):")


def test_typing_along_keeps_it_and_typing_something_else_does_not(
    editing: Emacs, peer: Peer
) -> None:
    editing.type_text("v = ")
    peer.offer_at(0, 4, item("foo(1)"))
    editing.wait_ghost("foo(1)")
    editing.type_text("f")
    editing.wait_ghost("oo(1)")
    editing.keys("BSpace")
    editing.wait_ghost("foo(1)")
    editing.type_text("x")
    editing.wait_ghost("")
    editing.wait_text("v = x")
    assert len(peer.all(SHOWN)) == 1


@pytest.mark.feature("emacs", "accept a word or line")
def test_word_then_line_then_the_rest(editing: Emacs, peer: Peer) -> None:
    editing.type_text("x")
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


def test_without_a_suggestion_keys_do_what_they_did(editing: Emacs, peer: Peer) -> None:
    editing.eval('(progn (local-set-key (kbd "TAB") (lambda () (interactive) (insert "TAB"))) t)')
    editing.keys("Tab")
    editing.wait_text("TAB")
    peer.offer_at(0, 3, item("!"))
    editing.wait_ghost("!")
    editing.keys("Tab")
    editing.wait_text("TAB!")
    editing.keys("Tab")
    editing.wait_text("TAB!TAB")


@pytest.mark.feature("emacs", "next suggestion")
def test_cycling_asks_for_all_once_and_goes_round(editing: Emacs, peer: Peer) -> None:
    editing.type_text("v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("M-n")
    request = peer.offer_at(0, 4, item("one"), item("two", "i-2"), item("three", "i-3"))
    assert request["params"]["context"] == {"triggerKind": 1}
    editing.wait_ghost("two 2/3")
    count = len(peer.all(METHOD))
    for expected, key in (("three 3/3", "M-n"), ("one 1/3", "M-n"), ("three 3/3", "M-p")):
        editing.keys(key)
        editing.wait_ghost(expected)
    assert editing.terminal.wait_screen("three 3/3")[0] == "v = three 3/3"
    assert len(peer.all(METHOD)) == count
    editing.keys("Tab")
    editing.wait_text("v = three")


def test_dismissed_and_asked_for_again_by_key(editing: Emacs, peer: Peer) -> None:
    editing.type_text("v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    editing.keys("C-g")
    editing.wait_ghost("")
    peer.wait("workspace/executeCommand")
    assert commands(peer) == [("polypilot.dismissed", ["i-1"])]
    editing.eval('(progn (global-set-key (kbd "C-c p") \'polypilot-command-map) t)')
    editing.keys("C-c", "p", "Tab")
    peer.reply(peer.open_at(0, 4, kind=1), {"items": [item("again")]})
    editing.wait_ghost("again")


def test_a_bracket_that_emacs_closed_is_not_doubled(editing: Emacs, peer: Peer) -> None:
    editing.eval("(progn (electric-pair-mode) t)")
    editing.type_text("f")
    peer.offer_at(0, 1, item("(x)"))
    editing.wait_ghost("(x)")
    editing.type_text("(")
    editing.wait_ghost("x)")
    editing.wait_text("f()")
    assert editing.terminal.wait_screen("f(x)")[0] == "f(x)"
    editing.keys("Tab")
    editing.wait_text("f(x)")


def test_range_replaces_what_stands_after_point(editing: Emacs, peer: Peer) -> None:
    editing.type_text("f(z)q")
    editing.keys("C-b", "C-b")
    editing.type_text("y")
    peer.offer_at(0, 4, item("yes, (b)):", range=span(0, 3, 5)))
    editing.wait_ghost("es, (b)):")
    assert editing.terminal.wait_screen("f(zyes")[0] == "f(zyes, (b)):q"
    editing.keys("Tab")
    editing.wait_text("f(zyes, (b)):q")


def test_hidden_behind_a_popup_and_back_with_it_gone(editing: Emacs, peer: Peer) -> None:
    editing.eval(
        '(progn (add-to-list \'load-path "/usr/share/emacs/site-lisp/elpa/company-0.9.13")'
        " (require 'company) (setq company-backends '(company-dabbrev-code company-dabbrev))"
        " (company-mode 1) (setq company-idle-delay nil) t)"
    )
    editing.type_text("worder word wo")
    peer.offer_at(0, 14, item("w!"))
    editing.wait_ghost("w!")
    editing.eval('(progn (global-set-key (kbd "C-c o") \'company-manual-begin) t)')
    editing.keys("C-c", "o")
    editing.wait("(and (bound-and-true-p company-candidates) t)")
    editing.wait_ghost("")
    editing.keys("C-g")
    editing.wait("(not company-candidates)")
    editing.wait_ghost("w!")


def test_hidden_behind_emacs_own_list_of_completions(editing: Emacs, peer: Peer) -> None:
    editing.eval(
        "(progn (setq-local completion-at-point-functions (list (lambda ()"
        ' (list (save-excursion (skip-chars-backward "a-z") (point)) (point)'
        ' \'("words" "wordy"))))) t)'
    )
    editing.type_text("word")
    peer.offer_at(0, 4, item("w!"))
    editing.wait_ghost("w!")
    editing.keys("C-M-i")
    editing.wait('(and (get-buffer-window "*Completions*" 0) t)')
    editing.wait_ghost("")
    editing.type_text(" x")
    editing.wait('(not (get-buffer-window "*Completions*" 0))')
    peer.offer_at(0, 6, item(" = 1"))
    editing.wait_ghost(" = 1")


def test_one_window_of_several_shows_it(editing: Emacs, peer: Peer) -> None:
    editing.keys("C-x", "3")
    editing.type_text("v = ")
    peer.offer_at(0, 4, item("one_only"))
    editing.wait_ghost("one_only")
    screen = editing.terminal.wait_screen("one_only")
    assert screen[0].count("one_only") == 1
    assert screen[0].count("v =") == 2
    editing.keys("C-x", "o")
    poll(lambda: "one_only" not in "\n".join(editing.terminal.screen()), "it is gone")


def test_read_only_paused_or_switched_off_here_nothing_is_asked(editing: Emacs, peer: Peer) -> None:
    peer.answers["polypilot/pause"] = lambda params: params
    editing.command("polypilot-pause")
    editing.wait_message("suggestions are paused")
    editing.type_text("a")
    editing.wait_text("a")
    editing.command("polypilot-pause")
    editing.wait_message("suggestions are on")
    editing.command("polypilot-toggle")
    editing.wait_message("suggestions are off here")
    editing.type_text("b")
    editing.wait_text("ab")
    editing.command("polypilot-toggle")
    editing.wait_message("suggestions are on here")
    editing.type_text("c")
    peer.offer_at(0, 3, item("d"))
    editing.wait_ghost("d")
    assert len(peer.all(METHOD)) == 1
    editing.keys("C-x", "C-q")
    editing.wait_ghost("")


def test_a_late_answer_changes_nothing(editing: Emacs, peer: Peer) -> None:
    editing.type_text("a")
    first = peer.open_at(0, 1)
    editing.type_text("b")
    peer.offer_at(0, 2, item("right"))
    editing.wait_ghost("right")
    assert first["id"] in [each["params"]["id"] for each in peer.all("$/cancelRequest")]
    peer.reply(first, {"items": [item("WRONG")]})
    peer.request("client/registerCapability", {"registrations": []}, "after")
    peer.wait_result("after")
    assert editing.ghost() == "right"


def test_a_refusal_is_shown_when_the_user_asked_and_only_then(editing: Emacs, peer: Peer) -> None:
    cure = "polypilot auth set anthropic"
    error: Message = {
        "code": -32803,
        "message": "the key was refused",
        "data": {"code": "auth", "cure": cure},
    }
    editing.type_text("v")
    peer.refuse(peer.open_at(0, 1), error)
    editing.command("polypilot-trigger")
    peer.refuse(peer.open_at(0, 1, kind=1), error)
    editing.wait_message(f"the key was refused\n{cure}")
    assert len(editing.messages()) == 1


def test_it_grows_when_more_has_been_written(editing: Emacs, peer: Peer) -> None:
    editing.type_text("v")
    peer.offer_at(0, 1, item(" = one"))
    editing.wait_ghost(" = one")
    uri = peer.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    peer.notify("polypilot/completionGrew", {"uri": uri})
    peer.reply(peer.open_at(0, 1, kind=2), {"items": [item(" = one\nw = two")]})
    editing.wait_ghost(" = one\nw = two")


def test_every_kind_of_change_reaches_the_server(editing: Emacs, peer: Peer) -> None:
    """Undo, case, indentation, replacing, narrowing, sorting, reverting: the copies stay equal."""
    path = editing.edit("many.py", "b = 'é😀漢'\na = 2\n\tc = 3\nlast")
    uri = path.as_uri()
    steps = (
        '(progn (goto-char 3) (insert "漢"))',
        "(upcase-region 1 6)",
        "(subst-char-in-region (point-min) (point-max) ?a ?o)",
        "(sort-lines nil (point-min) (point-max))",
        "(indent-region (point-min) (point-max))",
        "(untabify (point-min) (point-max))",
        '(save-restriction (narrow-to-region 5 9) (erase-buffer) (insert "x\\ny"))',
        '(progn (goto-char (point-max)) (insert "\\n\\n\\377") (delete-char -1))',
        '(progn (goto-char (point-max)) (insert (string-to-multibyte "\\377")))',
        "(progn (undo-boundary) (undo) t)",
        "(transpose-regions 1 2 4 5)",
        "(delete-trailing-whitespace)",
        '(let ((inhibit-message t)) (replace-regexp-in-region "\\\\w+" "w" 1))',
        "(fill-region (point-min) (point-max))",
        "(revert-buffer t t)",
    )
    for step in steps:
        editing.eval(f"(progn {step} (polypilot-document-flush) t)")
        wanted = editing.eval("(polypilot--text (point-min) (point-max))")
        poll(
            lambda wanted=wanted: peer.document(uri) == wanted,
            lambda step=step, wanted=wanted: f"{step}: {peer.document(uri)!r} is {wanted!r}",
            5.0,
        )
