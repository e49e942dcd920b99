"""The tables ``[mcp.NAME]`` of the user's file, read: each is whole and right, or not used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from polypilot.settings.checks import soften
from polypilot.settings.mcp import MOST_SERVERS, NAME, McpServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.settings.layers import Key, Layer, Leaf
    from polypilot.settings.source import Source

_PARTS = 3  # mcp, name, field
_CURE = "Correct or remove it; this server is not used until then"


class McpTables:
    """Reads one layer's ``mcp``. ``tree`` and ``sources`` are what it says."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.tree: dict[str, McpServer] = {}
        self.sources: dict[str, Source] = {}

    def build(self, leaves: Mapping[Key, Leaf]) -> None:
        """Take every ``mcp.NAME.FIELD``."""
        tables: dict[str, dict[str, Leaf]] = {}
        for key, leaf in leaves.items():
            if len(key) != _PARTS:
                cure = 'Write [mcp.NAME] and below it command = "..." or url = "..."'
                self._layer.report(
                    key, "must be a table of servers", cure, code="bad_value", line=leaf.line
                )
                continue
            tables.setdefault(key[1], {})[key[2]] = leaf
        for name, fields in tables.items():
            self._server(name, fields)

    def _server(self, name: str, fields: Mapping[str, Leaf]) -> None:
        first = next(iter(fields.values()))
        if not NAME.fullmatch(name):
            message = "is no name for a server: small letters, digits, - and _, at most 32"
            self._report(("mcp", name), message, first)
            return
        if len(self.tree) >= MOST_SERVERS:
            self._report(("mcp", name), f"is one server more than {MOST_SERVERS}", first)
            return
        values = {field: leaf.value for field, leaf in fields.items()}
        try:
            self.tree[name] = McpServer.model_validate(values)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_context=False, include_input=False):
                field = str(each["loc"][0]) if each["loc"] else ""
                key = ("mcp", name, field) if field else ("mcp", name)
                self._report(key, soften(each["msg"]), fields.get(field, first))
            return
        for field, leaf in fields.items():
            self.sources[f"mcp.{name}.{field}"] = self._layer.source(leaf.line)

    def _report(self, key: Key, message: str, leaf: Leaf) -> None:
        self._layer.report(key, message, _CURE, code="bad_value", line=leaf.line)
