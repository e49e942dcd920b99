"""A conversation and its tools as Bedrock's Converse API has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_providers.types import (
    FilePart,
    ImagePart,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.asking import arguments_of, plain
from polypilot_providers.wires.attachments import base64_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot_providers.types import ChatRequest, Message, Part

_FORMATS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
}
"""A document's format by its media type; everything else is sent as plain text."""
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID = 64
_LONGEST_NAME = 200


def messages_of(
    messages: Iterable[Message], own: Callable[[ThoughtPart | ToolCallPart], bool]
) -> list[dict[str, object]]:
    """The conversation: roles alternate, empty messages are left out, results come first.

    Args:
        messages: of the request.
        own: whether a part's proof is the provider's; reasoning without it is not sent.
    """
    turns: list[tuple[str, list[dict[str, object]]]] = []
    names: set[str] = set()
    for message in messages:
        parts = [p for p in message.parts if not isinstance(p, ThoughtPart) or own(p)]
        blocks = [block for part in parts if (block := _block(part, names))]
        if blocks and turns and turns[-1][0] == message.role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((message.role, blocks))
    return [
        {"role": role, "content": sorted(blocks, key=lambda block: "toolResult" not in block)}
        for role, blocks in turns
    ]


def tools_of(request: ChatRequest) -> list[dict[str, object]]:
    """The tools offered, or else those the conversation tells of: it is refused without them."""
    if request.tools:
        specs = [
            {"name": tool.name, "inputSchema": {"json": tool.parameters or {"type": "object"}}}
            # An empty description is refused.
            | ({"description": tool.description} if tool.description else {})
            for tool in request.tools
        ]
    else:
        parts = [part for message in request.messages for part in message.parts]
        told = {part.name: None for part in parts if isinstance(part, ToolCallPart)}
        specs = [{"name": name, "inputSchema": {"json": {"type": "object"}}} for name in told]
    return [{"toolSpec": spec} for spec in specs]


def _block(part: Part, names: set[str]) -> dict[str, object] | None:
    """A part as a content block; None for what would be refused."""
    if isinstance(part, TextPart):
        return {"text": part.text} if part.text.strip() else None
    if isinstance(part, ThoughtPart):
        return _thought(part)
    if isinstance(part, ImagePart):
        image = {"format": part.media_type.rpartition("/")[2], "source": _source(part)}
        return {"image": image}
    if isinstance(part, FilePart):
        return {"document": _document(part, names)}
    if isinstance(part, ToolResultPart):
        return {"toolResult": _result(part)}
    call = {"toolUseId": _id(part.id), "name": part.name, "input": arguments_of(part)}
    return {"toolUse": call}


def _thought(part: ThoughtPart) -> dict[str, object] | None:
    """Reasoning goes back only with the supplier's own proof."""
    if part.redacted:
        return {"reasoningContent": {"redactedContent": part.redacted}}
    if part.signature:
        text = {"text": part.text, "signature": part.signature}
        return {"reasoningContent": {"reasoningText": text}}
    return None


def _result(part: ToolResultPart) -> dict[str, object]:
    content = [{"text": part.text}] if part.text.strip() else []
    status = {"status": "error"} if part.is_error else {}
    return {"toolUseId": _id(part.call_id), "content": content, **status}


def _document(part: FilePart, names: set[str]) -> dict[str, object]:
    """A document, under a name of the characters allowed that no other document has."""
    base = plain(part.name)[:_LONGEST_NAME] or "document"
    name, number = base, 1
    while name in names:
        number += 1
        ending = f" ({number})"
        name = base[: _LONGEST_NAME - len(ending)] + ending
    names.add(name)
    kind = _FORMATS.get(part.media_type, "txt")
    return {"format": kind, "name": name, "source": _source(part)}


def _source(part: ImagePart | FilePart) -> dict[str, object]:
    return {"bytes": base64_of(part)}


def _id(call_id: str) -> str:
    """A call's id in the characters allowed: another supplier may have given it."""
    return _NOT_IN_IDS.sub("_", call_id)[:_LONGEST_ID]
