"""What a model can take, on every wire alike: the length of an answer, stop sequences, heat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.factory import build
from polypilot_providers.types import ChatRequest, CompletionRequest, ToolCallPart, user
from polypilot_providers.wires.asking import arguments_of
from polypilot_providers.wires.bedrock import BedrockProvider
from polypilot_providers.wires.gemini import GeminiProvider
from polypilot_providers.wires.llama_cpp import LlamaCppProvider
from polypilot_providers.wires.ollama import OllamaProvider
from polypilot_providers.wires.openai_chat import OpenAIProvider
from polypilot_providers.wires.provider import REASONING_ROOM
from polypilot_providers.wires.responses import ResponsesProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource
    from polypilot_providers.http import HttpClient

    Made = Callable[..., "Wire"]

CLAUDE = "anthropic.claude-"
STOPS = ("", " ", "a", "b", "c")


class Wire:
    """The bodies that one wire's provider makes."""

    def __init__(self, provider: object) -> None:
        self._provider = provider

    def chat(self, model: str, **fields: object) -> dict[str, Any]:
        """Options of a chat request."""
        request = ChatRequest(model, (user("x"),), **fields)  # pyright: ignore[reportArgumentType] - fields of several types
        match self._provider:
            case OllamaProvider() as ollama:
                return ollama.chat_body(request).get("options", {})  # pyright: ignore[reportReturnType] - an object
            case BedrockProvider() as bedrock:
                return bedrock.chat_body(request, model)
            case OpenAIProvider() | ResponsesProvider() | GeminiProvider() as other:
                return other.chat_body(request)
            case _:
                raise AssertionError

    def complete(self, model: str, **fields: object) -> dict[str, Any]:
        """Options of a completion request."""
        request = CompletionRequest(model, "p", "s", **fields)  # pyright: ignore[reportArgumentType] - fields of several types
        match self._provider:
            case OllamaProvider() as ollama:
                return ollama.generate_body(request)["options"]  # pyright: ignore[reportReturnType] - an object
            case LlamaCppProvider() as llama:
                return llama.native_body(request)[1]
            case OpenAIProvider() as openai:
                return openai.completion(request)[2]
            case _:
                raise AssertionError


@pytest.fixture
def made(http: HttpClient, key: KeySource) -> Made:
    """The provider of a wire at an address that is nobody's."""

    def make(wire: str, url: str = "https://models.example", **fields: object) -> Wire:
        row = {"id": "team", "wire": wire, "base_url": url} | fields
        return Wire(build(ProviderRow.model_validate(row), key, http))

    return make


FIELDS = {
    "openai-chat": "max_tokens",
    "openai-responses": "max_output_tokens",
    "ollama": "num_predict",
    "gemini": "maxOutputTokens",
    "bedrock-converse": "maxTokens",
    "llama-cpp": "max_tokens",
}
SENT_UNASKED = {"gemini", "bedrock-converse"}


@pytest.mark.parametrize("wire", FIELDS)
def test_an_answer_is_no_longer_than_the_model_can_write(made: Made, wire: str) -> None:
    """More would be refused, or bought for nothing."""
    field = FIELDS[wire]
    short = made(wire, models=[ModelRow(id="short", max_output_tokens=100)])
    assert short.chat("short", max_tokens=5000)[field] == 100
    assert short.chat("short", max_tokens=50)[field] == 50
    assert short.chat("other", max_tokens=5000)[field] == 5000
    assert short.chat("short").get(field) == (100 if wire in SENT_UNASKED else None)
    assert field not in short.chat("other")


@pytest.mark.parametrize(
    ("wire", "mode", "field"),
    [
        ("openai-chat", "openai-completions", "max_tokens"),
        ("openai-chat", "deepseek-fim", "max_tokens"),
        ("ollama", "ollama-generate", "num_predict"),
        ("llama-cpp", "llama-infill", "n_predict"),
    ],
)
def test_nor_is_a_completion(made: Made, wire: str, mode: str, field: str) -> None:
    short = made(wire, completion=mode, models=[ModelRow(id="short", max_output_tokens=100)])
    assert short.complete("short", max_tokens=5000)[field] == 100
    assert short.complete("short", max_tokens=50)[field] == 50
    assert short.complete("other", max_tokens=200)[field] == 200


@pytest.mark.parametrize(
    ("wire", "field", "expected"),
    [
        ("openai-chat", "stop", [" ", "a"]),
        ("ollama", "stop", [" ", "a"]),
        ("llama-cpp", "stop", [" ", "a"]),
        ("gemini", "stopSequences", [" ", "a"]),
        ("bedrock-converse", "stopSequences", ["a", "b"]),  # blank ones are refused
    ],
)
def test_as_many_stop_sequences_are_sent_as_the_model_takes(
    made: Made, wire: str, field: str, expected: list[str]
) -> None:
    rows = [ModelRow(id="none", stop_limit=0), ModelRow(id="two", stop_limit=2)]
    picky = made(wire, stop_limit=1, models=rows)
    assert field not in picky.chat("none", stop=STOPS)
    assert picky.chat("two", stop=STOPS)[field] == expected
    assert picky.chat("other", stop=STOPS)[field] == expected[:1]
    assert field not in picky.chat("two", stop=("",))


