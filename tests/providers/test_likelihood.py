"""The probabilities of tokens: on every wire that tells them, and which suppliers are asked."""
# ruff: noqa: FBT001 - columns of tables

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import PermissionDenied
from polypilot_providers.factory import build
from polypilot_providers.failures import Peer
from polypilot_providers.suppliers import SUPPLIERS
from polypilot_providers.testing import (
    LikelihoodConformance,
    ScriptedServer,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Effort,
    Event,
    Stop,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    user,
)
from polypilot_providers.wires.gemini_stream import GeminiParser
from polypilot_providers.wires.likelihood import Likelihood, wanted
from polypilot_providers.wires.llama_cpp import LlamaCppProvider, LlamaParser
from polypilot_providers.wires.ollama_stream import OllamaParser
from polypilot_providers.wires.openai_chat import OpenAIParser
from polypilot_providers.wires.responses_stream import ResponsesParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.wires.shared import WireParser

PEER = Peer("team", "host")
DONE = b"data: [DONE]\n\n"
STOPPED: dict[str, object] = {"index": 0, "delta": {}, "finish_reason": "stop"}
HALVES = ("\ud83d", "\ude00!")
"""A character cut in two, as some suppliers do."""


def sse(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def tokens(*logprobs: object, name: str = "logprob") -> list[dict[str, object]]:
    return [{"token": "t", name: each} for each in logprobs]


# --- Chat Completions and Completions


def chat(text: object, *logprobs: object, **delta: object) -> bytes:
    told = {"content": tokens(*logprobs), "refusal": None} if logprobs else None
    choice: dict[str, object] = {"index": 0, "delta": {"content": text, **delta}, "logprobs": told}
    return sse(model="m-1", choices=[choice])


def filled(text: str, *logprobs: object) -> bytes:
    told = {"tokens": ["t"], "token_logprobs": logprobs, "top_logprobs": [], "text_offset": [0]}
    choice: dict[str, object] = {"index": 0, "text": text, "logprobs": told if logprobs else None}
    return sse(model="m-1", choices=[choice])


CHAT = (
    chat("", role="assistant")
    + chat("Olá", -0.5)
    + chat(HALVES[0], -1.0)
    + chat(HALVES[1], -0.25, -0.0)
    + chat(" so")
    + chat("", -4.0)  # of the token that ends it, which is no text
    + sse(model="m-1", choices=[STOPPED])
    + DONE
)
CHAT_EVENTS: tuple[Event, ...] = (
    TextDelta("Olá", -0.5, 1),
    TextDelta("\U0001f600!", -1.25, 3),
    TextDelta(" so"),
    Stop(StopReason.END, "m-1"),
)
FILLED = (
    filled("ret", -0.5)
    + filled("urn é", -0.25, -1.0)
    + sse(model="m-1", choices=[{"index": 0, "text": "", "finish_reason": "length"}])
    + DONE
)
FILLED_EVENTS: tuple[Event, ...] = (
    TextDelta("ret", -0.5, 1),
    TextDelta("urn é", -1.25, 2),
    Stop(StopReason.LENGTH, "m-1"),
)


def row(wire: str, base_url: str, **fields: object) -> ProviderRow:
    known = {"id": "team", "wire": wire, "base_url": base_url, "logprobs": True}
    return ProviderRow.model_validate(known | fields)


class TestChat(LikelihoodConformance):
    answer: ClassVar = CHAT
    events: ClassVar = CHAT_EVENTS
    asked_by: ClassVar = '"logprobs":true'

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("openai-chat", base_url), key, http)


class TestCompletions(LikelihoodConformance):
    answer: ClassVar = FILLED
    events: ClassVar = FILLED_EVENTS
    asked_by: ClassVar = '"logprobs":1'
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("openai-chat", base_url, completion="openai-completions"), key, http)


class TestDeepSeek(LikelihoodConformance):
    answer: ClassVar = FILLED
    events: ClassVar = FILLED_EVENTS
    asked_by: ClassVar = '"logprobs":1'
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["deepseek"], key, http, base_url=base_url)


# --- Responses


def said(text: str, *logprobs: object) -> bytes:
    kind = "response.output_text.delta"
    return sse(type=kind, output_index=0, delta=text, logprobs=tokens(*logprobs))


