r"""Text in blocks: an edit costs the same in a short file and in a long one.

The text is a list of strings of a few thousand code points, with the number of line breaks
of each beside it. An edit copies the blocks it touches; finding a line is a binary
search over running sums, which are rebuilt only when the number of breaks changes. Nothing
here depends on the length of a line either: a line may run through many blocks.

Two things never stand on a block's edge, so that each block can be read on its own:
``\r\n``, and the two halves of a surrogate pair.

Positions count code units of the connection's encoding; columns and offsets count code points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from polypilot.workspace.text_units import (
    Encoding,
    after_break,
    after_last_break,
    belong_together,
    code_points,
    count_breaks,
    cut,
    find_break,
    paired,
    width,
)

if TYPE_CHECKING:
    from collections.abc import Generator

BLOCK = 4096
"""Code points of a block when text is cut. One of twice the length is cut, one of a quarter
joins a neighbour."""

Place = tuple[int, int]
"""A block's index and an offset into it, in code points."""

STEP = 512 * 1024
"""Code points that are taken in at once when a text is loaded."""


class Lines:
    """An editable text. ``encoding`` is the unit of every ``character`` it is asked about."""

    __slots__ = (
        "_blocks",
        "_breaks",
        "_breaks_to",
        "_ends",
        "_size",
        "_widths",
        "encoding",
        "length",
    )

    def __init__(self, text: str, encoding: Encoding, *, block: int = BLOCK) -> None:
        self.encoding: Encoding = encoding
        self.length = 0
        """Code points of the whole text."""
        self._size = block
        self._blocks: list[str] = [""]
        self._breaks: list[int] = [0]
        self._widths: list[int] = [-1]
        self._breaks_to: list[int] | None = None  # running sums, made when needed
        self._ends: list[int] | None = None
        for _ in self.load(text):
            pass

    def load(self, text: str) -> Generator[None]:
        """Puts ``text`` in the place of everything, with a rest every few milliseconds.

        To be run to its end before anything else is asked.
        """
        blocks: list[str] = []
        breaks: list[int] = []
        start, step = 0, max(STEP, self._size)
        while start < len(text):
            end = min(start + step, len(text))
            if end < len(text) and belong_together(text[end - 1], text[end]):
                end += 1
            new = cut(paired(text[start:end]), self._size)
            blocks += new
            breaks += map(count_breaks, new)
            start = end
            yield
        self._blocks, self._breaks = blocks or [""], breaks or [0]
        self._widths = [-1] * len(self._blocks)
        self._breaks_to = self._ends = None
        self.length = sum(map(len, self._blocks))

    @property
    def line_count(self) -> int:
        """Lines; an empty text has one."""
        return self._sums()[-1] + 1

    @property
    def blocks(self) -> tuple[str, ...]:
        """The text in pieces, as stored; an edit leaves those alone that it does not touch."""
        return tuple(self._blocks)

    @property
    def text(self) -> str:
        """The whole text as stored; costs a copy."""
        return "".join(self._blocks)

    # -- finding -------------------------------------------------------------------------

    def line_start(self, line: int) -> Place:
        """Where ``line`` begins; the text's end if there are fewer lines."""
        if line <= 0:
            return 0, 0
        sums = self._sums()
        if line > sums[-1]:
            last = len(self._blocks) - 1
            return last, len(self._blocks[last])
        block = bisect_left(sums, line)
        offset = after_break(self._blocks[block], line - (sums[block - 1] if block else 0))
        return self._forward((block, offset))

    def seek(self, line: int, character: int) -> tuple[Place, int]:
        """The place of a position, and its column in code points.

        A ``line`` after the last is the text's end, a ``character`` after the line's end
        is the line's end, negative numbers are zero, and a position inside a character is
        that character's beginning.
        """
        block, offset = self.line_start(line)
        if line >= self.line_count:
            place = self._forward((block, offset))
            return place, self.column(place)
        units, column = max(character, 0), 0
        while True:
            end, closed = self._line_end(block, offset)
            units_here = self._width(block, offset, end)
            if units < units_here:
                step = code_points(self._blocks[block][offset:end], units, self.encoding)
                return (block, offset + step), column + step
            column += end - offset
            if closed or block + 1 == len(self._blocks):
                return (block, end), column
            units -= units_here
            block, offset = block + 1, 0

    def place(self, offset: int) -> Place:
        r"""The place of an offset in code points; out of range means the nearest end.

        An offset between ``\r`` and ``\n`` is the place before both.
        """
        if self._ends is None:
            self._ends = list(accumulate(map(len, self._blocks)))
        offset = min(max(offset, 0), self.length)
        block = min(bisect_right(self._ends, offset), len(self._blocks) - 1)
        inside = offset - (self._ends[block - 1] if block else 0)
        text = self._blocks[block]
        if 0 < inside < len(text) and text[inside] == "\n" and text[inside - 1] == "\r":
            inside -= 1
        return block, inside

    def offset(self, place: Place) -> int:
        """The offset in code points from the text's beginning."""
        return sum(map(len, islice(self._blocks, place[0]))) + place[1]

    def line_of(self, place: Place) -> int:
        """The line which a place is on."""
        block, inside = place
        before = self._sums()[block - 1] if block else 0
        return before + count_breaks(self._blocks[block][:inside])

    def column(self, place: Place) -> int:
        """Code points between the line's beginning and ``place``."""
        return sum(end - start for _, start, end in self._to_line_start(place))

    def character(self, place: Place) -> int:
        """Code units between the line's beginning and ``place``."""
        return sum(
            self._width(block, start, end) for block, start, end in self._to_line_start(place)
        )

    # -- reading -------------------------------------------------------------------------

    def line(self, line: int) -> str:
        """A line without its break.

        Raises:
            IndexError: there is no such line.
        """
        if not 0 <= line < self.line_count:
            raise IndexError(line)
        block, offset = self.line_start(line)
        parts: list[str] = []
        while True:
            end, closed = self._line_end(block, offset)
            parts.append(self._blocks[block][offset:end])
            if closed or block + 1 == len(self._blocks):
                return "".join(parts)
            block, offset = block + 1, 0

    def before(self, place: Place, limit: int) -> str:
        r"""At most ``limit`` code points that end at ``place``.

        What begins in the middle of a ``\r\n`` is one shorter: without the ``\n``.
        """
        block, inside = place
        parts = [self._blocks[block][max(inside - limit, 0) : inside]]
        left = limit - len(parts[0])
        while left > 0 and block:
            block -= 1
            text = self._blocks[block]
            parts.append(text[max(len(text) - left, 0) :])
            left -= len(parts[-1])
        found = "".join(reversed(parts))
        if found.startswith("\n") and self._carriage_before(block, place, len(parts[-1])):
            return found[1:]
        return found

    def after(self, place: Place, limit: int) -> str:
        """At most ``limit`` code points from ``place`` on."""
        block, inside = place
        parts = [self._blocks[block][inside : inside + limit]]
        left = limit - len(parts[0])
        while left > 0 and block + 1 < len(self._blocks):
            block += 1
            parts.append(self._blocks[block][:left])
            left -= len(parts[-1])
        return "".join(parts)

    def eol(self) -> str:
        r"""The first line's break as ``\n`` or ``\r\n``; ``\n`` if there is none."""
        sums = self._sums()
        if not sums[-1]:
            return "\n"
        text = self._blocks[bisect_left(sums, 1)]
        return "\r\n" if text.startswith("\r\n", find_break(text, 0)) else "\n"

    # -- writing -------------------------------------------------------------------------

    def replace(self, start: Place, end: Place, text: str) -> None:
        """Puts ``text`` in the place of what lies between two places, given in any order."""
        if end < start:
            start, end = end, start
        first, last = start[0], end[0] + 1
        head, tail = self._blocks[first][: start[1]], self._blocks[end[0]][end[1] :]
        new = head + text + tail
        first, last, new = self._with_neighbours(first, last, new)
        self._put(first, last, cut(paired(new), self._size))

    def _with_neighbours(self, first: int, last: int, new: str) -> tuple[int, int, str]:
        """Widens a block that is too short or would be torn from its neighbour."""
        blocks, least = self._blocks, self._size // 4
        if len(new) < least and first:
            first, new = first - 1, blocks[first - 1] + new
        elif len(new) < least and last < len(blocks):
            last, new = last + 1, new + blocks[last]
        if new and first and belong_together(blocks[first - 1][-1], new[0]):
            first, new = first - 1, blocks[first - 1] + new
        if new and last < len(blocks) and belong_together(new[-1], blocks[last][0]):
            last, new = last + 1, new + blocks[last]
        return first, last, new

    def _put(self, first: int, last: int, blocks: list[str]) -> None:
        if not blocks and last - first == len(self._blocks):
            blocks = [""]
        breaks = [count_breaks(block) for block in blocks]
        self.length += sum(map(len, blocks)) - sum(map(len, self._blocks[first:last]))
        if breaks != self._breaks[first:last]:
            self._breaks_to = None
        self._ends = None
        self._blocks[first:last] = blocks
        self._breaks[first:last] = breaks
        self._widths[first:last] = [-1] * len(blocks)

    # -- helpers -------------------------------------------------------------------------

    def _sums(self) -> list[int]:
        if self._breaks_to is None:
            self._breaks_to = list(accumulate(self._breaks))
        return self._breaks_to

    def _forward(self, place: Place) -> Place:
        """The same place at a block's beginning rather than at the end of the one before."""
        block, inside = place
        if inside == len(self._blocks[block]) and block + 1 < len(self._blocks):
            return block + 1, 0
        return place

    def _line_end(self, block: int, offset: int) -> tuple[int, bool]:
        """Where the line's text ends in this block, and whether a break does so."""
        text = self._blocks[block]
        found = find_break(text, offset) if self._breaks[block] else -1
        return (len(text), False) if found == -1 else (found, True)

    def _width(self, block: int, start: int, end: int) -> int:
        text = self._blocks[block]
        if start or end < len(text):
            return width(text[start:end], self.encoding)
        if self._widths[block] == -1:
            self._widths[block] = width(text, self.encoding)
        return self._widths[block]

    def _to_line_start(self, place: Place) -> list[tuple[int, int, int]]:
        """The pieces (block, start, end) of the line before ``place``, last first."""
        block, end = place
        pieces: list[tuple[int, int, int]] = []
        while True:
            start = after_last_break(self._blocks[block], end) if self._breaks[block] else -1
            pieces.append((block, max(start, 0), end))
            if start != -1 or not block:
                return pieces
            block -= 1
            end = len(self._blocks[block])

    def _carriage_before(self, block: int, place: Place, taken: int) -> bool:
        r"""Whether the character before the ``taken`` ones of ``block`` is a ``\r``."""
        end = place[1] if block == place[0] else len(self._blocks[block])
        return end - taken > 0 and self._blocks[block][end - taken - 1] == "\r"
