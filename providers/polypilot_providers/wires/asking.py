"""What the wires' requests have in common: tools, the arguments of calls, the user's own text."""

from __future__ import annotations

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
            texts += [file.path, file.text]
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
            return [part.name]
        case FilePart():
            # Whatever its type says (JSON, YAML...), it may be sent as the text that it is.
            return [part.name, part.data.decode("utf-8", "replace")]
        case _:
            return []
