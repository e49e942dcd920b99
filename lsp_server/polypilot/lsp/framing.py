"""From bytes to message bodies: the Base protocol's headers, without any input or output.

Read generously: header names in any case, blanks around the colon or none, any order, unknown
headers. Refused at once, because no later byte can put it right: lines that end in a bare LF,
lines that are no header, a missing, contradictory, non-decimal or huge ``Content-Length``.
Memory grows with the bytes received, never with the length announced.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the longest message; one that announces more ends the connection."""
MAX_HEADERS = 8 * 1024
"""Bytes of all headers of one message."""

_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\r\n\0]*?)[ \t]*")
_HEADER_SO_FAR = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*(?::[^\r\n\0]*)?")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LENGTH = re.compile(rb"[0-9]{1,20}")
_CHARSET = re.compile(rb"""charset[ \t]*=[ \t]*["']?([^"'; \t]+)""", re.IGNORECASE)
_KNOWN = (b"content-length", b"content-type")
_UTF8 = {b"utf-8", b"utf8"}


class FramingError(Exception):
    """The byte stream can't be read any further. The message names no byte of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message's body. ``utf8`` is false if its headers named another charset."""

    body: bytes
    utf8: bool = True


class Framer:
    """Takes bytes as they come, gives bodies."""

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._headers = bytearray()
        self._body: list[bytes] = []
        self._missing = -1  # bytes of the body still to come; -1 while reading headers
        self._utf8 = True

    @property
    def inside(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._headers) or self._missing >= 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Gives each message that ``data`` completes.

        Raises:
            FramingError: after the last good message, if what follows can't be read.
        """
        while data or self._missing == 0:
            if self._missing < 0:
                data = self._read_headers(data)
            else:
                part = data[: self._missing]
                data = data[self._missing :]
                self._body.append(part)
                self._missing -= len(part)
                if self._missing == 0:
                    frame = Frame(b"".join(self._body), self._utf8)
                    self._body, self._missing, self._utf8 = [], -1, True
                    yield frame

    def check_stalled(self) -> None:
        """To be called when a message has begun and no byte has come for a while.

        Raises:
            FramingError: the message can't be meant to go on: its body is complete, though
                shorter than announced, or its header is not one that editors send.
        """
        if self._missing > 0 and _complete(b"".join(self._body)):
            raise FramingError("a message is shorter than its Content-Length")
        if self._missing < 0 and self._headers:
            line = bytes(self._headers).rpartition(b"\r\n")[2]
            name = line.partition(b":")[0].strip().lower()
            if line and not any(known.startswith(name) for known in _KNOWN):
                raise FramingError("a header line does not end")

    def _read_headers(self, data: bytes) -> bytes:
        """Adds to the headers; what follows them is returned."""
        room = MAX_HEADERS + 4 - len(self._headers)
        seen = len(self._headers)
        self._headers += data[:room]
        end = self._headers.find(b"\r\n\r\n", max(seen - 3, 0))
        if end == -1:
            self._check_so_far()
            return data[room:]
        self._parse(bytes(self._headers[:end]))
        self._headers.clear()
        return data[end + 4 - seen :]

    def _check_so_far(self) -> None:
        """Refuses headers that no further byte can make good."""
        if _BARE_LF.search(self._headers):
            raise FramingError("header lines end in LF instead of CR LF")
        lines = bytes(self._headers).removesuffix(b"\r").split(b"\r\n")
        last = lines.pop()
        if not all(map(_HEADER.fullmatch, lines)) or (last and not _HEADER_SO_FAR.fullmatch(last)):
            raise FramingError("a header line is not of the form Name: value")
        if len(self._headers) > MAX_HEADERS:
            raise FramingError(f"headers are longer than {MAX_HEADERS} bytes")

    def _parse(self, block: bytes) -> None:
        lengths: set[bytes] = set()
        if _BARE_LF.search(block):
            raise FramingError("header lines end in LF instead of CR LF")
        for line in block.split(b"\r\n"):
            header = _HEADER.fullmatch(line)
            if header is None:
                raise FramingError("a header line is not of the form Name: value")
            name, value = header[1].lower(), header[2]
            if name == b"content-length":
                lengths.add(value)
            elif name == b"content-type" and (charset := _CHARSET.search(value)):
                self._utf8 = charset[1].lower() in _UTF8
        if len(lengths) != 1:
            raise FramingError("a message has no Content-Length, or more than one")
        if not _LENGTH.fullmatch(value := lengths.pop()):
            raise FramingError("a Content-Length is not a decimal number")
        if int(value) > self._max_body:
            raise FramingError(f"a message is longer than {self._max_body} bytes")
        self._missing = int(value)


def _complete(body: bytes) -> bool:
    """Whether ``body`` is a whole JSON object or array."""
    if body.strip()[-1:] not in {b"}", b"]"}:
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
