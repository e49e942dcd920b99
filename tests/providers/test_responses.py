"""The wire openai-responses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import (
    ConfigurationError,
    ProviderError,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import Peer
from polypilot_providers.jsonvalue import as_dict, as_list
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    Citation,
    CompletionRequest,
    Event,
    FilePart,
    ImagePart,
    Message,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    Tool,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Usage,
    assistant,
    user,
)
from polypilot_providers.wires.openai_stream import OpenAIParser
from polypilot_providers.wires.responses_stream import ResponsesParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient


def event(kind: str, **fields: object) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def response(kind: str = "completed", **fields: object) -> bytes:
    return event(f"response.{kind}", response={"model": "m-1", "error": None, **fields})


def text(piece: str, at: int = 0) -> bytes:
    return event("response.output_text.delta", delta=piece, output_index=at, content_index=0)


def added(at: int, **item: object) -> bytes:
    return event("response.output_item.added", output_index=at, item=item)


def done(at: int, **item: object) -> bytes:
    return event("response.output_item.done", output_index=at, item=item)


def arguments(at: int, piece: str) -> bytes:
    return event("response.function_call_arguments.delta", output_index=at, delta=piece)


def summary(piece: str, at: int = 0, part: int = 0) -> bytes:
    kind = "response.reasoning_summary_text.delta"
    return event(kind, output_index=at, summary_index=part, delta=piece)


def call(call_id: str, name: str, said: str = "", status: str = "completed") -> dict[str, object]:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": said,
        "status": status,
    }


SEALED: dict[str, object] = {
    "id": "rs_1",
    "encrypted_content": "gAAAAAB=",
    "summary": [{"type": "summary_text", "text": "hm…"}],
}
USAGE: dict[str, object] = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 2},
    "output_tokens": 70,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 90,
}
ANSWER = b"".join(
    [
        response("created"),
        response("in_progress"),
        added(0, type="reasoning", id="rs_1", summary=[]),
        summary("hm…"),
        done(0, type="reasoning", status="completed", **SEALED),
        added(1, type="message", id="msg_1", role="assistant", content=[]),
        text("Olá", 1),
        text(" \U0001f600!", 1),
        event("response.output_text.done", output_index=1, text="Olá \U0001f600!"),
        done(1, type="message", content=[{"type": "output_text", "text": "Olá \U0001f600!"}]),
        added(2, **call("c1", "add", status="in_progress")),
        arguments(2, '{"a":'),
        arguments(2, "1}"),
        done(2, **call("c1", "add", '{"a":1}')),
        response(usage=USAGE | {"cost_in_usd_ticks": 3515000}),
    ]
)
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm…"),
    ThoughtDelta("", redacted=json.dumps(SEALED), provider="team"),
    TextDelta("Olá"),
    TextDelta(" \U0001f600!"),
    ToolCall("c1", "add", '{"a":1}'),
    Usage(20, 70, 16, 2, 64, Decimal("0.0003515")),
    Stop(StopReason.TOOL_CALLS, "m-1"),
)
MODELS = b'{"object":"list","data":[{"id":"old","created":1},{"id":"new","created":2},{}]}'


class TestChat(ProviderConformance):
    answer: ClassVar = ANSWER
    events: ClassVar = EVENTS
    models_answer: ClassVar = MODELS
    model_id: ClassVar = "new"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        row = ProviderRow(id="team", wire="openai-responses", base_url="https://example.org")
        return build(row, key, http, base_url=f"{base_url}/v1/")


def parser() -> ResponsesParser:
    return ResponsesParser(Peer("team", "host"))


def read(*pieces: bytes) -> list[Event]:
    return testing.read(parser(), *pieces)


END = response()
STOP = Stop(StopReason.END, "m-1")


def test_data_without_event_names_is_read_too() -> None:
    """Bedrock's gateway sends no ``event:`` lines."""
    bare = b"".join(line + b"\n\n" for line in ANSWER.splitlines() if line.startswith(b"data"))
    assert read(bare) == list(EVENTS)


def test_a_done_marker_is_tolerated() -> None:
    assert read(text("x"), END, b"data: [DONE]\n\n") == [TextDelta("x"), STOP]
    assert read(text("x"), b"data: [DONE]\n\n") == [TextDelta("x"), Stop(StopReason.END)]
    assert read(text("x"), END, b"data: {never read\n\n")[-1] == STOP


