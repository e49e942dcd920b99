"""How the events of an answer travel to the editor: joined, in order, and to the end."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.chat import events
from polypilot.chat.values import FileDiff, Location, PlanEntry
from polypilot.lsp.features import session
from polypilot.lsp.features.chat_answer import Answer
from polypilot.lsp.features.chat_stream import Work
from polypilot.lsp.server import PolypilotServer
from polypilot_providers.types import Cost, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.backend import Backend
    from polypilot.lsp import chat_methods
    from polypilot_providers.testing import ScriptedServer

BEGIN = events.Session("s1", "m1", "p", "model")
END = events.End("end", "s1", "m1", "p2", "other", "whole text", Usage(input_tokens=3))


class Sink:
    """The wire's end: what was sent, as the editor reads it."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.congested = False
        self.waited = 0
        self.heard = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()

    def put(self, data: bytes) -> None:
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        if message["method"] == "$/progress":
            params = message["params"]
            self.values.append((params["token"], params["value"]))
        else:
            self.values.append((message["method"], message["params"]))
        self.heard.set()

    async def drained(self) -> None:
        self.waited += 1
        await self.room.wait()
        self.congested = False

    def of(self, token: object) -> list[Any]:
        return [value for name, value in self.values if name == token]


@pytest.fixture
def sink() -> Sink:
    """What the editor has read."""
    return Sink()


@pytest.fixture
def server(sink: Sink) -> PolypilotServer[Backend]:
    """A server that is connected to ``sink``."""
    made: PolypilotServer[Backend] = PolypilotServer(session.make_backend, lambda _: None)
    made.protocol.sink = sink  # pyright: ignore[reportAttributeAccessIssue]  three of its members are used
    return made


@pytest.fixture
def answer(
    server: PolypilotServer[Backend],
) -> Callable[..., asyncio.Task[chat_methods.ChatSendResult]]:
    """Starts passing on what a stream yields."""

    def start(
        stream: AsyncGenerator[events.ChatEvent, None], token: str | None = "t"
    ) -> asyncio.Task[chat_methods.ChatSendResult]:
        async def run() -> chat_methods.ChatSendResult:
            with Work(server, "w" if token else None, {}):
                return await Answer(server, token).run(stream)

        return asyncio.ensure_future(run())

    return start


async def said(*given: events.ChatEvent) -> AsyncGenerator[events.ChatEvent, None]:
    for each in given:
        yield each


async def test_pieces_that_follow_closely_travel_together_and_in_order(
    answer: Callable[..., Any], sink: Sink
) -> None:
    result = await answer(
        said(
            BEGIN,
            events.Text("a"),
            events.Text("b"),
            events.Text("c"),
            events.Thought("x"),
            events.Thought("y"),
            events.Text("d"),
            events.ToolCall("1", "f", "{}"),
            events.Refusal("no"),
            events.Notice("switched"),
            events.Usage(Usage(output_tokens=1)),
            END,
        )
    )
    kinds = [(each["kind"], each.get("text")) for each in sink.of("t")]
    assert kinds == [
        ("session", None),
        ("text", "a"),
        ("text", "bc"),
        ("thought", "xy"),
        ("text", "d"),
        ("toolCall", None),
        ("refusal", "no"),
        ("notice", None),
        ("usage", None),
    ]
    assert [each["kind"] for each in sink.of("w")] == ["begin", "end"]
    assert sink.values[-1][0] == "w"
    assert (result.provider, result.model, result.text) == ("p2", "other", None)
    assert result.usage is not None
    assert result.usage.input_tokens == 3


