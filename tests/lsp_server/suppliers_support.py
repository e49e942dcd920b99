"""Suppliers that refuse what the real ones refuse, and answer as they do.

Each rule is one that the supplier documents or is known to answer 400 to; a conversation that was
begun elsewhere breaks them first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polypilot_providers.scripted import ScriptedServer
from polypilot_providers.testing import reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import Request, Step

    Rule = Callable[[Any], str]
    """What is wrong with a request's body; empty: nothing."""

PROOFS = {"openai-responses": "cnNw", "anthropic-messages": "YW50", "gemini": "Z2Vt"}
"""What each of them proves its own reasoning with; the others have none."""


_NO_PROOF = "skip_thought_signature_validator"
"""What Gemini documents for a call that another model made."""


class StrictServer(ScriptedServer):
    """Answers 400 to what breaks its rule."""

    def __init__(self, rule: Rule, *scripts: list[Step]) -> None:
        super().__init__(*scripts)
        self._rule = rule
        self.refused: list[str] = []

    def next_script(self, request: Request) -> list[Step]:
        why = self._rule(request.json)
        if why:
            self.refused.append(why)
            return reply(400, {"error": {"message": why}})
        return super().next_script(request)


def data(*values: object, end: bytes = b"") -> list[Step]:
    """Server-sent events."""
    lines = (b"data: " + json.dumps(each).encode() + b"\n\n" for each in values)
    return stream(b"".join(lines) + end)


# -- what they say: with a call of the tool `look`, or a plain answer


def responses(text: str, *, call: str = "") -> list[Step]:
    """OpenAI Responses."""
    items: list[dict[str, object]] = [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": PROOFS["openai-responses"],
        },
        {"type": "message", "content": [{"type": "output_text", "text": text}]},
    ]
    if call:
        items.append({"type": "function_call", "call_id": call, "name": "look", "arguments": "{}"})
    done = [
        {"type": "response.output_item.done", "output_index": number, "item": item}
        for number, item in enumerate(items)
    ]
    return data(*done, {"type": "response.completed", "response": {"status": "completed"}})


def messages(text: str, *, call: str = "") -> list[Step]:
    """Anthropic Messages."""
    blocks: list[tuple[dict[str, object], list[dict[str, object]]]] = [
        (
            {"type": "thinking"},
            [
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": PROOFS["anthropic-messages"]},
            ],
        ),
        ({"type": "text"}, [{"type": "text_delta", "text": text}]),
    ]
    if call:
        start: dict[str, object] = {"type": "tool_use", "id": call, "name": "look"}
        blocks.append((start, [{"type": "input_json_delta", "partial_json": "{}"}]))
    events: list[object] = []
    for number, (start, changes) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": number, "content_block": start})
        events += [
            {"type": "content_block_delta", "index": number, "delta": each} for each in changes
        ]
    reason = "tool_use" if call else "end_turn"
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}})
    return data(*events, {"type": "message_stop"})


def gemini(text: str, *, call: str = "") -> list[Step]:
    """Gemini."""
    parts: list[dict[str, object]] = [{"text": "hm", "thought": True}, {"text": text}]
    if call:
        parts.append(
            {
                "functionCall": {"name": "look", "args": {}},
                "thoughtSignature": PROOFS["gemini"],
            }
        )
    return data({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})


def chat(text: str, *, call: str = "") -> list[Step]:
    """Chat completions, as DeepSeek streams them."""

    def delta(finish: str | None = None, **fields: object) -> dict[str, object]:
        return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}

    events: list[object] = [delta(reasoning_content="hm"), delta(content=text)]
    if call:
        function = {"name": "look", "arguments": "{}"}
        events.append(delta(tool_calls=[{"index": 0, "id": call, "function": function}]))
    events.append(delta("tool_calls" if call else "stop"))
    return data(*events, end=b"data: [DONE]\n\n")


# -- what they refuse

_ROLES = {"user", "assistant", "system", "developer"}


