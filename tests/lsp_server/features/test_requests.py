"""What an editor gets for its requests. No test here lets the server block the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

CODE = "def add(a, b):\n    "
START = {"line": 0, "character": 0}


async def test_a_completion_from_key_to_acceptance(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    (item,) = (await editor.complete(uri, 1, 4))["items"]
    assert item["insertText"] == "return a + b"
    place = {"line": 1, "character": 4}
    assert item["range"] == {"start": place, "end": place}
    accepted = {"command": item["command"]["command"]}
    arguments = item["command"]["arguments"]
    assert (
        await editor.result("workspace/executeCommand", {**accepted, "arguments": arguments})
        is None
    )
    failed = await editor.error("workspace/executeCommand", {**accepted, "arguments": [5]})
    assert failed["code"] == -32602


async def test_nothing_is_suggested_for_a_document_that_is_not_open(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    assert await editor.complete("file:///nowhere.py", 0, 0) is None
    assert completing.requests == []


@pytest.mark.parametrize("told", ["didSave", "didChangeWatchedFiles"])
async def test_an_ignore_file_counts_from_the_next_request_on(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, told: str
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert (await editor.complete(uri, 1, 4, 2))["items"]
    ignore = editor.open(".aiignore", "a.py\n")
    if told == "didSave":
        editor.notify("textDocument/didSave", {"textDocument": {"uri": ignore}})
    else:
        changes = {"changes": [{"uri": ignore, "type": 1}]}
        editor.notify("workspace/didChangeWatchedFiles", changes)
    assert await editor.complete(uri, 1, 4) is None
    assert len(completing.requests) == 1


async def test_a_question_with_attachments_and_the_next_one(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    (editor.workspace / "b.py").write_text("import this\n", "utf-8")
    (editor.workspace / ".env").write_text("X=1\n", "utf-8")
    other, hidden = ((editor.workspace / name).as_uri() for name in ("b.py", ".env"))
    selection = {"kind": "selection", "uri": uri, "range": {"start": START, "end": START}}
    context = [
        {**selection, "range": {"start": START, "end": {"line": 1, "character": 0}}},
        {"kind": "document", "uri": other},
        {"kind": "document", "uri": hidden},
    ]
    params = {"text": "hi", "context": context, "partialResultToken": "t", "workDoneToken": "w"}
    answer = await editor.result("polypilot/chat/send", params)
    assert (answer["stopReason"], answer["provider"]) == ("end", "team")
    values = [each["value"] for each in editor.all("$/progress") if each["token"] == "t"]
    items = next(each["items"] for each in values if each["kind"] == "context")
    assert [each.get("refused") is None for each in items] == [True, True, False]
    assert "".join(each["text"] for each in values if each["kind"] == "text") == "Hello"
    sent = str(talking.requests[0].json)
    assert "import this" in sent
    assert "def add" in sent
    assert "X=1" not in sent

    # What was attached is judged again, by the rules of now.
    (editor.workspace / ".aiignore").write_text("b.py\n", "utf-8")
    again = {"text": "and?", "sessionId": answer["sessionId"]}
    second = await editor.result("polypilot/chat/send", again)
    assert second["text"] == "Hello"
    sent = str(talking.requests[1].json)
    assert "import this" not in sent
    assert "def add" in sent

    (listed,) = await editor.result("polypilot/chat/sessions")
    assert (listed["sessionId"], listed["messages"]) == (answer["sessionId"], 4)
    await editor.result("polypilot/chat/delete", {"sessionId": answer["sessionId"]})
    assert await editor.result("polypilot/chat/sessions") == []
    assert (await editor.error("polypilot/chat/send", again))["data"]["code"] == "unknown_session"


async def test_a_picture_and_an_effort_reach_the_model(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url, 'effort_field = "reasoning_effort"\n')
    await editor.start()
    picture = editor.workspace / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    context = [{"kind": "document", "uri": picture.as_uri()}]
    params = {"text": "hi", "context": context, "effort": "high", "partialResultToken": "t"}
    await editor.result("polypilot/chat/send", params)
    values = [each["value"] for each in editor.all("$/progress") if each["token"] == "t"]
    (item,) = next(each["items"] for each in values if each["kind"] == "context")
    assert (item["mediaType"], item["tokens"]) == ("image/png", 1600)
    sent = talking.requests[0].json
    assert "data:image/png;base64,iVBORw0KGgo" in str(sent["messages"])
    assert sent["reasoning_effort"] == "high"
    refused = await editor.error("polypilot/chat/send", {**params, "effort": "lots"})
    assert refused["code"] == -32602
    assert len(talking.requests) == 1


NEW = {"text": "EDITED = 1\n"}
WHOLE = {"start": START, "end": {"line": 1, "character": 0}}


def _opened(editor: Any, uri: str, text: str) -> None:
    item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    editor.notify("textDocument/didOpen", {"textDocument": item})


def _changed(editor: Any, uri: str, version: int, change: Any) -> None:
    document = {"uri": uri, "version": version}
    params = {"textDocument": document, "contentChanges": [change]}
    editor.notify("textDocument/didChange", params)


@pytest.mark.parametrize("kind", ["selection", "document"])
@pytest.mark.parametrize("meanwhile", ["didChange", "didClose", "reopened"])
async def test_what_is_attached_is_the_text_of_when_it_was_sent(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer, kind: str, meanwhile: str
) -> None:
    settings(talking.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    (editor.workspace / "a.py").write_text("ON_DISK = 1\n", "utf-8")
    # An editor may spell the URI in another way than it did when it opened the document.
    spelled = uri if kind == "selection" else uri.replace("a.py", "%61.py")
    context = [{"kind": kind, "uri": spelled, "range": WHOLE}]
    asked = editor.ask("polypilot/chat/send", {"text": "hi", "context": context})
    if meanwhile == "didChange":
        _changed(editor, uri, 2, NEW)
    else:
        editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    if meanwhile == "reopened":
        _opened(editor, uri, NEW["text"])
    assert (await editor.reply(asked))["result"]["stopReason"] == "end"
    sent = str(talking.requests[0].json)
    assert "def add(a, b):" in sent
    assert "EDITED" not in sent
    assert "ON_DISK" not in sent
    if meanwhile == "didClose":
        assert editor.server.documents.get(uri) is None
    else:  # the store itself is at the newest text
        assert editor.server.documents.get(uri).text == NEW["text"]


async def test_a_file_opened_after_it_was_attached_is_the_file(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    file = editor.workspace / "b.py"
    file.write_text("ON_DISK = 1\n", "utf-8")
    context = [{"kind": "document", "uri": file.as_uri()}]
    asked = editor.ask("polypilot/chat/send", {"text": "hi", "context": context})
    _opened(editor, file.as_uri(), NEW["text"])
    assert (await editor.reply(asked))["result"]["stopReason"] == "end"
    assert "ON_DISK" in str(talking.requests[0].json)
    assert "EDITED" not in str(talking.requests[0].json)


async def test_a_document_out_of_sync_when_attached_is_refused(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    _changed(editor, uri, 1, {"range": WHOLE, "text": "x"})  # it cannot follow version 1
    context = [{"kind": "selection", "uri": uri, "range": WHOLE}]
    params = {"text": "hi", "context": context, "partialResultToken": "t"}
    asked = editor.ask("polypilot/chat/send", params)
    _changed(editor, uri, 9, NEW)  # a whole text, which puts it in sync again
    await editor.reply(asked)
    values = [each["value"] for each in editor.all("$/progress")]
    (item,) = next(each["items"] for each in values if each["kind"] == "context")
    assert item["refused"]


async def test_an_ignored_document_is_refused_though_it_was_kept(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    (editor.workspace / ".aiignore").write_text("a.py\n", "utf-8")
    context = [{"kind": "selection", "uri": uri, "range": WHOLE}]
    await editor.result("polypilot/chat/send", {"text": "hi", "context": context})
    assert "def add" not in str(talking.requests[0].json)


@pytest.mark.parametrize("uri", ["file://[", "untitled:1", ""])
async def test_an_attachment_that_is_nowhere_is_refused(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer, uri: str
) -> None:
    settings(talking.url)
    await editor.start()
    context = [{"kind": "document", "uri": uri}]
    params = {"text": "hi", "context": context, "partialResultToken": "t"}
    assert (await editor.result("polypilot/chat/send", params))["stopReason"] == "end"
    values = [each["value"] for each in editor.all("$/progress")]
    (item,) = next(each["items"] for each in values if each["kind"] == "context")
    assert item["refused"]


async def test_an_answer_is_stopped_before_it_begins(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    context = [{"kind": "document", "uri": editor.open("a.py", CODE)}]
    params = {"text": "talk", "context": context, "workDoneToken": 1}
    asked = editor.ask("polypilot/chat/send", params)
    editor.notify("window/workDoneProgress/cancel", {"token": 1})
    assert (await editor.reply(asked))["error"]["code"] == -32800
    assert talking.requests == []
    assert (await editor.result("polypilot/chat/send", params))["text"] == "Hello"


async def test_a_failed_answer_says_why(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings("http://127.0.0.1:9")  # nobody listens at the discard port
    del talking
    await editor.start()
    answer = await editor.result("polypilot/chat/send", {"text": "hi", "workDoneToken": "w"})
    assert answer["stopReason"] == "error"
    assert answer["error"]["code"]
    editor.notify("window/workDoneProgress/cancel", {"token": "w"})  # too late, and no error


async def test_providers_models_and_the_choice(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url, '[[providers.team.models]]\nid = "coder"\n')
    await editor.start()
    rows = {each["id"]: each for each in await editor.result("polypilot/providers")}
    assert rows["team"]["selectedFor"] == ["completion", "chat"]
    assert await editor.result("polypilot/models", {"provider": "embedded"})
    unknown = await editor.error("polypilot/models", {"provider": "nobody"})
    assert unknown["code"] == -32803
    chosen = await editor.result(
        "polypilot/select", {"for": "chat", "provider": "ollama", "model": "m"}
    )
    assert (chosen["provider"], chosen["model"], chosen["for"]) == ("ollama", "m", "chat")
    assert "warning" not in chosen
    status = await editor.result("polypilot/status")
    assert status["chat"] == {"provider": "ollama", "model": "m"}
    assert status["completion"]["provider"] == "team"
    slow = await editor.result("polypilot/select", {"for": "completion", "provider": "meta"})
    assert (slow["provider"], slow["saved"]) == ("meta", True)
    assert "always reasons" in slow["warning"]


async def test_pause_trust_and_doctor(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    (editor.workspace / ".polypilot.toml").write_text("[completion]\nenabled = false\n", "utf-8")
    await editor.start()
    assert await editor.result("polypilot/pause", {"paused": True}) == {"paused": True}
    assert (await editor.result("polypilot/status"))["paused"] is True
    folder = editor.workspace.as_uri()
    trusted = await editor.result("polypilot/trust", {"uri": folder, "trusted": True})
    assert trusted["uri"] == folder
    assert trusted["trusted"] is True
    refused = await editor.error("polypilot/trust", {"uri": "file:///other", "trusted": True})
    assert refused["data"]["code"] == "trust"
    checks = await editor.result("polypilot/doctor")
    assert all({"check", "ok", "detail"} <= each.keys() for each in checks)
    assert len(checks) > 3


async def test_an_answer_is_stopped_by_its_progress(
    editor: Any, settings: Callable[..., None], hanging: ScriptedServer
) -> None:
    settings(hanging.url)
    await editor.start()
    params = {"text": "talk", "partialResultToken": "t", "workDoneToken": "w"}
    asked = editor.ask("polypilot/chat/send", params)
    await editor.said("Hello")
    editor.notify("window/workDoneProgress/cancel", {"token": "w"})
    assert (await editor.reply(asked))["result"]["stopReason"] == "cancelled"


async def test_models_that_a_supplier_lists(
    editor: Any, settings: Callable[..., None], listing: ScriptedServer
) -> None:
    settings(listing.url)
    await editor.start()
    found = await editor.result("polypilot/models", {"provider": "team"})
    assert "one" in [each["id"] for each in found]