PLACES = (Location("/w/a.py", 3), Location("/w/b.py"))
KINDS: list[tuple[events.ChatEvent, dict[str, Any]]] = [
    (
        events.Session("s", "m", "p", "n", "q"),
        {"sessionId": "s", "messageId": "m", "provider": "p", "model": "n", "questionId": "q"},
    ),
    (events.Title("About a"), {"title": "About a"}),
    (
        events.Context((events.ContextItem("file:///w/a.py", 4, 1, name="a.py"),)),
        {"items": [{"uri": "file:///w/a.py", "tokens": 4, "redacted": 1, "name": "a.py"}]},
    ),
    (
        events.Compacted(6, 900, 100, "They greeted."),
        {"messages": 6, "before": 900, "after": 100, "summary": "They greeted."},
    ),
    (
        events.ToolCall("1", "read", "{}", "Read a.py", "read", PLACES),
        {
            "id": "1",
            "name": "read",
            "arguments": "{}",
            "title": "Read a.py",
            "toolKind": "read",
            "locations": [{"uri": "file:///w/a.py", "line": 2}, {"uri": "file:///w/b.py"}],
        },
    ),
    (
        events.ToolUpdate("1", "in_progress"),
        {"id": "1", "status": "in_progress"},
    ),
    (
        events.ToolUpdate(
            "1", "completed", "done", (FileDiff("/w/n.py", None, "x"),), PLACES[1:], ("e1",)
        ),
        {
            "id": "1",
            "status": "completed",
            "text": "done",
            "diffs": [{"uri": "file:///w/n.py", "newText": "x"}],
            "locations": [{"uri": "file:///w/b.py"}],
            "proposals": ["e1"],
        },
    ),
    (
        events.Plan((PlanEntry("look", "completed"), PlanEntry("write"))),
        {
            "entries": [
                {"content": "look", "status": "completed", "priority": "medium"},
                {"content": "write", "status": "pending", "priority": "medium"},
            ]
        },
    ),
    (events.Citation("u", "t", "c"), {"url": "u", "title": "t", "text": "c"}),
    (
        events.Usage(
            Usage(input_tokens=5), "p", "n", Cost(Decimal("0.1"), "prices"), 7, 9, Decimal("1.50")
        ),
        {
            "inputTokens": 5,
            "cost": "0.1",
            "costSource": "prices",
            "used": 7,
            "window": 9,
            "sessionCost": "1.50",
        },
    ),
    (
        events.Proposal("e1", "/w/a.py", "@@ -1 +1 @@\n-a\n+b\n"),
        {"id": "e1", "uri": "file:///w/a.py", "diff": "@@ -1 +1 @@\n-a\n+b\n"},
    ),
    (
        events.Proposal("", "/w/.env", "", "excluded"),
        {"uri": "file:///w/.env", "diff": "", "refused": "excluded"},
    ),
    (events.Notice("switched"), {"message": "switched"}),
]


@pytest.mark.parametrize(
    ("event", "fields"), KINDS, ids=[f"{i}-{event.kind}" for i, (event, _) in enumerate(KINDS)]
)
async def test_each_kind_of_event_has_its_delta(
    answer: Callable[..., Any], sink: Sink, event: events.ChatEvent, fields: dict[str, Any]
) -> None:
    await answer(said(event, END))
    assert sink.of("t") == [{**fields, "kind": event.kind}]


async def test_no_delta_repeats_what_was_sent(answer: Callable[..., Any], sink: Sink) -> None:
    pieces = [f"word {number} " for number in range(5000)]
    result = await answer(said(BEGIN, *map(events.Text, pieces), END))
    texts = [each["text"] for each in sink.of("t") if each["kind"] == "text"]
    assert "".join(texts) == "".join(pieces)
    assert result.text is None
    assert len(texts) < len(pieces) / 10


async def test_what_waits_is_sent_though_nothing_follows(
    answer: Callable[..., Any], sink: Sink
) -> None:
    go = asyncio.Event()

    async def stream() -> AsyncGenerator[events.ChatEvent, None]:
        yield BEGIN
        yield events.Text("a")
        yield events.Text("b")
        await go.wait()
        yield END

    task = answer(stream())
    async with asyncio.timeout(10):
        while [each.get("text") for each in sink.of("t")] != [None, "a", "b"]:
            sink.heard.clear()
            await sink.heard.wait()
    go.set()
    assert (await task).stop_reason == "end"


async def test_a_slow_editor_holds_the_stream_up(answer: Callable[..., Any], sink: Sink) -> None:
    sink.congested = True
    await answer(said(BEGIN, events.Text("a"), END))
    assert sink.waited == 1


