"""The wire openai-chat: Chat Completions and Completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import (
    ConfigurationError,
    ContextTooLong,
    ProviderError,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import Peer
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
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.testing import Step

CHAT = (
    b'data: {"id":"c1","object":"chat.completion.chunk","model":"m-1","service_tier":"default",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},'
    b'"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB"}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"Ol\xc3\xa1"},'
    b'"finish_reason":null}],"usage":null}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":" \\ud83d\\ude00!"},'
    b'"finish_reason":null}],"usage":null}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":70,'
    b'"total_tokens":90,"prompt_tokens_details":{"cached_tokens":16,"cache_write_tokens":2},'
    b'"completion_tokens_details":{"reasoning_tokens":64}}}\n\n'
    b"data: [DONE]\n\n"
)
CHAT_EVENTS: tuple[Event, ...] = (
    TextDelta("Olá"),
    TextDelta(" \U0001f600!"),
    Usage(20, 70, 16, 2, 64),
    Stop(StopReason.END, "m-1"),
)
COMPLETION = (
    b'data: {"id":"cmpl-1","object":"text_completion","model":"m-2","choices":'
    b'[{"text":"return","index":0,"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    b'data: {"model":"m-2","choices":[{"text":" a + b","index":0,"finish_reason":"length"}]}\n\n'
    b'data: {"model":"m-2","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,'
    b'"total_tokens":13}}\n\n'
    b"data: [DONE]\n\n"
)
MODELS = json.dumps(
    {
        "object": "list",
        "data": [
            {"id": "old", "created": 1, "owned_by": "x", "shutdown_date": "2026-12-11"},
            {"id": "new", "created": 2, "max_model_len": 4096, "shutdown_date": 1800000000},
            {"id": "odd", "shutdown_date": 10**15, "name": "Odd", "top_provider": {}},
            {"object": "no id"},
        ],
    }
).encode()


class TestChat(ProviderConformance):
    answer: ClassVar = CHAT
    events: ClassVar = CHAT_EVENTS
    models_answer: ClassVar = MODELS
    model_id: ClassVar = "new"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        row = ProviderRow(id="team", wire="openai-chat", base_url="https://example.org")
        return build(row, key, http, base_url=f"{base_url}/v1/")


class TestCompletions(ProviderConformance):
    answer: ClassVar = COMPLETION
    events: ClassVar = (
        TextDelta("return"),
        TextDelta(" a + b"),
        Usage(9, 4),
        Stop(StopReason.LENGTH, "m-2"),
    )
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        row = ProviderRow(
            id="team", wire="openai-chat", completion="openai-completions", base_url=base_url
        )
        return build(row, key, http)


def chunk(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def delta(finish: str | None = None, **fields: object) -> bytes:
    return chunk(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])


def read(*pieces: bytes) -> list[Event]:
    return testing.read(OpenAIParser(Peer("team", "host")), *pieces)


DONE = b"data: [DONE]\n\n"


def test_tool_calls_are_assembled_by_index() -> None:
    def call(index: int, **fields: object) -> dict[str, object]:
        return {"index": index, **fields}

    assert read(
        delta(tool_calls=[call(0, id="a", function={"name": "add", "arguments": ""})]),
        delta(tool_calls=[call(0, function={"arguments": '{"x":'})]),
        delta(tool_calls=[call(1, id="b", function={"name": "mul", "arguments": "{}"})]),
        delta(tool_calls=[call(0, function={"arguments": "1}"})]),
        delta("tool_calls"),
        DONE,
    ) == [
        ToolCall("a", "add", '{"x":1}'),
        ToolCall("b", "mul", "{}"),
        Stop(StopReason.TOOL_CALLS),
    ]


def test_sources_are_told_once_however_they_are_listed() -> None:
    """By annotations (OpenAI, OpenRouter), or in lists that come with every chunk."""
    one = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}
    other = {"type": "file_citation", "file": "x"}
    listed = {"citations": ["https://a", "https://b", 7], "search_results": [{"url": "https://c"}]}
    chunk = delta(content="hi", annotations=[one, other, one])
    value = json.loads(chunk.removeprefix(b"data: ")) | listed
    again = b"data: " + json.dumps(value).encode() + b"\n\n"
    assert read(chunk, again, delta("stop"), DONE) == [
        TextDelta("hi"),
        Citation("https://a", "A"),
        TextDelta("hi"),
        Citation("https://c"),
        Citation("https://b"),
        Stop(StopReason.END),
    ]


def test_a_tool_call_that_the_limit_cut_off_is_none() -> None:
    whole = {"index": 0, "id": "a", "function": {"name": "add", "arguments": "{}"}}
    cut = {"index": 1, "id": "b", "function": {"name": "write", "arguments": '{"path": "src/ma'}}
    assert read(delta(tool_calls=[whole, cut]), delta("length"), DONE) == [
        ToolCall("a", "add", "{}"),
        Stop(StopReason.LENGTH),
    ]


def test_tool_calls_of_servers_that_number_them_badly() -> None:
    """All with index 0, without index, without id, with arguments as an object."""
    first = {"index": 0, "id": "a", "function": {"name": "add", "arguments": "{}"}}
    second = {"index": 0, "id": "b", "function": {"name": "mul", "arguments": {"x": 1}}}
    third = {"function": {"name": "late", "arguments": None}}
    assert read(delta(tool_calls=[first, second]), delta("stop"), DONE) == [
        ToolCall("a", "add", "{}"),
        ToolCall("b", "mul", '{"x": 1}'),
        Stop(StopReason.TOOL_CALLS),
    ]
    assert read(delta("stop", tool_calls=[third]))[0] == ToolCall("call_0", "late", "{}")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text"])
def test_reasoning_under_any_name(name: str) -> None:
    events = read(delta(**{name: "hm", "content": None}), delta("stop", content="yes"), DONE)
    assert events[:2] == [ThoughtDelta("hm"), TextDelta("yes")]


def test_the_same_reasoning_under_two_names_counts_once() -> None:
    both = delta(reasoning_content="hm", reasoning="hm")
    assert read(both, delta("stop"))[0:2] == [ThoughtDelta("hm"), Stop(StopReason.END)]


def test_content_as_an_array_of_parts() -> None:
    thinking: dict[str, object] = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    events = read(
        delta(content=[thinking]), delta(content=[{"type": "text", "text": "4"}]), delta("stop")
    )
    assert events[:2] == [ThoughtDelta("hm"), TextDelta("4")]


def test_refusal() -> None:
    assert read(delta(refusal="I can"), delta(refusal="not."), delta("stop"), DONE) == [
        Refusal("I cannot."),
        Stop(StopReason.REFUSAL),
    ]
    assert read(delta("content_filter"), DONE) == [Refusal(""), Stop(StopReason.REFUSAL)]


def test_the_sequence_that_stopped_it() -> None:
    last = chunk(choices=[{"text": "", "finish_reason": "stop", "stop_reason": "\n"}])
    assert read(last, DONE) == [Stop(StopReason.STOP_SEQUENCE)]


def test_an_unknown_finish_is_an_end_and_other_choices_are_left_out() -> None:
    two = chunk(choices=[{"index": 1, "delta": {"content": "no"}}, {"delta": {"content": "yes"}}])
    assert read(two, delta("novel"), DONE) == [TextDelta("yes"), Stop(StopReason.END)]


def test_usage_beside_the_finish_and_groqs_own() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_cache_hit_tokens": 2}
    finish: dict[str, object] = {"delta": {}, "finish_reason": "stop"}
    on_finish = chunk(choices=[finish], usage=usage)
    assert read(on_finish, DONE)[0] == Usage(3, 1, 2)
    groq = chunk(choices=[finish], x_groq={"usage": usage})
    assert read(groq, DONE)[0] == Usage(3, 1, 2)


def test_reasoning_that_the_output_leaves_out_is_added() -> None:
    usage = {
        "prompt_tokens": 496,
        "completion_tokens": 77,
        "total_tokens": 694,
        "completion_tokens_details": {"reasoning_tokens": 121},
    }
    assert read(delta("stop"), chunk(choices=[], usage=usage), DONE)[0] == Usage(
        496, 198, reasoning_tokens=121
    )


def test_an_end_without_done_counts_if_the_answer_was_finished() -> None:
    assert read(delta("stop", content="x"))[-1] == Stop(StopReason.END)
    with pytest.raises(StreamBroken, match="end marker"):
        read(delta(content="x"))


def test_done_without_finish_ends_an_empty_answer() -> None:
    assert read(DONE, b"data: never read\n\n") == [Stop(StopReason.END)]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b'data: {"error":{"message":"no","type":"server_error","code":null}}\n\n', Unavailable),
        (
            (
                b'event: error\ndata: {"error":{"message":"bad","type":"invalid_request_error",'
                b'"code":"tool_use_failed","status_code":400}}\n\n'
            ),
            RequestRefused,
        ),
        (
            (
                b'data: {"id":"g","choices":[{"delta":{"content":""},"finish_reason":"error"}],'
                b'"error":{"code":429,"message":"slow down"}}\n\n'
            ),
            RateLimited,
        ),
        (b'data: {"error":{"message":"?"}}\n\n', StreamBroken),
        (b"event: error\ndata: {}\n\n", StreamBroken),
        (b'data: {"error":"slot unavailable"}\n\n', StreamBroken),
        (b'data: {"error":{"code":"rate_limit_exceeded"}}\n\n', RateLimited),
        (b'data: {"error":{"code":"context_length_exceeded"}}\n\n', ContextTooLong),
        (delta("error"), Unavailable),
        (delta("insufficient_system_resource"), Unavailable),
    ],
)
def test_errors_inside_the_stream(event: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as caught:
        read(event)
    assert type(caught.value) is kind or kind is RequestRefused


@pytest.mark.parametrize("data", [b"data: {nope\n\n", b"data: " + b"[" * 100_000 + b"\n\n"])
def test_a_piece_that_is_not_json(data: bytes) -> None:
    with pytest.raises(StreamBroken, match="not JSON"):
        read(data)


def test_an_answer_that_was_not_streamed_is_read_too() -> None:
    answer = {
        "model": "m",
        "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    text = json.dumps(answer).encode()
    assert read(b" \n", text[:9], text[9:]) == [
        TextDelta("whole"),
        Usage(1, 1),
        Stop(StopReason.END, "m"),
    ]
    with pytest.raises(StreamBroken):
        read(b"{}")
    with pytest.raises(Unavailable):
        read(b'{"error":{"code":503,"message":"loading model"}}')


def test_a_web_page_is_no_answer() -> None:
    with pytest.raises(Unavailable, match="web page"):
        read(b"\xef\xbb\xbf<!doctype html><html>")


def test_a_pair_cut_in_the_middle_is_joined_and_a_lone_half_replaced() -> None:
    events = read(
        delta(content="a\ud83d"), delta(content="\ude00b"), delta("stop", content="\udc00x"), DONE
    )
    assert [event.text for event in events if isinstance(event, TextDelta)] == [
        "a",
        "\U0001f600b",
        "\ufffdx",
    ]
    thoughts = read(delta(reasoning="\ud83d"), delta(reasoning="\ude00"), delta("stop"))
    assert thoughts[0] == ThoughtDelta("\U0001f600")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "index",
                    "id",
                    "function",
                    "arguments",
                    "name",
                    "usage",
                    "finish_reason",
                    "error",
                    "message",
                    "text",
                    "refusal",
                    "model",
                    "x_groq",
                    "prompt_tokens",
                    "code",
                    "type",
                    "thinking",
                    "details",
                    "detail",
                    "loc",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(st.lists(JSON, max_size=4))
def test_whatever_json_comes_only_our_errors_are_raised(values: list[object]) -> None:
    try:
        events = read(*(f"data: {json.dumps(value)}\n\n".encode() for value in values), DONE)
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)
    assert all(event.text for event in events if isinstance(event, TextDelta))


# Requests


async def test_chat_request(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(
            base_url=f"{server.url}/v1",
            effort_field="reasoning_effort",
            reasoning_back=True,
            max_tokens_field="max_completion_tokens",
            models=[ModelRow(id="known", efforts=("low", "high"))],
        )
        request = ChatRequest(
            "known",
            (
                user("hi"),
                Message(
                    "assistant",
                    (ThoughtPart("hm"), TextPart("let me see"), ToolCallPart("c", "f", "{}")),
                ),
                Message("user", (TextPart("go on"), ToolResultPart("c", "42"))),
                assistant("42"),
                Message("user", ()),
            ),
            system="be brief",
            max_tokens=7,
            stop=("1", "2", "3", "4", "5"),
            temperature=0.5,
            effort="minimal",
            tools=(Tool("f", "does f"),),
        )
        assert [event async for event in team.chat(request)] == list(CHAT_EVENTS)
        got = server.requests[0]
        assert (got.method, got.path) == ("POST", "/v1/chat/completions")
        assert got.headers["accept-encoding"] == "identity"
        assert got.json == {
            "model": "known",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": "let me see",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                    "reasoning_content": "hm",
                },
                {"role": "tool", "tool_call_id": "c", "content": "42"},
                {"role": "user", "content": "go on"},
                {"role": "assistant", "content": "42"},
            ],
            "max_completion_tokens": 7,
            "reasoning_effort": "low",
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "description": "does f",
                        "parameters": {"type": "object", "properties": {}},
                    },
                }
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "stop": ["1", "2", "3", "4"],
            "temperature": 0.5,
        }


async def test_what_a_row_says_is_left_out(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(
            base_url=server.url,
            stream_usage=False,
            effort_field="reasoning_effort",
            chat_model="plain",
            models=[ModelRow(id="plain", sampling=False, stop_limit=0)],
        )
        asked = ChatRequest("", (user("x"),), stop=("a",), temperature=0.1, effort="none")
        assert await body_of(server, team, asked) == {
            "model": "plain",
            "messages": [{"role": "user", "content": "x"}],
            "stream": True,
        }
        unlisted = await body_of(server, team, ChatRequest("new", (user("x"),), effort="none"))
        assert unlisted["reasoning_effort"] == "none"
        tools = (ToolCallPart("c", "f", "{}"), ThoughtPart("hm"))
        back = await body_of(server, team, ChatRequest("m", (Message("assistant", tools),)))
        assert "reasoning_content" not in json.dumps(back)


async def test_completion_requests(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(COMPLETION)) as server:
        team = provider(
            base_url=server.url,
            completion="openai-completions",
            completion_model="coder",
            models=[
                ModelRow(id="left", completion="prefix"),
                ModelRow(id="chatty", completion="chat"),
            ],
        )
        asked = CompletionRequest("", "def f(", "\n", max_tokens=9, stop=("\n\n",), temperature=0)
        assert await body_of(server, team, asked) == {
            "model": "coder",
            "prompt": "def f(",
            "suffix": "\n",
            "max_tokens": 9,
            "stream": True,
            "stream_options": {"include_usage": True},
            "stop": ["\n\n"],
            "temperature": 0,
        }
        assert server.requests[0].path == "/completions"
        for request in (
            CompletionRequest("left", "p", "s"),
            CompletionRequest("coder", "p", ""),
            CompletionRequest("chatty", "<fim>p", raw=True),
        ):
            body = await body_of(server, team, request)
            assert "suffix" not in body
            assert body["prompt"] == request.prefix
        with pytest.raises(ConfigurationError, match="chat"):
            await body_of(server, team, CompletionRequest("chatty", "p", "s"))


async def test_without_any_model_nothing_is_sent(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(base_url=server.url)
        with pytest.raises(ConfigurationError, match="no model"):
            await body_of(server, team, ChatRequest("", (user("x"),)))
        assert server.requests == []


async def test_models_newest_first(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, MODELS)) as server:
        models = await provider(base_url=server.url).models()
        assert [model.id for model in models] == ["new", "old", "odd"]
        assert [model.shutdown_date for model in models] == ["2027-01-15", "2026-12-11", None]
        assert models[0].context_tokens == 4096
        server.play(reply(200, [{"id": "bare"}]))
        assert [model.id for model in await provider(base_url=server.url).models()] == ["bare"]


# Parameters that a model refuses


def refuses(message: str, param: str | None = None, status: int = 400) -> list[Step]:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return reply(status, {"error": error})


@pytest.mark.parametrize(
    ("message", "param", "sent", "instead"),
    [
        (
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            ),
            "max_tokens",
            "max_tokens",
            ("max_completion_tokens", 5),
        ),
        (
            (
                "Unsupported value: 'temperature' does not support 0.2 with this model. "
                "Only the default (1) value is supported."
            ),
            "temperature",
            "temperature",
            None,
        ),
        ("Unsupported parameter: 'stop' is not supported with this model.", "stop", "stop", None),
        ("property 'stream_options' is unsupported", None, "stream_options", None),
        (
            (
                "Unsupported value: 'reasoning_effort' does not support 'none' with this model. "
                "Supported values are: 'high', 'low', and 'medium'."
            ),
            "reasoning_effort",
            "reasoning_effort",
            ("reasoning_effort", "low"),
        ),
    ],
)
async def test_a_refused_parameter_is_left_out_and_remembered(
    provider: Callable[..., Provider],
    message: str,
    param: str | None,
    sent: str,
    instead: tuple[str, object] | None,
) -> None:
    async with ScriptedServer(refuses(message, param), stream(CHAT)) as server:
        team = provider(base_url=server.url, effort_field="reasoning_effort")
        asked = ChatRequest(
            "m", (user("x"),), max_tokens=5, stop=("a",), temperature=0.2, effort="none"
        )
        assert [event async for event in team.chat(asked)] == list(CHAT_EVENTS)
        assert [event async for event in team.chat(asked)] == list(CHAT_EVENTS)
        first, *later = (request.json for request in server.requests)
        assert len(later) == 2
        assert sent in first
        for body in later:
            expected = {name: value for name, value in first.items() if name != sent}
            assert body == expected | (dict([instead]) if instead else {})
        other = ChatRequest("other", (user("x"),), max_tokens=5, effort="none")
        async for _ in team.chat(other):
            pass
        assert server.requests[-1].json["max_tokens"] == 5  # learned for one model only


async def test_what_did_not_help_is_not_remembered(provider: Callable[..., Provider]) -> None:
    no = refuses("'max_tokens' is too large: 5")
    async with ScriptedServer(no) as server:
        team = provider(base_url=server.url)
        asked = ChatRequest("m", (user("x"),), max_tokens=5)
        _, error = await outcome(team.chat(asked))
        assert isinstance(error, RequestRefused)
        assert len(server.requests) == 2
        await outcome(team.chat(asked))
        assert "max_tokens" in server.requests[2].json


@pytest.mark.parametrize(
    "message", ["Please stop doing that.", "messages: 'temperature' of the user is unclear"]
)
async def test_a_refusal_for_other_reasons_is_not_repeated(
    provider: Callable[..., Provider],
    message: str,
) -> None:
    async with ScriptedServer(refuses(message)) as server:
        team = provider(base_url=server.url)
        _, error = await outcome(team.chat(ChatRequest("m", (user("x"),), stop=("a",))))
        assert isinstance(error, RequestRefused)
        assert len(server.requests) == 1


async def test_a_list_of_problems_names_the_parameter(provider: Callable[..., Provider]) -> None:
    body = {
        "detail": [
            {
                "type": "extra_forbidden",
                "loc": ["body", "stream_options"],
                "msg": "Extra inputs are not permitted",
                "input": {"include_usage": True},
            }
        ]
    }
    async with ScriptedServer(reply(422, body), stream(CHAT)) as server:
        team = provider(base_url=server.url)
        asked = ChatRequest("m", (user("x"),))
        assert [event async for event in team.chat(asked)] == list(CHAT_EVENTS)
        assert "stream_options" not in server.requests[1].json


@pytest.mark.parametrize(
    ("mode", "part"),
    [
        (
            "chat",
            {
                "type": "file",
                "file": {
                    "filename": "plan.pdf",
                    "file_data": "data:application/pdf;base64,JVBERg==",
                },
            },
        ),
        (
            "mistral-fim",
            {
                "type": "document_url",
                "document_url": "data:application/pdf;base64,JVBERg==",
                "document_name": "plan.pdf",
            },
        ),
    ],
)
async def test_a_document_goes_in_the_suppliers_form(
    mode: str, part: dict[str, object], provider: Callable[..., Provider]
) -> None:
    """Mistral's ``file`` is one that was uploaded before."""
    attached = Message(
        "user", (TextPart("Sum it up."), FilePart("application/pdf", "plan.pdf", b"%PDF"))
    )
    async with ScriptedServer(stream(DONE)) as server:
        made = provider(base_url=server.url, completion=mode)
        body = await body_of(server, made, ChatRequest("m", (attached,)))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Sum it up."}, part]}
    ]