END = sse(type="response.completed", response={"model": "m-1", "status": "completed"})


class TestResponses(LikelihoodConformance):
    answer: ClassVar = (
        said("Olá", -0.5) + said(HALVES[0], -1.0) + said(HALVES[1], -0.0, -0.25) + END
    )
    events: ClassVar = (
        TextDelta("Olá", -0.5, 1),
        TextDelta("\U0001f600!", -1.25, 3),
        Stop(StopReason.END, "m-1"),
    )
    asked_by: ClassVar = "message.output_text.logprobs"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("openai-responses", base_url), key, http)


# --- Gemini


def candidate(*parts: dict[str, object], logprobs: tuple[object, ...] = ()) -> dict[str, Any]:
    told = {"chosenCandidates": tokens(*logprobs, name="logProbability"), "topCandidates": []}
    return {"content": {"parts": list(parts)}, "logprobsResult": told}


class TestGemini(LikelihoodConformance):
    answer: ClassVar = (
        sse(candidates=[candidate({"text": "Ol"}, {"text": "á"}, logprobs=(-0.5, -1.0))])
        + sse(candidates=[candidate({"text": HALVES[0]}, logprobs=(-0.25,))])
        + sse(candidates=[{**candidate({"text": HALVES[1]}), "finishReason": "STOP"}])
    )
    events: ClassVar = (
        TextDelta("Ol", -1.5, 2),
        TextDelta("á"),
        TextDelta("\U0001f600!", -0.25, 1),
        Stop(StopReason.END),
    )
    asked_by: ClassVar = '"generationConfig":{"responseLogprobs":true'

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        models = (ModelRow(id="some-model"),)
        return build(row("gemini", base_url, models=models), key, http)


# --- Ollama


class TestOllamaChat(LikelihoodConformance):
    answer: ClassVar = (
        line(model="q", message={"content": "Olá"}, logprobs=tokens(-0.5))
        + line(model="q", message={"content": " so"}, logprobs=tokens(-1.0, -0.25))
        + line(model="q", message={"content": ""}, done=True, logprobs=tokens(-4.0))
    )
    events: ClassVar = (
        TextDelta("Olá", -0.5, 1),
        TextDelta(" so", -1.25, 2),
        Stop(StopReason.END, "q"),
    )
    asked_by: ClassVar = '"logprobs":true'
    aside: ClassVar = {"/api/show": reply(200, {"capabilities": ["completion"]})}

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("ollama", base_url, completion="ollama-generate"), key, http)


class TestOllamaGenerate(TestOllamaChat):
    answer: ClassVar = (
        line(model="q", response="ret", logprobs=tokens(-0.5))
        + line(model="q", response="urn", logprobs=tokens(-1.0))
        + line(model="q", response="", done=True, done_reason="length")
    )
    events: ClassVar = (
        TextDelta("ret", -0.5, 1),
        TextDelta("urn", -1.0, 1),
        Stop(StopReason.LENGTH, "q"),
    )
    operation: ClassVar = "complete"


# --- llama.cpp, in the words of a real server of October 2026


def piece(text: str, *logprobs: object, **fields: object) -> bytes:
    told = [
        {"id": 7, "token": "t", "bytes": [116], **each, "top_logprobs": [{"id": 7, **each}]}
        for each in tokens(*logprobs)
    ]
    more = {"completion_probabilities": told} if told else {}
    return sse(index=0, content=text, tokens=[7], stop=False, id_slot=0, **more, **fields)


LLAMA_END = sse(content="", tokens=[], stop=True, stop_type="limit", model="small")


class TestLlamaCpp(LikelihoodConformance):
    answer: ClassVar = piece("ret", -0.5) + piece("urn é", -1.0) + piece("!") + LLAMA_END
    events: ClassVar = (
        TextDelta("ret", -0.5, 1),
        TextDelta("urn é", -1.0, 1),
        TextDelta("!"),
        Stop(StopReason.LENGTH, "small"),
    )
    asked_by: ClassVar = '"n_probs":1'
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("llama-cpp", base_url, completion="llama-infill"), key, http)


class TestLlamaCppChat(LikelihoodConformance):
    answer: ClassVar = CHAT
    events: ClassVar = CHAT_EVENTS
    asked_by: ClassVar = '"n_probs":1'

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(row("llama-cpp", base_url), key, http)


