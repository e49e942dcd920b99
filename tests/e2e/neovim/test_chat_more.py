"""What a chat in Neovim does besides asking: tools, edits, history, models, branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from terminal_peer import Message

    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

SEND = "polypilot/chat/send"
NAMES = {"sessionId": "s-1", "messageId": "m-1", "provider": "anthropic", "model": "claude-x"}
DIFF = "--- a/code.py\n+++ b/code.py\n@@ -1 +1 @@\n-old\n+new\n@@ -9 +9 @@\n-```\n+end\n"


def ask(editor: Editor, peer: Peer, text: str, count: int = 1) -> Message:
    """Types a question into the prompt and sends it; returns the request."""
    editor.command("PolypilotChat")
    editor.keys("i")
    editor.type_text(text)
    editor.keys("<Esc><CR>")
    request = peer.wait(SEND, count)
    peer.progress(request, kind="session", questionId=f"q-{count}", **NAMES)
    return request


def end(editor: Editor, peer: Peer, request: Message, reason: str = "end", **more: Any) -> None:
    peer.reply(request, {**NAMES, "stopReason": reason, **more})
    editor.wait("not require('polypilot.chat').busy()")


def has(editor: Editor, part: str) -> None:
    editor.wait(f"Test.transcript():find([==[{part}]==], 1, true) ~= nil")


def choosing(editor: Editor, *numbers: int) -> None:
    """Answers the coming lists with their entries of these numbers, 0 with none."""
    editor.lua(
        "Test.picks, Test.lists = ..., {} vim.ui.select = function(items, opts, chosen)"
        " local shown = vim.tbl_map(opts.format_item or tostring, items)"
        " table.insert(Test.lists, { prompt = opts.prompt, items = shown })"
        " local pick = table.remove(Test.picks, 1) chosen(items[pick], pick) end",
        list(numbers),
    )


def lists(editor: Editor) -> list[dict[str, Any]]:
    return editor.lua("return Test.lists")


def uri(editor: Editor, name: str = "code.py") -> str:
    return (editor.home / name).as_uri()


def test_every_kind_of_delta_is_seen(editing: Editor, peer: Peer) -> None:
    request = ask(editing, peer, "do it")
    peer.progress(request, kind="title", title="About code")
    items = [{"uri": uri(editing), "tokens": 7, "redacted": 0, "name": "#diff"}]
    peer.progress(request, kind="context", items=items)
    peer.progress(request, kind="compacted", messages=6, before=900, after=80, summary="s")
    peer.progress(request, kind="text", text="Let me look.")
    call = {"id": "c1", "name": "read", "arguments": "{}", "title": "Read a.py"}
    peer.progress(request, kind="toolCall", toolKind="read", **call)
    peer.progress(request, kind="toolUpdate", id="c1", status="in_progress")
    peer.progress(request, kind="toolUpdate", id="c1", status="failed", text="no such file")
    entries = [
        {"content": "look", "status": "completed", "priority": "medium"},
        {"content": "write", "status": "pending", "priority": "medium"},
    ]
    peer.progress(request, kind="plan", entries=entries)
    peer.progress(request, kind="citation", url="https://a.example", title="A", text="")
    peer.progress(request, kind="text", text="Done.")
    peer.progress(request, kind="usage", inputTokens=5, outputTokens=2, used=30, window=100)
    peer.progress(request, kind="something new")
    end(editing, peer, request, "max_steps")
    assert editing.transcript().split("\n")[4:] == [
        "## anthropic / claude-x",
        "",
        "*with #diff, 7 tokens*",
        "",
        "*the 6 oldest messages are sent as a summary from now on: 80 tokens, not 900*",
        "",
        "Let me look.",
        "",
        "*tool: Read a.py*",
        "",
        "*Read a.py: no such file*",
        "",
        "*☑ look*",
        "*☐ write*",
        "",
        "*source: A https://a.example*",
        "",
        "Done.",
        "",
        (
            "*stopped at the limit of steps; another message goes on · anthropic / claude-x · "
            "5 tokens in, 2 out · 30% of the window*"
        ),
    ]
    assert any("About code" in row for row in editing.screen(2))


@pytest.mark.parametrize(
    ("pick", "option"), [(1, "allow_once"), (2, "reject_once"), (0, "reject_once")]
)
def test_a_tool_asks_and_shows_what_it_would_do(
    editing: Editor, peer: Peer, pick: int, option: str
) -> None:
    request = ask(editing, peer, "do it")
    choosing(editing, pick)
    peer.progress(request, kind="text", text="I would")
    call = {
        "id": "c1",
        "name": "write_file",
        "title": "Write code.py\x1b[31m",
        "toolKind": "edit",
        "arguments": "{}",
        "status": "pending",
        "diffs": [{"uri": uri(editing), "oldText": "a\nb\n", "newText": "a\nc\n"}],
        "locations": [],
    }
    options = [
        {"optionId": "allow_once", "name": "Allow once", "kind": "allow_once"},
        {"optionId": "reject_once", "name": "Refuse", "kind": "reject_once"},
    ]
    params = {"sessionId": "s-1", "toolCall": call, "options": options}
    peer.request("polypilot/chat/permission", params, "p-1")
    answer = peer.wait_result("p-1")
    assert answer == {"outcome": {"outcome": "selected", "optionId": option}}
    (shown,) = lists(editing)
    assert shown == {"prompt": "Write code.py^[[31m", "items": ["Allow once", "Refuse"]}
    text = editing.transcript()
    assert text.index("I would") < text.index("may it? Write code.py^[[31m")
    assert "```diff\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n```" in text
    end(editing, peer, request)


def test_the_editor_says_that_it_asks(editing: Editor, peer: Peer) -> None:
    del editing
    said = peer.wait("initialize")["params"]["capabilities"]["experimental"]["polypilot"]
    assert said["permission"] is True


@pytest.mark.feature("neovim", "apply edits with a diff")
def test_edits_are_taken_whole_by_the_hunk_or_not(editing: Editor, peer: Peer) -> None:
    asked: list[tuple[str, Any]] = []

    def take(name: str) -> Any:
        def note(params: Any) -> Any:
            asked.append((name, params))
            left = params.get("hunks") == [1]
            state = "open" if left else "applied"
            return {"applied": True, "state": state} if name == "accept" else None

        return note

    for name in ("accept", "reject"):
        peer.answers[f"polypilot/edit/{name}"] = take(name)
    request = ask(editing, peer, "change it")
    peer.progress(request, kind="text", text="Here:")
    for number in (1, 2, 3):
        peer.progress(request, kind="edit", id=f"e{number}", uri=uri(editing), diff=DIFF)
    peer.progress(request, kind="edit", uri=uri(editing, ".env"), diff="", refused="excluded")
    end(editing, peer, request)
    has(editing, "*no edit of .env: excluded*")
    # The fence is longer than what is in the diff.
    text = editing.transcript()
    assert f"*code.py*\n\n````diff\n{DIFF}````" in text
    assert "ga" not in text
    # At the cursor: the second hunk of the second edit.
    editing.keys("<C-w>k")
    line = [number for number, row in enumerate(text.split("\n"), 1) if row == "-```"][1]
    editing.keys(f"{line}Ggh")
    has(editing, "*hunk 2 of code.py was applied*")
    editing.keys("ggga")  # at no edit: the last one
    has(editing, "*the edit of code.py was applied*")
    editing.keys("ggga")  # that one is done: what is left of the one before
    editing.wait("select(2, Test.transcript():gsub('edit of code.py was applied', '')) == 2")
    choosing(editing, 4)
    editing.command("PolypilotEdits")
    has(editing, "*the edit of code.py was turned down*")
    assert asked == [
        ("accept", {"id": "e2", "hunks": [1]}),
        ("accept", {"id": "e3"}),
        ("accept", {"id": "e2"}),
        ("reject", {"id": "e1"}),
    ]
    assert lists(editing)[0]["items"] == [
        "code.py: apply",
        "code.py: apply @@ -1 +1 @@",
        "code.py: apply @@ -9 +9 @@",
        "code.py: turn down",
    ]


ROW = {
    "sessionId": "s-9",
    "title": "About monads",
    "provider": "anthropic",
    "model": "claude-x",
    "messages": 2,
    "created": 1.0,
    "updated": 86400.0,
    "mode": "edit",
}
OLD = {
    "session": ROW,
    "messages": [
        {"id": "q-1", "role": "user", "text": "What is a monad?", "created": 1.0},
        {
            "id": "a-1",
            "role": "assistant",
            "text": "A burrito.",
            "created": 1.0,
            "provider": "anthropic",
            "model": "claude-x",
            "stopReason": "end",
            "events": [
                {"kind": "thought", "text": "hm"},
                {"kind": "text", "text": "A burrito."},
                {"kind": "usage", "inputTokens": 5, "outputTokens": 2},
            ],
        },
    ],
}


@pytest.mark.feature("neovim", "history of conversations")
def test_a_conversation_of_before_goes_on(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/chat/sessions"] = lambda _: [ROW]
    peer.answers["polypilot/chat/load"] = lambda _: OLD
    choosing(editing, 1)
    editing.command("PolypilotChatHistory monad")
    has(editing, "A burrito.")
    assert peer.wait("polypilot/chat/sessions")["params"] == {"query": "monad"}
    assert lists(editing)[0]["items"][0].startswith("About monads · 1970-01-0")
    assert editing.transcript().split("\n") == [
        "## You",
        "",
        "What is a monad?",
        "",
        "## anthropic / claude-x",
        "",
        "> hm",
        "",
        "A burrito.",
        "",
        "*anthropic / claude-x · 5 tokens in, 2 out*",
    ]
    assert any("claude-x · edit · About" in row for row in editing.screen(2))
    request = ask(editing, peer, "Really?")
    assert request["params"]["sessionId"] == "s-9"
    end(editing, peer, request)


def test_an_answer_is_given_again_and_a_question_changed(editing: Editor, peer: Peer) -> None:
    end(editing, peer, ask(editing, peer, "one"), text="first")
    editing.command("PolypilotChatRetry")
    again = peer.wait(SEND, 2)
    assert again["params"]["replaces"] == "m-1"
    assert (again["params"]["text"], again["params"]["sessionId"]) == ("", "s-1")
    peer.progress(again, kind="session", questionId="q-1", **{**NAMES, "messageId": "m-2"})
    end(editing, peer, again, text="second", messageId="m-2")
    messages = [{"id": "q-1", "role": "user", "text": "one", "created": 1.0}]
    peer.answers["polypilot/chat/load"] = lambda _: {**OLD, "messages": messages}
    editing.command("PolypilotChatEdit")
    editing.wait("vim.api.nvim_get_current_line() == 'one'")
    editing.keys("A and two<Esc><CR>")
    third = peer.wait(SEND, 3)["params"]
    assert (third["text"], third["replaces"]) == ("one and two", "q-1")
    end(editing, peer, peer.wait(SEND, 3))
    assert "replaces" not in ask(editing, peer, "four", 4)["params"]


def test_who_answers_is_chosen_for_the_conversation_alone(editing: Editor, peer: Peer) -> None:
    rows: list[dict[str, object]] = [
        {"id": "mistral", "name": "Mistral", "auth": "none", "selectedFor": []}
    ]
    peer.answers["polypilot/providers"] = lambda _: rows
    peer.answers["polypilot/models"] = lambda _: [{"id": "small"}, {"id": "large"}]
    peer.answers["polypilot/chat/configure"] = lambda params: {**ROW, **params}
    choosing(editing, 1, 2, 1, 1)
    editing.command("PolypilotChatModel")
    editing.command("PolypilotChatMode edit")
    editing.wait("#Test.lists == 2")
    request = ask(editing, peer, "hi")
    params = request["params"]
    assert (params["provider"], params["model"], params["mode"]) == ("mistral", "large", "edit")
    end(editing, peer, request)
    editing.command("PolypilotChatModel")
    changed = peer.wait("polypilot/chat/configure")["params"]
    assert changed == {"sessionId": "s-1", "provider": "mistral", "model": "small"}
    assert "provider" not in ask(editing, peer, "more", 2)["params"]
    assert peer.all("polypilot/select") == []


def test_the_scene_goes_along(editing: Editor, peer: Peer) -> None:
    assert ask(editing, peer, "hi")["params"]["scene"] == {"buffer": uri(editing)}
    end(editing, peer, peer.wait(SEND))
    editing.command("wincmd h")
    editing.lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, {'a = 1', 'b = 2'})")
    editing.command("2PolypilotChat")
    scene = ask(editing, peer, "what is #selection", 2)["params"]["scene"]
    span = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 5}}
    assert scene == {"buffer": uri(editing), "selection": {"uri": uri(editing), "range": span}}


@pytest.mark.feature("neovim", "mentions and commands")
def test_mentions_and_commands_complete_in_the_prompt(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/chat/mentions"] = lambda params: (
        [{"label": "#file:a.py", "insert": "#file:a.py"}] if params["typed"] == "#fi" else []
    )
    peer.answers["polypilot/chat/commands"] = lambda _: [
        {"name": name, "description": "d", "source": "builtin"} for name in ("explain", "fix")
    ]
    editing.command("PolypilotChat")
    editing.keys("isee #fi<C-x><C-o><C-y><Esc>")
    editing.wait("vim.api.nvim_get_current_line() == 'see #file:a.py'")
    editing.keys("0D")
    editing.keys("i/ex<C-x><C-o><C-y><Esc>")
    editing.wait("vim.api.nvim_get_current_line() == '/explain'")


def test_a_conversation_is_renamed_exported_and_deleted(editing: Editor, peer: Peer) -> None:
    end(editing, peer, ask(editing, peer, "one"), text="first")
    peer.answers["polypilot/chat/rename"] = lambda _: None
    peer.answers["polypilot/chat/delete"] = lambda _: None
    peer.answers["polypilot/chat/export"] = lambda _: {"markdown": "# one\n\nfirst\n"}
    editing.command("PolypilotChatRename Better words")
    renamed = peer.wait("polypilot/chat/rename")["params"]
    assert renamed == {"sessionId": "s-1", "title": "Better words"}
    file = editing.home / "out.md"
    editing.command(f"PolypilotChatExport {file}")
    editing.wait_message("written: ")
    assert file.read_text("utf-8") == "# one\n\nfirst\n\n"
    editing.command("PolypilotChatDelete")
    assert peer.wait("polypilot/chat/delete")["params"] == {"sessionId": "s-1"}
    editing.wait("Test.transcript() == ''")
    assert "sessionId" not in ask(editing, peer, "new", 2)["params"]
