"""Which lines of a document an action is about, and the instruction that stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from polypilot_prompts.context import indent_width, opens_block

if TYPE_CHECKING:
    from lsprotocol import types

MOST_LINES = 1000
"""An action that answers with an edit is offered for at most so many: the model writes them all."""
_LOOK = 400
"""Lines that are looked at on either side of a cursor."""
_TAB = 4
_DEFINITION = re.compile(
    r"\s*(?:(?:async|export|default|public|private|protected|internal|static|final|abstract|"
    r"override|pub(?:\([a-z]+\))?|unsafe|inline|const|local|virtual|open|data|sealed|extern)\s+)*"
    r"(?:def|class|fn|func|fun|function|sub|proc|procedure|impl|interface|struct|enum|trait|"
    r"module|method|object|record)\b"
)
_BRACED = re.compile(
    r"\s*(?!(?:if|else|for|foreach|while|switch|do|try|catch|finally|with|using|lock|match|when|"
    r"loop|unless|until|select|case|return)\b)[^\s}].*(?:\)[^;=]*|=>\s*)\{\s*"
)
"""A function of the languages that need no word for one."""
_CLOSES = re.compile(r"\s*(?:[)\]}]|end\b|fi\b|done\b|esac\b)")
_INSTRUCTION = re.compile(
    r"\s*(?:#+|//+!?|--+|;+|%+|<!--|/\*+!?|\(\*|\*|\"|')\s*AI:\s*(?P<text>.*?)\s*(?:\*/|-->|\*\))?\s*"
)


class Source(Protocol):
    """What is asked of a document."""

    @property
    def line_count(self) -> int:
        """Lines."""
        ...

    def line(self, number: int) -> str:
        """One, from 0, without its break."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, from 0, the last one among them."""

    first: int
    last: int
    selected: bool
    """The user has chosen them; else they are what is around the cursor."""

    def __len__(self) -> int:
        return self.last - self.first + 1


def lines_of(source: Source, span: types.Range) -> Lines | None:
    """The lines of a selection, or those around a cursor; None: there is no text.

    A selection of one character is a cursor: editors exist in which there is no smaller one.
    """
    last_line = source.line_count - 1
    first, last = min(span.start.line, last_line), min(span.end.line, last_line)
    one = first == last and span.end.character - span.start.character <= 1
    if not one:
        if last > first and span.end.character == 0 and span.end.line <= last_line:
            last -= 1  # it ends before that line
        found = _trimmed(source, first, last)
        return None if found is None else Lines(*found, selected=True)
    found = around(source, first)
    return None if found is None else Lines(*found, selected=False)


def _trimmed(source: Source, first: int, last: int) -> tuple[int, int] | None:
    """Without empty lines at either end."""
    while first <= last and not source.line(first).strip():
        first += 1
    while last > first and not source.line(last).strip():
        last -= 1
    return (first, last) if first <= last else None


def around(source: Source, row: int) -> tuple[int, int] | None:
    """The definition that a line is in or begins, else its paragraph; None on an empty line."""
    if not source.line(row).strip():
        return None
    header = _header(source, row)
    if header is None:
        return _paragraph(source, row)
    return _above(source, header), _end(source, header)


def _header(source: Source, row: int) -> int | None:
    """The line that begins the innermost definition around ``row``."""
    depth = None
    for at in range(row, max(-1, row - _LOOK), -1):
        line = source.line(at)
        if not line.strip():
            continue
        width = indent_width(line, _TAB)
        if depth is not None and width >= depth:
            continue
        if _defines(line) and _end(source, at) >= row:
            return at
        if at == row and _CLOSES.match(line):
            width += 1  # the line that closes a block belongs to what opened it
        depth = width
    return None


def _defines(line: str) -> bool:
    return bool(_DEFINITION.match(line) or _BRACED.fullmatch(line))


def _above(source: Source, header: int) -> int:
    """Decorators and attributes stand above what they are about."""
    while header > 0 and source.line(header - 1).lstrip().startswith(("@", "#[", "[[")):
        header -= 1
    return header


def _end(source: Source, header: int) -> int:
    """The last line of what a line begins: all that is indented more, and what closes it."""
    base = indent_width(source.line(header), _TAB)
    opened = opens_block(source.line(header))
    last = header
    for at in range(header + 1, min(source.line_count, header + MOST_LINES)):
        line = source.line(at)
        if not line.strip():
            continue
        if indent_width(line, _TAB) > base:
            last = at
        elif not opened and opens_block(line) and indent_width(line, _TAB) == base:
            opened, last = True, at  # a brace, or the end of a signature, on a line of its own
        elif _CLOSES.match(line) and indent_width(line, _TAB) == base:
            last = at
            if not opens_block(line):
                break
        else:
            break
    return last


def _paragraph(source: Source, row: int) -> tuple[int, int]:
    first = last = row
    while first > max(0, row - _LOOK) and source.line(first - 1).strip():
        first -= 1
    while last + 1 < min(source.line_count, row + _LOOK) and source.line(last + 1).strip():
        last += 1
    return first, last


def instruction_in(source: Source, lines: Lines) -> tuple[str, int] | None:
    """The text of a comment ``AI: …`` in the lines or right above, and the number of its line."""
    above = lines.first - 1 if lines.first > 0 else lines.first
    for at in range(above, lines.last + 1):
        text = instruction(source.line(at))
        if text:
            return text, at
    return None


def instruction(line: str) -> str:
    """What a comment tells the model to do; empty: it is no such comment."""
    found = _INSTRUCTION.fullmatch(line)
    return found["text"] if found else ""
