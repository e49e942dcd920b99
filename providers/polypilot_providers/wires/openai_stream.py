"""Reads the answers of OpenAI's Chat Completions and Completions.

What each supplier adds or leaves out was taken from recorded streams (OpenAI, Azure, DeepSeek,
Groq, llama.cpp, Mistral, Ollama, OpenRouter, xAI, Z.ai).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from polypilot_providers.errors import Unavailable
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import Citation, Refusal, StopReason, ThoughtDelta, Usage
from polypilot_providers.wires.likelihood import Likelihood
from polypilot_providers.wires.shared import SseParser, Text, ToolDrafts, closing, first_int

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

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
        self._likelihood = Likelihood()
        self._refusal = ""
        self._tools = ToolDrafts()
        self._usage: Usage | None = None
        self._finish = ""
        self._stopped_by: object = None
        self._cited: set[str] = set()

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser."""
        del event
        self.model = as_str(value.get("model")) or self.model
        usage = as_dict(value.get("usage")) or as_dict(as_dict(value.get("x_groq")).get("usage"))
        if usage and (counted := read_usage(usage)) != self._usage:
            # Counts that grow show that it is at work; the same ones again are but a ping.
            self._usage = counted
            self.progress += 1
        for entry in as_list(value.get("choices")):
            choice = as_dict(entry)
            if not choice.get("index"):
                yield from self._choice(choice)
        for source in as_list(value.get("search_results")):
            yield from self._cite(as_dict(source))
        for url in as_list(value.get("citations")):
            yield from self._cite({"url": url})

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser: a message in place of a delta, else the same."""
        if not as_list(value.get("choices")):
            raise self.broken("it has no choices")
        yield from self.payload("message", value)
        self.complete = True

    def end(self) -> Iterator[Event]:
        """See SseParser."""
        reason = _FINISH.get(self._finish, StopReason.END)
        if self._tools and reason is not StopReason.LENGTH:
            reason = StopReason.TOOL_CALLS
        elif self._refusal:
            reason = StopReason.REFUSAL
        elif isinstance(self._stopped_by, str) and reason is StopReason.END:
            reason = StopReason.STOP_SEQUENCE  # vLLM says which
        yield from self._tools.take(reason)
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        yield from closing(self._usage, reason, self.model)

    def _choice(self, choice: Mapping[str, object]) -> Iterator[Event]:
        delta = as_dict(choice.get("delta")) or as_dict(choice.get("message"))
        before = self.progress
        yield from self._thoughts(delta)
        told = choice.get("logprobs")
        if told and self.progress == before and not delta.get("tool_calls"):
            self._read_logprobs(as_dict(told))
        content = delta.get("content")
        for part in as_list(content):
            yield from self._part(as_dict(part))
        yield from self._texts(content if content is not None else choice.get("text"))
        if refusal := as_str(delta.get("refusal")):
            self._refusal += refusal
            self.progress += 1
        for call in as_list(delta.get("tool_calls")):
            self._tool(as_dict(call))
        for annotation in as_list(delta.get("annotations")):
            yield from self._cite(as_dict(as_dict(annotation).get("url_citation")))
        if finish := as_str(choice.get("finish_reason")):
            self._finished(finish, choice)

    def _cite(self, source: Mapping[str, object]) -> Iterator[Event]:
        """A source once, however often it is cited: some servers list all in every chunk."""
        url = as_str(source.get("url"))
        if url and url not in self._cited:
            self._cited.add(url)
            self.progress += 1
            yield Citation(url, as_str(source.get("title")), as_str(source.get("content")))

    def _texts(self, piece: object) -> Iterator[Event]:
        if text := self._text.add(piece):
            self.progress += 1
            yield self._likelihood.delta(text)

    def _read_logprobs(self, told: Mapping[str, object]) -> None:
        """Those of visible text: numbers in Completions, objects in Chat Completions.

        llama.cpp has objects in both.
        """
        self._likelihood.add(as_list(told.get("token_logprobs")))
        self._likelihood.read(told.get("content"))

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
        cost=read_cost(usage),
    )


def read_cost(usage: Mapping[str, object]) -> Decimal | None:
    """What a ``usage`` object says that the request cost, in US dollars.

    xAI counts in ticks of 1e-10 dollars, as its recorded answers show beside its prices;
    OpenRouter's ``cost`` is in dollars.
    """
    if (ticks := as_int(usage.get("cost_in_usd_ticks"))) is not None:
        return Decimal(ticks).scaleb(-10)
    cost = usage.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    dollars = Decimal(str(cost))
    return dollars if dollars.is_finite() and dollars >= 0 else None
