"""Servers that are broken, slow or mean: what they can't have us do."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from router_support import A, B, World, bad, good

from polypilot_providers.base import Limits
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import (
    NetworkError,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.factory import address, build
from polypilot_providers.failures import ParameterRefused, Peer, from_event, from_status
from polypilot_providers.router import Router, Terms
from polypilot_providers.testing import Reset, ScriptedServer, Stall, outcome, read, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    FilePart,
    Message,
    TextPart,
    Tool,
    ToolCall,
    user,
)
from polypilot_providers.wires.anthropic_stream import AnthropicParser
from polypilot_providers.wires.bedrock_invoke_stream import PlainParser
from polypilot_providers.wires.openai_chat import OpenAIProvider
from polypilot_providers.wires.openai_stream import OpenAIParser
from polypilot_providers.wires.responses_stream import ResponsesParser
from polypilot_providers.wires.rests import Rests
from polypilot_providers.wires.shared import SseParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.call import Call, StreamParser
    from polypilot_providers.http import HttpClient
    from polypilot_providers.scripts import Step
    from polypilot_providers.types import Event

PEER = Peer("team", "host")
BOUND = 20.0
"""Seconds that take no machine so long, unless the time grows with the square of the size."""
CHAT = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def data(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


# --- answers


def test_tool_calls_without_number_take_time_by_their_number() -> None:
    parser, start = OpenAIParser(PEER), time.monotonic()
    for begin in range(0, 200_000, 20_000):
        calls = [{"index": at} for at in range(begin, begin + 20_000)]
        assert list(parser.feed(data({"choices": [{"delta": {"tool_calls": calls}}]}))) == []
    assert time.monotonic() - start < BOUND


def test_a_call_that_is_said_to_be_whole_again_and_again_is_read_once() -> None:
    block = {"type": "tool_use", "id": "a", "name": "f"}
    piece = {"type": "input_json_delta", "partial_json": '{"a": [' + "1," * 400_000}
    parser, start = AnthropicParser(PEER), time.monotonic()
    pieces = data({"type": "content_block_start", "index": 0, "content_block": block})
    pieces += data({"type": "content_block_delta", "index": 0, "delta": piece})
    pieces += data({"type": "content_block_stop", "index": 0}) * 5_000
    assert list(parser.feed(pieces)) == []
    assert time.monotonic() - start < BOUND


@pytest.mark.parametrize("index", [{"a": 1}, [1], 1.5])
def test_a_place_that_is_none_is_a_place(index: object) -> None:
    block = {"type": "tool_use", "id": "a", "name": "f"}
    piece = {"type": "input_json_delta", "partial_json": '{"x": 1}'}
    got = read(
        AnthropicParser(PEER),
        data({"type": "content_block_start", "index": index, "content_block": block})
        + data({"type": "content_block_delta", "index": index, "delta": piece})
        + data({"type": "content_block_stop", "index": index})
        + data({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
        + data({"type": "message_stop"}),
    )
    assert got[0] == ToolCall("a", "f", '{"x": 1}')


@pytest.mark.parametrize("whole", [False, True])
def test_no_nesting_does_any_harm(*, whole: bool) -> None:
    """There are depths that can just be read, and are too deep to be written again."""
    for depth in range(900, 1000):
        item = '{"type":"reasoning","encrypted_content":"x","summary":' + "[" * depth + "]" * depth
        sent = f'data: {{"type":"response.output_item.done","item":{item}}}}}\n\n'
        if whole:
            sent = f'{{"status":"completed","output":[{item}}}]}}'
        parser = ResponsesParser(PEER)
        with suppress(StreamBroken):
            list(parser.feed(sent.encode()))
            list(parser.close())


class Deep(SseParser):
    """Its supplier sends what can't be handled for its depth."""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        del event, value
        raise RecursionError
        yield

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        del value
        raise RecursionError
        yield

    def end(self) -> Iterator[Event]:
        return iter(())


@pytest.mark.parametrize("sent", [b"data: {}\n\n", b"{}"])
def test_what_is_nested_too_deeply_breaks_the_answer_off(sent: bytes) -> None:
    parser = Deep(PEER)
    with pytest.raises(StreamBroken, match="nested too deeply"):
        _ = [*parser.feed(sent), *parser.close()]
    assert list(parser.end()) == []


