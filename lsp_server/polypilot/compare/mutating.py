"""Breaks code on purpose: one comparison, operator, constant or returned value is another.

By the text, so that it does for every language: makes the tasks to mend a function, which are
kept only if the tests fail by the fault. To see what written tests notice, where nothing sifts
the faults, :mod:`polypilot.compare.mutants` goes by Python's syntax tree.
"""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.compare.cutting_lines import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHER = {
    "==": "!=", "!=": "==", "<=": ">", ">": "<=", "<": ">=", ">=": "<", "+": "-", "-": "+",
    "*": "+", "and": "or", "or": "and", "&&": "||", "||": "&&", "True": "False", "False": "True",
    "true": "false", "false": "true", "is": "is not", "in": "not in", "===": "!==", "!==": "===",
}  # fmt: skip
_PLACES = re.compile(
    r"(?<=\s)(?:===|!==|==|!=|<=|>=|<|>|\+|-|\*|&&|\|\||and|or|is|in)(?=\s)"
    r"|\b(?:True|False|true|false)\b|(?<![\w.\"'])\d{1,9}(?![\w.\"'])"
)
_NOT = re.compile(r"(?<=\bif )not |(?<=\breturn )not |(?<=\bwhile )not |(?<=\()!(?=\w)")
_RETURN = re.compile(r"(?m)^[ \t]*return (?P<value>[^\r\n]+?)[ \t]*$")
_LITERAL = re.compile(
    r"//[^\r\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\r\n])*\"|'(?:\\.|[^'\\\r\n])*'|`(?:\\.|[^`\\])*`",
    re.DOTALL,
)
_LOOPS = re.compile(r"\bfor\b[^\r\n]*$")


@dataclass(frozen=True, slots=True)
class Broken:
    """A text with one thing changed, at ``start``."""

    text: str = field(repr=False)
    start: int
    kind: str
    """``operator``, ``constant``, ``negation`` or ``return``."""


def broken(text: str, start: int, end: int, language: str, seed: str) -> list[Broken]:
    """Every way to break the code in a range, in a seeded order; of Python those that parse.

    Args:
        text: of the whole file.
        start: code points.
        end: likewise.
        language: as editors call it.
        seed: decides the order.
    """
    held = _literals(text, language)
    found = [
        Broken(text[:low] + put + text[high:], low, kind)
        for low, high, put, kind in _changes(text, start, end, language)
        if not any(first < high and low < last for first, last in held)
    ]
    random.Random(seed).shuffle(found)  # noqa: S311 - a sample, no secret
    return [each for each in found if language != "python" or _parses(each.text)]


def _changes(text: str, start: int, end: int, language: str) -> Iterator[tuple[int, int, str, str]]:
    for match in _PLACES.finditer(text, start, end):
        was = match[0]
        if was.isdigit():
            yield match.start(), match.end(), str(int(was) + 1), "constant"
        elif was != "in" or not _LOOPS.search(text[max(0, match.start() - 200) : match.start()]):
            kind = "constant" if was.lower() in {"true", "false"} else "operator"
            yield match.start(), match.end(), _OTHER[was], kind
    for match in _NOT.finditer(text, start, end):
        yield match.start(), match.end(), "", "negation"
    for match in _RETURN.finditer(text, start, end) if language == "python" else ():
        if match["value"] != "None":
            yield match.start("value"), match.end("value"), "None", "return"


def _literals(text: str, language: str) -> list[tuple[int, int]]:
    """Where strings and comments are."""
    if language != "python":
        return [match.span() for match in _LITERAL.finditer(text)]
    rows = spans(text)
    plain = "\n".join(text[first:last] for first, last in rows)
    found: list[tuple[int, int]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(plain).readline):
            if token.type in {tokenize.STRING, tokenize.COMMENT}:
                (line, column), (below, until) = token.start, token.end
                found.append((rows[line - 1][0] + column, rows[below - 1][0] + until))
    except (SyntaxError, tokenize.TokenError):
        return [(0, len(text))]
    return found


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own code
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
