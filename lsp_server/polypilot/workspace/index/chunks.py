"""Cuts a file to the pieces that are found: some forty lines, parted where definitions begin."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace.index.definitions import Definition, definitions

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 40
"""Of an ordinary piece."""
_FEWEST = 20
"""Lines after which a definition begins a piece of its own."""
_MOST = 60
"""Lines of the longest piece."""
_CHARS = 6_000
_LINE_CHARS = 2_000
"""Characters of one line that are searched: what is behind them was not written by hand."""
_DATA_CHARS = 20_000
_DATA = frozenset((
    ".json", ".jsonl", ".csv", ".tsv", ".svg", ".lock", ".map", ".xml", ".po", ".geojson",
    ".ipynb", ".sum", ".log", ".snap", ".dat",
))  # fmt: skip
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of lines, counted from 0, the end excluded."""

    first: int
    end: int
    names: str
    """What is defined in it."""
    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A file as it is kept."""

    pieces: tuple[Piece, ...]
    definitions: tuple[Definition, ...]


def cut(text: str, suffix: str) -> Cut:
    """The pieces and definitions of a file with this suffix (``.py``)."""
    if suffix.lower() in _DATA or _is_packed(text):
        text = text[:_DATA_CHARS]
    lines = [line[:_LINE_CHARS] for line in _BREAK.split(text)]
    found = definitions(lines, suffix)
    starts = sorted({_with_above(lines, each.line) for each in found})
    pieces: list[Piece] = []
    first, chars, at = 0, 0, 0
    names = _Names(found)
    for at, line in enumerate(lines):
        if at > first and _ends(lines, starts, first, at, chars + len(line)):
            pieces.append(_piece(lines, first, at, names))
            first, chars = at, 0
        chars += len(line) + 1
    pieces.append(_piece(lines, first, at + 1, names))
    return Cut(tuple(piece for piece in pieces if piece.text.strip()), tuple(found))


def _is_packed(text: str) -> bool:
    """Whether a program has written it in few long lines."""
    return len(text) > _DATA_CHARS and text.count("\n") * 400 < len(text)


def _ends(lines: Sequence[str], starts: list[int], first: int, at: int, chars: int) -> bool:
    """Whether a piece that began at ``first`` ends before the line ``at``."""
    size = at - first
    if size >= _MOST or chars > _CHARS:
        return True
    if size >= _FEWEST and starts and starts[bisect_right(starts, at) - 1] == at:
        return True
    return size >= LINES and not lines[at - 1].strip()


def _with_above(lines: Sequence[str], line: int) -> int:
    """Where a definition begins with what stands right above it: comments and decorators."""
    at = line
    while at and lines[at - 1].lstrip().startswith(("@", "#", "//", "/*", "*", "--", ";;", "[")):
        at -= 1
    return at


class _Names:
    """Which definitions are in which lines."""

    def __init__(self, found: Sequence[Definition]) -> None:
        self._found = found
        self._lines = [each.line for each in found]

    def between(self, first: int, end: int) -> str:
        low, high = bisect_right(self._lines, first - 1), bisect_right(self._lines, end - 1)
        return " ".join(each.name for each in self._found[low:high])


def _piece(lines: Sequence[str], first: int, end: int, names: _Names) -> Piece:
    return Piece(first, end, names.between(first, end), "\n".join(lines[first:end]))