def test_an_answer_without_its_last_event_is_broken() -> None:
    with pytest.raises(StreamBroken, match="end marker"):
        read(text("x"), done(0, type="message", content=[]))


def test_parallel_calls() -> None:
    events = read(
        added(0, **call("a", "add")),
        added(1, **call("b", "mul")),
        arguments(1, "{}"),
        arguments(0, '{"x":'),
        arguments(0, "1}"),
        done(0, **call("a", "add", '{"x":1}')),
        event("response.function_call_arguments.done", output_index=1, arguments="{}"),
        done(1, **call("b", "mul", "{}")),
        END,
    )
    assert events == [
        ToolCall("a", "add", '{"x":1}'),
        ToolCall("b", "mul", "{}"),
        Stop(StopReason.TOOL_CALLS, "m-1"),
    ]


def test_calls_told_apart_by_id_alone() -> None:
    def of(kind: str, item_id: str, delta: str) -> bytes:
        return event(f"response.function_call_arguments.{kind}", item_id=item_id, delta=delta)

    def item(kind: str, **fields: object) -> bytes:
        return event(f"response.output_item.{kind}", item=fields)

    assert read(
        item("added", **call("a", "add")),
        item("added", **call("b", "mul")),
        of("delta", "fc_b", "[2]"),
        of("delta", "fc_a", "[1]"),
        item("done", **call("b", "mul")),
        item("done", **call("a", "add")),
        END,
    )[:2] == [ToolCall("b", "mul", "[2]"), ToolCall("a", "add", "[1]")]


def test_calls_that_never_came_as_a_whole_or_never_in_pieces() -> None:
    assert read(added(0, **call("a", "add")), arguments(0, ""), arguments(0, "[1]"), END) == [
        ToolCall("a", "add", "[1]"),
        Stop(StopReason.TOOL_CALLS, "m-1"),
    ]
    whole = {"type": "function_call", "id": "fc_1", "name": "add", "arguments": "[1]"}
    assert read(added(0, **whole), arguments(0, ""), done(0, **whole), END)[0] == ToolCall(
        "fc_1", "add", "[1]"
    )


def test_a_call_cut_off_by_the_limit_is_none() -> None:
    cut = {"incomplete_details": {"reason": "max_output_tokens"}, "usage": USAGE}
    usage, stop = Usage(20, 70, 16, 2, 64), Stop(StopReason.LENGTH, "m-1")
    begun = added(0, **call("a", "add")) + arguments(0, '{"x"')
    assert read(begun, response("incomplete", **cut)) == [usage, stop]
    ended = done(0, **call("a", "add", '{"x"', "incomplete"))
    assert read(begun, ended, response("incomplete", **cut)) == [usage, stop]
    whole = done(0, **call("a", "add", "{}"))
    assert read(whole, response("incomplete", **cut)) == [ToolCall("a", "add", "{}"), usage, stop]


def test_the_parts_of_a_summary_are_paragraphs() -> None:
    text_of = "response.reasoning_text.delta"
    events = read(
        summary("**One**"),
        summary(" is", part=0),
        event("response.reasoning_summary_part.added", output_index=0, summary_index=1),
        summary("**Two**", part=1),
        summary("other", at=1),
        event(text_of, output_index=2, content_index=0, delta="raw"),
        END,
    )
    thoughts = [each.text for each in events if isinstance(each, ThoughtDelta)]
    assert thoughts == ["**One**", " is", "\n\n**Two**", "other", "raw"]


def test_reasoning_that_came_only_as_a_whole() -> None:
    parts = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    open_text = [{"type": "reasoning_text", "text": "raw"}]
    assert read(
        done(0, type="reasoning", summary=parts, content=open_text),
        done(1, type="reasoning", summary=[], content=open_text),
        done(2, type="reasoning", summary=[]),
        END,
    ) == [ThoughtDelta("one"), ThoughtDelta("\n\ntwo"), ThoughtDelta("raw"), STOP]


def test_encrypted_reasoning_is_kept_with_what_sends_it_back() -> None:
    item = {"type": "reasoning", "encrypted_content": "gA=", "status": "completed"}
    assert read(done(0, **item), END)[0] == ThoughtDelta(
        "", redacted='{"encrypted_content": "gA="}', provider="team"
    )


