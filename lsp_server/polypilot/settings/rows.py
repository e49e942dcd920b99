"""The user's own provider rows, merged over the catalog's."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from polypilot.settings.checks import soften
from polypilot.settings.source import EMBEDDED, SettingsProblem, Source
from polypilot_providers import retired
from polypilot_providers.catalog import ProviderRow, example
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.settings.layers import Key, Layer, Leaf

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_DECISIVE = {
    "wire",
    "base_url",
    "variables",
    "query",
    "headers",
    "auth",
    "account",
    "client_cert",
    "client_key",
    "command",
    "key_env",
    "forwards",
}
"""Fields that decide where text and keys go. If one is bad the row is not used at all: its
default would send them somewhere the user did not mean."""
_PLACE = re.compile(r"\{[a-z_]+\}")
_TABLES = ("variables", "query", "headers")
"""Fields that are tables themselves: ``[providers.NAME.headers]``. What the user writes is
laid over what the catalog's row has."""


class Rows:
    """Builds the rows of one user layer. ``rows``, ``sources`` and ``blocked`` are the result."""

    def __init__(self, layer: Layer, catalog: Mapping[str, ProviderRow]) -> None:
        self.layer = layer
        self.catalog = catalog
        self.rows: dict[str, ProviderRow] = dict(catalog)
        self.sources: dict[str, Source] = {}
        self.blocked: dict[str, SettingsProblem] = {}
        self.named: set[str] = set()

    def build(self, leaves: Mapping[Key, Leaf]) -> None:
        """Take every ``providers.ID.FIELD`` of ``leaves``."""
        by_id: dict[str, dict[str, Leaf]] = {}
        for key, leaf in leaves.items():
            if len(key) < 3:  # noqa: PLR2004  (providers, id, field)
                message = "must be a table of fields such as wire and base_url"
                self.layer.report(
                    key, message, "Write [providers.NAME]", code="bad_value", line=leaf.line
                )
                continue
            by_id.setdefault(key[1], {})[".".join(key[2:])] = leaf
        for provider_id, fields in by_id.items():
            self.named.add(provider_id)
            self._row(provider_id, fields)
        for provider_id in self.blocked:
            self.rows.pop(provider_id, None)

    def block(self, provider_id: str, problem: SettingsProblem) -> None:
        """Let nothing be sent to ``provider_id``."""
        self.blocked.setdefault(provider_id, problem)

    def _row(self, provider_id: str, fields: dict[str, Leaf]) -> None:
        line = min((leaf.line for leaf in fields.values() if leaf.line), default=None)
        if not _ID.fullmatch(provider_id) or provider_id == EMBEDDED:
            reserved = provider_id == EMBEDDED
            message = "is the name of the built-in provider" if reserved else "is not a usable name"
            cure = "Use lower-case letters, digits, dot, dash or underscore, and a name of its own"
            self._bad(provider_id, "", message, cure, line)
            return
        values = self._known(provider_id, fields)
        row = self._validated(provider_id, values)
        if row is None:
            return
        self.rows[provider_id] = row
        self.sources[f"providers.{provider_id}"] = self.layer.source(line)
        for name, leaf in values.items():
            self.sources[f"providers.{provider_id}.{name}"] = self.layer.source(leaf.line)

    def _known(self, provider_id: str, fields: dict[str, Leaf]) -> dict[str, Leaf]:
        values: dict[str, Leaf] = {}
        for name, leaf in fields.items():
            if name == "id" and leaf.value == provider_id:
                continue
            table, _, entry = name.partition(".")
            if entry and table in _TABLES:
                values[table] = self._added(provider_id, table, entry, leaf, values.get(table))
                continue
            if name != "id" and name in ProviderRow.model_fields:
                values[name] = leaf
                continue
            near = difflib.get_close_matches(name, ProviderRow.model_fields, n=1)
            self.layer.report(
                ("providers", provider_id, name),
                "is not a field of a provider",
                f"Did you mean {near[0]}?" if near else "Remove it; docs/settings.md lists them",
                code="unknown_key",
                line=leaf.line,
                severity="warning",
            )
        return values

    def _added(
        self, provider_id: str, table: str, entry: str, leaf: Leaf, before: Leaf | None
    ) -> Leaf:
        """A table's leaf with one more entry."""
        row = self.catalog.get(provider_id)
        start: object = getattr(row, table) if row is not None else {}
        known = before.value if before is not None else start
        return replace(leaf, value={**cast("dict[str, object]", known), entry: leaf.value})

    def _validated(self, provider_id: str, values: dict[str, Leaf]) -> ProviderRow | None:
        start = self._start(provider_id, values)
        while True:
            given = {name: leaf.value for name, leaf in values.items()}
            try:
                row = ProviderRow.model_validate({**start, **given})
            except ValidationError as exc:
                if not self._drop_bad(provider_id, values, exc):
                    return None
                continue
            return row if self._sound(provider_id, row, values) else None

    def _start(self, provider_id: str, values: dict[str, Leaf]) -> dict[str, object]:
        """What the user's fields are laid over: the catalog's row, or an empty one.

        The supplier's variables and command yield keys for the supplier's origin. A row that
        moves to another origin does not inherit them; it may name them itself.
        """
        base = self.catalog.get(provider_id)
        if base is None:
            return {"id": provider_id, "name": provider_id}
        start = base.model_dump()
        if "completion" in values:
            start["raw_tokens"] = False  # the user knows better than a model's name
        moved = values.get("base_url")
        if moved is None or _stays(str(moved.value), base.base_url):
            return start
        return {**start, "key_env": (), "command": ()}

    def _drop_bad(self, provider_id: str, values: dict[str, Leaf], exc: ValidationError) -> bool:
        """Report each bad field once and take it out. False if the row can't do without it."""
        usable = True
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
        for name in dict.fromkeys(_field(error["loc"]) for error in errors):
            leaf = values.pop(name, None)
            why = next(error["msg"] for error in errors if _field(error["loc"]) == name)
            if leaf is None:
                message, cure = "is missing", "Add it; a provider needs wire and base_url"
                self._bad(provider_id, name, message, cure, self._line(values))
                usable = False
            elif name in _DECISIVE:
                message, cure = soften(why), "Correct it; this provider is not used until then"
                self._bad(provider_id, name, message, cure, leaf.line)
                usable = False
            else:
                self.layer.report(
                    ("providers", provider_id, name),
                    f"{soften(why)}; its default is used",
                    "Correct or remove it",
                    code="bad_value",
                    line=leaf.line,
                )
        return usable

    def _sound(self, provider_id: str, row: ProviderRow, values: dict[str, Leaf]) -> bool:
        """What the row's types can't say. Nothing is interpolated: ``${NAME}`` is no host."""
        try:
            Origin.parse(example(row.base_url))
        except ConfigurationError as exc:
            cure = exc.cure.rstrip(".")
            self._bad(provider_id, "base_url", exc.message, cure, self._line(values, "base_url"))
            return False
        if gone := retired.by_address(example(row.base_url)):
            message = f"leads to {gone.name}, which was shut down on {gone.date}"
            self._bad(provider_id, "base_url", message, gone.cure, self._line(values, "base_url"))
            return False
        if not all(_VARIABLE.fullmatch(name) for name in row.key_env):
            message = "must hold names of environment variables, in capitals, and no keys"
            cure = f"Store the key with `polypilot auth set {provider_id}`"
            self._bad(provider_id, "key_env", message, cure, self._line(values, "key_env"))
            return False
        for name in ("client_cert", "client_key"):
            # A relative path would be looked up in the opened repository.
            if (path := getattr(row, name)) and not os.path.isabs(path):  # noqa: PTH117 - strings, of any platform
                cure = "Correct it; this provider is not used until then"
                line = self._line(values, name)
                self._bad(provider_id, name, "must be an absolute path", cure, line)
                return False
        if row.auth == "command":
            return self._command_sound(provider_id, row.command, values)
        return True

    def _command_sound(
        self, provider_id: str, command: tuple[str, ...], values: dict[str, Leaf]
    ) -> bool:
        """A program of a relative path would be looked for in the opened repository."""
        program = command[0] if command else ""
        if program and (os.path.isabs(program) or not set(program) & {"/", "\\"}):  # noqa: PTH117 - strings, of any platform
            return True
        message = "must begin with a program's name or its absolute path"
        line = self._line(values, "command" if command else "auth")
        cure = "Correct it, or change auth; this provider is not used until then"
        self._bad(provider_id, "command", message, cure, line)
        return False

    @staticmethod
    def _line(values: dict[str, Leaf], name: str = "") -> int | None:
        """The line of a field; of the row's first one if it has none of its own."""
        if name in values:
            return values[name].line
        return min((leaf.line for leaf in values.values() if leaf.line), default=None)

    def _bad(self, provider_id: str, name: str, message: str, cure: str, line: int | None) -> None:
        key = ("providers", provider_id, name) if name else ("providers", provider_id)
        problem = self.layer.report(key, message, cure, code="bad_value", line=line)
        self.block(provider_id, problem)


