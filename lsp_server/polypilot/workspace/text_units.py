r"""Line breaks and code units of plain strings.

Line breaks are those of the Language Server Protocol, ``\n``, ``\r\n`` and ``\r``; form
feed, U+0085, U+2028 and the others that Python's ``splitlines`` knows are ordinary text.
A JSON string may hold half of a surrogate pair; such a half counts as one UTF-16 unit, and
as the three bytes it would have in UTF-8.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_BREAK = re.compile(r"\r\n|\r|\n")
_HALF = re.compile("[\ud800-\udfff]")
_HIGH_BYTES = range(0xD8, 0xDC)  # the upper byte of a pair's first half
_LAST_OF_PLANE_0 = "\uffff"
_CONTINUES, _CONTINUES_MASK = 0x80, 0xC0  # a UTF-8 byte that does not begin a character


def count_breaks(text: str) -> int:
    """The number of line breaks in ``text``."""
    found = text.count("\n")
    if "\r" in text:
        found += text.count("\r") - text.count("\r\n")
    return found


def find_break(text: str, start: int) -> int:
    """Where the first line break at or after ``start`` begins, or -1."""
    newline = text.find("\n", start)
    if "\r" in text:
        carriage = text.find("\r", start) if newline == -1 else text.find("\r", start, newline)
        if carriage != -1:
            return carriage
    return newline


def after_last_break(text: str, end: int) -> int:
    r"""Where the last line that begins before or at ``end`` begins; -1 without a break.

    ``end`` must not stand between the two characters of a ``\r\n``.
    """
    return max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1 or -1


def after_break(text: str, number: int) -> int:
    """Where the text after the ``number``-th line break begins; the first break is 1."""
    if "\r" not in text:
        return len(text) - len(text.split("\n", number)[number])
    return next(islice(_BREAK.finditer(text), number - 1, None)).end()


def width(text: str, encoding: Encoding) -> int:
    """The length of ``text`` in code units of ``encoding``."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def code_points(text: str, units: int, encoding: Encoding) -> int:
    """How many code points of ``text`` lie before ``units`` code units.

    Units inside a character (the second half of a surrogate pair, a byte in the middle of
    a UTF-8 sequence) count as the character's beginning; more units than there are, as all.
    """
    if encoding == "utf-32" or text.isascii():
        return min(units, len(text))
    text = text[:units]  # one code point is at least one unit: no need to look further
    if encoding == "utf-16":
        return _code_points_16(text, units)
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) <= units:
        return len(text)
    while units and encoded[units] & _CONTINUES_MASK == _CONTINUES:
        units -= 1
    return len(encoded[:units].decode("utf-8", "surrogatepass"))


def _code_points_16(text: str, units: int) -> int:
    encoded = text.encode("utf-16-le", "surrogatepass")
    if len(encoded) <= 2 * units:
        return len(text)
    count = len(encoded[: 2 * units].decode("utf-16-le", "surrogatepass"))
    # A pair that was cut leaves its first half behind, decoded as a character of its own.
    halved = encoded[2 * units - 1] in _HIGH_BYTES and text[count - 1] > _LAST_OF_PLANE_0
    return count - 1 if units and halved else count


def belong_together(left: str, right: str) -> bool:
    r"""Whether two neighbouring characters are a ``\r\n`` or the halves of a pair."""
    if left == "\r":
        return right == "\n"
    return "\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff"


def cut(text: str, size: int) -> list[str]:
    """``text`` in blocks; empty text is no block."""
    if len(text) <= 2 * size:
        return [text] if text else []
    blocks: list[str] = []
    start, total = 0, len(text)
    while start < total:
        end = min(start + size, total)
        if end < total and belong_together(text[end - 1], text[end]):
            end += 1
        blocks.append(text[start:end])
        start = end
    return blocks


def paired(text: str) -> str:
    """``text`` with each high surrogate that a low one follows made one character."""
    if _encodable(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def well_formed(text: str) -> str:
    """``text`` with every lone surrogate replaced by U+FFFD, so that it can be encoded."""
    return text if _encodable(text) else _HALF.sub("\ufffd", text)


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()  # ten times as fast as a search for surrogates
    except UnicodeEncodeError:
        return False
    return True
