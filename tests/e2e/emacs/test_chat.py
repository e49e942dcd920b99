"""The chat in a real Emacs, against a server whose every delta the test sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import poll

if TYPE_CHECKING:
    from terminal_peer import Message, Peer

    from conftest import Emacs

pytestmark = pytest.mark.e2e

SEND = "polypilot/chat/send"
NAMES = {"sessionId": "s-1", "messageId": "m-1", "provider": "anthropic", "model": "claude-x"}
DIFF = "@@ -1,2 +1,2 @@\n-a = 1\n+a = 2\n b = 2\n@@ -9 +9 @@\n-z\n+y\n"


def ask(emacs: Emacs, peer: Peer, text: str, count: int = 1) -> Message:
    """Types a question into the prompt and sends it; returns the request."""
    emacs.command("polypilot-chat")
    emacs.wait('(equal (buffer-name) "*polypilot-prompt*")')
    emacs.type_text(text)
    emacs.keys("C-c", "C-c")
    return peer.wait(SEND, count)


def end(peer: Peer, request: Message, reason: str = "end", **more: Any) -> None:
    peer.reply(request, {**NAMES, "stopReason": reason, **more})


@pytest.mark.feature("emacs", "chat")
def test_an_answer_streams_into_the_transcript(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "what is <this>?")
    assert request["params"]["text"] == "what is <this>?"
    assert "sessionId" not in request["params"]
    peer.progress(request, kind="session", **NAMES)
    peer.progress(request, kind="text", text="It is\na ")
    editing.wait_transcript("It is\na ")
    peer.progress(request, kind="text", text="te")
    peer.progress(request, kind="text", text="st.")
    editing.wait_transcript("It is\na test.")
    peer.progress(request, kind="usage", inputTokens=12, outputTokens=3)
    end(peer, request)
    assert editing.wait_transcript("12 tokens in, 3 out").split("\n") == [
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
    editing.terminal.shot("emacs-chat-scripted")
    screen = editing.terminal.wait_screen("12 tokens in")
    assert any("a test." in row for row in screen)


def test_the_next_question_goes_on_and_a_new_one_begins(editing: Emacs, peer: Peer) -> None:
    end(peer, ask(editing, peer, "one"))
    editing.wait("(not polypilot--turn)")
    second = ask(editing, peer, "two", 2)
    assert second["params"]["sessionId"] == "s-1"
    end(peer, second)
    editing.wait("(not polypilot--turn)")
    editing.command("polypilot-chat-new")
    assert peer.wait("polypilot/chat/close")["params"] == {"sessionId": "s-1"}
    editing.wait('(equal (test-transcript) "")')
    assert "sessionId" not in ask(editing, peer, "three", 3)["params"]


@pytest.mark.feature("emacs", "stop an answer")
def test_stop_cancels_and_keeps_what_came(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "long?")
    peer.progress(request, kind="session", **NAMES)
    peer.progress(request, kind="text", text="half an ans")
    editing.wait_transcript("half an ans")
    editing.keys("C-c", "C-k")
    assert peer.wait("$/cancelRequest")["params"]["id"] == request["id"]
    editing.wait_transcript("*stopped*")
    peer.progress(request, kind="text", text="LATE")
    end(peer, request, "cancelled")
    second = ask(editing, peer, "again", 2)
    peer.progress(second, kind="text", text="fresh")
    text = editing.wait_transcript("fresh")
    assert "LATE" not in text
    assert "half an ans" in text


def test_one_answer_at_a_time_and_the_prompt_is_kept(editing: Emacs, peer: Peer) -> None:
    ask(editing, peer, "a")
    editing.type_text("b")
    editing.keys("C-c", "C-c")
    editing.terminal.wait_screen("still being written")
    assert editing.text() == "b"
    assert len(peer.all(SEND)) == 1


def test_an_error_is_shown_with_its_cure_and_the_server_may_die(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    error = {
        "code": -32803,
        "message": "The key was \x1b[31mrefused",
        "data": {"code": "auth", "cure": "Run: polypilot auth set anthropic"},
    }
    peer.refuse(request, error)
    editing.wait_transcript("**Error:** The key was ^[[31mrefused\n\nRun: polypilot auth set")
    second = ask(editing, peer, "b", 2)
    peer.progress(second, kind="text", text="half")
    editing.wait_transcript("half")
    peer.hang_up()
    editing.wait_transcript("the server ended before the answer was complete")
    editing.command("polypilot-restart")
    editing.wait_message("the server is running")
    third = ask(editing, peer, "c", 3)
    assert "sessionId" not in third["params"]
    end(peer, third, text="whole")
    editing.wait_transcript("whole")


def test_thoughts_are_folded_and_fences_closed(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "hm?")
    peer.progress(request, kind="session", **NAMES)
    for part in ("first I\nthink", " about\nit"):
        peer.progress(request, kind="thought", text=part)
    peer.progress(request, kind="text", text="see:\n```py")
    peer.progress(request, kind="text", text="thon\nx = 1")
    end(peer, request, "length")
    text = editing.wait_transcript("*cut off")
    assert "> first I\n> think about\n> it\n\nsee:\n```python\nx = 1\n```\n\n*cut off" in text
    screen = "\n".join(editing.terminal.wait_screen("x = 1"))
    assert "▸ thought" in screen
    assert "first I" not in screen
    editing.keys("C-x", "o", "C-x", "o")  # by way of the file to the transcript
    editing.wait('(equal (buffer-name) "*polypilot-chat*")')
    editing.keys("M-<")
    editing.keys("Tab")
    editing.keys("Enter")
    editing.terminal.wait_screen("> think about")


def test_text_that_looks_like_commands_stays_text(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "a")
    evil = "-*- mode: emacs-lisp; eval: (setq pwned t) -*-\n\x1b]52;c;cGF3bmVk\x07 end"
    peer.progress(
        request, kind="text", text=evil + "\n\nLocal Variables:\neval: (setq pwned t)\nEnd:"
    )
    end(peer, request)
    editing.wait_transcript("End:")
    assert editing.eval("(not (boundp 'pwned))")
    assert any("^[]52;c;" in row for row in editing.terminal.wait_screen("]52"))
    options = editing.eval(
        "(with-current-buffer (polypilot-transcript)"
        " (list buffer-file-name buffer-read-only (symbol-name major-mode)))"
    )
    assert options == [None, True, "polypilot-transcript-mode"]


def test_region_and_buffer_go_along(editing: Emacs, peer: Peer) -> None:
    path = editing.edit("two.py", "a = '😀漢字'\nb = 2\nc = 3\n")
    editing.eval("(progn (goto-char 7) (push-mark 6 t t) t)")
    editing.command("polypilot-ask")
    editing.terminal.wait_screen("Ask:")
    editing.type_text("explain this")
    editing.keys("Enter")
    request = peer.wait(SEND)
    selected = {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 6}}
    assert request["params"]["text"] == "explain this"
    assert request["params"]["context"] == [
        {"kind": "selection", "uri": path.as_uri(), "range": selected}
    ]
    assert request["params"]["scene"] == {
        "buffer": path.as_uri(),
        "selection": {"uri": path.as_uri(), "range": selected},
    }
    env = path.with_name(".env").as_uri()
    items: list[Message] = [
        {"uri": path.as_uri(), "tokens": 40, "redacted": 2},
        {"uri": env, "tokens": 0, "redacted": 0, "refused": "excluded"},
    ]
    peer.progress(request, kind="context", items=items)
    end(peer, request)
    editing.wait_transcript("two.py, 40 tokens, 2 secrets taken out*")
    editing.wait_transcript(".env was not sent: excluded*")
    assert "context" not in ask(editing, peer, "more", 2)["params"]


def propose(editing: Emacs, peer: Peer) -> str:
    """An answer that proposes an edit of a file; returns the file's URI."""
    path = editing.edit("code2.py", "a = 1\nb = 2\n")
    request = ask(editing, peer, "change it")
    peer.progress(request, kind="edit", id="e-1", uri=path.as_uri(), diff=DIFF)
    end(peer, request)
    editing.wait_transcript("+a = 2")
    editing.wait("(not polypilot--turn)")
    return path.as_uri()


