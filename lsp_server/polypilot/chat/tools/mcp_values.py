"""What a server of the Model Context Protocol offers, made fit to be shown to a model.

Everything here was written by the server: hidden characters are taken out, sizes are bounded,
and a definition has a fingerprint, so that one which changes after the user has allowed it
counts as another tool.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import cast

from polypilot.chat.hidden import strip
from polypilot.errors import UserError, printable
from polypilot_prompts.sanitize import strip_controls

LONGEST_NAME = 64
"""Of a tool; what every supplier takes."""
DESCRIPTION_CHARS = 2_000
SCHEMA_CHARS = 20_000
SCHEMA_DEPTH = 16
TOOLS_OF_SERVER = 64
_DROPPED = frozenset(("$schema", "$id", "$comment", "examples", "x-mcp-header"))
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_HASH = 6
_SAID_CHARS = 300

_Object = dict[str, object]


class McpError(UserError):
    """A server could not be used.

    Codes: ``mcp_extra`` (the package is missing), ``mcp_start`` (it did not come up),
    ``mcp_ended``, ``mcp_timeout``, ``mcp_refused`` (it said no), ``mcp_changed`` (the tool is
    not the one that was allowed).
    """

    code = "mcp"


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as its server describes it."""

    server: str
    tool: str
    """As the server calls it."""
    description: str
    """For the model, without what is hidden in it."""
    schema: _Object
    fingerprint: str
    """Changes with whatever the server says of the tool, and with how the server is reached."""

    @property
    def shown(self) -> str:
        """For the user."""
        return f"{self.server}: {printable(self.tool)}"

    def is_like(self, other: Definition) -> bool:
        """Whether what was allowed to the one is allowed to the other."""
        mine = (self.server, self.tool, self.fingerprint)
        return mine == (other.server, other.tool, other.fingerprint)


def definition(
    server: str, tool: str, description: str, schema: object, *, how: str
) -> Definition | None:
    """A tool, fit to be shown; ``how`` is how the server is reached. None: it is too big."""
    if not tool or len(tool) > DESCRIPTION_CHARS:
        return None
    made = _schema(schema)
    if made is None:
        return None
    raw = json.dumps([how, tool, description, schema], sort_keys=True, default=str)
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
    said = strip(description).text.strip()
    if len(said) > DESCRIPTION_CHARS:
        said = f"{said[:DESCRIPTION_CHARS]}…"
    said = f"From the MCP server {server}. {said}".strip()
    return Definition(server, tool, said, made, mark)


def name_of(definition: Definition, taken: frozenset[str], *, marked: bool) -> str:
    """What the model calls the tool: ``mcp_SERVER_TOOL``, made unique; ``marked``: as changed."""
    base = "mcp_" + _NOT_IN_A_NAME.sub("_", f"{definition.server}_{definition.tool}")
    unlike = base != f"mcp_{definition.server}_{definition.tool}"
    if not marked and not unlike and len(base) <= LONGEST_NAME and base not in taken:
        return base
    text = f"{definition.server}\0{definition.tool}"
    if marked:
        text += f"\0{definition.fingerprint}"
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    return f"{base[: LONGEST_NAME - _HASH - 1]}_{mark}"


def said(text: str) -> str:
    """What a server says of a failure, in one line."""
    line = " ".join(strip_controls(strip(text[:2_000]).text).split())
    return line if len(line) <= _SAID_CHARS else f"{line[:_SAID_CHARS]}…"


def _schema(schema: object) -> _Object | None:
    """An object's schema without what is hidden in it; None: it is none, or too big."""
    if not isinstance(schema, dict):
        return None
    made = cast("_Object", _clean(cast("_Object", schema), SCHEMA_DEPTH))
    try:
        size = len(json.dumps(made))
    except (TypeError, ValueError):
        return None
    if size > SCHEMA_CHARS or made.get("type", "object") != "object":
        return None
    made["type"] = "object"
    if not isinstance(made.get("properties"), dict):
        made["properties"] = {}
    return made


def _clean(value: object, depth: int) -> object:
    if depth == 0:
        return None
    if isinstance(value, str):
        return strip(value).text
    if isinstance(value, list):
        return [_clean(each, depth - 1) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {
            strip(name).text: _clean(each, depth - 1)
            for name, each in members.items()
            if name not in _DROPPED and not _leads_out(name, each)
        }
    return value


def _leads_out(name: str, value: object) -> bool:
    """A reference to something that somebody would have to fetch."""
    return name == "$ref" and not (isinstance(value, str) and value.startswith("#"))
