"""What is answered to which message: invalid ones, early and late ones, unknown ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from protocol_support import Message, Session, frame, initialize_params

REQUEST = {"jsonrpc": "2.0", "id": 7, "method": "test/echo"}

NOT_JSON = {
    "cut": b'{"jsonrpc": "2.0", "id": 1, "method"',
    "empty": b"",
    "blank": b"  ",
    "bad UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"test/echo","params":["\xff"]}',
    "UTF-16": json.dumps(REQUEST).encode("utf-16"),
    "BOM": b"\xef\xbb\xbf" + json.dumps(REQUEST).encode(),
    "NaN": b'{"jsonrpc":"2.0","id":1,"method":"test/echo","params":[NaN]}',
    "nested too deeply": b"[" * 200_000,
    "closed, nested too deeply": b"[" * 200_000 + b"]" * 200_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 10,000 digits": b'{"jsonrpc":"2.0","id":' + b"1" * 10_000 + b"}",
    "a control character": b'{"jsonrpc":"2.0","id":1,"method":"a\nb"}',
    "two values": json.dumps(REQUEST).encode() * 2,
}

NOT_A_MESSAGE: dict[str, Any] = {
    "batch": [REQUEST, REQUEST],
    "empty batch": [],
    "string": "text",
    "number": 5,
    "null": None,
    "empty": {},
    "no method": {"jsonrpc": "2.0", "id": {}},
    "id only": {"jsonrpc": "2.0", "id": True},
    "method is no string": {"jsonrpc": "2.0", "method": 5},
    "id is null": {**REQUEST, "id": None},
    "id is a fraction": {**REQUEST, "id": 1.5},
    "id is an object": {**REQUEST, "id": {"a": 1}},
    "id is a truth value": {**REQUEST, "id": True},
}

NOT_A_REQUEST: dict[str, Any] = {
    "no version": {"id": 7, "method": "test/echo"},
    "version 1": {**REQUEST, "jsonrpc": "1.0"},
    "version is a number": {**REQUEST, "jsonrpc": 2.0},
    "method is a number": {**REQUEST, "method": 5},
    "no method, no result": {"jsonrpc": "2.0", "id": 7},
}


async def check_alive(session: Session) -> None:
    assert await session.result("test/echo", {"jsonrpc": "2.0"}) == {"jsonrpc": "2.0"}
    assert not session.replies.notifications("window/showMessage")
    assert session.code is None


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_not_json_is_a_parse_error(session: Session, body: bytes):
    session.write(frame(body))
    assert (await session.reply(None))["error"]["code"] == -32700
    await check_alive(session)


@pytest.mark.parametrize("message", NOT_A_MESSAGE.values(), ids=NOT_A_MESSAGE)
async def test_what_is_no_message_is_an_invalid_request(session: Session, message: Any):
    session.write(frame(json.dumps(message).encode()))
    assert (await session.reply(None))["error"]["code"] == -32600
    await check_alive(session)


@pytest.mark.parametrize("message", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
async def test_an_invalid_request_whose_id_can_be_read_is_answered_to_it(
    session: Session, message: Any
):
    session.send(message)
    assert (await session.reply(7))["error"]["code"] == -32600
    await check_alive(session)


async def test_objects_that_look_like_messages_are_ordinary_params(session: Session):
    inside = {"jsonrpc": "2.0", "id": 1, "method": "shutdown", "_meta": 1, "class": {"my-key": 2}}
    assert await session.result("test/echo", {"deep": [inside], "type_name": "x"}) == {
        "deep": [inside],
        "type_name": "x",
    }


async def test_ids_of_different_types_are_different(session: Session):
    slow = session.start("test/slow", msg_id=1)
    assert session.start("test/echo", ["x"], msg_id="1") == "1"
    assert (await session.reply("1"))["result"] == ["x"]
    assert not session.replies.to(slow)[1:]


async def test_an_id_that_is_still_in_use_is_refused(session: Session):
    slow = session.start("test/slow", msg_id="twice")
    session.start("test/echo", [1], msg_id="twice")
    assert (await session.reply("twice"))["error"]["code"] == -32600
    session.notify("$/cancelRequest", {"id": slow})
    await session.quiet()
    assert [each["error"]["code"] for each in session.replies.to("twice")] == [-32600, -32800]
    session.start("test/echo", [1], msg_id="twice")  # free again
    await session.quiet()
    assert session.replies.to("twice")[2]["result"] == [1]


async def test_requests_before_initialize_are_refused(fresh: Session):
    fresh.open("file:///a", "text")
    fresh.notify("initialized", {})
    assert (await fresh.ask("test/echo", []))["error"]["code"] == -32002
    assert (await fresh.ask("shutdown"))["error"]["code"] == -32002
    assert (await fresh.ask("no/such/method"))["error"]["code"] == -32002
    await fresh.initialize()
    assert await fresh.document("file:///a") is None


async def test_initialize_comes_once(session: Session):
    reply = await session.ask("initialize", initialize_params())
    assert reply["error"]["code"] == -32600
    await check_alive(session)


async def test_initialize_may_be_tried_again_after_invalid_params(fresh: Session):
    assert (await fresh.ask("initialize", {"processId": "x"}))["error"]["code"] == -32602
    assert "capabilities" in await fresh.initialize()


async def test_requests_after_shutdown_are_refused(session: Session):
    assert await session.result("shutdown") is None
    for method in ("test/echo", "shutdown", "initialize", "no/such/method"):
        assert (await session.ask(method, {}))["error"]["code"] == -32600
    session.open("file:///a", "text")
    session.notify("exit")
    await session.quiet()
    assert session.code == 0
    assert "file:///a" not in session.server.documents


@pytest.mark.parametrize("started", [True, False])
async def test_exit_without_shutdown_is_a_failure(fresh: Session, *, started: bool):
    if started:
        await fresh.initialize()
    fresh.notify("exit")
    await fresh.quiet()
    assert fresh.code == 1


USELESS: list[tuple[str, Any]] = [
    ("$/unknown", None),
    ("$/unknown", {"a": 1}),
    ("$/setTrace", {"value": "off"}),
    ("$/progress", {"token": 1, "value": {}}),
    ("$/cancelRequest", {"id": 99}),
    ("$/cancelRequest", {"id": [1]}),
    ("$/cancelRequest", {}),
    ("$/cancelRequest", None),
    ("unknown/notification", None),
    ("textDocument/inlineCompletion", {}),
    ("test/echo", {}),
    ("textDocument/didChange", None),
    ("textDocument/didChange", {"textDocument": {"uri": 5}}),
    ("textDocument/didClose", {"textDocument": {"uri": "file:///never"}}),
    ("textDocument/didSave", {"textDocument": {"uri": "file:///never"}}),
    ("window/workDoneProgress/cancel", {"token": "none"}),
    ("workspace/didChangeConfiguration", {"settings": {"what": "exit"}}),
]


@pytest.mark.parametrize(("method", "params"), USELESS)
async def test_notifications_without_use_are_ignored(session: Session, method: str, params: Any):
    session.notify(method, params)
    await check_alive(session)
    assert len(session.replies.all) == 2  # initialize's and the check's


async def test_a_change_of_an_unopened_document_is_ignored(session: Session):
    session.change("file:///etc/passwd", 2, {"text": "x"})
    assert await session.document("file:///etc/passwd") is None
    await check_alive(session)


async def test_an_unknown_method_is_not_found(session: Session):
    for method in ("no/such/method", "$/unknown", "textDocument/hover", "textDocument/didOpen"):
        assert (await session.ask(method, {}))["error"]["code"] == -32601


ANSWERS: list[Message] = [
    {"result": [{"completion": {}}]},
    {"result": None},
    {"error": {"code": -32601, "message": "no"}},
    {"error": "no"},
    {"error": {"code": "x"}},
]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answers_to_our_own_requests_arrive(session: Session, answer: Message):
    asked = session.start("test/ask")
    question = (
        await session.replies.until(
            lambda: session.replies.notifications("workspace/configuration")
        )
    )[0]
    session.send({"jsonrpc": "2.0", "id": question["id"], **answer})
    reply = await session.reply(asked)
    if isinstance(answer.get("result"), list):
        assert reply["result"] == answer["result"]
    else:
        assert reply["error"]["code"] == -32603
    await check_alive(session)


async def test_an_answer_to_a_question_that_was_given_up_is_ignored(session: Session):
    asked = session.start("test/ask")
    question = (
        await session.replies.until(
            lambda: session.replies.notifications("workspace/configuration")
        )
    )[0]
    session.notify("$/cancelRequest", {"id": asked})
    assert (await session.reply(asked))["error"]["code"] == -32800
    cancelled = session.replies.notifications("$/cancelRequest")
    assert [each["params"] for each in cancelled] == [{"id": question["id"]}]
    for _ in range(2):
        session.send({"jsonrpc": "2.0", "id": question["id"], "result": []})
    session.send({"jsonrpc": "2.0", "id": 12345, "result": []})
    session.send({"jsonrpc": "2.0", "id": asked, "result": []})
    await check_alive(session)


async def test_a_response_with_a_running_requests_id_does_not_touch_it(session: Session):
    slow = session.start("test/slow", {"seconds": 0.05})
    session.send({"jsonrpc": "2.0", "id": slow, "result": "forged"})
    assert (await session.reply(slow))["result"] == "done"


async def test_what_initialize_promises(fresh: Session):
    result = await fresh.initialize(
        capabilities={
            "general": {"positionEncodings": ["utf-7", "utf-32", "utf-8"]},
            "notebookDocument": {"synchronization": {}},
        },
        clientInfo={"name": "test"},
        initializationOptions={"polypilot": {"completion": {"enabled": False}}},
    )
    capabilities = result["capabilities"]
    assert capabilities["positionEncoding"] == "utf-32"
    assert capabilities["inlineCompletionProvider"] == {}
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["textDocumentSync"]["openClose"] is True
    assert capabilities["notebookDocumentSync"]["notebookSelector"] == [{"notebook": "*"}]
    assert capabilities["workspace"]["workspaceFolders"]["changeNotifications"] is True
    assert "test.add" in capabilities["executeCommandProvider"]["commands"]
    offered = dict.fromkeys(("chat", "edit", "lm", "select"), True)
    assert capabilities["experimental"]["polypilot"] == {"version": 1, **offered}
    assert await fresh.result("test/start") == {
        "options": {"completion": {"enabled": False}},
        "client": "test",
        "encoding": "utf-32",
    }


@pytest.mark.parametrize("options", [None, 5, [], {}, {"polypilot": 5}, {"other": {}}])
async def test_other_initialization_options_are_none_of_ours(fresh: Session, options: Any):
    await fresh.initialize(initializationOptions=options)
    assert (await fresh.result("test/start"))["options"] == {}


async def test_folders_are_kept(fresh: Session):
    await fresh.initialize(workspaceFolders=[{"uri": "file:///a", "name": "a"}])
    event = {
        "added": [{"uri": "file:///b", "name": "b"}],
        "removed": [{"uri": "file:///a", "name": ""}],
    }
    fresh.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert (await fresh.result("test/stats"))["folders"] == {"file:///b": "b"}


async def test_an_old_clients_root_is_a_folder(fresh: Session):
    await fresh.initialize(rootUri="file:///r")
    assert (await fresh.result("test/stats"))["folders"] == {"file:///r": ""}


async def test_commands_run_with_their_arguments(session: Session):
    run = "workspace/executeCommand"
    assert await session.result(run, {"command": "test.add", "arguments": [2, 3]}) == 5
    for wrong in (
        {"command": "no"},
        {"command": "test.add"},
        {"command": "test.add", "arguments": [1]},
    ):
        assert (await session.ask(run, wrong))["error"]["code"] == -32602


async def test_cancelling_a_command_ends_it(session: Session):
    asked = session.start("workspace/executeCommand", {"command": "test.slow"})
    session.notify("$/cancelRequest", {"id": asked})
    assert (await session.reply(asked))["error"]["code"] == -32800
    await session.quiet()


async def test_a_handler_that_would_block_cannot_be_registered(session: Session):
    def blocking(_: object) -> None: ...

    with pytest.raises(TypeError):
        session.server.feature("test/blocks")(blocking)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType] - fields of several types
    with pytest.raises(TypeError):
        session.server.command("test.blocks")(blocking)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType] - fields of several types


async def test_a_request_has_one_handler_and_a_notification_may_have_several(session: Session):
    heard: list[int] = []

    async def first(_params: object) -> None:
        heard.append(1)

    async def second(_params: object) -> None:
        heard.append(2)

    session.server.feature("test/one")(first)
    with pytest.raises(ValueError, match="test/one"):
        session.server.feature("test/one")(second)
    for handler in (first, second):
        session.server.feature("textDocument/didSave")(handler)
    session.notify("textDocument/didSave", {"textDocument": {"uri": "file:///a"}})
    await session.result("test/echo", [])
    assert heard == [1, 2]