def test_a_wire_that_only_streams_takes_no_document() -> None:
    parser = PlainParser(PEER)
    with pytest.raises(StreamBroken, match="was not streamed"):
        _ = [*parser.feed(b"{}"), *parser.close()]


def test_counts_that_do_not_grow_are_a_ping() -> None:
    parser = OpenAIParser(PEER)
    one, two = (data({"usage": {"prompt_tokens": 5, "completion_tokens": n}}) for n in (1, 2))
    list(parser.feed(one))
    assert parser.progress == 1
    list(parser.feed(one * 3))
    assert parser.progress == 1
    list(parser.feed(two))
    assert parser.progress == 2


@pytest.mark.parametrize("word", ["temperature.", "valid values ", ".temperature", "'temperature."])
def test_a_refusal_takes_time_by_its_length(word: str) -> None:
    start = time.monotonic()

    def said(size: int) -> dict[str, object]:
        words = (word * size)[:size]
        return {"error": {"message": words, "type": "invalid_request_error"}}

    before = from_status(400, {}, json.dumps(said(60_000)).encode(), PEER)
    amid = from_event(said(900_000), PEER)
    for refused in (before, amid):
        assert isinstance(refused, ParameterRefused)
        refused.names("temperature")
        refused.allowed()
    assert time.monotonic() - start < BOUND


# --- refusals


class Recorded(OpenAIProvider):
    """Notes the limits of what it sends; refuses everything in time, or too late."""

    def __init__(self, *args: object, late: bool = False) -> None:
        super().__init__(*args)  # pyright: ignore[reportArgumentType] - handed on as they are
        self.totals: list[float | None] = []
        self.late = late

    async def _sent(
        self, call: Call, parser: Callable[[Peer], StreamParser], limits: Limits
    ) -> AsyncGenerator[Event, None]:
        del parser
        self.totals.append(limits.total)
        if self.late:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.1)
        names = [name for name in ("temperature", "stop") if name in (call.body or {})]
        text = f"'{names[0]}' is not supported" if names else "no"
        raise from_status(400, {}, json.dumps({"error": {"message": text}}).encode(), PEER)
        yield


@pytest.mark.parametrize(("late", "sent"), [(False, 3), (True, 1)])
async def test_all_requests_of_a_refused_one_share_its_time(
    http: HttpClient, key: KeySource, *, late: bool, sent: int
) -> None:
    url = "http://127.0.0.1:1"
    row = ProviderRow(id="team", wire="openai-chat", base_url=url)
    provider = Recorded(row, *address(url), key, http, late=late)
    request = ChatRequest("m", (user("x"),), temperature=0.5, stop=("a",))
    total = 0.05 if late else 9.0
    _, error = await outcome(provider.chat(request, Limits(total=total)))
    assert isinstance(error, RequestRefused)
    assert len(provider.totals) == sent
    assert provider.totals[0] == total
    falling = [each or 0.0 for each in provider.totals]
    assert falling == sorted(set(falling), reverse=True)
    provider.totals.clear()
    provider.late = False
    await outcome(provider.chat(request))
    assert provider.totals == [None] * 3


async def test_a_request_that_is_sent_again_counts_as_another(
    http: HttpClient, key: KeySource
) -> None:
    refusal = {"error": {"message": "'temperature' is not supported", "param": "temperature"}}
    async with ScriptedServer(reply(400, refusal), stream(CHAT)) as server:
        row = ProviderRow(id="a", wire="openai-chat", base_url=server.url)
        team = build(row, key, http)

        async def resolve(name: str) -> Provider:
            del name
            return team

        now = 0.0
        router = Router(
            resolve, lambda: now, terms=lambda _: Terms(requests_per_minute=3), backoff=lambda: 0.0
        )
        request = ChatRequest("m-a", (user("x"),), temperature=0.5)
        _, error = await outcome(router.stream_chat([A], request))
        assert error is None
        assert len(server.requests) == 2
        assert router.blocked(A, chat=True) == ("", 0.0)
        server.play(stream(CHAT))
        await outcome(router.stream_chat([A], request))
        assert router.blocked(A, chat=True) == ("paused", 60.0)


