"""Private key blocks: where they begin and end when the text shows only part of them.

A block is recognised by its BEGIN or END line together with the base64 lines next to it,
not by the marker alone: programs that read PEM files are full of bare markers. Markers are
paired here and not in a pattern, because a pattern that spans from one to the other makes
the search quadratic in a text full of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_RUN = frozenset(_BASE64 + b"\\")
_DECORATION = b" \t\r\f\"'`#*>;,|()+.&:-"
_LEFT = b" \t\f\"'`#*>|("
_RIGHT = b" \t\r\f\"'`,;)"
_ESCAPED = b"\0\\"
_JOINS = 4
"""Layers of quotes, signs and escapes that are taken off a line's end."""
_HEADERS = (b"Proc-Type:", b"DEK-Info:", b"Comment:", b"Version:", b"Charset:", b"Hash:")
_ENOUGH = 20
"""A line of this much base64 beside a marker makes a block; shorter are words of a program."""
_BREAK = re.compile(r"(\r\n|\r|\n)")
_SHORT_LINES = 2
"""Short lines a block may end with: the rest of the base64 and PGP's checksum."""


def blocks(data: bytes, marks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans of the private key blocks around the markers ``marks`` (BEGIN or END lines).

    A BEGIN without END reaches as far as the lines look like a key's, to the end of the
    text if it is cut; an END without BEGIN likewise backwards.
    """
    data = data.replace(b"\r", b"\n")
    done = 0
    for index, (start, end) in enumerate(marks):
        if start < done:
            continue
        if data.startswith(b"-----BEGIN", start):
            limit = marks[index + 1][0] if index + 1 < len(marks) else len(data)
            reach, substance = _forward(data, end, limit)
            if reach == limit < len(data) and data.startswith(b"-----END", limit):
                reach = marks[index + 1][1]
            if substance:
                yield start, reach
                done = reach
        else:
            reach, substance = _backward(data, start, done)
            if substance:
                yield reach, end
            done = end


class _Body:
    """Reads a block's lines, from its marker away, and says where they stop being a key's."""

    def __init__(self, *, backward: bool) -> None:
        self.substance = False
        self._backward = backward
        self._short = 0

    def takes(self, line: bytes, *, cut: bool) -> bool:
        """Whether ``line`` belongs; ``cut`` if the text's edge runs through it."""
        core = _stripped(line)
        if not core or core.startswith(_HEADERS):
            return True
        if core.translate(None, _BASE64 + b"\0"):
            return False
        if len(core) >= _ENOUGH and not (self._short and not self._backward):
            self.substance = True
            return True
        # Only a block's last lines are short: after material when reading forward, before
        # it when reading backward.
        self._short += 1
        due = not self.substance if self._backward else self.substance
        return (due and self._short <= _SHORT_LINES) or (cut and self.substance)


def _forward(data: bytes, at: int, limit: int) -> tuple[int, bool]:
    """How far from ``at`` the text looks like a key's body, and whether it has substance."""
    body = _Body(backward=False)
    end = at
    while True:
        newline = data.find(b"\n", at, limit)
        stop = limit if newline < 0 else newline
        if not body.takes(data[at:stop], cut=stop == len(data)):
            run = _run(data[at:stop])
            return (at + run, True) if run >= _ENOUGH else (end, body.substance)
        end = stop
        if newline < 0:
            return limit, body.substance
        at = stop + 1


def _backward(data: bytes, at: int, limit: int) -> tuple[int, bool]:
    """The same, from an END marker at ``at`` back to ``limit`` at most."""
    body = _Body(backward=True)
    start = at
    while True:
        newline = data.rfind(b"\n", limit, at)
        first = limit if newline < 0 else newline + 1
        if not body.takes(data[first:at], cut=first == 0):
            run = _run(data[first:at][::-1])
            return (at - run, True) if run >= _ENOUGH else (start, body.substance)
        start = first
        if newline < 0:
            return start, body.substance
        at = newline


def _stripped(line: bytes) -> bytes:
    """A line without indentation, comment signs, quotes and line-end escapes."""
    return _unescaped(line).strip(_DECORATION + _ESCAPED)


def _unescaped(line: bytes) -> bytes:
    """``line`` with line-break escapes made into as many NULs."""
    return line.replace(b"\\n", b"\0\0").replace(b"\\r", b"\0\0")


def _run(line: bytes) -> int:
    """Length of the run of base64 and line-break escapes that ``line`` begins with."""
    return next((i for i, byte in enumerate(line) if byte not in _RUN), len(line))


def masked(text: str, mark: str, *, continued: bool) -> str:
    """A block with the material of each line replaced by ``mark``, line structure kept.

    Indentation and quotes stay, so that the block remains the string or comment it was.
    ``continued`` means that the first line began before this text.
    """
    pieces = _BREAK.split(text)  # lines and the breaks between them, in turn
    for number in range(0, len(pieces), 2):
        line = pieces[number]
        if number == 0 and continued:
            pieces[0] = ""
        elif len(pieces) == 1:
            pieces[0] = mark
        else:
            start, end = _material(line.encode("ascii", "replace"))
            if start < end:
                pieces[number] = line[:start] + mark + line[end:]
    return "".join(pieces)


def _material(line: bytes) -> tuple[int, int]:
    """Span of what must not stay of one line; only punctuation of the program around it may."""
    plain = _unescaped(line)
    start = len(plain) - len(plain.lstrip(_LEFT + b"\0"))
    end = len(plain.rstrip(_RIGHT + _ESCAPED))
    for _ in range(_JOINS):
        # A plus that joins string literals stands after a quote; else it is base64's.
        before = plain[start : end - 1].rstrip()
        if plain[end - 1 : end] != b"+" or not before.endswith((b'"', b"'")):
            break
        end = start + len(before.rstrip(_RIGHT + _ESCAPED))
    return start, end
