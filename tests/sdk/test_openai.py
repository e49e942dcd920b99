"""Chat Completions, Completions and Responses, judged by OpenAI's SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from polypilot_providers.catalog import ProviderRow

Loopback = Any  # conftest.Loopback, which importlib mode does not let us import
Checker = Any

DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
RESPONDED = (
    b'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,'
    b'"response":{"id":"r","object":"response","created_at":1,"model":"m","output":[],'
    b'"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"status":"completed"}}\n\n'
)
OWN = {
    "deepseek": {"thinking", "messages.reasoning_content"},
    "mistral": {"parts.document_url"},
    "codestral": {"parts.document_url"},
    "inception": {"parts.document_url"},
    "zai": {"thinking"},
    "zai-coding": {"thinking"},
    "llama.cpp": {"return_progress", "id_slot", "n_probs"},
    "embedded": {"return_progress", "id_slot", "n_probs"},
}
REASONED = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
OWN_COMPLETION = {"deepseek": {"reasoning_effort"}}
"""What these suppliers have over and above OpenAI's fields, by their own documentation."""


@pytest.fixture
async def client(openai: Any, loopback: Loopback, key: str) -> AsyncIterator[Callable[..., Any]]:
    """Makes the SDK's client for a row of ours."""
    made: list[Any] = []

    def make(row: ProviderRow) -> Any:
        made.append(
            openai.AsyncOpenAI(
                api_key=key,
                base_url=loopback.url(row),
                max_retries=0,
                default_headers=row.headers,
                default_query=row.query,
            )
        )
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture(scope="session")
def chat_body(openai: Any, checker: Checker) -> Any:
    return checker(openai.types.chat.completion_create_params.CompletionCreateParamsStreaming)


@pytest.fixture(scope="session")
def responses_body(openai: Any, checker: Checker) -> Any:
    return checker(openai.types.responses.response_create_params.ResponseCreateParamsStreaming)


@pytest.fixture(scope="session")
def completions_body(openai: Any, checker: Checker) -> Any:
    return checker(openai.types.completion_create_params.CompletionCreateParamsStreaming)


def other_key(row: ProviderRow) -> bool:
    """Whether the supplier's header for the key is another one than OpenAI's (Azure)."""
    return row.auth_header not in {"", "bearer"}


