"""Holes behind lines that open a block, and where the block truly ends. Part of ``syntax.py``.

Told by ``ast`` for Python and elsewhere by Pygments' tokens, whose brackets are matched: the
grammar that is judged is no judge of itself.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygments.lexers
from pygments.token import Comment, Literal, Operator, Punctuation

from polypilot_prompts.context import opens_block

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pygments.lexer import Lexer

SUFFIXES = {
    "c": ".c", "cpp": ".cpp", "csharp": ".cs", "go": ".go", "java": ".java",
    "javascript": ".js", "php": ".php", "python": ".py", "rust": ".rs", "typescript": ".ts",
}  # fmt: skip
LONGEST = 50
FURTHER = (".", "?", "|", "&", "+", "else", "catch", "finally", "while", "where")


@dataclass
class Hole:
    """``ends``: the 1-based lines at whose end a cut is right."""

    line: int
    ends: set[int]
    case: bool = False


@dataclass
class Row:
    """A line without comments and literals; depths of brackets are counted from its start."""

    code: str = ""
    lowest: int = 0
    after: int = 0

    @property
    def label(self) -> bool:
        """Whether it is a case of a switch."""
        return self.code.lstrip().startswith(("case", "default"))

    def add(self, piece: str, *, brackets: bool) -> None:
        """Append a token's text."""
        self.code += piece
        for char in piece if brackets else "":
            self.after += (char in "([{") - (char in ")]}")
            self.lowest = min(self.lowest, self.after)

    def move(self, depth: int) -> None:
        """Count from the document's start: ``depth`` brackets are open before the line."""
        self.lowest += depth
        self.after += depth


def python_holes(source: str) -> Iterator[Hole]:
    """By ``ast``: the statement, handler or case that begins on the line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield Hole(handler.lineno, {_last_line(handler), _last_line(node)})
        elif isinstance(node, ast.match_case):
            yield Hole(node.pattern.lineno, {_last_line(node.body[-1])}, case=True)
        elif isinstance(node, ast.stmt):
            ends = {_last_line(node)}
            if isinstance(node, ast.If):
                ends.add(_last_line(node.body[-1]))
            yield Hole(node.lineno, ends)


def _last_line(node: ast.stmt | ast.ExceptHandler) -> int:
    return node.end_lineno or node.lineno


def bracket_holes(source: str, language: str) -> Iterator[Hole]:
    """By matched brackets: the first line at whose end no bracket opened on the line is open."""
    lines = source.split("\n")
    rows = [Row() for _ in lines]
    for at, row in enumerate(_tokens_by_row(source, language)):
        rows[at] = row
    for at in range(1, len(rows)):
        rows[at].move(rows[at - 1].after)
    for at, row in enumerate(rows):
        if not opens_block(row.code) or row.code.rstrip()[-1] != lines[at].rstrip()[-1]:
            continue
        if row.label:
            yield Hole(at + 1, {_with_text(lines, _case_end(at, rows))}, case=True)
        elif row.after > row.lowest:
            yield Hole(at + 1, set(_closings(at, row.lowest, rows)))


def _tokens_by_row(source: str, language: str) -> list[Row]:
    """Each line's code and brackets, those in comments and literals left out."""
    rows = [Row()]
    lexer: Lexer = pygments.lexers.get_lexer_by_name(language, stripnl=False)  # pyright: ignore[reportUnknownMemberType]  untyped there
    for kind, value in lexer.get_tokens(source):
        pieces = value.split("\n")
        for at, piece in enumerate(pieces):
            if at:
                rows.append(Row())
            if kind not in Comment and kind not in Literal:
                rows[-1].add(piece, brackets=kind in Punctuation or kind in Operator)
    return rows[: source.count("\n") + 1]


def _case_end(at: int, rows: list[Row]) -> int:
    for below in range(at + 1, len(rows)):
        same = rows[below].label and rows[below].after == rows[at].after
        if same or rows[below].after < rows[at].after:
            return below
    return len(rows)


def _with_text(lines: list[str], end: int) -> int:
    """The last line before ``end`` that is neither blank nor a comment; ``end`` is 0-based."""
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("//")):
        end -= 1
    return end


def _closings(at: int, base: int, rows: list[Row]) -> Iterator[int]:
    while True:
        below = range(at + 1, len(rows))
        at = next((each for each in below if rows[each].after <= base), len(rows))
        yield at + 1
        below = range(at + 1, len(rows))
        further = next((each for each in below if rows[each].code.strip()), 0)
        if not further or not rows[further].code.lstrip().startswith(FURTHER):
            return
        at = further - 1 if rows[further].after <= base else further


def holes_of(source: str, language: str) -> list[Hole]:
    lines = source.split("\n")
    found = python_holes(source) if language == "python" else bracket_holes(source, language)
    return [
        hole
        for hole in found
        if opens_block(lines[hole.line - 1])
        and hole.line < max(hole.ends) < len(lines) - 3
        and max(hole.ends) - hole.line <= LONGEST
    ]


def sources(folder: Path, language: str) -> Iterator[str]:
    found = [path for path in folder.rglob("*" + SUFFIXES[language]) if path.is_file()]
    paths = sorted(path for path in found if ".min." not in path.name)
    random.Random(4).shuffle(paths)
    for path in paths:
        try:
            text = path.read_text("utf-8").replace("\r\n", "\n")
            if language == "python":
                ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue
        if len(text) < 200_000:  # generated tables
            yield text


def is_right(text: str, lines: list[str], hole: Hole) -> bool:
    """Whether the text ends with the block; comments and blank lines behind it do not count."""
    last = hole.line + text.rstrip().count("\n")
    if text.rstrip() != ("\n" + "\n".join(lines[hole.line : last])).rstrip():
        return False
    while last > hole.line and lines[last - 1].strip().startswith(("#", "//")):
        last -= 1
    return last in hole.ends or last in {_with_text(lines, end) for end in hole.ends}