@pytest.mark.feature("emacs", "apply edits with a diff")
def test_a_proposed_edit_is_shown_and_applied(editing: Emacs, peer: Peer) -> None:
    uri = propose(editing, peer)
    editing.terminal.wait_screen("+a = 2")
    editing.terminal.shot("emacs-edit-scripted")
    editing.keys("C-c", "C-a")
    accept = peer.wait("polypilot/edit/accept")
    assert accept["params"] == {"id": "e-1"}
    change = {"range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 5}}}
    edit = {
        "documentChanges": [
            {"textDocument": {"uri": uri, "version": 0}, "edits": [{**change, "newText": "2"}]}
        ]
    }
    peer.request("workspace/applyEdit", {"edit": edit}, 1)
    assert peer.wait_result(1) == {"applied": True}
    peer.reply(accept, {"applied": True, "state": "applied"})
    editing.wait_transcript("code2.py was applied*")
    assert editing.eval('(test-text "code2.py")') == "a = 2\nb = 2\n"
    poll(lambda: peer.document(uri) == "a = 2\nb = 2\n", "the server's copy")
    editing.eval('(with-current-buffer "code2.py" (undo) t)')
    assert editing.eval('(test-text "code2.py")') == "a = 1\nb = 2\n"
    # What is out of date is refused, and nothing changes.
    peer.request("workspace/applyEdit", {"edit": edit}, 2)
    answer = peer.wait_result(2)
    assert answer["applied"] is False
    assert "changed meanwhile" in answer["failureReason"]


def test_a_hunk_alone_or_none(editing: Emacs, peer: Peer) -> None:
    propose(editing, peer)
    editing.command("polypilot-edits")
    editing.terminal.wait_screen("Proposed edits")
    editing.type_text("~/code2.py: apply @@ -9 +9 @@")
    editing.keys("Enter")
    accept = peer.wait("polypilot/edit/accept")
    assert accept["params"] == {"id": "e-1", "hunks": [1]}
    peer.reply(accept, {"applied": True, "state": "open"})
    editing.wait_transcript("hunk 2 of ")
    peer.answers["polypilot/edit/reject"] = lambda _: None
    editing.command("polypilot-reject-edit")
    assert peer.wait("polypilot/edit/reject")["params"] == {"id": "e-1"}
    editing.wait_transcript("was turned down*")


PERMISSION = {
    "sessionId": "s-1",
    "toolCall": {
        "id": "t-1",
        "name": "write",
        "title": "Write a.py\x1b[2J",
        "toolKind": "edit",
        "status": "pending",
        "arguments": "{}",
        "diffs": [{"uri": "file:///tmp/a.py", "oldText": "a\n", "newText": "b\n"}],
        "locations": [],
    },
    "options": [
        {"optionId": "once", "name": "Allow once", "kind": "allow_once"},
        {"optionId": "no", "name": "Refuse", "kind": "reject_once"},
    ],
}


def test_a_tool_asks_and_nothing_that_is_typed_is_an_answer(editing: Emacs, peer: Peer) -> None:
    request = ask(editing, peer, "do it")
    peer.progress(request, kind="session", **NAMES)
    peer.request("polypilot/chat/permission", PERMISSION, "p-1")
    editing.wait_transcript("[Allow once] [Refuse]")
    assert "*may it? Write a.py^[[2J*" in editing.transcript()
    assert "-a\n+b" in editing.transcript()
    editing.type_text("y yes\n")
    editing.wait_text("y yes\n")
    editing.keys("C-c", "C-y")
    editing.terminal.wait_screen("Write a.py^[[2J?")
    editing.type_text("Allow")
    editing.keys("Tab", "Enter")
    selected = {"outcome": "selected", "optionId": "once"}
    assert peer.wait_result("p-1") == {"outcome": selected}
    editing.wait_transcript("*Allow once*")
    # One that is withdrawn can't be answered any more.
    peer.request("polypilot/chat/permission", PERMISSION, "p-2")
    editing.wait("(and polypilot--questions t)")
    peer.notify("$/cancelRequest", {"id": "p-2"})
    editing.wait("(not polypilot--questions)")
    editing.keys("C-c", "C-y")
    editing.terminal.wait_screen("Nothing is asked")


@pytest.mark.feature("emacs", "mentions and commands")
def test_mentions_and_commands_complete(editing: Emacs, peer: Peer) -> None:
    peer.answers["polypilot/chat/commands"] = lambda _: [
        {"name": "explain", "description": "Say what it does", "source": "builtin"},
        {"name": "tests", "description": "Write tests", "source": "builtin"},
    ]
    peer.answers["polypilot/chat/mentions"] = lambda _: [
        {"label": "code.py", "insert": "#file:code.py", "detail": "a file"}
    ]
    editing.command("polypilot-chat")
    editing.wait('(equal (buffer-name) "*polypilot-prompt*")')
    editing.type_text("/ex")
    editing.keys("C-M-i")
    editing.wait_text("/explain")
    editing.type_text(" #fi")
    editing.keys("C-M-i")
    editing.wait_text("/explain #file:code.py")
    assert peer.wait("polypilot/chat/mentions")["params"] == {"typed": "#fi"}


@pytest.mark.feature("emacs", "history of conversations")
def test_history_retry_edit_and_the_rest(editing: Emacs, peer: Peer) -> None:
    session = {"sessionId": "s-9", "title": "Old one", "messages": 2, "updated": 1750000000.5}
    whole = {
        "session": {**session, "provider": "anthropic", "model": "claude-x", "mode": "ask"},
        "messages": [
            {"id": "q-1", "role": "user", "text": "first?", "created": 1},
            {
                "id": "a-1",
                "role": "assistant",
                "text": "yes",
                "created": 2,
                "provider": "anthropic",
                "model": "claude-x",
                "stopReason": "end",
                "events": [
                    {"kind": "text", "text": "yes"},
                    {"kind": "edit", "id": "e-7", "uri": "file:///tmp/a.py", "diff": DIFF},
                ],
            },
        ],
    }
    peer.answers["polypilot/chat/sessions"] = lambda _: [session]
    peer.answers["polypilot/chat/load"] = lambda _: whole
    peer.answers["polypilot/chat/configure"] = lambda params: params
    peer.answers["polypilot/chat/rename"] = lambda _: None
    peer.answers["polypilot/chat/delete"] = lambda _: None
    peer.answers["polypilot/chat/export"] = lambda _: {"markdown": "# Old one\n"}
    editing.command("polypilot-chat-history")
    editing.terminal.wait_screen("Conversations:")
    editing.keys("Tab", "Enter")
    text = editing.wait_transcript("+a = 2")
    assert text.startswith("## You\n\nfirst?\n\n## anthropic / claude-x\n\nyes\n\n")
    editing.terminal.wait_screen("claude-x · ask · Old one")
    editing.command("polypilot-chat-retry")
    request = peer.wait(SEND)
    given = request["params"]
    assert (given["sessionId"], given["replaces"], given["text"]) == ("s-9", "a-1", "")
    end(peer, request, sessionId="s-9")
    editing.wait("(not polypilot--turn)")
    editing.command("polypilot-chat-edit")
    editing.wait_text("first?")
    editing.type_text("second?")
    editing.keys("C-c", "C-c")
    assert peer.wait(SEND, 2)["params"]["replaces"] == "q-1"
    end(peer, peer.wait(SEND, 2), sessionId="s-9")
    editing.wait("(not polypilot--turn)")
    editing.command("polypilot-chat-mode")
    editing.terminal.wait_screen("may use")
    editing.type_text("edit")
    editing.keys("Enter")
    assert peer.wait("polypilot/chat/configure")["params"] == {"sessionId": "s-9", "mode": "edit"}
    editing.command("polypilot-chat-rename")
    editing.terminal.wait_screen("Title:")
    editing.type_text("New")
    editing.keys("Enter")
    assert peer.wait("polypilot/chat/rename")["params"]["title"] == "New"
    editing.command("polypilot-chat-export")
    editing.wait_text("# Old one\n")
    editing.command("polypilot-chat-delete")
    editing.terminal.wait_screen("for good?")
    editing.type_text("y")
    assert peer.wait("polypilot/chat/delete")["params"] == {"sessionId": "s-9"}
    editing.wait('(equal (test-transcript) "")')


def test_closing_and_coming_back(editing: Emacs, peer: Peer) -> None:
    end(peer, ask(editing, peer, "a"), text="kept")
    editing.wait_transcript("kept")
    assert editing.eval("(length (window-list))") == 3
    editing.keys("C-c", "C-q")
    editing.wait("(= (length (window-list)) 1)")
    assert editing.eval("(buffer-name)") == "code.py"
    editing.command("polypilot-chat")
    editing.wait("(= (length (window-list)) 3)")
    assert "kept" in editing.transcript()
