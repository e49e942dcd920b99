"""Functions and their bodies: by ``ast``, by an installed grammar, or by indentation."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.compare.cutting_lines import indented_end
from polypilot.workspace.index.definition_patterns import PATTERNS, family
from polypilot_prompts.context import opens_block
from polypilot_prompts.syntax_grammars import parser_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tree_sitter import Node

LONGEST = 40
"""Lines of the longest body."""
_SHORTEST = 30
"""Characters of the shortest."""
_WORDS = ("function", "method", "constructor")
_NODES = frozenset({"singleton_method", "arrow_function", "func_literal"})
_LEAVES = 200_000
"""Nodes of a tree that are looked at."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: lines are counted from 0, positions are code points."""

    name: str
    head: int
    """Its first line, decorators included."""
    first: int
    """The first line of its body; a docstring is none of it."""
    last: int
    owner: str = ""
    """The class that it is a method of."""
    inner: bool = False
    """Whether it is defined in another function, where no test can call it."""
    start: int = 0
    """Where the body begins in the text, behind its indentation."""
    end: int = 0

    def moved(self, start: int, end: int) -> Function:
        """With its place in the text."""
        return replace(self, start=start, end=end)


def find(
    text: str, lines: Sequence[str], language: str, suffix: str, code: Collection[int]
) -> Iterator[Function]:
    r"""The functions whose bodies can be cut out, in order.

    Args:
        text: with ``\n`` for every line break.
        lines: the same, without breaks.
        language: as editors call it.
        suffix: of the file's name.
        code: numbers of the lines that are code.
    """
    if language == "python":
        found = list(_python(text))
    elif (parser := parser_for(language)) is not None:
        found = list(_by_grammar(parser.parse(text.encode("utf-8", "replace")).root_node, lines))
    else:
        found = list(_by_indentation(lines, suffix, code))
    for each in sorted(found, key=lambda function: (function.first, function.last)):
        body = "".join(line.strip() for line in lines[each.first : each.last + 1])
        if each.last - each.first < LONGEST and len(body) >= _SHORTEST:
            yield each


# -- Python -------------------------------------------------------------------------------------


def _python(text: str) -> Iterator[Function]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own strings and comparisons
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
    waiting: list[tuple[ast.AST, str, bool]] = [(tree, "", False)]
    while waiting:
        node, owner, inner = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _python_function(node, owner, inner=inner)
            owner, inner = "", True
        elif isinstance(node, ast.ClassDef):
            owner = node.name
        waiting += [(child, owner, inner) for child in ast.iter_child_nodes(node)]


def _python_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str, *, inner: bool
) -> Iterator[Function]:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body or all(_is_stub(each) for each in body):
        return
    before = node.body[0].end_lineno if body is not node.body else _head_end(node)
    first = _line(body[0])
    if first <= (before or 0):  # on the line of its head, or of its docstring
        return
    last = body[-1].end_lineno or first
    yield Function(node.name, _line(node) - 1, first - 1, last - 1, owner, inner)


def _head_end(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A line of the head that can't be the body's: where its last argument ends."""
    parts = [each for each in ast.walk(node.args) if isinstance(each, ast.expr | ast.arg)]
    if node.returns is not None:
        parts.append(node.returns)
    return max([node.lineno, *(each.end_lineno or 0 for each in parts)])


def _line(node: ast.stmt) -> int:
    """Where it begins, decorators included."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return node.lineno


def _is_stub(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        return "NotImplemented" in ast.dump(node)
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


# -- others -------------------------------------------------------------------------------------


def _by_grammar(root: Node, lines: Sequence[str]) -> Iterator[Function]:
    waiting = [root]
    seen = 0
    while waiting and seen < _LEAVES:
        node = waiting.pop()
        seen += 1
        body = node.child_by_field_name("body")
        named = any(word in node.type for word in _WORDS) or node.type in _NODES
        if node.is_named and named and body is not None and not node.has_error:
            name = node.child_by_field_name("name")
            label = (name.text or b"").decode("utf-8", "replace") if name is not None else ""
            function = _inner(label, node, body, lines)
            if function is not None:
                yield function
        waiting += node.children


def _inner(name: str, node: Node, body: Node, lines: Sequence[str]) -> Function | None:
    """The lines between a body's braces; None if it has no lines of its own."""
    first, last = body.start_point[0], body.end_point[0]
    opened = body.children[0].type if body.children else ""
    if opened in {"{", "do"}:
        if lines[last].strip() != "" and not lines[last].lstrip().startswith(("}", "end")):
            return None
        if lines[first].rstrip()[-1:] != "{" and opened == "{":
            return None
        first, last = first + 1, last - 1
    elif first == node.start_point[0]:
        return None
    while first <= last and not lines[first].strip():
        first += 1
    while first <= last and not lines[last].strip():
        last -= 1
    return Function(name, node.start_point[0], first, last) if first <= last else None


def _by_indentation(lines: Sequence[str], suffix: str, code: Collection[int]) -> Iterator[Function]:
    pattern = PATTERNS.get(family(suffix))
    for at in sorted(code) if pattern else ():
        match = pattern.match(lines[at]) if pattern else None
        kind = match.lastgroup if match else None
        if match is None or kind is None or not kind.startswith(("function", "method")):
            continue
        below = at + 1
        if not opens_block(lines[at]) and family(suffix) not in {"lua", "ruby"}:
            continue
        if below in code and (end := indented_end(lines, below)) > 0:
            yield Function(match[kind], at, below, end)
