"""Fitting text into a token budget so that the head of the prompt stays the same.

Suppliers and local runtimes cache the work done for the head of a prompt, byte for byte.
A window that starts "N characters before the cursor" moves with every key and never hits;
so the prefix here starts at a line whose number is a multiple of a step, and moves on only
when the budget is exceeded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.context import CursorContext, Snippet

BYTES_PER_TOKEN = 3
"""Estimate for code in UTF-8; suppliers' own tokenizers make 3 to 4."""

_FRAME = 12
"""Tokens of what stands around another file in a prompt, at most."""
_LEAST_LINES = 8
"""Of a snippet that is cut: fewer are not worth their place."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_CHAR_STEP = 256
"""Step for cutting inside a line that is too long by itself, in characters."""


def estimate(text: str) -> int:
    """Tokens of ``text``, estimated at one per three UTF-8 bytes."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens a completion prompt may have, and who gets them.

    Shares are fractions of ``tokens``. What snippets and suffix leave unused goes to the
    prefix.
    """

    tokens: int = 8000
    suffix: float = 0.15
    snippets: float = 0.25
    step_lines: int = 64
    """The prefix starts at a line whose number is a multiple of this: each time that it moves, the
    whole prompt is read anew."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is left of a context after fitting."""

    prefix: str
    suffix: str
    snippets: tuple[Snippet, ...]


def fit(context: CursorContext, snippets: Sequence[Snippet], budget: Budget) -> Fitted:
    """Cut the context to the budget.

    Snippets are taken in the order given (best first), whole; the first that does not fit is cut
    behind as many lines as do and is the last one, or is left out if these are too few. They are
    returned sorted by path so that their order does not change with their ranking.
    """
    taken = _take(snippets, int(budget.tokens * budget.snippets))
    suffix = cut_suffix(context.suffix, int(budget.tokens * budget.suffix))
    used = estimate(suffix) + sum(_cost(snippet) for snippet in taken)
    # In rounded steps: a suffix that changes by a character must not move the prefix's start.
    room = (budget.tokens - used) // 64 * 64 or budget.tokens - used
    prefix = cut_prefix(context, room, step=budget.step_lines)
    return Fitted(prefix, suffix, tuple(sorted(taken, key=lambda s: (s.path, s.text))))


def _cost(snippet: Snippet) -> int:
    return estimate(snippet.path) + estimate(snippet.text) + _FRAME


def _take(snippets: Sequence[Snippet], room: int) -> list[Snippet]:
    taken: list[Snippet] = []
    for snippet in snippets:
        cost = _cost(snippet)
        if cost <= room:
            room -= cost
            taken.append(snippet)
        elif (cut := _cut(snippet, room)) is not None:
            return [*taken, cut]
    return taken


def _cut(snippet: Snippet, room: int) -> Snippet | None:
    """The snippet's first lines that fit; None if there are too few of them."""
    left = (room - estimate(snippet.path) - _FRAME) * BYTES_PER_TOKEN
    end = lines = 0
    for match in _LINE.finditer(snippet.text):
        left -= _size(match.group())
        if left < 0:
            break
        end, lines = match.end(), lines + 1
    return replace(snippet, text=snippet.text[:end]) if lines >= _LEAST_LINES else None


def cut_suffix(suffix: str, tokens: int) -> str:
    """The head of the suffix, whole lines of it, that fits in ``tokens``."""
    if estimate(suffix) <= tokens:
        return suffix
    end = 0
    room = tokens * BYTES_PER_TOKEN
    for match in _LINE.finditer(suffix):
        room -= _size(match.group())
        if room >= 0:
            end = match.end()
    return suffix[:end] if end else _head(suffix, tokens)


def cut_prefix(context: CursorContext, tokens: int, *, step: int = 16) -> str:
    """The tail of the prefix that fits in ``tokens`` and starts where it started before.

    It starts at the first line that fits and whose number in the document is a multiple of
    ``step``, of a smaller step if that would waste a quarter of it, and inside the current line
    (at a multiple of 256 characters) only if that line alone is too long.
    """
    prefix = context.prefix
    lines = [match.group() for match in _LINE.finditer(prefix)]
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    first = 0 if context.line is None else context.line - (len(lines) - 1)
    whole = first <= 0 and not _starts_inside_line(context, lines)
    if whole and estimate(prefix) <= tokens:
        return prefix
    fitting = _first_fitting(lines, tokens * BYTES_PER_TOKEN)
    if not whole:  # the window's first line may be half a line
        fitting = max(fitting, 1)
    last = len(lines) - 1
    if fitting > last:
        return _tail_of_line(context, lines[-1], tokens)
    while step > 1:
        start = fitting + -(first + fitting) % step
        if start - fitting <= (last - fitting) // 4:  # not at the price of much of the text
            return "".join(lines[start:])
        step //= 2
    return "".join(lines[fitting:])


def _starts_inside_line(context: CursorContext, lines: list[str]) -> bool:
    return len(lines) == 1 and context.column is not None and context.column > len(lines[0])


def _first_fitting(lines: list[str], room: int) -> int:
    """Index of the first line from which everything to the end fits in ``room`` bytes."""
    for index in range(len(lines) - 1, -1, -1):
        room -= _size(lines[index])
        if room < 0:
            return index + 1
    return 0


def _tail_of_line(context: CursorContext, line: str, tokens: int) -> str:
    """The end of one long line, cut at a multiple of 256 characters from its true start."""
    hidden = max(0, (context.column or 0) - len(line))
    tail = _tail(line, tokens)
    start = len(line) - len(tail)
    if start == 0:
        return line
    aligned = start + -(hidden + start) % _CHAR_STEP
    return line[aligned:] if aligned < len(line) else tail


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _head(text: str, tokens: int) -> str:
    room = max(0, tokens * BYTES_PER_TOKEN)
    head = text[:room]
    while (excess := _size(head) - room) > 0:  # a character has at most four bytes
        head = head[: len(head) + -excess // 4]
    return head


def _tail(text: str, tokens: int) -> str:
    return _head(text[::-1], tokens)[::-1]
