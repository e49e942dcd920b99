"""Definitions in a file's text, by patterns for its lines and by indentation: no grammar.

That finds what people lay out as people do. It is good enough to be led to the place; what
is read there is the text itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace.index.definition_patterns import PATTERNS, family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 2_000
"""Definitions of one file."""
_LONGEST_LINE = 300
"""Characters of a line that are compared."""
_LONGEST = 3_000
"""Lines of a definition that are looked at for its end."""
_INDENT = re.compile(r"[ \t]*")
_CLOSING = re.compile(r"[}\])]|end\b|fi\b|done\b|esac\b")
_OPENING = re.compile(r"[{(\[)\]:]|where\b")
_TAB = 4


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition; lines are counted from 0."""

    name: str
    kind: str
    line: int
    end: int
    """The line after it."""


def definitions(lines: Sequence[str], suffix: str) -> list[Definition]:
    """The definitions in the lines of a file with this suffix (``.py``), from top to bottom."""
    kind_of_file = family(suffix)
    pattern = PATTERNS.get(kind_of_file)
    if pattern is None:
        return []
    found: list[Definition] = []
    for number, name, kind in _named(lines, pattern):
        if len(found) == MOST:
            break
        if kind == "heading":
            end = _section_end(lines, number)
        else:
            end = _block_end(lines, number, layout=kind_of_file == "python")
        found.append(Definition(name, kind, number, end))
    return _methods(found)


def _named(lines: Sequence[str], pattern: re.Pattern[str]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines):
        match = pattern.match(line[:_LONGEST_LINE])
        if match is None or match.lastgroup is None:
            continue
        kind = match.lastgroup.split("_")[0]
        name = match[match.lastgroup].strip()
        if name:
            yield number, name, kind


def _block_end(lines: Sequence[str], start: int, *, layout: bool) -> int:
    """The line after a definition: it goes on as long as lines are indented more."""
    outer = _indent(lines[start])
    end = start + 1
    for number in range(start + 1, min(len(lines), start + _LONGEST)):
        line = lines[number]
        text = line.lstrip()
        if not text:
            continue
        depth = _indent(line)
        if depth > outer:
            end = number + 1
        elif depth < outer:
            break
        elif _CLOSING.match(text) and (not layout or text[0] in ")]}"):
            end = number + 1
            if not text.rstrip().endswith(("{", "(", ":", "->", "=>")):
                break
        elif layout or not _OPENING.match(text):
            break
    return end


def _section_end(lines: Sequence[str], start: int) -> int:
    """The line before the next heading that is not below this one."""
    level = len(lines[start]) - len(lines[start].lstrip("#"))
    for number in range(start + 1, min(len(lines), start + _LONGEST)):
        line = lines[number]
        if line.startswith("#") and 0 < len(line) - len(line.lstrip("#")) <= level:
            return number
    return min(len(lines), start + _LONGEST)


def _indent(line: str) -> int:
    match = _INDENT.match(line)
    blank = match[0] if match else ""
    return len(blank) + (_TAB - 1) * blank.count("\t")


_HOLDERS = frozenset(("class", "interface", "struct", "trait", "enum"))


def _methods(found: Sequence[Definition]) -> list[Definition]:
    """With functions inside of classes called methods."""
    out: list[Definition] = []
    holders: list[Definition] = []
    for each in found:
        while holders and holders[-1].end <= each.line:
            holders.pop()
        inside = bool(holders) and holders[-1].kind in _HOLDERS
        kind = "method" if inside and each.kind == "function" else each.kind
        out.append(Definition(each.name, kind, each.line, each.end))
        holders.append(each)
    return out
