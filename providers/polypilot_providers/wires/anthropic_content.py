"""A conversation as Anthropic's Messages API has it, and what is said about its parts.

The rules are those of the supplier's SDK and documentation: no empty text, tool results first in
their message, attachments in user messages only (since 2026-10-21 a document elsewhere is
refused), at most 4 marks of what is to be cached.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.jsonvalue import as_dict, as_list
from polypilot_providers.types import (
    FilePart,
    ImagePart,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.asking import arguments_of, schema_of
from polypilot_providers.wires.attachments import base64_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from polypilot_providers.types import ChatRequest, Message, Part, Tool

    Own = Callable[[ThoughtPart | ToolCallPart], bool]
    """Whether a part's proof is the provider's."""

Block = dict[str, object]

MARK: Block = {"type": "ephemeral"}
CITED: Block = {"enabled": True}
_THOUGHTS = ("thinking", "redacted_thinking")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")


def messages_of(messages: Iterable[Message], own: Own) -> list[Block]:
    """The conversation without empty messages; reasoning goes back with its own proof only.

    Raises:
        ConfigurationError: a document is neither a PDF nor text.
    """
    return [
        {"role": message.role, "content": blocks}
        for message in messages
        if (blocks := _blocks(message, own))
    ]


def tools_of(tools: Iterable[Tool]) -> list[Block]:
    """The tools offered."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": schema_of(tool),
        }
        for tool in tools
    ]


def has(messages: Sequence[Block], *kinds: str) -> bool:
    """Whether there is a block of one of these kinds."""
    return any(block.get("type") in kinds for each in messages for block in _content(each))


def has_thoughts(messages: Sequence[Block]) -> bool:
    """Whether reasoning goes back."""
    return has(messages, *_THOUGHTS)


def without_thoughts(messages: Sequence[Block]) -> list[Block]:
    """``messages`` without reasoning, and without those that consist of nothing else."""
    kept = [
        {**each, "content": [b for b in _content(each) if b.get("type") not in _THOUGHTS]}
        for each in messages
    ]
    return [each for each in kept if each["content"]]


def cited(messages: Sequence[Block]) -> list[Block]:
    """``messages`` with the wish that documents be cited, which is for all of them or none."""
    return [
        {
            **each,
            "content": [
                {**b, "citations": CITED} if b.get("type") == "document" else b
                for b in _content(each)
            ],
        }
        for each in messages
    ]


def lasting(request: ChatRequest, messages: Sequence[Block]) -> int:
    """How many of ``messages``, from the first one on, come again in the next request.

    A conversation goes on from its end. Of a completion's prompt, the question changes with
    every key.
    """
    asked = [at for at, each in enumerate(messages) if each["role"] == "user"]
    return asked[-1] + int(not request.completion) if asked else 0


def marked(body: Mapping[str, object], lasting: int) -> Block:
    """``body`` with marks behind what comes again: instructions and tools, ``lasting`` messages."""
    result = dict(body)
    if "system" in body:
        result["system"] = [{"type": "text", "text": body["system"], "cache_control": MARK}]
    elif tools := as_list(body.get("tools")):
        result["tools"] = [*tools[:-1], {**as_dict(tools[-1]), "cache_control": MARK}]
    messages = [as_dict(each) for each in as_list(body["messages"])]
    if lasting:
        messages[lasting - 1] = _marked(messages[lasting - 1])
        result["messages"] = messages
    return result


def _marked(message: Block) -> Block:
    """``message`` with a mark on its last block that takes one."""
    content = _content(message)
    for at in reversed(range(len(content))):
        if content[at].get("type") not in _THOUGHTS:
            content[at] = {**content[at], "cache_control": MARK}
            break
    return {**message, "content": content}


def _content(message: Mapping[str, object]) -> list[Block]:
    return [as_dict(block) for block in as_list(message["content"])]


def _blocks(message: Message, own: Own) -> list[Block]:
    # Tool results have to come first in their message.
    parts = sorted(message.parts, key=lambda part: not isinstance(part, ToolResultPart))
    return [
        block
        for part in parts
        if not (isinstance(part, ThoughtPart) and not own(part))
        and not (isinstance(part, ImagePart | FilePart) and message.role != "user")
        and (block := _block(part))
    ]


def _block(part: Part) -> Block | None:
    """A part as a content block; None for what would be refused."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text} if part.text.strip() else None
    if isinstance(part, ThoughtPart):
        return _thought(part)
    if isinstance(part, ToolResultPart):
        return {
            "type": "tool_result",
            "tool_use_id": _id(part.call_id),
            "content": part.text,
            "is_error": part.is_error,
        }
    if isinstance(part, ToolCallPart):
        arguments = arguments_of(part)
        return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": arguments}
    if isinstance(part, ImagePart):
        return {"type": "image", "source": _bytes(part)}
    title: Block = {"title": part.name} if part.name else {}
    return {"type": "document", **title, "source": _source(part)}


def _thought(part: ThoughtPart) -> Block | None:
    """Reasoning goes back only with the supplier's own proof."""
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None


def _source(part: FilePart) -> Block:
    """A document: as it is, or its text."""
    if part.media_type == "application/pdf":
        return _bytes(part)
    try:
        text = part.data.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"a document of the type {part.media_type} can't be attached here",
            cure="Attach it as a PDF or as plain text.",
        ) from None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _bytes(part: ImagePart | FilePart) -> Block:
    return {"type": "base64", "media_type": part.media_type, "data": base64_of(part)}


def _id(call_id: str) -> str:
    """A call's id in the characters allowed: another supplier may have given it."""
    return _NOT_IN_IDS.sub("_", call_id)
