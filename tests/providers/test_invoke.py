"""The wire bedrock-invoke: Claude by Bedrock's InvokeModel, and whatever else answers there."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import (
    AuthError,
    ProviderError,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import Peer
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    aws_frame,
    body_of,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    Event,
    FilePart,
    Message,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    TextPart,
    ThoughtDelta,
    Tool,
    ToolCall,
    Usage,
    user,
)
from polypilot_providers.wires.bedrock_invoke_stream import InvokeParser

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient

METRICS = {"inputTokenCount": 16, "outputTokenCount": 18, "firstByteLatency": 1438}
COUNTED = {"amazon-bedrock-invocationMetrics": METRICS}


def frame(kind: str, payload: object) -> bytes:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return aws_frame(json.dumps(payload).encode(), headers)


def chunk(value: object) -> bytes:
    """One piece of a model's answer; `p` is padding that hides its length."""
    said = b64encode(json.dumps(value).encode()).decode()
    return frame("chunk", {"bytes": said, "p": "abcdefghijk"})


def exception(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":message-type": "exception"}
    return aws_frame(json.dumps({"message": message}).encode(), headers)


def delta(index: int, **fields: object) -> bytes:
    return chunk({"type": "content_block_delta", "index": index, "delta": fields})


def block(index: int, **fields: object) -> bytes:
    return chunk({"type": "content_block_start", "index": index, "content_block": fields})


PIECES = [
    chunk(
        {
            "type": "message_start",
            "message": {"model": "claude-x", "usage": {"input_tokens": 16, "output_tokens": 5}},
        }
    ),
    block(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="hm"),
    delta(0, type="signature_delta", signature="Eq"),
    chunk({"type": "content_block_stop", "index": 0}),
    block(1, type="text", text=""),
    delta(1, type="text_delta", text="Olá! "),
    chunk({"type": "content_block_stop", "index": 1}),
    block(2, type="tool_use", id="toolu_bdrk_1", name="f", input={}),
    delta(2, type="input_json_delta", partial_json='{"a":'),
    delta(2, type="input_json_delta", partial_json="1}"),
    chunk({"type": "content_block_stop", "index": 2}),
    chunk(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 18},
        }
    ),
    chunk({"type": "message_stop", **COUNTED}),
]
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm"),
    ThoughtDelta("", signature="Eq", provider="bedrock-invoke"),
    TextDelta("Olá! "),
    ToolCall("toolu_bdrk_1", "f", '{"a":1}'),
    Usage(16, 18),
    Stop(StopReason.TOOL_CALLS, "claude-x"),
)
WEATHER = "global.anthropic.claude-haiku-4-5-20251001-v1:0"


class TestInvoke(ProviderConformance):
    answer: ClassVar = b"".join(PIECES)
    events: ClassVar = EVENTS
    ping: ClassVar = frame("somethingQuiet", {})
    models_answer: ClassVar = b'{"asyncInvokeSummaries":[]}'
    model_id: ClassVar = WEATHER

    def pieces(self) -> list[bytes]:
        return PIECES

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["bedrock-invoke"], key, http, base_url=base_url)


def read(*pieces: bytes) -> list[Event]:
    return testing.read(InvokeParser(Peer("bedrock-invoke", "host")), *pieces)


# Each model's own format


