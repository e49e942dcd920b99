"""Invalid params are answered as such, whichever field of whichever method is wrong."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from protocol_support import Message, Session, initialize_params

if TYPE_CHECKING:
    from collections.abc import Iterator

POSITION = {"line": 1, "character": 2}
RANGE = {"start": POSITION, "end": POSITION}

VALID: dict[str, Message] = {
    "initialize": {
        **initialize_params(),
        "clientInfo": {"name": "x", "version": "1"},
        "workspaceFolders": [{"uri": "file:///a", "name": "a"}],
    },
    "textDocument/inlineCompletion": {
        "textDocument": {"uri": "file:///a"},
        "position": POSITION,
        "context": {"triggerKind": 1},
    },
    "workspace/executeCommand": {"command": "test.add", "arguments": [1, 2]},
    "polypilot/chat/send": {
        "text": "hi",
        "sessionId": "s",
        "provider": "p",
        "model": "m",
        "context": [{"kind": "selection", "uri": "file:///a", "range": RANGE}],
        "partialResultToken": "t",
        "workDoneToken": 5,
    },
    "polypilot/select": {"for": "chat", "provider": "p", "model": "m"},
}

OPTIONAL = {
    "clientInfo", "version", "workspaceFolders", "arguments", "sessionId", "provider", "model",
    "context", "partialResultToken", "workDoneToken", "range", "rootUri", "processId",
}  # fmt: skip
ANYTHING_GOES = {"capabilities", "arguments"}  # an array there is a matter of its own


def keys_of(container: Any) -> list[Any]:
    return list(container) if hasattr(container, "keys") else list(range(len(container)))


def broken(valid: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    """Every way to leave out one field, or to give it a wrong type."""
    keys = keys_of(valid)
    for key in keys:
        here = f"{path}.{key}"
        value: Any = valid[key]
        if isinstance(key, str) and key not in OPTIONAL:
            yield f"no {here}", {other: valid[other] for other in keys if other != key}
        wrong: list[Any] = [] if key in ANYTHING_GOES else [{"no": "such"}, [[]], 2.5, 5, True, -1]
        for other in wrong:
            if not fits(key, value, other):
                yield f"{here} = {other!r}", replaced(valid, key, other)
        if isinstance(value, dict | list) and key not in ANYTHING_GOES:
            for name, inner in broken(value, here):
                yield name, replaced(valid, key, inner)


def fits(key: Any, value: Any, other: Any) -> bool:
    """Whether another value is valid there, too."""
    if key in {"partialResultToken", "workDoneToken"}:
        return type(other) is int
    if key == "processId":
        return type(other) is int
    if key == "triggerKind":  # an enumeration that later versions may extend
        return type(other) is int
    return type(value) is int and type(other) is int and other >= 0


def replaced(valid: Any, key: Any, value: Any) -> Any:
    other = copy.copy(valid)
    other[key] = value
    return other


CASES = [
    pytest.param(method, params, id=f"{method} {name}")
    for method, valid in VALID.items()
    for name, params in broken(valid)
]


@pytest.mark.parametrize("method", VALID)
async def test_the_valid_ones_are_valid(fresh: Session, method: str):
    if method != "initialize":
        await fresh.initialize()
    assert "result" in await fresh.ask(method, VALID[method])


@pytest.mark.parametrize(("method", "params"), CASES)
async def test_a_wrong_field_is_invalid_params_for_that_id(
    fresh: Session, method: str, params: Any
):
    if method != "initialize":
        await fresh.initialize()
    reply = await fresh.ask(method, params)
    assert reply["error"]["code"] == -32602
    assert "no such" not in reply["error"]["message"]
    assert not fresh.replies.notifications("window/showMessage")


@pytest.mark.parametrize("method", [m for m in VALID if m != "initialize"])
@pytest.mark.parametrize("params", [None, 5, "text", [], [1], True])
async def test_params_of_no_shape_at_all(session: Session, method: str, params: Any):
    message = {"jsonrpc": "2.0", "id": 8, "method": method, "params": params}
    session.send(message)
    assert (await session.reply(8))["error"]["code"] == -32602


@pytest.mark.parametrize("value", [-1, 2**31, 2**40, 1e400, 0.5, "1", None, True])
async def test_positions_outside_of_the_protocols_numbers(session: Session, value: Any):
    params = copy.deepcopy(VALID["textDocument/inlineCompletion"])
    params["position"]["line"] = value
    if value == 1e400:
        body = b'{"jsonrpc":"2.0","id":8,"method":"textDocument/inlineCompletion","params":'
        body += b'{"textDocument":{"uri":"a"},"position":{"line":1e400,"character":0},'
        body += b'"context":{"triggerKind":1}}}'
        session.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    else:
        session.start("textDocument/inlineCompletion", params, msg_id=8)
    assert (await session.reply(8))["error"]["code"] == -32602


async def test_unknown_fields_are_ignored_and_whole_floats_are_integers(session: Session):
    params = copy.deepcopy(VALID["textDocument/inlineCompletion"])
    params["position"] = {"line": 1.0, "character": 2.0, "new": 1}
    params["future"] = {"x": 1}
    assert (await session.ask("textDocument/inlineCompletion", params))["result"] is None


async def test_our_own_methods_are_camel_case_and_leave_out_what_is_not_there(session: Session):
    assert await session.result("polypilot/chat/send", VALID["polypilot/chat/send"]) == {
        "sessionId": "s1",
        "messageId": "m1",
        "stopReason": "end",
        "provider": "fake",
        "model": "selection",
        "usage": {"inputTokens": 2},
    }
    assert await session.result("polypilot/select", VALID["polypilot/select"]) == {
        "provider": "p",
        "model": "m",
        "for": "chat",
        "file": "config.toml",
        "saved": True,
    }
