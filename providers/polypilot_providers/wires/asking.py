"""What the wires' requests have in common: tools, the arguments of calls, the user's own text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_providers.jsonvalue import as_dict, parse
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    FilePart,
    TextPart,
    ThoughtPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot_providers.types import Part

_ODD = re.compile(r"[^A-Za-z0-9()\[\]-]+")
"""What Converse wants in no document's name."""


def arguments_of(call: ToolCallPart) -> dict[str, object]:
    """A call's arguments as an object; an empty one for what a model wrote that is none."""
    try:
        return as_dict(parse(call.arguments))
    except ValueError:
        return {}


def schema_of(tool: Tool) -> dict[str, object]:
    """The JSON Schema of a tool's arguments; a tool that takes none says so."""
    return tool.parameters or {"type": "object", "properties": {}}


def functions(tools: Iterable[Tool]) -> list[dict[str, object]]:
    """Tools as Chat Completions has them, and Ollama."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": schema_of(tool),
            },
        }
        for tool in tools
    ]


def own_text(request: ChatRequest | CompletionRequest) -> tuple[str, ...]:
    """The user's text in a request, which no error message may repeat."""
    if isinstance(request, CompletionRequest):
        texts = [request.prefix, request.suffix]
        for file in request.extra:
            texts += [*_names(file.path), file.text]
    else:
        texts = [request.system]
        for tool in request.tools:
            texts += [tool.name, tool.description]
        for message in request.messages:
            for part in message.parts:
                texts += _texts(part)
    return tuple(text for text in texts if text)


def _texts(part: Part) -> list[str]:
    match part:
        case TextPart() | ThoughtPart() | ToolResultPart():
            return [part.text]
        case ToolCallPart():
            return [part.arguments]
        case FilePart() if part.media_type == "application/pdf":
            return _names(part.name)
        case FilePart():
            # Whatever its type says (JSON, YAML...), it may be sent as the text that it is.
            return [*_names(part.name), part.data.decode("utf-8", "replace")]
        case _:
            return []


def _names(path: str) -> list[str]:
    """A file's name with its folders, without, and in the letters that a wire may keep of it."""
    last = path.rpartition("/")[2]
    return [path, last, plain(path), plain(last)]


def plain(name: str) -> str:
    """A document's name in the characters that Converse takes."""
    return " ".join(_ODD.split(name)).strip()
