"""Our part of a configuration in JSON: one member, at a path of names."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import cast

from polypilot.setup.json_text import Member, Node, Value, parse
from polypilot.setup.values import SetupError

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class JsonMember:
    """A value at a path below the file's one object."""

    path: tuple[str, ...]
    value: Value
    comments: bool = False
    """Whether the editor allows comments and commas behind the last member."""

    def put(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        if not text.strip():
            text = "{}\n"
        node = self._parsed(text)
        for depth, key in enumerate(self.path):
            self._object(node, self.path[:depth])
            member = node.member(key)
            if member is None:
                value = self.value
                for name in reversed(self.path[depth + 1 :]):
                    value = {name: value}
                return self._checked(_inserted(text, node, key, value))
            node = member.node
        if node.value == self.value:
            return text
        if not is_ours(node.value):
            name = ".".join(self.path)
            raise SetupError(
                f"{name} is there already, and is not Polypilot's",
                cure=f"Remove {name} from it yourself if Polypilot is to take its place",
            )
        unit, base = _unit(text), _line_indent(text, node.start)
        return self._checked(text[: node.start] + _shown(self.value, unit, base) + text[node.end :])

    def take(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`. Objects that it leaves empty go too."""
        if not text.strip():
            return text
        path = self.path
        while path:
            node, member = self._parsed(text), None
            for key in path:
                parent, member = node, node.member(key)
                if member is None:
                    return text
                node = member.node
            if path == self.path and not is_ours(node.value):
                return text
            if path != self.path and node.value != {}:
                return text
            before = copy.deepcopy(self._parsed(text).value)
            text = _removed(text, parent, member)  # pyright: ignore[reportPossiblyUnboundVariable, reportArgumentType] - path is not empty
            if self._parsed(text).value != _without(before, path):
                raise SetupError("it can't be changed safely")
            path = path[:-1]
        return text

    def _parsed(self, text: str) -> Node:
        node = parse(text, comments=self.comments)
        self._object(node, ())
        return node

    @staticmethod
    def _object(node: Node, path: tuple[str, ...]) -> None:
        if not node.is_object:
            name = ".".join(path) or "what it holds"
            raise SetupError(f"{name} is not an object")

    def _checked(self, text: str) -> str:
        """The text, if a reader finds in it what was meant."""
        node = self._parsed(text)
        for key in self.path:
            member = node.member(key)
            if member is None:
                raise SetupError("it can't be changed safely")
            node = member.node
        if node.value != self.value:
            raise SetupError("it can't be changed safely")
        return text


def is_ours(value: Value) -> bool:
    """Whether it starts Polypilot; what else is there is the user's."""
    command = cast("dict[str, Value]", value).get("command") if isinstance(value, dict) else None
    program = cast("list[Value]", command)[:1] if isinstance(command, list) else [command]
    names = [re.split(r"[\\/]", each)[-1] for each in program if isinstance(each, str)]
    return [name.removesuffix(".exe") for name in names] == ["polypilot"]


def _without(value: Value, path: tuple[str, ...]) -> Value:
    """A value without what is at a path in it."""
    inner = cast("dict[str, Value]", value)
    for key in path[:-1]:
        inner = cast("dict[str, Value]", inner[key])
    del inner[path[-1]]
    return value


def _inserted(text: str, parent: Node, key: str, value: Value) -> str:
    """``text`` with a member more at the end of an object."""
    unit = _unit(text)
    close = parent.end - 1
    base = _line_indent(text, parent.start)
    first = parent.members[0] if parent.members else None
    inner = base + unit
    if first is not None and "\n" in text[parent.start : first.start]:
        inner = _line_indent(text, first.start)
    anchor = len(text[:close].rstrip())
    tail = text[anchor:close]
    if "\n" not in tail:
        anchor, tail = close, f"\n{base}"
    piece = f"\n{inner}{json.dumps(key)}: {_shown(value, unit, inner)}"
    if parent.comma is not None:
        piece += ","  # the user's own manner
    if first is None or parent.comma is not None:
        return text[:anchor] + piece + tail + text[close:]
    last = parent.members[-1].node.end
    return text[:last] + "," + text[last:anchor] + piece + tail + text[close:]


def _removed(text: str, parent: Node, member: Member) -> str:
    """``text`` without a member, its line, and the comma that is one too many."""
    position = parent.members.index(member)
    start, end = member.start, member.node.end
    followed = position < len(parent.members) - 1 or parent.comma is not None
    if followed:
        end = text.index(",", _behind(text, end)) + 1
    if re.match(r"[ \t\r]*\n", text[end:]):
        # Its line goes whole. Else the line end before it stays: a comment may end there.
        start = len(text[:start].rstrip(" \t"))
        start -= text[:start].endswith("\n")
    if followed:
        return text[:start] + text[end:]
    if position == 0:
        rest = text[end:]
        return text[:start] + (
            rest.lstrip() if not text[parent.start + 1 : start].strip() else rest
        )
    previous = parent.members[position - 1].node.end
    comma = text.index(",", _behind(text, previous))
    return text[:comma] + text[comma + 1 : start] + text[end:]


def _behind(text: str, at: int) -> int:
    """Where what follows a value begins, comments left out: they may hold commas."""
    match = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL).match(text, at)
    return match.end() if match else at


def _unit(text: str) -> str:
    """What the file indents by."""
    found = _INDENTED.search(text)
    if found is None:
        return "  "
    return "\t" if found[1].startswith("\t") else found[1]


def _line_indent(text: str, at: int) -> str:
    begin = text.rfind("\n", 0, at) + 1
    line = text[begin:at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _shown(value: Value, unit: str, base: str) -> str:
    """A value as people write it: an object's members on lines of their own, a list on one."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = base + unit
    members = cast("dict[str, Value]", value).items()
    rows = (f"{inner}{json.dumps(key)}: {_shown(each, unit, inner)}" for key, each in members)
    return "{\n" + ",\n".join(rows) + f"\n{base}}}"
