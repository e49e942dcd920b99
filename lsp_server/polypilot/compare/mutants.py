"""Small faults put into a Python function, to see whether tests notice them.

By the syntax tree, as the share of faults that a written test notices is a figure of the report:
each must be a real one, and a function without blanks around its operators, or with nothing but
conditions, must have some as well. :mod:`polypilot.compare.mutating` breaks code of every
language by its text alone, for tasks: there each fault is tried with the tests before it is used,
so that one that changes nothing does no harm.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", ">="), ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="), ast.GtE: (">=", "<"), ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"), ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
}  # fmt: skip
_RECKONED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"), ast.Sub: ("-", "+"), ast.Mult: (r"\*", "+"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "+"), ast.Pow: (r"\*\*", "*"),
}  # fmt: skip
_JOINED: dict[type[ast.boolop], tuple[str, str]] = {
    ast.And: (r"\band\b", "or"),
    ast.Or: (r"\bor\b", "and"),
}
_Edit = tuple[int, int, str]
"""Bytes from, to, and what stands there instead."""


def mutants(source: str, seed: int, most: int) -> list[str]:
    """At most ``most`` broken variants of a function, each with one fault, in a seeded order.

    A fault is: a comparison turned round, a number one larger, ``None`` returned, a condition
    or a truth value negated, ``and`` for ``or``, another arithmetic operator. Each variant is
    valid Python, differs in its syntax tree, and from the others. Some may still do the same as
    the original, as nobody can tell in general.

    Args:
        source: the function's text, indented as it may be in a class; decorators included.
        seed: the same seed gives the same variants.
        most: 0 or more.

    Returns none if the source is not valid Python.
    """
    before = b"if 1:\n" if source[:1] in {" ", "\t"} else b""
    try:
        whole = before + source.encode()
        tree = _parsed(whole.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own = len(before)  # the line above is not the function's
    edits = sorted({each for each in _edits(tree, _Text(whole)) if each[0] >= own})
    random.Random(seed).shuffle(edits)  # noqa: S311  (a sample, no secret)
    same = {ast.dump(tree)}
    found: list[str] = []
    for start, end, put in edits:
        if len(found) >= most:
            break
        text = (whole[:start] + put.encode() + whole[end:]).decode()
        if (dump := _dump(text)) and dump not in same:
            same.add(dump)
            found.append(text[own:])
    return found


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own code
        return ast.parse(text)


def _dump(text: str) -> str:
    try:
        return ast.dump(_parsed(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


class _Text:
    """A source by lines and columns in bytes, as syntax trees count."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        self._starts = [0]
        for line in whole.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node is."""
        last, column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[last - 1] + column

    def between(self, left: ast.expr, right: ast.expr, pattern: str, put: str) -> Iterator[_Edit]:
        """The operator between two nodes, exchanged."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.whole[start:end].decode()
        found = re.search(pattern, gap)
        if found and "#" not in gap:
            yield start + found.start(), start + found.end(), put


def _edits(tree: ast.AST, text: _Text) -> Iterator[_Edit]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr):  # places inside are wrong before Python 3.12
            continue
        yield from _edits_of(node, text)
        yield from _edits(node, text)


def _edits_of(node: ast.AST, text: _Text) -> Iterator[_Edit]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            for at, kind in enumerate(ops):
                yield from text.between(sides[at], sides[at + 1], *_COMPARED[type(kind)])
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _RECKONED:
            yield from text.between(left, right, *_RECKONED[type(kind)])
        case ast.BoolOp(op=kind, values=values):
            for left, right in pairwise(values):
                yield from text.between(left, right, *_JOINED[type(kind)])
        case ast.Return(value=ast.expr() as value):
            yield *text.span(value), "None"
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            start, end = text.span(test)
            yield start, end, f"(not ({text.whole[start:end].decode()}))"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            start, _ = text.span(node)
            yield start, text.span(operand)[0], ""
        case ast.Constant(value=value):
            yield from _constant(node, value, text)
        case _:
            return


def _constant(node: ast.Constant, value: object, text: _Text) -> Iterator[_Edit]:
    if isinstance(value, bool):
        yield *text.span(node), str(not value)
    elif isinstance(value, int):
        yield *text.span(node), str(value + 1)
