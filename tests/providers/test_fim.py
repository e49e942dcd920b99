"""Fill-in-the-middle at Mistral, Inception and DeepSeek, and what rows say about chat requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import pytest

from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.factory import build
from polypilot_providers.rows_fim import ROWS
from polypilot_providers.testing import (
    ProviderConformance,
    ScriptedServer,
    body_of,
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
    Stop,
    StopReason,
    TextDelta,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    Usage,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient

# Chat's deltas, token counts with the last chunk, as in Mistral's recorded chat answers.
MISTRAL = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"codestral-latest","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    b'data: {"model":"codestral-latest","choices":[{"index":0,"delta":{"content":"a + b\xc3\xa9"},'
    b'"finish_reason":null}]}\n\n'
    b'data: {"model":"codestral-latest","choices":[{"index":0,"delta":{"content":""},'
    b'"finish_reason":"length"}],"usage":{"prompt_tokens":12,"total_tokens":16,'
    b'"completion_tokens":4}}\n\n'
    b"data: [DONE]\n\n"
)
DEEPSEEK = (
    b'data: {"id":"x","object":"text_completion","model":"deepseek-v4-flash","choices":'
    b'[{"text":"a + ","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
    b'data: {"model":"deepseek-v4-flash","choices":[{"text":"b","index":0,'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,'
    b'"total_tokens":12,"prompt_cache_hit_tokens":4}}\n\n'
    b"data: [DONE]\n\n"
)


class TestMistral(ProviderConformance):
    answer: ClassVar = MISTRAL
    events: ClassVar[tuple[Event, ...]] = (
        TextDelta("a + bé"),
        Usage(12, 4),
        Stop(StopReason.LENGTH, "codestral-latest"),
    )
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["codestral"], key, http, base_url=f"{base_url}/v1")


class TestDeepSeek(ProviderConformance):
    answer: ClassVar = DEEPSEEK
    events: ClassVar[tuple[Event, ...]] = (
        TextDelta("a + "),
        TextDelta("b"),
        Usage(9, 3, 4),
        Stop(StopReason.END, "deepseek-v4-flash"),
    )
    operation: ClassVar = "complete"

    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        return build(rows({})["deepseek"], key, http, base_url=base_url)


def asked(model: str = "", **fields: object) -> CompletionRequest:
    whole: dict[str, object] = {"max_tokens": 9, "stop": ("\n",), "temperature": 0.0} | fields
    return CompletionRequest(model, "def f(", "):\n", **whole)  # pyright: ignore[reportArgumentType] - fields of several types


@pytest.mark.parametrize(
    ("supplier", "path", "model"),
    [
        ("mistral", "/v1/fim/completions", "codestral-latest"),
        ("codestral", "/v1/fim/completions", "codestral-latest"),
        ("inception", "/v1/fim/completions", "mercury-edit-2"),
    ],
)
async def test_a_mistral_request(
    http: HttpClient, key: KeySource, supplier: str, path: str, model: str
) -> None:
    async with ScriptedServer(stream(MISTRAL)) as server:
        provider = build(rows({})[supplier], key, http, base_url=f"{server.url}/v1")
        assert await body_of(server, provider, asked()) == {
            "model": model,
            "prompt": "def f(",
            "suffix": "):\n",
            "max_tokens": 9,
            "stream": True,
            "stop": ["\n"],
            "temperature": 0.0,
        }
        assert server.requests[0].path == path


async def test_a_model_without_fill_in_the_middle_is_asked_through_chat(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer(stream(MISTRAL)) as server:
        provider = build(rows({})["mistral"], key, http, base_url=server.url)
        with pytest.raises(ConfigurationError, match="chat"):
            await body_of(server, provider, asked("mistral-small-latest"))
        assert server.requests == []


async def test_a_raw_prompt_goes_to_plain_completions(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(DEEPSEEK)) as server:
        for supplier in ("mistral", "deepseek"):
            provider = build(rows({})[supplier], key, http, base_url=f"{server.url}/v1")
            body = await body_of(server, provider, CompletionRequest("", "<fim>p", raw=True))
            assert (body["prompt"], "suffix" in body) == ("<fim>p", False)
            assert server.requests[-1].path == "/v1/completions"


@pytest.mark.parametrize("base", ["", "/v1", "/beta", "/anthropic"])
async def test_a_deepseek_request_goes_to_beta_whatever_the_base(
    http: HttpClient, key: KeySource, base: str
) -> None:
    async with ScriptedServer(stream(DEEPSEEK)) as server:
        provider = build(rows({})["deepseek"], key, http, base_url=server.url + base)
        assert await body_of(server, provider, asked()) == {
            "model": "deepseek-v4-flash",
            "prompt": "def f(",
            "suffix": "):\n",
            "max_tokens": 9,
            "stream": True,
            "stream_options": {"include_usage": True},
            "stop": ["\n"],
            "temperature": 0.0,
            "reasoning_effort": "none",
        }
        assert server.requests[0].path == "/beta/completions"


async def test_deepseeks_limits(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(DEEPSEEK)) as server:
        team = provider(
            base_url=server.url,
            completion="deepseek-fim",
            stop_limit=40,
            effort_field="thinking",
            models=[ModelRow(id="always", efforts=("low", "high"), stop_limit=0)],
        )
        many = tuple(f"stop{number}" for number in range(20))
        body = await body_of(server, team, asked("new", max_tokens=9000, stop=many))
        assert body["max_tokens"] == 4096
        assert body["stop"] == list(many[:16])
        assert body["reasoning_effort"] == "none"
        body = await body_of(server, team, asked("always"))
        assert body["reasoning_effort"] == "low"
        assert "stop" not in body
        plain = provider(base_url=server.url, completion="deepseek-fim")
        body = await body_of(server, plain, CompletionRequest("m", "p"))
        assert not {"reasoning_effort", "suffix", "stop"} & body.keys()


async def test_an_effort_that_completions_refuse_is_left_out(
    http: HttpClient, key: KeySource
) -> None:
    error = {"error": {"message": "Unknown parameter", "param": "reasoning_effort"}}
    async with ScriptedServer(reply(400, error), stream(DEEPSEEK)) as server:
        provider = build(rows({})["deepseek"], key, http, base_url=server.url)
        assert "reasoning_effort" not in await body_of(server, provider, asked())
        assert len(server.requests) == 2


# Chat


CHAT = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PICTURE = ImagePart("image/png", b"\x89PNG")
PAPER = FilePart("application/pdf", "paper.pdf", b"%PDF")


async def test_a_deepseek_chat_is_kept_from_reasoning_by_its_own_field(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        provider = build(rows({})["deepseek"], key, http, base_url=server.url)

        async def fields(request: ChatRequest) -> tuple[object, object]:
            body = await body_of(server, provider, request)
            return body.get("thinking"), body.get("reasoning_effort")

        turn = (user("x"),)
        off = {"type": "disabled"}
        assert await fields(ChatRequest("", turn, effort="none")) == (off, None)
        assert await fields(ChatRequest("", turn, completion=True)) == (off, None)
        assert await fields(ChatRequest("", turn, effort="medium")) == (None, "high")
        assert await fields(ChatRequest("new", turn, effort="none")) == (off, None)
        assert await fields(ChatRequest("", turn)) == (None, None)
        assert server.requests[0].path == "/chat/completions"


async def test_a_completion_by_chat_reasons_as_little_as_the_model_can(
    provider: Callable[..., Provider],
) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(
            base_url=server.url,
            effort_field="reasoning_effort",
            models=[ModelRow(id="thinks", efforts=("minimal", "high")), ModelRow(id="plain")],
        )

        async def effort(model: str, **fields: object) -> object:
            request = ChatRequest(model, (user("x"),), completion=True, **fields)  # pyright: ignore[reportArgumentType] - fields of several types
            return (await body_of(server, team, request)).get("reasoning_effort")

        assert await effort("thinks") == "minimal"
        assert await effort("thinks", effort="high") == "high"
        assert await effort("plain") is None
        assert await effort("new") == "none"


@pytest.mark.parametrize(
    ("of_row", "of_model", "sent"),
    [
        ("max_tokens", None, {"max_tokens": 5}),
        ("max_tokens", "max_completion_tokens", {"max_completion_tokens": 5}),
        ("max_tokens", "", {}),
        ("", None, {}),
    ],
)
async def test_the_name_of_the_limit(
    provider: Callable[..., Provider], of_row: str, of_model: str | None, sent: dict[str, object]
) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(
            base_url=server.url,
            max_tokens_field=of_row,
            models=[ModelRow(id="m", max_tokens_field=of_model)],
        )
        body = await body_of(server, team, ChatRequest("m", (user("x"),), max_tokens=5))
        assert {name: body[name] for name in body if "tokens" in name or not name} == sent


async def test_pictures_and_documents(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(base_url=server.url, models=[ModelRow(id="blind", images=False)])
        shown = Message("user", (TextPart("what is"), PICTURE, ThoughtPart("?"), TextPart("this")))
        read = Message("user", (PAPER,))
        body = await body_of(server, team, ChatRequest("m", (shown, read, user("x"))))
        assert body["messages"] == [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVBORw=="},
                    },
                    {"type": "text", "text": "this"},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "file",
                        "file": {
                            "filename": "paper.pdf",
                            "file_data": "data:application/pdf;base64,JVBERg==",
                        },
                    }
                ],
            },
            {"role": "user", "content": "x"},
        ]
        with pytest.raises(ConfigurationError, match="takes no pictures"):
            await body_of(server, team, ChatRequest("blind", (shown,)))
        assert await body_of(server, team, ChatRequest("blind", (read,)))


async def test_the_key_of_the_cache(provider: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        for cache, key, sent in (("key", "c1", "c1"), ("key", "", None), ("marks", "c1", None)):
            team = provider(base_url=server.url, cache=cache)
            request = ChatRequest("m", (user("x"),), cache_key=key)
            assert (await body_of(server, team, request)).get("prompt_cache_key") == sent


async def test_reasoning_goes_back_only_where_it_came_from(
    provider: Callable[..., Provider],
) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        team = provider(base_url=server.url, reasoning_back=True)
        call = ToolCallPart("c", "f", "{}")
        for whose, sent in (("team", "hm"), ("", "hm"), ("other", None)):
            turn = Message("assistant", (ThoughtPart("hm", provider=whose), call))
            body = await body_of(server, team, ChatRequest("m", (turn,)))
            messages = json.loads(json.dumps(body["messages"]))
            assert messages[0].get("reasoning_content") == sent


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_rows_say_where_they_are_from(row: ProviderRow) -> None:
    assert rows({})[row.id] is row
    assert row.as_of
    assert row.source
