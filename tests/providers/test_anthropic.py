"""What Anthropic's Messages API answers, and what becomes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import rows
from polypilot_providers.conformance import KEY
from polypilot_providers.errors import (
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import ParameterRefused, Peer
from polypilot_providers.testing import (
    ProviderConformance,
)
from polypilot_providers.types import (
    Citation,
    Event,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
)
from polypilot_providers.wires.anthropic_stream import AnthropicParser

if TYPE_CHECKING:
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


def test_redacted_reasoning_and_blocks_that_come_whole() -> None:
    assert read(
        block(0, type="redacted_thinking", data="EmwK"),
        close(0),
        block(2, type="text", text="given at once"),
        block(3, type="thinking", thinking="likewise", signature="Eq"),
        block(4, type="tool_use", id="t", name="f", input={"whole": True}),
        END,
    ) == [
        ThoughtDelta("", redacted="EmwK", provider="anthropic"),
        TextDelta("given at once"),
        ThoughtDelta("likewise"),
        ThoughtDelta("", signature="Eq", provider="anthropic"),
        ToolCall("t", "f", '{"whole": true}'),
        Stop(StopReason.END),
    ]


def test_what_is_not_known_is_left_out_and_counted() -> None:
    parser = AnthropicParser(Peer("anthropic", "host"))
    events = testing.read(
        parser,
        block(1, type="server_tool_use", id="s", name="web", input={}),
        delta(1, type="input_json_delta", partial_json='{"query": "x"}'),
        close(1),
        block(2, type="text", text="so"),
        delta(2, type="novel_delta", novelty="?"),
        event("novel_event"),
        event("ping"),
        END,
    )
    assert events == [TextDelta("so"), Stop(StopReason.END)]
    assert parser.unknown == {"block server_tool_use": 1, "delta novel_delta": 1, "novel_event": 1}


CHAR = {
    "type": "char_location",
    "cited_text": "The sky is blue. ",
    "document_index": 0,
    "document_title": "Sky",
    "start_char_index": 0,
    "end_char_index": 17,
}
PAGE = {
    "type": "page_location",
    "cited_text": "p. 3",
    "document_index": 0,
    "document_title": None,
    "start_page_number": 3,
    "end_page_number": 4,
}
WEB = {
    "type": "web_search_result_location",
    "cited_text": "news",
    "title": "The news",
    "url": "https://example.org/news",
    "encrypted_index": "E",
}
SEARCH = {
    "type": "search_result_location",
    "cited_text": "kb",
    "title": None,
    "source": "https://example.org/kb",
    "search_result_index": 0,
    "start_block_index": 0,
    "end_block_index": 1,
}


def test_citations_of_documents_and_pages() -> None:
    """They come amid the text they stand behind, and no citation is text."""
    assert read(
        block(0, type="text", text="", citations=None),
        delta(0, type="text_delta", text="blue"),
        *(delta(0, type="citations_delta", citation=each) for each in (CHAR, PAGE, WEB)),
        close(0),
        block(1, type="text", text=".", citations=[SEARCH]),
        finish("end_turn"),
        END,
    ) == [
        TextDelta("blue"),
        Citation("", "Sky", "The sky is blue."),
        Citation("", "", "p. 3"),
        Citation("https://example.org/news", "The news", "news"),
        TextDelta("."),
        Citation("https://example.org/kb", "", "kb"),
        Usage(None, 9),
        Stop(StopReason.END),
    ]


def test_reasoning_that_is_not_shown_is_still_known_of() -> None:
    """Its block says that it has begun: a long silence may follow."""
    parser = AnthropicParser(Peer("anthropic", "host"))
    assert list(parser.feed(start())) == []
    before = parser.progress
    assert list(parser.feed(block(0, type="thinking", thinking="", signature=""))) == []
    assert parser.reasoning
    assert parser.progress > before
    assert list(parser.feed(close(0))) == []
    assert not parser.reasoning


def test_an_answer_that_was_not_streamed() -> None:
    message: dict[str, object] = {
        "type": "message",
        "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "Eq"},
            {"type": "text", "text": "Let me.", "citations": None},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "u", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }
    assert read(json.dumps(message).encode()) == [
        ThoughtDelta("hm"),
        ThoughtDelta("", signature="Eq", provider="anthropic"),
        TextDelta("Let me."),
        ToolCall("t", "f", '{"a": 1}'),
        ToolCall("u", "g", "{}"),
        Usage(5, 7),
        Stop(StopReason.TOOL_CALLS, "claude-x"),
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


def test_without_its_reason_to_stop_an_answer_is_broken() -> None:
    assert isinstance(read(ANSWER.removesuffix(END))[-1], Stop)
    pieces = ANSWER.split(b"\n\n")
    with pytest.raises(StreamBroken):
        read(b"\n\n".join(pieces[:-3]) + b"\n\n")
    with pytest.raises(StreamBroken, match="no message"):
        read(b'{"type":"novelty","content":[]}')


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", Unavailable),
        ("api_error", Unavailable),
        ("timeout_error", Unavailable),
        ("rate_limit_error", RateLimited),
        ("billing_error", QuotaExhausted),
        ("permission_error", PermissionDenied),
        ("invalid_request_error", RequestRefused),
        ("novel_error", StreamBroken),
    ],
)
def test_errors_inside_the_stream(kind: str, error: type[ProviderError]) -> None:
    parser = AnthropicParser(Peer("anthropic", "host"))
    said = event("error", error={"type": kind, "message": "So it is"})
    assert list(parser.feed(start() + delta(0, type="text_delta", text="kept"))) == [
        TextDelta("kept")
    ]
    with pytest.raises(ProviderError, match="So it is") as caught:
        list(parser.feed(said))
    assert type(caught.value) in (error, ParameterRefused)
    assert isinstance(caught.value, error)


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
