"""From text to the words that are searched for, the same for files and for questions.

An identifier counts as a whole and by its parts: ``parseHTTPHeader_v2`` is also ``parse``,
``http``, ``header`` and ``v2``. Scripts without spaces are cut to pairs of characters. What
is left are tokens that SQLite's tokenizer only has to part at spaces (and to stem).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 40
"""Characters of the longest word that is kept: longer ones are data, not names."""
_MOST_REPEATED = 3
"""Times that one word of a piece counts: more says nothing about it."""
_KEPT = 200_000
_KEY_LENGTH = 20
_KEY_DIGITS = 3

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+|[^\W\d_a-zA-Z]+")
_DIGITS = re.compile(r"[0-9]")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

UNSAID = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "if", "in", "is", "it", "of",
    "on", "or", "that", "the", "this", "to", "with",
    "else", "return", "self", "var", "let", "const", "int", "void", "null", "none", "true",
    "false", "def", "end",
))  # fmt: skip
"""Words that are everywhere and find nothing."""


class Splitter:
    """Cuts identifiers, and remembers how: a workspace's words repeat."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def terms(self, word: str) -> tuple[str, ...]:
        """The tokens of one word: itself and its parts, in lower case; empty: it is not kept."""
        terms = self._known.get(word)
        if terms is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            terms = self._known[word] = _terms(word)
        return terms

    def bag(self, text: str) -> str:
        """The tokens of a text, each as often as it counts; their order is lost."""
        out: list[str] = []
        for word, count in Counter(_WORD.findall(text)).items():
            terms = self.terms(word)
            if count == 1:
                out += terms
            else:
                out += terms * min(count, _MOST_REPEATED)
        return " ".join(out)


def _terms(word: str) -> tuple[str, ...]:
    if _looks_like_a_key(word):
        return ()
    parts = [part.lower() for part in _PART.findall(word)]
    whole = word.strip("_").lower()
    found: dict[str, None] = {}
    if len(whole) <= LONGEST:
        found[whole] = None
    for part in parts:
        found |= dict.fromkeys(_cut(part))
    return tuple(term for term in found if _counts(term))


def _cut(part: str) -> Iterator[str]:
    """A part of an identifier; text of a script without spaces as pairs."""
    if not part.isascii() and _UNSPACED.search(part):
        yield from (part[at : at + 2] for at in range(max(1, len(part) - 1)))
    else:
        yield part


def _counts(term: str) -> bool:
    if len(term) > LONGEST or term in UNSAID:
        return False
    return len(term) > 1 or not term.isascii()


def _looks_like_a_key(word: str) -> bool:
    """Digests, keys and encoded data: nobody searches them, and they had better not be kept."""
    if len(word) < _KEY_LENGTH:
        return False
    return len(_DIGITS.findall(word)) >= _KEY_DIGITS and "_" not in word.strip("_")


def asked(question: str, most: int = 24) -> list[tuple[str, tuple[str, ...]]]:
    """The words of a question: the token for the whole of each, and those of its parts."""
    found: dict[str, tuple[str, ...]] = {}
    for word in _WORD.findall(question):
        terms = _terms(word)
        if terms and len(found) < most:
            whole, *parts = terms
            found.setdefault(whole, tuple(parts))
    return list(found.items())


def quoted(term: str) -> str:
    """A token as FTS5 takes it in a question."""
    return '"' + term.replace('"', '""') + '"'


def any_of(terms: Iterable[str]) -> str:
    """A question for any of the tokens."""
    return " OR ".join(map(quoted, terms))
