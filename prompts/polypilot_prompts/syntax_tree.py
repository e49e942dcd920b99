r"""A window of a document around the cursor, parsed: where to begin, how offsets translate.

The tree counts UTF-8 bytes, everything else here code points. ``\n`` and ``\r\n`` are line
breaks to the grammars; a lone ``\r`` is made one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.context import indent_width
from polypilot_prompts.syntax_grammars import grammar_name, parser_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree

_BEFORE = 4000
_TEXT = 8000
_LONE_RETURN = re.compile(r"\r(?!\n)")
_GOES_ON = re.compile(
    r"\s*(?:[)\]}{.|&]|(?:case|catch|default|elif|else|elsif|ensure|except|finally|in|rescue|when"
    r"|where)\b)"
)
"""A line that belongs to one further up although it is not indented more."""
_NO_CODE = re.compile(r"\s*(?:$|//|/\*|\*|#(?!.*\{$))")
"""Blank, a comment or for a preprocessor: its indentation says nothing."""
_OPENS = re.compile(
    r".*(?:[{(\[:,\\|&=+\-*/<>.?]|\b(?:and|do|else|in|not|or|then))[ \t]*(?:(?:#|//|/\*).*)?\r?$"
)
"""A line whose indented lines below are its own: not a line of a string at the margin."""
_OPENED_BY_WORDS = frozenset({"ruby", "shellscript"})
"""Languages in which any line may open a block."""
_STRINGS = ("string", "heredoc")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree and the bytes it is of."""

    tree: Tree
    data: bytes
    row: int
    """Byte at which the cursor's line begins."""
    cursor: int
    """Byte behind the cursor."""

    def path(self) -> Iterator[Node]:
        """The nodes around the last character before the cursor that is not blank.

        From the root's child inwards: asking a node for its parent would search from the root
        each time.
        """
        anchor = len(self.data[: self.cursor].rstrip()) - 1
        walk = self.tree.walk()
        while anchor >= 0 and walk.goto_first_child_for_byte(anchor) is not None:
            node = walk.node
            if node is None or node.start_byte > anchor:
                return
            yield node

    def in_text(self) -> bool:
        """Whether the cursor is in a comment, or in a string that began on a line before.

        There nothing is code; or the window began in a string and everything is inside out.
        """
        for node in self.path():
            if node.end_byte <= self.cursor:
                return False
            string = node.start_byte < self.row and any(word in node.type for word in _STRINGS)
            if string or "comment" in node.type:
                return True
        return False

    def leaves(self) -> Iterator[Node]:
        """The tokens from the cursor's line on, in order."""
        walk = self.tree.walk()
        while True:
            node = walk.node
            inside = node is not None and node.end_byte > self.row
            if inside and walk.goto_first_child():
                continue
            if inside and node is not None:
                yield node
            while not walk.goto_next_sibling():
                if not walk.goto_parent():
                    return


def parse(language: str, prefix: str, text: str) -> Parsed | None:
    """The tree of ``text`` behind what of ``prefix`` is around it, or None without a grammar."""
    parser = parser_for(language)
    if parser is None:
        return None
    window = _window(prefix)
    before = window[_begin(language, window) :]
    joined = _LONE_RETURN.sub("\n", before + text[:_TEXT])
    before = joined[: len(before)]
    data = _bytes(joined)
    row = len(_bytes(before[: before.rfind("\n") + 1]))
    return Parsed(parser.parse(data), data, row, len(_bytes(before)))


def _bytes(text: str) -> bytes:
    """UTF-8; half a surrogate pair becomes one character, as it is one code point."""
    return text.encode("utf-8", "replace")


def _window(prefix: str) -> str:
    """The last lines; a long prefix may be a window itself, whose first line is half a line."""
    kept = _LONE_RETURN.sub("\n", prefix[-_BEFORE:])
    return kept if len(kept) < _BEFORE // 2 else kept[kept.find("\n") + 1 :]


def _begin(language: str, window: str) -> int:
    """Where the outermost line around the cursor's line begins.

    Found by indentation alone: a window that begins anywhere else may begin in a string or a
    comment, and then its strings are code and its code strings.
    """
    lines = window.split("\n")
    begin = len(window) - len(lines[-1])
    at = begin
    need = indent_width(lines[-1])
    goes_on = _GOES_ON.match(lines[-1]) is not None
    by_words = grammar_name(language) in _OPENED_BY_WORDS
    for line in reversed(lines[:-1]):
        at -= len(line) + 1
        if _NO_CODE.match(line):
            continue
        width = indent_width(line)
        around = width < need and (by_words or _OPENS.match(line) is not None)
        if around or (goes_on and width == need):
            begin, need, goes_on = at, width, _GOES_ON.match(line) is not None
        if need == 0 and not goes_on:
            break
    return begin
