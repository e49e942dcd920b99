"""JSON to values in slices where a message is large.

A decoder that reads 50 MB in one call keeps everything else waiting for 0.2 to 0.4 s. Nearly
all of such a message is one string, the document's text; `decode_large` decodes the long
strings in slices with pauses in between, and the short rest in one go.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from enum import Enum
from typing import TYPE_CHECKING, cast

from polypilot.stdio.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGE = 1024 * 1024
"""A body of more bytes than this is decoded in slices."""
_SLICE = 256 * 1024
_FIRST_PIECE = 256
_PAUSE_AFTER = 0.004  # seconds of work between two pauses

_HIGH_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_CONTINUES, _CONTINUES_MASK = 0x80, 0xC0
_BACKSLASH = 0x5C
_LONGEST_ESCAPE = 6


def plain(value: object) -> object:
    """What `json` does not know but we send: an enumeration's member is its value."""
    if isinstance(value, Enum):
        return cast("object", value.value)
    raise TypeError(f"{type(value).__name__} can't be sent")


class _Pace:
    """Gives other tasks their turn, every few milliseconds."""

    def __init__(self) -> None:
        self._next = time.perf_counter() + _PAUSE_AFTER

    async def pause(self) -> None:
        if time.perf_counter() >= self._next:
            await asyncio.sleep(0)
            self._next = time.perf_counter() + _PAUSE_AFTER


async def _nobody(_message: object) -> None:
    return


async def decode_large(body: bytes, early: Callable[[object], Awaitable[None]] = _nobody) -> object:
    """Like `decode`, with pauses for other tasks.

    ``early`` is given the value as soon as all of it is known but the long strings, in whose
    place something else stands; that is after a third of the time.

    Raises:
        ValueError: as `decode`.
    """
    pace = _Pace()
    marker = os.urandom(8).hex()
    long: dict[str, tuple[int, int]] = {}
    rest: list[bytes] = []
    position = 0
    while (quote := body.find(b'"', position)) != -1:
        end = await _string_end(body, quote + 1, pace)
        if end - quote > _SLICE:
            name = f"{marker}{len(long)}"
            long[name] = quote + 1, end
            rest += (body[position:quote], b'"', name.encode(), b'"')
        else:
            rest.append(body[position : end + 1])
        position = end + 1
        await pace.pause()
    rest.append(body[position:])
    value = decode(b"".join(rest))
    await early(value)
    texts = {name: await _decode_string(body, *place, pace) for name, place in long.items()}
    return _with_texts(value, texts) if texts else value


async def _string_end(body: bytes, start: int, pace: _Pace) -> int:
    """Where the quote stands that ends the string which begins at ``start``.

    A pattern that steps from escape to escape takes six times as long as taking away, in each
    piece, the escapes that matter.
    """
    size = _FIRST_PIECE
    while start < len(body):
        piece = body[start : start + size]
        backslashes = len(piece) - len(piece.rstrip(b"\\"))
        if backslashes % 2 and len(piece) > 1:  # an escape is not cut in two
            piece = piece[:-1]
        end = piece.replace(b"\\\\", b"  ").replace(b'\\"', b"  ").find(b'"')
        if end != -1:
            return start + end
        start += len(piece)
        size = min(size * 4, _SLICE)
        await pace.pause()
    raise ValueError("a string does not end")


async def _decode_string(body: bytes, start: int, end: int, pace: _Pace) -> str:
    parts: list[str] = []
    while start < end:
        stop = _safe_cut(body, start, start + _SLICE) if end - start > _SLICE else end
        parts.append(cast("str", decode(b'"%b"' % body[start:stop])))
        start = stop
        await pace.pause()
    return "".join(parts)


def _safe_cut(body: bytes, start: int, cut: int) -> int:
    """The last place before or at ``cut`` which is not inside a character or an escape."""
    while body[cut] & _CONTINUES_MASK == _CONTINUES and cut > start + 1:
        cut -= 1
    escape = body.rfind(b"\\", cut - _LONGEST_ESCAPE, cut)
    if escape == -1:
        return cut
    first = escape
    while first > start and body[first - 1] == _BACKSLASH:
        first -= 1
    if (escape - first) % 2:  # pairs of backslashes: each an escape of its own, complete
        return cut
    if _HIGH_HALF.fullmatch(body, escape - _LONGEST_ESCAPE, escape):
        return escape - _LONGEST_ESCAPE
    return escape


def _with_texts(value: object, texts: dict[str, str]) -> object:
    """``value`` with each stand-in replaced by the long string it stands for."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, list):
        return [_with_texts(item, texts) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {
            texts.get(key, key): _with_texts(item, texts)
            for key, item in cast("dict[str, object]", value).items()
        }
    return value
