"""Handlers that fail, and code that writes where only the protocol may."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from protocol_features import CANARY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from protocol_support import Process, Session

FAULTS = {
    "exception": -32603,
    "exit": -32603,
    "interrupt": -32603,
    "memory": -32603,
    "recursion": -32603,
    "generator": -32603,
    "stop": -32603,
    "group": -32603,
    "cancelled": -32800,
    "reply": -32801,
    "user": -32803,
    "provider": -32803,
}


@pytest.mark.parametrize("method", ["test/raise", "test/raiseLater"])
@pytest.mark.parametrize("what", FAULTS)
async def test_a_handlers_failure_is_an_error_without_its_text(
    session: Session, what: str, method: str
):
    error = (await session.ask(method, {"what": what}))["error"]
    assert error["code"] == FAULTS[what]
    assert CANARY not in json.dumps(error)
    assert "Traceback" not in json.dumps(error)
    assert ".py" not in json.dumps(error)
    assert await session.result("test/echo", [what]) == [what]


@pytest.mark.parametrize("what", FAULTS)
async def test_a_commands_failure_is_one_too(session: Session, what: str):
    params = {"command": "test.raise", "arguments": [what]}
    assert (await session.ask("workspace/executeCommand", params))["error"]["code"] == FAULTS[what]


@pytest.mark.parametrize("what", FAULTS)
async def test_a_notification_handlers_failure_concerns_nobody(session: Session, what: str):
    session.notify("workspace/didChangeConfiguration", {"settings": {"what": what}})
    assert await session.result("test/echo", [what]) == [what]
    assert len(session.replies.all) == 2


async def test_our_own_failures_say_what_to_do(session: Session):
    assert (await session.ask("test/raise", {"what": "user"}))["error"] == {
        "code": -32803,
        "message": "the file is odd",
        "data": {"code": "excluded", "cure": "use another"},
    }
    assert (await session.ask("test/raise", {"what": "provider"}))["error"] == {
        "code": -32803,
        "message": "the key was refused",
        "data": {"code": "auth", "cure": "set another key"},
    }


@pytest.mark.parametrize("what", ["nan", "object", "key"])
async def test_a_result_that_cannot_be_sent_is_an_internal_error(session: Session, what: str):
    assert (await session.ask("test/unsendable", {"what": what}))["error"]["code"] == -32603


async def test_every_fault_leaves_the_process_alive(process: Process):
    for what in FAULTS:
        process.start("test/raise", {"what": what}, msg_id=f"{what} 1")
        process.start("test/raiseLater", {"what": what}, msg_id=f"{what} 2")
        params = {"command": "test.raise", "arguments": [what]}
        process.start("workspace/executeCommand", params, msg_id=f"{what} 3")
        process.notify("workspace/didChangeConfiguration", {"settings": {"what": what}})
    for what, code in FAULTS.items():
        for number in (1, 2, 3):
            assert (await process.reply(f"{what} {number}"))["error"]["code"] == code
    assert await process.result("test/echo", ["alive"]) == ["alive"]


@pytest.mark.skipif(sys.platform == "win32", reason="uses the C library of POSIX systems")
async def test_nothing_but_the_protocol_reaches_standard_output(process: Process):
    assert await process.result("test/noise") == "quiet"
    assert await process.result("test/echo", ["clean"]) == ["clean"]
    process.start("shutdown")
    process.notify("exit")
    assert await process.exit_code() == 0
    assert process.stray == b""
    for each in (b"print", b"write", b"puts", b"warning", b"child"):
        assert b"a stray " + each in process.stderr


async def test_no_log_at_any_level_holds_a_messages_content(
    spawn: Callable[..., Awaitable[Process]], tmp_path: Path
):
    log, code = tmp_path / "log", "canary-code-5b2e"
    process = await spawn(env={"TEST_LOG": str(log)})
    await process.initialize(initializationOptions={"polypilot": {"x": code}})
    process.open("file:///a.py", f"{code}\n")
    at = {"line": 0, "character": 0}
    process.change("file:///a.py", 2, {"text": code, "range": {"start": at, "end": at}})
    process.change("file:///a.py", 1, {"text": code})  # out of order: a warning
    process.change("file:///b.py", 1, {"text": code})  # never opened
    process.notify("textDocument/didChange", {"contentChanges": [{"text": code}]})  # invalid
    process.notify("no/such/notification", {"text": code})
    params = {
        "textDocument": {"uri": "file:///a.py"},
        "position": at,
        "context": {"triggerKind": 1},
    }
    await process.ask("textDocument/inlineCompletion", params)
    await process.ask("textDocument/inlineCompletion", {"textDocument": code})
    for what in FAULTS:
        await process.ask("test/raise", {"what": what})
    await process.ask("test/unsendable", {"what": "object"})
    process.start("test/ask")
    await process.replies.until(lambda: process.replies.notifications("workspace/configuration"))
    question = process.replies.notifications("workspace/configuration")[0]
    process.send({"jsonrpc": "2.0", "id": question["id"], "result": [{"x": code}]})
    await process.ask("no/such/method", {"text": code})
    process.write(b'Content-Length: 30\r\n\r\n{"text": "canary-code-5b2e", }}')
    await process.reply(None)
    process.start("shutdown")
    process.notify("exit")
    await process.exit_code()
    for text in (log.read_text(encoding="utf-8"), process.stderr.decode()):
        assert code not in text
        assert CANARY not in text
    assert "out of sync" in log.read_text(encoding="utf-8")
