"""The wire ollama: /api/chat, /api/generate, /api/tags and /api/show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_providers import testing
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ProviderError,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.factory import address, build
from polypilot_providers.failures import Peer
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    Step,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    FilePart,
    ImagePart,
    Message,
    ModelInfo,
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
from polypilot_providers.wires.ollama import MAX_WINDOW, SHOWN, OllamaProvider
from polypilot_providers.wires.ollama_stream import OllamaParser

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient


def line(**fields: object) -> bytes:
    return (
        json.dumps({"model": "qwen", "done": False} | fields, ensure_ascii=False).encode() + b"\n"
    )


def said(**message: object) -> bytes:
    return line(message={"role": "assistant", "content": ""} | message)


LAST = line(
    message={"role": "assistant", "content": ""},
    done=True,
    done_reason="stop",
    total_duration=5,
    prompt_eval_count=26,
    eval_count=7,
)
CHAT = said(thinking="hm…") + said(content="Olá ") + said(content="\U0001f600") + LAST
EVENTS: tuple[Event, ...] = (
    ThoughtDelta("hm…"),
    TextDelta("Olá "),
    TextDelta("\U0001f600"),
    Usage(26, 7),
    Stop(StopReason.END, "qwen"),
)
GENERATE = (
    line(response="return")
    + line(response=" é")
    + line(response="", done=True, done_reason="length", prompt_eval_count=9, eval_count=2)
)
TAGS: dict[str, object] = {
    "models": [
        {"name": "old:1b", "model": "old:1b", "modified_at": "2025-01-01T00:00:00Z"},
        {"name": "qwen:7b", "modified_at": "2026-05-01T00:00:00Z", "size": 5},
        {"modified_at": "2026-06-01T00:00:00Z"},
    ]
}


def row(base_url: str, **fields: object) -> ProviderRow:
    fields = {"completion": "ollama-generate", "stop_limit": 16} | fields
    return ProviderRow.model_validate(
        {"id": "local", "wire": "ollama", "base_url": base_url} | fields
    )


SHOW = "/api/show"


def ollama(*scripts: list[Step], show: list[Step] | None = None) -> ScriptedServer:
    """A server that says of its models, when asked, that they write text."""
    return ScriptedServer(
        *scripts, aside={SHOW: show or reply(200, {"capabilities": ["completion"]})}
    )


class Loaded(OllamaProvider):
    """Its models are all loaded."""

    loading = 0.0


class Lines(ProviderConformance):
    """What is common to both endpoints."""

    ping: ClassVar = b"\n"
    aside: ClassVar = {SHOW: reply(200, {"capabilities": ["completion"]})}

    def pieces(self) -> list[bytes]:
        return self.answer.splitlines(keepends=True)

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return Loaded(row(base_url), *address(base_url), key, http)


class TestChat(Lines):
    answer: ClassVar = CHAT
    events: ClassVar = EVENTS
    models_answer: ClassVar = json.dumps(TAGS).encode()
    model_id: ClassVar = "qwen:7b"


class TestGenerate(Lines):
    answer: ClassVar = GENERATE
    events: ClassVar[tuple[Event, ...]] = (
        TextDelta("return"),
        TextDelta(" é"),
        Usage(9, 2),
        Stop(StopReason.LENGTH, "qwen"),
    )
    operation: ClassVar = "complete"


del Lines  # not to be collected by itself


def read(*pieces: bytes) -> list[Event]:
    return testing.read(OllamaParser(Peer("local", "host")), *pieces)


def test_tool_calls_come_whole() -> None:
    calls: list[dict[str, object]] = [
        {"function": {"name": "add", "arguments": {"x": "é"}}},
        {"id": "call_7", "function": {"index": 0, "name": "mul", "arguments": {}}},
    ]
    assert read(said(tool_calls=calls[:1]), said(tool_calls=calls[1:]), LAST) == [
        ToolCall("call_0", "add", '{"x": "é"}'),
        ToolCall("call_7", "mul", "{}"),
        Usage(26, 7),
        Stop(StopReason.TOOL_CALLS, "qwen"),
    ]


def test_reasoning_of_generate_and_an_end_without_counts() -> None:
    assert read(line(response="", thinking="hm"), b'{"done":true,"response":"x"}') == [
        ThoughtDelta("hm"),
        TextDelta("x"),
        Stop(StopReason.END, "qwen"),
    ]


def test_an_answer_without_its_last_line_is_broken() -> None:
    with pytest.raises(StreamBroken, match="end marker"):
        read(said(content="x"))


@settings(max_examples=200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["message", "response", "thinking", "done", "done_reason", "error", "model"]
            ),
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=3)
            | st.dictionaries(
                st.sampled_from(["content", "thinking", "tool_calls", "function"]),
                st.text(max_size=3) | st.lists(st.integers() | st.none(), max_size=2),
                max_size=3,
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_whatever_json_comes_only_our_errors_are_raised(values: list[dict[str, object]]) -> None:
    try:
        events = read(*(json.dumps(value).encode() + b"\n" for value in values), LAST)
    except ProviderError:
        return
    assert isinstance(events[-1], Stop)
    assert all(event.text for event in events if isinstance(event, TextDelta))


# Requests


async def test_chat_request(http: HttpClient, key: KeySource) -> None:
    async with ollama(stream(CHAT)) as server:
        window = ModelRow(id="m", context_tokens=MAX_WINDOW * 4)
        provider = build(row(f"{server.url}/v1", models=[window]), key, http)
        call = ToolCallPart("c", "f", '{"x": 1}')
        request = ChatRequest(
            "m",
            (
                Message("user", (TextPart("what is this"), ImagePart("image/png", b"\x89PNG"))),
                Message("assistant", (ThoughtPart("hm"), TextPart("let me see"), call)),
                Message("user", (ToolResultPart("c", "42"), ToolResultPart("lost", "?"))),
                Message("assistant", (ThoughtPart("left out"), TextPart("42"))),
                Message(
                    "assistant",
                    (
                        ThoughtPart("of another", provider="other"),
                        ToolCallPart("d", "g", "no json"),
                    ),
                ),
                Message("user", (ImagePart("image/png", b"\x89PNG"),)),
                Message("user", ()),
            ),
            system="be brief",
            max_tokens=7,
            stop=("a", "b"),
            temperature=0.5,
            tools=(Tool("f", "does f"),),
        )
        assert await body_of(server, provider, request) == {
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "what is this", "images": ["iVBORw=="]},
                {
                    "role": "assistant",
                    "content": "let me see",
                    "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"x": 1}}}],
                    "thinking": "hm",
                },
                {"role": "tool", "content": "42", "tool_name": "f", "tool_call_id": "c"},
                {"role": "tool", "content": "?", "tool_name": "", "tool_call_id": "lost"},
                {"role": "assistant", "content": "42"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"id": "d", "function": {"name": "g", "arguments": {}}}],
                },
                {"role": "user", "content": "", "images": ["iVBORw=="]},
            ],
            "stream": True,
            "keep_alive": "30m",
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
            "options": {
                "num_predict": 7,
                "stop": ["a", "b"],
                "temperature": 0.5,
                "num_ctx": MAX_WINDOW,
            },
        }
        assert server.requests[0].path == "/api/chat"


async def test_attachments_that_can_not_be_read(http: HttpClient, key: KeySource) -> None:
    async with ollama(stream(CHAT)) as server:
        provider = build(row(server.url, models=[ModelRow(id="blind", images=False)]), key, http)
        paper = Message("user", (FilePart("application/pdf", "a.pdf", b"%PDF"),))
        picture = Message("user", (ImagePart("image/png", b"\x89PNG"),))
        for model, message, what in (("m", paper, "documents"), ("blind", picture, "pictures")):
            with pytest.raises(ConfigurationError, match=what):
                await body_of(server, provider, ChatRequest(model, (message,)))
        assert server.requests == []


@pytest.mark.parametrize(
    ("model", "fields", "think"),
    [
        ("new", {}, None),
        ("new", {"effort": "none"}, False),
        ("new", {"completion": True}, False),
        ("new", {"effort": "high"}, True),
        ("plain", {"effort": "high"}, None),
        ("plain", {"effort": "none"}, False),
        ("thinks", {"effort": "high"}, True),
        ("levels", {"effort": "none"}, "low"),
        ("levels", {"effort": "max"}, "high"),
        ("off", {"completion": True}, False),
    ],
)
async def test_how_much_to_reason(
    http: HttpClient, key: KeySource, model: str, fields: dict[str, object], think: object
) -> None:
    models = [
        ModelRow(id="plain"),
        ModelRow(id="thinks", thinking="optional"),
        ModelRow(id="levels", thinking="always", efforts=("low", "medium", "high")),
        ModelRow(id="off", thinking="optional", efforts=("none", "low")),
    ]
    async with ollama(stream(CHAT)) as server:
        provider = build(row(server.url, models=models), key, http)
        request = ChatRequest(model, (user("x"), assistant("y")), **fields)  # pyright: ignore[reportArgumentType] - fields of several types
        body = await body_of(server, provider, request)
        assert body.get("think") == think
        assert ("think" in body) == (think is not None)
        assert "options" not in body


async def test_a_model_that_does_not_reason_is_asked_again_without(
    http: HttpClient, key: KeySource
) -> None:
    no = reply(400, {"error": '"registry.ollama.ai/library/m:1b" does not support thinking'})
    async with ollama(no, stream(CHAT)) as server:
        provider = build(row(server.url), key, http)
        asked = ChatRequest("m:1b", (user("x"),), effort="high")
        assert "think" not in await body_of(server, provider, asked)
        assert "think" not in await body_of(server, provider, asked)
        assert ["think" in request.json for request in server.requests] == [True, False, False]
        # It was learned of this model alone.
        assert "think" in await body_of(
            server, provider, ChatRequest("m:4b", asked.messages, effort="high")
        )
    async with ollama(no) as server:
        provider = build(row(server.url), key, http)
        for request, sent in ((asked, 2), (ChatRequest("m", (user("x"),)), 3)):
            _, error = await outcome(provider.chat(request))
            assert isinstance(error, RequestRefused)
            assert len(server.requests) == sent


async def test_completion_requests(http: HttpClient, key: KeySource) -> None:
    async with ollama(stream(GENERATE)) as server:
        models = [
            ModelRow(id="left", completion="prefix"),
            ModelRow(id="chatty", completion="chat", stop_limit=0, sampling=False),
        ]
        provider = build(row(f"{server.url}/api", models=models), key, http)
        assert await body_of(
            server,
            provider,
            CompletionRequest("m", "def f(", "):\n", max_tokens=9, stop=("\n",), temperature=0),
        ) == {
            "model": "m",
            "prompt": "def f(",
            "suffix": "):\n",
            "stream": True,
            "keep_alive": "30m",
            "think": False,
            "options": {"num_predict": 9, "stop": ["\n"], "temperature": 0},
        }
        assert server.requests[0].path == "/api/generate"
        for request in (
            CompletionRequest("m", "p", max_tokens=9),
            CompletionRequest("left", "p", "s", max_tokens=9),
            CompletionRequest("chatty", "p", "", (), 9, ("a",), 0.0, raw=True),
        ):
            assert await body_of(server, provider, request) == {
                "model": request.model,
                "prompt": "p",
                "raw": True,
                "stream": True,
                "keep_alive": "30m",
                "options": {"num_predict": 9},
            }
        with pytest.raises(ConfigurationError, match="chat"):
            await body_of(server, provider, CompletionRequest("chatty", "p", "s"))


async def test_a_cloud_model_is_not_passed_off_as_one_of_this_machine(
    http: HttpClient, key: KeySource
) -> None:
    async with ollama(stream(CHAT)) as server:
        provider = build(row(server.url), key, http)
        for request in (
            ChatRequest("gpt-oss:120b-cloud", (user("x"),)),
            CompletionRequest("some:cloud", "p", "s"),
        ):
            with pytest.raises(ConfigurationError, match="this machine"):
                await body_of(server, provider, request)
        assert server.requests == []
    # Where all run elsewhere, it is a name like any other.
    elsewhere = build(row("https://ollama.example"), key, http)
    assert isinstance(elsewhere, OllamaProvider)
    assert (
        elsewhere.chat_body(ChatRequest("gpt-oss:120b-cloud", ()))["model"] == "gpt-oss:120b-cloud"
    )


@pytest.mark.parametrize("says", ["remote_host", "remote_model"])
@pytest.mark.parametrize(
    "request_",
    [ChatRequest("mine", (user("secret"),)), CompletionRequest("mine", "secret", "s")],
)
async def test_a_cloud_model_under_another_name_gets_no_text(
    http: HttpClient, key: KeySource, says: str, request_: ChatRequest | CompletionRequest
) -> None:
    """``ollama cp`` and a Modelfile give it any name; the server knows where it runs."""
    shown = reply(200, {says: "gpt-oss:120b", "capabilities": ["completion"]})
    async with ollama(stream(CHAT), show=shown) as server:
        provider = build(row(server.url), key, http)
        for looks in (1, 2):
            with pytest.raises(ConfigurationError, match="this machine"):
                await body_of(server, provider, request_)
            assert server.requests == []
            assert [json.loads(look.body) for look in server.asides] == [{"model": "mine"}] * looks


async def test_where_a_model_runs_is_looked_up_once(http: HttpClient, key: KeySource) -> None:
    async with ollama(stream(CHAT), show=reply(200, {})) as server:
        provider = build(row(server.url), key, http)
        for model in ("a", "a", "b", "a"):
            await body_of(server, provider, ChatRequest(model, (user("x"),)))
        assert [look.json["model"] for look in server.asides] == ["a", "b"]
        assert len(server.requests) == 4


@pytest.mark.parametrize("show", [reply(404, {"error": "no"}), reply(500, b"x"), reply(200, b"<")])
async def test_a_server_that_does_not_tell_where_a_model_runs_is_asked_all_the_same(
    http: HttpClient, key: KeySource, show: list[Step]
) -> None:
    """Old servers, and others with its API, know no cloud; what is not there does not run."""
    async with ollama(stream(CHAT), show=show) as server:
        provider = build(row(server.url), key, http)
        for count in (1, 2):
            await body_of(server, provider, ChatRequest("m", (user("x"),)))
            assert len(server.requests) == count
        # It may know by the next time.
        assert len(server.asides) == 2


async def test_a_server_elsewhere_is_not_asked_where_it_runs(
    http: HttpClient, key: KeySource
) -> None:
    shown = reply(200, {"remote_host": "https://ollama.com"})
    async with ollama(stream(CHAT), show=shown) as server:
        provider = build(row(server.url, forwards=True), key, http)
        await body_of(server, provider, ChatRequest("m", (user("x"),)))
        assert server.asides == []


# Errors


@pytest.mark.parametrize(
    ("status", "words", "kind", "cure"),
    [
        (404, "model 'qwen2.5-coder:7b' not found", UnknownModel, "ollama pull m"),
        (404, 'model "m" not found, try pulling it first', UnknownModel, "ollama pull m"),
        (404, "404 page not found", RequestRefused, "base_url"),
        (
            400,
            "registry.ollama.ai/library/llama3.2:1b does not support insert",
            RequestRefused,
            "template:FAMILY",
        ),
        (401, "unauthorized", AuthError, "key"),
        (500, "model 'm' not found in memory", Unavailable, ""),
    ],
)
async def test_error_bodies(  # noqa: PLR0917 - a table's columns
    http: HttpClient,
    key: KeySource,
    status: int,
    words: str,
    kind: type[ProviderError],
    cure: str,
) -> None:
    async with ollama(reply(status, {"error": words})) as server:
        provider = build(row(server.url, auth="none"), key, http)
        _, error = await outcome(provider.complete(CompletionRequest("m", "p", "s")))
        assert isinstance(error, kind)
        assert type(error) is UnknownModel or kind is not UnknownModel
        assert error.status == status
        assert cure in error.cure
        assert words in error.message


@pytest.mark.parametrize(
    ("before", "words", "kind"),
    [
        (b"", "model 'a.b' not found", UnknownModel),
        (b"", "an error was encountered while running the model", StreamBroken),
        (said(content="x"), "model 'a.b' not found", StreamBroken),
    ],
)
async def test_an_error_in_a_line(
    http: HttpClient, key: KeySource, before: bytes, words: str, kind: type[ProviderError]
) -> None:
    async with ollama(stream(before + line(error=words))) as server:
        provider = build(row(server.url), key, http)
        got, error = await outcome(provider.chat(ChatRequest("m", (user("x"),))))
        assert type(error) is kind
        assert words in str(error)
        assert len(got) == bool(before)


async def test_the_cure_for_an_unknown_model_elsewhere(http: HttpClient, key: KeySource) -> None:
    """Nobody can pull a model for somebody else's server."""
    async with ollama(reply(404, {"error": "model 'm' not found"})) as server:
        provider = build(row(server.url, auth="keyring"), key, http)
        _, error = await outcome(provider.chat(ChatRequest("m", (user("x"),))))
        assert isinstance(error, UnknownModel)
        assert "polypilot models local" in error.cure


