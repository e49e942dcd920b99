"""An editor's own chat, answered by our providers: models, answers, counts."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import ScriptedServer, Stall, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot_providers.testing import Step

RESPOND = "polypilot/lm/respond"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
KEY = "sk-ant-api03-" + "aB3" * 31 + "-x9Qz7Wk2AA"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
HELLO = {"role": "user", "parts": [{"type": "text", "text": "hi"}]}
ASK = {"provider": "team", "model": "coder", "messages": [HELLO]}


def _sse(*events: dict[str, Any], end: tuple[Step | bytes, ...] = (b"data: [DONE]\n\n",)) -> Any:
    lines = [f"data: {json.dumps({'id': 'c', **each})}\n\n".encode() for each in events]
    return stream(*lines, *end)


def _delta(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


CALL = {"index": 0, "id": "c7", "function": {"name": "read", "arguments": '{"path": "a"}'}}


@pytest.fixture
async def calling() -> AsyncGenerator[ScriptedServer]:
    """A supplier that thinks, says something and calls a tool."""
    script = _sse(
        _delta(reasoning_content="hm\x1b[31m"),
        _delta(content="Let me "),
        _delta(content="see\u202e."),
        _delta("tool_calls", tool_calls=[CALL]),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
    )
    async with ScriptedServer(script) as server:
        yield server


async def test_parts_are_streamed_and_the_result_repeats_none(
    editor: Any, settings: Callable[..., None], calling: ScriptedServer
) -> None:
    settings(calling.url)
    await editor.start()
    tools = [{"name": "read", "description": "Reads a file", "inputSchema": SCHEMA}]
    params = {**ASK, "tools": tools, "partialResultToken": "t", "workDoneToken": "w"}
    result = await editor.result(RESPOND, params)
    values = [each["value"] for each in editor.all("$/progress") if each["token"] == "t"]
    texts = dict.fromkeys(("text", "thought"), "")
    for each in values:
        if each["kind"] in texts:
            texts[each["kind"]] += each["text"]
    assert texts == {"text": "Let me see.", "thought": "hm[31m"}
    calls = [each for each in values if each["kind"] == "toolCall"]
    assert calls == [{"kind": "toolCall", "id": "c7", "name": "read", "arguments": '{"path": "a"}'}]
    assert [each["kind"] for each in values][-1] == "usage"
    usage = {"inputTokens": 9, "outputTokens": 4, "cost": "0", "costSource": "prices"}
    assert result == {
        "stopReason": "tool_calls",
        "provider": "team",
        "model": "coder",
        "usage": usage,
        "redacted": 0,
    }
    works = [each["value"]["kind"] for each in editor.all("$/progress") if each["token"] == "w"]
    assert works == ["begin", "end"]
    # It has cost what it has cost, whoever asked.
    status = await editor.result("polypilot/status")
    assert [(each["provider"], each["requests"]) for each in status["spent"]] == [("team", 1)]
    assert status["state"] == "ready"


async def test_without_a_token_the_parts_are_in_the_result(
    editor: Any, settings: Callable[..., None], calling: ScriptedServer
) -> None:
    settings(calling.url)
    await editor.start()
    result = await editor.result(RESPOND, ASK)
    assert result["parts"] == [
        {"kind": "thought", "text": "hm[31m"},
        {"kind": "text", "text": "Let me see."},
        {"kind": "toolCall", "id": "c7", "name": "read", "arguments": '{"path": "a"}'},
    ]


async def test_all_that_is_sent_is_what_was_given(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    call = {"type": "toolCall", "id": "c1", "name": "read", "arguments": '{"path": "a"}'}
    answer = {"type": "toolResult", "id": "c1", "text": "1 = 1"}
    picture = {"type": "image", "mediaType": "image/png", "data": PNG}
    messages = [
        {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
        HELLO,
        {"role": "assistant", "parts": [{"type": "text", "text": "Wait."}, call]},
        {"role": "user", "parts": [answer, {"type": "text", "text": "So?"}, picture]},
    ]
    tools = [{"name": "read", "description": "Reads a file", "inputSchema": SCHEMA}]
    params = {**ASK, "messages": messages, "tools": tools, "toolMode": "required", "maxTokens": 7}
    assert (await editor.result(RESPOND, params))["stopReason"] == "end"
    sent: Any = talking.requests[0].json
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "read", "arguments": '{"path": "a"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1 = 1"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "So?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
    ]
    assert sent["tools"][0]["function"]["parameters"] == SCHEMA
    assert sent["tool_choice"] == "required"
    await editor.result(RESPOND, ASK)
    # Nothing of ours is added, and nothing is remembered.
    assert talking.requests[1].json["messages"] == [{"role": "user", "content": "hi"}]
    assert "tool_choice" not in talking.requests[1].json


async def test_secrets_are_hidden_wherever_they_stand(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url)
    await editor.start()
    text = f"ANTHROPIC_API_KEY={KEY}"
    parts = {
        "user": [
            {"type": "text", "text": text},
            {"type": "toolResult", "id": "c1", "text": text, "isError": True},
        ],
        "assistant": [
            {"type": "thought", "text": text, "signature": "s", "provider": "team"},
            {"type": "toolCall", "id": "c1", "name": "f", "arguments": json.dumps({"a": text})},
        ],
        "system": [{"type": "text", "text": text}],
    }
    messages = [{"role": role, "parts": each} for role, each in parts.items()]
    tools = [{"name": "f", "description": text}]
    result = await editor.result(RESPOND, {**ASK, "messages": messages, "tools": tools})
    assert result["redacted"] == 6
    assert KEY not in talking.requests[0].body.decode()
    hidden = {"name": "f", "inputSchema": {"default": text}}
    refused = await editor.error(RESPOND, {**ASK, "tools": [hidden]})
    assert refused["data"]["code"] == "excluded"
    assert KEY not in str(refused)
    assert len(talking.requests) == 1


@pytest.mark.parametrize("by", ["request", "progress"])
async def test_stopping_closes_the_suppliers_socket(
    editor: Any, settings: Callable[..., None], by: str
) -> None:
    async with ScriptedServer(_sse(_delta(content="Hello"), end=(Stall(),))) as server:
        settings(server.url)
        await editor.start()
        params = {**ASK, "partialResultToken": "t", "workDoneToken": "w"}
        asked = editor.ask(RESPOND, params)
        await editor.said("Hello")
        if by == "request":
            editor.notify("$/cancelRequest", {"id": asked})
        else:
            editor.notify("window/workDoneProgress/cancel", {"token": "w"})
        result = (await editor.reply(asked))["result"]
        assert result["stopReason"] == "cancelled"
        async with asyncio.timeout(30):
            await server.requests[0].gone.wait()


async def test_a_failure_before_the_answer_is_an_error_and_one_within_it_a_reason(
    editor: Any, settings: Callable[..., None]
) -> None:
    async with ScriptedServer(reply(401, {"error": {"message": "no"}})) as server:
        settings(server.url)
        await editor.start()
        result = await editor.result(RESPOND, ASK)
        assert result["stopReason"] == "error"
        assert result["error"]["code"] == "auth"
        assert (await editor.result("polypilot/status"))["error"]["code"] == "auth"


def _with(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "parts": list(parts)}]}


NONSENSE: list[tuple[dict[str, Any], str | int]] = [
    ({"messages": []}, "empty"),
    (_with(), "empty"),
    (_with({"type": "text"}), -32602),
    (_with({"type": "smell"}), -32602),
    (_with(role="god"), -32602),
    (_with({"type": "toolResult", "text": "x"}), -32602),
    (_with({"type": "image", "data": "!"}), -32602),
    (_with({"type": "image", "mediaType": "image/png", "data": "!"}), -32602),
    (_with({"type": "image", "mediaType": "image/png", "data": "R0lG"}), -32602),
    (_with({"type": "image", "mediaType": "image/png", "data": PNG * 120_000}), "too_long"),
    ({"toolMode": "never"}, -32602),
    (_with({"type": "text", "text": "x" * 16_000_001}), "too_long"),
]


@pytest.mark.parametrize(
    ("change", "code"), NONSENSE, ids=[f"{i}-{code}" for i, (_, code) in enumerate(NONSENSE)]
)
async def test_what_makes_no_sense_is_refused(
    editor: Any,
    settings: Callable[..., None],
    talking: ScriptedServer,
    change: dict[str, Any],
    code: object,
) -> None:
    settings(talking.url)
    await editor.start()
    error = await editor.error(RESPOND, ASK | change)
    assert code in {error["code"], error.get("data", {}).get("code")}
    assert talking.requests == []


async def test_only_local_providers_answer_where_the_user_says_so(
    editor: Any, settings: Callable[..., None], talking: ScriptedServer
) -> None:
    settings(talking.url, "[privacy]\nlocal_only = true\n")
    await editor.start()
    assert (await editor.result(RESPOND, ASK))["stopReason"] == "end"
    refused = await editor.error(RESPOND, {**ASK, "provider": "anthropic"})
    assert refused["code"] == -32803
    rows = await editor.result("polypilot/lm/models")
    assert {each["provider"] for each in rows} == {"team"}


async def test_the_models_that_can_be_used_now(
    editor: Any, settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"object": "list", "data": [{"id": "coder"}, {"id": "thinker"}]}
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-nobody")
    async with ScriptedServer(reply(200, listed)) as server:
        settings(server.url)
        await editor.start()
        rows = await editor.result("polypilot/lm/models")
        ours = [each for each in rows if each["provider"] == "team"]
        assert [each["id"] for each in ours] == ["coder", "thinker"]
        assert [each["selected"] for each in ours] == [True, False]
        assert rows[0] == ours[0]
        assert ours[0]["local"] is True
        providers = {each["provider"] for each in rows}
        assert "anthropic" in providers  # there is a key
        assert "openai" not in providers  # there is none
        claude = next(each for each in rows if each["provider"] == "anthropic")
        assert (claude["local"], claude["providerName"]) == (False, "Anthropic")
        assert claude["contextTokens"] >= 200_000
        named = await editor.result("polypilot/lm/models", {"provider": "team"})
        assert named == ours
    unknown = await editor.error("polypilot/lm/models", {"provider": "nobody"})
    assert unknown["code"] == -32803


async def test_tokens_are_estimated_and_said_to_be(editor: Any) -> None:
    await editor.start()
    whose = {"provider": "team", "model": "coder"}
    count = "polypilot/lm/countTokens"
    text = await editor.result(count, {**whose, "text": "abcdef"})
    assert text == {"tokens": 2, "estimated": True}
    message = await editor.result(count, {**whose, "message": HELLO})
    assert message["tokens"] == 5
    call = {"type": "toolCall", "id": "c", "name": "abc", "arguments": "abcdef"}
    picture = {"type": "image", "mediaType": "image/png", "data": PNG}
    parts = [call, picture]
    more = await editor.result(count, {**whose, "message": {"role": "user", "parts": parts}})
    assert more["tokens"] == 4 + 1 + 2 + 1600