def split(body: dict[str, Any], own: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of ``body`` that are OpenAI's, and those at the top that are not."""
    extra = {name: body[name] for name in body if name in own}
    plain = {name: body[name] for name in body if name not in own}
    if "messages" in plain:
        inner = {name.partition(".")[2] for name in own if name.startswith("messages.")}
        plain["messages"] = [
            {name: _shared(value, own) for name, value in message.items() if name not in inner}
            for message in plain["messages"]
        ]
    return plain, extra


def _shared(value: Any, own: set[str]) -> Any:
    """A field of a message, without the parts that are the supplier's own."""
    if not isinstance(value, list):
        return value
    parts = cast("list[dict[str, Any]]", value)
    return [part for part in parts if f"parts.{part['type']}" not in own]


@pytest.mark.wire("openai-chat")
async def test_chat_completions(
    row: ProviderRow, loopback: Loopback, client: Any, chat_body: Any, subtests: pytest.Subtests
):
    loopback.play(DONE)
    ask = client(row).chat.completions.create
    async for name, _, ours, usual in loopback.each_chat(row):
        with subtests.test(name):
            plain, extra = split(ours.json, OWN.get(row.id, set()))
            chat_body(plain)
            if usual:
                asked = ask(**plain, extra_body=extra or None)
                theirs = await loopback.same(ours, asked, key_elsewhere=other_key(row))
                assert theirs.json == {**plain, **extra}


@pytest.mark.wire("openai-responses")
async def test_responses(
    row: ProviderRow,
    loopback: Loopback,
    client: Any,
    responses_body: Any,
    subtests: pytest.Subtests,
):
    loopback.play(RESPONDED)
    ask = client(row).responses.create
    async for name, _, ours, usual in loopback.each_chat(row):
        with subtests.test(name):
            responses_body(ours.json)
            if usual:
                asked = ask(**ours.json)
                theirs = await loopback.same(ours, asked, key_elsewhere=other_key(row))
                assert theirs.json == ours.json


@pytest.mark.wire("openai-chat")
async def test_completions(
    row: ProviderRow,
    loopback: Loopback,
    client: Any,
    completions_body: Any,
    subtests: pytest.Subtests,
):
    """Those that Mistral's SDK knows better (``/fim/``) are judged by that."""
    loopback.play(DONE)
    async for name, ours, usual in loopback.each_gap(row):
        if "/fim/" not in ours.path:
            with subtests.test(name):
                plain, extra = split(ours.json, OWN_COMPLETION.get(row.id, set()))
                completions_body(plain)
                if usual:
                    base = loopback.server.url + ours.path.partition("/completions")[0]
                    ask = client(row).with_options(base_url=base).completions.create
                    asked = ask(**plain, extra_body=extra or None)
                    theirs = await loopback.same(ours, asked, key_elsewhere=other_key(row))
                    assert theirs.json == ours.json


# --- answers


async def chat_read(client: Any, read: Any) -> None:
    """What the SDK makes of a Chat Completions answer."""
    calls: dict[int, list[str]] = {}
    body: dict[str, Any] = {"model": "m", "messages": [], "stream": True}
    async for chunk in await client.chat.completions.create(**body):
        for choice in chunk.choices or ():
            read.text += choice.delta.content or ""
            # Not OpenAI's fields, but passed on by the SDK as they come.
            more: dict[str, Any] = choice.delta.model_extra or {}
            read.thought += more.get("reasoning_content") or more.get("reasoning") or ""
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(piece.index, ["", "", ""])
                call[0] = call[0] or piece.id
                call[1] = call[1] or piece.function.name
                call[2] += piece.function.arguments or ""
        if chunk.usage:
            read.input_tokens = chunk.usage.prompt_tokens
            # xAI's completion_tokens leave reasoning out; the sum never does.
            read.output_tokens = chunk.usage.total_tokens - chunk.usage.prompt_tokens
    read.calls = [(one, two, json.loads(three)) for one, two, three in calls.values()]


async def responses_read(client: Any, read: Any) -> None:
    """What it makes of a Responses answer."""
    async for event in await client.responses.create(model="m", input="x", stream=True):
        if event.type == "response.output_text.delta":
            read.text += event.delta
        elif event.type in REASONED:
            read.thought += event.delta
        elif event.type == "response.output_item.done" and event.item.type == "function_call":
            item = event.item
            read.calls.append((item.call_id, item.name, json.loads(item.arguments)))
        elif event.type in {"response.completed", "response.incomplete"} and event.response.usage:
            read.input_tokens = event.response.usage.input_tokens
            read.output_tokens = event.response.usage.output_tokens
        elif event.type in {"error", "response.failed"}:
            raise RuntimeError


async def completions_read(client: Any, read: Any) -> None:
    """What it makes of a Completions answer."""
    async for chunk in await client.completions.create(model="m", prompt="x", stream=True):
        read.text += "".join(choice.text for choice in chunk.choices)
        if chunk.usage:
            read.input_tokens = chunk.usage.prompt_tokens
            read.output_tokens = chunk.usage.completion_tokens


MISTRAL = "mistral"
"""Has reasoning in a form of its own, which its own SDK is asked about."""
READERS = {
    "/chat/completions": ("openai-chat", chat_read),
    "/responses": ("openai-responses", responses_read),
}


SUITES = {
    "chat": ("test_openai_chat", "TestChat", chat_read),
    "completions": ("test_openai_chat", "TestCompletions", completions_read),
    "responses": ("test_responses", "TestChat", responses_read),
    "llama.cpp": ("test_llama_cpp", "TestChat", chat_read),
    "deepseek": ("test_fim", "TestDeepSeek", completions_read),
}


@pytest.mark.parametrize("name", SUITES)
async def test_the_suites_answers_are_read_alike(
    name: str, loopback: Loopback, client: Any, suite: Any, reading: Any
):
    module, cls, reader = SUITES[name]
    found = suite(module, cls)
    loopback.play(found.answer)
    theirs = reading()
    await reader(client(loopback.rows["openai"]), theirs)
    ours = reading.ours(found.events)
    ours.thought = theirs.thought = ""  # not in their words everywhere
    assert theirs == ours
    assert ours.text


async def test_recorded_answers_are_read_alike(
    loopback: Loopback, client: Any, recordings: Any, reading: Any, subtests: pytest.Subtests
):
    for each in recordings:
        known = [READERS[end] for end in READERS if each.endpoint.endswith(end)]
        known = [] if each.supplier == MISTRAL else known
        for wire, reader in known:
            with subtests.test(each.name):
                loopback.play(each.data)
                row = loopback.rows["openai"].model_copy(
                    update={"wire": wire, "completion_wire": None}
                )
                theirs, failed = reading(), False
                try:
                    await reader(client(row), theirs)
                except Exception:  # noqa: BLE001 - of whatever kind: they don't take it
                    failed = True
                try:
                    ours = reading.ours(await loopback.events(row, ChatRequest("m", (user("x"),))))
                except ProviderError:
                    assert failed
                    continue
                assert not failed
                assert ours == theirs
