"""What becomes of parameters that a model refuses, on every wire alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import RequestRefused, StreamBroken
from polypilot_providers.factory import build
from polypilot_providers.jsonvalue import as_dict
from polypilot_providers.testing import (
    ScriptedServer,
    Wait,
    aws_frame,
    body_of,
    outcome,
    reply,
    stream,
)
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta, user
from polypilot_providers.wires.quirks import Quirks, nearest

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.scripts import Step

CHAT = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
TEXT = b'data: {"choices":[{"text":"hi","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
RESPONSES = (
    b'data: {"type":"response.output_text.delta","delta":"hi"}\n\n'
    b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n'
)
GEMINI = b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}]}\n\n'
CONVERSE = b"".join(
    aws_frame(fields, {":event-type": kind, ":message-type": "event"})
    for kind, fields in (
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": {"inputTokens": 1}}),
    )
)
OLLAMA = b'{"message":{"content":"hi"}}\n{"done":true}\n'
MESSAGES = (
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    b'data: {"type":"message_stop"}\n\n'
)


class Model:
    """A provider and the server that it asks."""

    def __init__(self, server: ScriptedServer, provider: Provider) -> None:
        self.server = server
        self.provider = provider

    async def send(self, model: str = "m", **fields: object) -> dict[str, Any]:
        """What is sent in the end to chat so."""
        request = ChatRequest(model, (user("x"),), **fields)  # pyright: ignore[reportArgumentType] - fields of several types
        return await body_of(self.server, self.provider, request)

    @property
    def asked(self) -> int:
        """How many requests there were so far."""
        return len(self.server.requests)


def model_of(
    server: ScriptedServer, http: HttpClient, key: KeySource, wire: str, **fields: object
) -> Model:
    row = {"id": "team", "wire": wire, "base_url": server.url} | fields
    return Model(server, build(ProviderRow.model_validate(row), key, http))


def refuses(message: str, param: str = "") -> list[Step]:
    error = {"message": message, "type": "invalid_request_error", "param": param}
    return reply(400, {"error": error})


def ollama(*scripts: list[Step]) -> ScriptedServer:
    """A server that is asked what it knows of its models, and knows nothing."""
    return ScriptedServer(*scripts, aside={"/api/show": reply(200, {})})


def gemini_refuses(message: str) -> list[Step]:
    return reply(400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})


# --- only what was refused is replaced


async def test_only_the_refused_effort_is_replaced(http: HttpClient, key: KeySource) -> None:
    """A completion's "none" says nothing of a chat's "high", nor of the other fields beside it."""
    words = "Unsupported value: 'none'. Supported values are: 'low', 'medium', and 'high'."
    async with ScriptedServer(refuses(words, "reasoning.effort"), stream(RESPONSES)) as server:
        model = model_of(server, http, key, "openai-responses")
        body = await model.send(effort="none", completion=True)
        assert body["reasoning"] == {"effort": "low"}
        body = await model.send(effort="high")
        assert body["reasoning"] == {"effort": "high", "summary": "auto"}
        body = await model.send(effort="none", completion=True)
        assert body["reasoning"] == {"effort": "low"}
        assert model.asked == 4


async def test_only_the_refused_effort_is_replaced_in_chat_completions(
    http: HttpClient, key: KeySource
) -> None:
    words = "'reasoning_effort' can't be so. Supported values are: 'none', 'low' and 'high'."
    async with ScriptedServer(refuses(words), stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat", effort_field="reasoning_effort")
        # The nearest one: not the lowest that is allowed.
        assert (await model.send(effort="xhigh"))["reasoning_effort"] == "high"
        assert (await model.send(effort="none"))["reasoning_effort"] == "none"
        assert model.asked == 3


async def test_an_effort_may_be_replaced_twice(http: HttpClient, key: KeySource) -> None:
    """A server may contradict itself; what it refused once is not tried again."""
    one = refuses("'reasoning_effort' no. Supported values are: 'low', 'high'.")
    two = refuses("'reasoning_effort' no. Supported values are: 'none', 'low', 'high'.")
    async with ScriptedServer(one, two, stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat", effort_field="reasoning_effort")
        assert (await model.send(effort="none"))["reasoning_effort"] == "high"
        assert (await model.send(effort="low"))["reasoning_effort"] == "high"
        assert model.asked == 4
    async with ScriptedServer(one, two, two, stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat", effort_field="reasoning_effort")
        assert "reasoning_effort" not in await model.send(effort="none")
        assert "reasoning_effort" in await model.send(effort="medium")


async def test_what_is_refused_by_both_its_names_is_left_out(
    http: HttpClient, key: KeySource
) -> None:
    refusals = [refuses("no", name) for name in ("max_tokens", "max_completion_tokens")]
    async with ScriptedServer(*refusals, stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat")
        for asked in (3, 4):
            body = await model.send(max_tokens=5)
            assert not body.keys() & {"max_tokens", "max_completion_tokens"}
            assert model.asked == asked


async def test_what_chat_refuses_completions_may_take(http: HttpClient, key: KeySource) -> None:
    """The legacy endpoint has ``max_tokens`` only."""
    async with ScriptedServer(refuses("no", "max_tokens"), stream(CHAT), stream(TEXT)) as server:
        model = model_of(server, http, key, "openai-chat", completion="prefix")
        assert "max_completion_tokens" in await model.send(max_tokens=5)
        asked = CompletionRequest("m", "p", max_tokens=5)
        assert (await body_of(server, model.provider, asked))["max_tokens"] == 5


async def test_a_switch_that_is_refused_one_way_may_be_set_another_way(
    http: HttpClient, key: KeySource
) -> None:
    no = refuses("thinking.type: 'disabled' is not supported for this model.")
    async with ScriptedServer(no, stream(MESSAGES)) as server:
        rows = [ModelRow(id="m", thinking="optional", efforts=("low", "high"))]
        model = model_of(server, http, key, "anthropic-messages", models=rows)
        assert "thinking" not in await model.send(effort="none")
        assert (await model.send(effort="high"))["output_config"] == {"effort": "high"}
        assert model.asked == 3


# --- what is remembered


async def test_an_older_answer_does_not_undo_what_was_learned(
    http: HttpClient, key: KeySource
) -> None:
    learned = asyncio.Event()
    slow = stream(Wait(learned), CHAT)
    async with ScriptedServer(slow, refuses("no", "temperature"), stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat")
        async with asyncio.TaskGroup() as tasks:
            older = tasks.create_task(model.send())
            await server.wait_for_requests(1)
            await model.send(temperature=0.1)
            learned.set()
        assert older.done()
        assert "temperature" not in await model.send(temperature=0.1)
        assert model.asked == 4


async def test_a_refusal_amid_an_answer_does_not_begin_it_anew(
    http: HttpClient, key: KeySource
) -> None:
    begun = b'{"message":{"content":"hi"}}\n'
    error = b'{"error":"m does not support thinking"}\n'
    async with ollama(stream(begun + error), stream(OLLAMA)) as server:
        model = model_of(server, http, key, "ollama")
        asked = ChatRequest("m", (user("x"),), effort="none")
        got, refusal = await outcome(model.provider.chat(asked))
        assert got == [TextDelta("hi")]
        assert isinstance(refusal, StreamBroken)
        assert model.asked == 1


async def test_bedrock_may_refuse_three_parameters(http: HttpClient, key: KeySource) -> None:
    headers = {"x-amzn-errortype": "ValidationException:http:"}
    refusals = [
        reply(400, {"message": f"extraneous key [{name}] is not permitted"}, headers)
        for name in ("thinking", "temperature", "cachePoint")
    ]
    asking: dict[str, Any] = {"effort": "none", "temperature": 0.1, "system": "s", "max_tokens": 9}
    rows = [ModelRow(id="anthropic.claude-a", thinking="optional", thinking_budget=True)]
    async with ScriptedServer(*refusals, stream(CONVERSE)) as server:
        model = model_of(server, http, key, "bedrock-converse", models=rows, cache="marks")
        for asked in (4, 5):
            body = await model.send("anthropic.claude-a", **asking)
            del body["messages"]
            assert body == {
                "system": [{"text": "s"}],
                "inferenceConfig": {"maxTokens": 9},
                "outputConfig": {"effort": "low"},  # the next best thing
            }
            assert model.asked == asked
        # To be told to reason is another matter than to be told not to.
        body = await model.send("anthropic.claude-a", effort="low")
        assert "additionalModelRequestFields" in body
    extra = reply(400, {"message": "extraneous key [maxTokens] is not permitted"}, headers)
    async with ScriptedServer(*refusals, extra) as server:
        model = model_of(server, http, key, "bedrock-converse", models=rows, cache="marks")
        with pytest.raises(RequestRefused):
            await model.send("anthropic.claude-a", **asking)
        assert model.asked == 4
        with pytest.raises(RequestRefused):
            await model.send("anthropic.claude-a", **asking)
        assert "additionalModelRequestFields" in server.requests[4].json


async def test_a_claude_that_can_not_be_kept_from_reasoning_reasons_little(
    http: HttpClient, key: KeySource
) -> None:
    """What is not listed is tried: not at all, then as little as can be, then as it likes."""
    headers = {"x-amzn-errortype": "ValidationException:http:"}
    off = reply(400, {"message": "thinking.type: disabled is not supported."}, headers)
    little = reply(400, {"message": "This model does not support the effort parameter."}, headers)
    listed = reply(
        400,
        {"message": "thinking.type: no. Supported values are: 'adaptive', 'between_tools'"},
        headers,
    )
    for refusals, extra, effort in (
        ([off], None, {"effort": "low"}),
        ([off, little], None, None),
        ([listed], {"thinking": {"type": "between_tools"}}, None),
    ):
        async with ScriptedServer(*refusals, stream(CONVERSE)) as server:
            model = model_of(server, http, key, "bedrock-converse")
            for _ in range(2):
                body = await model.send("us.anthropic.claude-new", completion=True)
                assert body.get("additionalModelRequestFields") == extra
                assert body.get("outputConfig") == effort
            assert model.asked == len(refusals) + 2


@pytest.mark.parametrize(
    "words",
    [
        # vLLM and others that check with pydantic, Groq, Mistral
        "[{'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low' or 'high'\"}]",
        "`reasoning_effort` must be one of `low` or `high`",
        "reasoning_effort: Input should be 'low' or 'high'",
    ],
)
async def test_the_efforts_taken_are_told_in_several_ways(
    http: HttpClient, key: KeySource, words: str
) -> None:
    async with ScriptedServer(refuses(words), stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat", effort_field="reasoning_effort")
        assert (await model.send(completion=True))["reasoning_effort"] == "low"


async def test_an_unknown_model_that_always_reasons_completes_with_the_least(
    http: HttpClient, key: KeySource
) -> None:
    """OpenAI's, by whatever name a deployment has; the older ones take no stop sequences."""
    no = refuses(
        "Unsupported value: 'reasoning_effort' does not support 'none' with this model. "
        "Supported values are: 'low', 'medium', and 'high'.",
        "reasoning_effort",
    )
    refusals = [
        refuses("Unsupported parameter: 'max_tokens' is not supported.", "max_tokens"),
        no,
        refuses("Unsupported parameter: 'stop' is not supported.", "stop"),
    ]
    async with ScriptedServer(*refusals, stream(CHAT)) as server:
        model = model_of(server, http, key, "openai-chat", effort_field="reasoning_effort")
        asked: dict[str, Any] = {"completion": True, "max_tokens": 64, "stop": ("a",)}
        for count in (4, 5):
            body = await model.send("my-deployment", **asked)
            assert body["reasoning_effort"] == "low"
            assert body["max_completion_tokens"] == 64
            assert not body.keys() & {"max_tokens", "stop"}
            assert model.asked == count
        # Nothing is said of it in a conversation.
        assert "reasoning_effort" not in await model.send("my-deployment")


