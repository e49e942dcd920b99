"""What Anthropic's Messages API is sent: conversations, reasoning, caching, on each host."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, cast

import pytest

from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ContextTooLong,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.factory import build
from polypilot_providers.failures import ParameterRefused
from polypilot_providers.testing import ScriptedServer, body_of, outcome, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    FilePart,
    ImagePart,
    Message,
    Stop,
    TextPart,
    ThoughtPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.types import Effort

ANSWER = b"""event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}

event: message_stop
data: {"type":"message_stop"}

"""
MARK = {"cache_control": {"type": "ephemeral"}}
SHOWN = {"type": "adaptive", "display": "summarized"}
COUNTED = {"input_tokens": 8}


def refusal(message: str) -> dict[str, object]:
    error = {"type": "invalid_request_error", "message": message}
    return {"type": "error", "error": error, "request_id": "req_1"}


@pytest.fixture
def claude(http: HttpClient, key: KeySource) -> Callable[..., Provider]:
    """Makes a provider of a row of the catalog, with some of its fields changed."""

    def make(base_url: str, supplier: str = "anthropic", **fields: object) -> Provider:
        row = rows({})[supplier].model_copy(update={"auth": "keyring", **fields})
        return build(row, key, http, base_url=base_url)

    return make


async def test_request_of_the_new_version(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(
            "claude-opus-4-6",
            (
                user("hi"),
                Message(
                    "assistant",
                    (
                        ThoughtPart("hm", signature="sig", provider="anthropic"),
                        ThoughtPart("", redacted="red", provider="anthropic"),
                        ThoughtPart("another's", signature="sig", provider="bedrock"),
                        ThoughtPart("unproven"),
                        TextPart("let me"),
                        ToolCallPart("t.1", "f", '{"a":1}'),
                        ToolCallPart("u", "g", "not json"),
                        ImagePart("image/png", b"of another supplier's"),
                        FilePart("application/pdf", "x.pdf", b"too"),
                    ),
                ),
                Message("user", (TextPart("so"), ToolResultPart("t.1", "boom", is_error=True))),
                assistant("   "),
            ),
            system="be brief",
            stop=("\n\n", "END", "1", "2", "3", "4"),
            temperature=0.3,
            effort="medium",
            tools=(Tool("f", "does f", {"type": "object", "properties": {}}), Tool("g", "")),
        )
        body = await body_of(server, claude(server.url + "/v1"), request)
        got = server.requests[0]
        assert got.path == "/v1/messages"
        assert got.headers["anthropic-version"] == "2026-10-21"
        assert "authorization" not in got.headers
        assert body == {
            "model": "claude-opus-4-6",
            "max_tokens": 128_000,
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "red"},
                        {"type": "text", "text": "let me"},
                        {"type": "tool_use", "id": "t_1", "name": "f", "input": {"a": 1}},
                        {"type": "tool_use", "id": "u", "name": "g", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t_1",
                            "content": "boom",
                            "is_error": True,
                        },
                        {"type": "text", "text": "so", **MARK},
                    ],
                },
            ],
            "stream": True,
            "system": [{"type": "text", "text": "be brief", **MARK}],
            "stop_sequences": ["END", "1", "2", "3"],
            "tools": [
                {
                    "name": "f",
                    "description": "does f",
                    "input_schema": {"type": "object", "properties": {}},
                },
                {
                    "name": "g",
                    "description": "",
                    "input_schema": {"type": "object", "properties": {}},
                },
            ],
            "thinking": SHOWN,
            "output_config": {"effort": "medium"},
        }


async def test_only_the_old_version_takes_a_temperature(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        old = claude(server.url, api_version="")
        request = ChatRequest("claude-haiku-4-5", (user("x"),), temperature=0.3, max_tokens=5)
        body = await body_of(server, old, request)
        assert server.requests[0].headers["anthropic-version"] == "2023-06-01"
        assert (body["temperature"], body["max_tokens"]) == (0.3, 5)
        new = await body_of(server, claude(server.url), request)
        assert "temperature" not in new
        # Neither does a model that refuses it, nor one that is to reason.
        for model, effort in (("claude-opus-4-8", None), ("claude-sonnet-4-6", "low")):
            effortful = ChatRequest(
                model, (user("x"),), temperature=0.3, effort=cast("Effort", effort)
            )
            assert "temperature" not in await body_of(server, old, effortful)


async def test_the_answers_limit_is_the_least_of_all(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = claude(server.url)

        async def limit(model: str, asked: int | None) -> object:
            request = ChatRequest(model, (user("x"),), max_tokens=asked)
            return (await body_of(server, provider, request))["max_tokens"]

        assert await limit("claude-haiku-4-5-20251001", 100_000) == 64_000
        assert await limit("claude-haiku-4-5", None) == 64_000
        assert await limit("claude-haiku-4-5", 7) == 7
        assert await limit("claude-unheard-of", None) == 8192
        assert await limit("claude-unheard-of", 100_000) == 100_000


async def test_a_models_own_number_of_stop_sequences(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        models = (ModelRow(id="few", stop_limit=1), ModelRow(id="none", stop_limit=0))
        provider = claude(server.url, models=models)
        few = await body_of(server, provider, ChatRequest("few", (user("x"),), stop=("a", "b")))
        assert few["stop_sequences"] == ["a"]
        none = await body_of(server, provider, ChatRequest("none", (user("x"),), stop=("a",)))
        assert "stop_sequences" not in none


def adaptive(effort: str) -> dict[str, object]:
    return {"thinking": SHOWN, "output_config": {"effort": effort}}


def budget(tokens: int) -> dict[str, object]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


OFF = {"thinking": {"type": "disabled"}}
LOW = {"output_config": {"effort": "low"}}


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        # Off unless asked for, on unless told not to: the text is asked for where it is omitted.
        ("claude-haiku-4-5", None, {}),
        ("claude-opus-4-8", None, {}),
        ("claude-haiku-5-5", None, {"thinking": SHOWN}),
        ("claude-sonnet-5-5", None, {"thinking": SHOWN}),
        ("claude-fable-5-2", None, {"thinking": SHOWN}),
        ("claude-unheard-of", None, {}),
        ("claude-haiku-5-5", "none", OFF),
        ("claude-haiku-4-5-20251001", "none", OFF),
        ("claude-opus-4-5", "none", OFF),
        ("claude-sonnet-5-5", "none", {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5-5", "none", LOW),
        ("claude-mythos-5", "none", LOW),
        ("claude-unheard-of", "none", OFF | LOW),
        ("claude-haiku-4-5", "minimal", budget(1024)),
        ("claude-sonnet-4-5", "high", budget(16_384)),
        ("claude-opus-4-5", "max", budget(32_000)),
        ("claude-sonnet-4-6", "minimal", adaptive("low")),
        ("claude-sonnet-4-6", "xhigh", adaptive("max")),
        ("claude-opus-4-7", "xhigh", adaptive("xhigh")),
        ("claude-haiku-5-5", "max", adaptive("max")),
        ("claude-sonnet-5-5", "high", adaptive("high")),
        ("claude-opus-5-5", "medium", adaptive("medium")),
        ("claude-unheard-of", "high", adaptive("high")),
        ("claude-unheard-of", "minimal", adaptive("low")),
    ],
)
async def test_reasoning_is_asked_for_as_the_model_takes_it(
    claude: Callable[..., Provider], model: str, effort: Effort | None, expected: dict[str, object]
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest(model, (user("x"),), effort=effort)
        body = await body_of(server, claude(server.url), request)
        sent = {name: body[name] for name in ("thinking", "output_config") if name in body}
        assert sent == expected
        if "budget_tokens" in str(sent):
            assert cast("dict[str, int]", sent["thinking"])["budget_tokens"] < cast(
                "int", body["max_tokens"]
            )


async def test_a_budget_leaves_room_for_the_answer(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = claude(server.url)

        async def thinking(asked: int) -> object:
            request = ChatRequest("claude-haiku-4-5", (user("x"),), max_tokens=asked, effort="high")
            return (await body_of(server, provider, request)).get("thinking")

        assert await thinking(6000) == budget(3000)["thinking"]
        assert await thinking(2000) is None


async def test_models_without_reasoning_are_asked_for_none(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        mute = claude(
            server.url, models=(ModelRow(id="mute"), ModelRow(id="on", thinking="always"))
        )
        for model in ("mute", "on"):
            for effort in ("none", "high"):
                request = ChatRequest(model, (user("x"),), effort=cast("Effort", effort))
                body = await body_of(server, mute, request)
                assert body.keys().isdisjoint({"thinking", "output_config"})


async def test_a_completion_is_kept_from_reasoning(claude: Callable[..., Provider]) -> None:
    """Or has room for it, if that can't be."""
    async with ScriptedServer(stream(ANSWER)) as server:
        for model, expected, most in (
            ("claude-haiku-5-5", OFF, 64),
            ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}, 64),
            ("claude-opus-5-5", LOW, 64 + 2048),
            ("claude-unheard-of", OFF | LOW, 64 + 2048),
        ):
            request = ChatRequest(model, (user("x"),), max_tokens=64, completion=True)
            body = await body_of(server, claude(server.url), request)
            sent = {name: body[name] for name in ("thinking", "output_config") if name in body}
            assert (sent, body["max_tokens"]) == (expected, most)


