"""How much of a text is still in a document: the nearest passage, by edit distance.

Myers' bit-parallel search: for each character of the document a few operations on whole
numbers with one bit per character of the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polypilot.usage.values import Stay

if TYPE_CHECKING:
    from collections.abc import Iterator

ANCHOR: Final = 48
"""Characters before the text that say where it was."""
_TELLING: Final = 32
"""From so many characters on a text is no accident wherever it stands."""
MOST: Final = 2_000
"""Characters of a text that are looked for; of a longer one its beginning."""
_REACH: Final = 10_000
"""How far from where it was a changed text is looked for, in characters."""
LITTLE: Final = 1 / 3
"""The greatest share that may be changed in a text that has only been changed a little."""


def stay(text: str, anchor: str, offset: int, document: str) -> tuple[Stay, float]:
    """What is left of ``text``, and which share of it, from 0 to 1.

    Args:
        text: what was taken; not empty.
        anchor: what stood before it.
        offset: where it began, in characters, when it was taken.
        document: what the document holds now.
    """
    text, before = text[:MOST], anchor[-ANCHOR:]
    if _exact(text, before, offset, document):
        return Stay.SAME, 1.0
    share = 1.0
    for passage in _passages(text, before, offset, document):
        share = min(share, distance(text, passage) / len(text))
        if share <= LITTLE:
            return Stay.CHANGED, 1 - share
    return Stay.GONE, 1 - share


def _exact(text: str, before: str, offset: int, document: str) -> bool:
    """Whether it stands there as it was, behind what was before it.

    A text long enough to be no accident is looked for anywhere: it may have been moved.
    """
    if document.startswith(text, offset) and document.endswith(before, 0, offset):
        return True
    if before and before + text in document:
        return True
    return len(text) >= _TELLING and text in document


def _passages(text: str, before: str, offset: int, document: str) -> Iterator[str]:
    """Where a changed text may be: behind what was before it, and, if it is long, around there.

    A few characters are somewhere in every document.
    """
    if before and (at := _nearest(before, offset, document)) is not None:
        yield document[at : at + 2 * len(text) + _TELLING]
    if len(text) >= _TELLING:
        yield document[max(0, offset - _REACH) : offset + len(text) + _REACH]


def _nearest(before: str, offset: int, document: str) -> int | None:
    """Behind which of the places that hold ``before`` the text was, most likely."""
    ends = (document.rfind(before, 0, offset), document.find(before, max(0, offset - len(before))))
    found = [at + len(before) for at in ends if at >= 0]
    return min(found, key=lambda end: abs(end - offset), default=None)


def distance(pattern: str, text: str) -> int:
    """The least number of edits that make ``pattern`` of some passage of ``text``."""
    length = len(pattern)
    if not length:
        return 0
    ones = (1 << length) - 1
    last = 1 << (length - 1)
    masks: dict[str, int] = {}
    for number, character in enumerate(pattern):
        masks[character] = masks.get(character, 0) | 1 << number
    plus, minus, score, best = ones, 0, length, length
    for character in text:
        equal = masks.get(character, 0)
        vertical = equal | minus
        diagonal = (((equal & plus) + plus) ^ plus) | equal
        up = minus | ~(diagonal | plus) & ones
        down = plus & diagonal
        if up & last:
            score += 1
        elif down & last:
            score -= 1
            best = min(best, score)
        up, down = up << 1 & ones, down << 1 & ones
        plus = down | ~(vertical | up) & ones
        minus = up & vertical
    return best
