"""OpenAI's Chat Completions, and its legacy Completions, as OpenAI and many others speak them.

Fill-in-the-middle at Mistral, Inception and DeepSeek differs from Completions by its address
and limits alone. What each supplier's requests add or leave out was taken from the suppliers'
SDKs and documentation; their answers are read in ``openai_stream``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.jsonvalue import as_list
from polypilot_providers.types import (
    CompletionRequest,
    FilePart,
    ImagePart,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
)
from polypilot_providers.wires.asking import functions
from polypilot_providers.wires.attachments import data_url, fit
from polypilot_providers.wires.likelihood import wanted
from polypilot_providers.wires.openai_models import newest_first
from polypilot_providers.wires.openai_stream import OpenAIParser
from polypilot_providers.wires.provider import WireProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.types import ChatRequest, Event, Message, ModelInfo

_OPTIONAL = ("temperature", "stop", "stream_options", "reasoning_effort", "logprobs", "n_probs")
_OPTIONAL_IN_CHAT = (
    *_OPTIONAL,
    "tool_choice",
    "thinking",
    "max_tokens",
    "max_completion_tokens",
    "prompt_cache_key",
)
_NATIVE = ("openai-completions", "mistral-fim", "deepseek-fim")
"""Modes that send a suffix."""
_DEEPSEEK_TOKENS = 4096
_DEEPSEEK_STOPS = 16


class OpenAIProvider(WireProvider):
    """Serves a row of the wire ``openai-chat``."""

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            return self._call("/chat/completions", self.chat_body(request), request)

        if self._ponders(request):
            # Many suppliers send nothing at all in the meantime.
            limits = replace(limits, first_event=max(limits.first_event, limits.reasoning))
        return self._stream(prepare, OpenAIParser, limits, _OPTIONAL_IN_CHAT)

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider; ConfigurationError for a model without a completion endpoint."""

        def prepare() -> Call:
            path, base, body = self.completion(request)
            return self._call(path, body, request, base=base)

        return self._stream(prepare, OpenAIParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        return newest_first(await self._list("/models"))

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a Chat Completions request."""
        model = self._model(request.model, self._row.chat_model)
        facts = self._row.model(model)
        request = fit(self.id, facts, request)
        messages: list[object] = []
        if request.system:
            messages.append({"role": "system", "content": request.system})
        for message in request.messages:
            messages.extend(self._messages(message))
        body: dict[str, object] = {"model": model, "messages": messages}
        field = facts.max_tokens_field
        field = self._row.max_tokens_field if field is None else field
        if request.max_tokens is not None and field:
            body[field] = self._most(request, facts)
        body |= self._reasoning(request, facts)
        if self._row.cache == "key" and request.cache_key:
            body["prompt_cache_key"] = request.cache_key
        if request.tools:
            body["tools"] = functions(request.tools)
            body |= {"tool_choice": "required"} if request.must_call else {}
        return body | self._common(request, facts)

    def completion(self, request: CompletionRequest) -> tuple[str, str | None, dict[str, object]]:
        """Path, base if it is another than the row's, and body of a completion request."""
        model = self._model(request.model, self._row.completion_model)
        facts = self._row.model(model)
        mode = facts.completion or self._row.completion
        body: dict[str, object] = {"model": model, "prompt": request.prefix}
        if request.raw:
            mode = "prefix"
        elif mode in _NATIVE:
            body |= {"suffix": request.suffix} if request.suffix else {}
        elif mode != "prefix":
            raise self._no_completions(mode)
        body["max_tokens"] = self._most(request, facts)
        body |= self._common(request, facts)
        if mode == "mistral-fim":
            return "/fim/completions", None, body
        if mode == "deepseek-fim":
            stops = as_list(body.get("stop"))[:_DEEPSEEK_STOPS]
            body |= {"stop": stops} if stops else {}
            body["max_tokens"] = min(self._most(request, facts) or 0, _DEEPSEEK_TOKENS)
            if self._row.effort_field:
                # Else it reasons before it writes; unlike chat, this endpoint has one field only.
                body["reasoning_effort"] = facts.nearest_effort("none") if facts.efforts else "none"
            return "/completions", "/beta", body
        return "/completions", None, body

    def _common(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        body: dict[str, object] = {"stream": True}
        if self._row.stream_usage:
            body["stream_options"] = {"include_usage": True}
        if stop := self._stop(request, facts):
            body["stop"] = stop
        if request.temperature is not None and facts.sampling:
            body["temperature"] = request.temperature
        return body | self._likelihood(request, facts)

    def _likelihood(
        self, request: ChatRequest | CompletionRequest, facts: ModelRow
    ) -> dict[str, object]:
        """The field that asks for the tokens' probabilities, if it is to be sent."""
        if not wanted(self._row, facts, request):
            return {}
        return {"logprobs": 1 if isinstance(request, CompletionRequest) else True}

    def _reasoning(self, request: ChatRequest, facts: ModelRow) -> dict[str, object]:
        """The fields that say how much to reason."""
        effort = self._effort(request, facts)
        if not effort:
            return {}
        if effort == "none" and self._row.effort_field == "thinking":
            return {"thinking": {"type": "disabled"}}
        return {"reasoning_effort": effort}

    def _reasons(self, facts: ModelRow) -> bool:
        """See WireProvider; of a model that the row does not list it can't be known."""
        # A server of the user's own has a small window, and its row says what it serves.
        unknown = bool(self._row.effort_field) and not self.local and not self._row.lists(facts.id)
        return super()._reasons(facts) or unknown

    def _ponders(self, request: ChatRequest) -> bool:
        """Whether the answer to a question is sure to be reasoned out first."""
        facts = self._row.model(request.model or self._row.chat_model)
        wanted = self._effort(request, facts) not in (None, "none")
        return not request.completion and (wanted or facts.thinking == "always")

    def _effort(self, request: ChatRequest, facts: ModelRow) -> str | None:
        wanted = request.effort or ("none" if request.completion else None)
        if wanted is None or not self._row.effort_field:
            return None
        if facts.efforts:
            return facts.nearest_effort(wanted)
        # A listed model without efforts has no such parameter; of an unlisted one we
        # can't know, so it is tried.
        return None if self._row.lists(facts.id) else wanted

    def _messages(self, message: Message) -> Iterator[dict[str, object]]:
        """A message as this wire's one or several."""
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                yield {"role": "tool", "tool_call_id": part.call_id, "content": part.text}
        content = _content(message, linked=self._row.completion == "mistral-fim")
        calls = [
            {
                "id": part.id,
                "type": "function",
                "function": {"name": part.name, "arguments": part.arguments},
            }
            for part in message.parts
            if isinstance(part, ToolCallPart)
        ]
        if not content and not calls:
            return
        wire: dict[str, object] = {"role": message.role, "content": content}
        if calls:
            wire["tool_calls"] = calls
            thoughts = [
                part.text
                for part in message.parts
                if isinstance(part, ThoughtPart) and self._own(part)
            ]
            if thoughts and self._row.reasoning_back:
                wire["reasoning_content"] = "".join(thoughts)
        yield wire

    def _no_completions(self, mode: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.id} has no completion endpoint for the mode {mode!r}",
            provider=self.id,
            cure="Ask it through chat, or set `completion` in the provider's row.",
        )


def _content(message: Message, *, linked: bool) -> str | list[dict[str, object]]:
    """Plain text where that is all there is, since not every server takes parts.

    ``linked``: documents go as Mistral takes them, whose `file` is one that it has already.
    """
    if not any(isinstance(part, ImagePart | FilePart) for part in message.parts):
        return message.text
    parts: list[dict[str, object]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            parts.append({"type": "image_url", "image_url": {"url": data_url(part)}})
        elif isinstance(part, FilePart) and linked:
            named = {"document_url": data_url(part), "document_name": part.name}
            parts.append({"type": "document_url", **named})
        elif isinstance(part, FilePart):
            file = {"filename": part.name, "file_data": data_url(part)}
            parts.append({"type": "file", "file": file})
    return parts