async def test_an_answers_beginning_is_sent_as_it_is(claude: Callable[..., Provider]) -> None:
    """Which models since 4.6 refuse, so that it is made for those that are known to take it."""
    known = {row.id for row in rows({})["anthropic"].models if row.prefill}
    assert known == {"claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"}
    async with ScriptedServer(stream(ANSWER)) as server:
        turns = (user("a"), assistant("b"), user("c"), assistant("<MISSING>"))
        request = ChatRequest("claude-haiku-4-5", turns, effort="none", completion=True)
        body = await body_of(server, claude(server.url), request)
        last = {"role": "assistant", "content": [{"type": "text", "text": "<MISSING>"}]}
        assert cast("list[object]", body["messages"])[-1] == last
        assert marks(body) == [".messages.1.content.0"]
        assert body["thinking"] == {"type": "disabled"}


# What is refused


@pytest.mark.parametrize(
    ("effort", "words", "left"),
    [
        (
            "none",
            (
                '"thinking.type.disabled" is not supported for this model. Use '
                '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
            ),
            LOW,
        ),
        ("none", "This model does not support the effort parameter.", OFF),
        ("none", "output_config: Extra inputs are not permitted", OFF),
        (
            "none",
            (
                '"thinking.type.disabled" is not supported for this model. Use '
                '"thinking.type.between_tools" instead.'
            ),
            {"thinking": {"type": "between_tools"}, **LOW},
        ),
        (
            "high",
            (
                "adaptive thinking is not supported on this model: thinking.type: Input should be "
                "'enabled' or 'disabled'"
            ),
            {"output_config": {"effort": "high"}},
        ),
        (
            "max",
            (
                "output_config.effort: this model takes no such effort. Supported values are: "
                "'low', 'medium', 'high'."
            ),
            adaptive("high"),
        ),
    ],
)
async def test_what_an_unknown_model_takes_is_tried(
    claude: Callable[..., Provider], effort: Effort, words: str, left: dict[str, object]
) -> None:
    """And not tried again in the next request."""
    async with ScriptedServer(reply(400, refusal(words)), stream(ANSWER)) as server:
        provider = claude(server.url)
        request = ChatRequest("claude-unheard-of", (user("x"),), effort=effort)
        for asked in (2, 3):
            body = await body_of(server, provider, request)
            assert len(server.requests) == asked
            sent = {name: body[name] for name in ("thinking", "output_config") if name in body}
            assert sent == left