@pytest.mark.parametrize(
    ("wire", "path"),
    [("gemini", "/v1beta"), ("bedrock-converse", ""), ("bedrock-invoke", ""), ("openai-chat", "")],
)
async def test_a_model_that_ended_is_told_with_its_successor_on_every_wire(
    http: HttpClient, key: KeySource, wire: str, path: str
) -> None:
    known = ModelRow(id="old", shutdown_date="2026-12-01", instead="new")
    async with ScriptedServer(reply(404, {"error": {"message": "model not found"}})) as server:
        fields = {"id": "team", "wire": wire, "base_url": server.url + path, "models": [known]}
        provider = build(ProviderRow.model_validate(fields), key, http)
        _, error = await outcome(provider.chat(ChatRequest("old", (user("x"),))))
        assert isinstance(error, UnknownModel)
        assert error.cure == "It was to be served until 2026-12-01: use new."


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ("gemini", "/v1beta"), ("bedrock-converse", ""), ("bedrock-invoke", ""),
        ("openai-chat", ""), ("openai-responses", ""), ("anthropic-messages", ""), ("ollama", ""),
    ],
)  # fmt: skip
async def test_a_model_without_tools_is_offered_none(
    http: HttpClient, key: KeySource, wire: str, path: str
) -> None:
    request = ChatRequest("m", (user("x"),), tools=(Tool("add", "adds"),))
    for tools in (True, False):
        async with ScriptedServer(reply(500, {}), aside={"/api/show": reply(200, {})}) as server:
            facts = ModelRow(id="m", tools=tools)
            fields = {"id": "team", "wire": wire, "base_url": server.url + path, "models": [facts]}
            provider = build(ProviderRow.model_validate(fields), key, http)
            await outcome(provider.chat(request))
            assert (b"adds" in server.requests[-1].body) is tools


@pytest.mark.parametrize("kind", ["application/json", "application/x-yaml", "text/plain", ""])
async def test_no_error_repeats_an_attachment_whatever_its_type(
    http: HttpClient, key: KeySource, kind: str
) -> None:
    own = "hunter-of-swordfish: only-for-my-eyes"
    parts = (FilePart(kind, "a", own.encode()), TextPart("what is it?"))
    refusal = {"error": {"message": f"can't read {own!r}"}}
    async with ScriptedServer(reply(400, refusal)) as server:
        fields = {"id": "team", "wire": "anthropic-messages", "base_url": server.url}
        provider = build(ProviderRow.model_validate(fields), key, http)
        _, error = await outcome(provider.chat(ChatRequest("m", (Message("user", parts),))))
        assert error is not None
        assert "swordfish" not in error.message


@pytest.mark.parametrize("show", [[Stall()], [Reset()]], ids=["silent", "reset"])
async def test_a_server_that_keeps_silent_on_where_a_model_runs_gets_no_text(
    http: HttpClient, key: KeySource, show: list[Step]
) -> None:
    async with ScriptedServer(stream(CHAT), aside={"/api/show": show}) as server:
        fields = {"id": "team", "wire": "ollama", "base_url": server.url}
        provider = build(ProviderRow.model_validate(fields), key, http)
        _, error = await outcome(provider.chat(ChatRequest("m", (user("x"),))))
        assert isinstance(error, NetworkError)
        assert [request.path for request in server.requests if request.path != "/api/show"] == []


# --- time


async def test_nobody_waits_for_a_model_to_load_while_another_may_answer() -> None:
    a, b = bad("a", Unavailable("1")), good("b")
    world = World(a, b)
    await world.complete(A, B)
    await world.complete(A)
    assert [each.loading for each in a.limits] == [False, True]
    assert [each.loading for each in b.limits] == [True]
    await world.chat(A, B)
    assert all(each.loading for each in a.limits[2:])


@pytest.mark.parametrize("loading", [True, False])
async def test_a_model_that_has_to_be_loaded_is_waited_for_only_if_wanted(*, loading: bool) -> None:
    rests = Rests(60.0, lambda: 0.0)
    limits = Limits(1.5, 5.0, 5.0, 7.0, loading=loading)
    assert rests.limits("m", limits).first_event == (60.0 if loading else 5.0)
