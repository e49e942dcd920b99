"""Reads what Amazon Bedrock's Converse API answers, streamed or whole.

Stream shapes are those of recorded answers; kinds of events, stop reasons and errors that none
of them has are those of the service model that botocore ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers import failures
from polypilot_providers.framing import EVENTSTREAM
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import (
    Citation,
    Refusal,
    StopReason,
    TextDelta,
    ThoughtDelta,
    Usage,
)
from polypilot_providers.wires.shared import Text, ToolDrafts, WireParser, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

_FINISH = {
    "end_turn": StopReason.END,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_CALLS,
    "guardrail_intervened": StopReason.REFUSAL,
    "content_filtered": StopReason.REFUSAL,
}
_REFUSALS = {
    "guardrail_intervened": "A guardrail of the account stepped in.",
    "content_filtered": "The content filter stepped in.",
}
_MALFORMED = ("malformed_model_output", "malformed_tool_use")


class ConverseParser(WireParser):
    """Reads a ConverseStream answer.

    It is whole with ``messageStop``; token counts follow in ``metadata``. The payloads' key
    ``p`` is padding that hides their length.
    """

    framing = EVENTSTREAM

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._tools = ToolDrafts()
        self._usage: Usage | None = None
        self._finish = ""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        if event == "contentBlockDelta":
            delta = as_dict(value.get("delta"))
            yield from self._delta(value.get("contentBlockIndex"), delta)
        elif event == "contentBlockStart":
            self._start(value.get("contentBlockIndex"), as_dict(value.get("start")))
        elif event == "contentBlockStop":
            yield from self._tools.finish(value.get("contentBlockIndex"))
        elif event == "messageStop":
            self._stop(value)
        elif event == "metadata":
            self._usage = read_usage(as_dict(value.get("usage")))
            self.done = self.complete
        elif event != "messageStart":
            self.unknown[event] += 1

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """Events of an answer of Converse, the API's other half, which does not stream."""
        message = as_dict(as_dict(value.get("output")).get("message"))
        if not message:
            raise failures.from_event(value, self._peer)
        for index, entry in enumerate(as_list(message.get("content"))):
            block = as_dict(entry)
            if tool := as_dict(block.get("toolUse")):
                self._start(index, block)
                self._tools.add(index, "", "", tool.get("input"))
            elif reasoning := as_dict(block.get("reasoningContent")):
                yield from self._reason(as_dict(reasoning.get("reasoningText")) | reasoning)
            else:
                yield from self._delta(index, block)
        self._usage = read_usage(as_dict(value.get("usage")))
        self._stop(value)

    def end(self) -> Iterator[Event]:
        """See WireParser."""
        if self._finish in _MALFORMED:
            raise self.broken("the model wrote something that the supplier could not read")
        reason = _FINISH.get(self._finish, StopReason.END)
        yield from self._tools.take(reason)
        if reason is StopReason.REFUSAL:
            yield Refusal(_REFUSALS[self._finish])
        yield from closing(self._usage, reason, self.model)

    def _start(self, index: object, start: Mapping[str, object]) -> None:
        tool = as_dict(start.get("toolUse"))
        if tool:
            self.progress += 1
            self._tools.add(index, as_str(tool.get("toolUseId")), as_str(tool.get("name")), "")
        for kind in start.keys() - {"toolUse"}:
            self.unknown[kind] += 1

    def _delta(self, index: object, delta: Mapping[str, object]) -> Iterator[Event]:
        for kind, value in delta.items():
            if kind == "text":
                yield from self._say(value)
            elif kind == "toolUse":
                self.progress += 1
                self._tools.add(index, "", "", as_str(as_dict(value).get("input")))
            elif kind == "reasoningContent":
                yield from self._reason(as_dict(value))
            elif kind == "citation":
                yield self._cite(as_dict(value))
            else:
                self.unknown[kind] += 1

    def _say(self, piece: object) -> Iterator[Event]:
        if text := self._text.add(piece):
            self.progress += 1
            yield TextDelta(text)

    def _reason(self, piece: Mapping[str, object]) -> Iterator[Event]:
        if text := self._thought.add(piece.get("text")):
            self.progress += 1
            yield ThoughtDelta(text)
        signature = as_str(piece.get("signature")) or None
        redacted = as_str(piece.get("redactedContent")) or None
        if signature or redacted:
            self.progress += 1
            yield ThoughtDelta("", signature, redacted, self._peer.provider)

    def _cite(self, citation: Mapping[str, object]) -> Event:
        self.progress += 1
        where = as_dict(as_dict(citation.get("location")).get("web"))
        pieces = [as_str(as_dict(p).get("text")) for p in as_list(citation.get("sourceContent"))]
        return Citation(
            as_str(where.get("url")), as_str(citation.get("title")), "".join(pieces).strip()
        )

    def _stop(self, value: Mapping[str, object]) -> None:
        self.progress += 1
        self.complete = True
        self._finish = as_str(value.get("stopReason"))


def read_usage(usage: Mapping[str, object]) -> Usage | None:
    """Token counts of a ``usage`` object; None if it holds none.

    The wire counts cached and freshly cached input apart from the rest; here input is all.
    """
    plain, output = as_int(usage.get("inputTokens")), as_int(usage.get("outputTokens"))
    if plain is None and output is None:
        return None
    read = as_int(usage.get("cacheReadInputTokens"))
    written = as_int(usage.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=None if plain is None else plain + (read or 0) + (written or 0),
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