@pytest.mark.parametrize(
    "pieces",
    [
        [
            event("response.refusal.delta", output_index=0, delta="I can"),
            event("response.refusal.delta", output_index=0, delta="not."),
            done(0, type="message", content=[{"type": "refusal", "refusal": "I cannot."}]),
        ],
        [done(0, type="message", content=[{"type": "refusal", "refusal": "I cannot."}])],
    ],
)
def test_refusal(pieces: list[bytes]) -> None:
    assert read(*pieces, END) == [Refusal("I cannot."), Stop(StopReason.REFUSAL, "m-1")]


def test_a_filtered_answer() -> None:
    last = response("incomplete", incomplete_details={"reason": "content_filter"})
    assert read(text("x"), last) == [
        TextDelta("x"),
        Refusal(""),
        Stop(StopReason.REFUSAL, "m-1"),
    ]


def test_citations_once_each() -> None:
    first = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0}
    second = {"type": "file_citation", "filename": "spec.pdf", "file_id": "file-1"}
    odd = {"type": "file_path", "file_id": "file-2"}
    kind = "response.output_text.annotation.added"
    reader = parser()
    events = testing.read(
        reader,
        text("x"),
        event(kind, output_index=0, annotation=first),
        event(kind, output_index=0, annotation=first | {"start_index": 9}),
        done(
            0,
            type="message",
            content=[{"type": "output_text", "text": "x", "annotations": [first, second, odd]}],
        ),
        END,
    )
    assert events == [
        TextDelta("x"),
        Citation("https://a.example", "A"),
        Citation("", "spec.pdf"),
        STOP,
    ]
    assert reader.unknown == {"annotation file_path": 1}


def test_what_is_unknown_is_counted_and_left_out() -> None:
    reader = parser()
    events = testing.read(
        reader,
        event("keepalive", sequence_number=3),
        added(0, type="web_search_call", id="ws_1"),
        event("response.web_search_call.searching", output_index=0),
        event("response.web_search_call.searching", output_index=0),
        done(0, type="web_search_call", id="ws_1"),
        b"event: novel\ndata: {}\n\n",
        text("x"),
        END,
    )
    assert events == [TextDelta("x"), STOP]
    assert reader.unknown == {
        "response.web_search_call.searching": 2,
        "item web_search_call": 1,
        "novel": 1,
    }


WHOLE: dict[str, object] = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "error": None,
    "model": "m-1",
    "output": [
        {"type": "reasoning", **SEALED},
        {"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]},
        call("c1", "add", "{}"),
    ],
    "usage": USAGE,
}
WHOLE_EVENTS = [
    ThoughtDelta("hm…"),
    ThoughtDelta("", redacted=json.dumps(SEALED), provider="team"),
    TextDelta("Hi"),
    ToolCall("c1", "add", "{}"),
    Usage(20, 70, 16, 2, 64),
    Stop(StopReason.TOOL_CALLS, "m-1"),
]


def test_an_answer_that_was_not_streamed_is_read_too() -> None:
    data = json.dumps(WHOLE).encode()
    assert read(data[:9], data[9:]) == WHOLE_EVENTS
    # Streamed, but with nothing before its last event.
    assert read(event("response.completed", response=WHOLE)) == WHOLE_EVENTS
    without_status = {name: value for name, value in WHOLE.items() if name != "status"}
    assert read(json.dumps(without_status).encode()) == WHOLE_EVENTS
    cut = WHOLE | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert read(json.dumps(cut).encode())[-1] == Stop(StopReason.LENGTH, "m-1")
    for status in ("queued", "in_progress"):
        with pytest.raises(StreamBroken, match="not finished"):
            read(json.dumps(WHOLE | {"status": status}).encode())
    with pytest.raises(StreamBroken, match="no output"):
        read(b'{"choices":[]}')
    with pytest.raises(Unavailable):
        read(json.dumps(WHOLE | {"error": {"code": "server_error", "message": "no"}}).encode())


