r"""Comparing a completion with the text that already stands around the cursor.

All texts here have ``\n`` as their line break.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSE = {close: opening for opening, close in _OPEN.items()}
_QUOTES = frozenset("'\"`")
_REPEATED_LINES = 4
_REPEATED_BLOCKS = 3
_LONGEST_BLOCK = 4
_LONGEST_UNIT = 64
_REPEATED_UNITS = 6


def has_words(text: str) -> bool:
    """Whether the text has a letter or digit: without one it is only layout or brackets."""
    return any(char.isalnum() for char in text)


def overlap(text: str, suffix: str) -> int:
    """Length of the longest end of ``text`` that is also a start of ``suffix``.

    Knuth, Morris and Pratt's failure function over the suffix: linear time.
    """
    head = suffix[: len(text)]
    if not head:
        return 0
    failure = [0] * len(head)
    matched = 0
    for index in range(1, len(head)):
        while matched and head[index] != head[matched]:
            matched = failure[matched - 1]
        if head[index] == head[matched]:
            matched += 1
        failure[index] = matched
    matched = 0
    for char in text[-len(head) :]:
        while matched and (matched == len(head) or char != head[matched]):
            matched = failure[matched - 1]
        if char == head[matched]:
            matched += 1
    return matched


def net_brackets(text: str) -> int:
    """Opening brackets minus closing ones, those in strings and comments included."""
    return sum((char in _OPEN) - (char in _CLOSE) for char in text)


def trim_overlap(text: str, line_prefix: str, suffix: str) -> str:
    """``text`` without the end that already stands after the cursor.

    An end of nothing but brackets and punctuation is taken off only if the line's brackets
    balance at least as well without it: in ``foo(bar(|)`` the answer ``x)`` is whole.
    """
    while count := overlap(text, suffix):
        trimmed = text[:-count]
        if _needed(text, trimmed, line_prefix, suffix):
            break
        text = trimmed
    return text


def _needed(text: str, trimmed: str, line_prefix: str, suffix: str) -> bool:
    """Whether the end that ``trimmed`` lacks closes brackets that nothing else closes."""
    end = text[len(trimmed) :]
    if "\n" in end or has_words(end) or not any(char in _CLOSE for char in end):
        return False
    outside = net_brackets(line_prefix) + net_brackets(suffix.split("\n", 1)[0])
    # What the line leaves open the text has to close; what it closes was opened further up.
    wanted = -max(outside, 0)
    return abs(net_brackets(text) - wanted) < abs(net_brackets(trimmed) - wanted)


def cut_at_closer(text: str, line_prefix: str, line_suffix: str) -> str:
    """``text`` up to the closing bracket that already stands after the cursor.

    In ``environ[|]`` the answer ``'HOME']  # the home`` ends before its bracket. Brackets that
    the line leaves open are the text's to close, and those in quotes do not count.
    """
    closer = line_suffix.lstrip()[:1]
    if closer not in _CLOSE:
        return text
    depth = max(net_brackets(line_prefix) + net_brackets(line_suffix), 0)
    quote = ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in _QUOTES:
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth < 0:
                return text[:at] if char == closer else text
    return text


def repeated_lines(lines: Sequence[str]) -> int:
    """How many of the last lines only repeat what stands before them; 0 if none do.

    Four equal lines, or three equal blocks of two to four lines, are a model going in circles.
    Lines without a letter or digit do not count: brackets and rulers repeat in good code.
    """
    for size in range(1, _LONGEST_BLOCK + 1):
        times = _REPEATED_LINES if size == 1 else _REPEATED_BLOCKS
        if len(lines) < size * times:
            continue
        block = list(lines[-size:])
        if not any(has_words(line) for line in block):
            continue
        tail = list(lines[-size * times :])
        if tail == block * times:
            return size * (times - 1)
    return 0


def repeated_unit(line: str) -> int:
    """How many characters at the line's end only repeat the unit before them; 0 if none do.

    A unit is 3 to 64 characters, said six times or more, with at least two different
    characters and a letter or digit among them (rulers and paddings are good text).
    """
    for size in range(3, min(_LONGEST_UNIT, len(line) // _REPEATED_UNITS) + 1):
        unit = line[-size:]
        if len(set(unit)) < 2 or not has_words(unit):  # noqa: PLR2004  two different characters
            continue
        times = 1
        while line.endswith(unit, 0, len(line) - times * size):
            times += 1
        if times >= _REPEATED_UNITS:
            return size * (times - 1)
    return 0
