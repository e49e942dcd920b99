"""The wire gemini: generateContent on Google's own host and on Vertex."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.conformance import KEY
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
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
from polypilot_providers.wires.gemini_stream import GeminiParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient


def chunk(*parts: dict[str, object], finish: str = "", **fields: object) -> dict[str, object]:
    """A chunk of an answer; ``fields`` beside its candidates."""
    candidate: dict[str, object] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], **fields}


def usage(prompt: int, **counts: int) -> dict[str, object]:
    return {"promptTokenCount": prompt, "totalTokenCount": 999, **counts}


def sse(*values: object) -> bytes:
    return b"".join(
        b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n" for value in values
    )


CHUNKS = (
    chunk(
        {"text": "hm…", "thought": True},
        usageMetadata=usage(11, thoughtsTokenCount=3),
        modelVersion="gemini-x",
    ),
    chunk({"text": "Olá ", "thoughtSignature": "c2ln"}, usageMetadata={"trafficType": "ON_DEMAND"}),
    chunk({"text": "\U0001f600"}),
    chunk(
        {
            "functionCall": {"name": "add", "args": {"a": "é{", "b": [1]}},
            "thoughtSignature": "Y2FsbA==",
        },
        {"functionCall": {"id": "fc_7", "name": "now"}},
    ),
    chunk(
        {"text": ""},
        finish="STOP",
        usageMetadata=usage(
            11, candidatesTokenCount=7, thoughtsTokenCount=30, cachedContentTokenCount=8
        ),
        modelVersion="gemini-x",
    ),
)
ANSWER = sse(*CHUNKS)
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm…"),
    ThoughtDelta("", signature="c2ln", provider="gemini"),
    TextDelta("Olá "),
    TextDelta("\U0001f600"),
    ToolCall("call_0", "add", '{"a": "é{", "b": [1]}', "Y2FsbA==", "gemini"),
    ToolCall("fc_7", "now", "{}"),
    Usage(11, 37, 8, reasoning_tokens=30),
    Stop(StopReason.TOOL_CALLS, "gemini-x"),
)
MODELS = {
    "models": [
        {
            "name": "models/gemini-3.5-flash-lite",
            "displayName": "Gemini 3.5 Flash-Lite",
            "inputTokenLimit": 1048576,
            "outputTokenLimit": 65536,
            "thinking": True,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        },
        {"name": "models/text-embedding-9", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/plain", "supportedGenerationMethods": ["generateContent"]},
    ]
}


class TestGemini(ProviderConformance):
    answer: ClassVar = ANSWER
    events: ClassVar = EVENTS
    key_header: ClassVar = ("x-goog-api-key", KEY)
    models_answer: ClassVar = json.dumps(MODELS).encode()
    model_id: ClassVar = "gemini-3.5-flash-lite"

    def pieces(self) -> list[bytes]:
        return [sse(value) for value in CHUNKS]

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["gemini"], key, http, base_url=base_url)


def parser() -> GeminiParser:
    return GeminiParser(Peer("gemini", "host"))


def read(*values: object) -> list[Event]:
    return testing.read(parser(), sse(*values))


# Answers


@pytest.mark.parametrize("indent", [None, 1], ids=["in one line", "in many"])
def test_the_array_of_a_server_that_ignored_alt_sse(indent: int | None) -> None:
    """The same events, and each as soon as its object is whole."""
    document = b"\xef\xbb\xbf" + json.dumps(CHUNKS, indent=indent).encode()
    assert testing.read(parser(), document) == list(EVENTS)
    assert testing.read(parser(), *(document[at : at + 1] for at in range(len(document)))) == list(
        EVENTS
    )
    for size in range(0, len(document) - 1, 7):
        with pytest.raises(StreamBroken):
            testing.read(parser(), document[:size])


def test_an_array_streams() -> None:
    reader = parser()
    first = json.dumps(chunk({"text": 'a "{\\'}), indent=1).encode()
    assert list(reader.feed(b"[" + first + b"\n,\r\n")) == [TextDelta('a "{\\')]
    assert reader.progress == 1


def test_strings_without_end_take_no_longer_than_others() -> None:
    """Bounded wait: a line of a million quotes is one mark, not a million."""
    line = b'{"' + b'\\"' * 450_000 + b"\n"
    with pytest.raises(StreamBroken):
        testing.read(parser(), line)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("STOP", StopReason.END),
        ("MAX_TOKENS", StopReason.LENGTH),
        ("CONTINUATION", StopReason.LENGTH),
        ("SOMETHING_NEW", StopReason.END),
    ],
)
def test_finish_reasons(said: str, reason: StopReason) -> None:
    assert read(chunk(finish=said)) == [Stop(reason)]


@pytest.mark.parametrize(
    "said",
    ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST", "LANGUAGE", "MODEL_ARMOR"],
)
def test_refusals(said: str) -> None:
    assert read(chunk({"text": "I"}), chunk(finish=said)) == [
        TextDelta("I"),
        Refusal(said),
        Stop(StopReason.REFUSAL),
    ]


def test_a_refusal_with_its_explanation() -> None:
    answer = {"candidates": [{"finishReason": "SAFETY", "finishMessage": "Not that."}]}
    assert read(answer) == [Refusal("Not that."), Stop(StopReason.REFUSAL)]


def test_a_blocked_prompt() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": usage(9),
        "modelVersion": "gemini-x",
    }
    assert read(blocked) == [
        Refusal("PROHIBITED_CONTENT"),
        Usage(9),
        Stop(StopReason.REFUSAL, "gemini-x"),
    ]
    told = {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "Why."}}
    assert read(told)[0] == Refusal("Why.")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("MALFORMED_FUNCTION_CALL", "tool call"),
        ("UNEXPECTED_TOOL_CALL", "not offered"),
        ("OTHER", "does not tell"),
    ],
)
def test_the_model_failed(said: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        read(chunk({"text": "a"}), chunk(finish=said))


def test_a_conversation_without_proof_is_not_asked_again() -> None:
    with pytest.raises(RequestRefused, match="proof") as caught:
        read(chunk({"text": "a"}), chunk(finish="MISSING_THOUGHT_SIGNATURE"))
    assert not caught.value.failover


def test_without_a_finish_reason_an_answer_is_broken() -> None:
    with pytest.raises(StreamBroken):
        read(*CHUNKS[:-1])
    with pytest.raises(StreamBroken):
        read(chunk({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED"))


def test_reasoning_with_its_proof() -> None:
    assert read(
        chunk({"text": "a", "thought": True, "thoughtSignature": "s"}),
        chunk({"thoughtSignature": "t"}),
        chunk(finish="STOP"),
    ) == [
        ThoughtDelta("a", signature="s", provider="gemini"),
        ThoughtDelta("", signature="t", provider="gemini"),
        Stop(StopReason.END),
    ]


def test_half_a_character_waits_for_the_other() -> None:
    halves = b'{"candidates":[{"content":{"parts":[{"text":"\\ud83d"}]}}]}'
    other = halves.replace(b"\\ud83d", b"\\ude00").replace(b"}}]}", b'},"finishReason":"STOP"}]}')
    data = b"data: " + halves + b"\r\n\r\ndata: " + other + b"\r\n\r\n"
    assert testing.read(parser(), data) == [TextDelta("\U0001f600"), Stop(StopReason.END)]


def test_half_a_character_in_a_tool_call() -> None:
    data = (
        b"data: "
        + json.dumps(
            chunk({"functionCall": {"name": "f", "args": {"a": "\ud83d"}}}, finish="STOP")
        ).encode()
    )
    assert testing.read(parser(), data)[0] == ToolCall("call_0", "f", '{"a": "\ufffd"}')


def test_what_we_do_not_know_is_counted_and_left_out() -> None:
    reader = parser()
    data = sse(
        chunk({"executableCode": {"code": "1"}}, {"inlineData": {}, "partMetadata": {}}),
        chunk({"functionCall": {"name": "f", "willContinue": True, "partialArgs": []}}),
        {"candidates": [{"index": 1, "content": {"parts": [{"text": "another"}]}}]},
        chunk({"text": "a", "codeExecutionResult": {}}),
        chunk(finish="BRAND_NEW"),
    )
    assert testing.read(reader, data) == [TextDelta("a"), Stop(StopReason.END)]
    assert reader.unknown == {
        "executableCode": 1,
        "inlineData": 1,
        "codeExecutionResult": 1,
        "functionCall.partialArgs": 1,
        "finishReason BRAND_NEW": 1,
    }


def test_token_counts() -> None:
    """The last count holds; what tools gave back is input, reasoning is output."""
    assert read(
        chunk({"text": "a"}, usageMetadata=usage(5, candidatesTokenCount=1)),
        chunk(usageMetadata=usage(5, candidatesTokenCount=4, toolUsePromptTokenCount=10)),
        chunk(finish="STOP", usageMetadata={"trafficType": "ON_DEMAND"}),
    )[1] == Usage(15, 4)
    only = chunk(finish="STOP", usageMetadata={"thoughtsTokenCount": 6})
    assert read(only)[0] == Usage(None, 6, reasoning_tokens=6)
    assert read(chunk(finish="STOP", usageMetadata=usage(0)))[0] == Usage(0)


def test_citations_come_once() -> None:
    web = {"web": {"uri": "https://a.example", "title": "A"}}
    own = {"retrievedContext": {"title": "notes.pdf", "text": "so it is"}}
    sources: list[dict[str, object]] = [
        {"groundingMetadata": {"groundingChunks": [web]}},
        {"groundingMetadata": {"groundingChunks": [web, own, {"maps": {}}, "?"]}},
        {"citationMetadata": {"citationSources": [{"uri": "https://b.example"}]}},
        {"citationMetadata": {"citations": [{"uri": "https://c.example", "title": "C"}]}},
        {"groundingMetadata": {"groundingChunks": [{"image": {"sourceUri": "https://d.example"}}]}},
        {"finishReason": "STOP"},
    ]
    assert read(*({"candidates": [source]} for source in sources)) == [
        Citation("https://a.example", "A"),
        Citation("", "notes.pdf", "so it is"),
        Citation("https://b.example"),
        Citation("https://c.example", "C"),
        Citation("https://d.example"),
        Stop(StopReason.END),
    ]


def told(status: int, name: str, message: str, *details: object) -> dict[str, Any]:
    """An error as Google's services write it."""
    error = {"code": status, "message": message, "status": name, "details": list(details)}
    return {"error": error}


DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.5s"}
PER_MINUTE = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}
PER_DAY = {"violations": ["?", {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
SPENT = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", ["event", "lines", "array"])
def test_errors_inside_the_stream(form: str, indent: int | None) -> None:
    error = told(503, "UNAVAILABLE", "The model is overloaded {.")
    text = json.dumps(error, indent=indent).encode()
    if form == "event":
        tail = sse(error)
    else:
        tail = text if form == "lines" else b"[" + text + b"\r\n]\r\n"
    data = sse(chunk({"text": "a"})) + tail
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        reader = parser()
        with pytest.raises(Unavailable, match="overloaded"):
            testing.read(reader, *pieces)
        assert reader.progress == 1


def test_how_long_to_wait_inside_the_stream() -> None:
    with pytest.raises(RateLimited) as caught:
        read(told(429, "RESOURCE_EXHAUSTED", SPENT, PER_MINUTE, DELAY))
    assert caught.value.retry_after == 48.5


def test_a_web_page_is_no_answer() -> None:
    with pytest.raises(Unavailable, match="web page"):
        testing.read(parser(), b"<html>")


@settings(max_examples=200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["candidates", "usageMetadata", "promptFeedback", "modelVersion"]),
            st.recursive(
                st.sampled_from(["STOP", "text", 3, None, True, -1, "\ud83d"]),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(
                        st.sampled_from(
                            [
                                *("content", "parts", "text", "functionCall", "args", "thought"),
                                *("finishReason", "blockReason", "groundingMetadata"),
                                "groundingChunks",
                            ]
                        ),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=8,
            ),
            max_size=4,
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_json_comes_only_our_errors_are_raised(
    values: list[dict[str, object]],
    array: bool,  # noqa: FBT001 - Hypothesis gives it
) -> None:
    whole = [*values, chunk(finish="STOP")]
    events = [f"data: {json.dumps(value)}\r\n\r\n" for value in whole]
    data = (json.dumps(whole) if array else "".join(events)).encode()
    try:
        got = testing.read(parser(), data)
    except ProviderError:
        return
    assert isinstance(got[-1], Stop)


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b",", b"\n", b"a"])))
def test_no_bytes_make_the_decoder_fail(pieces: list[bytes]) -> None:
    with pytest.raises(ProviderError):
        testing.read(parser(), *pieces)


