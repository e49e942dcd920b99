"""Lines of an answer that stand in the document already, before or after the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.context import opens_block
from polypilot_prompts.overlap import has_words
from polypilot_prompts.repetition import is_data

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEAR_LINES = 3
_NEAR_SHORTEST = 12
_NEAR_LONGEST = 300
_NEAR_SHARE = 0.05
_LAYOUT = re.compile(r"[\s,;]+")
_RESTATED_LINES = 3
_RESTATED_CHARS = 40
_SAID_ONCE = re.compile(r"\s*(?:import|from|export|package|use|using|#include|return|def|class)\b")


def distance(one: str, other: str, most: int) -> int:
    """Levenshtein's distance; ``most + 1`` as soon as it is more than ``most``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before = list(range(len(other) + 1))
    for row, char in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            change = before[column - 1] + (char != against)
            current.append(min(change, before[column] + 1, current[-1] + 1))
        if min(current) > most:
            return most + 1
        before = current
    return min(before[-1], most + 1)


def near(one: str, other: str) -> bool:
    """Whether two texts say the same in a slightly different layout.

    They differ in commas, semicolons and blanks alone, and by five percent at most.
    Words, numbers and operators have to agree: rows of a table differ in one of them, and each
    is wanted.
    """
    if not _NEAR_SHORTEST <= len(one.strip()) <= _NEAR_LONGEST * _NEAR_LINES:
        return False
    if not has_words(one) or is_data(one) or _LAYOUT.sub("", one) != _LAYOUT.sub("", other):
        return False
    if _indent(one) != _indent(other):
        return False
    most = max(1, int(len(other) * _NEAR_SHARE))
    return distance(one, other, most) <= most


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t"))]


def said_below(lines: Sequence[str], following: Sequence[str]) -> int:
    """How many of the last lines say what the document's following lines say; 0 if none do."""
    for count in range(min(_NEAR_LINES, len(lines), len(following)), 0, -1):
        if near("\n".join(lines[-count:]), "\n".join(following[:count])):
            return count
    return 0


class Restated:
    """Whether an answer begins by saying again what stands right before the cursor.

    That is one line which is said once in any file, or begins a block, or three lines.
    Equal lines of other kinds follow one another in good code.
    """

    def __init__(self, prefix: str) -> None:
        *lines, current = prefix.split("\n")
        before = [line.rstrip() for line in lines if line.strip()]
        self._before = before[-_RESTATED_LINES:] if not current.strip() else []
        self._current = current

    def by(self, lines: Sequence[str]) -> bool:
        """Whether these first lines are said again."""
        said = self._said(lines)
        if not said or not self._before:
            return False
        above = self._before[-1]
        once = opens_block(above) or _SAID_ONCE.match(above) is not None
        if said[0] == above and has_words(above) and once:
            return True
        if said != self._before or len(said) < _RESTATED_LINES:
            return False
        chars = sum(len(line.strip()) for line in said)
        return chars >= _RESTATED_CHARS and sum(map(has_words, set(said))) == _RESTATED_LINES

    def may(self, lines: Sequence[str]) -> bool:
        """Whether with further lines it may be so."""
        said = self._said(lines)
        return bool(said) and len(said) < _RESTATED_LINES and said == self._before[: len(said)]

    def _said(self, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        full = [self._current + lines[0], *lines[1 : 2 * _RESTATED_LINES]]
        return [line.rstrip() for line in full if line.strip()][:_RESTATED_LINES]
