"""The arguments of a tool: declared once, as the schema for models and as the check of a call.

The schemas use what every supplier takes: an object with properties of plain types, ``required``,
``enum``, ``additionalProperties: false``, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from polypilot.errors import UserError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Values = dict[str, object]
"""Checked arguments; what is optional and was not given is absent."""

_LONGEST_SHOWN = 40


class ToolError(UserError):
    """A call that can't be done; the message tells the model what to do instead."""

    code = "tool"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument."""

    name: str
    type: Literal["string", "integer", "boolean", "array"]
    description: str
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    longest: int = 100_000
    """Characters of a string, members of a list."""
    members: tuple[Argument, ...] = ()
    """Of each object in a list; none: a list of strings."""

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        made: dict[str, object] = {"type": self.type, "description": self.description}
        if self.choices:
            made["enum"] = list(self.choices)
        if self.type == "array":
            made["items"] = schema_of(self.members) if self.members else {"type": "string"}
        return made

    def check(self, value: object, where: str) -> object:
        """The value, if it is what is wanted.

        Raises:
            ToolError: it is not.
        """
        if self.type == "string":
            return self._string(value, where)
        if self.type == "integer":
            return self._integer(value, where)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise _wrong(where, "true or false", value)
            return value
        return self._array(value, where)

    def _string(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong(where, "a string", value)
        if len(value) > self.longest:
            raise ToolError(f"{where} has more than {self.longest:,} characters")
        if self.choices and value not in self.choices:
            raise _wrong(where, f"one of {', '.join(self.choices)}", value)
        if self.required and self.least and not value.strip():
            raise ToolError(f"{where} must not be empty")
        return value

    def _integer(self, value: object, where: str) -> int:
        if isinstance(value, float) and value.is_integer():  # as some models write it
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(where, "a whole number", value)
        if self.least is not None and value < self.least:
            raise _wrong(where, f"at least {self.least}", value)
        return value

    def _array(self, value: object, where: str) -> list[object]:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        items = cast("list[object]", value)
        if len(items) > self.longest:
            raise ToolError(f"{where} has more than {self.longest:,} members")
        if self.members:
            return [checked(self.members, each, f"{where}[{n}]") for n, each in enumerate(items)]
        for n, each in enumerate(items):
            if not isinstance(each, str):
                raise _wrong(f"{where}[{n}]", "a string", each)
        return items


def schema_of(arguments: Sequence[Argument]) -> dict[str, object]:
    """The schema of an object that has these."""
    return {
        "type": "object",
        "properties": {each.name: each.schema() for each in arguments},
        "required": [each.name for each in arguments if each.required],
        "additionalProperties": False,
    }


def checked(arguments: Sequence[Argument], given: object, where: str = "") -> Values:
    """What was given, if it fits. ``null`` stands for what is not given.

    Raises:
        ToolError: it does not; the message says what is wanted.
    """
    if not isinstance(given, dict):
        raise _wrong(where or "the arguments", "an object", given)
    members = cast("Mapping[object, object]", given)
    known = {each.name: each for each in arguments}
    for name in members:
        if name not in known:
            raise ToolError(
                f"there is no argument {_shown(name)}{_at(where)}; "
                f"there are: {', '.join(known) or 'none'}"
            )
    found: Values = {}
    for name, argument in known.items():
        value = members.get(name)
        if value is not None:
            found[name] = argument.check(value, f"{where}.{name}" if where else name)
        elif argument.required:
            raise ToolError(f"the argument {name}{_at(where)} is missing: {argument.description}")
    return found


def text_of(values: Mapping[str, object], name: str, otherwise: str = "") -> str:
    """A string among checked arguments, or for showing among any."""
    value = values.get(name)
    return value if isinstance(value, str) else otherwise


def number_of(values: Mapping[str, object], name: str) -> int | None:
    """A number among checked arguments, or for showing among any."""
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _wrong(where: str, wanted: str, value: object) -> ToolError:
    return ToolError(f"{where} must be {wanted}, not {_shown(value)}")


def _at(where: str) -> str:
    return f" in {where}" if where else ""


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = printable(repr(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