def test_nova_answers_as_over_converse() -> None:
    assert read(
        chunk({"messageStart": {"role": "assistant"}}),
        chunk({"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}}),
        chunk({"contentBlockStop": {"contentBlockIndex": 0}}),
        chunk(
            {
                "contentBlockStart": {
                    "start": {"toolUse": {"toolUseId": "t", "name": "f"}},
                    "contentBlockIndex": 1,
                }
            }
        ),
        chunk(
            {
                "contentBlockDelta": {
                    "delta": {"toolUse": {"input": '{"a":1}'}},
                    "contentBlockIndex": 1,
                }
            }
        ),
        chunk({"contentBlockStop": {"contentBlockIndex": 1}}),
        chunk({"messageStop": {"stopReason": "tool_use"}}),
        chunk({"metadata": {"usage": {"inputTokens": 5, "outputTokens": 7}}, **COUNTED}),
    ) == [
        TextDelta("Hi"),
        ToolCall("t", "f", '{"a":1}'),
        Usage(5, 7),
        Stop(StopReason.TOOL_CALLS),
    ]


def test_openai_like_answers() -> None:
    """gpt-oss, DeepSeek and others; Mistral's say elsewhere why they ended."""
    assert read(
        chunk({"model": "m", "choices": [{"index": 0, "delta": {"reasoning": "hm"}}]}),
        chunk({"model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}),
        chunk({"model": "m", "choices": [{"index": 0, "finish_reason": "stop"}]}),
        chunk({"choices": [], **COUNTED}),
    ) == [ThoughtDelta("hm"), TextDelta("Hi"), Usage(16, 18), Stop(StopReason.END, "m")]
    mistral = {"index": 0, "message": {"content": "Hi"}, "stop_reason": None}
    assert read(
        chunk({"choices": [mistral]}),
        chunk({"choices": [{**mistral, "message": {"content": ""}, "stop_reason": "length"}]}),
    ) == [TextDelta("Hi"), Stop(StopReason.LENGTH)]


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        # Llama
        (
            (
                {"generation": "H", "prompt_token_count": 5, "stop_reason": None},
                {"generation": "i", "stop_reason": None},
                {"generation": "", "stop_reason": "stop"},
            ),
            StopReason.END,
        ),
        # Mistral
        (
            (
                {"outputs": [{"text": "H", "stop_reason": None}]},
                {"outputs": [{"text": "i", "stop_reason": "length"}]},
            ),
            StopReason.LENGTH,
        ),
        # Titan
        (
            (
                {"outputText": "H", "index": 0, "completionReason": None},
                {"outputText": "i", "index": 0, "completionReason": "FINISH"},
            ),
            StopReason.END,
        ),
        # Cohere
        (
            (
                {"event_type": "text-generation", "text": "H", "is_finished": False},
                {"event_type": "text-generation", "text": "i", "is_finished": False},
                {"text": "Hi", "is_finished": True, "finish_reason": "MAX_TOKENS"},
            ),
            StopReason.LENGTH,
        ),
    ],
)
def test_plain_text(pieces: tuple[dict[str, object], ...], reason: StopReason) -> None:
    assert read(*map(chunk, pieces[:-1]), chunk({**pieces[-1], **COUNTED})) == [
        TextDelta("H"),
        TextDelta("i"),
        Usage(16, 18),
        Stop(reason),
    ]


def test_a_filter_of_plain_text() -> None:
    refusal, end = read(chunk({"outputText": "", "completionReason": "CONTENT_FILTERED"}))
    assert isinstance(refusal, Refusal)
    assert end == Stop(StopReason.REFUSAL)


def test_cached_input_counts_as_input() -> None:
    metrics = METRICS | {"cacheReadInputTokenCount": 100, "cacheWriteInputTokenCount": 1}
    usage, _ = read(
        chunk({"generation": "", "stop_reason": "stop"}),
        chunk({"amazon-bedrock-invocationMetrics": metrics}),
    )
    assert usage == Usage(117, 18, 100, 1)
    usage, _ = read(
        chunk({"outputs": [{"stop_reason": "stop"}]}),
        chunk({"amazon-bedrock-invocationMetrics": {"outputTokenCount": 3}}),
    )
    assert usage == Usage(None, 3)


def test_an_answer_that_was_not_streamed() -> None:
    message = {
        "type": "message",
        "model": "claude-x",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    assert read(json.dumps(message).encode()) == [
        TextDelta("Hi"),
        Usage(1, 2),
        Stop(StopReason.END, "claude-x"),
    ]
    with pytest.raises(ProviderError, match="No way"):
        read(b'{"message":"No way"}')


# What goes wrong


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttlingException", RateLimited),
        ("modelStreamErrorException", Unavailable),
        ("modelTimeoutException", Unavailable),
        ("internalServerException", Unavailable),
        ("serviceUnavailableException", Unavailable),
        ("validationException", RequestRefused),
        ("novelException", StreamBroken),
    ],
)
def test_exceptions_in_mid_stream(kind: str, error: type[ProviderError]) -> None:
    parser = InvokeParser(Peer("bedrock-invoke", "host"))
    assert list(parser.feed(b"".join(PIECES[5:7]))) == [TextDelta("Olá! ")]
    with pytest.raises(error, match="So it is"):
        list(parser.feed(exception(kind, "So it is")))


def test_the_models_own_error_in_mid_stream() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    with pytest.raises(Unavailable):
        read(PIECES[0], chunk({"type": "error", "error": error}))


def test_broken_pieces() -> None:
    for said in ("%%%", b64encode(b"no json").decode(), None):
        with pytest.raises(StreamBroken):
            read(frame("chunk", {"bytes": said}))
    with pytest.raises(StreamBroken, match="without its end"):
        read(*PIECES[:-2])
    with pytest.raises(StreamBroken, match="without its end"):
        read(b"")


def test_what_is_not_known_is_left_out_and_counted() -> None:
    parser = InvokeParser(Peer("bedrock-invoke", "host"))
    events = testing.read(
        parser,
        frame("novelEvent", {}),
        chunk({"messageStart": {}, "novelty": {}}),
        chunk({"messageStop": {"stopReason": "end_turn"}}),
    )
    assert events == [Stop(StopReason.END)]
    assert parser.unknown == {"novelEvent": 1, "novelty": 1}


@settings(max_examples=200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "type", "choices", "outputs", "generation", "messageStop", "metadata", "text",
                    "error", "amazon-bedrock-invocationMetrics", "stop_reason",
                ]
            ),
            st.recursive(
                st.sampled_from(["message_stop", "stop", 3, None, True, -1]),
                lambda inner: st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["text", "stop_reason", "usage"]), inner),
                max_leaves=5,
            ),
            max_size=4,
        ),
        max_size=4,
    )
)  # fmt: skip
def test_whatever_json_comes_only_our_errors_are_raised(values: list[dict[str, object]]) -> None:
    try:
        events = read(*map(chunk, values))
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)


