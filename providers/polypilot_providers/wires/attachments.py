"""Pictures and documents that the user attached, in the forms that several wires share."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.types import FilePart, ImagePart, TextPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.types import ChatRequest, Part

_LEFT_OUT = "(An attachment is left out here: this model can't read it.)\n\n"


def base64_of(part: ImagePart | FilePart) -> str:
    """The attachment's bytes in base64."""
    return b64encode(part.data).decode()


def data_url(part: ImagePart | FilePart) -> str:
    """The attachment as a ``data:`` URL."""
    return f"data:{part.media_type};base64,{base64_of(part)}"


def fit(
    provider: str, facts: ModelRow, request: ChatRequest, *, documents: bool = True
) -> ChatRequest:
    """The request as the model takes it; ``documents``: whether the wire can send them.

    To one that knows no tools none are offered. What was attached to earlier messages, for
    another model, gives way to a note: the conversation goes on.

    Raises:
        ConfigurationError: it is known that the model can't read what was attached last.
    """
    if request.tools and not facts.tools:
        request = replace(request, tools=())
    unread: dict[type[Part], str] = {}
    if facts.images is False:
        unread[ImagePart] = "pictures"
    if not documents:
        unread[FilePart] = "documents"
    if not any(type(part) in unread for message in request.messages for part in message.parts):
        return request
    *earlier, last = request.messages
    newest = _newest(last.parts)
    for part in last.parts[newest:]:
        if what := unread.get(type(part)):
            raise ConfigurationError(
                f"{facts.id} at {provider} takes no {what}",
                provider=provider,
                cure="Ask without the attachment, or select another model.",
            )

    def left_out(parts: Sequence[Part]) -> tuple[Part, ...]:
        return tuple(TextPart(_LEFT_OUT) if type(part) in unread else part for part in parts)

    before = [replace(message, parts=left_out(message.parts)) for message in earlier]
    last = replace(last, parts=(*left_out(last.parts[:newest]), *last.parts[newest:]))
    return replace(request, messages=(*before, last))


def _newest(parts: Sequence[Part]) -> int:
    """Where the last question begins, whose attachments stand before its text.

    An earlier one that nobody answered stands before it in the same message.
    """
    at = len(parts) - 1 if parts and isinstance(parts[-1], TextPart) else len(parts)
    while at and not isinstance(parts[at - 1], TextPart):
        at -= 1
    return at
