"""A model that goes in circles: lines, units of a line, and tokens said again and again.

What is only data (numbers, ``null``, ``true``) or has no letter or digit repeats in good code
(tables of zeros, rulers, closing brackets), so it may go on much longer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.overlap import has_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_REPEATED_LINES = 4
_REPEATED_BLOCKS = 3
_LONGEST_BLOCK = 4
_DATA_LINES = 20
_LONGEST_UNIT = 64
_LONG_UNIT = 10
_SHORT_UNITS = 6
_LONG_UNITS = 4
_DATA_CHARS = 400
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DATA = re.compile(
    r"(?:0x[0-9a-f_]*|\d\w*|e|none|null|nil|true|false|nan|inf|undefined)\Z", re.IGNORECASE
)
_CIRCLES = ((10, 1), (30, 10), (45, 20), (60, 30))
"""Of so many last tokens, the same so many or fewer again and again (Copilot's values)."""
_TOKENS_READ = 1200


def repeated_lines(lines: Sequence[str]) -> int:
    """How many of the last lines only repeat what stands before them; 0 if none do.

    Four equal lines, or three equal blocks of two to four lines; lines of data twenty.
    """
    for size in range(1, _LONGEST_BLOCK + 1):
        block = list(lines[-size:])
        if not any(has_words(line) for line in block):
            continue
        times = _REPEATED_LINES if size == 1 else _REPEATED_BLOCKS
        if is_data("\n".join(block)):
            times = _DATA_LINES
        if len(lines) >= size * times and list(lines[-size * times :]) == block * times:
            return size * (times - 1)
    return 0


def repeated_unit(line: str) -> int:
    """How many characters at the line's end only repeat the unit before them; 0 if none do.

    A unit is 3 to 64 characters, said six times or more, or from 10 characters on four times.
    Units of data or without words may take up 400 characters.
    """
    for size in range(3, min(_LONGEST_UNIT, len(line) // _LONG_UNITS) + 1):
        enough = _SHORT_UNITS if size < _LONG_UNIT else _LONG_UNITS
        unit = line[-size:]
        if not line.endswith(unit * enough):
            continue
        times = enough
        while line.endswith(unit, 0, len(line) - times * size):
            times += 1
        if (times * size > _DATA_CHARS) or (has_words(unit) and not _is_data_unit(unit)):
            return size * (times - 1) if len(set(unit)) > 1 or times * size > _DATA_CHARS else 0
    return 0


def goes_round(line: str) -> bool:
    """Whether a line, whole or only begun, has come to repeat itself."""
    return repeated_unit(line) > 0 or repeated_tokens(line) > 0


def repeated_tokens(text: str) -> int:
    """How many characters at the text's end are tokens going in a circle; 0 if they don't.

    Knuth, Morris and Pratt's failure function over the last tokens. The first round stays.
    """
    tail = text[-_TOKENS_READ:]
    tokens = list(_TOKEN.finditer(tail))[-2 * _CIRCLES[-1][0] :]
    words = [token.group() for token in tokens]
    for span, longest in _CIRCLES:
        if len(words) < span:
            return 0
        period = _period(words[-span:])
        if period > longest or not _says_something(words[-period:]):
            continue
        start = len(words) - span
        while start and words[start - 1] == words[start - 1 + period]:
            start -= 1
        return len(tail) - tokens[start + period - 1].end()
    return 0


def _period(words: Sequence[str]) -> int:
    failure = [0] * len(words)
    matched = 0
    for index in range(1, len(words)):
        while matched and words[index] != words[matched]:
            matched = failure[matched - 1]
        matched += words[index] == words[matched]
        failure[index] = matched
    return len(words) - failure[-1]


def _says_something(words: Sequence[str]) -> bool:
    return any(has_words(word) and not _DATA.match(word) for word in words)


def is_data(text: str) -> bool:
    """Whether it has words, and all of them are literals."""
    words = _WORD.findall(text)
    return bool(words) and all(_DATA.match(word) for word in words)


def _is_data_unit(unit: str) -> bool:
    """The same for what is said again and again: it may begin and end within a word."""
    return is_data(" ".join(_WORD.findall(unit * 3)[1:-1]))
