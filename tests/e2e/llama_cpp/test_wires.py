"""Four wires against a real llama.cpp server: text, limits, stops, cancels, tools, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.base import Limits, Provider
from polypilot_providers.errors import AuthError, ProviderError, RequestRefused, TimedOut
from polypilot_providers.testing import outcome
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    ContextFile,
    Event,
    Message,
    Stop,
    StopReason,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Usage,
    assistant,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.e2e

Make = Callable[..., Provider]
Server = Any  # conftest.Server, which importlib mode does not let us import

WIRES = ("llama-cpp", "openai-chat", "openai-responses", "anthropic-messages")
LIMITS = Limits(60, 60, 60)
COUNT = (user("Count from one to thirty."),)
FILL = CompletionRequest(
    "small", "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", max_tokens=12, temperature=0
)


def chat(messages: tuple[Message, ...] = COUNT, **fields: Any) -> ChatRequest:
    settings: dict[str, Any] = {"temperature": 0, "max_tokens": 40, **fields}
    return ChatRequest("small", messages, **settings)


async def told(stream: AsyncGenerator[Event, None]) -> tuple[str, list[Event]]:
    events, error = await outcome(stream)
    assert error is None
    return "".join(event.text for event in events if isinstance(event, TextDelta)), events


def ended(events: list[Event]) -> tuple[Usage, Stop]:
    usage, stop = events[-2:]
    assert isinstance(usage, Usage)
    assert isinstance(stop, Stop)
    return usage, stop


# --- chat, over every wire


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_streams_up_to_its_limit(make: Make, wire: str):
    text, events = await told(make(wire).chat(chat(), LIMITS))
    assert text
    assert sum(isinstance(event, TextDelta) for event in events) > 20  # token by token
    usage, stop = ended(events)
    assert usage.input_tokens
    assert usage.output_tokens == 40
    assert stop.model == "small"
    # Over Responses this server says that an answer cut at its limit is complete.
    cut = StopReason.END if wire == "openai-responses" else StopReason.LENGTH
    assert stop.reason is cut
    again, events = await told(make(wire).chat(chat(), LIMITS))
    cached, _ = ended(events)
    assert again[:10] == text[:10]
    assert cached.cache_read_tokens
    assert cached.cache_read_tokens > 10
    assert cached.input_tokens == usage.input_tokens
    _, events = await told(make(wire).chat(chat(system="Say it in French."), LIMITS))
    assert (ended(events)[0].input_tokens or 0) > usage.input_tokens


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stop_sequence_ends_it(make: Make, wire: str):
    provider = make(wire)
    whole, _ = await told(provider.chat(chat(), LIMITS))
    word = whole[len(whole) // 2 :].split()[1]
    text, events = await told(provider.chat(chat(stop=(word,)), LIMITS))
    _, stop = ended(events)
    if wire == "openai-responses":  # has none: whoever asks has to cut
        assert word in text
        return
    assert whole.startswith(text)
    assert word not in text
    assert text
    assert stop.reason is StopReason.END  # all that this server says of it in chat


@pytest.mark.parametrize("wire", WIRES)
async def test_whoever_hangs_up_stops_it(make: Make, server: Server, wire: str):
    await server.idle()
    before = server.generated()
    stream = make(wire).chat(chat(max_tokens=3000), LIMITS)
    assert await anext(stream)
    await stream.aclose()
    await server.idle()
    assert server.generated() - before < 300
    text, _ = await told(make(wire).chat(chat(max_tokens=5), LIMITS))
    assert text


async def test_hanging_up_while_it_reads(make: Make, server: Server):
    """The native wire asks for progress reports, by which the server notices."""
    await server.idle()
    provider = make("llama-cpp")
    await told(provider.chat(chat(max_tokens=3), LIMITS))  # else it would be given time to load
    before = server.read()
    long = "".join(f"def function_{n}(first): return first * {n}\n" for n in range(80))
    quick = Limits(60, 0.5, 60)
    _, error = await outcome(provider.chat(chat((user(long),)), quick))
    assert isinstance(error, TimedOut)
    await server.idle()
    text, events = await told(provider.chat(chat((user(long),), max_tokens=5), LIMITS))
    whole = ended(events)[0].input_tokens or 0
    assert whole > 800
    assert text
    # What had been read is in the cache, and the rest was not read for nobody.
    assert server.read() - before < 1.2 * whole


ADD = Tool(
    "add",
    "Adds.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)


def sums() -> tuple[Message, ...]:
    """A conversation in which every sum was given to the tool."""
    messages: list[Message] = []
    for a, b in ((1, 2), (3, 4), (5, 6)):
        call = ToolCallPart(f"call{a}", "add", json.dumps({"a": a, "b": b}))
        result = ToolResultPart(call.id, str(a + b))
        messages += [user(f"add {a} and {b}"), Message("assistant", (call,))]
        messages += [Message("user", (result,)), assistant(str(a + b))]
    return (*messages, user("add 7 and 8"))


@pytest.mark.parametrize("wire", WIRES)
async def test_tools_are_called_and_their_results_understood(make: Make, wire: str):
    provider = make(wire)
    text, events = await told(provider.chat(chat(sums(), tools=(ADD,)), LIMITS))
    assert not text.strip()
    (call,) = (event for event in events if isinstance(event, ToolCall))
    assert call.id
    assert (call.name, json.loads(call.arguments)) == ("add", {"a": 7, "b": 8})
    assert ended(events)[1].reason is StopReason.TOOL_CALLS
    called = Message("assistant", (ToolCallPart(call.id, call.name, call.arguments),))
    answered = Message("user", (ToolResultPart(call.id, "15"),))
    text, _ = await told(
        provider.chat(chat((*sums(), called, answered), tools=(ADD,), max_tokens=5), LIMITS)
    )
    assert "15" in text


@pytest.mark.parametrize("wire", WIRES)
async def test_what_is_wrong_is_said_clearly(make: Make, server: Server, wire: str):
    errors: list[ProviderError] = []
    for provider in (make(wire, f"{server.url}/nowhere"), make(wire, key="another")):
        events, error = await outcome(provider.chat(chat(), LIMITS))
        assert events == []
        assert error is not None
        errors.append(error)
    nowhere, refused = errors
    assert isinstance(nowhere, RequestRefused)
    assert nowhere.status == 404
    assert "File Not Found" in nowhere.message
    assert isinstance(refused, AuthError)
    assert refused.status == 401
    with pytest.raises(AuthError):
        await make(wire, key="another").models()


@pytest.mark.parametrize("wire", WIRES)
async def test_models_are_listed(make: Make, wire: str):
    assert [model.id for model in await make(wire).models()] == ["small"]


# --- completions


@pytest.mark.parametrize("mode", ["llama-infill", "prefix"])
async def test_a_gap_is_filled(make: Make, mode: str):
    request = FILL
    text, events = await told(make("llama-cpp", completion=mode).complete(request, LIMITS))
    assert text
    usage, stop = ended(events)
    assert usage.input_tokens
    assert usage.output_tokens
    assert usage.output_tokens <= 12
    assert stop.reason in {StopReason.LENGTH, StopReason.END}
    assert stop.model == "small"


async def test_other_files_go_along(make: Make, server: Server):
    await server.idle()
    provider = make("llama-cpp")
    _, alone = await told(provider.complete(FILL, LIMITS))
    extra = (ContextFile("lib/other.py", "def other():\n    return 'a thing'\n" * 5),)
    more = CompletionRequest("small", FILL.prefix, FILL.suffix, extra=extra, max_tokens=4)
    _, together = await told(provider.complete(more, LIMITS))
    assert (ended(together)[0].input_tokens or 0) > (ended(alone)[0].input_tokens or 0) + 30


def _told(events: list[Event]) -> list[tuple[float | None, int]]:
    """What was told of each text's tokens."""
    return [(event.logprob, event.tokens) for event in events if isinstance(event, TextDelta)]


