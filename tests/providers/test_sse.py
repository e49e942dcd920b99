"""The decoders: bytes in, however they were cut, events out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_providers.errors import StreamBroken
from polypilot_providers.sse import MAX_EVENT, NdjsonDecoder, ServerEvent, SseDecoder


def sse(*chunks: bytes, limit: int = MAX_EVENT) -> list[tuple[str, str]]:
    decoder = SseDecoder(limit)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [(event.event, event.data) for event in (*events, *decoder.close())]


def ndjson(*chunks: bytes) -> list[str]:
    decoder = NdjsonDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [event.data for event in (*events, *decoder.close())]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [("message", "a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
        (b"data:a\r\rdata:  b\r\r", [("message", "a"), ("message", " b")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
        (b"event: x\ndata: a\ndata: b\n\n", [("x", "a\nb")]),
        (b"event: x\n\ndata: a\n\n", [("message", "a")]),
        (b": comment\n\ndata: a\nid: 3\nretry: 9\nodd\n: c\n\n", [("message", "a")]),
        (b"data\n\ndata:\n\n", [("message", ""), ("message", "")]),
        (b"data: a\n\ndata: unfinished", [("message", "a"), ("message", "unfinished")]),
        (b"data: a\ndata: b\n", [("message", "a\nb")]),
        ("data: é\u2028\x0c😀\n\n".encode(), [("message", "é\u2028\x0c😀")]),
        (b"data: \xff\n\n", [("message", "\ufffd")]),
        (b"\n\n\r\n\r\r", []),
        (b"", []),
        (b": only a comment", []),
    ],
)
def test_streams(stream: bytes, events: list[tuple[str, str]]) -> None:
    assert sse(stream) == events
    assert sse(*(stream[at : at + 1] for at in range(len(stream)))) == events
    for cut in range(len(stream)):
        assert sse(stream[:cut], b"", stream[cut:]) == events


LINES = st.lists(
    st.sampled_from([b"data: x", b"data:y", b"event: e", b": c", b"", b"id: 1", b"data"])
)


@given(LINES, st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=1), st.data())
def test_any_cut_gives_the_same(lines: list[bytes], ends: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + ends[at % len(ends)] for at, line in enumerate(lines))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert sse(*pieces) == sse(stream)


def test_an_event_over_the_limit_is_refused_before_it_is_kept() -> None:
    fits = b"data: " + b"x" * 94 + b"\n\n"
    assert len(sse(fits, limit=100)) == 1
    for stream in (b"data: " + b"x" * 95, b"data: " + b"x" * 60 + b"\ndata: " + b"y" * 60 + b"\n"):
        with pytest.raises(StreamBroken, match="100 bytes"):
            sse(*(stream[at : at + 1] for at in range(len(stream))), limit=100)
    # Lines that are no data count for themselves only.
    assert sse(b": " + b"c" * 90 + b"\n", b": " + b"c" * 90 + b"\n", limit=100) == []


def test_what_follows_the_event_that_ended_the_reading_is_untouched() -> None:
    decoder = SseDecoder()
    assert next(decoder.feed(b"data: a\n\ndata: b\n\n")) == ServerEvent("message", "a")
    assert list(decoder.feed(b"data: c\n\n")) == [ServerEvent("message", "c")]


@pytest.mark.parametrize(
    "stream",
    [
        b'{"a":1}\n{"b":"\xc3\xa9"}\n',
        b'\xef\xbb\xbf{"a":1}\r\n\r\n\n{"b":"\xc3\xa9"}',
        b'{"a":1}\r\n{"b":"\xc3\xa9"}\r\n',
    ],
)
def test_ndjson(stream: bytes) -> None:
    expected = ['{"a":1}', '{"b":"é"}']
    assert ndjson(stream) == expected
    assert ndjson(*(stream[at : at + 1] for at in range(len(stream)))) == expected


@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=4), st.integers(1, 7))
def test_ndjson_round_trip(values: list[dict[str, str]], size: int) -> None:
    stream = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [json.loads(line) for line in ndjson(*pieces)] == values


def test_an_ndjson_line_over_the_limit() -> None:
    with pytest.raises(StreamBroken):
        list(NdjsonDecoder(10).feed(b"x" * 11))
