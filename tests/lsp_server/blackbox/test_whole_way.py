"""From a key to ghost text and from a question to an answer, through the real server."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import Reset, Stall, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer, Step

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "


async def test_a_key_becomes_ghost_text_with_prefix_and_suffix_sent(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    result = await editor.start()
    assert result["capabilities"]["inlineCompletionProvider"] == {}
    assert result["serverInfo"] == {"name": "polypilot", "version": version("polypilot")}
    uri = editor.open("a.py", CODE + "\n\nprint(add(1, 2))\n")
    _, future = editor.complete(uri, 1, 4)
    item = (await future)["result"]["items"][0]
    assert item["insertText"] == "return a + b"
    assert item["range"] == {
        "start": {"line": 1, "character": 4},
        "end": {"line": 1, "character": 4},
    }
    sent = supplier.requests[0]
    assert sent.path == "/v1/completions"
    assert str(sent.json["prompt"]).endswith(CODE.rstrip(" "))
    assert "print(add(1, 2))" in str(sent.json["suffix"])
    command = item["command"]
    arguments = {"command": command["command"], "arguments": command["arguments"]}
    assert await editor.result("workspace/executeCommand", arguments) is None
    assert await editor.stop() == 0


async def test_typing_what_is_suggested_asks_nobody_again(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4, kind=2) == "return a + b"
    for typed in ("r", "ret", "return a"):
        editor.change(uri, CODE + typed)
        rest = "return a + b"[len(typed) :]
        assert await editor.suggestion(uri, 1, 4 + len(typed), kind=2) == rest
    assert len(supplier.requests) == 1


async def test_a_superseded_request_is_answered_and_its_stream_ended(
    editor: Any,
    supplier: ScriptedServer,
    completing_script: Callable[..., list[Step]],
) -> None:
    supplier.play(stream(Stall()), completing_script("second"))
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", "x = 1\n")
    _, first = editor.complete(uri, 0, 5)
    await supplier.wait_for_requests(1)
    editor.change(uri, "something else entirely\ny = ")
    _, second = editor.complete(uri, 1, 4)
    assert (await first)["result"] is None
    assert (await second)["result"]["items"][0]["insertText"] == "second"
    async with asyncio.timeout(10):
        await supplier.requests[0].gone.wait()


async def test_cancelling_closes_the_suppliers_socket(
    editor: Any, supplier: ScriptedServer
) -> None:
    supplier.play(stream(Stall()))
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    number, future = editor.complete(uri, 1, 4)
    await supplier.wait_for_requests(1)
    editor.notify("$/cancelRequest", {"id": number})
    assert (await future)["error"]["code"] == -32800
    async with asyncio.timeout(10):
        await supplier.requests[0].gone.wait()
    assert not supplier.requests[0].answered


async def test_a_question_is_answered_in_deltas(
    editor: Any, supplier: ScriptedServer, chatting_script: Callable[..., list[Step]]
) -> None:
    supplier.play(chatting_script("Hel", "lo ", "there"))
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", "SECRET_SAUCE = 42\n")
    result = await editor.result(
        "polypilot/chat/send",
        {
            "text": "What is this?",
            "context": [{"kind": "document", "uri": uri}],
            "partialResultToken": "t",
        },
    )
    assert result["stopReason"] == "end"
    assert "text" not in result
    deltas = [each["value"] for each in editor.of("$/progress") if each["token"] == "t"]
    assert deltas[0]["kind"] == "session"
    assert [each["kind"] for each in deltas[1:3]] == ["title", "context"]
    assert deltas[2]["items"][0]["uri"] == uri
    assert "".join(each["text"] for each in deltas if each["kind"] == "text") == "Hello there"
    assert b"SECRET_SAUCE = 42" in supplier.requests[0].body
    # The conversation goes on with what was said.
    again = {"text": "And now?", "sessionId": result["sessionId"]}
    assert (await editor.result("polypilot/chat/send", again))["text"] == "Hello there"
    assert b"Hello there" in supplier.requests[1].body
    sessions = await editor.result("polypilot/chat/sessions")
    assert [each["messages"] for each in sessions] == [4]
    assert await editor.result("polypilot/chat/delete", {"sessionId": result["sessionId"]}) is None
    assert await editor.result("polypilot/chat/sessions") == []


async def test_stopping_an_answer_keeps_what_arrived_and_closes_the_socket(
    editor: Any, supplier: ScriptedServer, chat_events: Callable[..., list[bytes]]
) -> None:
    supplier.play(stream(chat_events("partial")[0], Stall()))
    editor.team(supplier.url)
    await editor.start()
    number, future = editor.request(
        "polypilot/chat/send", {"text": "talk", "partialResultToken": 7}
    )
    await editor.until(
        lambda: any(each["value"].get("text") == "partial" for each in editor.of("$/progress"))
    )
    editor.notify("$/cancelRequest", {"id": number})
    answer = await future
    assert answer["result"]["stopReason"] == "cancelled"
    async with asyncio.timeout(10):
        await supplier.requests[0].gone.wait()
    session = (await editor.result("polypilot/chat/sessions"))[0]
    assert session["messages"] == 2


async def test_choosing_a_provider_is_saved_and_takes_effect_at_once(
    editor: Any,
    supplier: ScriptedServer,
    suppliers: Callable[..., Any],
    completing_script: Callable[..., list[Step]],
) -> None:
    other = await suppliers(completing_script("from the other"))
    editor.team(
        supplier.url,
        f"""
