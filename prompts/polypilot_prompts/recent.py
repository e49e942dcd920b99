"""Recent edits as a small diff: what the user is in the middle of changing.

Context lines, hunks and sizes follow GitHub Copilot Chat's ``completions-core`` (recent edits).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CONTEXT_LINES = 3
HUNKS = 8
HUNK_LINES = 10
CHARS = 2_000
"""Of all hunks together."""
LINE_CHARS = 160
"""Longer lines are cut."""

_COMPARED = 10_000
"""Pairs of lines up to which two texts are compared line by line; above, the middle that
differs counts as one change."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change, with a few of the lines around it."""

    line: int
    """Number of the first changed line in the new text, from 0."""
    lines: tuple[str, ...]
    """Without line breaks, each after a blank, ``-`` or ``+``."""

    @property
    def size(self) -> int:
        """Characters it takes in a rendered diff."""
        return len(_HEAD) + sum(len(line) + 1 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Edit:
    """A hunk of a file."""

    name: str
    """The file's key."""
    hunk: Hunk


_HEAD = "@@\n"
Gap = tuple[int, int, int, int]
"""A part that differs: from and to in the old text, then in the new."""


def hunks(old: Sequence[str], new: Sequence[str], first: int = 0) -> list[Hunk]:
    """What was changed between two versions of some lines, the first being number ``first``.

    Changes of nothing but blanks and empty lines are left out.
    """
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    found: list[Hunk] = []
    group: list[Gap] = []
    for change in _changes(before, after):
        if group and change[2] - group[-1][3] > 2 * CONTEXT_LINES:
            found += _hunk(old, new, group, first)
            group = []
        group.append((change[0] + head, change[1] + head, change[2] + head, change[3] + head))
    return found + _hunk(old, new, group, first) if group else found


def pack(edits: Iterable[Edit], limit: int = HUNKS, room: int = CHARS) -> list[Edit]:
    """As many of the edits, the latest first, as fit."""
    taken: list[Edit] = []
    for edit in edits:
        room -= edit.hunk.size
        if room < 0 or len(taken) == limit:
            break
        taken.append(edit)
    return taken


def render(found: Iterable[Hunk]) -> str:
    """The hunks of one file as a diff without line numbers, which every key would change."""
    ordered = sorted(found, key=lambda hunk: (hunk.line, hunk.lines))
    return "\n".join(_HEAD + "\n".join(hunk.lines) for hunk in ordered)


def _same(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    for count, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return count
    return min(len(old), len(new))


def differing(old: Sequence[str], new: Sequence[str]) -> Iterator[Gap]:
    """The parts between pieces that both texts have, in order. Takes linear time.

    Pieces that follow each other in both, or that are unique, are recognised.
    """
    places = _unique(old)
    own = _unique(new)
    before = after = 0
    for at, piece in enumerate(new):
        place = places.get(piece, -1) if piece in own else -1
        if before < len(old) and old[before] == piece:
            place = before
        if place < before:
            continue
        if place > before or at > after:
            yield before, place, after, at
        before, after = place + 1, at + 1
    if before < len(old) or after < len(new):
        yield before, len(old), after, len(new)


def _unique(pieces: Sequence[str]) -> dict[str, int]:
    """Where each piece is that occurs once."""
    places: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        places[piece] = -1 if piece in places else at
    return {piece: at for piece, at in places.items() if at >= 0}


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[Gap]:
    for a, b, c, d in differing(old, new):
        if (b - a) * (d - c) > _COMPARED:
            yield a, b, c, d
            continue
        matcher = difflib.SequenceMatcher(None, old[a:b], new[c:d], autojunk=False)
        for kind, low, high, low_now, high_now in matcher.get_opcodes():
            if kind != "equal":
                yield a + low, a + high, c + low_now, c + high_now


def _hunk(old: Sequence[str], new: Sequence[str], group: Sequence[Gap], first: int) -> list[Hunk]:
    """The hunk of changes that are close together; none if only blanks were changed."""
    body: list[str] = []
    at = group[0][2]
    for start, end, start_now, end_now in group:
        body += [f" {line}" for line in new[at:start_now]]
        body += [f"-{line}" for line in old[start:end]]
        body += [f"+{line}" for line in new[start_now:end_now]]
        at = end_now
    removed = "".join("".join(line[1:].split()) for line in body if line[0] == "-")
    added = "".join("".join(line[1:].split()) for line in body if line[0] == "+")
    if removed == added:
        return []
    body = _cut(body)
    room = HUNK_LINES - len(body)
    below = min(CONTEXT_LINES, len(new) - at, room // 2)
    above = min(CONTEXT_LINES, group[0][2], room - below)
    lead = [f" {line}" for line in new[group[0][2] - above : group[0][2]]]
    trail = [f" {line}" for line in new[at : at + below]]
    lines = tuple(line[:LINE_CHARS] for line in (*lead, *body, *trail))
    return [Hunk(first + group[0][2], lines)]


def _cut(body: list[str]) -> list[str]:
    """At most `HUNK_LINES` lines; what was removed gets no more than half of them."""
    if len(body) <= HUNK_LINES:
        return body
    removed = [n for n, line in enumerate(body) if line[0] == "-"]
    dropped = set(removed[HUNK_LINES // 2 :])
    return [line for n, line in enumerate(body) if n not in dropped][:HUNK_LINES]
