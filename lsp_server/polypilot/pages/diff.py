"""What a text should have been and what it was, line by line."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

from polypilot.pages.markup import Markup, tag
from polypilot.pages.numbers import MINUS

if TYPE_CHECKING:
    from collections.abc import Iterator

Side = Literal[" ", "-", "+"]
_MOST_LINES = 400
"""Comparing takes time that grows with the square."""


def compared(old: str, new: str) -> Iterator[tuple[Side, str]]:
    """Lines of both, of ``old`` alone (``-``) and of ``new`` alone (``+``)."""
    before, after = (_lines(text) for text in (old, new))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for name, low, high, first, last in matcher.get_opcodes():
        if name == "equal":
            for line in before[low:high]:
                yield " ", line
        else:
            for line in before[low:high]:
                yield "-", line
            for line in after[first:last]:
                yield "+", line


def _lines(text: str) -> list[str]:
    return text.split("\n")[:_MOST_LINES] if text else []


_NAMES: dict[Side, tuple[str, str, str]] = {
    " ": ("same", " ", ""),
    "-": ("gone", MINUS, "expected: "),
    "+": ("came", "+", "answered: "),
}


def diff(old: str, new: str, before: str = "") -> Markup:
    """As colours with signs; what a sign means is also there for those who listen.

    ``before`` is context above, that both have.
    """
    lines = [_line(" ", line, "context") for line in (before.split("\n") if before else [])]
    lines += [_line(side, line) for side, line in compared(old, new)]
    return tag("div", tag("pre", *lines, class_="diff", tabindex="0"), class_="scroll")


def _line(side: Side, text: str, more: str = "") -> Markup:
    name, shown, heard = _NAMES[side]
    said = tag("span", heard, class_="heard") if heard else ""
    mark = tag("span", shown, class_="side", aria_hidden="true")
    return tag("span", mark, said, text or " ", "\n", class_=f"{name} {more}".strip())
