"""An answer that is whole stays so, whatever comes or fails after its finish reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ProviderError
from polypilot_providers.factory import build
from polypilot_providers.testing import (
    Close,
    Reset,
    ScriptedServer,
    Step,
    aws_frame,
    outcome,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    Stop,
    StopReason,
    TextDelta,
    user,
)

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient

WHOLE: list[Event] = [TextDelta("hi"), Stop(StopReason.END)]


def frame(kind: str, **fields: object) -> bytes:
    return aws_frame(fields, {":event-type": kind, ":message-type": "event"})


def failure(kind: str) -> bytes:
    return aws_frame({"message": "no"}, {":exception-type": kind, ":message-type": "exception"})


CHAT = (
    b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n',
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
GEMINI = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}\r\n\r\n',
    b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n',
)
CONVERSE = (
    frame("contentBlockDelta", contentBlockIndex=0, delta={"text": "hi"}),
    frame("messageStop", stopReason="end_turn"),
)
METADATA = frame("metadata", usage={"inputTokens": 1})
ANTHROPIC = (
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n',
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
)
TEXT = (
    b'data: {"choices":[{"text":"hi"}]}\n\n',
    b'data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\n',
)

CASES = {
    "openai-chat": (
        CHAT,
        [USAGE[:30], b'data: {"error":{"message":"no"}}\n\n', b"event: error\ndata: {}\n\n"],
    ),
    "openai-chat completions": (TEXT, [USAGE[:30], b"data: <\n\n"]),
    "gemini": (
        GEMINI,
        [GEMINI[0][:30], b'{"error":{"code":500,"message":"no"}}\n', b"data: {\n\n"],
    ),
    "bedrock-converse": (
        CONVERSE,
        [METADATA[:30], METADATA[:-1] + b"\x00", failure("throttlingException"), b"\x00" * 40],
    ),
    "anthropic-messages": (
        ANTHROPIC,
        [b'data: {"type":"mess', b'event: error\ndata: {"error":{"type":"overloaded_error"}}\n\n'],
    ),
}
FAILURES = [
    pytest.param(wire, whole, after, id=f"{wire} {number}")
    for wire, (whole, afters) in CASES.items()
    for number, after in enumerate(afters)
]


def made(http: HttpClient, key: KeySource, wire: str, url: str) -> Provider:
    row = {"id": "team", "wire": wire.split(maxsplit=1)[0], "completion": "prefix", "base_url": url}
    return build(ProviderRow.model_validate(row), key, http)


async def ask(provider: Provider, wire: str) -> tuple[list[Event], ProviderError | None]:
    if wire.endswith("completions"):
        return await outcome(provider.complete(CompletionRequest("anthropic.m", "p")))
    return await outcome(provider.chat(ChatRequest("anthropic.m", (user("x"),))))


@pytest.mark.parametrize(("wire", "whole", "after"), FAILURES)
@pytest.mark.parametrize("end", [Close(), Reset(), None])
async def test_a_whole_answer_stays_whole(  # noqa: PLR0917 - a table's columns
    http: HttpClient,
    key: KeySource,
    wire: str,
    whole: tuple[bytes, ...],
    after: bytes,
    end: Step | None,
) -> None:
    last = [end] if end else []
    async with ScriptedServer(stream(*whole, after, *last, end=not end)) as server:
        assert await ask(made(http, key, wire, server.url), wire) == (WHOLE, None)
        # In one piece with what makes it whole, too.
        server.play(stream(b"".join((*whole, after)), *last, end=not end))
        assert await ask(made(http, key, wire, server.url), wire) == (WHOLE, None)


@pytest.mark.parametrize(("wire", "whole", "after"), FAILURES)
async def test_what_goes_wrong_before_it_is_whole_breaks_it(
    http: HttpClient, key: KeySource, wire: str, whole: tuple[bytes, ...], after: bytes
) -> None:
    async with ScriptedServer(stream(whole[0], after, Close(), end=False)) as server:
        got, error = await ask(made(http, key, wire, server.url), wire)
        assert got == WHOLE[:1]
        assert isinstance(error, ProviderError)
