"""Sans-IO decoders: bytes in, however they were cut, events out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_providers.errors import StreamBroken

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENT = 1_000_000
"""Most bytes one event may have."""

_BOM = b"\xef\xbb\xbf"
_ANY_END = re.compile(rb"\r\n|\n|\r")
_LF = re.compile(rb"\n")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its type (``message`` unless the supplier named it) and its data."""

    event: str
    data: str


class _Lines:
    """Cuts bytes into lines, remembering what has no end yet."""

    def __init__(self, limit: int, *, cr: bool) -> None:
        self._ends = _ANY_END if cr else _LF
        self._cr = cr
        self._limit = limit
        self._partial = bytearray()
        self._after_cr = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that ``data`` completes, without their ends."""
        if not data:
            return
        # A CR at the end of the last chunk ended its line; an LF now is its other half.
        start = 1 if self._after_cr and data.startswith(b"\n") else 0
        for end in self._ends.finditer(data, start):
            self._grow(data[start : end.start()])
            line = bytes(self._partial)
            self._partial.clear()
            start = end.end()
            yield line
        self._after_cr = self._cr and data.endswith(b"\r")
        self._grow(data[start:])

    def rest(self) -> bytes:
        """The last line, which never got its end."""
        line = bytes(self._partial)
        self._partial.clear()
        return line

    def _grow(self, piece: bytes) -> None:
        if len(self._partial) + len(piece) > self._limit:
            raise _too_big(self._limit)
        self._partial += piece


def _too_big(limit: int) -> StreamBroken:
    return StreamBroken(f"the answer has an event of more than {limit:,} bytes")


class SseDecoder:
    """Server-sent events, as the WHATWG HTML standard (section 9.2.6) parses them.

    One departure: an event that the stream's end left without its closing blank line is
    delivered by :meth:`close`, since some suppliers end that way.

    Raises:
        StreamBroken: an event has more than ``limit`` bytes.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._lines = _Lines(limit, cr=True)
        self._limit = limit
        self._first = True
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The events that ``data`` completes."""
        for line in self._lines.feed(data):
            yield from self._line(line)

    def close(self) -> Iterator[ServerEvent]:
        """The event the stream ended in, if there is one."""
        rest = self._lines.rest()
        if rest:
            yield from self._line(rest)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[ServerEvent]:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > self._limit + 1:
                raise _too_big(self._limit)
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")

    def _dispatch(self) -> Iterator[ServerEvent]:
        name, data = self._event or "message", self._data
        self._event, self._data, self._size = "", [], 0
        if data:
            yield ServerEvent(name, b"\n".join(data).decode("utf-8", "replace"))


class NdjsonDecoder:
    """One JSON text per line; blank lines are skipped.

    Raises:
        StreamBroken: a line has more than ``limit`` bytes.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._lines = _Lines(limit, cr=False)
        self._first = True

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The lines that ``data`` completes."""
        for line in self._lines.feed(data):
            yield from self._event(line)

    def close(self) -> Iterator[ServerEvent]:
        """The last line, if it was left without an end."""
        yield from self._event(self._lines.rest())

    def _event(self, line: bytes) -> Iterator[ServerEvent]:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if line := line.strip():
            yield ServerEvent("message", line.decode("utf-8", "replace"))
