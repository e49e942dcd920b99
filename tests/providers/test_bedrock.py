"""The wire bedrock-converse: Amazon Bedrock's Converse API."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    ProviderError,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import ParameterRefused, Peer
from polypilot_providers.jsonvalue import as_dict, as_list
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    aws_frame,
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
from polypilot_providers.wires.bedrock_messages import messages_of
from polypilot_providers.wires.bedrock_stream import ConverseParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.types import Effort

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
MARK = {"cachePoint": {"type": "default"}}


def event(kind: str, payload: object = None, **fields: object) -> bytes:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    if payload is not None:
        return aws_frame(json.dumps(payload).encode(), headers)
    return aws_frame({**fields, "p": "abcdefghijkl"}, headers)


def trouble(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":message-type": "exception"}
    return aws_frame({"message": message}, headers)


def delta(index: int, **fields: object) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=fields)


def start(index: int, **fields: object) -> bytes:
    return event("contentBlockStart", contentBlockIndex=index, start=fields)


def close(index: int) -> bytes:
    return event("contentBlockStop", contentBlockIndex=index)


def stop(reason: str) -> bytes:
    return event("messageStop", stopReason=reason)


def metadata(**usage: object) -> bytes:
    return event("metadata", usage=usage, metrics={"latencyMs": 5})


PIECES = [
    event("messageStart", role="assistant"),
    delta(0, reasoningContent={"text": "hm…"}),
    delta(0, reasoningContent={"signature": "EqQB"}),
    delta(0, reasoningContent={"redactedContent": "Emw="}),
    close(0),
    delta(1, text="Olá "),
    delta(1, text="\U0001f600"),
    close(1),
    start(2, toolUse={"toolUseId": "tooluse_1", "name": "add"}),
    delta(2, toolUse={"input": '{"a":'}),
    delta(2, toolUse={"input": " 1}"}),
    close(2),
    stop("tool_use"),
    metadata(
        inputTokens=10,
        outputTokens=9,
        totalTokens=19,
        cacheReadInputTokens=3000,
        cacheWriteInputTokens=200,
    ),
]
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm…"),
    ThoughtDelta("", signature="EqQB", provider="bedrock"),
    ThoughtDelta("", redacted="Emw=", provider="bedrock"),
    TextDelta("Olá "),
    TextDelta("\U0001f600"),
    ToolCall("tooluse_1", "add", '{"a": 1}'),
    Usage(3210, 9, 3000, 200),
    Stop(StopReason.TOOL_CALLS),
)
ANSWER = b"".join(PIECES)
HELLO = b"".join([delta(0, text="Hi"), stop("end_turn"), metadata(inputTokens=1, outputTokens=1)])


class TestConverse(ProviderConformance):
    answer: ClassVar = ANSWER
    events: ClassVar = EVENTS
    ping: ClassVar = event("somethingQuiet")
    models_answer: ClassVar = b'{"asyncInvokeSummaries":[]}'
    model_id: ClassVar = "amazon.nova-micro-v1:0"

    def pieces(self) -> list[bytes]:
        return PIECES

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["bedrock"], key, http, base_url=base_url)


def read(*pieces: bytes) -> list[Event]:
    return testing.read(ConverseParser(Peer("bedrock", "host")), *pieces)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", StopReason.END),
        ("max_tokens", StopReason.LENGTH),
        ("model_context_window_exceeded", StopReason.LENGTH),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("tool_use", StopReason.TOOL_CALLS),
        ("something new", StopReason.END),
    ],
)
def test_stop_reasons(said: str, reason: StopReason) -> None:
    assert read(stop(said)) == [Stop(reason)]


def test_filters_refuse_and_malformed_answers_are_broken() -> None:
    for said in ("guardrail_intervened", "content_filtered"):
        refusal, end = read(stop(said))
        assert isinstance(refusal, Refusal)
        assert refusal.text
        assert end == Stop(StopReason.REFUSAL)
    for said in ("malformed_model_output", "malformed_tool_use"):
        with pytest.raises(StreamBroken, match="could not read"):
            read(stop(said))


def test_the_answer_is_whole_before_its_token_counts_come() -> None:
    parser = ConverseParser(Peer("bedrock", "host"))
    list(parser.feed(stop("end_turn")))
    assert (parser.complete, parser.done) == (True, False)
    list(parser.feed(metadata(inputTokens=3)))
    assert parser.done
    assert list(parser.close()) == [Usage(3), Stop(StopReason.END)]
    # They end nothing by themselves.
    with pytest.raises(StreamBroken, match="end marker"):
        read(metadata(inputTokens=3, outputTokens=1))
    assert read(metadata(inputTokens=3), delta(0, text="x"), stop("end_turn")) == [
        TextDelta("x"),
        Usage(3),
        Stop(StopReason.END),
    ]


def test_sources_are_cited() -> None:
    web = {"location": {"web": {"url": "https://a.example/b"}}, "title": "B"}
    document = {
        "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 4}},
        "sourceContent": [{"text": "It is "}, {"text": "so. "}],
        "title": "facts",
    }
    assert read(delta(0, citation=web), delta(0, citation=document), stop("end_turn"))[:2] == [
        Citation("https://a.example/b", "B"),
        Citation("", "facts", "It is so."),
    ]


def test_what_is_not_known_is_counted() -> None:
    parser = ConverseParser(Peer("bedrock", "host"))
    events = testing.read(
        parser,
        event("novelEvent"),
        start(0, image={"format": "png"}),
        delta(0, image={"source": {}}, audio={}),
        delta(1, text="x"),
        stop("end_turn"),
    )
    assert events == [TextDelta("x"), Stop(StopReason.END)]
    assert parser.unknown == {"novelEvent": 1, "image": 2, "audio": 1}


def test_nothing_is_said_by_empty_pieces() -> None:
    pieces = [delta(0, text=""), delta(1, reasoningContent={"text": ""}), stop("end_turn")]
    assert read(*pieces) == [Stop(StopReason.END)]


def test_a_tool_without_arguments_or_its_end() -> None:
    events = read(start(0, toolUse={"toolUseId": "t", "name": "f"}), stop("tool_use"))
    assert events == [ToolCall("t", "f", "{}"), Stop(StopReason.TOOL_CALLS)]


@pytest.mark.parametrize(
    ("kind", "message", "error"),
    [
        ("throttlingException", "Too many requests", RateLimited),
        ("modelStreamErrorException", "It broke", Unavailable),
        ("internalServerException", "Oh", Unavailable),
        ("serviceUnavailableException", "Later", Unavailable),
        ("validationException", "Malformed input", RequestRefused),
        ("validationException", "Input is too long for requested model.", ContextTooLong),
        ("accessDeniedException", "No access", AuthError),
        ("novelException", "What", StreamBroken),
    ],
)
def test_errors_inside_the_stream(kind: str, message: str, error: type[ProviderError]) -> None:
    with pytest.raises(error, match=message):
        read(PIECES[0], trouble(kind, message))


def test_damage_breaks_the_stream_after_what_came() -> None:
    parser = ConverseParser(Peer("bedrock", "host"))
    assert list(parser.feed(PIECES[5])) == [TextDelta("Olá ")]
    with pytest.raises(StreamBroken, match="checksum"):
        list(parser.feed(PIECES[6][:-1] + b"?"))


def test_an_answer_that_was_not_streamed() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "red"}},
        {"text": "so"},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
    ]
    document = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 4, "outputTokens": 2},
    }
    assert read(json.dumps(document).encode()) == [
        ThoughtDelta("hm"),
        ThoughtDelta("", "sig", provider="bedrock"),
        ThoughtDelta("", redacted="red", provider="bedrock"),
        TextDelta("so"),
        ToolCall("t", "f", '{"a": 1}'),
        Usage(4, 2),
        Stop(StopReason.TOOL_CALLS),
    ]


def test_an_error_document_under_a_status_of_success() -> None:
    named = {"__type": "com.amazon.coral.service#ThrottlingException", "message": "wait"}
    with pytest.raises(RateLimited, match="wait"):
        read(json.dumps(named).encode())
    with pytest.raises(StreamBroken, match="sorry"):
        read(b'{"Message":"sorry"}')


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["contentBlockDelta", "contentBlockStart", "contentBlockStop", "metadata", "x"]
            ),
            st.recursive(
                st.sampled_from(["a", 3, None, True, -1]),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(
                        st.sampled_from(
                            [
                                "delta",
                                "start",
                                "text",
                                "toolUse",
                                "usage",
                                "reasoningContent",
                                "citation",
                                "inputTokens",
                                "input",
                                "error",
                                "sourceContent",
                            ]
                        ),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=6,
            ),
        ),
        max_size=4,
    )
)
def test_whatever_json_comes_only_our_errors_are_raised(values: list[tuple[str, object]]) -> None:
    try:
        events = read(*(event(kind, value) for kind, value in values), stop("end_turn"))
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)


# Requests


@pytest.fixture
def bedrock(listed: Callable[..., Provider]) -> Callable[..., Provider]:
    return partial(listed, "bedrock")


async def test_a_whole_request(bedrock: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        request = ChatRequest(
            HAIKU,
            (
                user("hi"),
                user("   "),
                Message(
                    "user",
                    (
                        ImagePart("image/png", b"\x89PNG"),
                        FilePart("application/pdf", "The  plan_v2.pdf", b"%PDF"),
                        FilePart("text/x-python", "???", b"x = 1"),
                        FilePart("text/markdown", "!!!", b"# x"),
                    ),
                ),
                Message(
                    "assistant",
                    (
                        ThoughtPart("hm", signature="sig", provider="bedrock"),
                        ThoughtPart("", redacted="red", provider="bedrock"),
                        ThoughtPart("not ours", signature="sig", provider="anthropic"),
                        ThoughtPart("unproven"),
                        TextPart("let me"),
                        ToolCallPart("call.1", "f", '{"a":1}'),
                        ToolCallPart("u", "g", "not json"),
                    ),
                ),
                Message("user", (TextPart("so"), ToolResultPart("call.1", "boom", is_error=True))),
                Message("user", (ToolResultPart("u", ""),)),
                assistant(""),
            ),
            system="be brief",
            max_tokens=500,
            stop=("\n\n", "END", "a", "b", "c", "d"),
            temperature=0.3,
            tools=(Tool("f", "does f", {"type": "object", "properties": {}}), Tool("g", "")),
        )
        body = await body_of(server, bedrock(server.url), request)
        got = server.requests[0]
        assert got.method == "POST"
        assert got.path == ("/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream")
        assert got.headers["accept"] == "application/vnd.amazon.eventstream"
        assert got.headers["authorization"] == "Bearer sk-test-1"

        def source(data: bytes) -> dict[str, str]:
            return {"bytes": base64.b64encode(data).decode()}

        assert body == {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "hi"},
                        {"image": {"format": "png", "source": source(b"\x89PNG")}},
                        {
                            "document": {
                                "format": "pdf",
                                "name": "The plan v2 pdf",
                                "source": source(b"%PDF"),
                            }
                        },
                        {
                            "document": {
                                "format": "txt",
                                "name": "document",
                                "source": source(b"x = 1"),
                            }
                        },
                        {
                            "document": {
                                "format": "md",
                                "name": "document (2)",
                                "source": source(b"# x"),
                            }
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                        {"reasoningContent": {"redactedContent": "red"}},
                        {"text": "let me"},
                        {"toolUse": {"toolUseId": "call_1", "name": "f", "input": {"a": 1}}},
                        {"toolUse": {"toolUseId": "u", "name": "g", "input": {}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "toolResult": {
                                "toolUseId": "call_1",
                                "content": [{"text": "boom"}],
                                "status": "error",
                            }
                        },
                        {"toolResult": {"toolUseId": "u", "content": []}},
                        {"text": "so"},
                    ],
                },
            ],
            "system": [{"text": "be brief"}, MARK],
            "inferenceConfig": {
                "maxTokens": 500,
                "temperature": 0.3,
                "stopSequences": ["END", "a", "b", "c"],
            },
            "toolConfig": {
                "tools": [
                    {
                        "toolSpec": {
                            "name": "f",
                            "description": "does f",
                            "inputSchema": {"json": {"type": "object", "properties": {}}},
                        }
                    },
                    {"toolSpec": {"name": "g", "inputSchema": {"json": {"type": "object"}}}},
                ]
            },
        }


async def test_the_least_request(bedrock: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        arn = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x"
        body = await body_of(
            server, bedrock(server.url), ChatRequest(arn, (user("x"),), "s", effort="high")
        )
        assert server.requests[0].path == (
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fx"
            "/converse-stream"
        )
        assert body == {
            "messages": [{"role": "user", "content": [{"text": "x"}]}],
            "system": [{"text": "s"}],
            "inferenceConfig": {},
        }


async def test_marks_are_as_the_row_says(bedrock: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        request = ChatRequest("", (user("x"),), "s")
        for cache, system in (("marks", [{"text": "s"}, MARK]), ("", [{"text": "s"}])):
            body = await body_of(server, bedrock(server.url, cache=cache), request)
            assert body["system"] == system
        assert "nova-2-lite" in server.requests[0].path


async def test_tools_that_are_no_longer_offered_are_still_declared(
    bedrock: Callable[..., Provider],
) -> None:
    called = Message("assistant", (ToolCallPart("t", "f", "{}"), ToolCallPart("u", "f", "{}")))
    answered = Message("user", (ToolResultPart("t", "1"), ToolResultPart("u", "2")))
    async with ScriptedServer(stream(HELLO)) as server:
        request = ChatRequest("m", (user("x"), called, answered))
        body = await body_of(server, bedrock(server.url), request)
        assert body["toolConfig"] == {
            "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]
        }


MODELS = (
    ModelRow(id="global.anthropic.claude-a", thinking="optional", thinking_budget=True),
    ModelRow(id="anthropic.claude-b", thinking="optional", efforts=("low", "high"), sampling=False),
    ModelRow(id="anthropic.claude-c", thinking="between_tools", efforts=("low",)),
    ModelRow(id="anthropic.claude-d", thinking="always", efforts=("low",), max_output_tokens=77),
    ModelRow(id="amazon.nova-2", thinking="optional", efforts=("low", "medium", "high")),
    ModelRow(id="amazon.nova-s", stop_limit=0),
)


def sent(
    limit: int | None = None,
    *,
    warm: bool = True,
    extra: dict[str, object] | None = None,
    effort: str = "",
) -> dict[str, object]:
    """A body without its messages."""
    config = {"maxTokens": limit, "temperature": 0.5 if warm else None}
    body: dict[str, object] = {
        "inferenceConfig": {name: value for name, value in config.items() if value is not None}
    }
    if extra:
        body["additionalModelRequestFields"] = extra
    return body | ({"outputConfig": {"effort": effort}} if effort else {})


def thinking(kind: str, **fields: object) -> dict[str, object]:
    return {"thinking": {"type": kind, **fields}}


def nova(level: str) -> dict[str, object]:
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}


def budget(tokens: int, limit: int) -> dict[str, object]:
    return sent(limit, warm=False, extra=thinking("enabled", budget_tokens=tokens))


@pytest.mark.parametrize(
    ("model", "effort", "limit", "expected"),
    [
        ("us.anthropic.claude-a", None, None, sent()),
        ("us.anthropic.claude-a", "none", None, sent(extra=thinking("disabled"))),
        ("eu.anthropic.claude-a", "low", None, budget(1024, 8192)),
        ("us-gov.anthropic.claude-a", "high", None, budget(4096, 8192)),
        ("anthropic.claude-a", "max", 100_000, budget(32_768, 100_000)),
        ("anthropic.claude-a", "high", 2047, sent(2047)),
        ("apac.anthropic.claude-b", "medium", None, sent(warm=False, effort="high")),
        ("arn:x/us.anthropic.claude-b", "low", None, sent(warm=False, effort="low")),
        ("anthropic.claude-c", "none", None, sent(extra=thinking("between_tools"))),
        ("anthropic.claude-d", "none", None, sent(77, effort="low")),
        ("anthropic.claude-unheard-of", "none", None, sent(extra=thinking("disabled"))),
        ("anthropic.claude-unheard-of", "minimal", None, sent(effort="low")),
        ("anthropic.claude-unheard-of", "high", None, sent(effort="high")),
        ("amazon.nova-2", "none", None, sent()),
        ("us.amazon.nova-2", "minimal", 500, sent(500, extra=nova("low"))),
        ("us.amazon.nova-2", "high", 500, sent(warm=False, extra=nova("high"))),
        ("amazon.nova-s", "high", None, sent()),
        ("meta.llama", "high", None, sent()),
    ],
)
async def test_reasoning_is_asked_for_as_the_model_takes_it(
    bedrock: Callable[..., Provider],
    model: str,
    effort: Effort | None,
    limit: int | None,
    expected: dict[str, object],
) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        request = ChatRequest(model, (user("x"),), max_tokens=limit, effort=effort, temperature=0.5)
        body = await body_of(server, bedrock(server.url, models=MODELS), request)
        del body["messages"]
        assert body == expected


def test_names_and_ids_are_no_longer_than_allowed() -> None:
    """A document's name has 200 characters at the most, that of its namesake too."""
    papers = tuple(FilePart("text/plain", "n" * 300, b"x") for _ in range(11))
    call = ToolCallPart("c" * 70, "f", "{}")
    talk = [
        Message("user", papers),
        Message("assistant", (call,)),
        Message("user", (ToolResultPart("c" * 70, "r"),)),
    ]
    asked, called, answered = messages_of(talk, lambda _: True)
    names = [as_dict(as_dict(block)["document"])["name"] for block in as_list(asked["content"])]
    assert names[0] == "n" * 200
    assert names[1] == "n" * 196 + " (2)"
    assert names[10] == "n" * 195 + " (11)"
    assert len(set(names)) == 11
    assert as_list(called["content"])[0] == {
        "toolUse": {"toolUseId": "c" * 64, "name": "f", "input": {}}
    }
    assert as_dict(as_dict(as_list(answered["content"])[0])["toolResult"])["toolUseId"] == "c" * 64


