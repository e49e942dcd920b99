"""How long is waited for a model that reasons unseen, or has to be loaded first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import COMPLETION_LIMITS, Limits
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import NetworkError, StreamBroken, TimedOut
from polypilot_providers.factory import address, build
from polypilot_providers.failures import Peer
from polypilot_providers.testing import (
    Reset,
    ScriptedServer,
    Stall,
    outcome,
    read,
    reply,
    stream,
)
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Stop,
    StopReason,
    TextDelta,
    user,
)
from polypilot_providers.wires.ollama import OllamaProvider
from polypilot_providers.wires.responses_stream import ResponsesParser
from polypilot_providers.wires.rests import REST, Rests

if TYPE_CHECKING:
    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient

ASK = ChatRequest("m", (user("x"),))
LONG = 60.0
"""Seconds that no test waits for."""
SHORT = 0.2


def event(kind: str, **fields: object) -> bytes:
    return f"data: {json.dumps({'type': f'response.{kind}', **fields})}\n\n".encode()


def item(kind: str, step: str) -> bytes:
    return event(f"output_item.{step}", output_index=0, item={"type": kind, "id": "i"})


THINKS = item("reasoning", "added")
PART = event("reasoning_summary_part.added")
DONE = item("reasoning", "done")
WORD = event("output_text.delta", output_index=1, delta="hi")
WHOLE = event("completed", response={"status": "completed", "output": []})


def responses(http: HttpClient, key: KeySource, url: str) -> Provider:
    row = {"id": "team", "wire": "openai-responses", "base_url": url}
    return build(ProviderRow.model_validate(row), key, http)


# --- reasoning without a summary


@pytest.mark.parametrize(
    ("beginning", "limits", "which"),
    [
        (b": ping\n\n", Limits(5, SHORT, LONG, None, LONG), "first_byte"),
        (event("in_progress"), Limits(5, SHORT, LONG, None, LONG), "first_byte"),
        # From here on it is known to be at work, and may be silent for as long as that takes...
        (THINKS, Limits(5, LONG, LONG, None, SHORT), "idle"),
        (THINKS, Limits(5, LONG, LONG, SHORT * 2, LONG), "total"),
        (
            THINKS + event("reasoning_summary_part.added"),
            Limits(5, LONG, LONG, None, SHORT),
            "idle",
        ),
        # ...but only until it is done.
        (THINKS + DONE, Limits(5, LONG, SHORT, None, LONG), "idle"),
        (THINKS + DONE + WORD, Limits(5, LONG, SHORT, None, LONG), "idle"),
        (THINKS + item("message", "added"), Limits(5, LONG, SHORT, None, LONG), "idle"),
    ],
)
async def test_a_model_that_says_it_reasons_is_waited_for(
    http: HttpClient, key: KeySource, beginning: bytes, limits: Limits, which: str
) -> None:
    async with ScriptedServer(stream(beginning, Stall(), end=False)) as server:
        _, error = await outcome(responses(http, key, server.url).chat(ASK, limits))
        assert isinstance(error, TimedOut)
        assert error.limit == which
        if which == "idle":
            assert f"{SHORT:g} s" in error.message


@pytest.mark.parametrize(
    ("pieces", "progress"),
    [
        (event("in_progress") + event("queued") + event("output_text.done"), 0),
        (b": keep-alive\n\n" + b'data: {"type":"keepalive"}\n\n', 0),
        (item("message", "added"), 0),
        (THINKS, 1),
        (event("reasoning_summary_text.delta", delta=""), 1),
        (event("reasoning_text.done", text=""), 1),
    ],
)
def test_what_counts_as_being_at_work(pieces: bytes, progress: int) -> None:
    parser = ResponsesParser(Peer("team", "host"))
    assert list(parser.feed(pieces)) == []
    assert parser.progress == progress
    assert not parser.unknown


def test_an_answer_that_comes_in_the_last_event_alone_is_read_after_silent_reasoning() -> None:
    said = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}
    last = event("completed", response={"status": "completed", "output": [said]})
    for before in (THINKS, THINKS + PART):
        got = read(ResponsesParser(Peer("team", "host")), before + last)
        assert got == [TextDelta("hi"), Stop(StopReason.END)]
    got = read(ResponsesParser(Peer("team", "host")), THINKS + WORD + last)
    assert got == [TextDelta("hi"), Stop(StopReason.END)]


async def test_a_connection_lost_while_nothing_was_shown_is_no_broken_answer(
    http: HttpClient, key: KeySource
) -> None:
    """Somebody else may still be asked."""
    async with ScriptedServer(stream(THINKS, Reset(), end=False)) as server:
        _, error = await outcome(responses(http, key, server.url).chat(ASK))
        assert isinstance(error, NetworkError)
        assert error.failover
        server.play(stream(THINKS + DONE + WORD, Reset(), end=False))
        got, error = await outcome(responses(http, key, server.url).chat(ASK))
        assert got == [TextDelta("hi")]
        assert isinstance(error, StreamBroken)


@pytest.mark.parametrize(
    ("model", "fields", "seconds"),
    [
        ("always", {}, 0.4),
        ("new", {"effort": "high"}, 0.4),
        ("new", {"effort": "none"}, SHORT),
        ("new", {}, SHORT),
        ("", {}, 0.4),
        # A completion that takes so long is of no use.
        ("always", {"completion": True}, SHORT),
    ],
)
async def test_chat_completions_say_nothing_while_the_model_reasons(
    http: HttpClient, key: KeySource, model: str, fields: dict[str, object], seconds: float
) -> None:
    async with ScriptedServer(stream(b": ping\n\n", Stall(), end=False)) as server:
        row = {"id": "team", "wire": "openai-chat", "base_url": server.url}
        rows = [ModelRow(id="always", thinking="always", efforts=("low",))]
        more = {"models": rows, "effort_field": "reasoning_effort", "chat_model": "always"}
        team = build(ProviderRow.model_validate(row | more), key, http)
        request = ChatRequest(model, (user("x"),), **fields)  # pyright: ignore[reportArgumentType] - fields of several types
        _, error = await outcome(team.chat(request, Limits(5, SHORT, LONG, None, 0.4)))
        assert isinstance(error, TimedOut)
        assert f"within {seconds:g} s" in error.message


# --- models that have to be loaded


def test_a_model_is_given_time_to_load_after_a_rest() -> None:
    now = 0.0
    rests = Rests(30.0, lambda: now)
    short = Limits(1, 5, 5, 7)
    loading = Limits(1, 30, 5, 32)
    assert rests.limits("m", short) == loading
    rests.answered("m")
    now += REST - 1
    assert rests.limits("m", short) == short
    assert rests.limits("other", short) == loading
    now += 1
    assert rests.limits("m", short) == loading
    rests.answered("m")
    rests.silent("m")
    rests.silent("never asked")
    assert rests.limits("m", short) == loading
    # Whoever waits longer anyway, or for ever, goes on doing so.
    assert rests.limits("m", Limits(1, 30, 5, 40)) == Limits(1, 30, 5, 40)
    assert rests.limits("m", Limits(1, 5, 5)) == Limits(1, 30, 5)
    assert OllamaProvider.loading > COMPLETION_LIMITS.first_event


class Slow(OllamaProvider):
    """Its models take longer to load than an answer may take to begin."""

    loading = 0.5


async def test_the_first_answer_after_a_rest_may_take_longer(
    http: HttpClient, key: KeySource
) -> None:
    said = b'{"message":{"content":"hi"}}\n{"done":true}\n'
    show = {"/api/show": reply(200, {})}
    limits = Limits(5, SHORT, SHORT)
    async with ScriptedServer(stream(Stall(), end=False), aside=show) as server:
        fields = {"id": "local", "wire": "ollama", "base_url": server.url, "auth": "none"}
        row = ProviderRow.model_validate(fields | {"completion": "ollama-generate"})
        local = Slow(row, *address(server.url), key, http)

        async def patience() -> str:
            server.play(stream(Stall(), end=False))
            _, error = await outcome(local.complete(CompletionRequest("m", "p", "s"), limits))
            assert isinstance(error, TimedOut)
            assert error.limit == "first_byte"
            return error.message.rpartition("within ")[2]

        assert await patience() == "0.5 s"
        server.play(stream(said))
        got, _ = await outcome(local.chat(ASK, limits))
        assert TextDelta("hi") in got
        assert await patience() == "0.2 s"
        # It did not come: it may have had to make room for another one.
        assert await patience() == "0.5 s"
        # An answer that breaks off shows that the model is there.
        server.play(stream(said[:29]))
        _, error = await outcome(local.chat(ASK, limits))
        assert isinstance(error, StreamBroken)
        assert await patience() == "0.2 s"


async def test_a_server_elsewhere_loads_nothing_for_us(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(Stall(), end=False)) as server:
        fields = {"id": "cloud", "wire": "ollama", "base_url": server.url, "forwards": True}
        row = ProviderRow.model_validate(fields)
        cloud = Slow(row, *address(server.url), key, http)
        assert not cloud.local
        _, error = await outcome(cloud.chat(ASK, Limits(5, SHORT, SHORT)))
        assert isinstance(error, TimedOut)
        assert "0.2 s" in error.message


async def test_the_embedded_model_is_there_when_its_process_is(
    http: HttpClient, key: KeySource
) -> None:
    embedded = rows({})["embedded"]
    async with ScriptedServer(stream(Stall(), end=False)) as server:
        provider = build(embedded, key, http, base_url=server.url)
        asked = CompletionRequest("", "x", raw=True)
        _, error = await outcome(provider.complete(asked, Limits(5, SHORT, LONG, LONG)))
        assert isinstance(error, TimedOut)
        assert error.limit == "first_byte"