async def test_other_refusals_are_told(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(
        reply(400, refusal("messages: at least one message is required"))
    ) as server:
        _, error = await outcome(claude(server.url).chat(ChatRequest("", (user("x"),))))
        assert isinstance(error, ParameterRefused)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "words",
    [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        (
            "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest "
            "assistant message cannot be modified."
        ),
    ],
)
async def test_reasoning_of_another_model_is_left_out_when_refused(
    claude: Callable[..., Provider], words: str
) -> None:
    """The user went on with another model, or what came before was changed."""
    async with ScriptedServer(reply(400, refusal(words)), stream(ANSWER)) as server:
        request = ChatRequest(
            "claude-opus-5-5",
            (
                user("a"),
                Message("assistant", (ThoughtPart("hm", signature="sig"), TextPart("b"))),
                user("c"),
                Message("assistant", (ThoughtPart("", redacted="sig"),)),
                user("d"),
            ),
            effort="high",
        )
        body = await body_of(server, claude(server.url), request)
        assert "sig" in server.requests[0].body.decode()
        assert body["messages"] == [
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
            {"role": "user", "content": [{"type": "text", "text": "c"}]},
            {"role": "user", "content": [{"type": "text", "text": "d", **MARK}]},
        ]
        assert body["thinking"] == SHOWN


# Documents, pictures, caching