# Requests


@pytest.fixture
def gemini(listed: Callable[..., Provider]) -> Callable[..., Provider]:
    return partial(listed, "gemini")


TALK = (
    user("hi"),
    Message("user", (ImagePart("image/png", b"\x89P"), FilePart("text/csv", "a.csv", b"1,2"))),
    Message(
        "assistant",
        (
            ThoughtPart("hm", signature="s1", provider="gemini"),
            TextPart("let me"),
            ThoughtPart("unproven"),
            ThoughtPart("other", signature="s2", provider="anthropic"),
            TextPart(""),
            TextPart(" see"),
            ThoughtPart("", signature="s3", provider="gemini"),
            ToolCallPart("call_0", "f", '{"a":1}', signature="c1", provider="gemini"),
            ToolCallPart("fc_9", "g", "not json"),
        ),
    ),
    Message(
        "user",
        (ToolResultPart("fc_9", "boom", is_error=True), ToolResultPart("call_0", "42")),
    ),
    Message(
        "assistant",
        (
            ToolCallPart("call_0", "h", "[]", signature="foreign", provider="vertex"),
            ToolCallPart("call_1", "k", "{}", signature="foreign", provider="vertex"),
        ),
    ),
    Message("user", (ToolResultPart("call_0", "late"), ToolResultPart("lost", "?"))),
    assistant(""),
    Message("assistant", (TextPart("done"), ThoughtPart("", signature="s4"))),
)


