"""Sans-IO decoder of ``application/vnd.amazon.eventstream``, AWS's binary framing.

A frame is, in big-endian order: its length and its headers' length (4 bytes each), the CRC32 of
those 8 bytes, the headers, the payload, and the CRC32 of everything before it. A header is a name
(1 byte of length), a type (1 byte) and a value. Source: the event stream encoding of AWS's
Transcribe developer guide and the Smithy specification; recorded answers of Bedrock agree.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

from polypilot_providers.errors import StreamBroken
from polypilot_providers.jsonvalue import as_dict, as_str, parse
from polypilot_providers.sse import MAX_EVENT, ServerEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_SMALLEST = _PRELUDE.size + _CRC.size
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type: booleans, integers, a time stamp, a UUID. The types 6
(bytes) and 7 (string) say their length themselves."""


class EventStreamDecoder:
    """Cuts an answer into events.

    A frame of the type ``event`` becomes the event it names. A frame of the type ``exception``
    or ``error`` becomes an event ``error`` whose data is ``{"code": ..., "message": ...}``.
    What is left when the stream ends inside a frame is dropped: whether the answer is whole is
    for its reader to say.

    Raises:
        StreamBroken: a frame is damaged or has more than ``limit`` bytes.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The events that ``data`` completes."""
        self._buffer += data
        while (frame := self._cut()) is not None:
            yield _event(frame)

    def close(self) -> Iterator[ServerEvent]:
        """Nothing: a frame says its own length, so none can be ended by the stream's end."""
        return iter(())

    def _cut(self) -> bytes | None:
        """The next whole frame, both checksums verified."""
        if len(self._buffer) < _PRELUDE.size:
            return None
        size, headers, crc = _PRELUDE.unpack_from(self._buffer)
        if zlib.crc32(self._buffer[:8]) != crc:
            raise _damaged("a frame's beginning does not match its checksum")
        if size > self._limit:
            raise _damaged(f"it has an event of more than {self._limit:,} bytes")
        if headers + _SMALLEST > size:
            raise _damaged("a frame is shorter than what it holds")
        if len(self._buffer) < size:
            return None
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        if zlib.crc32(frame[: -_CRC.size]) != _CRC.unpack(frame[-_CRC.size :])[0]:
            raise _damaged("a frame does not match its checksum")
        return frame


def _event(frame: bytes) -> ServerEvent:
    start = _PRELUDE.size + _PRELUDE.unpack_from(frame)[1]
    headers = _headers(frame[_PRELUDE.size : start])
    data = frame[start : -_CRC.size].decode("utf-8", "replace")
    kind = headers.get(":message-type", "event")
    if kind == "event":
        return ServerEvent(headers.get(":event-type") or "message", data)
    return ServerEvent("error", json.dumps(_error(headers, data)))


def _error(headers: dict[str, str], data: str) -> dict[str, str]:
    """Code and message: modelled errors have them in the payload, unmodelled in the headers."""
    try:
        said = as_dict(parse(data))
    except ValueError:
        said = {}
    return {
        "code": headers.get(":exception-type") or headers.get(":error-code", ""),
        "message": as_str(said.get("message") or said.get("Message"))
        or headers.get(":error-message", ""),
    }


def _headers(data: bytes) -> dict[str, str]:
    """The headers whose values are strings; all others are passed over."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end], data[name_end]
            start = name_end + 1
            if kind in _SIZES:
                at = start + _SIZES[kind]
            elif kind in (_STRING, _STRING - 1):
                start += _LENGTH.size
                at = start + _LENGTH.unpack_from(data, start - _LENGTH.size)[0]
            else:
                raise _damaged("a frame has a header of an unknown type")
            if kind == _STRING:
                found[name.decode("utf-8", "replace")] = data[start:at].decode("utf-8", "replace")
    except (IndexError, struct.error):
        at = len(data) + 1
    if at > len(data):
        raise _damaged("a frame's headers are cut off")
    return found


def _damaged(why: str) -> StreamBroken:
    return StreamBroken(
        f"the answer broke off: {why}", cure="What came before stands; ask again for the rest."
    )