async def test_a_completion_reasons_as_little_as_it_can(bedrock: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        request = ChatRequest(HAIKU, (user("x"),), completion=True, stop=("END",))
        body = await body_of(server, bedrock(server.url), request)
        assert body["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
        bare = ChatRequest("amazon.nova-s", (user("x"),), stop=("END",))
        body = await body_of(server, bedrock(server.url, models=MODELS), bare)
        assert body["inferenceConfig"] == {}


@pytest.mark.parametrize(
    "message",
    [
        "Malformed input request: #: extraneous key [thinking] is not permitted.",
        "The model returned the following errors: thinking: not taken",
        "This model doesn't support the thinking field. Remove thinking and try again.",
    ],
)
async def test_what_a_model_refuses_is_left_out(
    bedrock: Callable[..., Provider], message: str
) -> None:
    refusal = reply(400, {"message": message}, {"x-amzn-errortype": "ValidationException:http:"})
    async with ScriptedServer(refusal, stream(HELLO)) as server:
        provider = bedrock(server.url)
        request = ChatRequest(HAIKU, (user("x"),), effort="none", temperature=0.1)
        body = await body_of(server, provider, request)
        assert len(server.requests) == 2
        assert "additionalModelRequestFields" not in body
        assert body["inferenceConfig"] == {"temperature": 0.1}
        # It is remembered, of this model alone.
        await body_of(server, provider, request)
        assert len(server.requests) == 3
        other = ChatRequest(HAIKU.replace("us.", "eu."), (user("x"),), effort="none")
        assert "additionalModelRequestFields" in await body_of(server, provider, other)
        # Refused again, or for something that has to be: that is the answer.
        server.play(refusal)
        _, error = await outcome(provider.chat(other))
        assert isinstance(error, ParameterRefused)
        assert len(server.requests) == 6
        _, error = await outcome(provider.chat(request))
        assert isinstance(error, ParameterRefused)
        assert len(server.requests) == 7


async def test_pictures_are_kept_from_a_model_that_takes_none(
    bedrock: Callable[..., Provider],
) -> None:
    async with ScriptedServer(stream(HELLO)) as server:
        picture = Message("user", (ImagePart("image/png", b"x"),))
        provider = bedrock(server.url)
        _, error = await outcome(provider.chat(ChatRequest("amazon.nova-micro-v1:0", (picture,))))
        assert isinstance(error, ConfigurationError)
        _, error = await outcome(bedrock(server.url, chat_model="").chat(ChatRequest("", ())))
        assert isinstance(error, ConfigurationError)
        _, error = await outcome(provider.complete(CompletionRequest("m", "p")))
        assert isinstance(error, ConfigurationError)
        assert server.requests == []


async def test_models_cost_nothing_and_check_the_key(bedrock: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, {"asyncInvokeSummaries": []})) as server:
        provider = bedrock(server.url)
        models = {model.id: model for model in await provider.models()}
        assert (server.requests[0].method, server.requests[0].path) == (
            "GET",
            "/async-invoke?maxResults=1",
        )
        haiku = models["global.anthropic.claude-haiku-4-5-20251001-v1:0"]
        assert (haiku.name, haiku.thinking, haiku.images) == ("Claude Haiku 4.5", True, True)
        assert models["amazon.nova-micro-v1:0"].thinking is False
        # A key that may only converse is taken; one that is none is not.
        denied = {"Message": "User: arn:x is not authorized to perform: bedrock:ListAsyncInvokes"}
        server.play(reply(403, denied, {"x-amzn-errortype": "AccessDeniedException"}))
        assert len(await provider.models()) == len(models)
        unknown = {"message": "The security token included in the request is invalid."}
        server.play(reply(403, unknown, {"x-amzn-errortype": "UnrecognizedClientException:x"}))
        with pytest.raises(AuthError, match="security token"):
            await provider.models()


@pytest.mark.parametrize("name", ["bedrock", "bedrock-mantle", "bedrock-anthropic"])
def test_rows_need_a_region_and_go_nowhere_else(name: str) -> None:
    row = rows({})[name]
    with pytest.raises(ConfigurationError, match="region"):
        row.address()
    there = row.model_copy(update={"variables": {"region": "eu-central-1"}})
    host = there.address().split("/")[2]
    assert host.endswith((".eu-central-1.amazonaws.com", ".eu-central-1.api.aws"))
    assert row.key_env == ("AWS_BEARER_TOKEN_BEDROCK",)
    assert ProviderRow.model_validate(row.model_dump()) == row