async def test_pictures_and_documents(claude: Callable[..., Provider]) -> None:
    """A PDF goes as it is, and everything else as text; all of them are to be cited."""
    parts = (
        ImagePart("image/png", b"\x89PNG"),
        FilePart("application/pdf", "plan.pdf", b"%PDF"),
        FilePart("text/x-python", "a.py", b"x = 1"),
        FilePart("application/json", "", '{"ä": 1}'.encode()),
        TextPart("what?"),
    )

    def data(of: bytes) -> str:
        return base64.b64encode(of).decode()

    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest("", (Message("user", parts),))
        body = await body_of(server, claude(server.url, cache=""), request)
        cited = {"citations": {"enabled": True}}

        def text(of: str) -> dict[str, object]:
            return {"type": "text", "media_type": "text/plain", "data": of}

        pdf = {"type": "base64", "media_type": "application/pdf", "data": data(b"%PDF")}
        png = {"type": "base64", "media_type": "image/png", "data": data(b"\x89PNG")}
        assert body["messages"] == [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": png},
                    {"type": "document", "title": "plan.pdf", "source": pdf, **cited},
                    {"type": "document", "title": "a.py", "source": text("x = 1"), **cited},
                    {"type": "document", "source": text('{"ä": 1}'), **cited},
                    {"type": "text", "text": "what?"},
                ],
            }
        ]


async def test_documents_that_can_t_be_cited_are_still_read(
    claude: Callable[..., Provider],
) -> None:
    words = "messages.0.content.0.document.citations: Extra inputs are not permitted"
    async with ScriptedServer(reply(400, refusal(words)), stream(ANSWER)) as server:
        request = ChatRequest("", (Message("user", (FilePart("text/plain", "a", b"x"),)),))
        body = await body_of(server, claude(server.url), request)
        assert "citations" in server.requests[0].body.decode()
        assert "citations" not in json.dumps(body)


async def test_what_can_t_be_read_is_not_sent(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer() as server:
        for part in (
            FilePart("application/zip", "a.zip", b"\xff\xfe"),
            ImagePart("image/png", b""),
        ):
            blind = claude(server.url, models=(ModelRow(id="blind", images=False),))
            request = ChatRequest("blind", (Message("user", (part,)),))
            _, error = await outcome(blind.chat(request))
            assert type(error) is ConfigurationError
        assert server.requests == []


def marks(body: dict[str, object]) -> list[str]:
    """The paths of all marks."""
    found: list[str] = []

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict):
            for name, inner in cast("dict[str, object]", value).items():
                if name == "cache_control":
                    assert inner == {"type": "ephemeral"}
                    found.append(path)
                walk(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for at, inner in enumerate(cast("list[object]", value)):
                walk(inner, f"{path}.{at}")

    walk(body, "")
    return found


async def test_what_comes_again_is_marked_for_the_cache(claude: Callable[..., Provider]) -> None:
    tools = (Tool("f", ""), Tool("g", ""))
    turns = (user("a"), assistant("b"), user("c"))
    conversation = ChatRequest("", turns, system="s", tools=tools)
    completion = ChatRequest("", turns, system="s", completion=True)
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = claude(server.url)
        for request, paths in (
            (conversation, [".system.0", ".messages.2.content.0"]),
            # The question changes with every key; the examples before it do not.
            (completion, [".system.0", ".messages.1.content.0"]),
            (ChatRequest("", turns, tools=tools), [".tools.1", ".messages.2.content.0"]),
            (ChatRequest("", turns), [".messages.2.content.0"]),
            (ChatRequest("", (user("a"),), completion=True), []),
        ):
            assert sorted(marks(await body_of(server, provider, request))) == sorted(paths)
        # Only where the row says so.
        assert marks(await body_of(server, claude(server.url, cache=""), conversation)) == []


async def test_a_host_without_a_cache_is_asked_without_marks(
    claude: Callable[..., Provider],
) -> None:
    words = "system.0.cache_control: Extra inputs are not permitted"
    async with ScriptedServer(reply(400, refusal(words)), stream(ANSWER)) as server:
        body = await body_of(server, claude(server.url), ChatRequest("", (user("x"),), system="s"))
        assert (marks(body), body["system"]) == ([], "s")


async def test_a_turn_of_reasoning_alone_gets_no_mark(claude: Callable[..., Provider]) -> None:
    thought = Message("assistant", (ThoughtPart("hm", signature="s"),))
    turns = (user("a"), thought, user("b"))
    async with ScriptedServer(stream(ANSWER)) as server:
        request = ChatRequest("claude-opus-5-5", turns, completion=True)
        assert marks(await body_of(server, claude(server.url), request)) == []
        last = (user("a"), Message("assistant", (TextPart("x"), *thought.parts)), user("b"))
        request = ChatRequest("claude-opus-5-5", last, completion=True)
        body = await body_of(server, claude(server.url), request)
        assert marks(body) == [".messages.1.content.0"]
        # Nothing was asked: there is nothing that would come again.
        request = ChatRequest("", (assistant("x"),))
        assert marks(await body_of(server, claude(server.url), request)) == []


# Hosts


async def test_completions_are_refused(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        with pytest.raises(ConfigurationError, match="completion"):
            async for _ in claude(server.url).complete(CompletionRequest("m", "p")):
                pass
        assert server.requests == []


async def test_vertex_has_the_model_in_its_address(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        base = server.url + "/v1/projects/p/locations/l/publishers/anthropic"
        vertex = claude(base, "vertex-anthropic")
        request = ChatRequest(
            "claude-haiku-4-5@20251001", (user("x"),), temperature=0.5, max_tokens=70_000
        )
        body = await body_of(server, vertex, request)
        got = server.requests[0]
        assert got.path == (
            "/v1/projects/p/locations/l/publishers/anthropic/models/"
            "claude-haiku-4-5@20251001:streamRawPredict"
        )
        assert got.headers["authorization"] == "Bearer sk-test-1"
        assert "anthropic-version" not in got.headers
        assert body == {
            "anthropic_version": "vertex-2023-10-16",
            "max_tokens": 64_000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x", **MARK}]}],
            "stream": True,
            "temperature": 0.5,
        }
        # Whatever its name has, a model stays one segment of the path.
        await body_of(server, vertex, ChatRequest("../a/b;c?d", (user("x"),)))
        assert server.requests[-1].path.endswith(
            "/publishers/anthropic/models/..%2Fa%2Fb%3Bc%3Fd:streamRawPredict"
        )


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-opus-4-6@default", "claude-opus-4-6"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-opus-5-5", "claude-opus-5-5"),
    ],
)
async def test_a_model_is_known_by_all_its_names(
    claude: Callable[..., Provider], name: str, listed: str
) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = claude(server.url)
        for effort in ("none", "high"):
            bodies = [
                await body_of(
                    server, provider, ChatRequest(each, (user("x"),), effort=cast("Effort", effort))
                )
                for each in (name, listed)
            ]
            assert bodies[0] | {"model": listed} == bodies[1]