# --- Gemini


async def test_a_thinking_level_that_is_refused_gives_way_to_the_next(
    http: HttpClient, key: KeySource
) -> None:
    rows = [ModelRow(id="m", thinking="always", efforts=("minimal", "low", "medium", "high"))]
    refusals = [
        gemini_refuses(f"Thinking level {level} is not supported for this model.")
        for level in ("MINIMAL", "LOW")
    ]
    async with ScriptedServer(*refusals, stream(GEMINI)) as server:
        model = model_of(server, http, key, "gemini", models=rows)
        for asked in (3, 4):
            body = await model.send(completion=True)
            assert body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "medium"}}
            assert model.asked == asked
        body = await model.send(effort="high")
        shown = {"includeThoughts": True, "thinkingLevel": "high"}
        assert body["generationConfig"] == {"thinkingConfig": shown}
        # The highest refused: there is no other.
        server.play(gemini_refuses("Thinking level HIGH is not supported."), stream(GEMINI))
        body = await model.send(effort="high")
        assert body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}


async def test_a_budget_that_is_refused_gives_way_to_the_least(
    http: HttpClient, key: KeySource
) -> None:
    rows = [ModelRow(id="m", thinking="optional", thinking_budget=True)]
    no = gemini_refuses("Budget 0 is invalid. This model only works in thinking mode.")
    async with ScriptedServer(no, stream(GEMINI)) as server:
        model = model_of(server, http, key, "gemini", models=rows)
        for asked in (2, 3):
            body = await model.send(effort="none")
            assert body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 128}}
            assert model.asked == asked
        body = await model.send(effort="low")
        shown = {"includeThoughts": True, "thinkingBudget": 2048}
        assert body["generationConfig"] == {"thinkingConfig": shown}
        server.play(gemini_refuses("The thinking budget 2048 is invalid."), stream(GEMINI))
        body = await model.send(effort="low")
        assert body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}


