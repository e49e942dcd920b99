"""A conversation as Ollama's ``/api/chat`` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.types import ImagePart, ThoughtPart, ToolCallPart, ToolResultPart
from polypilot_providers.wires.asking import arguments_of
from polypilot_providers.wires.attachments import base64_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from polypilot_providers.types import ChatRequest, Message


def messages(request: ChatRequest, own: Callable[[ThoughtPart], bool]) -> list[dict[str, object]]:
    """The messages of ``request``; ``own`` tells which reasoning came from this provider."""
    sent: list[dict[str, object]] = []
    if request.system:
        sent.append({"role": "system", "content": request.system})
    # As the talk goes: suppliers begin their ids anew with each answer.
    names: dict[str, str] = {}
    for message in request.messages:
        sent.extend(_results(message, names))
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCallPart)}
        if wire := _message(message, own):
            sent.append(wire)
    return sent


def _results(message: Message, names: Mapping[str, str]) -> Iterator[dict[str, object]]:
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            yield {
                "role": "tool",
                "content": part.text,
                "tool_name": names.get(part.call_id, ""),
                "tool_call_id": part.call_id,
            }


def _message(message: Message, own: Callable[[ThoughtPart], bool]) -> dict[str, object] | None:
    images = [base64_of(part) for part in message.parts if isinstance(part, ImagePart)]
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    if not (message.text or images or calls):
        return None
    wire: dict[str, object] = {"role": message.role, "content": message.text}
    if images:
        wire["images"] = images
    if calls:
        wire["tool_calls"] = calls
        thoughts = [
            part.text for part in message.parts if isinstance(part, ThoughtPart) and own(part)
        ]
        if thoughts:
            wire["thinking"] = "".join(thoughts)
    return wire


def _call(part: ToolCallPart) -> dict[str, object]:
    return {"id": part.id, "function": {"name": part.name, "arguments": arguments_of(part)}}