async def test_foundry(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        foundry = claude(server.url + "/anthropic", "foundry-anthropic")
        body = await body_of(server, foundry, ChatRequest("", (user("x"),)))
        got = server.requests[0]
        assert (got.path, got.headers["x-api-key"]) == ("/anthropic/v1/messages", "sk-test-1")
        assert got.headers["anthropic-version"] == "2026-10-21"
        assert body["model"] == "claude-sonnet-5-5"


def test_the_addresses_of_the_hosts() -> None:
    catalog = rows({})
    for supplier, variables, address in (
        ("anthropic", {}, "https://api.anthropic.com"),
        ("foundry-anthropic", {"resource": "r"}, "https://r.services.ai.azure.com/anthropic"),
        (
            "vertex-anthropic",
            {"project": "p", "location": "us-east5"},
            (
                "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"
                "/publishers/anthropic"
            ),
        ),
    ):
        row = catalog[supplier].model_copy(update={"variables": variables})
        assert row.address() == address
        assert row.lists(row.completion_model)
        assert row.lists(row.chat_model)


# The list of models

MODELS: dict[str, object] = {
    "data": [
        {
            "type": "model",
            "id": "claude-haiku-5-5",
            "display_name": "Claude Haiku 5.5",
            "max_input_tokens": 1_000_000,
            "max_tokens": 128_000,
            "retires_at": "2027-10-01T00:00:00Z",
            "capabilities": {
                "image_input": {"supported": True},
                "thinking": {"supported": False, "types": {}},
            },
        },
        {"type": "model", "id": "claude-bare"},
    ],
    "has_more": False,
}


async def test_models(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(reply(200, MODELS)) as server:
        full, bare = await claude(server.url).models()
        assert server.requests[0].path == "/v1/models?limit=1000"
        assert (full.name, full.context_tokens, full.output_tokens, full.shutdown_date) == (
            "Claude Haiku 5.5",
            1_000_000,
            128_000,
            "2027-10-01",
        )
        assert (full.images, full.thinking) == (True, False)
        assert (bare.images, bare.thinking, bare.shutdown_date) == (None, None, None)


async def test_a_host_without_a_list_is_asked_to_count(claude: Callable[..., Provider]) -> None:
    """Which shows that it takes the key, and costs nothing."""
    async with ScriptedServer(reply(404, b"", {}), reply(200, COUNTED)) as server:
        models = await claude(server.url + "/anthropic", "foundry-anthropic").models()
        assert [model.id for model in models][:2] == ["claude-haiku-4-5", "claude-sonnet-4-5"]
        got = server.requests[1]
        assert (got.method, got.path) == ("POST", "/anthropic/v1/messages/count_tokens")
        assert got.json == {
            "model": "claude-sonnet-5-5",
            "messages": [{"role": "user", "content": "?"}],
        }
    async with ScriptedServer(reply(200, COUNTED)) as server:
        base = server.url + "/v1/projects/p/locations/l/publishers/anthropic"
        models = await claude(base, "vertex-anthropic").models()
        assert models[0].thinking
        (got,) = server.requests
        assert got.path.endswith("/publishers/anthropic/models/count-tokens:rawPredict")
        assert got.json["anthropic_version"] == "vertex-2023-10-16"


async def test_a_host_that_refuses_the_key_or_has_nothing(claude: Callable[..., Provider]) -> None:
    denied = {"type": "error", "error": {"type": "authentication_error", "message": "no"}}
    async with ScriptedServer(reply(404, b""), reply(401, denied)) as server:
        with pytest.raises(AuthError):
            await claude(server.url, "foundry-anthropic").models()
    async with ScriptedServer(reply(404, b"")) as server:
        with pytest.raises(RequestRefused):
            await claude(server.url, models=()).models()
        assert len(server.requests) == 1
    async with ScriptedServer(reply(413, b"")) as server:
        with pytest.raises(RequestRefused):
            await claude(server.url).models()
        assert len(server.requests) == 1


# Errors


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, AuthError),
        (403, {"type": "permission_error", "message": "not allowed"}, PermissionDenied),
        (404, {"type": "not_found_error", "message": "model: claude-9"}, UnknownModel),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
            ContextTooLong,
        ),
        (413, {"type": "request_too_large", "message": "too large"}, ContextTooLong),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "Your credit balance is too low to access the API.",
            },
            QuotaExhausted,
        ),
        (402, {"type": "billing_error", "message": "pay"}, QuotaExhausted),
        (429, {"type": "rate_limit_error", "message": "slow down"}, RateLimited),
        *(
            (
                status,
                {"type": kind, "message": "limit", "details": {"error_code": code}},
                QuotaExhausted,
            )
            for status, kind, code in (
                (429, "rate_limit_error", "enforced_spend_limit_reached"),
                (429, "rate_limit_error", "contract_spend_limit_reached"),
                (402, "billing_error", "linked_organization_spend_limit_reached"),
            )
        ),
        (
            429,
            {
                "type": "rate_limit_error",
                "message": "too fast a growth",
                "details": {"error_code": "ramp_limit_exceeded"},
            },
            RateLimited,
        ),
        (500, {"type": "api_error", "message": "?"}, Unavailable),
        (504, {"type": "timeout_error", "message": "?"}, Unavailable),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, Unavailable),
    ],
)
async def test_error_bodies(
    claude: Callable[..., Provider],
    status: int,
    error: dict[str, object],
    kind: type[ProviderError],
) -> None:
    body = {"type": "error", "error": error, "request_id": "req_1"}
    async with ScriptedServer(reply(status, body, {"retry-after": "3"})) as server:
        _, caught = await outcome(claude(server.url).chat(ChatRequest("", (user("x"),))))
        assert caught is not None
        assert type(caught) is kind
        assert caught.retry_after == (3.0 if kind in (RateLimited, Unavailable) else None)
        assert len(server.requests) == 1


async def test_a_model_that_is_gone_is_not_asked_for(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer() as server:
        for model in ("claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-opus-4-1"):
            _, error = await outcome(claude(server.url).chat(ChatRequest(model, (user("x"),))))
            assert isinstance(error, UnknownModel)
            assert "claude-" in error.cure
        assert server.requests == []


async def test_both_spellings_of_the_base(claude: Callable[..., Provider]) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        for base in ("/anthropic", "/anthropic/v1"):
            events, _ = await outcome(claude(server.url + base).chat(ChatRequest("", (user("x"),))))
            assert isinstance(events[-1], Stop)
            assert server.requests[-1].path == "/anthropic/v1/messages"


def test_the_row_says_which_version(http: HttpClient, key: KeySource) -> None:
    row = ProviderRow(id="x", wire="anthropic-messages", base_url="http://localhost:1/anthropic/v1")
    assert build(row, key, http).local