# Models


async def test_models_and_what_they_can(http: HttpClient, key: KeySource) -> None:
    def entry(name: str, month: int, **fields: object) -> dict[str, object]:
        return {"model": name, "modified_at": f"2026-{month:02}-01T00:00:00Z"} | fields

    tags = [
        entry("coder", 9),
        entry("embedder", 8),
        entry("older-server", 7),
        entry("broken", 6),
        entry("far", 5, remote_host="https://ollama.com:443"),
        entry("far:cloud", 4),
        entry("newest", 10),
    ]
    shown: dict[str, dict[str, object] | None] = {
        "coder": {
            "capabilities": ["completion", "insert", "tools"],
            "model_info": {"general.architecture": "qwen2", "qwen2.context_length": 32768},
        },
        "embedder": {"capabilities": ["embedding"]},
        "older-server": {"model_info": {"llama.context_length": 8192}},
        "broken": None,
        "newest": {"capabilities": ["completion", "vision", "thinking"]},
    }
    answers = {
        name: reply(500, {"error": "no"}) if answer is None else reply(200, answer)
        for name, answer in shown.items()
    }
    # One model at a time: the server plays its answers in the order in which it is asked.
    for name, expected in (
        ("coder", ModelInfo("coder", None, 32768, None, None, True, False, True, False)),
        ("embedder", None),
        ("older-server", ModelInfo("older-server", None, 8192)),
        ("broken", ModelInfo("broken")),
        ("newest", ModelInfo("newest", None, None, None, None, False, True, False, True)),
    ):
        only = [each for each in tags if each["model"] == name]
        async with ScriptedServer(reply(200, {"models": only}), answers[name]) as server:
            models = await build(row(server.url), key, http).models()
            assert models == ([] if expected is None else [expected])
            assert [request.path for request in server.requests] == ["/api/tags", "/api/show"]
            assert server.requests[1].json == {"model": name}
    async with ScriptedServer(reply(200, {"models": tags}), reply(200, {})) as server:
        models = await build(row(server.url), key, http).models()
        assert [model.id for model in models] == [
            "newest",
            "coder",
            "embedder",
            "older-server",
            "broken",
        ]