def test_the_last_event_says_nothing_twice() -> None:
    """It has all items once more, at places of its own at some servers."""
    events = read(
        summary("hm…", at=3),
        done(3, type="reasoning", **SEALED),
        text("Hi", 4),
        done(5, **call("c1", "add", "{}")),
        event("response.completed", response=WHOLE),
    )
    assert events == WHOLE_EVENTS


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (
            event("error", error={"type": "server_error", "code": "server_error", "message": "x"}),
            Unavailable,
        ),
        (event("error", code="rate_limit_exceeded", message="slow down", param=None), RateLimited),
        (b'data: {"type":"error","code":"rate_limit_exceeded","message":"x"}\n\n', RateLimited),
        (event("error", message="?"), StreamBroken),
        (response("failed", error={"code": "server_error", "message": "x"}), Unavailable),
        (response("failed", error={"code": "rate_limit_exceeded", "message": "x"}), RateLimited),
        (response("failed", error={"code": "invalid_prompt", "message": "x"}), RequestRefused),
        (response("failed"), StreamBroken),
        (json.dumps(WHOLE | {"status": "failed"}).encode(), StreamBroken),
        (b'{"code":"invalid-argument","error":"Incorrect model input"}', RequestRefused),
    ],
)
def test_errors_inside_the_stream(last: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as caught:
        read(last)
    assert type(caught.value) is kind or kind is RequestRefused


def test_a_pair_cut_in_the_middle_is_joined() -> None:
    pieces = [
        f'data: {{"type":"response.output_text.delta","output_index":0,"delta":"{half}"}}\n\n'
        for half in ("a\\ud83d", "\\ude00b")
    ]
    events = read(*(piece.encode() for piece in pieces), END)
    assert events == [TextDelta("a"), TextDelta("\U0001f600b"), STOP]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "response",
                    "item",
                    "delta",
                    "output",
                    "output_index",
                    "item_id",
                    "id",
                    "type",
                    "content",
                    "text",
                    "refusal",
                    "summary",
                    "encrypted_content",
                    "call_id",
                    "name",
                    "arguments",
                    "annotation",
                    "annotations",
                    "url",
                    "usage",
                    "error",
                    "code",
                    "status",
                    "incomplete_details",
                    "reason",
                    "input_tokens",
                ]
            ),
            inner
            | st.sampled_from(
                [
                    "message",
                    "reasoning",
                    "function_call",
                    "error",
                    "completed",
                    "incomplete",
                    "failed",
                ]
            ),
            max_size=5,
        )
    ),
    max_leaves=25,
)
KINDS = [
    "created",
    "completed",
    "incomplete",
    "failed",
    "output_item.added",
    "output_item.done",
    "output_text.delta",
    "output_text.annotation.added",
    "reasoning_text.delta",
    "reasoning_summary_text.delta",
    "refusal.delta",
    "function_call_arguments.delta",
]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(KINDS), JSON), max_size=5))
def test_whatever_json_comes_only_our_errors_are_raised(pairs: list[tuple[str, object]]) -> None:
    pieces = [
        f"event: response.{kind}\ndata: {json.dumps(value)}\n\n".encode() for kind, value in pairs
    ]
    try:
        events = read(*pieces, END)
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)
    assert all(each.text for each in events if isinstance(each, TextDelta))


# Requests


@pytest.fixture
def responses(provider: Callable[..., Provider]) -> Callable[..., Provider]:
    """Makes a provider of this wire; only base_url is needed."""

    def make(**fields: object) -> Provider:
        return provider(**{"wire": "openai-responses", **fields})

    return make


THINKER = ModelRow(id="thinker", efforts=("low", "high"), thinking="always", sampling=False)
PLAIN = ModelRow(id="plain")


def sealed(item: dict[str, object], owner: str = "team") -> ThoughtPart:
    return ThoughtPart("hm…", redacted=json.dumps(item), provider=owner)


