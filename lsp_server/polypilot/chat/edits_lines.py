"""Texts as lines: what differs between two, and where a piece of one stands in another."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from polypilot.chat.edits_values import EditError, Hunk

if TYPE_CHECKING:
    from collections.abc import Sequence

_BREAK = re.compile(r"\r\n|\r|\n")
_CONTEXT = 3
_MOST_COMPARED = 4_000
"""Lines that differ in one place; more are one hunk, since comparing them takes too long."""
_SPACE = re.compile(r"[ \t]+")


def lines_of(text: str) -> list[str]:
    """The lines, without breaks; after a final break there is an empty one."""
    return _BREAK.split(text)


def eol_of(text: str) -> str:
    r"""How the text breaks its lines; ``\n`` if it has but one."""
    found = _BREAK.search(text)
    return found[0] if found else "\n"


# -- what differs -------------------------------------------------------------------------


def end_of(text: str) -> tuple[int, int]:
    """Line and column of the end, from 0."""
    found = lines_of(text)
    return len(found) - 1, len(found[-1])


def hunks_between(old_text: str, new_text: str) -> tuple[Hunk, ...]:
    """What makes the one text the other. Changes that are closer than their context are one.

    Either both texts end with a break, or neither does, or the old one is empty.
    """
    old, new = lines_of(old_text), lines_of(new_text)
    if not old[-1] and not new[-1]:
        old, new = old[:-1], new[:-1]
    made: list[Hunk] = []
    for low, high, new_low, new_high in _groups(old, new):
        made.append(
            Hunk(
                len(made),
                low + 1,
                tuple(old[low:high]),
                tuple(new[new_low:new_high]),
                tuple(old[max(0, low - _CONTEXT) : low]),
                tuple(old[high : high + _CONTEXT]),
                new_low + 1,
            )
        )
    return tuple(made)


def _groups(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    tail = 0
    while tail < shorter - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle, new_middle = old[start : len(old) - tail], new[start : len(new) - tail]
    if not middle and not new_middle:
        return []
    if max(len(middle), len(new_middle)) > _MOST_COMPARED:
        return [(start, start + len(middle), start, start + len(new_middle))]
    groups: list[tuple[int, int, int, int]] = []
    for tag, low, high, new_low, new_high in SequenceMatcher(
        None, middle, new_middle
    ).get_opcodes():
        if tag == "equal":
            continue
        found = (start + low, start + high, start + new_low, start + new_high)
        if groups and found[0] - groups[-1][1] <= 2 * _CONTEXT:
            found = (groups[-1][0], found[1], groups[-1][2], found[3])
            groups.pop()
        groups.append(found)
    return groups


def unified(name: str, hunks: Sequence[Hunk], *, creates: bool) -> str:
    """The hunks as a diff."""
    old = "/dev/null" if creates else f"a/{name}"
    body = "".join(f"{hunk.header}\n{hunk.diff}" for hunk in hunks)
    return f"--- {old}\n+++ b/{name}\n{body}"


# -- where it stands ----------------------------------------------------------------------


def _bare(line: str) -> str:
    return _SPACE.sub(" ", line).strip(" ")


def find_all(lines: Sequence[str], wanted: Sequence[str], start: int = 0) -> list[int]:
    """Where the lines stand one after the other."""
    first, count = wanted[0], len(wanted)
    return [
        at
        for at in range(start, len(lines) - count + 1)
        if lines[at] == first and list(lines[at : at + count]) == list(wanted)
    ]


def replace(
    lines: Sequence[str], old: Sequence[str], new: Sequence[str], line: int | None = None
) -> list[str]:
    """The lines with ``new`` in place of ``old``.

    They are looked for as they are, then without regard to blanks within and around lines; new
    lines are then indented as the old ones really are. ``line``: where, from 1, the place is
    said to be, which decides between several.

    Raises:
        EditError: they are not there, or in several places.
    """
    if not any(each.strip() for each in old):
        if not any(each.strip() for each in lines):
            return [*new, ""]
        raise EditError("it does not say which lines it replaces", code="edit_unmatched")
    at = _only(find_all(lines, old), line)
    if at is None:
        old, new = _trimmed(old, new)
        bare = [_bare(each) for each in lines]
        wanted = [_bare(each) for each in old]
        at = _only(find_all(bare, wanted), line)
        if at is None:
            raise EditError("the lines that it replaces are not in the file", code="edit_unmatched")
        new = _reindented(new, old, lines[at : at + len(old)])
    return [*lines[:at], *new, *lines[at + len(old) :]]


def _only(places: list[int], line: int | None) -> int | None:
    if len(places) > 1 and line is not None and line - 1 in places:
        return line - 1
    if len(places) > 1:
        message = f"the lines that it replaces are in the file {len(places)} times"
        raise EditError(message, code="edit_unmatched")
    return places[0] if places else None


def _trimmed(old: Sequence[str], new: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Without empty lines around, which models add and leave out."""
    while not old[0].strip():
        new = new[1:] if new and not new[0].strip() else new
        old = old[1:]
    while not old[-1].strip():
        new = new[:-1] if new and not new[-1].strip() else new
        old = old[:-1]
    return old, new


def indent_of(line: str) -> str:
    """The blanks that it begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _reindented(new: Sequence[str], said: Sequence[str], there: Sequence[str]) -> list[str]:
    """The new lines with the indent that the old ones have in the file."""
    wrong, right = indent_of(said[0]), indent_of(there[0])
    if wrong == right:
        return list(new)
    return [
        right + each.removeprefix(wrong) if each.strip() and each.startswith(wrong) else each
        for each in new
    ]


def place_of(lines: Sequence[str], hunk: Hunk, expected: int) -> int | None:
    """Where a hunk belongs in a text that has changed since: the index of its first old line.

    Its old lines have to be there as they were, with as many of the lines around as still are;
    None: they are not, or it can't be told which of several places is meant.
    """
    for context in range(_CONTEXT, -1, -1):
        before = hunk.before[len(hunk.before) - min(context, len(hunk.before)) :]
        wanted = [*before, *hunk.old, *hunk.after[:context]]
        if not wanted or (not hunk.old and context == 0):
            return None
        places = [at + len(before) for at in find_all(lines, wanted)]
        if expected in places:
            return expected
        if places:
            return places[0] if len(places) == 1 else None
    return None
