"""The copy completer: what followed the last time that the text before the cursor was written.

Finds the longest piece of text right before the cursor (with the line above it) that stands in
a given text too, and offers the rest of the line that follows it there. No model, no waiting.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.context import first_line, unix

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_CHARS = 12
"""Characters that must agree before the cursor, blanks not counted."""
LEAST_TOKENS = 3
_WINDOW = 400
"""Longest agreement that is looked for, in characters: beyond that it is the same place."""
_MOST_PLACES = 64
"""Places looked at per text: a piece that is everywhere says nothing about what follows it."""
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Copy:
    """What followed elsewhere."""

    text: str
    """The rest of the line there; never blank."""
    agreed: int
    """Characters before the cursor that are the same there, blanks not counted."""
    places: int
    """Where just as much agrees."""
    same: int
    """At how many of these ``text`` follows."""


class Copier:
    """Texts to copy from, the one used last first; memory is bounded.

    Args:
        documents: how many texts are kept.
        chars: how much is kept of each, from its start.
    """

    def __init__(self, *, documents: int = 20, chars: int = 20_000) -> None:
        self._most = documents
        self._chars = chars
        self._texts: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, key: str, text: str) -> None:
        """Take a text in, or its new state. The one that was not used for longest may go."""
        self._texts[key] = unix(text[: self._chars])
        self._texts.move_to_end(key)
        while len(self._texts) > self._most:
            self._texts.popitem(last=False)

    def remove(self, key: str) -> None:
        """Forget a text."""
        self._texts.pop(key, None)

    def find(self, before: str, after: str = "", *, without: str = "") -> Copy | None:
        """What may follow ``before``, the text up to the cursor.

        Args:
            before: may be a window of the document; with what follows the cursor in ``after``
                it is copied from too, so that its own stored state is to be left out.
            after: the text behind the cursor.
            without: the key of a text to leave out.
        """
        before = unix(before)
        end = before[-_WINDOW:]
        needle = _needle(end)
        if not needle:
            return None
        texts = [text for key, text in self._texts.items() if key != without]
        found: list[tuple[int, str]] = []
        best = 0
        for text in (before, unix(after), *reversed(texts)):
            for place in _places(text, needle):
                rest = first_line(text[place : place + _WINDOW])
                if not rest.strip():
                    continue
                length = _agreement(end, text[max(0, place - _WINDOW) : place])
                best = max(best, length)
                found.append((length, rest))
        longest = [rest for length, rest in found if length == best]
        if not longest:
            return None
        text = max(dict.fromkeys(longest), key=longest.count)
        agreed = sum(not char.isspace() for char in end[len(end) - best :])
        return Copy(text.rstrip(), agreed, len(longest), longest.count(text))


def _needle(end: str) -> str:
    """The shortest text before the cursor that is enough to go by; empty: there is not enough."""
    at = len(end)
    chars = 0
    while at and chars < LEAST_CHARS:
        at -= 1
        chars += not end[at].isspace()
    tokens = [match.start() for match in _TOKEN.finditer(end)]
    if chars < LEAST_CHARS or len(tokens) < LEAST_TOKENS:
        return ""
    return end[min(at, tokens[-LEAST_TOKENS]) :]


def _places(text: str, needle: str) -> Iterator[int]:
    """Where ``needle`` ends in ``text``, the last ones first."""
    at = len(text)
    for _ in range(_MOST_PLACES):
        at = text.rfind(needle, 0, at + len(needle) - 1)
        if at < 0:
            return
        yield at + len(needle)


def _agreement(one: str, other: str) -> int:
    """Length of the longest common end."""
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return length