async def test_request(gemini: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(
            "gemini-2.5-flash",
            TALK,
            system="be brief",
            max_tokens=99,
            stop=("a", "", "b", "c", "d", "e", "f"),
            temperature=0.3,
            effort="medium",
            tools=(Tool("f", "does f", {"type": "object", "properties": {}}), Tool("g", "")),
        )
        body = await body_of(server, gemini(server.url + "/v1beta"), request)
        got = server.requests[0]
        assert got.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        assert got.headers["accept"] == "text/event-stream"
        assert "authorization" not in got.headers
        assert body == {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "hi"},
                        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
                        {"inlineData": {"mimeType": "text/csv", "data": "MSwy"}},
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"text": "let me", "thoughtSignature": "s1"},
                        {"text": " see"},
                        {"text": "", "thoughtSignature": "s3"},
                        {
                            "functionCall": {"name": "f", "args": {"a": 1}},
                            "thoughtSignature": "c1",
                        },
                        {"functionCall": {"id": "fc_9", "name": "g", "args": {}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {
                            "functionResponse": {
                                "id": "fc_9",
                                "name": "g",
                                "response": {"error": "boom"},
                            }
                        },
                        {"functionResponse": {"name": "f", "response": {"output": "42"}}},
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "h", "args": {}}},
                        {"functionCall": {"name": "k", "args": {}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "h", "response": {"output": "late"}}},
                        {
                            "functionResponse": {
                                "id": "lost",
                                "name": "lost",
                                "response": {"output": "?"},
                            }
                        },
                    ],
                },
                {
                    "role": "model",
                    "parts": [{"text": "done"}, {"text": "", "thoughtSignature": "s4"}],
                },
            ],
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "generationConfig": {
                "maxOutputTokens": 99,
                "stopSequences": ["a", "b", "c", "d", "e"],
                "temperature": 0.3,
                "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8192},
            },
            "tools": [
                {
                    "functionDeclarations": [
                        {
                            "name": "f",
                            "description": "does f",
                            "parametersJsonSchema": {"type": "object", "properties": {}},
                        },
                        {"name": "g", "description": ""},
                    ]
                }
            ],
        }