# --- what is not the visible text's


def read(parser: type[WireParser], *pieces: bytes) -> list[Event]:
    return testing.read(parser(PEER), *pieces)


def test_a_thoughts_and_a_calls_tokens_are_not_the_texts() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "now", "arguments": "{}"}}
    events = read(
        OpenAIParser,
        chat(None, -9.0, reasoning_content="hm") + chat("a", -0.5),
        chat(None, -9.0, tool_calls=[call]) + chat("b", -0.25) + sse(choices=[STOPPED]) + DONE,
    )
    assert events[:3] == [ThoughtDelta("hm"), TextDelta("a", -0.5, 1), TextDelta("b", -0.25, 1)]
    assert isinstance(events[3], ToolCall)
    ollama = read(
        OllamaParser,
        line(message={"content": "", "thinking": "hm"}, logprobs=tokens(-9.0)),
        line(message={"tool_calls": [{"function": {"name": "now"}}]}, logprobs=tokens(-9.0)),
        line(message={"content": "a"}, logprobs=tokens(-0.5)) + line(done=True),
    )
    assert ollama[:2] == [ThoughtDelta("hm"), TextDelta("a", -0.5, 1)]
    gemini = read(
        GeminiParser,
        sse(candidates=[candidate({"text": "hm", "thought": True}, logprobs=(-9.0,))]),
        sse(candidates=[candidate({"functionCall": {"name": "now"}}, logprobs=(-9.0,))]),
        sse(candidates=[{**candidate({"text": "a"}, logprobs=(-0.5,)), "finishReason": "STOP"}]),
    )
    assert gemini[0] == ThoughtDelta("hm")
    assert gemini[2] == TextDelta("a", -0.5, 1)


def test_an_answer_in_one_piece() -> None:
    message = {"message": {"content": "ab"}, "logprobs": {"content": tokens(-0.5, -0.25)}}
    whole = json.dumps({"choices": [{**message, "finish_reason": "stop"}]}).encode()
    assert read(OpenAIParser, whole)[0] == TextDelta("ab", -0.75, 2)
    part = {"type": "output_text", "text": "ab", "logprobs": tokens(-0.5, -0.25)}
    item = {"type": "message", "content": [part]}
    whole = json.dumps({"status": "completed", "output": [item]}).encode()
    assert read(ResponsesParser, whole)[0] == TextDelta("ab", -0.75, 2)
    last = {"content": "ab", "stop": True, "completion_probabilities": tokens(-0.5, -0.25)}
    assert read(LlamaParser, json.dumps(last).encode())[0] == TextDelta("ab", -0.75, 2)


def test_llama_cpp_has_objects_in_completions_too() -> None:
    choice = {"text": "ab", "logprobs": {"content": tokens(-0.5)}, "finish_reason": "length"}
    assert read(OpenAIParser, sse(choices=[choice]) + DONE)[0] == TextDelta("ab", -0.5, 1)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([{"tok_str": " b", "prob": 0.3}, {"tok_str": " a", "prob": 0.25}], math.log(0.25)),
        ([{"tok_str": " a", "prob": 1.0}], 0.0),
        ([{"tok_str": " b", "prob": 0.3}], None),  # the likeliest, but it was not taken
        ([{"tok_str": " a", "prob": 0.0}], None),
        ([{"tok_str": " a", "prob": 1.5}], None),
        ([{"tok_str": " a", "prob": "1"}], None),
        ([7, None], None),
        ("none", None),
    ],
)
def test_probabilities_of_older_llama_cpp_servers(listed: object, expected: float | None) -> None:
    told = [{"content": " a", "probs": listed}]
    events = read(LlamaParser, sse(content=" a", completion_probabilities=told) + LLAMA_END)
    assert events[0] == TextDelta(" a", expected, 0 if expected is None else 1)


