"""A wire chooses how its answers are cut; the HTTP layer only asks for it and passes bytes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import StreamBroken, Unavailable
from polypilot_providers.framing import NDJSON, SSE
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, Step, reply, stream
from polypilot_providers.types import Event, Stop, StopReason, TextDelta
from polypilot_providers.wires.shared import WireParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.http import HttpClient


class LineParser(WireParser):
    """Reads ``{"text": ..., "done": ...}``, one per line."""

    framing = NDJSON

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        assert event == "message"
        self.progress += 1
        yield TextDelta(str(value["text"]))
        self.complete = self.done = value.get("done") is True

    def end(self) -> Iterator[Event]:
        yield Stop(StopReason.END)


class EventParser(LineParser):
    """The same payloads as server-sent events."""

    framing = SSE

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        return self.payload("message", value)


LINES = b'{"text":"a"}\r\n{"text":"\xc3\xa9","done":true}\n'
EVENTS = b'data: {"text":"a"}\n\ndata: {"text":"\xc3\xa9","done":true}\n\n'
WHOLE = [TextDelta("a"), TextDelta("é"), Stop(StopReason.END)]


async def ask(
    http: HttpClient, make: type[WireParser], steps: list[Step]
) -> tuple[list[Event], str]:
    """The events of an answer, and the media type that was asked for."""
    async with ScriptedServer(steps) as server:
        call = Call("team", Origin.parse(server.url), "/", {"stream": True}, needs_key=False)
        limits = Limits(10, 10, 10)
        got = [e async for e in http.stream(call, make, limits)]
        return got, server.requests[0].headers["accept"]


@pytest.mark.parametrize(
    ("make", "answer", "accept"),
    [
        (LineParser, LINES, "application/x-ndjson"),
        (EventParser, EVENTS, "text/event-stream"),
    ],
    ids=["ndjson", "sse"],
)
async def test_an_answer_is_cut_as_its_wire_says(
    http: HttpClient, make: type[WireParser], answer: bytes, accept: str
) -> None:
    for size in (1, 5, len(answer)):
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        assert await ask(http, make, stream(*pieces)) == (WHOLE, accept)


async def test_where_an_object_begins_a_stream_it_is_no_document(http: HttpClient) -> None:
    """One line is a payload of one framing, and under the other the whole answer."""
    one = b'{"text":"b","done":true}\n'
    for make in (LineParser, EventParser):
        got, _ = await ask(http, make, reply(200, one))
        assert got == [TextDelta("b"), Stop(StopReason.END)]
    with pytest.raises(StreamBroken, match="not JSON"):
        await ask(http, LineParser, reply(200, b'{"text":\n"b"}'))


@pytest.mark.parametrize("make", [LineParser, EventParser])
async def test_errors_in_any_framing(http: HttpClient, make: type[WireParser]) -> None:
    with pytest.raises(Unavailable, match="web page"):
        await ask(http, make, reply(200, b"<html>"))
    with pytest.raises(Unavailable, match="overloaded"):
        await ask(http, make, reply(200, b'{"error":{"type":"overloaded_error"}}'))
    with pytest.raises(StreamBroken, match="end marker"):
        await ask(http, make, reply(200, EVENTS[:18] if make is EventParser else LINES[:13]))
