"""From bytes to lines, one JSON text each, and back to one; without any input or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.stdio import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 48 * 1024 * 1024
"""Bytes of the longest message. A longer one is dropped as it arrives, and answered."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message's bytes."""

    data: bytes
    too_long: bool = False
    """It was longer than may be; then ``data`` is empty."""


class Lines:
    """Takes bytes as they come, gives lines. Memory is bounded by the longest line."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max = max_line
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """Give each line that ``data`` completes. Blank ones are left out."""
        start = 0
        while (end := data.find(b"\n", start)) != -1:
            self._add(data[start:end])
            start = end + 1
            yield from self.end()
        self._add(data[start:])

    def end(self) -> Iterator[Line]:
        """Give what is left, at the end of the input, as a line."""
        line = Line(b"", too_long=True) if self._skipping else Line(b"".join(self._parts).strip())
        self._parts, self._size, self._skipping = [], 0, False
        if line.data or line.too_long:
            yield line

    def _add(self, part: bytes) -> None:
        if not part or self._skipping:
            return
        self._size += len(part)
        if self._size > self._max:
            self._parts, self._skipping = [], True
        else:
            self._parts.append(part)


def encode(message: object) -> bytes:
    """A line.

    Raises:
        TypeError, ValueError: ``message`` has something in it that JSON can't express.
    """
    return jsontext.encode(message) + b"\n"