[providers.other]
# kept
wire = "openai-chat"
completion = "openai-completions"
base_url = "{other.url}/v1"
auth = "none"
""",
    )
    await editor.start()
    chosen = await editor.result(
        "polypilot/select", {"for": "completion", "provider": "other", "model": "m"}
    )
    assert chosen["saved"] is True
    assert "# kept" in editor.config.read_text("utf-8")
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == "from the other"
    status = await editor.status()
    assert status["completion"] == {"provider": "other", "model": "m"}
    assert status["chat"]["provider"] == "team"
    wrong = await editor.ask("polypilot/select", {"for": "chat", "provider": "othr"})
    assert wrong["error"]["code"] == -32803
    listed = await editor.result("polypilot/providers")
    assert {each["id"] for each in listed} >= {"team", "other", "embedded", "anthropic", "openai"}
    assert listed[0]["selectedFor"]


async def test_a_settings_file_changed_by_hand_takes_effect(
    editor: Any,
    supplier: ScriptedServer,
    suppliers: Callable[..., Any],
    completing_script: Callable[..., list[Step]],
) -> None:
    other = await suppliers(completing_script("new"))
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == "return a + b"
    editor.team(other.url)
    text = editor.config.read_text("utf-8")
    editor.settings(text.replace('"coder"', '"changed"'))
    async with asyncio.timeout(30):
        while (await editor.status())["completion"]["model"] != "changed":
            await editor.result("polypilot/providers")
    again = editor.open("b.py", CODE)
    assert await editor.suggestion(again, 1, 4) == "new"


async def test_configuration_is_pulled_and_pushed(editor: Any, supplier: ScriptedServer) -> None:
    editor.team(supplier.url)
    editor.configuration = {"completion": {"disabled_languages": ["python"]}}
    await editor.start()
    await editor.until(lambda: editor.of("polypilot/status"))
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4, kind=2) is None
    editor.notify(
        "workspace/didChangeConfiguration",
        {"settings": {"polypilot": {"completion": {"disabledLanguages": []}}}},
    )
    await editor.result("polypilot/doctor")  # comes after the change
    for _ in range(100):
        if await editor.suggestion(uri, 1, 4, kind=2) == "return a + b":
            return
    pytest.fail("the pushed configuration never took effect")


async def test_pausing_stops_automatic_completions_only(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    assert await editor.result("polypilot/pause", {"paused": True}) == {"paused": True}
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4, kind=2) is None
    assert (await editor.status())["state"] == "paused"
    assert await editor.suggestion(uri, 1, 4, kind=1) == "return a + b"


async def test_status_tells_an_error_with_its_cure_until_something_succeeds(
    editor: Any, supplier: ScriptedServer, completing_script: Callable[..., list[Step]]
) -> None:
    refusal = {"error": {"message": "bad key", "type": "x", "code": "invalid_api_key"}}
    supplier.play(reply(401, refusal), completing_script("fine"))
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) is None
    status = await editor.status()
    assert status["error"]["code"] == "auth"
    assert status["error"]["cure"]
    assert status["state"] == "needsKey"
    assert await editor.suggestion(uri, 1, 4) == "fine"
    assert "error" not in await editor.status()
    assert not editor.of("window/showMessage")


async def test_a_broken_answer_is_kept_and_said_to_be_incomplete(
    editor: Any, supplier: ScriptedServer, chat_events: Callable[..., list[bytes]]
) -> None:
    supplier.play(stream(chat_events("half an ans")[0], Reset()))
    editor.team(supplier.url)
    await editor.start()
    result = await editor.result("polypilot/chat/send", {"text": "talk"})
    assert result["stopReason"] == "error"
    assert result["error"]["code"] == "stream_broken"
    assert result["text"] == "half an ans"


async def test_trust_is_a_decision_of_the_users_and_bound_to_content(editor: Any) -> None:
    await editor.start()
    root = editor.workspace.as_uri()
    assert (await editor.status())["trusted"] is False
    answer = await editor.result("polypilot/trust", {"uri": root, "trusted": True})
    assert answer["trusted"] is True
    assert (await editor.status())["trusted"] is True
    (editor.workspace / ".polypilot.toml").write_text("[completion]\nenabled = false\n", "utf-8")
    answer = await editor.result("polypilot/trust", {"uri": root, "trusted": False})
    assert answer["trusted"] is False
    elsewhere = await editor.ask("polypilot/trust", {"uri": "file:///", "trusted": True})
    assert elsewhere["error"]["data"]["code"] == "trust"


async def test_two_answers_stream_side_by_side(
    editor: Any, supplier: ScriptedServer, chat_events: Callable[..., list[bytes]]
) -> None:
    go_on = asyncio.Event()
    first, *rest = chat_events("one", "two")
    supplier.play(stream(first, Wait(go_on), *rest))
    editor.team(supplier.url)
    await editor.start()
    _, a = editor.request("polypilot/chat/send", {"text": "a"})
    _, b = editor.request("polypilot/chat/send", {"text": "b"})
    await supplier.wait_for_requests(2)
    go_on.set()
    answers = [await a, await b]
    assert [each["result"]["text"] for each in answers] == ["onetwo", "onetwo"]


async def test_notebook_cells_are_completed(editor: Any, supplier: ScriptedServer) -> None:
    editor.team(supplier.url)
    await editor.start()
    cell = "vscode-notebook-cell:/work/book.ipynb#W0"
    editor.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": editor.uri("book.ipynb"),
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [{"kind": 2, "document": cell}],
            },
            "cellTextDocuments": [
                {"uri": cell, "languageId": "python", "version": 1, "text": CODE}
            ],
        },
    )
    assert await editor.suggestion(cell, 1, 4) == "return a + b"