async def test_chat_request(responses: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=f"{server.url}/v1", models=[THINKER], cache="key")
        request = ChatRequest(
            "thinker",
            (
                Message(
                    "user",
                    (
                        TextPart("look"),
                        ImagePart("image/png", b"\x89PNG"),
                        FilePart("application/pdf", "spec.pdf", b"%PDF"),
                    ),
                ),
                Message(
                    "assistant",
                    (sealed(SEALED), TextPart("let me see"), ToolCallPart("c", "f", "{}")),
                ),
                Message("user", (TextPart("go on"), ToolResultPart("c", "42"))),
                assistant("42"),
                Message("user", ()),
            ),
            system="be brief",
            max_tokens=700,
            stop=("never sent",),
            temperature=0.5,
            effort="minimal",
            tools=(Tool("f", "does f"), Tool("g", "does g", {"type": "object"})),
            cache_key="conversation-1",
        )
        assert [each async for each in team.chat(request)] == list(EVENTS)
        got = server.requests[0]
        assert (got.method, got.path) == ("POST", "/v1/responses")
        assert got.json == {
            "model": "thinker",
            "instructions": "be brief",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "look"},
                        {
                            "type": "input_image",
                            "image_url": "data:image/png;base64,iVBORw==",
                            "detail": "auto",
                        },
                        {
                            "type": "input_file",
                            "filename": "spec.pdf",
                            "file_data": "data:application/pdf;base64,JVBERg==",
                        },
                    ],
                },
                {"type": "reasoning", **SEALED},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": "let me see",
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "42"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "go on"}],
                },
                {
                    "type": "message",
                    "role": "assistant",
                    "content": "42",
                },
            ],
            "store": False,
            "stream": True,
            "max_output_tokens": 700,
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "does f",
                    "parameters": {"type": "object", "properties": {}},
                    "strict": False,
                },
                {
                    "type": "function",
                    "name": "g",
                    "description": "does g",
                    "parameters": {"type": "object"},
                    "strict": False,
                },
            ],
            "prompt_cache_key": "conversation-1",
        }


async def test_what_a_row_says_is_left_out(responses: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=server.url, chat_model="plain", models=[PLAIN])
        thought = Message("assistant", (sealed(SEALED), TextPart("x"), TextPart("")))
        asked = ChatRequest(
            "", (thought, user("")), max_tokens=1, temperature=0.1, effort="none", cache_key="c"
        )
        assert await body_of(server, team, asked) == {
            "model": "plain",
            "input": [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": "x",
                }
            ],
            "store": False,
            "stream": True,
            "temperature": 0.1,
            "max_output_tokens": 16,  # OpenAI refuses less
        }
        keyless = responses(base_url=server.url, cache="key")
        assert "prompt_cache_key" not in await body_of(
            server, keyless, ChatRequest("m", (user("x"),))
        )


@pytest.mark.parametrize(
    ("model", "more", "reasoning", "included"),
    [
        ("thinker", {}, {"summary": "auto"}, True),
        ("thinker", {"effort": "max"}, {"effort": "high", "summary": "auto"}, True),
        ("thinker", {"completion": True}, {"effort": "low"}, False),
        ("thinker", {"completion": True, "effort": "high"}, {"effort": "high"}, False),
        ("calm", {"effort": "none"}, {"effort": "none"}, True),
        ("calm", {"completion": True}, {"effort": "none"}, False),
        ("fixed", {"effort": "low"}, None, True),
        ("plain", {"completion": True}, None, False),
        ("unlisted", {}, None, True),
        ("unlisted", {"effort": "low"}, {"effort": "low", "summary": "auto"}, True),
        ("unlisted", {"effort": "none", "completion": True}, {"effort": "none"}, False),
    ],
)
async def test_how_much_is_reasoned(
    responses: Callable[..., Provider],
    model: str,
    more: dict[str, object],
    reasoning: dict[str, object] | None,
    included: bool,  # noqa: FBT001 - a column of the table
) -> None:
    rows = [
        THINKER,
        PLAIN,
        ModelRow(id="calm", efforts=("none", "low"), thinking="optional"),
        ModelRow(id="fixed", thinking="always"),
    ]
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=server.url, models=rows)
        asked = ChatRequest(model, (user("x"),), **more)  # pyright: ignore[reportArgumentType] - a table's
        body = await body_of(server, team, asked)
        assert body.get("reasoning") == reasoning
        assert ("include" in body) == included


async def test_only_its_own_whole_reasoning_is_sent_back(
    responses: Callable[..., Provider],
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=server.url, models=[THINKER])

        async def sent(*parts: ThoughtPart, answer: str = "x") -> list[object]:
            message = Message("assistant", (*parts, TextPart(answer)))
            body = await body_of(server, team, ChatRequest("thinker", (message,)))
            items = [as_dict(item) for item in as_list(body["input"])]
            return [item for item in items if item["type"] == "reasoning"]

        bare: dict[str, object] = {"encrypted_content": "gA="}
        assert await sent(sealed(SEALED), sealed(bare)) == [
            {"type": "reasoning", **SEALED},
            {"type": "reasoning", "summary": [], "encrypted_content": "gA="},
        ]
        assert await sent(sealed(SEALED, "someone-else")) == []
        assert await sent(sealed(SEALED), answer="") == []  # what it led to is missing
        for kept in (None, "EqQB no JSON", "[1]", '{"id":"rs_1"}'):
            assert await sent(ThoughtPart("hm", redacted=kept, provider="team")) == []


