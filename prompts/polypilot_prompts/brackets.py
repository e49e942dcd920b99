"""Brackets of an answer against those that the document leaves open and closes.

A bracket that is open at the cursor is *closed below* if the text after the cursor closes it:
by a bracket of its kind that begins a line, with the indentation of the line that opened it,
and nothing between that is indented as little. An answer may close what nothing below closes,
and what is closed below only if it opens it again (``} else {``).

Brackets in strings and in lines of comment do not count. Where the kinds don't fit together
nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_prompts.context import indent_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_DEEP = 10_000
_OUTSIDE = re.compile(r"\s*(?:[)\]}]|#|(?:case|default|public|private|protected)\b|\w+:\s*\Z)")
"""Lines that may be indented less than what surrounds them: closing ones, directives, labels."""
_TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"'
    r"|`[^`\n]*`"
    r"|(?<![\w&<])'(?:\\.|[^'\\\n])*'"  # not an apostrophe, not a lifetime
    r"|^[ \t]*(?://|/\*|\*[ /]|--|;;|#[ #])[^\n]*"
    r"|(?<=[;,{}])[ \t]*(?://|[ \t]# )[^\n]*"
    r"|[()\[\]{}]",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Open:
    closer: str
    indent: int
    """Of the line on which its statement began."""

    def fits(self, close: _Close) -> bool:
        """Whether a closing bracket below is likely to be this one's."""
        inside = close.least > self.indent
        return inside and (self.closer, self.indent) == (close.closer, close.indent)


@dataclass(frozen=True, slots=True)
class _Close:
    closer: str
    indent: int
    """Of its line, which it begins."""
    least: int
    """Of the lines between it and the cursor: a bracket's inside is indented more."""


class Brackets:
    """What is open at the cursor, and which of it is closed below."""

    def __init__(self, prefix: str, suffix: str, *, whole: bool, tab_size: int) -> None:
        """With ``whole`` the suffix reaches to the document's end."""
        above, _, self._line_prefix = prefix.rpartition("\n")
        self._tab_size = tab_size
        self._above = self._opened(above.split("\n"))
        self._closers = list(self._closing(suffix))
        self._whole = whole

    def surplus(self, text: str) -> int:
        """Where the answer begins to close what is closed below; its length if nowhere."""
        spent = self._spend(text)
        if spent is None or not spent.owed or spent.local:
            return len(text)  # what the text leaves open may be what is closed below
        return spent.owed[0]

    def wants(self, text: str, line: str) -> bool:
        """Whether after ``text`` this line closes the bracket that nothing else closes."""
        bare = line.lstrip(" \t")
        if not bare.startswith(tuple(_CLOSERS.values())):
            return False
        spent = self._spend(text)
        if spent is None or spent.local or spent.level >= len(spent.closed):
            return False
        opened = spent.opened[spent.level]
        fits = opened.closer == bare[0] and opened.indent == indent_width(line, self._tab_size)
        return fits and not spent.closed[spent.level]

    def _opened(self, lines: list[str]) -> list[_Open]:
        """What these lines leave open, outermost first."""
        stack: list[_Open] = []
        for line in lines:
            self._through(stack, line, [char for _, char in brackets_in(line)])
        return stack

    def _through(self, stack: list[_Open], line: str, chars: list[str]) -> None:
        indent = indent_width(line, self._tab_size)
        for char in chars:
            if char in _CLOSERS:
                stack.append(_Open(_CLOSERS[char], indent))
            elif stack and stack[-1].closer == char:
                # What is opened behind it goes on with the statement that it closes.
                indent = stack.pop().indent
            else:
                stack.clear()

    def _closing(self, suffix: str) -> Iterator[_Close]:
        """The closing brackets whose opening ones stand before the suffix, in order."""
        local: list[str] = []
        least = _DEEP
        for line in suffix.split("\n"):
            indent = indent_width(line, self._tab_size)
            for at, char in brackets_in(line):
                if char in _CLOSERS:
                    local.append(_CLOSERS[char])
                elif local:
                    if local.pop() != char:
                        return
                elif line[:at].strip(" \t)]}"):
                    return  # in the middle of a line it says little
                else:
                    yield _Close(char, indent, least)
            if line.strip():
                least = least if _OUTSIDE.match(line) else min(least, indent)

    def _closed_below(self, opened: list[_Open]) -> list[bool]:
        """Which of the open brackets are closed below, innermost first, as far as it is known."""
        closed: list[bool] = []
        for number, close in enumerate(self._closers):
            at = len(closed)
            while at < len(opened) and not opened[at].fits(close):
                at += 1
            if at == len(opened):
                return closed
            # Of several that would fit, the outer ones are closed if there are too few closers.
            alike = _run(opened[at:], opened[at])
            at += max(0, alike - _run(self._closers[number:], close))
            closed += [False] * (at - len(closed)) + [True]
        return closed + [False] * (len(opened) - len(closed)) if self._whole else closed

    def _spend(self, text: str) -> _Spent | None:
        """Go through the text's brackets; None if they can't be told.

        The cursor's line is read as a whole: a string may begin before the cursor.
        """
        begun = len(self._line_prefix)
        found = list(brackets_in(self._line_prefix + text))
        stack = list(self._above)
        self._through(stack, self._line_prefix, [char for at, char in found if at < begun])
        stack.reverse()
        spent = _Spent(stack, self._closed_below(stack))
        for at, char in found:
            if at >= begun and not spent.take(at - begun, char):
                return None
        return spent


@dataclass(slots=True)
class _Spent:
    opened: list[_Open]
    closed: list[bool]
    local: list[str] = field(default_factory=list[str])
    """Closing brackets of what the text leaves open."""
    owed: list[int] = field(default_factory=list[int])
    """Where the text closes what is closed below and doesn't open it again."""
    level: int = 0
    """How many of the brackets around the cursor are closed."""

    def take(self, at: int, char: str) -> bool:
        """A bracket of the text; false if it doesn't fit."""
        if closer := _CLOSERS.get(char):
            self._open(closer)
            return True
        if self.local:
            return self.local.pop() == char
        if self.level >= len(self.closed) or self.opened[self.level].closer != char:
            return False
        if self.closed[self.level]:
            self.owed.append(at)
        self.level += 1
        return True

    def _open(self, closer: str) -> None:
        before = self.level - 1
        again = not self.local and self.owed and self.closed[before]
        if again and self.opened[before].closer == closer:
            self.owed.pop()
            self.level = before
        else:
            self.local.append(closer)


def _run(items: Sequence[object], item: object) -> int:
    """How many items at the beginning are this one."""
    count = 0
    while count < len(items) and items[count] == item:
        count += 1
    return count


def brackets_in(text: str) -> Iterator[tuple[int, str]]:
    """Where brackets are and which, but for those in strings and in lines of comment."""
    for match in _TOKEN.finditer(text):
        if len(match.group()) == 1:
            yield match.start(), match.group()