def _stays(url: str, own: str) -> bool:
    """Whether ``url`` leads to the origin of ``own``, or to one of those it leaves open.

    What is left open stands for one label of a name, or a part of one, below a domain that is
    the supplier's; so nobody else's host is among them.
    """
    here, there = _origin(url), _origin(own)
    if here is None or there is None:
        return False
    if here == there:
        return True
    name = "[a-z0-9-]+"
    host = re.escape(there.host)
    for place in sorted(set(_PLACE.findall(own)), key=len, reverse=True):
        host = host.replace(re.escape(example(place)), name)
    supplier = host.rpartition(name)[2].count(r"\.") > 1  # a domain and what it is registered in
    same = (here.scheme, here.port) == (there.scheme, there.port)
    return same and supplier and re.fullmatch(host, here.host) is not None


def _origin(url: object) -> Origin | None:
    """The origin, whatever its address leaves open; None: it is none."""
    try:
        return Origin.parse(example(str(url)))
    except ConfigurationError:
        return None


def _field(loc: tuple[int | str, ...]) -> str:
    """Name of the row's field an error is in; pydantic reports it by its camelCase alias."""
    first = str(loc[0]) if loc else ""
    return _BY_ALIAS.get(first, first)


_BY_ALIAS = {info.alias or name: name for name, info in ProviderRow.model_fields.items()}
