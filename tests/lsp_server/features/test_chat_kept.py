"""Conversations over the protocol: made, listed, opened, changed, branched, exported, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

SEND = "polypilot/chat/send"


@pytest.fixture
async def chatting(editor: Any, settings: Callable[..., None], talking: ScriptedServer) -> Any:
    """An editor whose every question is answered with ``Hello``."""
    settings(talking.url, "[providers.other]\n" + ROW.format(url=talking.url))
    await editor.start()
    return editor


ROW = 'wire = "openai-chat"\nbase_url = "{url}/v1"\nauth = "none"\nchat_model = "big"\n'


async def test_a_conversation_is_listed_opened_renamed_exported_and_deleted(chatting: Any) -> None:
    folder = chatting.workspace.as_uri()
    first = await chatting.result(SEND, {"text": "What is a monad?"})
    second = await chatting.result(SEND, {"text": "And a functor?"})
    listed = await chatting.result("polypilot/chat/sessions", {})
    assert [each["sessionId"] for each in listed] == [second["sessionId"], first["sessionId"]]
    assert [each["messages"] for each in listed] == [2, 2]
    assert listed[1]["title"] == "What is a monad?"
    assert {each["root"] for each in listed} == {folder}
    assert listed[0]["updated"] >= listed[0]["created"] > 1.7e9
    assert listed[0]["mode"] == "ask"
    (found,) = await chatting.result("polypilot/chat/sessions", {"query": "monad"})
    assert found["sessionId"] == first["sessionId"]
    (newest,) = await chatting.result("polypilot/chat/sessions", {"limit": 1})
    assert newest["sessionId"] == second["sessionId"]
    older = await chatting.result("polypilot/chat/sessions", {"before": newest["updated"]})
    assert [each["sessionId"] for each in older] == [first["sessionId"]]

    identity = {"sessionId": first["sessionId"]}
    await chatting.result("polypilot/chat/rename", {**identity, "title": "Burritos"})
    opened = await chatting.result("polypilot/chat/load", identity)
    assert opened["session"]["title"] == "Burritos"
    question, answer = opened["messages"]
    assert (question["role"], question["text"]) == ("user", "What is a monad?")
    assert (answer["role"], answer["text"]) == ("assistant", "Hello")
    assert (answer["provider"], answer["model"]) == ("team", "coder")
    assert answer["stopReason"] == "end"
    assert {"kind": "text", "text": "Hello"} in answer["events"]
    assert (answer["id"], "branches" in answer) == (first["messageId"], False)
    exported = await chatting.result("polypilot/chat/export", identity)
    assert "What is a monad?" in exported["markdown"]
    assert "Hello" in exported["markdown"]

    await chatting.result("polypilot/chat/delete", identity)
    (left,) = await chatting.result("polypilot/chat/sessions")
    assert left["sessionId"] == second["sessionId"]
    for method in ("load", "export", "configure"):
        error = await chatting.error(f"polypilot/chat/{method}", identity)
        assert (error["code"], error["data"]["code"]) == (-32803, "unknown_session")


async def test_a_conversation_is_made_before_its_first_message(
    chatting: Any, talking: ScriptedServer
) -> None:
    wanted = {"provider": "other", "mode": "plain", "root": chatting.workspace.as_uri()}
    made = await chatting.result("polypilot/chat/create", wanted)
    assert (made["provider"], made["mode"], made["messages"]) == ("other", "plain", 0)
    identity = {"sessionId": made["sessionId"]}
    assert (await chatting.result(SEND, {"text": "hi", **identity}))["provider"] == "other"
    assert talking.requests[-1].json["model"] == "big"
    changed = {**identity, "provider": "team", "effort": "high", "mode": "edit"}
    info = await chatting.result("polypilot/chat/configure", changed)
    assert (info["provider"], info["effort"], info["mode"]) == ("team", "high", "edit")
    assert (await chatting.result(SEND, {"text": "hi", **identity}))["provider"] == "team"


def _last(supplier: ScriptedServer) -> str:
    body: Any = supplier.requests[-1].json
    return body["messages"][-1]["content"]


async def test_regenerating_and_editing_branch(chatting: Any, talking: ScriptedServer) -> None:
    first = await chatting.result(SEND, {"text": "one", "partialResultToken": "t"})
    identity = {"sessionId": first["sessionId"]}
    begin = next(each["value"] for each in chatting.all("$/progress"))
    assert begin["kind"] == "session"
    asked = begin["questionId"]

    again = await chatting.result(SEND, {**identity, "text": "", "replaces": first["messageId"]})
    assert again["messageId"] != first["messageId"]
    assert _last(talking) == "one"
    other = await chatting.result(SEND, {**identity, "replaces": asked, "text": "two"})
    assert _last(talking) == "two"

    shown = await chatting.result("polypilot/chat/load", identity)
    assert [each["text"] for each in shown["messages"]] == ["two", "Hello"]
    assert len(shown["messages"][0]["branches"]) == 2
    back = await chatting.result(
        "polypilot/chat/select", {**identity, "messageId": first["messageId"]}
    )
    assert [each["id"] for each in back["messages"]] == [asked, first["messageId"]]
    assert set(back["messages"][1]["branches"]) == {first["messageId"], again["messageId"]}
    assert other["messageId"] not in str(back)
    params = {**identity, "messageId": "nowhere"}
    missing = await chatting.error("polypilot/chat/select", params)
    assert missing["data"]["code"] == "unknown_message"


async def test_a_preview_shows_what_would_be_sent_and_sends_nothing(
    chatting: Any, talking: ScriptedServer
) -> None:
    uri = chatting.open("a.py", "def add(a, b):\n    return a + b\n")
    params = {"text": "explain", "context": [{"kind": "document", "uri": uri}]}
    seen = await chatting.result("polypilot/chat/preview", params)
    assert (seen["provider"], seen["model"]) == ("team", "coder")
    texts = {each["name"]: each["text"] for each in seen["parts"]}
    assert "explain" in texts["message"]
    assert any("def add" in each for each in texts.values())
    assert seen["tokens"] == sum(each["tokens"] for each in seen["parts"])
    assert talking.requests == []
    assert await chatting.result("polypilot/chat/sessions") == []


async def test_a_conversation_that_is_not_to_be_kept_is_not_listed(chatting: Any) -> None:
    await chatting.result(SEND, {"text": "psst", "keep": False})
    assert await chatting.result("polypilot/chat/sessions") == []


async def test_the_selection_and_the_buffer_are_those_of_when_it_was_sent(
    chatting: Any, talking: ScriptedServer
) -> None:
    uri = chatting.open("a.py", "FIRST = 1\nSECOND = 2\n")
    start, end = {"line": 1, "character": 0}, {"line": 1, "character": 10}
    scene = {"selection": {"uri": uri, "range": {"start": start, "end": end}}, "buffer": uri}
    asked = chatting.ask(SEND, {"text": "what is #selection", "scene": scene})
    change = {"contentChanges": [{"text": "EDITED = 3\nEDITED = 4\n"}]}
    document = {"textDocument": {"uri": uri, "version": 2}}
    chatting.notify("textDocument/didChange", {**document, **change})
    assert (await chatting.reply(asked))["result"]["stopReason"] == "end"
    sent = str(talking.requests[-1].json)
    assert "SECOND = 2" in sent
    assert "FIRST" not in sent
    assert "EDITED" not in sent


async def test_a_conversation_that_was_closed_is_kept_and_goes_on(
    chatting: Any, talking: ScriptedServer
) -> None:
    first = await chatting.result(SEND, {"text": "one"})
    identity = {"sessionId": first["sessionId"]}
    await chatting.result("polypilot/chat/close", identity)
    assert len(await chatting.result("polypilot/chat/sessions")) == 1
    await chatting.result(SEND, {"text": "two", **identity})
    body: Any = talking.requests[-1].json
    assert [each["content"] for each in body["messages"][1:]] == ["one", "Hello", "two"]


async def test_mentions_are_completed(chatting: Any) -> None:
    found = await chatting.result("polypilot/chat/mentions", {"typed": "#sel"})
    assert [each["insert"] for each in found] == ["#selection"]
    everything = await chatting.result("polypilot/chat/mentions", {"typed": "#"})
    assert {"#buffer", "#open", "#diff"} <= {each["label"] for each in everything}


async def test_commands_are_listed(chatting: Any) -> None:
    listed = await chatting.result("polypilot/chat/commands")
    rows = {each["name"]: each for each in listed}
    assert {"explain", "fix", "tests", "review", "commit"} <= rows.keys()
    assert rows["explain"]["source"] == "builtin"
    assert rows["explain"]["description"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (SEND, {"text": 5}),
        (SEND, {"text": "hi", "mode": "god"}),
        ("polypilot/chat/load", {}),
        ("polypilot/chat/rename", {"sessionId": "s"}),
        ("polypilot/chat/sessions", {"limit": "many"}),
    ],
)
async def test_params_of_the_wrong_type_are_refused(
    chatting: Any, method: str, params: dict[str, Any]
) -> None:
    assert (await chatting.error(method, params))["code"] == -32602
