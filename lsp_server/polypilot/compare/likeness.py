"""How near a text is to what really stood there: exact, by edits, by tokens that are kept."""

from __future__ import annotations

import functools
import re
from difflib import SequenceMatcher

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
"""Words, runs of blanks, single signs."""


def is_exact(text: str, truth: str) -> bool:
    """Whether taking ``text`` restores the file, blanks at lines' ends and its end apart."""
    return _trimmed(text) == _trimmed(truth)


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


@functools.lru_cache(maxsize=100_000)
def kept(text: str, truth: str) -> int:
    """Code points of ``text`` that stand in ``truth``, in its order, token by token."""
    ours, theirs = TOKEN.findall(text), TOKEN.findall(truth)
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return sum(len(token) for a, _, size in blocks for token in ours[a : a + size])


@functools.lru_cache(maxsize=100_000)
def similarity(one: str, other: str) -> float:
    """1 less the edit distance over the longer one's length (code points); 1 for two empty ones."""
    if one == other:
        return 1.0
    return 1 - distance(one, other) / max(len(one), len(other))


def distance(one: str, other: str) -> int:
    """The fewest code points to insert, remove or replace (Levenshtein).

    A column of the table is one number, a bit for each row (Myers 1999, Hyyrö 2003): two texts of
    4,000 take some hundredths of a second.
    """
    if not one:
        return len(other)
    places: dict[str, int] = {}
    for at, char in enumerate(one):
        places[char] = places.get(char, 0) | 1 << at
    every = (1 << len(one)) - 1
    last = 1 << (len(one) - 1)
    more, less, found = every, 0, len(one)
    for char in other:
        equal = places.get(char, 0)
        vertical = equal | less
        horizontal = (((equal & more) + more) ^ more) | equal
        up = less | (every & ~(horizontal | more))
        down = more & horizontal
        found += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & every
        down = (down << 1) & every
        more = down | (every & ~(vertical | up))
        less = up & vertical
    return found
