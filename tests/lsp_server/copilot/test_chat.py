"""Chat as copilot.el 0.7 has it (``copilot-chat.el`` of 2026), over our own conversations."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.lsp.copilot_reply import bare
from polypilot_providers.testing import Stall, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot_providers.testing import Step

    Started = Callable[..., Awaitable[Any]]

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    return a - b\n"


def create(client: Any, token: str, message: str, **more: Any) -> dict[str, Any]:
    """``copilot-chat--create``."""
    return {
        "workDoneToken": token,
        "turns": [{"request": message, "response": "", "turnId": ""}],
        "capabilities": {"skills": ["current-editor"], "allSkills": True},
        "source": "panel",
        "workspaceFolders": [client.folder],
        **more,
    }


def context_doc(uri: str) -> dict[str, Any]:
    """``copilot-chat--generate-context-doc``."""
    return {
        "version": 0,
        "tabSize": 4,
        "indentSize": 4,
        "insertSpaces": True,
        "path": "a.py",
        "uri": uri,
        "relativePath": "a.py",
        "languageId": "python",
        "position": {"line": 0, "character": 0},
        "source": CODE,
    }


def values(client: Any, token: str) -> list[Any]:
    """What has come so far under a token."""
    return [each["value"] for each in client.all("$/progress") if each["token"] == token]


async def ended(client: Any, token: str) -> tuple[str, Any]:
    """The whole reply, and the end's value."""

    def end() -> Any:
        found = values(client, token)
        return found[-1] if found and found[-1]["kind"] == "end" else None

    last = await client.until(end)
    found = values(client, token)
    assert found[0]["kind"] == "begin"
    assert {each["kind"] for each in found[1:-1]} <= {"report"}
    return "".join(each["reply"] for each in found[1:-1]), last


def delta(text: str) -> bytes:
    event = {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]}
    return f"data: {json.dumps(event)}\n\n".encode()


def messages(request: Any) -> str:
    return json.dumps(request.json["messages"], ensure_ascii=False)


async def test_a_conversation(client: Any, started: Started, supplier: Any) -> None:
    await started()
    uri = client.open("a.py", CODE)
    asked: list[Any] = []

    def context(params: Any) -> Any:
        asked.append(params)
        return context_doc(uri)

    client.answers["conversation/context"] = context
    made = await client.result("conversation/create", create(client, "t1", "What is wrong?"))
    reply_, end = await ended(client, "t1")
    assert reply_ == "Hello"
    assert "error" not in end
    begin = values(client, "t1")[0]
    assert {key: begin[key] for key in ("conversationId", "turnId")} == made
    (told,) = asked
    assert told["skillId"] == "current-editor"
    assert told["conversationId"] == made["conversationId"]
    assert "return a - b" in messages(supplier.chats[0])
    assert supplier.chats[0].json["model"] == "talker"

    turn = {
        "workDoneToken": "t2",
        "conversationId": made["conversationId"],
        "message": "And now?",
        "source": "panel",
        "doc": context_doc(uri),
    }
    again = await client.result("conversation/turn", turn)
    assert again["conversationId"] == made["conversationId"]
    assert again["turnId"] != made["turnId"]
    assert (await ended(client, "t2"))[0] == "Hello"
    sent = messages(supplier.chats[1])
    assert "What is wrong?" in sent
    assert "And now?" in sent

    destroyed = {"conversationId": made["conversationId"]}
    assert await client.result("conversation/destroy", destroyed) == "OK"
    # It is in the history, where every chat of every client is.
    kept = await client.result("polypilot/chat/sessions", {})
    assert [each["messages"] for each in kept] == [4]