def responses_rule(body: Any) -> str:
    """An output without its call, a call without its output, reasoning that is not ours."""
    called: set[str] = set()
    answered: set[str] = set()
    for item in body["input"]:
        kind = item.get("type", "message")
        if kind == "reasoning" and item.get("encrypted_content") != PROOFS["openai-responses"]:
            return "The encrypted content could not be verified."
        if kind == "function_call":
            called.add(item["call_id"])
        elif kind == "function_call_output":
            if item["call_id"] not in called:
                return (
                    f"No tool call found for function call output with call_id {item['call_id']}."
                )
            answered.add(item["call_id"])
        elif kind == "message" and item["role"] not in _ROLES:
            return f"Invalid value: {item['role']}."
    missing = called - answered
    return f"No tool output found for function call {min(missing)}." if missing else ""


def messages_rule(body: Any) -> str:  # noqa: PLR0911 - one line for each rule
    """Calls without results right behind them, foreign signatures, empty text, wrong order."""
    waiting: list[str] = []
    turns = body["messages"]
    if turns[0]["role"] != "user":
        return "messages: first message must use the user role"
    for turn in turns:
        content = turn["content"]
        blocks: list[dict[str, Any]] = (
            [{"type": "text", "text": content}] if isinstance(content, str) else content
        )
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if turn["role"] == "user":
            if waiting and results[: len(waiting)] != waiting:
                return "`tool_use` ids were found without `tool_result` blocks immediately after"
            if any(each not in waiting for each in results):
                return "unexpected `tool_use_id` found in `tool_result` blocks"
            waiting = []
        for block in blocks:
            if block["type"] == "thinking" and block["signature"] != PROOFS["anthropic-messages"]:
                return "Invalid `signature` in `thinking` block"
            if block["type"] == "text" and not block["text"].strip():
                return "text content blocks must contain non-whitespace text"
            if block["type"] == "tool_use":
                if "tools" not in body:
                    return "Requests which include `tool_use` blocks must define tools"
                waiting.append(block["id"])
    return "`tool_use` ids were found without `tool_result` blocks" if waiting else ""


def gemini_rule(body: Any) -> str:
    """Calls and responses that do not match in number, empty parts, foreign signatures."""
    waiting = 0
    for content in body["contents"]:
        if content["role"] not in {"user", "model"}:
            return "Please use a valid role: user, model."
        parts = content["parts"]
        if not parts:
            return "contents.parts must not be empty."
        for part in parts:
            if part.get("thoughtSignature", _NO_PROOF) not in {PROOFS["gemini"], _NO_PROOF}:
                return "Thought signature is not valid."
        responses_ = sum("functionResponse" in part for part in parts)
        if content["role"] == "user" and responses_ != waiting:
            return "the number of function response parts must equal that of function call parts"
        waiting = sum("functionCall" in part for part in parts)
    return "function call turn without a function response turn" if waiting else ""


def deepseek_rule(body: Any) -> str:
    """Tool messages out of place, and calls of this turn without their reasoning."""
    waiting: list[str] = []
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                return "Messages with role 'tool' must be a response to a preceding message"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return "An assistant message with 'tool_calls' must be followed by tool messages"
        if role not in {"system", "user", "assistant"}:
            return f"unknown variant {role}"
        calls: list[Any] = message.get("tool_calls") or []
        waiting = [call["id"] for call in calls]
        if not calls and not message.get("content"):
            return "Invalid assistant message: content or tool_calls must be set"
    last = max(n for n, each in enumerate(body["messages"]) if each["role"] == "user")
    for message in body["messages"][last:]:
        if message.get("tool_calls") and not message.get("reasoning_content"):
            return "The reasoning_content in the thinking mode must be passed back to the API."
    return "insufficient tool messages following tool_calls message" if waiting else ""


def template_rule(body: Any) -> str:
    """What a chat template without tools raises: roles that do not alternate, other content."""
    expected = "user"
    for message in body["messages"]:
        if message["role"] == "system":
            continue
        if message["role"] != expected:
            return "Conversation roles must alternate user/assistant/user/assistant/..."
        if not isinstance(message["content"], str) or message.get("tool_calls"):
            return "Only text is supported."
        expected = "assistant" if expected == "user" else "user"
    return "the template knows no tools" if body.get("tools") else ""
