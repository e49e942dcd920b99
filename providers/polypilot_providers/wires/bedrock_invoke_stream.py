"""Reads what Bedrock's InvokeModelWithResponseStream answers: each model's own format, wrapped.

Every frame ``chunk`` holds the base64 of one JSON value; which format it is shows in the first.
Claude's is that of recorded answers. The others (Nova's, which is Converse's; that of models with
an OpenAI-like API; the plain text of Llama, Mistral, Titan and Cohere) are from memory: no
recording of them was at hand.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

from polypilot_providers import failures
from polypilot_providers.framing import EVENTSTREAM
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import Refusal, StopReason, TextDelta, Usage
from polypilot_providers.wires.anthropic_stream import AnthropicParser
from polypilot_providers.wires.bedrock_stream import ConverseParser
from polypilot_providers.wires.openai_stream import OpenAIParser
from polypilot_providers.wires.shared import SseParser, Text, WireParser, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

_METRICS = "amazon-bedrock-invocationMetrics"
"""Bedrock's own token counts, in the last chunk of any model's answer."""
_CONVERSE = {
    "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop",
    "metadata",
}  # fmt: skip
_FINISH = {
    "length": StopReason.LENGTH,
    "max_tokens": StopReason.LENGTH,
    "content_filtered": StopReason.REFUSAL,
    "error_toxic": StopReason.REFUSAL,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "stop_criteria_met": StopReason.STOP_SEQUENCE,
}
_REASONS = ("stop_reason", "completionReason", "finish_reason")


class InvokeParser(WireParser):
    """Reads the answer of whichever model it is."""

    framing = EVENTSTREAM

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._inner: WireParser = PlainParser(peer)
        self._chosen = False
        self._metrics: Usage | None = None

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        if event != "chunk":
            self.unknown[event] += 1
            return
        try:
            said = self._parsed(b64decode(as_str(value.get("bytes")), validate=True))
        except binascii.Error:
            raise self.broken("a piece of it is not base64") from None
        if said.get("error"):
            raise failures.from_event(said, self._peer)
        yield from self._read(said)
        if metrics := as_dict(said.get(_METRICS)):
            self._metrics = _usage(metrics)

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """Events of an answer of InvokeModel, the API's other half, which does not stream."""
        if value.get("type") != "message":
            raise failures.from_event(value, self._peer)
        self._inner = AnthropicParser(self._peer)
        yield from self._inner.whole(value)
        self._take(self._inner)

    def end(self) -> Iterator[Event]:
        """See WireParser; where the model gave no token counts, Bedrock's stand in."""
        events = list(self._inner.end())
        counted = any(isinstance(event, Usage) for event in events)
        if self._metrics and not counted:
            events.insert(-1, self._metrics)
        yield from events

    def _read(self, said: Mapping[str, object]) -> Iterator[Event]:
        if not self._chosen:
            self._inner, self._chosen = _reader(said, self._peer), True
            self._inner.unknown = self.unknown
        inner = self._inner
        if isinstance(inner, ConverseParser):
            for kind in said:
                if kind != _METRICS:
                    yield from inner.payload(kind, as_dict(said[kind]))
        else:
            yield from inner.payload("", _alike(said))
        self._take(inner)

    def _take(self, inner: WireParser) -> None:
        """Progress and end are those of the reader inside.

        What it takes for the very end may have Bedrock's metrics behind it.
        """
        self.progress, self.reasoning = inner.progress, inner.reasoning
        self.complete, self.model = inner.complete, inner.model


class PlainParser(SseParser):
    """Reads the formats that are text and little else."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._finish = ""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        del event
        outputs = as_list(value.get("outputs"))
        piece = as_dict(outputs[0]) if outputs else value
        said = next((piece[name] for name in _TEXTS if as_str(piece.get(name))), "")
        # Cohere's last piece has all of the text once more.
        if (text := self._text.add(said)) and not value.get("is_finished"):
            self.progress += 1
            yield TextDelta(text)
        if finish := next((found for name in _REASONS if (found := as_str(piece.get(name)))), ""):
            self.progress += 1
            self._finish = finish.lower()
            self.complete = True

    def end(self) -> Iterator[Event]:
        """See WireParser."""
        reason = _FINISH.get(self._finish, StopReason.END)
        if reason is StopReason.REFUSAL:
            yield Refusal("The content filter stepped in.")
        yield from closing(None, reason, self.model)


_TEXTS = ("generation", "outputText", "text")
"""The field with the text: Llama's, Titan's, Mistral's and Cohere's."""


def _reader(first: Mapping[str, object], peer: Peer) -> WireParser:
    """The reader of the format that ``first`` is of."""
    if "choices" in first:
        return OpenAIParser(peer)
    if not _CONVERSE.isdisjoint(first):
        return ConverseParser(peer)
    if "type" in first:
        return AnthropicParser(peer)
    return PlainParser(peer)


def _alike(said: Mapping[str, object]) -> Mapping[str, object]:
    """``said`` as others have it: Mistral's choices say elsewhere why they ended."""
    choices = [as_dict(choice) for choice in as_list(said.get("choices"))]
    if not choices:
        return said
    alike = [
        {**c, "finish_reason": c.get("finish_reason") or c.get("stop_reason"), "stop_reason": None}
        for c in choices
    ]
    return {**said, "choices": alike}


def _usage(metrics: Mapping[str, object]) -> Usage:
    """Bedrock's own counts; it counts cached input apart from the rest."""
    read = as_int(metrics.get("cacheReadInputTokenCount"))
    written = as_int(metrics.get("cacheWriteInputTokenCount"))
    plain = as_int(metrics.get("inputTokenCount"))
    return Usage(
        None if plain is None else plain + (read or 0) + (written or 0),
        as_int(metrics.get("outputTokenCount")),
        read,
        written,
    )
