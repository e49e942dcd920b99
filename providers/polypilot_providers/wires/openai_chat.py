"""OpenAI's Chat Completions, and its legacy Completions, as OpenAI and many others speak them.

What each supplier adds or leaves out was taken from recorded streams (OpenAI, Azure, DeepSeek,
Groq, llama.cpp, Mistral, Ollama, OpenRouter, xAI, Z.ai) and, for requests, from the
suppliers' SDKs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.errors import ConfigurationError, Unavailable
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import (
    ModelInfo,
    Refusal,
    StopReason,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from polypilot_providers.wires.provider import WireProvider
from polypilot_providers.wires.shared import SseParser, Text, ToolDrafts, closing, first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event, Message

_OPTIONAL = ("temperature", "stop", "stream_options")
_OPTIONAL_IN_CHAT = (*_OPTIONAL, "reasoning_effort", "max_tokens", "max_completion_tokens")

_FINISH = {
    "stop": StopReason.END,
    "length": StopReason.LENGTH,
    "tool_calls": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "content_filter": StopReason.REFUSAL,
}
_FAILED = ("error", "insufficient_system_resource")


class OpenAIParser(SseParser):
    """Reads a streamed Chat Completions or Completions answer."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._refusal = ""
        self._tools = ToolDrafts()
        self._usage: Usage | None = None
        self._finish = ""
        self._stopped_by: object = None

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser."""
        del event
        self.model = as_str(value.get("model")) or self.model
        usage = as_dict(value.get("usage")) or as_dict(as_dict(value.get("x_groq")).get("usage"))
        if usage:
            self._usage = read_usage(usage)
            self.progress += 1
        for entry in as_list(value.get("choices")):
            choice = as_dict(entry)
            if not choice.get("index"):
                yield from self._choice(choice)

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser: a message in place of a delta, else the same."""
        if not as_list(value.get("choices")):
            raise self.broken("it has no choices")
        yield from self.payload("message", value)
        self.complete = True

    def end(self) -> Iterator[Event]:
        """See SseParser."""
        reason = _FINISH.get(self._finish, StopReason.END)
        if self._tools:
            reason = StopReason.TOOL_CALLS
        elif self._refusal:
            reason = StopReason.REFUSAL
        elif isinstance(self._stopped_by, str) and reason is StopReason.END:
            reason = StopReason.STOP_SEQUENCE  # vLLM says which
        yield from self._tools.take()
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        yield from closing(self._usage, reason, self.model)

    def _choice(self, choice: Mapping[str, object]) -> Iterator[Event]:
        delta = as_dict(choice.get("delta")) or as_dict(choice.get("message"))
        yield from self._thoughts(delta)
        content = delta.get("content")
        for part in as_list(content):
            yield from self._part(as_dict(part))
        yield from self._texts(content if content is not None else choice.get("text"))
        if refusal := as_str(delta.get("refusal")):
            self._refusal += refusal
            self.progress += 1
        for call in as_list(delta.get("tool_calls")):
            self._tool(as_dict(call))
        if finish := as_str(choice.get("finish_reason")):
            self._finished(finish, choice)

    def _texts(self, piece: object) -> Iterator[Event]:
        if text := self._text.add(piece):
            self.progress += 1
            yield TextDelta(text)

    def _thoughts(self, delta: Mapping[str, object]) -> Iterator[Event]:
        for name in ("reasoning_content", "reasoning", "reasoning_text"):
            # Some servers send the same text under two names.
            if as_str(delta.get(name)):
                yield from self._think(delta.get(name))
                return

    def _think(self, piece: object) -> Iterator[Event]:
        if text := self._thought.add(piece):
            self.progress += 1
            yield ThoughtDelta(text)

    def _part(self, part: Mapping[str, object]) -> Iterator[Event]:
        """A part of Mistral's content arrays."""
        if part.get("type") == "thinking":
            for piece in as_list(part.get("thinking")):
                yield from self._think(as_dict(piece).get("text"))
        else:
            yield from self._texts(part.get("text"))

    def _tool(self, call: Mapping[str, object]) -> None:
        function = as_dict(call.get("function"))
        self.progress += 1
        self._tools.add(
            as_int(call.get("index")),
            as_str(call.get("id")),
            as_str(function.get("name")),
            function.get("arguments"),
        )

    def _finished(self, finish: str, choice: Mapping[str, object]) -> None:
        if finish in _FAILED:
            raise Unavailable(
                f"{self._peer.host} gave up in the middle of its answer",
                provider=self._peer.provider,
                host=self._peer.host,
                cure="Try again in a moment.",
            )
        self._finish = finish
        self._stopped_by = choice.get("stop_reason")
        self.progress += 1
        self.complete = True


