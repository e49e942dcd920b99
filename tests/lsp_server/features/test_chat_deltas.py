"""How the events of an answer travel to the editor: joined, in order, and to the end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.chat import events
from polypilot.lsp import chat_methods
from polypilot.lsp.features import chat, session
from polypilot.lsp.server import PolypilotServer
from polypilot_providers.types import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.backend import Backend

BEGIN = events.Session("s1", "m1", "p", "model")
END = events.End("end", "s1", "m1", "p2", "other", "whole text", Usage(input_tokens=3))


class Sink:
    """The wire's end: what was sent, as the editor reads it."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.congested = False
        self.waited = 0
        self.heard = asyncio.Event()

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
        params = chat_methods.ChatSendParams(
            "hi", partial_result_token=token, work_done_token="w" if token else None
        )
        made = chat._Answer(server, params)  # pyright: ignore[reportPrivateUsage] - there is no public way to see or bring about this
        return asyncio.ensure_future(made.run(stream))

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
