"""Lines of code: which they are, where bodies end, where a line may be cut.

Lines are counted from 0 and end at line feeds, carriage returns or both, not at the other
characters that Python would split at (form feeds, say).
"""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

from polypilot_prompts.context import indent_width as width
from polypilot_prompts.context import opens_block
from polypilot_prompts.syntax_grammars import parser_for

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator, Sequence

    from tree_sitter import Node

SHORTEST = 4
"""Characters of the shortest truth: closing brackets are nobody's achievement."""
LONGEST = 100
BODY = (2, 8)
"""Lines of a block, at least and at most."""
_WORDS = re.compile(r"\w+|[^\w\s]+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BLANK = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
})  # fmt: skip
_REMARKS = {
    "lua": "--", "sql": "--", "haskell": "--", "ruby": "=", "php": "#", "vim": '"',
}  # fmt: skip
"""How comments begin besides ``#``, ``//`` and ``/*``."""
_STRINGS = ("string", "comment", "heredoc", "raw_text")
_OPEN, _CLOSE = "/*", "*/"


def spans(text: str) -> list[tuple[int, int]]:
    """Where each line begins, and where it ends without its break."""
    found = [(each.start(), each.end()) for each in _LINE.finditer(text)]
    if len(found) > 1 and found[-1][0] == found[-1][1] and text[-1:] not in {"\n", "\r"}:
        found.pop()  # the empty match behind a last line without a break
    return [(start, start + len(text[start:end].rstrip("\r\n"))) for start, end in found]


def code_lines(text: str, language: str) -> set[int]:
    """Numbers of the lines that are code: no blank, no comment, no inside of a long string.

    Raises:
        SyntaxError, tokenize.TokenError: it is no Python.
    """
    if language != "python":
        return {
            at
            for at, line in enumerate(text.split("\n"))
            if line.strip() and line.strip()[0] not in "#*/"
        }
    code: set[int] = set()
    inside: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and token.start[0] != token.end[0]:
            inside.update(range(token.start[0] - 1, token.end[0]))
        elif token.type == tokenize.STRING and not token.line[: token.start[1]].strip():
            inside.add(token.start[0] - 1)  # a docstring of one line
        elif token.type not in _BLANK:
            code.add(token.start[0] - 1)
    return code - inside


def remarks(text: str, language: str) -> set[int]:
    """Numbers of the lines that are in comments or strings of several lines, if told easily.

    By the language's grammar where one is installed, else by how comments begin and end.
    """
    lines = text.split("\n")
    parser = parser_for(language)
    if parser is not None:
        return set(_textual(parser.parse(text.encode("utf-8", "replace")).root_node, lines))
    found: set[int] = set()
    mark = _REMARKS.get(language, "#")
    inside = False
    for at, line in enumerate(lines):
        code = line.strip()
        if inside or code.startswith(("//", _OPEN, mark)):
            found.add(at)
        if _OPEN in code and code.rfind(_OPEN) > code.rfind(_CLOSE):
            inside = code.startswith(_OPEN) or not inside
        elif _CLOSE in code:
            inside = False
    return found


def _textual(root: Node, lines: Sequence[str]) -> Iterator[int]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if any(word in node.type for word in _STRINGS):
            (first, column), (last, _) = node.start_point, node.end_point
            alone = not lines[first].encode("utf-8", "replace")[:column].strip()
            if first != last or ("comment" in node.type and alone):
                yield from range(first, last + 1)
        else:
            waiting += node.children


def body_end(lines: Sequence[str], at: int, code: Collection[int]) -> int:
    """The last line of the body that begins at ``at``; 0 if none begins there, or no fit one."""
    if not at or not opens_block(lines[at - 1]) or at - 1 not in code:
        return 0
    end = indented_end(lines, at)
    return end if BODY[0] <= end - at + 1 <= BODY[1] else 0


def indented_end(lines: Sequence[str], at: int) -> int:
    """The last line of what is indented like line ``at`` or more, -1 if the line above it is too.

    -1 stands for no body, so that no count of lines fits.
    """
    depth = width(lines[at])
    if depth <= width(lines[at - 1]):
        return -1
    end = at
    for number in range(at, len(lines)):
        if lines[number].strip():
            if width(lines[number]) < depth:
                break
            end = number
    return end


def cut_column(line: str, *, whole: bool, dice: random.Random) -> tuple[int, bool]:
    """Where a line without blanks at its end is cut, and whether that is where it begins."""
    starts = [match.start() for match in _WORDS.finditer(line)]
    later = [place for place in starts[1:] if len(line) - place >= SHORTEST]
    cut = starts[0] if whole or not later else dice.choice(later)
    return cut, cut == starts[0]
