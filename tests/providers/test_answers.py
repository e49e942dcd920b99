"""Every wire and every kind of answer: text, reasoning, tools, refusals, ends, errors amid it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import RateLimited, StreamBroken, Unavailable
from polypilot_providers.factory import build
from polypilot_providers.testing import AnswersConformance, Case, aws_frame, reply
from polypilot_providers.types import (
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient

END = Stop(StopReason.END)
CALLED = Stop(StopReason.TOOL_CALLS)
LONG = Stop(StopReason.LENGTH)
REFUSED = Stop(StopReason.REFUSAL)
STOPPED = Stop(StopReason.STOP_SEQUENCE)
ONE = ToolCall("a", "add", '{"x": 1}')
TWO = ToolCall("b", "mul", '{"y": 2}')
COUNTS = Usage(10, 5, 4, None, 2)
HI = (TextDelta("h\u00e9"), TextDelta("llo"))


class Answers(AnswersConformance):
    """Of a wire of ours."""

    wire: ClassVar[str]
    fields: ClassVar[Mapping[str, object]] = {}

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        row = {"id": "acme", "wire": self.wire, "base_url": base_url} | dict(self.fields)
        return build(ProviderRow.model_validate(row), key, http)


del AnswersConformance  # or pytest would take it for tests of its own


def data(*values: object) -> bytes:
    """Server-sent events without a type."""
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def typed(*values: Mapping[str, object]) -> bytes:
    """Server-sent events whose type stands in the event too."""
    return b"".join(
        b"event: " + str(value["type"]).encode() + b"\n" + data(value) for value in values
    )


DONE = b"data: [DONE]\n\n"


def delta(finish: str | None = None, **fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(index: int, arguments: str, **fields: object) -> dict[str, object]:
    """A piece of a tool call as Chat Completions have it."""
    name = fields.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": index, "function": function} | fields


CHAT_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CHAT_TEXT = (delta(role="assistant", content=""), delta(content="h\u00e9"), delta(content="llo"))


class TestChatCompletions(Answers):
    wire = "openai-chat"
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            data(*CHAT_TEXT, delta("stop"), {"choices": [], "usage": CHAT_USAGE}) + DONE,
            (*HI, COUNTS, END),
        ),
        "reasoning": Case(
            data(delta(reasoning_content="hm"), delta(content="hi"), delta("stop")) + DONE,
            (ThoughtDelta("hm"), TextDelta("hi"), END),
        ),
        "tools": Case(
            data(
                delta(tool_calls=[piece(0, "", id="a", name="add")]),
                delta(tool_calls=[piece(0, '{"x": ')]),
                delta(tool_calls=[piece(1, '{"y": 2}', id="b", name="mul")]),
                delta(tool_calls=[piece(0, "1}")]),
                delta("tool_calls"),
            )
            + DONE,
            (ONE, TWO, CALLED),
        ),
        "refusal": Case(
            data(delta(refusal="I "), delta(refusal="won't"), delta("stop")) + DONE,
            (Refusal("I won't"), REFUSED),
        ),
        "filter": Case(data(delta("content_filter")) + DONE, (Refusal(""), REFUSED)),
        "length": Case(data(*CHAT_TEXT, delta("length")) + DONE, (*HI, LONG)),
        "stop sequence": Case(
            data(
                {
                    "choices": [
                        {"delta": {"content": "hi"}, "finish_reason": "stop", "stop_reason": "x"}
                    ]
                }
            )
            + DONE,
            (TextDelta("hi"), STOPPED),
        ),
        "error": Case(
            data(*CHAT_TEXT, {"error": {"message": "slow down", "code": 429}}), HI, StreamBroken
        ),
        "error at once": Case(
            data({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
            (),
            RateLimited,
        ),
    }


class TestCompletions(Answers):
    wire = "openai-chat"
    fields: ClassVar[Mapping[str, object]] = {"completion": "openai-completions"}
    operation = "complete"
    lacks = frozenset({"reasoning", "tools", "parallel tools", "calls tools", "refusal", "refuses"})
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            data(
                {"choices": [{"text": "h\u00e9", "finish_reason": None}]},
                {"choices": [{"text": "llo", "finish_reason": "stop"}], "usage": CHAT_USAGE},
            )
            + DONE,
            (*HI, COUNTS, END),
        ),
        "length": Case(
            data({"choices": [{"text": "hi", "finish_reason": "length"}]}) + DONE,
            (TextDelta("hi"), LONG),
        ),
        "stop sequence": Case(
            data({"choices": [{"text": "hi", "finish_reason": "stop", "stop_reason": "\n"}]})
            + DONE,
            (TextDelta("hi"), STOPPED),
        ),
        "error": Case(
            data({"choices": [{"text": "hi"}]}, {"error": {"message": "no"}}),
            (TextDelta("hi"),),
            StreamBroken,
        ),
    }


class TestMistralFim(TestCompletions):
    fields: ClassVar[Mapping[str, object]] = {"completion": "mistral-fim"}
    lacks = TestCompletions.lacks | {"stop sequence"}
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            data(*CHAT_TEXT, delta("stop") | {"usage": CHAT_USAGE}) + DONE, (*HI, COUNTS, END)
        ),
        "length": Case(data(*CHAT_TEXT, delta("length")) + DONE, (*HI, LONG)),
        "error": Case(data(*CHAT_TEXT, delta("error")), HI, StreamBroken),
        "error at once": Case(data(delta("error")), (), Unavailable),
    }


class TestDeepSeekFim(TestCompletions):
    fields: ClassVar[Mapping[str, object]] = {"completion": "deepseek-fim"}


def response(status: str, **fields: object) -> dict[str, object]:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    return {"type": f"response.{status}", "response": {"status": status, "usage": usage} | fields}


def said(text: str) -> dict[str, object]:
    return {"type": "response.output_text.delta", "output_index": 1, "delta": text}


def called(index: int, call: ToolCall, *pieces: str) -> list[dict[str, object]]:
    item = {"type": "function_call", "call_id": call.id, "name": call.name}
    whole = item | {"arguments": call.arguments}
    where = {"output_index": index}
    return [
        {"type": "response.output_item.added", "item": item | {"arguments": ""}, **where},
        *(
            {"type": "response.function_call_arguments.delta", "delta": text, **where}
            for text in pieces
        ),
        {
            "type": "response.output_item.done",
            "item": whole,
            **where,
        },
    ]


class TestResponses(Answers):
    wire = "openai-responses"
    lacks = frozenset({"stop sequence"})
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            typed(
                {"type": "response.created"}, said("h\u00e9"), said("llo"), response("completed")
            ),
            (*HI, COUNTS, END),
        ),
        "reasoning": Case(
            typed(
                {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "hm"},
                said("hi"),
                response("completed"),
            ),
            (ThoughtDelta("hm"), TextDelta("hi"), COUNTS, END),
        ),
        "tools": Case(
            typed(
                *called(0, ONE, '{"x": ', "1}"), *called(1, TWO, '{"y": 2}'), response("completed")
            ),
            (ONE, TWO, COUNTS, CALLED),
        ),
        "refusal": Case(
            typed(
                {"type": "response.refusal.delta", "output_index": 0, "delta": "I won't"},
                response("completed"),
            ),
            (Refusal("I won't"), COUNTS, REFUSED),
        ),
        "filter": Case(
            typed(response("incomplete", incomplete_details={"reason": "content_filter"})),
            (Refusal(""), COUNTS, REFUSED),
        ),
        "length": Case(
            typed(
                said("hi"),
                response("incomplete", incomplete_details={"reason": "max_output_tokens"}),
            ),
            (TextDelta("hi"), COUNTS, LONG),
        ),
        "error": Case(
            typed(
                said("hi"), {"type": "error", "error": {"code": "server_error", "message": "no"}}
            ),
            (TextDelta("hi"),),
            StreamBroken,
        ),
        "failed at once": Case(
            typed(response("failed", error={"code": "rate_limit_exceeded", "message": "no"})),
            (),
            RateLimited,
        ),
    }


def block(index: int, kind: str, **fields: object) -> dict[str, object]:
    start = {"type": kind} | fields
    return {"type": "content_block_start", "index": index, "content_block": start}


def grown(index: int, kind: str, **fields: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind} | fields}


def closed(index: int) -> dict[str, object]:
    return {"type": "content_block_stop", "index": index}


STARTED: dict[str, object] = {
    "type": "message_start",
    "message": {"usage": {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 1}},
}


def over(reason: str, **fields: object) -> tuple[dict[str, object], ...]:
    how: dict[str, object] = {"stop_reason": reason} | fields
    usage = {"output_tokens": 5}
    return {"type": "message_delta", "delta": how, "usage": usage}, {"type": "message_stop"}


CLAUDE_TEXT = (
    STARTED,
    block(0, "text", text=""),
    grown(0, "text_delta", text="h\u00e9"),
    {"type": "ping"},
    grown(0, "text_delta", text="llo"),
    closed(0),
)
CLAUDE_COUNTS = Usage(10, 5, 4)


class TestMessages(Answers):
    wire = "anthropic-messages"
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(typed(*CLAUDE_TEXT, *over("end_turn")), (*HI, CLAUDE_COUNTS, END)),
        "reasoning": Case(
            typed(
                STARTED,
                block(0, "thinking", thinking=""),
                grown(0, "thinking_delta", thinking="hm"),
                grown(0, "signature_delta", signature="s"),
                closed(0),
                *over("end_turn"),
            ),
            (ThoughtDelta("hm"), ThoughtDelta("", "s", provider="acme"), CLAUDE_COUNTS, END),
        ),
        "tools": Case(
            typed(
                STARTED,
                block(0, "tool_use", id="a", name="add", input={}),
                grown(0, "input_json_delta", partial_json='{"x": '),
                grown(0, "input_json_delta", partial_json="1}"),
                closed(0),
                block(1, "tool_use", id="b", name="mul", input={}),
                grown(1, "input_json_delta", partial_json='{"y": 2}'),
                closed(1),
                *over("tool_use"),
            ),
            (ONE, TWO, CLAUDE_COUNTS, CALLED),
        ),
        "refusal": Case(
            typed(STARTED, *over("refusal", stop_details={"explanation": "I won't"})),
            (Refusal("I won't"), CLAUDE_COUNTS, REFUSED),
        ),
        "length": Case(typed(*CLAUDE_TEXT, *over("max_tokens")), (*HI, CLAUDE_COUNTS, LONG)),
        "stop sequence": Case(
            typed(*CLAUDE_TEXT, *over("stop_sequence")), (*HI, CLAUDE_COUNTS, STOPPED)
        ),
        "error": Case(
            typed(
                *CLAUDE_TEXT,
                {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
            ),
            HI,
            StreamBroken,
        ),
    }


def candidate(*parts: dict[str, object], finish: str | None = None) -> dict[str, object]:
    usage = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 4,
    }
    one: dict[str, object] = {"content": {"parts": list(parts), "role": "model"}}
    return {
        "candidates": [one | ({"finishReason": finish} if finish else {})],
        "usageMetadata": usage,
    }


def crlf(*values: object) -> bytes:
    return data(*values).replace(b"\n", b"\r\n")


class TestGemini(Answers):
    wire = "gemini"
    lacks = frozenset({"stop sequence"})
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            crlf(candidate({"text": "h\u00e9"}), candidate({"text": "llo"}, finish="STOP")),
            (*HI, COUNTS, END),
        ),
        "reasoning": Case(
            crlf(
                candidate({"text": "hm", "thought": True}), candidate({"text": "hi"}, finish="STOP")
            ),
            (ThoughtDelta("hm"), TextDelta("hi"), COUNTS, END),
        ),
        "tools": Case(
            crlf(
                candidate({"functionCall": {"id": "a", "name": "add", "args": {"x": 1}}}),
                candidate(
                    {"functionCall": {"id": "b", "name": "mul", "args": {"y": 2}}}, finish="STOP"
                ),
            ),
            (ONE, TWO, COUNTS, CALLED),
        ),
        "refusal": Case(
            crlf(candidate({"text": "h"}), candidate(finish="SAFETY")),
            (TextDelta("h"), Refusal("SAFETY"), COUNTS, REFUSED),
        ),
        "length": Case(
            crlf(candidate({"text": "hi"}, finish="MAX_TOKENS")), (TextDelta("hi"), COUNTS, LONG)
        ),
        "error": Case(
            crlf(candidate({"text": "hi"}), {"error": {"code": 503, "status": "UNAVAILABLE"}}),
            (TextDelta("hi"),),
            StreamBroken,
        ),
        "error at once": Case(
            crlf({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}), (), RateLimited
        ),
    }


def frames(*events: tuple[str, dict[str, object]]) -> bytes:
    return b"".join(
        aws_frame(fields, {":message-type": "event", ":event-type": kind})
        for kind, fields in events
    )


def said_to(index: int, **delta_of: object) -> tuple[str, dict[str, object]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta_of}


def tool_of(index: int, call: ToolCall, *pieces: str) -> list[tuple[str, dict[str, object]]]:
    start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
    return [
        ("contentBlockStart", {"contentBlockIndex": index, "start": start}),
        *(said_to(index, toolUse={"input": text}) for text in pieces),
        ("contentBlockStop", {"contentBlockIndex": index}),
    ]


def ended(reason: str) -> list[tuple[str, dict[str, object]]]:
    usage = {"inputTokens": 6, "outputTokens": 5, "cacheReadInputTokens": 4}
    return [("messageStop", {"stopReason": reason}), ("metadata", {"usage": usage})]


NOVA_TEXT = (said_to(0, text="h\u00e9"), said_to(0, text="llo"))
THROTTLED = aws_frame(
    {"message": "no"}, {":message-type": "exception", ":exception-type": "throttlingException"}
)


class TestConverse(Answers):
    wire = "bedrock-converse"
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(frames(*NOVA_TEXT, *ended("end_turn")), (*HI, CLAUDE_COUNTS, END)),
        "reasoning": Case(
            frames(
                said_to(0, reasoningContent={"text": "hm"}),
                said_to(0, reasoningContent={"signature": "s"}),
                *ended("end_turn"),
            ),
            (ThoughtDelta("hm"), ThoughtDelta("", "s", provider="acme"), CLAUDE_COUNTS, END),
        ),
        "tools": Case(
            frames(
                *tool_of(0, ONE, '{"x": ', "1}"), *tool_of(1, TWO, '{"y": 2}'), *ended("tool_use")
            ),
            (ONE, TWO, CLAUDE_COUNTS, CALLED),
        ),
        "refusal": Case(
            frames(*NOVA_TEXT, *ended("content_filtered")),
            (*HI, Refusal("The content filter stepped in."), CLAUDE_COUNTS, REFUSED),
        ),
        "length": Case(frames(*NOVA_TEXT, *ended("max_tokens")), (*HI, CLAUDE_COUNTS, LONG)),
        "stop sequence": Case(
            frames(*NOVA_TEXT, *ended("stop_sequence")), (*HI, CLAUDE_COUNTS, STOPPED)
        ),
        "error": Case(frames(*NOVA_TEXT) + THROTTLED, HI, StreamBroken),
        "error at once": Case(THROTTLED, (), RateLimited),
    }


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def message(**fields: object) -> dict[str, object]:
    return {"message": {"role": "assistant"} | fields}


def asked(call_id: str, name: str, arguments: dict[str, int]) -> dict[str, object]:
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def last(reason: str = "stop") -> dict[str, object]:
    return {"done": True, "done_reason": reason, "prompt_eval_count": 10, "eval_count": 5}


OLLAMA_COUNTS = Usage(10, 5)


class TestOllama(Answers):
    wire = "ollama"
    aside: ClassVar = {"/api/show": reply(200, {"capabilities": ["completion"]})}
    lacks = frozenset({"refusal", "refuses", "stop sequence"})
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            lines(message(content="h\u00e9"), message(content="llo"), last()),
            (*HI, OLLAMA_COUNTS, END),
        ),
        "reasoning": Case(
            lines(message(thinking="hm"), message(content="hi"), last()),
            (ThoughtDelta("hm"), TextDelta("hi"), OLLAMA_COUNTS, END),
        ),
        "tools": Case(
            lines(
                message(
                    tool_calls=[{"id": "a", "function": {"name": "add", "arguments": {"x": 1}}}]
                ),
                message(
                    tool_calls=[{"id": "b", "function": {"name": "mul", "arguments": {"y": 2}}}]
                ),
                last(),
            ),
            (ONE, TWO, OLLAMA_COUNTS, CALLED),
        ),
        "length": Case(
            lines(message(content="hi"), last("length")), (TextDelta("hi"), OLLAMA_COUNTS, LONG)
        ),
        "error": Case(
            lines(message(content="hi"), {"error": "the runner was killed"}),
            (TextDelta("hi"),),
            StreamBroken,
        ),
    }


class TestOllamaGenerate(Answers):
    wire = "ollama"
    aside = TestOllama.aside
    fields: ClassVar[Mapping[str, object]] = {"completion": "ollama-generate"}
    operation = "complete"
    lacks = TestCompletions.lacks | {"stop sequence"}
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            lines({"response": "h\u00e9"}, {"response": "llo"}, last()), (*HI, OLLAMA_COUNTS, END)
        ),
        "length": Case(
            lines({"response": "hi"}, last("length")), (TextDelta("hi"), OLLAMA_COUNTS, LONG)
        ),
        "error": Case(
            lines({"response": "hi"}, {"error": "the runner was killed"}),
            (TextDelta("hi"),),
            StreamBroken,
        ),
    }


def finished(kind: str) -> dict[str, object]:
    timings = {"cache_n": 4, "prompt_n": 6, "predicted_n": 5}
    return {"content": "", "stop": True, "stop_type": kind, "timings": timings}


class TestInfill(Answers):
    wire = "llama-cpp"
    fields: ClassVar[Mapping[str, object]] = {"completion": "llama-infill"}
    operation = "complete"
    lacks = TestCompletions.lacks
    answers: ClassVar[Mapping[str, Case]] = {
        "text": Case(
            data({"content": "h\u00e9"}, {"content": "llo"}, finished("eos")),
            (*HI, CLAUDE_COUNTS, END),
        ),
        "length": Case(
            data({"content": "hi"}, finished("limit")), (TextDelta("hi"), CLAUDE_COUNTS, LONG)
        ),
        "stop sequence": Case(
            data({"content": "hi"}, finished("word")), (TextDelta("hi"), CLAUDE_COUNTS, STOPPED)
        ),
        "error": Case(
            data({"content": "hi"}, {"error": {"code": 500, "message": "no"}}),
            (TextDelta("hi"),),
            StreamBroken,
        ),
    }


# --- the suite itself, which others rely on


async def test_the_suite_finds_what_is_wrong() -> None:
    class Wrong(TestOllamaGenerate):
        answers: ClassVar[Mapping[str, Case]] = {
            **TestOllamaGenerate.answers,
            "text": Case(lines({"response": "hi"}, last()), (*HI, OLLAMA_COUNTS, END)),
        }

    with pytest.raises(AssertionError, match="text"):
        await Wrong().test_every_answer_however_it_is_cut()
    with pytest.raises(AssertionError, match="text"):
        await Wrong().test_every_answer_cut_short()


@pytest.mark.parametrize("lacks", [frozenset[str](), TestOllamaGenerate.lacks | {"text"}])
def test_the_suite_wants_each_kind_shown_or_named(lacks: frozenset[str]) -> None:
    suite = TestOllamaGenerate()
    suite.lacks = lacks  # pyright: ignore[reportAttributeAccessIssue] - one instance's
    with pytest.raises(AssertionError):
        suite.test_every_kind_is_shown_or_lacking()
