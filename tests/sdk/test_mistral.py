"""Chat and fill-in-the-middle, judged by Mistral's SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.types import ChatRequest, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from polypilot_providers.catalog import ProviderRow

Loopback = Any  # conftest.Loopback, which importlib mode does not let us import

ROWS = ("mistral", "codestral", "inception")
"""Those whose completions are Mistral's; chat is that of the first two."""
DONE = (
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":""},'
    b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


@pytest.fixture
async def client(
    mistral: Any, loopback: Loopback, key: str
) -> AsyncIterator[Callable[[ProviderRow], Any]]:
    """Makes the SDK's client for a row of ours."""
    made: list[Any] = []

    def make(row: ProviderRow) -> Any:
        url = loopback.url(row).removesuffix("/v1")
        made.append(mistral.Mistral(api_key=key, server_url=url))
        return made[-1]

    yield make
    for each in made:
        await each.__aexit__(None, None, None)
        each.__exit__(None, None, None)


async def ask(answer: Any) -> None:
    """Read an answer to its end."""
    async with await answer as events:
        async for _ in events:
            pass


def _without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` without what the SDK adds and what would mean the same left out."""
    for message in body["messages"]:
        if message["role"] == "assistant":
            assert message.pop("prefix") is False
            for call in message.get("tool_calls", ()):
                assert call.pop("index") == 0
    return body


@pytest.mark.parametrize("name", ROWS[:2])
async def test_chat(name: str, loopback: Loopback, client: Any, subtests: pytest.Subtests):
    loopback.play(DONE)
    row = loopback.rows[name]
    sdk = client(row)
    async for case, _, ours, _ in loopback.each_chat(row):
        with subtests.test(case):
            theirs = await loopback.same(ours, ask(sdk.chat.stream_async(**ours.json)))
            assert _without_defaults(theirs.json) == ours.json


@pytest.mark.parametrize("name", ROWS)
async def test_completions(name: str, loopback: Loopback, client: Any, subtests: pytest.Subtests):
    loopback.play(DONE)
    row = loopback.rows[name]
    sdk = client(row)
    count = 0
    async for case, ours, _ in loopback.each_gap(row):
        if "/fim/" in ours.path:
            count += 1
            with subtests.test(case):
                theirs = await loopback.same(ours, ask(sdk.fim.stream_async(**ours.json)))
                assert theirs.json == ours.json
    assert count


# --- answers


async def chat_read(answer: Any, read: Any) -> None:
    """What the SDK makes of an answer."""
    async with await answer as events:
        async for event in events:
            for choice in event.data.choices:
                _content(choice.delta.content or "", read)
                for call in choice.delta.tool_calls or ():
                    arguments = call.function.arguments
                    if isinstance(arguments, str):
                        arguments = json.loads(arguments)
                    read.calls.append((call.id, call.function.name, arguments))
            if usage := event.data.usage:
                read.input_tokens = usage.prompt_tokens
                read.output_tokens = usage.completion_tokens


def _content(content: Any, read: Any) -> None:
    """Text, or pieces of text and reasoning."""
    if isinstance(content, str):
        read.text += content
        return
    for piece in content:
        if piece.type == "text":
            read.text += piece.text
        elif piece.type == "thinking":
            read.thought += "".join(each.text for each in piece.thinking)


async def test_the_suites_answer_is_read_alike(
    loopback: Loopback, client: Any, suite: Any, reading: Any
):
    found = suite("test_fim", "TestMistral")
    # Their reader insists on an id.
    loopback.play(found.answer.replace(b'data: {"model"', b'data: {"id":"f","model"'))
    theirs, ours = reading(), reading.ours(found.events)
    sdk = client(loopback.rows["mistral"])
    await chat_read(sdk.fim.stream_async(model="m", prompt="x"), theirs)
    assert theirs == ours
    assert ours.text


async def test_recorded_answers_are_read_alike(
    loopback: Loopback, client: Any, recordings: Any, reading: Any, subtests: pytest.Subtests
):
    row = loopback.rows["mistral"]
    sdk = client(row)
    for each in recordings:
        if each.supplier == "mistral" and each.endpoint.endswith("/chat/completions"):
            with subtests.test(each.name):
                loopback.play(each.data)
                ours = reading.ours(await loopback.events(row, ChatRequest("", (user("x"),))))
                theirs = reading()
                messages = [{"role": "user", "content": "x"}]
                await chat_read(sdk.chat.stream_async(model="m", messages=messages), theirs)
                assert ours == theirs