async def test_nothing_is_taken_from_the_provider_while_the_editor_does_not_read(
    answer: Callable[..., Any], sink: Sink
) -> None:
    pulled = 0

    async def stream() -> AsyncGenerator[events.ChatEvent, None]:
        nonlocal pulled
        for _ in range(100):
            pulled += 1
            yield events.Text("a")
        yield END

    sink.congested = True
    sink.room.clear()
    task = answer(stream())
    for _ in range(50):
        await asyncio.sleep(0)
    assert pulled == 1
    sink.room.set()
    await task
    assert pulled == 100


async def test_a_provider_that_is_never_late_leaves_others_their_turn(
    answer: Callable[..., Any],
) -> None:
    turns = 0

    async def stream() -> AsyncGenerator[events.ChatEvent, None]:
        began = time.perf_counter()
        while turns < 5 and time.perf_counter() - began < 30:
            yield events.Text("a")
        yield END

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.ensure_future(other())
    await answer(stream())
    beside.cancel()
    assert turns >= 5


async def test_without_a_token_the_text_is_in_the_result(
    answer: Callable[..., Any], sink: Sink
) -> None:
    failed = events.Error("timeout", "too slow", "")
    end = events.End("error", "s1", "m1", "p", "m", "ab", None, failed)
    result = await answer(said(BEGIN, events.Text("a"), events.Text("b"), failed, end), None)
    assert result.text == "ab"
    assert result.error is not None
    assert (result.error.code, result.error.cure) == ("timeout", None)
    assert sink.values == []


async def test_stopping_before_the_answer_has_begun_is_a_plain_cancellation(
    answer: Callable[..., Any], sink: Sink
) -> None:
    closed = asyncio.Event()
    asked = asyncio.Event()

    async def stream() -> AsyncGenerator[events.ChatEvent, None]:
        try:
            asked.set()
            await asyncio.Event().wait()
            yield BEGIN
        finally:
            closed.set()

    task = answer(stream())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    assert [each["kind"] for each in sink.of("w")] == ["begin", "end"]


async def test_the_loading_of_a_model_is_one_report_that_ends(
    server: PolypilotServer[Backend], sink: Sink
) -> None:
    from lsprotocol import types  # noqa: PLC0415 - its import takes long, and one test needs it

    loading = session._Loading(server)  # pyright: ignore[reportPrivateUsage] - there is no public way to see or bring about this
    server.protocol.client_capabilities = types.ClientCapabilities()
    loading.stage("loading")
    assert sink.values == []
    window = types.WindowClientCapabilities(work_done_progress=True)
    server.protocol.client_capabilities = types.ClientCapabilities(window=window)
    for stage in ("ready", "checking", "checking", "loading", "failed", "failed", "checking"):
        loading.stage(stage)
    loading.stage("ready")
    created = [value["token"] for value in sink.of("window/workDoneProgress/create")]
    assert len(set(created)) == 2
    shown = [(each["kind"], each.get("message")) for token in created for each in sink.of(token)]
    assert shown == [
        ("begin", "checking"),
        ("report", "loading"),
        ("end", "failed"),
        ("begin", "checking"),
        ("end", "ready"),
    ]


@pytest.mark.parametrize("by", ["request", "progress"])
async def test_stopping_closes_the_suppliers_socket_and_keeps_what_came(
    editor: Any, settings: Callable[[str], None], hanging: ScriptedServer, by: str
) -> None:
    settings(hanging.url)
    await editor.start()
    params = {"text": "talk", "partialResultToken": "t", "workDoneToken": "w"}
    asked = editor.ask("polypilot/chat/send", params)
    await editor.said("Hello")
    if by == "request":
        editor.notify("$/cancelRequest", {"id": asked})
    else:
        editor.notify("window/workDoneProgress/cancel", {"token": "w"})
    result = (await editor.reply(asked))["result"]
    assert result["stopReason"] == "cancelled"
    async with asyncio.timeout(30):
        await hanging.requests[0].gone.wait()
    shown = await editor.result("polypilot/chat/load", {"sessionId": result["sessionId"]})
    assert [each["text"] for each in shown["messages"]] == ["talk", "Hello"]
    assert shown["messages"][1]["stopReason"] == "cancelled"