async def test_what_is_attached_goes_along_and_what_is_not_is_said(
    client: Any, started: Started, supplier: Any
) -> None:
    (client.workspace / ".gitignore").write_text("secret.py\n", "utf-8")
    await started()
    uri = client.open("a.py", f"{CODE}x = 'ä😀' + unseen\n")
    secret = client.open("secret.py", "token = 1\n")
    span = {"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 9}}
    references = [
        {"type": "file", "uri": secret},
        {"type": "file", "uri": uri, "selection": span},
    ]
    params = create(client, "t1", "Explain", references=references)
    params["capabilities"] = {"skills": []}
    params["doc"] = None
    await client.result("conversation/create", {**params, "capabilities": None})
    text, _ = await ended(client, "t1")
    assert text.startswith("> secret.py was not sent: ")
    assert text.endswith("Hello")
    sent = messages(supplier.chats[0])
    assert "'ä😀'" in sent
    assert "unseen" not in sent
    assert "token = 1" not in sent


async def test_slash_commands(client: Any, started: Started, supplier: Any) -> None:
    await started()
    found = await client.result("conversation/templates", {"workspaceFolders": [client.folder]})
    offered = {each["id"]: each for each in found if "chat-panel" in each["scopes"]}
    assert {"explain", "fix", "tests", "doc"} <= offered.keys()
    assert all(each["description"] for each in found)
    uri = client.open("a.py", CODE)
    client.will_answer("conversation/context", context_doc(uri))
    await client.result("conversation/create", create(client, "t1", "/explain briefly"))
    assert (await ended(client, "t1"))[0] == "Hello"
    assert "return a - b" in messages(supplier.chats[0])


async def test_an_answer_is_stopped_by_the_request_it_is_for(
    client: Any, started: Started, supplier: Any
) -> None:
    """``copilot-chat-stop``."""
    await started()
    supplier.answer = stream(delta("Hel"), Stall())
    number, answer = client.send("conversation/create", create(client, "t1", "Hi"))
    await client.until(lambda: [each for each in values(client, "t1") if each["kind"] == "report"])
    client.notify("$/cancelRequest", {"id": number})
    made = (await client.soon(answer))["result"]
    async with asyncio.timeout(10):
        await supplier.chats[0].gone.wait()
    assert (await ended(client, "t1"))[0] == "Hel"
    # The conversation goes on.
    supplier.answer = stream(delta("lo"), b"data: [DONE]\n\n")
    turn = {"workDoneToken": "t2", "conversationId": made["conversationId"], "message": "Go on"}
    await client.result("conversation/turn", turn)
    assert (await ended(client, "t2"))[0] == "lo"


@pytest.mark.parametrize("way", ["progress", "destroy"])
async def test_other_ways_to_stop(client: Any, started: Started, supplier: Any, way: str) -> None:
    await started()
    supplier.answer = stream(delta("Hel"), Stall())
    _, answer = client.send("conversation/create", create(client, "t1", "Hi"))
    begun = await client.until(lambda: len(found := values(client, "t1")) > 1 and found)
    if way == "progress":
        client.notify("window/workDoneProgress/cancel", {"token": "t1"})
    else:
        destroyed = {"conversationId": begun[0]["conversationId"]}
        assert await client.result("conversation/destroy", destroyed) == "OK"
    async with asyncio.timeout(10):
        await supplier.chats[0].gone.wait()
    assert (await client.soon(answer))["result"]["turnId"] == begun[0]["turnId"]
    await ended(client, "t1")


async def test_a_long_answer_does_not_keep_the_request_waiting(
    client: Any, started: Started, supplier: Any
) -> None:
    """Emacs gives a request up after ten seconds; the answer's id can still stop it then."""
    await started()
    go_on = asyncio.Event()
    supplier.answer = stream(delta("Hel"), Wait(go_on), delta("lo"), Stall())
    number, answer = client.send("conversation/create", create(client, "t1", "Hi"))
    made = (await client.soon(answer))["result"]
    assert not supplier.chats[0].gone.is_set()
    assert values(client, "t1")[0]["conversationId"] == made["conversationId"]
    go_on.set()
    await client.until(
        lambda: "".join(each.get("reply", "") for each in values(client, "t1")) == "Hello"
    )
    client.notify("$/cancelRequest", {"id": number})
    async with asyncio.timeout(10):
        await supplier.chats[0].gone.wait()
    assert (await ended(client, "t1"))[0] == "Hello"


async def test_who_answers(client: Any, started: Started, supplier: Any) -> None:
    """``copilot-chat--model-param``: the newer and the older name of the same model."""
    await started()
    models = await client.result("copilot/models", {})
    default = [each for each in models if each["isChatDefault"]]
    assert [each["id"] for each in default] == ["team/talker"]
    assert all("chat-panel" in each["scopes"] for each in default)
    chosen = {"modelInfo": {"id": "team/coder"}, "model": "team/coder"}
    await client.result("conversation/create", create(client, "t1", "Hi", **chosen))
    await ended(client, "t1")
    assert supplier.chats[-1].json["model"] == "coder"
    githubs = {"modelInfo": {"id": "gpt-4o"}, "model": "gpt-4o"}
    await client.result("conversation/create", create(client, "t2", "Hi", **githubs))
    await ended(client, "t2")
    assert supplier.chats[-1].json["model"] == "talker"


async def test_a_conversation_that_the_client_has_kept(
    client: Any, started: Started, supplier: Any
) -> None:
    """``copilot-chat-restore``: earlier turns come with the next question."""
    await started()
    params = create(client, "t1", "And in Rust?")
    params["turns"].insert(0, {"request": "Write it in C", "response": "int add;", "turnId": "x"})
    await client.result("conversation/create", params)
    await ended(client, "t1")
    sent = messages(supplier.chats[0])
    assert "Write it in C" in sent
    assert "int add;" in sent
    assert "And in Rust?" in sent


async def test_one_answer_and_no_more(client: Any, started: Started, supplier: Any) -> None:
    """``copilot-chat--one-shot``: the editor is not asked for, and nothing is kept."""
    await started()
    params = create(client, "t1", "Write a commit message for the following staged diff.")
    params["capabilities"] = {"skills": [], "allSkills": False}
    made = await client.result("conversation/create", params)
    assert (await ended(client, "t1"))[0] == "Hello"
    assert client.all("conversation/context") == []
    destroyed = {"conversationId": made["conversationId"]}
    assert await client.result("conversation/destroy", destroyed) == "OK"
    assert await client.result("polypilot/chat/sessions", {}) == []
    assert len(supplier.chats) == 1


async def test_what_goes_wrong_is_said(client: Any, started: Started, supplier: Any) -> None:
    await started()
    unknown = {"workDoneToken": "t0", "conversationId": "nosuch", "message": "x"}
    error = await client.error("conversation/turn", unknown)
    assert error["code"] == -32803
    assert error["data"]["code"] == "unknown_session"
    assert values(client, "t0") == []
    supplier.answer = reply(400, {"error": {"message": "no such model"}})
    await client.result("conversation/create", create(client, "t1", "Hi"))
    _, end = await ended(client, "t1")
    assert end["error"]["message"]
    assert end["result"]["error"] == end["error"]
    error = await client.error("conversation/create", create(client, "t2", "/nosuch"))
    assert error["data"]["code"] == "unknown_command"
    # LSP-copilot begins a conversation without a question.
    made = await client.result("conversation/create", create(client, "t3", ""))
    assert made["conversationId"]
    assert values(client, "t3") == []


async def test_a_client_that_says_nothing_of_its_editor(client: Any, started: Started) -> None:
    """LSP-copilot answers null, others have no such method."""
    await started()
    client.will_answer("conversation/context")
    await client.result("conversation/create", create(client, "t1", "Hi"))
    assert (await ended(client, "t1"))[0] == "Hello"
    del client.answers["conversation/context"]
    await client.result("conversation/create", create(client, "t2", "Hi"))
    assert (await ended(client, "t2"))[0] == "Hello"


# -- a commit message ------------------------------------------------------------------------


def diff(path: str, line: str, old: str = "") -> str:
    moved = f"rename from {old}\nrename to {path}\n" if old else ""
    old = old or path
    return (
        f"diff --git a/{old} b/{path}\n{moved}--- a/{old}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+{line}\n"
    )


@pytest.mark.parametrize("folder", [None, "uri", "list", "path"])
async def test_a_commit_message(
    client: Any,
    started: Started,
    supplier: Any,
    chat_answer: Callable[..., list[Step]],
    folder: str | None,
) -> None:
    (client.workspace / ".gitignore").write_text("secret.py\n", "utf-8")
    await started()
    supplier.answer = chat_answer("```\nAdd two ", "numbers\n\nBecause.\n```\n")
    where = {
        None: None,
        "uri": client.folder["uri"],
        "list": [client.folder["uri"]],
        "path": str(client.workspace),
    }
    params = {
        "changes": [
            diff("a.py", "return a + b") + diff("secret.py", "token = 1"),
            diff("public.py", "moved = 2", old="secret.py"),
        ],
        "userCommits": ["Mine"],
        "recentCommits": ["Subtract two numbers\n\nbody", "Begin"],
        "workspaceFolder": where[folder],
    }
    found = await client.result("git/commitGenerate", params)
    assert found == {"commitMessage": "Add two numbers\n\nBecause."}
    sent = messages(supplier.chats[0])
    assert "return a + b" in sent
    assert "Subtract two numbers" in sent
    assert "token" not in sent
    assert "moved = 2" not in sent
    assert await client.result("polypilot/chat/sessions", {}) == []


async def test_no_commit_message_without_a_change(
    client: Any, started: Started, supplier: Any
) -> None:
    await started()
    for changes in ([], ["nothing that git writes"]):
        asked = {"changes": changes, "userCommits": [], "recentCommits": []}
        error = await client.error("git/commitGenerate", asked)
        assert error["data"]["code"] == "excluded"
    assert supplier.chats == []
    supplier.answer = reply(400, {"error": {"message": "no such model"}})
    asked = {"changes": [diff("a.py", "y")], "userCommits": [], "recentCommits": []}
    assert (await client.error("git/commitGenerate", asked))["message"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```text\nFix it\n\nBecause.\n```\n", "Fix it\n\nBecause."),
        ("````\nA\n```\n````", "A\n```"),
        (" Fix `it`\n", "Fix `it`"),
        ("```\nno end", "```\nno end"),
        ("`" * 50_000 + "x\ny", "`" * 50_000 + "x\ny"),
    ],
)
def test_a_message_is_taken_out_of_its_fence(text: str, message: str) -> None:
    assert bare(text) == message
