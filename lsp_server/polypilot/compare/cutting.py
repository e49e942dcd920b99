"""Holes: what is cut out of a file's text for a model to write again.

A hole is a range of the text, so that what stands before it, in it and behind it is the text
again, whatever its line breaks, tabs and form feeds are.
"""

from __future__ import annotations

import random
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.compare import cutting_functions, cutting_lines
from polypilot.compare.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polypilot.compare.cutting_functions import Function

_WORD = re.compile(r"\w\w")
"""A truth without a word is punctuation."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A range of a text; positions are code points."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    """Of the function whose body it is."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text and all that may be cut out of it."""

    text: str = field(repr=False)
    holes: tuple[Hole, ...]
    functions: tuple[Function, ...]

    def line_of(self, at: int) -> int:
        """The number of the line that a position is on, counted from 0."""
        return len(cutting_lines.spans(self.text[:at])) - 1


@dataclass(frozen=True, slots=True)
class _Text:
    """A text by lines."""

    text: str
    spans: Sequence[tuple[int, int]]
    lines: Sequence[str]
    code: frozenset[int]

    def end(self, line: int) -> int:
        """Where a line's last character that is not blank ends."""
        return self.spans[line][0] + len(self.lines[line].rstrip())

    def start(self, line: int) -> int:
        """Where a line's first character that is not blank stands."""
        return self.spans[line][0] + len(self.lines[line]) - len(self.lines[line].lstrip())


def cut(text: str, language: str, suffix: str, seed: str) -> Cut:
    """All holes of a text. Those of one kind and place are the same for the same seed.

    Args:
        text: of a file.
        language: as editors call it.
        suffix: the file name's, with its dot.
        seed: decides where lines are cut.
    """
    spans = cutting_lines.spans(text)
    lines = [text[start:end] for start, end in spans]
    plain = "\n".join(lines)
    try:
        code = cutting_lines.code_lines(plain, language)
    except (SyntaxError, tokenize.TokenError):
        return Cut(text, (), ())
    if language != "python":
        code -= cutting_lines.remarks(plain, language)
    held = _Text(text, spans, lines, frozenset(code))
    functions = tuple(cutting_functions.find(plain, lines, language, suffix, held.code))
    moved = tuple(each.moved(held.start(each.first), held.end(each.last)) for each in functions)
    holes = [*_lines(held, seed), *_blocks(held)]
    holes += [Hole(Kind.FUNCTION, each.start, each.end, each.name) for each in moved]
    return Cut(text, tuple(hole for hole in holes if _tells(text, hole)), moved)


def _tells(text: str, hole: Hole) -> bool:
    truth = text[hole.start : hole.end]
    return len(truth) >= cutting_lines.SHORTEST and _WORD.search(truth) is not None


def _lines(held: _Text, seed: str) -> Iterator[Hole]:
    for at in sorted(held.code):
        line = held.lines[at].rstrip()
        if not cutting_lines.SHORTEST <= len(line.strip()) <= cutting_lines.LONGEST:
            continue
        yield Hole(Kind.LINE, held.start(at), held.end(at))
        dice = random.Random(f"{seed}:{at}")  # noqa: S311 - a sample, no secret
        column, first = cutting_lines.cut_column(line, whole=False, dice=dice)
        if not first and "\f" not in line:
            yield Hole(Kind.REST, held.spans[at][0] + column, held.end(at))


def _blocks(held: _Text) -> Iterator[Hole]:
    for at in sorted(held.code):
        if end := cutting_lines.body_end(held.lines, at, held.code):
            yield Hole(Kind.BLOCK, held.start(at), held.end(end))