@pytest.mark.parametrize("told", [7, "x", True, [7], [None], [[]], {"content": 7}, [{}], {}])
def test_what_is_none_of_the_known_shapes_costs_nothing(told: Any) -> None:
    choice = {"delta": {"content": "a"}, "logprobs": told}
    assert read(OpenAIParser, sse(choices=[choice]) + DONE)[0] == TextDelta("a")
    delta = sse(type="response.output_text.delta", delta="a", logprobs=told)
    assert read(ResponsesParser, delta + END)[0] == TextDelta("a")
    said_so = line(response="a", logprobs=told) + line(done=True)
    assert read(OllamaParser, said_so)[0] == TextDelta("a")
    last = sse(content="a", completion_probabilities=told) + LLAMA_END
    assert read(LlamaParser, last)[0] == TextDelta("a")
    for value in (told, {"chosenCandidates": told}):
        part = {"content": {"parts": [{"text": "a"}]}, "logprobsResult": value}
        chunk = sse(candidates=[{**part, "finishReason": "STOP"}])
        assert read(GeminiParser, chunk)[0] == TextDelta("a")


def test_what_next_to_impossible_is_called() -> None:
    likelihood = Likelihood()
    likelihood.add([-9999.0, -3.4028234663852886e38, -0.0, 0])
    assert likelihood.delta("a") == TextDelta("a", -9999.0, 3)
    assert likelihood.delta("b") == TextDelta("b")


# --- who is asked


def test_every_wire_that_is_asked_is_in_the_suite() -> None:
    asked = {
        wire
        for supplier in SUPPLIERS
        for model in (ModelRow(id="unlisted"), *supplier.models)
        for wire in (model.wire or supplier.wire, supplier.completion_wire)
        if wire and (supplier.logprobs if model.logprobs is None else model.logprobs)
    }
    assert asked == {"openai-chat", "openai-responses", "llama-cpp", "ollama"}
    told = {supplier.id for supplier in SUPPLIERS if supplier.logprobs}
    assert told == {"embedded", "llama.cpp", "ollama", "vllm", "deepseek"}


@pytest.mark.parametrize(
    ("supplier", "model", "mine"),
    [
        (True, None, True),
        (True, False, False),
        (False, None, False),
        (False, True, True),
    ],
)
def test_a_models_row_says_otherwise(
    supplier: bool,
    model: bool | None,
    mine: bool,
) -> None:
    facts = ModelRow(id="m", logprobs=model)
    team = row("openai-chat", "https://example.org", logprobs=supplier)
    assert wanted(team, facts, CompletionRequest("m", "p", logprobs=True)) is mine
    assert not wanted(team, facts, CompletionRequest("m", "p"))


@pytest.mark.parametrize(
    ("thinking", "effort", "completion", "asked"),
    [
        ("none", None, False, True),
        ("none", "high", False, True),  # it has no such thing, so nothing is sent of it
        ("optional", None, False, False),
        ("optional", "high", True, False),
        ("optional", "none", False, True),
        ("optional", None, True, True),
        ("always", None, True, False),
        ("always", "none", False, False),
        ("between_tools", "none", False, False),
    ],
)
def test_whoever_reasons_is_not_asked(
    thinking: Any,
    effort: Effort | None,
    completion: bool,
    asked: bool,
) -> None:
    facts = ModelRow(id="m", thinking=thinking)
    request = ChatRequest("m", (), effort=effort, completion=completion, logprobs=True)
    team = row("openai-chat", "https://example.org")
    assert wanted(team, facts, request) is asked
    assert not wanted(team, facts, replace(request, logprobs=False))