def read_usage(usage: Mapping[str, object]) -> Usage:
    """Token counts of a ``usage`` object.

    xAI alone leaves reasoning out of ``completion_tokens``; its total gives it away.
    """
    prompt, output = as_int(usage.get("prompt_tokens")), as_int(usage.get("completion_tokens"))
    details = as_dict(usage.get("prompt_tokens_details"))
    reasoning = as_int(as_dict(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    total = as_int(usage.get("total_tokens"))
    if (
        prompt is not None
        and output is not None
        and reasoning
        and total == prompt + output + reasoning
    ):
        output += reasoning
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cache_read_tokens=first_int(
            details.get("cached_tokens"), usage.get("prompt_cache_hit_tokens")
        ),
        cache_write_tokens=as_int(details.get("cache_write_tokens")),
        reasoning_tokens=reasoning,
    )


class OpenAIProvider(WireProvider):
    """Serves a row of the wire ``openai-chat``."""

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            return self._call("/chat/completions", self.chat_body(request), request)

        return self._stream(prepare, OpenAIParser, limits, _OPTIONAL_IN_CHAT)

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider; ConfigurationError for a model without a completion endpoint."""

        def prepare() -> Call:
            return self._call("/completions", self.completion_body(request), request)

        return self._stream(prepare, OpenAIParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        entries = await self._list("/models")
        entries.sort(key=lambda entry: as_int(entry.get("created")) or 0, reverse=True)
        return [_info(entry) for entry in entries]

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a Chat Completions request."""
        model = self._model(request.model, self._row.chat_model)
        facts = self._row.model(model)
        messages: list[object] = []
        if request.system:
            messages.append({"role": "system", "content": request.system})
        for message in request.messages:
            messages.extend(self._messages(message))
        body: dict[str, object] = {"model": model, "messages": messages}
        if request.max_tokens is not None:
            body[self._row.max_tokens_field] = request.max_tokens
        if effort := self._effort(request, facts):
            body["reasoning_effort"] = effort
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters or {"type": "object", "properties": {}},
                    },
                }
                for tool in request.tools
            ]
        return body | self._common(request, facts)

    def completion_body(self, request: CompletionRequest) -> dict[str, object]:
        """The body of a Completions request."""
        model = self._model(request.model, self._row.completion_model)
        facts = self._row.model(model)
        mode = facts.completion or self._row.completion
        body: dict[str, object] = {"model": model, "prompt": request.prefix}
        if not request.raw:
            if mode not in ("openai-completions", "prefix"):
                raise self._no_completions(mode)
            if request.suffix and mode == "openai-completions":
                body["suffix"] = request.suffix
        body["max_tokens"] = request.max_tokens
        return body | self._common(request, facts)

    def _common(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        body: dict[str, object] = {"stream": True}
        if self._row.stream_usage:
            body["stream_options"] = {"include_usage": True}
        limit = self._row.stop_limit if facts.stop_limit is None else facts.stop_limit
        if stop := list(request.stop[:limit]):
            body["stop"] = stop
        if request.temperature is not None and facts.sampling:
            body["temperature"] = request.temperature
        return body

    def _effort(self, request: ChatRequest, facts: ModelRow) -> str | None:
        if request.effort is None or not self._row.effort_field:
            return None
        if facts.efforts:
            return facts.nearest_effort(request.effort)
        # A listed model without efforts has no such parameter; of an unlisted one we
        # can't know, so it is tried.
        return None if self._row.lists(facts.id) else request.effort

    def _messages(self, message: Message) -> Iterator[dict[str, object]]:
        """A message as this wire's one or several."""
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                yield {"role": "tool", "tool_call_id": part.call_id, "content": part.text}
        text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
        calls = [
            {
                "id": part.id,
                "type": "function",
                "function": {"name": part.name, "arguments": part.arguments},
            }
            for part in message.parts
            if isinstance(part, ToolCallPart)
        ]
        if not text and not calls:
            return
        wire: dict[str, object] = {"role": message.role, "content": text}
        if calls:
            wire["tool_calls"] = calls
            thoughts = [part.text for part in message.parts if isinstance(part, ThoughtPart)]
            if thoughts and self._row.reasoning_back:
                wire["reasoning_content"] = "".join(thoughts)
        yield wire

    def _no_completions(self, mode: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.id} has no completion endpoint for the mode {mode!r}",
            provider=self.id,
            cure="Ask it through chat, or set `completion` in the provider's row.",
        )


def _info(entry: Mapping[str, object]) -> ModelInfo:
    return ModelInfo(
        id=as_str(entry.get("id")),
        name=as_str(entry.get("name")) or None,
        context_tokens=first_int(
            entry.get("context_length"),  # OpenRouter, Together
            entry.get("context_window"),  # Groq
            entry.get("max_context_length"),  # Mistral
            entry.get("max_model_len"),  # vLLM
            as_dict(entry.get("meta")).get("n_ctx_train"),  # llama.cpp
        ),
        output_tokens=first_int(
            entry.get("max_completion_tokens"),
            as_dict(entry.get("top_provider")).get("max_completion_tokens"),
        ),
        shutdown_date=_date(entry.get("shutdown_date")),
    )


def _date(value: object) -> str | None:
    """An ISO date from a date as text or seconds since 1970."""
    seconds = as_int(value)
    if seconds is None:
        return as_str(value)[:10] or None
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None
