"""Headers and bodies, cut at every byte."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_support import Process, Session, frame

from polypilot.lsp.framing import Framer, FramingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

BODY = b'{"jsonrpc":"2.0","id":9,"method":"test/echo","params":["here"]}'
LENGTH = b"%d" % len(BODY)

READABLE = [
    b"Content-Length: " + LENGTH + b"\r\n\r\n",
    b"content-length: " + LENGTH + b"\r\n\r\n",
    b"CONTENT-LENGTH:" + LENGTH + b"\r\n\r\n",
    b"Content-Length :\t " + LENGTH + b" \t\r\n\r\n",
    b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: "
    + LENGTH
    + b"\r\n\r\n",
    b"Content-Length: " + LENGTH + b'\r\nContent-Type: application/x; charset="UTF8"\r\n\r\n',
    b"X-Other: a: b\r\nContent-Length: " + LENGTH + b"\r\nEmpty:\r\n\r\n",
    b"Content-Length: " + LENGTH + b"\r\ncontent-length: " + LENGTH + b"\r\n\r\n",
    b"Content-Length: 0000" + LENGTH + b"\r\n\r\n",
]

UNREADABLE = {
    "LF only": b"Content-Length: " + LENGTH + b"\n\n" + BODY,
    "LF in the end": b"Content-Length: " + LENGTH + b"\r\n\n" + BODY,
    "CR only": b"Content-Length: " + LENGTH + b"\r\r" + BODY,
    "no header": b"\r\n\r\n" + BODY,
    "no length": b"Content-Type: text/plain\r\n\r\n" + BODY,
    "no colon": b"Content-Length " + LENGTH + b"\r\n\r\n" + BODY,
    "a body first": BODY,
    "garbage": b"\x00\xff\x13garbage",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a word": b"Content-Length: abc\r\n\r\n",
    "negative": b"Content-Length: -5\r\n\r\n",
    "a sign": b"Content-Length: +5\r\n\r\n",
    "a fraction": b"Content-Length: 5.0\r\n\r\n",
    "an underscore": b"Content-Length: 1_0\r\n\r\n",
    "no number": b"Content-Length:\r\n\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "huge": b"Content-Length: 1000000000000\r\n\r\n",
    "a byte too many": b"Content-Length: %d\r\n\r\n" % (64 * 1024 * 1024 + 1),
    "digits without end": b"Content-Length: " + b"1" * 10_000,
    "headers without end": b"X: y\r\n" * 3000,
    "a name without end": b"x" * 10_000,
    "a continued line": b"Content-Length: 5\r\n 6\r\n\r\n",
}

STALLED = {
    "too long": b"Content-Length: %d\r\n\r\n" % (len(BODY) + 10) + BODY,
    "a word": b"garbage",
    "a header of nobody's": b"Host: loc",
}

UNFINISHED = {
    "in a header's name": b"content-le",
    "in a length": b"Content-Length: 1",
    "between headers": b"Content-Length: 10\r\n",
    "before the last newline": b"Content-Length: 10\r\n\r",
    "before the body": b"Content-Length: 10\r\n\r\n",
    "in the body": frame(BODY)[:-1],
    "in a nested body": frame(BODY + b"]")[:-20],
    "after a brace": b'Content-Length: 50\r\n\r\n{"a":{}',
}


def read(pieces: Iterable[bytes]) -> list[bytes]:
    framer = Framer()
    return [each.body for piece in pieces for each in framer.feed(piece)]


@pytest.mark.parametrize("header", READABLE)
def test_headers_are_read_generously_and_at_every_cut(header: bytes):
    data = header + BODY + frame(b"{}")
    for cut in range(len(data)):
        framer = Framer()
        frames = [*framer.feed(data[:cut]), *framer.feed(data[cut:])]
        assert [each.body for each in frames] == [BODY, b"{}"]
        assert all(each.utf8 for each in frames)
        assert not framer.inside
    assert read(bytes([byte]) for byte in data) == [BODY, b"{}"]


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_stream_that_cannot_be_read_is_refused_at_once(data: bytes):
    for pieces in ([data], [bytes([byte]) for byte in data[:9000]]):
        with pytest.raises(FramingError):
            read(pieces)


@pytest.mark.parametrize("data", STALLED.values(), ids=STALLED)
def test_a_message_that_cannot_go_on_is_refused_when_it_stalls(data: bytes):
    framer = Framer()
    assert list(framer.feed(data)) == []
    assert framer.inside
    with pytest.raises(FramingError):
        framer.check_stalled()


@pytest.mark.parametrize("data", UNFINISHED.values(), ids=UNFINISHED)
def test_a_message_that_can_go_on_is_waited_for(data: bytes):
    framer = Framer()
    assert list(framer.feed(data)) == []
    framer.check_stalled()


def test_good_messages_before_the_bad_one_are_given():
    found: list[bytes] = []
    with pytest.raises(FramingError):
        found.extend(each.body for each in Framer().feed(frame(b"[]") + frame(b"") + b"\n"))
    assert found == [b"[]", b""]


@given(st.binary(max_size=200), st.lists(st.integers(1, 50)))
def test_any_bytes_give_messages_or_one_error(data: bytes, cuts: list[int]):
    framer, start = Framer(max_body=1000), 0
    with contextlib.suppress(FramingError):  # and nothing else
        for cut in [*cuts, len(data)]:
            assert all(len(each.body) <= 1000 for each in framer.feed(data[start : start + cut]))
            start += cut
        framer.check_stalled()


# -- the same against servers -------------------------------------------------------------


@pytest.mark.parametrize("header", READABLE)
async def test_a_request_is_answered_however_its_header_is_written(session: Session, header: bytes):
    session.write(header + BODY)
    assert (await session.reply(9))["result"] == ["here"]


async def test_a_body_in_another_charset_is_refused_and_the_next_served(session: Session):
    header = b"Content-Type: text/plain; charset=utf-16\r\nContent-Length: " + LENGTH + b"\r\n\r\n"
    session.write(header + BODY)
    assert (await session.reply(None))["error"]["code"] == -32700
    assert await session.result("test/echo", [1]) == [1]


@pytest.mark.parametrize("data", [*UNREADABLE.values(), *STALLED.values()])
async def test_the_connection_ends_soon_and_says_why(session: Session, data: bytes):
    session.write(frame(BODY) + data)
    await asyncio.wait_for(session.ended.wait(), 5)
    assert session.broken
    assert session.code == 1
    assert session.replies.to(9)  # what came before was answered


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
@pytest.mark.parametrize("kind", ["LF only", "huge", "garbage", "too long"])
async def test_the_process_ends_with_one_line(spawn: Callable[..., Awaitable[Process]], kind: str):
    process = await spawn()
    await process.initialize()
    memory = psutil.Process(process.process.pid)
    before, most = memory.memory_info().rss, 0
    process.write((UNREADABLE | STALLED)[kind])
    while process.process.returncode is None:
        try:
            most = max(most, memory.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        await asyncio.sleep(0.01)  # how often its memory is looked at
    assert await process.exit_code() == 1
    assert process.stderr.startswith(b"polypilot: the client's messages can't be read: ")
    assert process.stderr.count(b"\n") == 1
    assert most - before < 10_000_000
