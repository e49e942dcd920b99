"""Pictures and documents that the user attached, in the forms that several wires share."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.types import FilePart, ImagePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.types import Message


def base64_of(part: ImagePart | FilePart) -> str:
    """The attachment's bytes in base64."""
    return b64encode(part.data).decode()


def data_url(part: ImagePart | FilePart) -> str:
    """The attachment as a ``data:`` URL."""
    return f"data:{part.media_type};base64,{base64_of(part)}"


def check(
    provider: str, facts: ModelRow, messages: Sequence[Message], *, documents: bool = True
) -> None:
    """See that the model can read what is attached; ``documents``: whether the wire has a place.

    Raises:
        ConfigurationError: it is known that it can't.
    """
    parts = [part for message in messages for part in message.parts]
    refused = ""
    if facts.images is False and any(isinstance(part, ImagePart) for part in parts):
        refused = "pictures"
    elif not documents and any(isinstance(part, FilePart) for part in parts):
        refused = "documents"
    if refused:
        raise ConfigurationError(
            f"{facts.id} at {provider} takes no {refused}",
            provider=provider,
            cure="Remove the attachment, or select another model.",
        )