async def test_a_strangers_tool_call_goes_with_the_documented_stand_in(
    gemini: Callable[..., Provider],
) -> None:
    """Gemini 3 refuses a step whose first call has no signature, and any but its own."""
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest("gemini-3.8-flash", TALK)
        body: dict[str, Any] = await body_of(server, gemini(server.url), request)
        steps = [content["parts"] for content in body["contents"] if content["role"] == "model"]
        signatures = [
            [part.get("thoughtSignature") for part in step if "functionCall" in part]
            for step in steps
        ]
        assert signatures == [["c1", None], ["skip_thought_signature_validator", None], []]


async def test_the_least_that_can_be_said(gemini: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest("models/some-other", (user("x"),))
        body = await body_of(server, gemini(server.url), request)
        assert body == {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
        assert server.requests[0].path == "/models/some-other:streamGenerateContent?alt=sse"
        await body_of(server, gemini(server.url), ChatRequest("", (user("x"),)))
        assert "/models/gemini-3.8-flash:" in server.requests[1].path


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("../../v1/x", "..%2F..%2Fv1%2Fx"),
        ("..", ".."),
        ("a?b#c", "a%3Fb%23c"),
        ("a:b%2f\r\n", "a%3Ab%252f%0D%0A"),
        ("é", "%C3%A9"),
    ],
)
async def test_a_models_name_stays_in_its_place(
    gemini: Callable[..., Provider], model: str, sent: str
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        await body_of(server, gemini(server.url + "/v1beta"), ChatRequest(model, (user("x"),)))
        path = server.requests[0].path
        assert path == f"/v1beta/models/{sent}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-flash", None, {"includeThoughts": True}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "completion", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "max", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-pro", "completion", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", "minimal", {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini-3.5-flash", "none", {"thinkingLevel": "minimal"}),
        ("gemini-3.5-flash-lite", "completion", {"thinkingLevel": "minimal"}),
        ("gemini-3.8-flash", "completion", {"thinkingLevel": "low"}),
        ("gemini-4-argon", "minimal", {"includeThoughts": True, "thinkingLevel": "low"}),
        ("gemini-4-argon", "xhigh", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-4-argon", None, {"includeThoughts": True}),
        ("gemini-unheard-of", None, None),
        ("gemini-unheard-of", "high", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-unheard-of", "completion", {"thinkingLevel": "minimal"}),
        ("gemini-2.5-unheard-of", "completion", {"thinkingBudget": 0}),
    ],
)
async def test_reasoning_is_asked_for_as_the_model_takes_it(
    gemini: Callable[..., Provider],
    model: str,
    effort: str | None,
    expected: dict[str, object] | None,
) -> None:
    completion = effort == "completion"
    wanted: Any = "high" if completion else effort
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(model, (user("x"),), effort=wanted, completion=completion)
        body: dict[str, Any] = await body_of(server, gemini(server.url), request)
        assert body.get("generationConfig", {}).get("thinkingConfig") == expected


async def test_a_model_that_only_may_be_told_to_show_its_thoughts(
    gemini: Callable[..., Provider],
) -> None:
    own = (ModelRow(id="own", thinking="always", stop_limit=1, max_output_tokens=7, images=False),)
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest("own", (user("x"),), effort="low", stop=("a", "b"))
        body = await body_of(server, gemini(server.url, models=own), request)
        assert body["generationConfig"] == {
            "maxOutputTokens": 7,
            "stopSequences": ["a"],
            "thinkingConfig": {"includeThoughts": True},
        }
        seen = Message("user", (ImagePart("image/png", b""),))
        with pytest.raises(ConfigurationError, match="pictures"):
            await body_of(server, gemini(server.url, models=own), ChatRequest("own", (seen,)))
        assert len(server.requests) == 1


async def test_what_a_model_refuses_to_be_told_is_not_said_again(
    gemini: Callable[..., Provider],
) -> None:
    words = "Thinking level MINIMAL is not supported for this model."
    refusal = reply(400, told(400, "INVALID_ARGUMENT", words))
    async with ScriptedServer(refusal, stream(ANSWER)) as server:
        provider = gemini(server.url)
        request = ChatRequest("gemini-3.6-flash", (user("x"),), max_tokens=5, completion=True)
        instead = {"maxOutputTokens": 5, "thinkingConfig": {"thinkingLevel": "low"}}
        for count in (2, 3):
            body = await body_of(server, provider, request)
            assert body["generationConfig"] == instead
            assert len(server.requests) == count
        # It was learned of this model alone.
        other = ChatRequest("gemini-3.5-flash", (user("x"),), completion=True)
        body = await body_of(server, provider, other)
        assert body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "minimal"}}