async def test_suppliers_that_refuse_the_field_do_not_get_it(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer(stream(FILLED)) as server:
        for name in ("mistral", "codestral", "inception"):
            provider = build(rows({})[name], key, http, base_url=server.url)
            request = CompletionRequest("", "p", "s", logprobs=True)
            assert "logprobs" not in await body_of(server, provider, request)
        for name in ("groq", "xai", "together", "openrouter", "lmstudio"):
            provider = build(rows({})[name], key, http, base_url=server.url)
            request = ChatRequest("m", (user("x"),), completion=True, logprobs=True)
            assert "logprobs" not in json.dumps(await body_of(server, provider, request))


async def test_openais_models_by_what_they_tell(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        provider = build(rows({})["openai"], key, http, base_url=server.url)
        asked = {"gpt-4.1": True, "gpt-5.6-luna": True, "gpt-5-mini": False, "gpt-6-luna": False}
        for model, tells in asked.items():
            request = ChatRequest(model, (user("x"),), completion=True, logprobs=True)
            assert ("logprobs" in await body_of(server, provider, request)) is tells


async def test_deepseek_is_asked_while_it_does_not_reason(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        provider = build(rows({})["deepseek"], key, http, base_url=server.url)
        request = ChatRequest("", (user("x"),), effort="none", logprobs=True)
        assert (await body_of(server, provider, request))["logprobs"] is True
        assert "logprobs" not in await body_of(server, provider, replace(request, effort="low"))


async def test_both_endpoints_of_llama_cpp_ask_in_its_own_words(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer(stream(LLAMA_END)) as server:
        provider = build(row("llama-cpp", server.url, completion="llama-infill"), key, http)
        assert isinstance(provider, LlamaCppProvider)
        for raw in (False, True):
            request = CompletionRequest("m", "p", raw=raw, logprobs=True)
            assert (await body_of(server, provider, request))["n_probs"] == 1
        server.play(stream(CHAT))
        body = await body_of(server, provider, ChatRequest("m", (user("x"),), logprobs=True))
        assert (body["n_probs"], "logprobs" in body) == (1, False)


# --- refusals, in the suppliers' own words


@pytest.mark.parametrize(
    ("wire", "answer", "status", "said_no"),
    [
        (
            "openai-chat",
            CHAT,
            403,
            {
                "message": "You are not allowed to request logprobs from this model",
                "type": "invalid_request_error",
                "param": None,
            },
        ),
        (
            "openai-chat",
            CHAT,
            400,
            {
                "message": "Gaudi doesn't support logprobs. Please remove 'logprobs'",
                "type": "BadRequestError",
                "param": None,
            },
        ),
        (
            "openai-responses",
            END,
            400,
            {
                "message": "logprobs are not supported with reasoning models.",
                "type": "invalid_request_error",
                "param": "include",
                "code": "unsupported_parameter",
            },
        ),
        (
            "gemini",
            TestGemini.answer,
            400,
            {
                "code": 400,
                "message": "Logprobs is not enabled for models/gemini-2.5-pro",
                "status": "INVALID_ARGUMENT",
            },
        ),
        (
            "gemini",
            TestGemini.answer,
            400,
            {
                "code": 400,
                "message": "Unable to submit request because Logprobs is not supported for this "
                "model.",
                "status": "INVALID_ARGUMENT",
            },
        ),
    ],
)
async def test_refused_as_suppliers_do(  # noqa: PLR0917 - a table's columns
    wire: str,
    answer: bytes,
    status: int,
    said_no: dict[str, object],
    http: HttpClient,
    key: KeySource,
) -> None:
    no = reply(status, {"error": said_no})
    async with ScriptedServer(no, stream(answer)) as server:
        provider = build(row(wire, server.url, models=(ModelRow(id="m"),)), key, http)
        request = ChatRequest("m", (user("x"),), completion=True, logprobs=True)
        _, error = await outcome(provider.chat(request))
        assert error is None
        assert ["ogprobs" in sent.body.decode() for sent in server.requests] == [True, False]


async def test_a_key_that_may_not_is_told_so(http: HttpClient, key: KeySource) -> None:
    no = reply(403, {"error": {"message": "You are not allowed to use this model"}})
    async with ScriptedServer(no) as server:
        provider = build(row("openai-chat", server.url), key, http)
        request = ChatRequest("m", (user("x"),), logprobs=True)
        _, error = await outcome(provider.chat(request))
        assert type(error) is PermissionDenied
        assert len(server.requests) == 1


async def test_reasoning_is_still_included_when_probabilities_are_not(
    provider: Callable[..., Provider],
) -> None:
    param = {"message": "logprobs are not supported", "param": "include"}
    async with ScriptedServer(reply(400, {"error": param}), stream(END)) as server:
        asked = provider(wire="openai-responses", base_url=server.url, logprobs=True)
        sealed = {"include": ["reasoning.encrypted_content"]}
        request = ChatRequest("m", (user("x"),), logprobs=True)
        body = await body_of(server, asked, request)
        assert body["include"] == sealed["include"]
        first = server.requests[0].json["include"]
        assert first == ["reasoning.encrypted_content", "message.output_text.logprobs"]
        refusal = {"message": "Unsupported parameter: 'include'", "param": "include"}
        server.play(reply(400, {"error": refusal}), stream(END))
        assert "include" not in await body_of(server, asked, replace(request, logprobs=False))