async def test_a_model_that_does_not_think_is_told_nothing_of_it(
    http: HttpClient, key: KeySource
) -> None:
    rows = [ModelRow(id="m", thinking="always", efforts=("low", "high"))]
    async with ScriptedServer(
        gemini_refuses("Thinking is not enabled for this model."), stream(GEMINI)
    ) as server:
        model = model_of(server, http, key, "gemini", models=rows)
        for asked in (2, 3):
            assert "generationConfig" not in await model.send(effort="high")
            assert model.asked == asked


async def test_gemini_may_refuse_three_parameters(http: HttpClient, key: KeySource) -> None:
    rows = [ModelRow(id="m", thinking="always", efforts=("low",))]
    words = ("Thinking level is unknown.", "No temperature.", "stop_sequences: unknown")
    refusals = [gemini_refuses(text) for text in words]
    asking: dict[str, Any] = {"effort": "low", "temperature": 0.1, "stop": ("a",), "max_tokens": 9}
    async with ScriptedServer(*refusals, stream(GEMINI)) as server:
        model = model_of(server, http, key, "gemini", models=rows)
        left = {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": True}}
        for asked in (4, 5):
            assert (await model.send(**asking))["generationConfig"] == left
            assert model.asked == asked
    async with ScriptedServer(*refusals, gemini_refuses("include_thoughts: unknown")) as server:
        model = model_of(server, http, key, "gemini", models=rows)
        with pytest.raises(RequestRefused):
            await model.send(**asking)
        assert model.asked == 4
        with pytest.raises(RequestRefused):
            await model.send(**asking)
        whole = {"includeThoughts": True, "thinkingLevel": "low"}
        assert as_dict(server.requests[4].json["generationConfig"])["thinkingConfig"] == whole


# --- Ollama


@pytest.mark.parametrize("name", ["mymodel-20250101", "gpt-oss-2025-08-05"])
async def test_a_dated_model_that_does_not_think_is_asked_twice(
    http: HttpClient, key: KeySource, name: str
) -> None:
    """However a name is spelt, and whatever the server says, it is not asked for ever."""
    rows = [ModelRow(id="mymodel"), ModelRow(id="gpt-oss", efforts=("low",))]
    no = reply(400, {"error": f'"{name}" does not support thinking'})
    async with ollama(no, stream(OLLAMA)) as server:
        model = model_of(server, http, key, "ollama", models=rows)
        assert "think" not in await model.send(name, effort="none")
        assert model.asked == 2
        assert "think" not in await model.send(name, effort="none")
        assert model.asked == 3
        assert "think" in await model.send("other", effort="none")
    # An end after many refusals, so that the test ends either way.
    async with ollama(*([no] * 9), stream(OLLAMA)) as server:
        model = model_of(server, http, key, "ollama", models=rows)
        with pytest.raises(RequestRefused):
            await model.send(name, effort="none")
        assert model.asked == 2


# --- the notes themselves


def test_the_nearest_effort_is_the_next_higher() -> None:
    assert nearest("minimal", ["high", "none", "low"]) == ["low", "high", "none"]
    assert nearest("max", ["low", "none"]) == ["low", "none"]
    assert nearest("disabled", ["low"]) == []
    assert nearest(None, ["low"]) == []
    assert nearest("disabled", ["enabled", "between_tools"]) == ["between_tools"]


def test_values_without_a_choice_are_alike() -> None:
    quirks = Quirks().learned({"temperature": []}, {"temperature": 0.1})
    assert quirks.apply({"temperature": 0.7, "stop": ["a"]}) == {"stop": ["a"]}
