"""From a prompt's content blocks to a question: text, and what goes along with it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from polypilot.acp import checks
from polypilot.acp.faults import invalid
from polypilot.chat.values import Attach, Embedded
from polypilot.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.acp.checks import Params

_LINES = re.compile(r"L(\d{1,7})(?:C\d+)?(?:[:-]L?(\d{1,7})(?:C\d+)?)?")
_LONGEST_NAME = 200
_NOTHING_TYPED = "See what is attached."


class Asked:
    """A prompt, read block by block."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self.attachments: list[Attach | Embedded] = []

    @property
    def text(self) -> str:
        """What the user typed, with the names of what was mentioned in its place."""
        typed = "".join(self._text)
        return typed if typed.strip() or not self.attachments else _NOTHING_TYPED

    def take(self, block: Params, where: str) -> None:
        """Add a block.

        Raises:
            RpcError: it is of a kind that was not offered, or lacks a field.
        """
        match checks.text(block, "type", where=where):
            case "text":
                self._text.append(checks.text(block, "text", where=where))
            case "resource_link":
                self._link(block, where)
            case "resource":
                self._resource(checks.thing(block, "resource", where=where), f"{where}resource.")
            case "image":
                self._picture(block, where)
            case _:
                raise invalid(f"{where}type", "is none of text, image, resource, resource_link")

    def _link(self, block: Params, where: str) -> None:
        uri = checks.text(block, "uri", where=where)
        name = checks.text(block, "name", where=where)
        if not uri.lower().startswith("file:"):
            self._name(uri)  # nothing is fetched; the model is told what the user pointed at
            return
        self._name(f"{name or _file_name(uri)}{_lines(uri)}")
        self._attach(Attach(_without(uri)))

    def _resource(self, resource: Params, where: str) -> None:
        uri = checks.text(resource, "uri", where=where)
        media_type = checks.maybe_text(resource, "mimeType", where=where) or ""
        if "blob" in resource:
            data = _decoded(checks.text(resource, "blob", where=where), f"{where}blob")
            if media_type.startswith("image/") or media_type == "application/pdf":
                embedded = Embedded(_without(uri), "", data=data, media_type=media_type)
            else:
                try:
                    embedded = Embedded(_without(uri), data.decode())
                except UnicodeDecodeError:
                    raise invalid(f"{where}blob", "is neither text nor a picture") from None
        else:
            embedded = Embedded(_without(uri), checks.text(resource, "text", where=where))
        self._name(f"{_file_name(uri)}{_lines(uri)}")
        self._attach(embedded)

    def _picture(self, block: Params, where: str) -> None:
        media_type = checks.text(block, "mimeType", where=where)
        data = _decoded(checks.text(block, "data", where=where), f"{where}data")
        uri = _without(checks.maybe_text(block, "uri", where=where) or "picture")
        self._attach(Embedded(uri, "", data=data, media_type=media_type))

    def _name(self, name: str) -> None:
        shown = printable(name[:_LONGEST_NAME]).replace("`", "")
        self._text.append(f"`{shown}`")

    def _attach(self, what: Attach | Embedded) -> None:
        if what not in self.attachments:
            self.attachments.append(what)


def read(blocks: Sequence[Params]) -> Asked:
    """A whole prompt.

    Raises:
        RpcError: a block can't be taken; names the field.
    """
    asked = Asked()
    for index, block in enumerate(blocks):
        asked.take(block, f"prompt[{index}].")
    return asked


def _without(uri: str) -> str:
    """Without the fragment, in which clients name lines: what is not open is read whole."""
    return uri.partition("#")[0]


def _lines(uri: str) -> str:
    """The lines that a fragment such as ``#L10:20`` or ``#L10-L20`` names, as ``:10-20``."""
    found = _LINES.fullmatch(uri.partition("#")[2])
    if found is None:
        return ""
    first, last = found[1], found[2] or found[1]
    return f":{first}" if first == last else f":{first}-{last}"


def _file_name(uri: str) -> str:
    return unquote(uri.partition("#")[0].partition("?")[0]).rstrip("/").rpartition("/")[2] or uri


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise invalid(field, "is not base64") from None
