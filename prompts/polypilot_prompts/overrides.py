"""The user's own templates: what they may hold, checked before they take the place of ours."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from string import Formatter, Template
from typing import TYPE_CHECKING, TypeGuard, cast

from polypilot_prompts.asking import NAMES
from polypilot_prompts.fim import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMES = {"completion": frozenset({*NAMES, "language"}), "chat": frozenset[str]()}
"""Templates that can be replaced, and the ``$names`` that each may hold."""
_NEEDED = {"completion": ("cursor", "open", "close"), "chat": ()}

_FAMILY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_FIELDS = {
    "template": frozenset({"prefix", "suffix", "path", "language", "files"}),
    "file": frozenset({"path", "text"}),
    "here": frozenset({"path"}),
    "opening": frozenset[str](),
}
_MUST = {"template": ("prefix", "suffix"), "file": ("text",), "here": (), "opening": ()}
_MOST_FAMILIES, _MOST_TOKENS, _LONGEST_TOKEN = 50, 64, 100
_SHORTEST_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is used in place of ours."""

    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts by name: ``completion``, ``chat``."""
    families: Mapping[str, Family] = field(default_factory=dict[str, Family])
    """Families with fill-in-the-middle tokens by name."""

    def family(self, name: str) -> Family | None:
        """The user's family of that name, or ours."""
        return self.families.get(name) or FAMILIES.get(name)


OURS = Overrides()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a template is not used. Quotes nothing but names."""

    key: str
    """The part of the file that is meant; empty: the whole."""
    message: str
    cure: str


class _BadError(ValueError):
    """With message and cure."""


def fault_of_template(name: str, text: str) -> Fault | None:
    """What is wrong with a text for the template ``name``; None: nothing."""
    template = Template(text)
    if not text.strip():
        return Fault("", "is empty", "Write a template, or remove the file")
    if not template.is_valid():
        return Fault("", "has a lone $", "Write $$ where a dollar sign is meant")
    found = template.get_identifiers()
    if unknown := [each for each in found if each not in _NAMES[name]]:
        names = ", ".join(f"${each}" for each in sorted(_NAMES[name]))
        may = f"It may hold {names}; write" if names else "Write"
        return Fault("", f"holds an unknown ${unknown[0][:40]}", f"{may} $$ for a dollar sign")
    if missing := [each for each in _NEEDED[name] if each not in found]:
        return Fault("", f"does not hold ${missing[0]}", "Say what it stands for in the prompt")
    return None


def read_families(text: str) -> tuple[dict[str, Family], tuple[Fault, ...]]:
    """The families of a file ``fim.toml``; one that is wrong is left out."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError):  # also of a number with thousands of digits
        return {}, (Fault("", "is not valid TOML", "Correct it; strings need quotes"),)
    tables: object = tree.pop("family", [])
    faults = [_unknown(key) for key in tree]
    if not isinstance(tables, list):
        return {}, (*faults, Fault("family", "is no list of tables", "Write [[family]]"))
    families: dict[str, Family] = {}
    for at, table in enumerate(cast("list[object]", tables)[:_MOST_FAMILIES]):
        try:
            family = _family(table)
        except _BadError as error:
            message, cure = error.args
            faults.append(Fault(f"family {at + 1}", message, cure))
        else:
            families[family.name] = family
    return families, tuple(faults)


def _unknown(key: str) -> Fault:
    return Fault(key[:40], "is not known", "The file holds tables [[family]]")


def _family(table: object) -> Family:
    if not isinstance(table, dict):
        raise _BadError("is no table", "Write [[family]]")
    values = dict(cast("dict[str, object]", table))
    name = values.pop("name", None)
    if not isinstance(name, str) or not _FAMILY.fullmatch(name):
        raise _BadError(
            "has no name of small letters, digits and dashes", 'Write name = "my-model"'
        )
    forms = {key: _form(key, values.pop(key, "")) for key in _FIELDS}
    stops = _strings("stops", values.pop("stops", []))
    given = _strings("tokens", values.pop("tokens", []))
    if values:
        raise _BadError(f"has an unknown {next(iter(values))[:40]!r}", "Remove it")
    tokens = given or tuple(_tokens(forms["template"], stops))
    if any(re.search(r"\s", token) or len(token) < _SHORTEST_TOKEN for token in tokens):
        raise _BadError("has a token with a blank or of one character", "Correct tokens")
    return Family(name, forms["template"], stops, tokens, **_without(forms, "template"))


def _without(forms: Mapping[str, str], key: str) -> dict[str, str]:
    return {name: text for name, text in forms.items() if name != key}


def _form(key: str, value: object) -> str:
    """A format string that holds what it must and nothing else."""
    if not isinstance(value, str):
        raise _BadError(f"has a {key} that is no text", "Put it in quotes")
    if not value and key != "template":
        return ""
    try:
        fields = [part for part in Formatter().parse(value) if part[1] is not None]
    except ValueError:
        raise _BadError(f"has a lone brace in its {key}", "Write {{ or }}") from None
    names = [name for _, name, _, _ in fields]
    if any(name not in _FIELDS[key] or spec or how for _, name, spec, how in fields):
        known = ", ".join(f"{{{name}}}" for name in sorted(_FIELDS[key])) or "nothing in braces"
        raise _BadError(f"has an unknown placeholder in its {key}", f"It may hold {known}")
    for needed in _MUST[key]:
        if needed not in names:
            raise _BadError(f"has a {key} without {{{needed}}}", f"Put {{{needed}}} into it")
    return value


def _strings(key: str, value: object) -> tuple[str, ...]:
    if not _is_strings(value) or len(value) > _MOST_TOKENS:
        raise _BadError(f"has {key} that are no list of texts", f'Write {key} = ["<END>"]')
    if any(not text or len(text) > _LONGEST_TOKEN for text in value):
        raise _BadError(f"has an empty or too long text in {key}", "Correct it")
    return tuple(dict.fromkeys(value))


def _is_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(
        isinstance(text, str) for text in cast("list[object]", value)
    )


def _tokens(template: str, stops: tuple[str, ...]) -> Iterable[str]:
    """What must not come from the user's files: the template's own words, stops like tags."""
    words = [word for literal, _, _, _ in Formatter().parse(template) for word in literal.split()]
    tags = [stop for stop in stops if re.fullmatch(r"[<\[]\S+[>\]]", stop)]
    return dict.fromkeys(word for word in (*words, *tags) if len(word) >= _SHORTEST_TOKEN)
