"""Reads the answers of OpenAI's Responses.

The shapes are those of recorded streams (OpenAI, Azure, xAI, DeepSeek, Bedrock's gateway);
refusals, citations and failed answers, which no recording has, those of OpenAI's SDK.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, NoReturn

from polypilot_providers import failures
from polypilot_providers.jsonvalue import as_dict, as_int, as_list, as_str
from polypilot_providers.types import Citation, Refusal, StopReason, ThoughtDelta, Usage
from polypilot_providers.wires.likelihood import Likelihood
from polypilot_providers.wires.openai_stream import read_cost
from polypilot_providers.wires.shared import SseParser, Text, ToolDrafts, closing, first_int

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.types import Event

_SILENT = {
    "keepalive", "response.queued", "response.content_part.added", "response.reasoning_part.added",
    "response.reasoning_summary_part.added",
}  # fmt: skip
"""Events that tell nothing which deltas and whole items do not; so do all that end in ``.done``."""


class ResponsesParser(SseParser):
    """Reads a streamed Responses answer.

    An item (message, piece of reasoning, call) comes in deltas and then once more as a whole;
    the whole counts for what no delta of it brought.
    """

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._text = Text()
        self._thought = Text()
        self._likelihood = Likelihood()
        self._refusal = ""
        self._calls: dict[object, ToolDrafts] = {}
        self._called = False
        self._streamed: set[tuple[str, object]] = set()
        self._section: tuple[object, ...] = ()
        self._cited: set[tuple[str, str]] = set()
        self._usage: Usage | None = None
        self._reason = StopReason.END
        self._silent = 0

    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser."""
        kind = as_str(value.get("type")) or event
        if kind.startswith("response.reasoning_"):
            self._at_work()
        if reader := self._READERS.get(kind):
            yield from reader(self, value)
        elif kind not in _SILENT and not kind.endswith(".done"):
            self.unknown[kind] += 1

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """See SseParser: the object that the last event of a stream has."""
        if not isinstance(value.get("output"), list):
            raise self.broken("it has no output")
        status = as_str(value.get("status")) or "completed"
        last = self._READERS.get(f"response.{status}", ResponsesParser._begun)
        yield from last(self, {"response": value})
        if not self.complete:
            raise self.broken("it is not finished")

    def end(self) -> Iterator[Event]:
        """See SseParser."""
        for draft in self._calls.values():
            yield from self._take(draft)
        reason = self._reason
        if self._refusal:
            reason = StopReason.REFUSAL
        elif self._called and reason is StopReason.END:
            reason = StopReason.TOOL_CALLS
        if reason is StopReason.REFUSAL:
            yield Refusal(self._refusal)
        yield from closing(self._usage, reason, self.model)

    # What each event means

    def _begun(self, value: Mapping[str, object]) -> Iterable[Event]:
        self.model = as_str(as_dict(value.get("response")).get("model")) or self.model
        return ()

    def _completed(self, value: Mapping[str, object]) -> Iterator[Event]:
        yield from self._last(value)
        self._finished()

    def _incomplete(self, value: Mapping[str, object]) -> Iterator[Event]:
        yield from self._last(value)
        self._calls.clear()  # those have lost the end of their arguments
        why = as_dict(as_dict(value.get("response")).get("incomplete_details")).get("reason")
        self._reason = StopReason.REFUSAL if why == "content_filter" else StopReason.LENGTH
        self._finished()

    def _failed(self, value: Mapping[str, object]) -> NoReturn:
        error = as_dict(as_dict(value.get("response")).get("error"))
        if as_str(error.get("code")).startswith("invalid_"):
            # Here the code stands alone, without the type that says whose fault it is.
            error = {"type": "invalid_request_error", **error}
        raise failures.from_event({"error": error}, self._peer)

    def _error(self, value: Mapping[str, object]) -> NoReturn:
        raise failures.from_event(value, self._peer)

    def _item_added(self, value: Mapping[str, object]) -> Iterable[Event]:
        item = as_dict(value.get("item"))
        self.reasoning = item.get("type") == "reasoning"
        if self.reasoning:
            self._at_work()
        elif item.get("type") == "function_call":
            self.progress += 1
            call, name = as_str(item.get("call_id")), as_str(item.get("name"))
            self._draft(_key(value)).add(None, call, name, None)
        return ()

    def _item_done(self, value: Mapping[str, object]) -> Iterator[Event]:
        self.reasoning = False
        yield from self._item(_key(value), as_dict(value.get("item")))

    def _text_delta(self, value: Mapping[str, object]) -> Iterator[Event]:
        yield from self._say(_key(value), value.get("delta"), value.get("logprobs"))

    def _thought_delta(self, value: Mapping[str, object]) -> Iterator[Event]:
        index = first_int(value.get("summary_index"), value.get("content_index"))
        yield from self._think(_key(value), (value.get("type"), index), value.get("delta"))

    def _refusal_delta(self, value: Mapping[str, object]) -> Iterable[Event]:
        self._refuse(_key(value), value.get("delta"))
        return ()

    def _arguments_delta(self, value: Mapping[str, object]) -> Iterable[Event]:
        key, piece = _key(value), as_str(value.get("delta"))
        self.progress += 1
        self._draft(key).add(None, "", "", piece)
        if piece:
            self._streamed.add(("function_call", key))
        return ()

    def _annotation(self, value: Mapping[str, object]) -> Iterator[Event]:
        yield from self._cite(as_dict(value.get("annotation")))

    # Items

    def _item(self, key: object, item: Mapping[str, object]) -> Iterator[Event]:
        kind = item.get("type")
        if kind == "message":
            yield from self._message(key, item)
        elif kind == "reasoning":
            yield from self._reasoning(key, item)
        elif kind == "function_call":
            yield from self._call(key, item)
        else:
            self.unknown[f"item {as_str(kind)}"] += 1

    def _message(self, key: object, item: Mapping[str, object]) -> Iterator[Event]:
        streamed = ("message", key) in self._streamed
        for entry in as_list(item.get("content")):
            part = as_dict(entry)
            if not streamed:
                yield from self._say(key, part.get("text"), part.get("logprobs"))
                self._refuse(key, part.get("refusal"))
            for annotation in as_list(part.get("annotations")):
                yield from self._cite(as_dict(annotation))

    def _reasoning(self, key: object, item: Mapping[str, object]) -> Iterator[Event]:
        if ("reasoning", key) not in self._streamed:
            parts = as_list(item.get("summary")) or as_list(item.get("content"))
            for number, part in enumerate(parts):
                yield from self._think(key, ("", number), as_dict(part).get("text"))
        if as_str(item.get("encrypted_content")):
            self.progress += 1
            kept = {
                name: item[name] for name in ("id", "encrypted_content", "summary") if name in item
            }
            yield ThoughtDelta("", redacted=json.dumps(kept), provider=self._peer.provider)

    def _call(self, key: object, item: Mapping[str, object]) -> Iterator[Event]:
        self.progress += 1
        draft = self._draft(key)
        del self._calls[key]
        if item.get("status") == "incomplete":
            return
        arguments = None if ("function_call", key) in self._streamed else item.get("arguments")
        call_id = as_str(item.get("call_id")) or as_str(item.get("id"))
        draft.add(None, call_id, as_str(item.get("name")), arguments)
        yield from self._take(draft)

    # Pieces

    def _say(self, key: object, piece: object, told: object) -> Iterator[Event]:
        self._likelihood.read(told)
        if text := self._text.add(piece):
            self.progress += 1
            self._streamed.add(("message", key))
            yield self._likelihood.delta(text)

    def _think(self, key: object, part: tuple[object, ...], piece: object) -> Iterator[Event]:
        if text := self._thought.add(piece):
            self.progress += 1
            self._streamed.add(("reasoning", key))
            before, self._section = self._section, (key, *part)
            # Nothing in the texts themselves parts one paragraph of a summary from the next.
            apart = before[:1] == (key,) and before != self._section
            yield ThoughtDelta("\n\n" + text if apart else text)

    def _refuse(self, key: object, piece: object) -> None:
        if refusal := as_str(piece):
            self.progress += 1
            self._streamed.add(("message", key))
            self._refusal += refusal

    def _cite(self, annotation: Mapping[str, object]) -> Iterator[Event]:
        """A source once, however often it is cited; a file of the user's has but a name."""
        url = as_str(annotation.get("url"))
        title = as_str(annotation.get("title")) or as_str(annotation.get("filename"))
        if not url and not title:
            self.unknown[f"annotation {as_str(annotation.get('type'))}"] += 1
        elif (url, title) not in self._cited:
            self._cited.add((url, title))
            self.progress += 1
            yield Citation(url, title)

    def _draft(self, key: object) -> ToolDrafts:
        return self._calls.setdefault(key, ToolDrafts())

    def _take(self, draft: ToolDrafts) -> Iterator[Event]:
        self._called = True
        yield from draft.take(self._reason)

    def _last(self, value: Mapping[str, object]) -> Iterator[Event]:
        """Of the last event, which has all items once more, what nothing before it brought."""
        yield from self._begun(value)
        response = as_dict(value.get("response"))
        if self.progress == self._silent:
            for index, entry in enumerate(as_list(response.get("output"))):
                yield from self._item(index, as_dict(entry))
        if usage := as_dict(response.get("usage")):
            self._usage = read_usage(usage)

    def _at_work(self) -> None:
        """Something came that holds nothing for the reader, but shows that the model is busy."""
        self.progress += 1
        self._silent += 1

    def _finished(self) -> None:
        self.progress += 1
        self.complete = self.done = True

    _READERS: ClassVar[
        dict[str, Callable[[ResponsesParser, Mapping[str, object]], Iterable[Event]]]
    ] = {
        "response.created": _begun,
        "response.in_progress": _begun,
        "response.completed": _completed,
        "response.incomplete": _incomplete,
        "response.failed": _failed,
        "error": _error,
        "response.output_item.added": _item_added,
        "response.output_item.done": _item_done,
        "response.output_text.delta": _text_delta,
        "response.output_text.annotation.added": _annotation,
        "response.reasoning_text.delta": _thought_delta,
        "response.reasoning_summary_text.delta": _thought_delta,
        "response.refusal.delta": _refusal_delta,
        "response.function_call_arguments.delta": _arguments_delta,
    }


def _key(value: Mapping[str, object]) -> object:
    """Which item an event is about: its place, as some servers change ids on the way."""
    index = as_int(value.get("output_index"))
    if index is not None:
        return index
    return as_str(value.get("item_id")) or as_str(as_dict(value.get("item")).get("id"))


def read_usage(usage: Mapping[str, object]) -> Usage:
    """Token counts of a ``usage`` object, in which cached input and reasoning are included."""
    details = as_dict(usage.get("input_tokens_details"))
    return Usage(
        input_tokens=as_int(usage.get("input_tokens")),
        output_tokens=as_int(usage.get("output_tokens")),
        cache_read_tokens=as_int(details.get("cached_tokens")),
        cache_write_tokens=as_int(details.get("cache_write_tokens")),
        reasoning_tokens=as_int(
            as_dict(usage.get("output_tokens_details")).get("reasoning_tokens")
        ),
        cost=read_cost(usage),
    )
