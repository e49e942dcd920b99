"""Anthropic's Messages, API versions 2023-06-01 and 2026-10-21.

Stream shapes are those of recorded answers; request rules (no sampling parameters since
2026-10-21, thinking and effort per model) those of the supplier's SDK and documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.jsonvalue import as_dict, as_int, as_str, parse
from polypilot_providers.types import (
    ImagePart,
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
from polypilot_providers.wires.attachments import base64_of, check
from polypilot_providers.wires.provider import ChatOnlyProvider
from polypilot_providers.wires.shared import SseParser, Text, ToolDrafts, closing, first_int

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.call import Call
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import ChatRequest, Event, Message, Part

OLD_VERSION = "2023-06-01"
"""The only version that takes sampling parameters, and the one other hosts speak."""
DEFAULT_MAX_TOKENS = 8192
"""The wire demands a limit; this is sent when nobody names one."""

_OPTIONAL = ("temperature", "stop_sequences", "thinking", "output_config")
_FINISH = {
    "end_turn": StopReason.END,
    "pause_turn": StopReason.END,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_CALLS,
    "refusal": StopReason.REFUSAL,
}


class AnthropicParser(SseParser):
    """Reads a streamed Messages answer."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._tools = ToolDrafts()
        self._usage: dict[str, object] = {}
        self._finish = ""
        self._refusal = ""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser."""
        kind = as_str(value.get("type")) or event
        if kind == "content_block_delta":
            yield from self._delta(value.get("index"), as_dict(value.get("delta")))
        elif kind == "content_block_start":
            yield from self._block(value.get("index"), as_dict(value.get("content_block")))
        elif kind == "content_block_stop":
            yield from self._tools.finish(value.get("index"))
        elif kind == "message_start":
            message = as_dict(value.get("message"))
            self.model = as_str(message.get("model")) or None
            self._count(as_dict(message.get("usage")))
        elif kind == "message_delta":
            self._finished(as_dict(value.get("delta")))
            self._count(as_dict(value.get("usage")))
        elif kind == "message_stop":
            self.complete = self.done = True

    def end(self) -> Iterator[Event]:
        """See SseParser."""
        reason = _FINISH.get(self._finish, StopReason.END)
        yield from self._tools.take(reason)
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        yield from closing(read_usage(self._usage), reason, self.model)

    def _block(self, index: object, block: Mapping[str, object]) -> Iterator[Event]:
        kind = block.get("type")
        if kind == "tool_use":
            self.progress += 1
            # `input` is filled here only by servers that do not stream it.
            self._tools.add(
                index, as_str(block.get("id")), as_str(block.get("name")), block.get("input")
            )
        elif kind == "redacted_thinking":
            self.progress += 1
            yield ThoughtDelta("", redacted=as_str(block.get("data")), provider=self._peer.provider)
        elif kind == "thinking":
            yield from self._think(block.get("thinking"))
        elif kind == "text":
            yield from self._say(block.get("text"))

    def _delta(self, index: object, delta: Mapping[str, object]) -> Iterator[Event]:
        kind = delta.get("type")
        if kind == "text_delta":
            yield from self._say(delta.get("text"))
        elif kind == "thinking_delta":
            yield from self._think(delta.get("thinking"))
        elif kind == "signature_delta":
            self.progress += 1
            yield ThoughtDelta(
                "", signature=as_str(delta.get("signature")), provider=self._peer.provider
            )
        elif kind == "input_json_delta":
            self.progress += 1
            self._tools.add(index, "", "", as_str(delta.get("partial_json")))

    def _say(self, piece: object) -> Iterator[Event]:
        if text := self._text.add(piece):
            self.progress += 1
            yield TextDelta(text)

    def _think(self, piece: object) -> Iterator[Event]:
        if text := self._thought.add(piece):
            self.progress += 1
            yield ThoughtDelta(text)

    def _finished(self, delta: Mapping[str, object]) -> None:
        self.progress += 1
        self._finish = as_str(delta.get("stop_reason")) or self._finish
        details = as_dict(delta.get("stop_details"))
        self._refusal = as_str(details.get("explanation")) or as_str(details.get("category"))

    def _count(self, usage: Mapping[str, object]) -> None:
        """Counts are cumulative: the latest of each holds."""
        self._usage |= {name: count for name, count in usage.items() if count is not None}


def read_usage(usage: Mapping[str, object]) -> Usage | None:
    """Token counts of a ``usage`` object; None if it holds none.

    The wire counts cached and freshly cached input apart from the rest; here input is all.
    """
    plain, output = as_int(usage.get("input_tokens")), as_int(usage.get("output_tokens"))
    if plain is None and output is None:
        return None
    read = as_int(usage.get("cache_read_input_tokens"))
    written = as_int(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=None if plain is None else plain + (read or 0) + (written or 0),
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=as_int(as_dict(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


class AnthropicProvider(ChatOnlyProvider):
    """Serves a row of the wire ``anthropic-messages``."""

    auth = "x-api-key"

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        # Both spellings of the base are found in the wild, with and without /v1.
        super().__init__(row, origin, path.removesuffix("/v1"), key, http)
        self._version = row.api_version or OLD_VERSION
        self.headers = {"anthropic-version": self._version}

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""

        def prepare() -> Call:
            return self._call("/v1/messages", self.chat_body(request), request)

        return self._stream(prepare, AnthropicParser, limits, _OPTIONAL)

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        return [
            ModelInfo(
                id=as_str(entry.get("id")),
                name=as_str(entry.get("display_name")) or None,
                context_tokens=first_int(entry.get("max_input_tokens")),
                output_tokens=first_int(entry.get("max_tokens")),
                shutdown_date=as_str(entry.get("retires_at"))[:10] or None,
            )
            for entry in await self._list("/v1/models?limit=1000")
        ]

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """The body of a Messages request."""
        model = self._model(request.model, self._row.chat_model)
        facts = self._row.model(model)
        check(self.id, facts, request.messages)
        limit = request.max_tokens or facts.max_output_tokens or DEFAULT_MAX_TOKENS
        body: dict[str, object] = {
            "model": model,
            "max_tokens": limit,
            "messages": [
                {"role": message.role, "content": blocks}
                for message in request.messages
                if (blocks := self._blocks(message))
            ],
            "stream": True,
        }
        if request.system:
            body["system"] = request.system
        # A sequence of white space alone is refused.
        if stop := [text for text in request.stop if text.strip()][: self._row.stop_limit]:
            body["stop_sequences"] = stop
        if request.temperature is not None and self._version == OLD_VERSION and facts.sampling:
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.parameters or {"type": "object"},
                }
                for tool in request.tools
            ]
        return body | self._reasoning(request, facts)

    def _reasoning(self, request: ChatRequest, facts: ModelRow) -> dict[str, object]:
        """How the wanted effort is said to this model."""
        if request.effort is None:
            return {}
        if request.effort == "none":
            if facts.thinking == "optional" or not self._row.lists(facts.id):
                return {"thinking": {"type": "disabled"}}
            if facts.thinking == "between_tools":
                return {"thinking": {"type": "between_tools"}}
        if not facts.efforts:
            return {}
        return {"output_config": {"effort": facts.nearest_effort(request.effort)}}

    def _blocks(self, message: Message) -> list[dict[str, object]]:
        # Tool results have to come first in their message.
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        others = [
            part
            for part in message.parts
            if not isinstance(part, ToolResultPart)
            and not (isinstance(part, ThoughtPart) and not self._own(part))
        ]
        return [block for part in (*results, *others) if (block := _block(part))]


def _block(part: Part) -> dict[str, object] | None:
    """A part as the wire's content block; None for what the wire would refuse."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text} if part.text.strip() else None
    if isinstance(part, ThoughtPart):
        return _thought(part)
    if isinstance(part, ToolResultPart):
        return {
            "type": "tool_result",
            "tool_use_id": part.call_id,
            "content": part.text,
            "is_error": part.is_error,
        }
    if isinstance(part, ToolCallPart):
        try:
            arguments = as_dict(parse(part.arguments))
        except ValueError:
            arguments = {}
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
    source = {"type": "base64", "media_type": part.media_type, "data": base64_of(part)}
    if isinstance(part, ImagePart):
        return {"type": "image", "source": source}
    return {"type": "document", "title": part.name, "source": source}


def _thought(part: ThoughtPart) -> dict[str, object] | None:
    """Reasoning goes back only with the supplier's own proof."""
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None
