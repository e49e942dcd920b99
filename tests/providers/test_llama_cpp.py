"""The wire llama-cpp: /infill, /completion, and chat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest

from polypilot_providers import testing
from polypilot_providers.base import Limits
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import ConfigurationError, ContextTooLong, RequestRefused, TimedOut
from polypilot_providers.factory import address, build
from polypilot_providers.failures import Peer
from polypilot_providers.jsonvalue import as_dict
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    Tick,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    ContextFile,
    Event,
    Stop,
    StopReason,
    TextDelta,
    Usage,
    user,
)
from polypilot_providers.wires.llama_cpp import LlamaCppProvider, LlamaParser
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.http import HttpClient
    from polypilot_providers.wires.shared import SseParser


def chunk(**fields: object) -> bytes:
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


LAST: dict[str, object] = {
    "index": 0,
    "content": "",
    "tokens": [],
    "id_slot": 0,
    "stop": True,
    "model": "qwen2.5-coder",
    "tokens_predicted": 3,
    "tokens_evaluated": 40,
    "generation_settings": {"n_predict": 8},
    "prompt": "",
    "has_new_line": False,
    "truncated": False,
    "stop_type": "limit",
    "stopping_word": "",
    "tokens_cached": 42,
    "timings": {"cache_n": 30, "prompt_n": 10, "predicted_n": 3, "predicted_ms": 90.5},
}
ANSWER = (
    chunk(index=0, content="return", tokens=[470], stop=False, id_slot=0, tokens_predicted=1)
    + chunk(index=0, content=" é", tokens=[1], stop=False)
    + chunk(index=0, content="", tokens=[], stop=False)
    + chunk(**LAST)
)
EVENTS: tuple[Event, ...] = (
    TextDelta("return"),
    TextDelta(" é"),
    Usage(40, 3, 30),
    Stop(StopReason.LENGTH, "qwen2.5-coder"),
)
CHAT = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant",'
    b'"content":null}}],"created":1,"id":"chatcmpl-x","model":"qwen","object":"c"}\n\n'
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hi"}}],'
    b'"model":"qwen"}\n\n'
    b'data: {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"model":"qwen"}\n\n'
    b'data: {"choices":[],"model":"qwen","usage":{"completion_tokens":2,"prompt_tokens":9,'
    b'"total_tokens":11},"timings":{"prompt_n":9}}\n\n'
    b"data: [DONE]\n\n"
)
MODELS = b'{"models":[],"data":[{"id":"qwen","meta":{"n_ctx_train":32768}}]}'


def row(base_url: str, **fields: object) -> ProviderRow:
    fields = {"completion": "llama-infill"} | fields
    return ProviderRow.model_validate(
        {"id": "local", "wire": "llama-cpp", "base_url": base_url} | fields
    )


class Loaded(LlamaCppProvider):
    """Its model is loaded."""

    loading = 0.0


class TestInfill(ProviderConformance):
    answer: ClassVar = ANSWER
    events: ClassVar = EVENTS
    operation: ClassVar = "complete"
    models_answer: ClassVar = MODELS
    model_id: ClassVar = "qwen"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return Loaded(row(base_url), *address(base_url), key, http)


class TestChat(ProviderConformance):
    answer: ClassVar = CHAT
    events: ClassVar = (TextDelta("Hi"), Usage(9, 2), Stop(StopReason.END, "qwen"))

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return Loaded(row(base_url), *address(f"{base_url}/v1"), key, http)


def read(data: bytes) -> list[Event]:
    return testing.read(LlamaParser(Peer("local", "host")), data)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("eos", StopReason.END), ("word", StopReason.STOP_SEQUENCE), ("none", StopReason.END)],
)
def test_what_stopped_it(kind: str, reason: StopReason) -> None:
    assert read(chunk(content="", stop=True, stop_type=kind)) == [Stop(reason)]


def test_counts_of_older_servers() -> None:
    older = chunk(content="", stop=True, tokens_evaluated=5, tokens_predicted=2)
    assert read(older)[0] == Usage(5, 2)
    timed = chunk(content="", stop=True, timings={"prompt_n": 4, "predicted_n": 1})
    assert read(timed)[0] == Usage(4, 1)


def test_an_answer_in_one_piece() -> None:
    assert read(json.dumps(LAST | {"content": "x"}).encode())[0] == TextDelta("x")


PROGRESS = {"total": 900, "cache": 0, "processed": 256, "time_ms": 2100}


def test_progress_is_no_content() -> None:
    native = chunk(content="", tokens=[], stop=False, prompt_progress=PROGRESS)
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": None}}
    chat = chunk(choices=[choice], model="qwen", prompt_progress=PROGRESS)
    parsers: list[tuple[SseParser, bytes]] = [
        (LlamaParser(Peer("local", "host")), native),
        (OpenAIParser(Peer("local", "host")), chat),
    ]
    for parser, report in parsers:
        assert list(parser.feed(report * 3)) == []
        assert parser.progress == 0
    assert read(native * 2 + ANSWER + native) == list(EVENTS)


@pytest.mark.parametrize("operation", ["complete", "chat"])
async def test_progress_does_not_put_off_the_first_content(
    http: HttpClient, key: KeySource, operation: str
) -> None:
    report = chunk(content="", stop=False, choices=[], prompt_progress=PROGRESS)
    limits = Limits(first_event=0.3, idle=30.0)
    async with ScriptedServer(stream(Tick(report, 0.02), end=False)) as server:
        provider = Loaded(row(server.url), *address(server.url), key, http)
        if operation == "chat":
            events = provider.chat(ChatRequest("m", (user("x"),)), limits)
        else:
            events = provider.complete(CompletionRequest("m", "p"), limits)
        with pytest.raises(TimedOut) as caught:
            await anext(events)
        assert caught.value.limit == "first_byte"


async def test_infill_request(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = build(row(server.url, id_slot=2, chat_slot=3), key, http)
        request = CompletionRequest(
            "m",
            "def f(",
            "):\n",
            extra=(ContextFile("a/b.py", "x = 1"),),
            max_tokens=8,
            stop=("\n",),
            temperature=0.2,
        )
        assert await body_of(server, provider, request) == {
            "input_prefix": "def f(",
            "input_suffix": "):\n",
            "input_extra": [{"filename": "a/b.py", "text": "x = 1"}],
            "prompt": "",
            "n_predict": 8,
            "cache_prompt": True,
            "stream": True,
            "return_progress": True,
            "stop": ["\n"],
            "temperature": 0.2,
            "id_slot": 2,
        }
        assert server.requests[0].path == "/infill"


async def test_left_to_right_and_raw_go_to_completion(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        models = [ModelRow(id="plain", completion="prefix")]
        provider = build(row(f"{server.url}/v1", models=models), key, http)
        for request in (
            CompletionRequest("plain", "def f(", "):\n", max_tokens=8),
            CompletionRequest("m", "<fim>def f(", raw=True, max_tokens=8),
        ):
            assert await body_of(server, provider, request) == {
                "prompt": request.prefix,
                "n_predict": 8,
                "cache_prompt": True,
                "stream": True,
                "return_progress": True,
            }
            assert server.requests[-1].path == "/completion"


async def test_a_mode_of_another_wire_is_a_mistake_in_the_row(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = build(row(server.url, completion="openai-completions"), key, http)
        with pytest.raises(ConfigurationError, match="openai-completions"):
            await body_of(server, provider, CompletionRequest("m", "p", "s"))


async def test_chat_goes_to_its_own_endpoint(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        for slots in ({}, {"id_slot": 2}, {"id_slot": 2, "chat_slot": 3}):
            provider = build(row(server.url, **slots), key, http)
            async for _ in provider.chat(ChatRequest("m", (user("x"),))):
                pass
        assert {request.path for request in server.requests} == {"/v1/chat/completions"}
        bodies = [as_dict(request.json) for request in server.requests]
        assert [body.get("id_slot") for body in bodies] == [None, None, 3]
        assert all(body["stream"] and body["return_progress"] for body in bodies)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {
                "code": 400,
                "message": "the request exceeds the available context size, try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            },
            ContextTooLong,
        ),
        (
            501,
            {"code": 501, "message": "Infill is not supported by this model", "type": "x"},
            RequestRefused,
        ),
        (400, {"code": 400, "message": '"input_prefix" is required', "type": "x"}, RequestRefused),
    ],
)
async def test_error_bodies(
    http: HttpClient,
    key: KeySource,
    status: int,
    error: dict[str, object],
    kind: type[ProviderError],
) -> None:
    async with ScriptedServer(reply(status, {"error": error})) as server:
        provider = build(row(server.url), key, http)
        _, caught = await outcome(provider.complete(CompletionRequest("m", "p")))
        assert isinstance(caught, kind)
        assert caught.status == status