async def test_what_was_learned_is_forgotten_if_that_was_no_help(
    gemini: Callable[..., Provider],
) -> None:
    one = "Budget 0 is invalid. This model only works in thinking mode."
    two = "The thinking budget 128 is invalid."
    refusals = [
        reply(400, told(400, "INVALID_ARGUMENT", words)) for words in (one, "A temperature?", two)
    ]
    async with ScriptedServer(*refusals) as server:
        provider = gemini(server.url)
        request = ChatRequest("gemini-2.5-flash", (user("x"),), temperature=0.1, effort="none")
        _, error = await outcome(provider.chat(request))
        assert type(error).__base__ is RequestRefused
        sent = [cast("Any", request.json).get("generationConfig") for request in server.requests]
        thinking: dict[str, object] = {"thinkingConfig": {"thinkingBudget": 128}}
        first = {"temperature": 0.1, "thinkingConfig": {"thinkingBudget": 0}}
        assert sent == [first, {"temperature": 0.1, **thinking}, thinking, None]
        await outcome(provider.chat(request))
        assert cast("Any", server.requests[4].json)["generationConfig"] == first
        # Nothing that was sent is named: there is nothing to leave out.
        count = len(server.requests)
        await outcome(provider.chat(ChatRequest("m", (user("x"),))))
        assert len(server.requests) == count + 1


