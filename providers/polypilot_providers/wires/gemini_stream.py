"""Reads the answers of Gemini's ``streamGenerateContent``, on Google's own host and on Vertex.

Shapes are those of recorded answers of both hosts; finish reasons, citations and the raw error
lines are those of the supplier's SDK (google-genai 3.4).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from polypilot_providers.errors import RequestRefused, Unavailable
from polypilot_providers.framing import Framing
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.sse import ServerEvent, SseDecoder
from polypilot_providers.types import (
    Citation,
    Refusal,
    StopReason,
    ThoughtDelta,
    ToolCall,
    Usage,
)
from polypilot_providers.wires.likelihood import Likelihood
from polypilot_providers.wires.shared import Text, WireParser, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

# Whole strings are one mark, so that braces in them are none; one that never ends is too, so
# that the time stays proportional to the line's length.
_MARKS = re.compile(rb'[{}]|"(?:[^"\\]|\\.)*+\\?"?', re.DOTALL)
_BLANK = b" \t\xef\xbb\xbf"
_BEGINS = (b"{", b"[", b",")

_FINISH = {
    "STOP": StopReason.END,
    "MAX_TOKENS": StopReason.LENGTH,
    "CONTINUATION": StopReason.LENGTH,
} | dict.fromkeys(
    (
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    ),
    StopReason.REFUSAL,
)
_FAILED = {
    "OTHER": "for a reason it does not tell",
    "MALFORMED_FUNCTION_CALL": "over a tool call that it could not put into words",
    "MALFORMED_RESPONSE": "over an answer that it could not put into words",
    "UNEXPECTED_TOOL_CALL": "over a tool call that it was not offered",
    "TOO_MANY_TOOL_CALLS": "after too many tool calls",
}
_BESIDE = {"thought", "thoughtSignature", "partMetadata"}
"""What a part may have beside its one content."""


class GeminiDecoder(SseDecoder):
    """Server-sent events, and whole JSON objects in between.

    Errors come as bare lines of JSON in the middle of a stream. Without ``alt=sse`` (a proxy
    may drop it) the whole answer is a JSON array that grows object by object.
    """

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._pieces: list[bytes] = []

    def _line(self, line: bytes) -> Iterator[ServerEvent]:
        if self._depth or line.lstrip(_BLANK)[:1] in _BEGINS:
            yield from self._json(line)
        else:
            yield from super()._line(line)

    def _json(self, line: bytes) -> Iterator[ServerEvent]:
        """The objects that ``line`` completes; what stands between objects is left out."""
        start = 0
        for mark in _MARKS.finditer(line):
            if mark[0] == b"{":
                if not self._depth:
                    start = mark.start()
                self._depth += 1
            elif mark[0] == b"}" and self._depth:
                self._depth -= 1
                if not self._depth:
                    self._pieces.append(line[start : mark.end()])
                    text = b"\n".join(self._pieces)
                    self._pieces = []
                    yield ServerEvent("message", text.decode("utf-8", "replace"))
        if self._depth:
            self._pieces.append(line[start:])


class GeminiParser(WireParser):
    """Reads a streamed answer. It has no end marker: a finish reason makes it whole."""

    framing = Framing("text/event-stream", GeminiDecoder, b"")

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._likelihood = Likelihood()
        self._calls = 0
        self._cited: set[Citation] = set()
        self._usage: dict[str, object] = {}
        self._finish = StopReason.END
        self._refusal = ""

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See WireParser."""
        del event
        self.model = as_str(value.get("modelVersion")) or self.model
        # Each chunk counts the answer so far; Vertex leaves most counts to the last one.
        self._usage |= as_dict(value.get("usageMetadata"))
        for entry in as_list(value.get("candidates")):
            candidate = as_dict(entry)
            if not candidate.get("index"):
                yield from self._candidate(candidate)
        feedback = as_dict(value.get("promptFeedback"))
        if reason := as_str(feedback.get("blockReason")):
            self._finished(StopReason.REFUSAL)
            self._refusal = as_str(feedback.get("blockReasonMessage")) or reason

    def end(self) -> Iterator[Event]:
        """See WireParser."""
        reason = self._finish
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        elif self._calls and reason is StopReason.END:
            reason = StopReason.TOOL_CALLS
        yield from closing(read_usage(self._usage), reason, self.model)

    def _candidate(self, candidate: Mapping[str, object]) -> Iterator[Event]:
        parts = as_list(as_dict(candidate.get("content")).get("parts"))
        if (told := candidate.get("logprobsResult")) and all(map(_visible, parts)):
            self._likelihood.read(as_dict(told).get("chosenCandidates"), "logProbability")
        for part in parts:
            yield from self._part(as_dict(part))
        for citation in _citations(candidate):
            if citation not in self._cited:
                self._cited.add(citation)
                self.progress += 1
                yield citation
        said = as_str(candidate.get("finishReason"))
        if said and said != "FINISH_REASON_UNSPECIFIED":
            if said == "MISSING_THOUGHT_SIGNATURE":
                raise self._unproven()
            if why := _FAILED.get(said):
                raise self._gave_up(why)
            if said not in _FINISH:
                self.unknown[f"finishReason {said}"] += 1
            self._finished(_FINISH.get(said, StopReason.END))
            self._refusal = as_str(candidate.get("finishMessage")) or said

    def _part(self, part: Mapping[str, object]) -> Iterator[Event]:
        signature = as_str(part.get("thoughtSignature")) or None
        if "functionCall" in part:
            yield from self._call(as_dict(part.get("functionCall")), signature)
            return
        if part.get("thought") is True:
            yield from self._think(part.get("text"), signature)
            return
        # The proof of what was thought before may come on a part of the answer itself.
        yield from self._think("", signature)
        if text := self._text.add(part.get("text")):
            self.progress += 1
            yield self._likelihood.delta(text)
        self.unknown.update(part.keys() - _BESIDE - {"text"})

    def _think(self, piece: object, signature: str | None) -> Iterator[Event]:
        text = self._thought.add(piece)
        if text or signature:
            self.progress += 1
            yield ThoughtDelta(
                text, signature=signature, provider=self._peer.provider if signature else ""
            )

    def _call(self, call: Mapping[str, object], signature: str | None) -> Iterator[Event]:
        self.progress += 1
        if "partialArgs" in call or call.get("willContinue"):
            # Arguments stream only to those who ask for it.
            self.unknown["functionCall.partialArgs"] += 1
            return
        arguments = json.dumps(as_dict(call.get("args")), ensure_ascii=False)
        yield ToolCall(
            as_str(call.get("id")) or f"call_{self._calls}",
            as_str(call.get("name")),
            Text().add(arguments),  # half a character would be none of ours to pass on
            signature,
            self._peer.provider if signature else "",
        )
        self._calls += 1

    def _finished(self, reason: StopReason) -> None:
        self._finish = reason
        self.progress += 1
        self.complete = True

    def _unproven(self) -> RequestRefused:
        return RequestRefused(
            f"{self._peer.host} refuses the conversation: its tool calls lack their proof",
            provider=self._peer.provider,
            host=self._peer.host,
            cure="Begin a new conversation.",
        )

    def _gave_up(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self._peer.host} gave up {why}",
            provider=self._peer.provider,
            host=self._peer.host,
            cure="Try again, or select another model.",
        )