async def test_models_that_run_elsewhere_are_listed_by_those_who_run_them(
    http: HttpClient, key: KeySource
) -> None:
    tags = {"models": [{"name": "a:cloud"}, {"name": "b", "remote_host": "x"}, {"name": "c"}]}
    shown = reply(200, {"remote_host": "x", "capabilities": ["completion"]})
    for forwards, listed in ((False, []), (True, ["a:cloud", "b", "c"])):
        async with ollama(reply(200, tags), show=shown) as server:
            models = await build(row(server.url, forwards=forwards), key, http).models()
            assert sorted(model.id for model in models) == listed


async def test_only_the_first_models_are_looked_at(http: HttpClient, key: KeySource) -> None:
    names = [f"m{number}" for number in range(SHOWN + 5)]
    tags = {"models": [{"name": name} for name in names]}
    async with ScriptedServer(reply(200, tags), reply(200, {})) as server:
        models = await build(row(server.url), key, http).models()
        assert [model.id for model in models] == names
        assert len(server.requests) == 1 + SHOWN
        assert server.connections <= 4


def test_rows() -> None:
    local, cloud = rows({})["ollama"], rows({})["ollama-cloud"]
    assert (local.wire, local.completion, local.auth) == ("ollama", "ollama-generate", "none")
    assert (cloud.wire, cloud.base_url, cloud.auth) == ("ollama", "https://ollama.com", "keyring")
