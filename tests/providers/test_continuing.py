"""A conversation that was begun on one wire goes on on any other, and no proof goes astray."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.factory import build
from polypilot_providers.testing import ScriptedServer, aws_frame, outcome, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    ImagePart,
    Message,
    Part,
    Stop,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    Tool,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    assistant,
    user,
)

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource
    from polypilot_providers.http import HttpClient
    from polypilot_providers.types import Event

PROOF = "cHJvb2Ytb2Ytb25l"
ADD = Tool("add", "Adds two numbers.", {"type": "object", "properties": {}})
PICTURE = ImagePart("image/png", b"\x89PNG\r\n\x1a\n....")


def data(*values: object) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def frames(*events: tuple[str, dict[str, object]]) -> bytes:
    return b"".join(
        aws_frame(fields, {":message-type": "event", ":event-type": kind})
        for kind, fields in events
    )


def delta(finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"choices": [{"delta": fields, "finish_reason": finish}]}


_CALL = {"function": {"name": "add", "arguments": '{"x":1}'}, "index": 0, "id": "call_a"}
CHAT = (
    data(
        delta(reasoning_content="I think"),
        delta(content="Let me add."),
        delta("tool_calls", tool_calls=[_CALL]),
    )
    + b"data: [DONE]\n\n"
)
_ITEMS: list[dict[str, object]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "I think"}],
        "encrypted_content": PROOF,
    },
    {"type": "message", "content": [{"type": "output_text", "text": "Let me add."}]},
    {"type": "function_call", "call_id": "call_a", "name": "add", "arguments": '{"x":1}'},
]
RESPONSES = data(
    *(
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(_ITEMS)
    ),
    {"type": "response.completed", "response": {"status": "completed"}},
)
_BLOCKS = (
    ({"type": "thinking"}, {"type": "thinking_delta", "thinking": "I think"}),
    (None, {"type": "signature_delta", "signature": PROOF}),
    ({"type": "text"}, {"type": "text_delta", "text": "Let me add."}),
    (
        {"type": "tool_use", "id": "toolu_a", "name": "add"},
        {"type": "input_json_delta", "partial_json": '{"x":1}'},
    ),
)


def _messages() -> bytes:
    events: list[object] = []
    index = -1
    for start, change in _BLOCKS:
        if start is not None:
            index += 1
            events.append({"type": "content_block_start", "index": index, "content_block": start})
        events.append({"type": "content_block_delta", "index": index, "delta": change})
    events.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    return data(*events, {"type": "message_stop"})


GEMINI = data(
    {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "I think", "thought": True},
                        {"text": "Let me add."},
                        {
                            "functionCall": {"name": "add", "args": {"x": 1}},
                            "thoughtSignature": PROOF,
                        },
                    ]
                },
                "finishReason": "STOP",
            }
        ]
    }
)
CONVERSE = frames(
    (
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "I think"}}},
    ),
    (
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": PROOF}}},
    ),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Let me add."}}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "tooluse_a", "name": "add"}}},
    ),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"x":1}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
)
OLLAMA = b"".join(
    json.dumps(value).encode() + b"\n"
    for value in (
        {"message": {"thinking": "I think"}},
        {"message": {"content": "Let me add."}},
        {"message": {"tool_calls": [{"function": {"name": "add", "arguments": {"x": 1}}}]}},
        {"done": True},
    )
)
ANSWERS = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": _messages(),
    "gemini": GEMINI,
    "bedrock-converse": CONVERSE,
    "ollama": OLLAMA,
    "llama-cpp": CHAT,
}
SHOW = {"/api/show": reply(200, {"capabilities": ["completion"]})}
"""What a local Ollama is asked before it is told anything."""
PROVEN = {"openai-responses", "anthropic-messages", "gemini", "bedrock-converse"}
"""Wires with proofs of what was thought, which they want back."""


def kept(events: list[Event]) -> Message:
    """An answer as a conversation keeps it."""
    parts: list[Part] = []
    thought = ""
    for event in events:
        if isinstance(event, ThoughtDelta):
            thought += event.text
            if event.signature or event.redacted:
                parts.append(ThoughtPart(thought, event.signature, event.redacted, event.provider))
                thought = ""
            continue
        if thought:
            parts.append(ThoughtPart(thought))
            thought = ""
        if isinstance(event, TextDelta):
            parts.append(TextPart(event.text))
        elif isinstance(event, ToolCall):
            parts.append(
                ToolCallPart(event.id, event.name, event.arguments, event.signature, event.provider)
            )
    return Message("assistant", tuple(parts))


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ANSWERS, ANSWERS)))
async def test_it_goes_on(first: str, second: str, http: HttpClient, key: KeySource) -> None:
    async def ask(wire: str, name: str, *messages: Message) -> tuple[list[Event], str]:
        async with ScriptedServer(stream(ANSWERS[wire]), aside=SHOW) as server:
            row = ProviderRow.model_validate({"id": name, "wire": wire, "base_url": server.url})
            asked = ChatRequest("m", messages, system="Be brief.", tools=(ADD,))
            got, error = await outcome(build(row, key, http).chat(asked))
            assert error is None
            assert isinstance(got[-1], Stop)
            return got, json.dumps(server.requests[0].json)

    question = Message("user", (PICTURE, TextPart("1 + 2?")))
    answer = kept((await ask(first, "one", question))[0])
    (call,) = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    results = Message("user", (ToolResultPart(call.id, "3"),))
    history = (question, answer, results, assistant("It is 3."), user("And 2 + 3?"))
    _, elsewhere = await ask(second, "two", *history)
    assert PROOF not in elsewhere
    for said in ("1 + 2?", "Let me add.", "It is 3.", "And 2 + 3?", "Be brief.", "iVBORw0KGgo"):
        assert said in elsewhere
    _, home = await ask(first, "one", *history)
    assert (PROOF in home) == (first in PROVEN)


@pytest.mark.parametrize("wire", [name for name in ANSWERS if name != "llama-cpp"])
async def test_pictures_of_before_do_not_stop_a_model_without_eyes(
    wire: str, http: HttpClient, key: KeySource
) -> None:
    """Nor does one that it refused: only what is attached to the question itself is refused."""
    rows = [{"id": "blind", "images": False}]
    async with ScriptedServer(stream(ANSWERS[wire]), aside=SHOW) as server:
        row = {"id": "acme", "wire": wire, "base_url": server.url, "models": rows}
        provider = build(ProviderRow.model_validate(row), key, http)
        seen = Message("user", (PICTURE, TextPart("What is it?")))
        refused = Message("user", (PICTURE, TextPart("What is it?"), TextPart("\n\n")))
        for history in (
            (seen, assistant("A cat."), user("Why?")),
            (replace(refused, parts=(*refused.parts, TextPart("Why?"))),),
        ):
            got, error = await outcome(provider.chat(ChatRequest("blind", history)))
            assert error is None, error
            assert got
            sent = json.dumps(server.requests[-1].json)
            assert "iVBORw0KGgo" not in sent
            assert "An attachment is left out" in sent
            assert "Why?" in sent
        asked = len(server.requests)
        for history in ((seen,), (replace(refused, parts=(*refused.parts, *seen.parts)),)):
            _, error = await outcome(provider.chat(ChatRequest("blind", history)))
            assert isinstance(error, ConfigurationError)
            assert "takes no pictures" in error.message
        assert len(server.requests) == asked
