"""What a client says of itself in ``initialize``, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.text_units import Encoding

_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")


@dataclass(frozen=True, slots=True)
class Start:
    """What the client said in ``initialize``, in plain values."""

    documents: DocumentStore
    folders: Mapping[str, str]
    """Workspace folders, name by URI; the server's own, so always current."""
    options: Mapping[str, object]
    """``initializationOptions.polypilot``, or empty."""
    client_name: str
    client_version: str
    process_id: int | None


def choose_encoding(client: types.ClientCapabilities) -> Encoding:
    """The first that the client prefers; all three cost us the same."""
    offered = (client.general.position_encodings if client.general else None) or ()
    for each in offered:
        name = each.value if isinstance(each, types.PositionEncodingKind) else each
        for known in _ENCODINGS:
            if name == known:
                return known
    return "utf-16"


def hears_growth(client: types.ClientCapabilities) -> bool:
    """Whether the client asks to be told when a suggestion can be shown longer."""
    return section(client.experimental).get("completionGrew") is True


def section(options: object) -> Mapping[str, object]:
    """Our part of ``initializationOptions``, or of another such object."""
    if isinstance(options, dict):
        ours = cast("dict[str, object]", options).get("polypilot")
        if isinstance(ours, dict):
            return cast("dict[str, object]", ours)
    return {}
