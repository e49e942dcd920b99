"""The wire anthropic-messages, in both API versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ProviderRow, rows
from polypilot_providers.conformance import KEY
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import Peer
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    Message,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    Tool,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Usage,
    assistant,
    user,
)
from polypilot_providers.wires.anthropic_messages import AnthropicParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient


def event(kind: str, **fields: object) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def start(**usage: object) -> bytes:
    return event(
        "message_start",
        message={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [],
            "stop_reason": None,
            "usage": usage,
        },
    )


def block(index: int, **fields: object) -> bytes:
    return event("content_block_start", index=index, content_block=fields)


def delta(index: int, **fields: object) -> bytes:
    return event("content_block_delta", index=index, delta=fields)


def close(index: int) -> bytes:
    return event("content_block_stop", index=index)


def finish(reason: str, **more: object) -> bytes:
    return event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None, **more},
        usage={"output_tokens": 9},
    )


END = event("message_stop")
ANSWER = b"".join(
    [
        start(
            input_tokens=10,
            cache_creation_input_tokens=200,
            cache_read_input_tokens=3000,
            output_tokens=1,
            service_tier="standard",
        ),
        block(0, type="thinking", thinking="", signature=""),
        event("ping"),
        delta(0, type="thinking_delta", thinking="hm…"),
        delta(0, type="signature_delta", signature="EqQB"),
        close(0),
        block(1, type="text", text=""),
        delta(1, type="text_delta", text="Olá "),
        delta(1, type="text_delta", text="\U0001f600"),
        close(1),
        block(2, type="tool_use", id="toolu_1", name="add", input={}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"a":'),
        delta(2, type="input_json_delta", partial_json=" 1}"),
        close(2),
        finish("tool_use"),
        END,
    ]
)
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm…"),
    ThoughtDelta("", signature="EqQB", provider="anthropic"),
    TextDelta("Olá "),
    TextDelta("\U0001f600"),
    ToolCall("toolu_1", "add", '{"a": 1}'),
    Usage(3210, 9, 3000, 200),
    Stop(StopReason.TOOL_CALLS, "claude-x"),
)
MODELS = {
    "data": [
        {
            "type": "model",
            "id": "claude-haiku-5-5",
            "display_name": "Claude Haiku 5.5",
            "created_at": "2026-09-01T00:00:00Z",
            "max_input_tokens": 200000,
            "max_tokens": 64000,
            "retires_at": "2027-10-01T00:00:00Z",
        }
    ],
    "has_more": False,
}


class TestMessages(ProviderConformance):
    answer: ClassVar = ANSWER
    events: ClassVar = EVENTS
    ping: ClassVar = event("ping")
    key_header: ClassVar = ("x-api-key", KEY)
    models_answer: ClassVar = json.dumps(MODELS).encode()
    model_id: ClassVar = "claude-haiku-5-5"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["anthropic"], key, http, base_url=base_url)


def read(*pieces: bytes) -> list[Event]:
    return testing.read(AnthropicParser(Peer("anthropic", "host")), *pieces)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", StopReason.END),
        ("pause_turn", StopReason.END),
        ("max_tokens", StopReason.LENGTH),
        ("model_context_window_exceeded", StopReason.LENGTH),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("tool_use", StopReason.TOOL_CALLS),
        ("something new", StopReason.END),
    ],
)
def test_stop_reasons(said: str, reason: StopReason) -> None:
    assert read(finish(said), END) == [Usage(None, 9), Stop(reason)]


def test_refusal_with_its_explanation() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not that."}
    assert read(start(), finish("refusal", stop_details=details), END) == [
        Refusal("Not that."),
        Usage(None, 9),
        Stop(StopReason.REFUSAL, "claude-x"),
    ]
    assert read(finish("refusal", stop_details={"category": "bio"}), END)[0] == Refusal("bio")
    assert read(finish("refusal"), END)[0] == Refusal("")


def test_redacted_reasoning_and_blocks_we_do_not_know() -> None:
    assert read(
        block(0, type="redacted_thinking", data="EmwK"),
        close(0),
        block(1, type="server_tool_use", id="s", name="web", input={}),
        delta(1, type="citations_delta", citation={}),
        close(1),
        event("novel_event"),
        block(2, type="text", text="given at once"),
        block(3, type="thinking", thinking="likewise"),
        block(4, type="tool_use", id="t", name="f", input={"whole": True}),
        END,
    ) == [
        ThoughtDelta("", redacted="EmwK", provider="anthropic"),
        TextDelta("given at once"),
        ThoughtDelta("likewise"),
        ToolCall("t", "f", '{"whole": true}'),
        Stop(StopReason.END),
    ]


def test_counts_are_cumulative_and_nulls_keep_what_was_known() -> None:
    again = event(
        "message_delta",
        delta={"stop_reason": "end_turn"},
        usage={
            "input_tokens": None,
            "output_tokens": 70,
            "output_tokens_details": {"thinking_tokens": 50},
        },
    )
    events = read(start(input_tokens=5, output_tokens=1), again, END)
    assert events[0] == Usage(5, 70, reasoning_tokens=50)


def test_without_its_end_marker_an_answer_is_broken() -> None:
    with pytest.raises(StreamBroken):
        read(ANSWER.removesuffix(END))
    with pytest.raises(StreamBroken, match="not streamed"):
        read(b'{"type":"message","content":[]}')


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", Unavailable),
        ("api_error", Unavailable),
        ("rate_limit_error", RateLimited),
        ("invalid_request_error", RequestRefused),
    ],
)
def test_errors_inside_the_stream(kind: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        read(start(), event("error", error={"type": kind, "message": "Overloaded"}))


@settings(max_examples=200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["type", "index", "delta", "content_block", "message", "usage", "error", "text"]
            ),
            st.recursive(
                st.sampled_from(
                    [
                        "text_delta",
                        "tool_use",
                        "content_block_delta",
                        "message_start",
                        "message_delta",
                        "content_block_start",
                        3,
                        None,
                        True,
                        -1,
                    ]
                ),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(
                        st.sampled_from(["type", "text", "input", "usage", "stop_details"]),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=6,
            ),
            max_size=5,
        ),
        max_size=4,
    )
)
def test_whatever_json_comes_only_our_errors_are_raised(values: list[dict[str, object]]) -> None:
    try:
        events = read(*(f"data: {json.dumps(value)}\n\n".encode() for value in values), END)
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)


# Requests


@pytest.fixture
def claude(http: HttpClient, key: KeySource) -> Callable[..., Provider]:
    def make(base_url: str, **fields: object) -> Provider:
        row = rows({})["anthropic"].model_copy(update=fields)
        return build(row, key, http, base_url=base_url)

    return make


async def test_request_of_the_new_version(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(
            "claude-opus-4-6",
            (
                user("hi"),
                Message(
                    "assistant",
                    (
                        ThoughtPart("hm", signature="sig"),
                        ThoughtPart("", redacted="red"),
                        ThoughtPart("unproven"),
                        TextPart("let me"),
                        ToolCallPart("t", "f", '{"a":1}'),
                        ToolCallPart("u", "g", "not json"),
                    ),
                ),
                Message("user", (TextPart("so"), ToolResultPart("t", "boom", is_error=True))),
                assistant("   "),
            ),
            system="be brief",
            stop=("\n\n", "END"),
            temperature=0.3,
            effort="medium",
            tools=(Tool("f", "does f", {"type": "object", "properties": {}}), Tool("g", "")),
        )
        body = await body_of(server, claude(server.url + "/v1"), request)
        got = server.requests[0]
        assert got.path == "/v1/messages"
        assert got.headers["anthropic-version"] == "2026-10-21"
        assert "authorization" not in got.headers
        assert body == {
            "model": "claude-opus-4-6",
            "max_tokens": 8192,
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "red"},
                        {"type": "text", "text": "let me"},
                        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
                        {"type": "tool_use", "id": "u", "name": "g", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": "boom",
                            "is_error": True,
                        },
                        {"type": "text", "text": "so"},
                    ],
                },
            ],
            "stream": True,
            "system": "be brief",
            "stop_sequences": ["END"],
            "tools": [
                {
                    "name": "f",
                    "description": "does f",
                    "input_schema": {"type": "object", "properties": {}},
                },
                {"name": "g", "description": "", "input_schema": {"type": "object"}},
            ],
            "output_config": {"effort": "medium"},
        }


async def test_the_old_version_takes_a_temperature(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        old = claude(server.url, api_version="")
        request = ChatRequest("", (user("x"),), temperature=0.3, max_tokens=5)
        body = await body_of(server, old, request)
        assert server.requests[0].headers["anthropic-version"] == "2023-06-01"
        assert (body["temperature"], body["max_tokens"]) == (0.3, 5)
        assert body["model"] == "claude-sonnet-5-5"


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-haiku-5-5", None, {}),
        ("claude-haiku-5-5", "none", {"thinking": {"type": "disabled"}}),
        ("claude-haiku-4-5-20251001", "none", {"thinking": {"type": "disabled"}}),
        ("claude-haiku-4-5", "high", {}),
        ("claude-sonnet-5-5", "none", {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5-5", "none", {"output_config": {"effort": "low"}}),
        ("claude-opus-5-5", "minimal", {"output_config": {"effort": "low"}}),
        ("claude-opus-5", "high", {"output_config": {"effort": "high"}}),
        ("claude-unheard-of", "none", {"thinking": {"type": "disabled"}}),
        ("claude-unheard-of", "high", {}),
    ],
)
async def test_reasoning_is_asked_for_as_the_model_takes_it(
    claude: Callable[..., Provider], model: str, effort: str | None, expected: dict[str, object]
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(model, (user("x"),), effort=effort)  # pyright: ignore[reportArgumentType] - fields of several types
        body = await body_of(server, claude(server.url), request)
        sent = {name: body[name] for name in ("thinking", "output_config") if name in body}
        assert sent == expected


async def test_a_refused_thinking_switch_is_left_out(claude: Callable[..., Provider]) -> None:
    error = {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": 'thinking.type: "disabled" is not supported for this model.',
        },
        "request_id": "req_1",
    }
    async with ScriptedServer(reply(400, error), stream(ANSWER)) as server:
        request = ChatRequest("claude-unheard-of", (user("x"),), effort="none")
        body = await body_of(server, claude(server.url), request)
        assert len(server.requests) == 2
        assert "thinking" not in body


async def test_completions_are_refused(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        with pytest.raises(ConfigurationError, match="completion"):
            async for _ in claude(server.url).complete(CompletionRequest("m", "p")):
                pass
        assert server.requests == []


async def test_models(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, MODELS)) as server:
        (model,) = await claude(server.url).models()
        assert server.requests[0].path == "/v1/models?limit=1000"
        assert (model.name, model.context_tokens, model.output_tokens, model.shutdown_date) == (
            "Claude Haiku 5.5",
            200000,
            64000,
            "2027-10-01",
        )


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, AuthError),
        (403, {"type": "permission_error", "message": "not allowed"}, AuthError),
        (404, {"type": "not_found_error", "message": "model: claude-9"}, UnknownModel),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
            ContextTooLong,
        ),
        (413, {"type": "request_too_large", "message": "too large"}, ContextTooLong),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "Your credit balance is too low to access the API.",
            },
            QuotaExhausted,
        ),
        (429, {"type": "rate_limit_error", "message": "slow down"}, RateLimited),
        (
            429,
            {
                "type": "rate_limit_error",
                "message": "limit",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            QuotaExhausted,
        ),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, Unavailable),
        (504, {"type": "timeout_error", "message": "?"}, Unavailable),
    ],
)
async def test_error_bodies(
    claude: Callable[..., Provider],
    status: int,
    error: dict[str, object],
    kind: type[ProviderError],
) -> None:
    body = {"type": "error", "error": error, "request_id": "req_1"}
    async with ScriptedServer(reply(status, body, {"retry-after": "3"})) as server:
        _, caught = await outcome(claude(server.url).chat(ChatRequest("", (user("x"),))))
        assert caught is not None
        assert type(caught) is kind
        assert caught.retry_after == (3.0 if kind in (RateLimited, Unavailable) else None)
        assert len(server.requests) == 1


def test_the_row_says_which_version(http: HttpClient, key: KeySource) -> None:
    row = ProviderRow(id="x", wire="anthropic-messages", base_url="http://localhost:1/anthropic/v1")
    assert build(row, key, http).local