def test_llama_cpp_knows_what_a_model_takes(made: Made) -> None:
    rows = [ModelRow(id="m", stop_limit=0, sampling=False)]
    local = made("llama-cpp", completion="llama-infill", models=rows)
    assert not local.complete("m", stop=STOPS, temperature=0.0).keys() & {"stop", "temperature"}
    other = local.complete("other", stop=STOPS, temperature=0.0)
    assert (other["stop"], other["temperature"]) == ([" ", "a", "b", "c"], 0.0)


# --- room for reasoning


@pytest.mark.parametrize("wire", FIELDS)
def test_a_completion_has_room_for_reasoning_that_can_not_be_avoided(made: Made, wire: str) -> None:
    """It counts as output: a limit that it eats up leaves an empty answer."""
    field = FIELDS[wire]
    rows = [
        ModelRow(id="always", thinking="always", efforts=("low",)),
        ModelRow(id="tight", thinking="always", efforts=("low",), max_output_tokens=500),
        ModelRow(id="optional", thinking="optional", efforts=("none", "low")),
    ]
    thinks = made(wire, models=rows, effort_field="reasoning_effort")
    assert REASONING_ROOM >= 1024
    whole = 64 + REASONING_ROOM
    assert thinks.chat("always", max_tokens=64, completion=True)[field] == whole
    assert thinks.chat("tight", max_tokens=64, completion=True)[field] == 500
    assert thinks.chat("optional", max_tokens=64, completion=True)[field] == 64
    # In a conversation the caller's word holds.
    assert thinks.chat("always", max_tokens=64)[field] == 64


@pytest.mark.parametrize(
    ("wire", "model", "room"),
    [
        ("openai-chat", "new", REASONING_ROOM),
        ("openai-responses", "new", REASONING_ROOM),
        ("gemini", "new", REASONING_ROOM),
        ("bedrock-converse", f"us.{CLAUDE}new", REASONING_ROOM),
        ("bedrock-converse", "amazon.nova-new", 0),
        ("ollama", "new", 0),
    ],
)
def test_a_model_that_is_not_listed_may_reason(
    made: Made, wire: str, model: str, room: int
) -> None:
    field, rows = FIELDS[wire], [ModelRow(id="known"), ModelRow(id=f"{CLAUDE}known")]
    asked: dict[str, Any] = {"max_tokens": 64, "completion": True}
    unheard = made(wire, models=rows, effort_field="reasoning_effort")
    assert unheard.chat(model, **asked)[field] == 64 + room
    for known in ("known", f"eu.{CLAUDE}known"):
        if wire == "bedrock-converse" or known == "known":
            assert unheard.chat(known, **asked)[field] == 64


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses"])
def test_a_server_of_the_users_own_has_no_room_to_waste(made: Made, wire: str) -> None:
    """Its window is small, and prompt and answer have to fit."""
    here = made(wire, "http://127.0.0.1:8000/v1", effort_field="reasoning_effort")
    assert here.chat("new", max_tokens=64, completion=True)[FIELDS[wire]] == 64
    silent = made(wire, models=[ModelRow(id="new")])
    assert silent.chat("new", max_tokens=64, completion=True)[FIELDS[wire]] == 64


def test_a_completion_endpoint_leaves_room_too(made: Made) -> None:
    rows = [ModelRow(id="always", thinking="always", efforts=("low",))]
    fim = made("openai-chat", completion="deepseek-fim", models=rows, effort_field="thinking")
    assert fim.complete("always", max_tokens=64)["max_tokens"] == 64 + REASONING_ROOM
    assert fim.complete("always", max_tokens=9000)["max_tokens"] == 4096
    # Tokens of a family's own are no question that could be thought about.
    assert fim.complete("always", max_tokens=64, raw=True)["max_tokens"] == 64


# --- what a completion asks of a model that is not listed


@pytest.mark.parametrize(
    ("wire", "model", "expected"),
    [
        ("openai-chat", "o9-mini", {"reasoning_effort": "none"}),
        ("openai-responses", "o9-mini", {"reasoning": {"effort": "none"}}),
        ("gemini", "gemini-9-flash", {"thinkingLevel": "minimal"}),
        ("gemini", "gemini-2.5-flash-preview-09-2025", {"thinkingBudget": 0}),
        ("bedrock-converse", f"us.{CLAUDE}sonnet-9", {"thinking": {"type": "disabled"}}),
        ("bedrock-converse", "amazon.nova-9", {}),
    ],
)
def test_a_completion_of_an_unknown_model_tries_to_keep_it_from_reasoning(
    made: Made, wire: str, model: str, expected: dict[str, Any]
) -> None:
    unheard = made(wire, effort_field="reasoning_effort")
    names = {"reasoning_effort", "reasoning", "thinkingLevel", "thinkingBudget", "thinking"}
    for fields in ({"completion": True}, {"completion": True, "effort": "none"}):
        sent = unheard.chat(model, **fields)
        assert {name: value for name, value in sent.items() if name in names} == expected
    # A conversation leaves it to the model.
    assert not unheard.chat(model).keys() & names


def test_a_row_without_such_a_field_is_not_tried(made: Made) -> None:
    assert "reasoning_effort" not in made("openai-chat").chat("o9", completion=True)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000])
def test_arguments_that_are_no_object_are_none(text: str) -> None:
    assert arguments_of(ToolCallPart("c", "f", text)) == {}


def test_arguments_are_an_object() -> None:
    assert arguments_of(ToolCallPart("c", "f", '{"a": [1]}')) == {"a": [1]}