async def test_reasoning_goes_round(responses: Callable[..., Provider]) -> None:
    """What an answer's events hold comes back as the item that the supplier sent."""
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=server.url)
        events = [each async for each in team.chat(ChatRequest("m", (user("x"),)))]
        (proof,) = [each for each in events if isinstance(each, ThoughtDelta) and each.redacted]
        part = ThoughtPart("hm…", redacted=proof.redacted, provider=proof.provider)
        asked = ChatRequest("m", (user("x"), Message("assistant", (part, TextPart("y")))))
        body = await body_of(server, team, asked)
        assert {"type": "reasoning", **SEALED} in as_list(body["input"])


@pytest.mark.parametrize(
    ("message", "param", "sent"),
    [
        ("Unsupported parameter: 'temperature' is not supported.", "temperature", "temperature"),
        (
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            "reasoning.effort",
            "reasoning",
        ),
        ("Encrypted content is not supported with this model.", "include", "include"),
        ("Unknown parameter: 'prompt_cache_key'.", "prompt_cache_key", "prompt_cache_key"),
        ("'max_output_tokens' is too large.", "max_output_tokens", "max_output_tokens"),
    ],
)
async def test_a_refused_parameter_is_left_out(
    responses: Callable[..., Provider], message: str, param: str, sent: str
) -> None:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    async with ScriptedServer(reply(400, {"error": error}), stream(ANSWER)) as server:
        team = responses(base_url=server.url, cache="key")
        asked = ChatRequest(
            "m", (user("x"),), max_tokens=99, temperature=0.2, effort="low", cache_key="c"
        )
        assert [each async for each in team.chat(asked)] == list(EVENTS)
        first, again = (request.json for request in server.requests)
        assert sent in first
        assert again == {name: value for name, value in first.items() if name != sent}


async def test_what_it_cannot_do_is_refused_before_sending(
    responses: Callable[..., Provider],
) -> None:
    blind = ModelRow(id="blind", images=False)
    async with ScriptedServer(stream(ANSWER)) as server:
        team = responses(base_url=server.url, models=[blind])
        picture = Message("user", (ImagePart("image/png", b"x"),))
        for stream_of in (
            team.chat(ChatRequest("", (user("x"),))),
            team.chat(ChatRequest("blind", (picture,))),
            team.complete(CompletionRequest("m", "p")),
        ):
            _, error = await outcome(stream_of)
            assert isinstance(error, ConfigurationError)
        assert server.requests == []


async def test_models_newest_first(responses: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, MODELS)) as server:
        models = await responses(base_url=f"{server.url}/v1").models()
        assert [model.id for model in models] == ["new", "old"]
        assert server.requests[0].path == "/v1/models"


@pytest.mark.parametrize(
    ("said", "cost"),
    [
        ({"cost_in_usd_ticks": 3530500}, Decimal("0.00035305")),  # xAI
        ({"cost_in_usd_ticks": 0}, Decimal(0)),
        ({"cost": 0.00044968, "is_byok": False}, Decimal("0.00044968")),  # OpenRouter
        ({"cost": 2}, Decimal(2)),
        ({"cost": {"total_cost": 1}}, None),  # Perplexity
        ({"cost": True}, None),
        ({"cost": -0.5}, None),
        ({"cost": float("inf")}, None),
        ({}, None),
    ],
)
def test_what_the_supplier_says_it_cost(said: dict[str, object], cost: Decimal | None) -> None:
    """In Responses and in Chat Completions alike."""
    assert read(text("x"), response(usage={"input_tokens": 1, **said}))[-2] == Usage(1, cost=cost)
    last = {"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 1, **said}}
    chat = testing.read(
        OpenAIParser(Peer("team", "host")), f"data: {json.dumps(last)}\n\n".encode()
    )
    assert chat[0] == Usage(1, cost=cost)
