"""What rows and wires have in common, whichever the wire."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from polypilot_providers.catalog import ModelRow, ProviderRow, RetiredModel
from polypilot_providers.errors import ConfigurationError, RequestRefused, UnknownModel
from polypilot_providers.factory import address, build
from polypilot_providers.testing import ScriptedServer, outcome, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Cost,
    FilePart,
    ImagePart,
    Message,
    Stop,
    StopReason,
    TextDelta,
    Usage,
    usage_fields,
    user,
)
from polypilot_providers.wires.openai_chat import OpenAIProvider
from polypilot_providers.wires.responses import ResponsesProvider
from polypilot_providers.wires.several import SeveralWires

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.catalog import Wire
    from polypilot_providers.http import HttpClient
    from polypilot_providers.wires.provider import WireProvider

CHAT = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
TEXT = b'data: {"choices":[{"text":"hi","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
RESPONSES = (
    b'data: {"type":"response.output_text.delta","delta":"hi"}\n\n'
    b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n'
)
SAID = [TextDelta("hi"), Stop(StopReason.END)]


def row(**fields: object) -> ProviderRow:
    given = {"id": "acme", "wire": "openai-chat", "base_url": "https://{region}.acme.example/v1"}
    return ProviderRow.model_validate(given | fields)


# --- addresses


def test_an_address_is_made_of_what_the_user_says() -> None:
    assert row(variables={"region": "eu-1"}).address() == "https://eu-1.acme.example/v1"
    assert row(base_url="https://acme.example").address() == "https://acme.example"


@pytest.mark.parametrize("variables", [{}, {"region": ""}])
def test_an_address_that_lacks_something_says_what(variables: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="region") as caught:
        row(variables=variables).address()
    assert "polypilot" in caught.value.cure or "config.toml" in caught.value.cure


@pytest.mark.parametrize(
    "value", ["evil.example/", "a@b", "x#", "x?", "..", "-x", "x:1", "\u0435u"]
)
def test_no_value_leads_elsewhere(value: str) -> None:
    with pytest.raises(ConfigurationError, match="letters"):
        row(variables={"region": value}).address()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"X-Api-Key": "x"},
        {"x-auth-token": "x"},
        {"Host": "x"},
        {"Content-Length": "0"},
        {"a b": "x"},
        {"x-a": "one\r\nx-b: two"},
    ],
)
def test_headers_hold_no_keys_and_break_no_request(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        row(headers=headers)


@pytest.mark.parametrize("name", ["api_key", "sig", "code", "access_token", "X-Amz-Signature"])
def test_an_address_holds_no_keys(name: str) -> None:
    with pytest.raises(ValidationError, match="must not hold keys"):
        row(query={name: "1"})


async def test_headers_and_query_are_sent(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        made = row(headers={"x-team": "seven"}, query={"api-version": "2026-01"})
        provider = build(made, key, http, base_url=server.url)
        assert await outcome(provider.chat(ChatRequest("m", (user("q"),)))) == (SAID, None)
        assert server.requests[0].headers["x-team"] == "seven"
        assert server.requests[0].path == "/chat/completions?api-version=2026-01"


@pytest.mark.parametrize("name", ["api-key", "x-api-key", "x-goog-api-key", "x-portkey-api-key"])
async def test_the_key_is_sent_as_the_row_says(name: str, http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(CHAT)) as server:
        provider = build(row(auth_header=name), key, http, base_url=server.url)
        await outcome(provider.chat(ChatRequest("m", (user("q"),))))
        secret = await key()
        assert secret is not None
        assert server.requests[0].headers[name] == secret.reveal()
        assert "authorization" not in server.requests[0].headers


# --- several wires


def several(http: HttpClient, key: KeySource, url: str) -> Provider:
    models = (ModelRow(id="old", wire="openai-chat"),)
    made = row(wire="openai-responses", completion_wire="openai-chat", models=models)
    return build(made.model_copy(update={"completion": "prefix"}), key, http, base_url=url)


async def test_each_request_takes_its_wire(http: HttpClient, key: KeySource) -> None:
    chat = ChatRequest("new", (user("q"),))
    script = [
        (chat, RESPONSES, "/responses"),
        (ChatRequest("new", (user("q"),), completion=True), CHAT, "/chat/completions"),
        (ChatRequest("old", (user("q"),)), CHAT, "/chat/completions"),
    ]
    async with ScriptedServer() as server:
        provider = several(http, key, server.url)
        assert provider.id == "acme"
        assert provider.local
        for request, answer, path in script:
            server.play(stream(answer))
            assert await outcome(provider.chat(request)) == (SAID, None)
            assert server.requests[-1].path == path
        server.play(stream(TEXT))
        assert await outcome(provider.complete(CompletionRequest("new", "x = "))) == (SAID, None)
        assert server.requests[-1].path == "/completions"
        server.play(reply(200, b'{"data":[{"id":"new"}]}'))
        assert [model.id for model in await provider.models()] == ["new"]


async def test_all_its_wires_are_closed(http: HttpClient, key: KeySource) -> None:
    """Ours have nothing to close; those that other packages derive from them may."""
    closed: list[str] = []
    made = row(wire="openai-responses", completion_wire="openai-chat", completion="prefix")

    class Chat(OpenAIProvider):
        async def aclose(self) -> None:
            closed.append("chat")

    class Responses(ResponsesProvider):
        async def aclose(self) -> None:
            closed.append("responses")

    def make(wire: Wire) -> WireProvider:
        kind = Chat if wire == "openai-chat" else Responses
        return kind(made, *address(server.url), key, http)

    async with ScriptedServer(stream(TEXT)) as server:
        provider = SeveralWires(made, make)
        await outcome(provider.complete(CompletionRequest("new", "x = ")))
        await provider.aclose()
        assert sorted(closed) == ["chat", "responses"]


# --- models


@pytest.mark.parametrize(("instead", "cure"), [("new", "Use new instead."), ("", "another")])
async def test_a_model_that_is_gone_is_not_asked_for(
    instead: str, cure: str, http: HttpClient, key: KeySource
) -> None:
    retired = (RetiredModel(id="old", date="2026-01-01", instead=instead),)
    async with ScriptedServer() as server:
        provider = build(row(retired=retired), key, http, base_url=server.url)
        got, error = await outcome(provider.chat(ChatRequest("old", (user("q"),))))
        assert got == []
        assert isinstance(error, UnknownModel)
        assert cure in error.cure
        assert server.requests == []


def sent(server: ScriptedServer) -> dict[str, object]:
    """The body of the last request."""
    return json.loads(server.requests[-1].body)


def refused(name: str, more: str = "") -> bytes:
    text = f"Unsupported value for '{name}'. {more}"
    return f'{{"error":{{"message":"{text}","param":"{name}","code":"x"}}}}'.encode()


async def test_several_parameters_may_be_refused_but_not_endlessly(
    http: HttpClient, key: KeySource
) -> None:
    request = ChatRequest("m", (user("q"),), temperature=0.1, stop=("x",), effort="none")
    made = row(effort_field="reasoning_effort")
    names = ("temperature", "stop", "stream_options")
    refusals = [reply(400, refused(name)) for name in (*names, "reasoning_effort")]
    async with ScriptedServer(*refusals[:3], stream(CHAT)) as server:
        provider = build(made, key, http, base_url=server.url)
        assert await outcome(provider.chat(request)) == (SAID, None)
        assert not sent(server).keys() & set(names)
        assert sent(server)["reasoning_effort"] == "none"
    async with ScriptedServer(*refusals, stream(CHAT)) as server:
        provider = build(made, key, http, base_url=server.url)
        _, error = await outcome(provider.chat(request))
        assert isinstance(error, RequestRefused)
        assert len(server.requests) == 4


async def test_a_refused_effort_becomes_one_that_is_allowed(
    http: HttpClient, key: KeySource
) -> None:
    words = "Supported values are: 'low', 'medium' and 'high'."
    refusal = reply(400, refused("reasoning.effort", words))
    async with ScriptedServer(refusal, stream(RESPONSES)) as server:
        provider = build(row(wire="openai-responses"), key, http, base_url=server.url)
        request = ChatRequest("m", (user("q"),), effort="minimal")
        assert await outcome(provider.chat(request)) == (SAID, None)
        assert sent(server)["reasoning"] == {"effort": "low", "summary": "auto"}


# --- values


def test_usage_as_json_has_it() -> None:
    counts = usage_fields(Usage(3, 1, cost=Decimal("0.25")))
    assert counts["input_tokens"] == 3
    assert (counts["cost"], counts["cost_source"]) == ("0.25", "supplier")
    told = usage_fields(Usage(3, 1), Cost(Decimal("3.6E-7"), "prices"))
    assert (told["cost"], told["cost_source"]) == ("0.00000036", "prices")
    assert usage_fields(Usage())["cost"] is None


async def test_anthropic_takes_pictures_and_documents(http: HttpClient, key: KeySource) -> None:
    parts = (ImagePart("image/png", b"\x89P"), FilePart("application/pdf", "a.pdf", b"%PDF"))
    request = ChatRequest("m", (Message("user", parts),))
    async with ScriptedServer(reply(500, b"")) as server:
        made = row(wire="anthropic-messages")
        await outcome(build(made, key, http, base_url=server.url).chat(request))
        source = {"type": "base64", "media_type": "image/png", "data": "iVA="}
        document = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
        assert json.loads(server.requests[0].body)["messages"] == [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": source},
                    {
                        "type": "document",
                        "title": "a.pdf",
                        "source": document,
                        "citations": {"enabled": True},
                    },
                ],
            }
        ]
