"""Reads the answers of Ollama's ``/api/chat`` and ``/api/generate``.

Shapes are those of the server's own documentation and source: one JSON object per line, the
last one with ``done`` and the counts; tool calls come whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.framing import NDJSON
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import StopReason, ThoughtDelta, Usage
from polypilot_providers.wires.likelihood import Likelihood
from polypilot_providers.wires.shared import Text, ToolDrafts, WireParser, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event


class OllamaParser(WireParser):
    """Reads a streamed answer of either endpoint."""

    framing = NDJSON

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._likelihood = Likelihood()
        self._tools = ToolDrafts()
        self._calls = 0
        self._last: Mapping[str, object] = {}

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        del event
        self.model = as_str(value.get("model")) or self.model
        message = as_dict(value.get("message"))
        thinking = message.get("thinking") or value.get("thinking")
        if thought := self._thought.add(thinking):
            self.progress += 1
            yield ThoughtDelta(thought)
        if not thinking and not message.get("tool_calls"):
            self._likelihood.read(value.get("logprobs"))
        if text := self._text.add(message.get("content") or value.get("response")):
            self.progress += 1
            yield self._likelihood.delta(text)
        for call in as_list(message.get("tool_calls")):
            self._tool(as_dict(call))
        if value.get("done") is True:
            self._last = value
            self.progress += 1
            self.complete = self.done = True

    def end(self) -> Iterator[Event]:
        """See WireParser."""
        long = self._last.get("done_reason") == "length"
        reason = StopReason.LENGTH if long else StopReason.END
        if self._tools and not long:
            reason = StopReason.TOOL_CALLS
        yield from self._tools.take(reason)
        yield from closing(_usage(self._last), reason, self.model)

    def _tool(self, call: Mapping[str, object]) -> None:
        function = as_dict(call.get("function"))
        self.progress += 1
        self._calls += 1
        self._tools.add(
            self._calls,
            as_str(call.get("id")),
            as_str(function.get("name")),
            function.get("arguments"),
        )


def _usage(last: Mapping[str, object]) -> Usage | None:
    """Token counts of the last line; what was found in the cache is not told apart."""
    prompt, output = as_int(last.get("prompt_eval_count")), as_int(last.get("eval_count"))
    if prompt is None and output is None:
        return None
    return Usage(input_tokens=prompt, output_tokens=output)
