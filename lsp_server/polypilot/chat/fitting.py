"""What fits into a model's window: when to sum up, and what to leave out in the middle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_prompts.budget import estimate
from polypilot_providers.types import (
    FilePart,
    ImagePart,
    Message,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot_providers.types import ChatRequest, Part

PICTURE_TOKENS = 1600
"""About what suppliers count for a picture as big as they take, and for a page as a picture."""
FULL = 0.8
"""Share of a window from which on the oldest turns are summed up."""
KEPT = 0.4
"""Share of a window that the turns may take which are not summed up."""
ANSWER = 0.15
"""Share of a window that is left for the answer."""
_LEFT_OUT = "(This result is left out: the conversation has grown too long. Call again if needed.)"


def tokens_of(parts: Iterable[Part]) -> int:
    """Estimated."""
    return sum(_tokens(part) for part in parts)


def size_of(request: ChatRequest) -> int:
    """Tokens of a request, estimated."""
    tools = sum(
        estimate(f"{tool.name}{tool.description}{tool.parameters}") for tool in request.tools
    )
    messages = sum(tokens_of(message.parts) for message in request.messages)
    return estimate(request.system) + tools + messages


def fitted(request: ChatRequest, window: int | None) -> tuple[ChatRequest, int]:
    """The request without the oldest results of tools that do not fit; how many those are.

    The last message's stay: the model waits for them.
    """
    over = 0 if window is None else size_of(request) - int(window * (1 - ANSWER))
    if over <= 0:
        return request, 0
    messages = list(request.messages)
    left_out = 0
    for number, message in enumerate(messages[:-1]):
        parts: list[Part] = []
        for part in message.parts:
            saved = _tokens(part) - estimate(_LEFT_OUT)
            if over > 0 and saved > 0 and isinstance(part, ToolResultPart):
                over -= saved
                left_out += 1
                parts.append(replace(part, text=_LEFT_OUT))
            else:
                parts.append(part)
        messages[number] = Message(message.role, tuple(parts))
    return replace(request, messages=tuple(messages)), left_out


def _tokens(part: Part) -> int:
    match part:
        case TextPart() | ToolResultPart():
            return estimate(part.text)
        case ThoughtPart():
            return estimate(part.text) + estimate(part.redacted or "")
        case ToolCallPart():
            return estimate(part.name) + estimate(part.arguments)
        case ImagePart() | FilePart():
            return PICTURE_TOKENS
