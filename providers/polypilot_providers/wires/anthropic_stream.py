"""Reads what Anthropic's Messages API answers, streamed or whole, on whichever host.

Stream shapes are those of recorded answers (Anthropic, Vertex, Bedrock); citations, stop reasons
and kinds of blocks that none of them has are those of the supplier's SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import (
    Citation,
    Refusal,
    StopReason,
    TextDelta,
    ThoughtDelta,
    Usage,
)
from polypilot_providers.wires.shared import SseParser, Text, ToolDrafts, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

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
    """Reads a Messages answer."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._tools = ToolDrafts()
        self._calls: set[object] = set()
        self._usage: dict[str, object] = {}
        self._finish = ""
        self._refusal = ""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        kind = as_str(value.get("type")) or event
        if kind == "content_block_delta":
            yield from self._delta(value.get("index"), as_dict(value.get("delta")))
        elif kind == "content_block_start":
            yield from self._block(value.get("index"), as_dict(value.get("content_block")))
        elif kind == "content_block_stop":
            self.reasoning = False
            yield from self._tools.finish(value.get("index"))
        elif kind == "message_start":
            self._begun(as_dict(value.get("message")))
        elif kind == "message_delta":
            self._finished(as_dict(value.get("delta")))
            self._count(as_dict(value.get("usage")))
        elif kind == "message_stop":
            self.complete = self.done = True
        elif kind != "ping":
            self.unknown[kind] += 1

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """Events of an answer that a host did not stream."""
        if value.get("type") != "message":
            raise self.broken("it is no message")
        self._begun(value)
        for index, entry in enumerate(as_list(value.get("content"))):
            yield from self._block(index, as_dict(entry))
            yield from self._tools.finish(index)
        self._finished(value)
        self.complete = True

    def end(self) -> Iterator[Event]:
        """See WireParser."""
        reason = _FINISH.get(self._finish, StopReason.END)
        yield from self._tools.take(reason)
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        yield from closing(read_usage(self._usage), reason, self.model)

    def _begun(self, message: Mapping[str, object]) -> None:
        self.model = as_str(message.get("model")) or None
        self._count(as_dict(message.get("usage")))

    def _block(self, index: object, block: Mapping[str, object]) -> Iterator[Event]:
        """A block begins; only hosts that do not stream it fill it here already."""
        kind = as_str(block.get("type"))
        self.reasoning = kind == "thinking"
        if kind == "tool_use":
            self.progress += 1
            self._calls.add(repr(index))
            self._tools.add(
                index, as_str(block.get("id")), as_str(block.get("name")), block.get("input")
            )
        elif kind == "redacted_thinking":
            self.progress += 1
            yield ThoughtDelta("", redacted=as_str(block.get("data")), provider=self._peer.provider)
        elif kind == "thinking":
            # Its text may be left out, and then a long silence follows.
            self.progress += 1
            yield from self._think(block.get("thinking"))
            yield from self._sign(block.get("signature"))
        elif kind == "text":
            yield from self._say(block.get("text"))
            for citation in as_list(block.get("citations")):
                yield self._cite(as_dict(citation))
        else:
            # What tools on the supplier's side do, none of which is ever offered.
            self.unknown[f"block {kind}"] += 1

    def _delta(self, index: object, delta: Mapping[str, object]) -> Iterator[Event]:
        kind = as_str(delta.get("type"))
        if kind == "text_delta":
            yield from self._say(delta.get("text"))
        elif kind == "thinking_delta":
            yield from self._think(delta.get("thinking"))
        elif kind == "signature_delta":
            yield from self._sign(delta.get("signature"))
        elif kind == "citations_delta":
            yield self._cite(as_dict(delta.get("citation")))
        elif kind != "input_json_delta":
            self.unknown[f"delta {kind}"] += 1
        elif repr(index) in self._calls:
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

    def _sign(self, signature: object) -> Iterator[Event]:
        if proof := as_str(signature):
            self.progress += 1
            yield ThoughtDelta("", signature=proof, provider=self._peer.provider)

    def _cite(self, citation: Mapping[str, object]) -> Citation:
        """A page of the web, or a search result by its `source`, or a document sent along."""
        self.progress += 1
        return Citation(
            as_str(citation.get("url")) or as_str(citation.get("source")),
            as_str(citation.get("title")) or as_str(citation.get("document_title")),
            as_str(citation.get("cited_text")).strip(),
        )

    def _finished(self, delta: Mapping[str, object]) -> None:
        self.progress += 1
        self._finish = as_str(delta.get("stop_reason")) or self._finish
        self.complete = bool(self._finish)
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