def _visible(part: object) -> bool:
    """Whether it is text alone, neither thought nor call."""
    fields = as_dict(part)
    return fields.get("thought") is not True and "functionCall" not in fields


def read_usage(usage: Mapping[str, object]) -> Usage | None:
    """Token counts of a ``usageMetadata`` object; None if it holds none.

    The wire counts reasoning, and what tools gave back, apart; here they are output and input.
    """
    prompt, answer = (
        as_int(usage.get("promptTokenCount")),
        as_int(usage.get("candidatesTokenCount")),
    )
    thoughts = as_int(usage.get("thoughtsTokenCount"))
    if prompt is None and answer is None and thoughts is None:
        return None
    tools = as_int(usage.get("toolUsePromptTokenCount")) or 0
    silent = answer is None and thoughts is None
    return Usage(
        input_tokens=None if prompt is None else prompt + tools,
        output_tokens=None if silent else (answer or 0) + (thoughts or 0),
        cache_read_tokens=as_int(usage.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )


def _citations(candidate: Mapping[str, object]) -> Iterator[Citation]:
    """The sources of a candidate: what it recites, and what it was grounded in."""
    recited = as_dict(candidate.get("citationMetadata"))
    # Vertex has the one name, Google's own host the other.
    sources = as_list(recited.get("citations")) or as_list(recited.get("citationSources"))
    grounding = as_dict(candidate.get("groundingMetadata"))
    for chunk in as_list(grounding.get("groundingChunks")):
        sources = [*sources, *as_dict(chunk).values()]
    for entry in sources:
        source = as_dict(entry)
        url = as_str(source.get("uri")) or as_str(source.get("sourceUri"))
        title = as_str(source.get("title"))
        if url or title:
            yield Citation(url, title, as_str(source.get("text")))
