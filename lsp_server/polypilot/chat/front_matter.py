"""The head of a Markdown file: lines ``key: value`` between two lines ``---``.

It looks like YAML and is less: one line a key, no nesting, no quotes that mean anything. What
a file could mean in two ways is refused, with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_FENCE = "---"
_LINE = re.compile(r"([a-z][a-z-]{0,39}):(?:[ \t]+(.*))?")
_YAML = ('"', "'", "|", ">", "&", "*", "!", "{", "- ")
"""Beginnings that would mean something in YAML."""
_MOST = 20
_LONGEST = 500


class FrontMatterError(ValueError):
    """It can't be read. ``line`` counts from 1; ``message`` quotes no value."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's head and what is below it."""

    body: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    lines: Mapping[str, int] = field(default_factory=dict[str, int])
    """Where each key stands, from 1."""


def read(text: str, known: Collection[str]) -> FrontMatter:
    """Head and body of a text with ``\\n`` for line breaks; without a head, all of it is body.

    Raises:
        FrontMatterError: the head is not made of known keys, each once, one a line.
    """  # noqa: D301 - the escape is meant as it is written
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return FrontMatter(text)
    values: dict[str, str] = {}
    where: dict[str, int] = {}
    for number, raw in enumerate(lines[1 : _MOST + 2], start=2):
        line = raw.rstrip()
        if line == _FENCE:
            return FrontMatter("\n".join(lines[number:]), values, where)
        if not line or line.startswith("#"):
            continue
        key, value = _pair(number, line, known)
        if key in values:
            raise FrontMatterError(number, f"{key} stands there twice")
        values[key], where[key] = value, number
    raise FrontMatterError(1, f"the head has no end: a line {_FENCE} within {_MOST} lines")


def _pair(number: int, line: str, known: Collection[str]) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise FrontMatterError(number, "this is no `key: value`")
    key, value = match[1], (match[2] or "").strip()
    if key not in known:
        raise FrontMatterError(number, f"{key} is not known; there are {', '.join(known)}")
    if len(value) > _LONGEST:
        raise FrontMatterError(number, f"{key} is longer than {_LONGEST} characters")
    if value.startswith(_YAML):
        raise FrontMatterError(number, f"{key} begins with {value[0]}: write plain text")
    return key, value
