"""A row's fields as a person at a terminal writes and reads them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from polypilot.settings import SettingsError
from polypilot_providers.catalog import ProviderRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polypilot.settings import Source

_TABLES = ("variables", "query", "headers")
_NOT_BY_TEXT = ("id", "command", "models", "retired", "as_of", "source", "tried_live", *_TABLES)
SETTABLE = tuple(name for name in ProviderRow.model_fields if name not in _NOT_BY_TEXT)
"""The fields that one text can say."""
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row in force."""

    name: str
    value: object
    source: str
    """``catalog``, ``plugin``, ``default``, or the file and line."""


def assignments(
    provider_id: str, row: ProviderRow | None, values: Mapping[str, str], unset: Sequence[str]
) -> dict[str, object | None]:
    """What to write, by name of the field, or ``variables.NAME``.

    Raises:
        SettingsError: there is no such field, or a value of its kind.
    """
    places: set[str] = set()
    if row is not None:
        moved = row.model_copy(update={"base_url": values.get("base_url", row.base_url)})
        places = {*moved.missing, *row.variables, *row.missing}
    fields: dict[str, object | None] = {}
    for name in unset:
        fields[_field(provider_id, name, places)] = None
    for name, text in values.items():
        field = _field(provider_id, name, places)
        fields[field] = _value(field, text)
    return fields


def _field(provider_id: str, name: str, places: set[str]) -> str:
    """The field that ``name`` means: one of the address's own names first."""
    table, _, entry = name.partition(".")
    if entry and table in _TABLES:
        return name
    if name in places:
        return f"variables.{name}"
    name = name.replace("-", "_")
    if name in SETTABLE:
        return name
    near = difflib.get_close_matches(name, [*SETTABLE, *places], n=1)
    known = ", ".join(sorted(places) or ("base_url", "chat_model", "completion_model"))
    raise SettingsError(
        f"{provider_id} has no {name!r} that can be set",
        cure=f"Did you mean {near[0]}?" if near else f"There is {known}; docs/settings.md has all.",
    )


def _value(field: str, text: str) -> object:
    kind = str(ProviderRow.model_fields[field].annotation) if field in SETTABLE else ""
    if "bool" in kind:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise SettingsError(f"{field} is true or false", cure=f"Write {field}=true.")
        return text.lower() in _TRUE
    if "tuple" in kind:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if "float" in kind:
        try:
            return float(text)
        except ValueError:
            raise SettingsError(f"{field} is a number", cure=f"Write {field}=0.2, say.") from None
    if "int" in kind:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(
                f"{field} is a whole number", cure=f"Write {field}=60, say."
            ) from None
    return text


def shown(row: ProviderRow, sources: Mapping[str, Source], otherwise: str) -> list[Field]:
    """Every field that is not empty, and where it comes from.

    Args:
        row: in force.
        sources: of the settings.
        otherwise: where the rest comes from.
    """
    base = f"providers.{row.id}"
    fields: list[Field] = []
    for name, value in row.model_dump(mode="json").items():
        default = ProviderRow.model_fields[name].get_default(call_default_factory=True)
        told = sources.get(f"{base}.{name}")
        given = told is not None and told.kind != "default"
        if name == "id" or (not given and getattr(row, name) == default):
            continue
        source = otherwise
        if told is not None and given:
            source = f"{told.file}:{told.line}" if told.file and told.line else str(told.kind)
        fields += (Field(key, each, source) for key, each in _flat(name, value))
    return fields


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    """A table's entries one by one; of its models, their names."""
    if isinstance(value, dict):
        for key, each in cast("dict[str, object]", value).items():
            yield f"{name}.{key}", each
    elif name in ("models", "retired"):
        entries = cast("list[dict[str, object]]", value)
        yield name, [entry["id"] for entry in entries]
    else:
        yield name, value
