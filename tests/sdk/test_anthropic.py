"""Messages, judged by Anthropic's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Loopback = Any  # conftest.Loopback, which importlib mode does not let us import

ANSWER = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn",'
    b'"stop_sequence":null},"usage":{"output_tokens":1}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@pytest.fixture
async def client(
    anthropic: Any, loopback: Loopback, key: str
) -> AsyncIterator[Callable[[ProviderRow], Any]]:
    """Makes the SDK's client for a row of ours."""
    made: list[Any] = []

    def make(row: ProviderRow) -> Any:
        url = loopback.url(row)
        if "/projects/" in url:
            base, _, rest = url.partition("/projects/")
            project, _, region = rest.removesuffix("/publishers/anthropic").split("/")
            there = {"project_id": project, "region": region, "access_token": key}
            made.append(anthropic.AsyncAnthropicVertex(**there, base_url=base, max_retries=0))
        else:
            url = url.removesuffix("/v1")
            made.append(anthropic.AsyncAnthropic(api_key=key, base_url=url, max_retries=0))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture(scope="session")
def body(anthropic: Any, checker: Any) -> Any:
    return checker(anthropic.types.message_create_params.MessageCreateParamsStreaming)


@pytest.mark.wire("anthropic-messages")
async def test_messages(
    row: ProviderRow,
    loopback: Loopback,
    client: Any,
    body: Any,
    subtests: pytest.Subtests,
):
    """The SDK sends a key as a bearer; the header that we use is documented beside it."""
    loopback.play(ANSWER)
    ask = client(row).messages.create
    choice = row.auth_header != "bearer"
    async for name, request, ours, usual in loopback.each_chat(row):
        with subtests.test(name):
            plain = ours.json
            headers = dict(row.headers)
            # The SDK has words for the latest version only, in which there is no temperature,
            # and for the model's name in the body, though a cloud has it in the address.
            older = {
                name: plain.pop(name)
                for name in ("temperature", "anthropic_version")
                if name in plain
            }
            version = older.get("anthropic_version") or ours.headers["anthropic-version"]
            plain["model"] = request.model
            if "anthropic_version" not in older:
                headers["anthropic-version"] = version
            assert "temperature" not in older or "2023" in version
            body(plain)
            if usual:
                asked = ask(**plain, extra_body=older or None, extra_headers=headers)
                theirs = await loopback.same(ours, asked, key_elsewhere=choice)
                assert theirs.json == ours.json


# --- answers


async def read_by_sdk(client: Any, read: Any) -> None:
    """What the SDK makes of an answer."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    async with client.messages.stream(**body) as events:
        message = await events.get_final_message()
    for block in message.content:
        if block.type == "text":
            read.text += block.text
        elif block.type == "thinking":
            read.thought += block.thinking
        elif block.type == "tool_use":
            read.calls.append((block.id, block.name, block.input))
    usage = message.usage
    # They count cached input apart, we count it in.
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    read.input_tokens, read.output_tokens = usage.input_tokens + cached, usage.output_tokens


ROW = ProviderRow(id="x", wire="anthropic-messages", base_url="http://localhost")


async def test_the_suites_answer_is_read_alike(
    loopback: Loopback, client: Any, suite: Any, reading: Any
):
    found = suite("test_anthropic", "TestMessages")
    loopback.play(found.answer)
    theirs, ours = reading(), reading.ours(found.events)
    await read_by_sdk(client(ROW), theirs)
    assert theirs == ours
    assert ours.text


async def test_recorded_answers_are_read_alike(
    loopback: Loopback, client: Any, recordings: Any, reading: Any, subtests: pytest.Subtests
):
    for each in recordings:
        if each.endpoint.endswith("/messages"):
            with subtests.test(each.name):
                loopback.play(each.data)
                theirs, failed = reading(), False
                try:
                    await read_by_sdk(client(ROW), theirs)
                except Exception:  # noqa: BLE001 - of whatever kind: they don't take it
                    failed = True
                try:
                    ours = reading.ours(await loopback.events(ROW, ChatRequest("m", (user("x"),))))
                except ProviderError:
                    assert failed
                    continue
                assert not failed
                assert ours == theirs
