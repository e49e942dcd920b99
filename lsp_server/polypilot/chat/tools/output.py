"""What a tool answers: bounded in tokens, lines with their numbers, and what was left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.budget import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LINE_CHARS = 1_000
"""Of one line that are shown."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class Room:
    """The tokens that are left."""

    def __init__(self, tokens: int) -> None:
        self._left = tokens

    def takes(self, text: str) -> bool:
        """Whether ``text``, a line without its break, still fits; then it is counted."""
        need = estimate(text) + 1
        if need > self._left:
            self._left = 0
            return False
        self._left -= need
        return True


def lines_of(text: str) -> list[str]:
    """Lines without their breaks, as LSP counts them: only CR, LF and CRLF end one."""
    return [line.rstrip("\r\n") for line in _LINE.findall(text)]


def short(line: str) -> str:
    """A line, cut if it is very long."""
    if len(line) <= LINE_CHARS:
        return line
    return f"{line[:LINE_CHARS]}… ({len(line) - LINE_CHARS:,} more characters)"


def numbered(lines: Sequence[str], first: int, last: int, room: Room) -> tuple[str, int]:
    """Lines ``first`` to ``last`` (1-based) with their numbers, and the last one that fitted."""
    made: list[str] = []
    for number in range(first, min(last, len(lines)) + 1):
        line = f"{number}\t{short(lines[number - 1])}"
        if not room.takes(line):
            return "".join(made), number - 1
        made.append(line + "\n")
    return "".join(made), first + len(made) - 1


def listed(names: Sequence[str], room: Room) -> tuple[str, int]:
    """The names that fit, one a line, and how many."""
    made: list[str] = []
    for name in names:
        if not room.takes(name):
            break
        made.append(name + "\n")
    return "".join(made), len(made)


def counted(number: int, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def windows(hits: Iterable[int], around: int, total: int) -> list[tuple[int, int]]:
    """Ranges of lines (1-based, inclusive) with ``around`` more on each side, joined."""
    made: list[tuple[int, int]] = []
    for hit in sorted(hits):
        low, high = max(1, hit - around), min(total, hit + around)
        if made and low <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(high, made[-1][1]))
        else:
            made.append((low, high))
    return made