async def test_completions_are_refused(gemini: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        with pytest.raises(ConfigurationError, match="completion"):
            async for _ in gemini(server.url).complete(CompletionRequest("m", "p")):
                pass
        assert server.requests == []


async def test_no_model_at_all(gemini: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = gemini(server.url, chat_model="")
        _, error = await outcome(provider.chat(ChatRequest("", (user("x"),))))
        assert isinstance(error, ConfigurationError)
        assert server.requests == []


async def test_models(gemini: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, MODELS)) as server:
        model, plain = await gemini(server.url + "/v1beta").models()
        assert server.requests[0].path == "/v1beta/models?pageSize=1000"
        assert (model.id, model.name) == ("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite")
        assert (model.context_tokens, model.output_tokens, model.thinking) == (1048576, 65536, True)
        assert (plain.id, plain.name, plain.thinking) == ("plain", None, None)


# Vertex

LISTED = {
    "publisherModels": [
        {"name": "publishers/google/models/gemini-3.8-flash", "versionId": "default"},
        {"name": "publishers/google/models/imagen-9"},
        {"versionId": "default"},
    ]
}


async def test_vertex(http: HttpClient, key: KeySource) -> None:
    row = rows({})["vertex"]
    assert row.missing == ("location", "project")
    row = row.model_copy(update={"variables": {"project": "my-proj", "location": "europe-west4"}})
    base = (
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/my-proj"
        "/locations/europe-west4/publishers/google"
    )
    assert row.address() == base
    path = base.removeprefix("https://europe-west4-aiplatform.googleapis.com")
    async with ScriptedServer(stream(ANSWER), reply(200, LISTED)) as server:
        provider = build(row, key, http, base_url=server.url + path)
        await body_of(server, provider, ChatRequest("gemini-3.8-flash", (user("x"),)))
        (model,) = await provider.models()
        asked, listed = server.requests
        assert asked.path == f"{path}/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
        assert asked.headers["authorization"] == "Bearer sk-test-1"
        assert "x-goog-api-key" not in asked.headers
        assert listed.path == "/v1beta1/publishers/google/models?pageSize=1000"
        assert listed.headers["x-goog-user-project"] == "my-proj"
        assert (model.id, model.thinking) == ("gemini-3.8-flash", None)


async def test_vertex_without_a_project(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(reply(200, LISTED)) as server:
        base = server.url + "/v1/publishers/google"
        row = ProviderRow(id="express", wire="gemini", base_url=base)
        assert len(await build(row, key, http).models()) == 1
        assert server.requests[0].path == "/v1beta1/publishers/google/models?pageSize=1000"
        assert "x-goog-user-project" not in server.requests[0].headers


# Errors


@pytest.mark.parametrize(
    ("status", "error", "kind", "wait"),
    [
        (
            400,
            told(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                {"reason": "API_KEY_INVALID", "domain": "googleapis.com"},
            ),
            AuthError,
            None,
        ),
        (400, told(400, "INVALID_ARGUMENT", "?", {"reason": "API_KEY_INVALID"}), AuthError, None),
        (401, told(401, "UNAUTHENTICATED", "Request had invalid credentials."), AuthError, None),
        (403, told(403, "PERMISSION_DENIED", "Your key was reported."), PermissionDenied, None),
        (
            404,
            told(
                404,
                "NOT_FOUND",
                "models/gemini-9.1 is not found for API version v1beta, or is not supported for "
                "generateContent.",
            ),
            UnknownModel,
            None,
        ),
        (
            404,
            told(
                404,
                "NOT_FOUND",
                "Publisher Model `projects/p/locations/l/publishers/google/models/gemini-9.1` "
                "was not found or your project does not have access to it.",
            ),
            UnknownModel,
            None,
        ),
        (
            404,
            told(404, "NOT_FOUND", "This model models/gemini-2.0-x is no longer available."),
            UnknownModel,
            None,
        ),
        (404, told(404, "NOT_FOUND", "Requested entity was not found."), RequestRefused, None),
        (
            400,
            told(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200293) exceeds the maximum number of tokens allowed "
                "(1048576).",
            ),
            ContextTooLong,
            None,
        ),
        (429, told(429, "RESOURCE_EXHAUSTED", SPENT, PER_MINUTE, DELAY), RateLimited, 48.5),
        (429, told(429, "RESOURCE_EXHAUSTED", "?", {"retryDelay": "999s"}), RateLimited, 120),
        (429, told(429, "RESOURCE_EXHAUSTED", "?", {"retryDelay": "soon"}), RateLimited, None),
        (429, told(429, "RESOURCE_EXHAUSTED", "Resource exhausted."), RateLimited, None),
        (429, told(429, "RESOURCE_EXHAUSTED", SPENT), QuotaExhausted, None),
        (429, told(429, "RESOURCE_EXHAUSTED", SPENT, PER_DAY, DELAY), QuotaExhausted, None),
        (500, told(500, "INTERNAL", "An internal error has occurred."), Unavailable, None),
        (503, told(503, "UNAVAILABLE", "The model is overloaded."), Unavailable, None),
    ],
)
async def test_error_bodies(
    gemini: Callable[..., Provider],
    status: int,
    error: dict[str, object],
    kind: type[ProviderError],
    wait: float | None,
) -> None:
    async with ScriptedServer(reply(status, error), reply(status, [error])) as server:
        for _ in range(2):
            _, caught = await outcome(gemini(server.url).chat(ChatRequest("", (user("x"),))))
            assert caught is not None
            assert type(caught) is kind
            assert caught.retry_after == wait
        assert len(server.requests) == 2


async def test_a_header_says_more_than_the_body(gemini: Callable[..., Provider]) -> None:
    error = told(429, "RESOURCE_EXHAUSTED", SPENT, DELAY)
    async with ScriptedServer(reply(429, error, {"retry-after": "3"})) as server:
        _, caught = await outcome(gemini(server.url).chat(ChatRequest("", (user("x"),))))
        assert isinstance(caught, RateLimited)
        assert caught.retry_after == 3
