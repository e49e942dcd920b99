"""AWS's binary framing, checked against botocore's reader of it."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    EventStreamBuffer,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers.errors import StreamBroken
from polypilot_providers.eventstream import EventStreamDecoder
from polypilot_providers.framing import EVENTSTREAM
from polypilot_providers.sse import ServerEvent
from polypilot_providers.testing import aws_frame

EVENT = {":event-type": "greeting", ":content-type": "application/json", ":message-type": "event"}


def decode(*pieces: bytes, limit: int = 1_000_000) -> list[ServerEvent]:
    decoder = EventStreamDecoder(limit)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + list(decoder.close())


def sealed(headers: bytes, payload: bytes = b"", *, claimed: int | None = None) -> bytes:
    """A frame with these raw headers, whose checksums are right."""
    length = len(headers) if claimed is None else claimed
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, length)
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", zlib.crc32(frame))


def header(name: str, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def string(name: str, text: str) -> bytes:
    return header(name, 7, struct.pack(">H", len(text.encode())) + text.encode())


def test_frames_however_they_are_cut() -> None:
    data = aws_frame({"n": "é"}, EVENT) + aws_frame(b"", {}) + aws_frame(b"x", EVENT)
    whole = [
        ServerEvent("greeting", json.dumps({"n": "é"})),
        ServerEvent("message", ""),
        ServerEvent("greeting", "x"),
    ]
    assert decode(data) == whole
    assert decode(*(data[at : at + 1] for at in range(len(data)))) == whole
    for at in range(len(data)):
        assert decode(data[:at], data[at:]) == whole
        # What is left of a frame is nothing.
        assert decode(data[:at]) == whole[: len(decode(data[:at]))]


def test_every_type_of_header() -> None:
    headers = b"".join(
        [
            header("a", 0, b""),
            header("b", 1, b""),
            header("c", 2, b"\1"),
            header("d", 3, b"\0\1"),
            header("e", 4, bytes(4)),
            header("f", 5, bytes(8)),
            header("g", 6, struct.pack(">H", 3) + b"\xff\0\1"),
            header("h", 8, bytes(8)),
            header("i", 9, bytes(16)),
            string(":event-type", "wörld"),
        ]
    )
    assert decode(sealed(headers, b"{}")) == [ServerEvent("wörld", "{}")]


@pytest.mark.parametrize(
    ("headers", "payload", "code", "message"),
    [
        (
            {":message-type": "exception", ":exception-type": "throttlingException"},
            b'{"message":"Slow down","p":"abc"}',
            "throttlingException",
            "Slow down",
        ),
        (
            {":message-type": "exception", ":exception-type": "validationException"},
            b'{"Message":"No"}',
            "validationException",
            "No",
        ),
        (
            {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Oh"},
            b"",
            "InternalFailure",
            "Oh",
        ),
        ({":message-type": "news"}, b"[1]", "", ""),
    ],
)
def test_errors_have_code_and_message(
    headers: dict[str, str], payload: bytes, code: str, message: str
) -> None:
    (event,) = decode(aws_frame(payload, headers))
    assert event.event == "error"
    assert json.loads(event.data) == {"code": code, "message": message}


def test_every_flipped_bit_is_noticed() -> None:
    data = aws_frame({"text": "hi"}, EVENT)
    for at in range(len(data)):
        for bit in range(8):
            bad = bytearray(data)
            bad[at] ^= 1 << bit
            with pytest.raises(StreamBroken, match="checksum"):
                decode(bytes(bad))


def test_a_frame_is_bounded_before_it_has_come() -> None:
    prelude = struct.pack(">II", 1_000_001, 0)
    with pytest.raises(StreamBroken, match="1,000,000"):
        decode(prelude + struct.pack(">I", zlib.crc32(prelude)))
    frame = aws_frame(b"x" * 84, {})
    assert decode(frame, limit=100) == [ServerEvent("message", "x" * 84)]
    with pytest.raises(StreamBroken, match="99 bytes"):
        decode(frame, limit=99)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (sealed(b"", claimed=1), "shorter"),
        (sealed(b"", claimed=0xFFFFFFFF), "shorter"),
        (sealed(header("a", 10, b"")), "unknown type"),
        (sealed(b"\5ab"), "cut off"),
        (sealed(b"\1a"), "cut off"),
        (sealed(header("a", 5, b"\0")), "cut off"),
        (sealed(header("a", 7, b"\0")), "cut off"),
        (sealed(header("a", 7, b"\0\x09abc")), "cut off"),
    ],
)
def test_damaged_frames_break_the_stream(frame: bytes, why: str) -> None:
    with pytest.raises(StreamBroken, match=why):
        decode(frame)


def test_too_short_to_be_a_frame() -> None:
    prelude = struct.pack(">II", 15, 0)
    with pytest.raises(StreamBroken, match="shorter"):
        decode(prelude + struct.pack(">I", zlib.crc32(prelude)) + bytes(3))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text("abc:-é", min_size=1, max_size=9), st.text(max_size=20)),
            st.binary(max_size=200),
        ),
        max_size=5,
    ),
    st.data(),
)
def test_reads_what_botocore_reads(
    frames: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    everything = b"".join(
        aws_frame(body, headers | {":event-type": str(at)})
        for at, (headers, body) in enumerate(frames)
    )
    cut = data.draw(st.integers(0, len(everything)))
    theirs: Any = EventStreamBuffer()
    theirs.add_data(everything)
    expected = [
        ServerEvent(message.headers[":event-type"], message.payload.decode("utf-8", "replace"))
        for message in theirs
    ]
    assert decode(everything[:cut], everything[cut:]) == expected


@settings(max_examples=300)
@given(st.binary(max_size=300), st.binary(max_size=60))
def test_whatever_comes_only_our_error_is_raised(noise: bytes, headers: bytes) -> None:
    for data in (noise, sealed(headers, noise)):
        try:
            decode(data)
        except StreamBroken as error:
            assert error.cure  # noqa: PT017 - whether it is raised is left open


def test_the_framing() -> None:
    assert EVENTSTREAM.accept == "application/vnd.amazon.eventstream"
    assert list(EVENTSTREAM.decoder().feed(aws_frame(b"{}", EVENT))) == [
        ServerEvent("greeting", "{}")
    ]
