"""OpenAI's Chat Completions, and its legacy Completions, as OpenAI and many others speak them.

What each supplier's requests add or leave out was taken from the suppliers' SDKs; their
answers are read in ``openai_stream``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.jsonvalue import as_dict, as_int, as_str
from polypilot_providers.types import (
    ModelInfo,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.openai_stream import OpenAIParser
from polypilot_providers.wires.provider import WireProvider
from polypilot_providers.wires.shared import first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event, Message

_OPTIONAL = ("temperature", "stop", "stream_options")
_OPTIONAL_IN_CHAT = (*_OPTIONAL, "reasoning_effort", "max_tokens", "max_completion_tokens")


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
