"""Reads JSON, with comments and trailing commas if the editor allows them, and keeps the places.

No library that keeps comments is needed: a change of ours is one member, put in or taken out of
the text itself. So all else stays by construction.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from polypilot.setup.values import SetupError

_SPACE = re.compile(r"[ \t\r\n]*")
_TRIVIA = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_DEEPEST = 100

Value = object


@dataclass(slots=True)
class Node:
    """A value and where it stands."""

    start: int
    end: int = 0
    value: Value = None
    members: list[Member] = field(default_factory=list["Member"])
    is_object: bool = False
    comma: int | None = None
    """Where the comma behind the last member is, if there is one."""

    def member(self, key: str) -> Member | None:
        """The member of that name.

        Raises:
            SetupError: there are several: which one counts is the editor's secret.
        """
        found = [each for each in self.members if each.key == key]
        if len(found) > 1:
            raise SetupError(f'it has "{key}" twice')
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Member:
    """A name and its value in an object."""

    key: str
    start: int
    node: Node


def parse(text: str, *, comments: bool) -> Node:
    """The text's one value.

    Raises:
        SetupError: it does not parse; says where.
    """
    reader = _Reader(text, comments=comments)
    start = reader.skip(0)
    node = reader.value(start, 0)
    end = reader.skip(node.end)
    if end != len(text):
        raise reader.wrong(end)
    return node


class _Reader:
    def __init__(self, text: str, *, comments: bool) -> None:
        self._text = text
        self._comments = comments

    def skip(self, at: int) -> int:
        match = (_TRIVIA if self._comments else _SPACE).match(self._text, at)
        return match.end() if match else at

    def wrong(self, at: int) -> SetupError:
        line = self._text.count("\n", 0, at) + 1
        return SetupError(f"line {line} does not parse")

    def value(self, at: int, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self.wrong(at)
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._object(at, depth)
        if opening == "[":
            return self._array(at, depth)
        match = _STRING.match(self._text, at) or _SCALAR.match(self._text, at)
        if match is None:
            raise self.wrong(at)
        return Node(at, match.end(), self._scalar(match.group(), at))

    def _scalar(self, raw: str, at: int) -> Value:
        try:
            return json.loads(raw)
        except ValueError:
            raise self.wrong(at) from None

    def _object(self, at: int, depth: int) -> Node:
        node = Node(at, is_object=True)
        values: dict[str, Value] = {}
        at = self.skip(at + 1)
        while self._text[at : at + 1] != "}":
            self._separated(node, at)
            key = _STRING.match(self._text, at)
            if key is None:
                raise self.wrong(at)
            colon = self.skip(key.end())
            if self._text[colon : colon + 1] != ":":
                raise self.wrong(colon)
            held = self.value(self.skip(colon + 1), depth + 1)
            member = Member(str(self._scalar(key.group(), at)), at, held)
            values[member.key] = held.value
            node.members.append(member)
            at = self._comma(node, held.end)
        return self._closed(node, at, values)

    def _array(self, at: int, depth: int) -> Node:
        node = Node(at)
        values: list[Value] = []
        at = self.skip(at + 1)
        while self._text[at : at + 1] != "]":
            self._separated(node, at, items=len(values))
            held = self.value(at, depth + 1)
            values.append(held.value)
            at = self._comma(node, held.end)
        return self._closed(node, at, values)

    def _separated(self, node: Node, at: int, *, items: int = 0) -> None:
        """One more item is allowed only at the beginning or behind a comma."""
        if (node.members or items) and node.comma is None:
            raise self.wrong(at)

    def _comma(self, node: Node, at: int) -> int:
        at = self.skip(at)
        node.comma = None
        if self._text[at : at + 1] == ",":
            node.comma = at
            at = self.skip(at + 1)
        return at

    def _closed(self, node: Node, at: int, value: Value) -> Node:
        if node.comma is not None and not self._comments:
            raise self.wrong(node.comma)
        node.end, node.value = at + 1, value
        return node
