"""What would be sent, part by part, for a user who wants to see it first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat.fitting import tokens_of
from polypilot_prompts.budget import estimate
from polypilot_providers.types import Message, TextPart, ToolCallPart, ToolResultPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.chat.asking import SystemText
    from polypilot.chat.plan import ChatPlan
    from polypilot.chat.turns import UserTurn
    from polypilot_providers.types import ChatRequest


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """A part of what would be sent."""

    name: str
    """system, instructions, tools, summary, history, the attachment's name, message"""
    text: str
    tokens: int
    """Estimated."""
    redacted: int = 0
    refused: str = ""
    """Why it is left out; empty: it is sent."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a question would send, to whom."""

    provider: str
    model: str
    parts: tuple[PreviewPart, ...]
    window: int | None = None
    """Tokens that the model takes; None: not known."""
    notices: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Of all that would be sent."""
        return sum(each.tokens for each in self.parts if not each.refused)


def preview(
    request: ChatRequest,
    question: UserTurn,
    system: SystemText,
    plan: ChatPlan,
    notices: tuple[str, ...],
) -> Preview:
    """``request`` is what a question would send; ``question`` is its last message."""
    return Preview(
        plan.targets[0].provider_id if plan.targets else "",
        request.model,
        tuple(_parts(request, question, system)),
        plan.window,
        notices,
    )


def _parts(request: ChatRequest, question: UserTurn, system: SystemText) -> Iterator[PreviewPart]:
    texts = system.texts if "\n\n".join(system.texts) == request.system else (request.system,)
    for number, text in enumerate(texts):
        yield PreviewPart("instructions" if number else "system", text, estimate(text))
    for tool in request.tools:
        text = json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        )
        yield PreviewPart(f"tool {tool.name}", text, estimate(text))
    for message in request.messages[:-1]:
        yield PreviewPart(f"history, {message.role}", _text(message), tokens_of(message.parts))
    # What had no answer goes in the same message as the question.
    own = 1 + sum(each.media is not None for each in question.attached)
    last = request.messages[-1]
    if before := _text(Message(last.role, last.parts[:-own])).strip():
        yield PreviewPart("history, user", before, estimate(before))
    for each in question.attached:
        redacted = each.text.redactions
        yield PreviewPart(each.name, each.text.text, each.tokens, redacted)
    for item in question.items:
        if item.refused:
            yield PreviewPart(item.name or item.uri, "", 0, refused=item.refused)
    text = question.text.text
    yield PreviewPart("message", text, estimate(text), question.text.redactions)


def _text(message: Message) -> str:
    said: list[str] = []
    for part in message.parts:
        match part:
            case TextPart():
                said.append(part.text)
            case ToolCallPart():
                said.append(f"{part.name} {part.arguments}")
            case ToolResultPart():
                said.append(part.text)
            case _:
                said.append(f"({type(part).__name__})")
    return "\n".join(said)