@pytest.mark.parametrize("wire", ["llama-cpp", "openai-chat"])
@pytest.mark.parametrize("operation", ["complete", "chat"])
async def test_every_tokens_probability_comes_along(make: Make, wire: str, operation: str):
    provider = make(wire, completion="prefix", logprobs=True)
    surest: list[float] = []
    for words in ("1, 2, 3, 4, 5, 6,", "Zug blau 17 why:"):
        fill = CompletionRequest("small", words, max_tokens=12, temperature=0, logprobs=True)
        ask = chat((user(words),), max_tokens=12, logprobs=True)
        stream = provider.complete(fill, LIMITS) if operation == "complete" else None
        text, events = await told(stream or provider.chat(ask, LIMITS))
        assert text
        logprobs = [logprob for logprob, _ in _told(events)]
        assert all(logprob is not None and -30 < logprob <= 0 for logprob in logprobs)
        count = sum(tokens for _, tokens in _told(events))
        written = ended(events)[0].output_tokens or 0
        assert count in {written, written - 1}  # the token that ends an answer is no text
        surest.append(sum(filter(None, logprobs)) / count)
        plain = CompletionRequest("small", words, max_tokens=12, temperature=0)
        _, events = await told(provider.complete(plain, LIMITS))
        assert set(_told(events)) == {(None, 0)}
    if operation == "complete":
        assert surest[0] > surest[1]


@pytest.mark.parametrize("wire", ["llama-cpp", "openai-chat"])
async def test_a_completion_stops_where_it_should(make: Make, wire: str):
    provider = make(wire, completion="prefix")
    request = CompletionRequest("small", "1, 2, 3, 4, 5, 6,", max_tokens=30, temperature=0)
    whole, _ = await told(provider.complete(request, LIMITS))
    assert "9" in whole
    stopped = CompletionRequest("small", request.prefix, max_tokens=30, temperature=0, stop=("9",))
    text, events = await told(provider.complete(stopped, LIMITS))
    assert whole.startswith(text)
    assert "9" not in text
    native = wire == "llama-cpp"
    assert ended(events)[1].reason is (StopReason.STOP_SEQUENCE if native else StopReason.END)


async def test_hanging_up_stops_a_completion(make: Make, server: Server):
    await server.idle()
    before = server.generated()
    request = CompletionRequest("small", "1, 2, 3, 4,", max_tokens=3000, temperature=0)
    stream = make("llama-cpp", completion="prefix").complete(request, LIMITS)
    assert await anext(stream)
    await stream.aclose()
    await server.idle()
    assert server.generated() - before < 300


async def test_a_model_without_such_tokens_can_not_fill(make: Make, plain: Server):
    events, error = await outcome(make("llama-cpp", plain.url).complete(FILL, LIMITS))
    assert events == []
    assert error is not None
    assert "not supported by this model" in error.message
    assert error.status == 501