# Requests


def invoke(http: HttpClient, key: KeySource, url: str, **fields: object) -> Provider:
    row = rows({})["bedrock-invoke"].model_copy(update=fields)
    return build(row, key, http, base_url=url)


async def test_claude_is_asked_in_its_own_format(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(b"".join(PIECES))) as server:
        document = FilePart("text/plain", "a.txt", b"x")
        request = ChatRequest(
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            (Message("user", (document, TextPart("hi"))),),
            system="s",
            max_tokens=4000,
            temperature=0.5,
            tools=(Tool("f", "does f"),),
        )
        provider = invoke(http, key, server.url)
        body = await body_of(server, provider, request)
        got = server.requests[0]
        assert got.path == (
            "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"
        )
        assert got.headers["accept"] == "application/vnd.amazon.eventstream"
        assert got.headers["authorization"] == "Bearer sk-test-1"
        assert "anthropic-version" not in got.headers
        mark = {"cache_control": {"type": "ephemeral"}}
        assert body == {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 4000,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "title": "a.txt",
                            "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                            "citations": {"enabled": True},
                        },
                        {"type": "text", "text": "hi", **mark},
                    ],
                }
            ],
            "system": [{"type": "text", "text": "s", **mark}],
            "temperature": 0.5,
            "tools": [
                {
                    "name": "f",
                    "description": "does f",
                    "input_schema": {"type": "object", "properties": {}},
                }
            ],
        }
        effortful = ChatRequest(WEATHER, (user("x"),), effort="high", max_tokens=4000)
        body = await body_of(server, provider, effortful)
        assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}


async def test_the_users_own_row_needs_no_version(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(b"".join(PIECES)), reply(403, {"message": "no"})) as server:
        row = ProviderRow(
            id="own",
            wire="bedrock-invoke",
            base_url=server.url,
            chat_model="anthropic.claude-opus-4-6-v1",
            models=(ModelRow(id="anthropic.claude-opus-4-6-v1", max_output_tokens=9),),
        )
        own = build(row, key, http)
        body = await body_of(server, own, ChatRequest("", (user("x"),)))
        assert (body["anthropic_version"], body["max_tokens"]) == ("bedrock-2023-05-31", 9)
        with pytest.raises(AuthError):
            await own.models()
        assert server.requests[1].path.startswith("/async-invoke")
