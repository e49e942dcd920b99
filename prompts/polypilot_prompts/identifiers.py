"""The words of a program: its identifiers, whole and in their parts, without common keywords."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_IDENTIFIER = re.compile(r"[^\W\d]\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST = 64
"""Characters; what is longer is data, not a name."""

STOP_WORDS = frozenset(
    # What nearly every file of some language has says nothing about what it is about.
    """
    abstract and any as assert async await bool boolean break byte case catch char class const
    constructor continue declare def default del delete do double elif else end enum except
    exit export extends extern false final finally float fn for from func function get global
    go goto if impl implements import in include inline instanceof int integer interface is
    lambda let local long match mod module mut namespace native new nil none nonlocal not null
    number object of operator or override package pass private protected pub public raise
    readonly ref require return self set short signed sizeof static str string struct super
    switch template then this throw throws trait true try type typedef typeof undefined union
    unless unsafe unsigned until use using val var virtual void volatile when where while with
    yield
    """.split()  # noqa: SIM905 - a list of 130 literals would be one word a line
)


@lru_cache(maxsize=16_384)
def parts(identifier: str) -> tuple[str, ...]:
    """An identifier in small letters and, if it has several, its camelCase and snake_case words.

    Words of one character and `STOP_WORDS` are left out; a name that is not ASCII is not cut.
    """
    if len(identifier) > _LONGEST:
        return ()
    whole = identifier.casefold()
    found = [whole]
    if identifier.isascii():
        words = [word.lower() for word in _PART.findall(identifier) if not word.isdigit()]
        found += words if words != [whole] else []
    kept = (word for word in found if len(word) > 1 and word not in STOP_WORDS)
    return tuple(dict.fromkeys(kept))


def tokens(text: str) -> Counter[str]:
    """How often each word occurs in ``text``."""
    counts: Counter[str] = Counter()
    for identifier in _IDENTIFIER.findall(text):
        counts.update(parts(identifier))
    return counts


def identifiers(text: str) -> list[str]:
    """The identifiers of ``text`` as they are, in order."""
    return _IDENTIFIER.findall(text)


def complete_words(line: str) -> list[str]:
    """The identifiers of a line up to the cursor, without one that is still being typed."""
    words = _IDENTIFIER.findall(line)
    return words[:-1] if words and line.endswith(words[-1]) else words
