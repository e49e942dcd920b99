"""What the wires' readers have in common: events, tool calls, text, closing events."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from polypilot_providers import failures
from polypilot_providers.errors import ProviderError, StreamBroken, Unavailable
from polypilot_providers.framing import SSE
from polypilot_providers.jsonvalue import as_dict, as_int, as_str, parse
from polypilot_providers.types import Stop, StopReason, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from polypilot_providers.failures import Peer
    from polypilot_providers.framing import Framing
    from polypilot_providers.sse import ServerEvent
    from polypilot_providers.types import Event

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK = b" \t\r\n\xef\xbb\xbf"
_TOO_DEEP = "a piece of it is nested too deeply"
"""What is deep enough to be read may be too deep to be written again."""


class WireParser:
    """Reads an answer that streams JSON payloads.

    Subclasses name the framing and read one payload at a time. A server that ignored our wish
    to stream and sent one JSON document is read too, where the wire can; an error document or
    a web page that came with a status of success becomes the error it is.
    """

    framing: ClassVar[Framing]
    """How the payloads are cut out of the answer."""

    def __init__(self, peer: Peer) -> None:
        self.progress: int = 0
        self.complete = False
        self.done = False
        self.reasoning = False
        self.model: str | None = None
        self.unknown: Counter[str] = Counter()
        """What came that we know no meaning for; it is left out and never an error."""
        self._peer = peer
        self._decoder = self.framing.decoder()
        self._document: bytearray | None = None
        self._sniffed = False

    @property
    def accept(self) -> str:
        """See StreamParser."""
        return self.framing.accept

    @abstractmethod
    def payload(self, event: str, value: Mapping[str, object]) -> Iterator[Event]:
        """Events of one payload; sets ``progress``, ``complete`` and ``done``."""

    @abstractmethod
    def end(self) -> Iterator[Event]:
        """The closing events of an answer that is whole."""

    def whole(self, value: Mapping[str, object]) -> Iterator[Event]:
        """Events of an answer that was sent as one document."""
        del value
        raise self.broken("it was not streamed")

    def feed(self, data: bytes) -> Iterator[Event]:
        """See StreamParser."""
        if self.done:
            return
        if not self._sniffed:
            self._sniff(data)
        if self._document is not None:
            self._document += data
            return
        yield from self._events(self._decoder.feed(data))

    def close(self) -> Iterator[Event]:
        """See StreamParser."""
        if self._document is not None:
            yield from self._whole(bytes(self._document))
        elif not self.done:
            yield from self._events(self._decoder.close())
        if not self.complete:
            raise self.broken("it ended without its end marker")
        yield from self.end()

    def broken(self, why: str) -> StreamBroken:
        """The error of an answer that can't be read on."""
        return StreamBroken(
            f"the answer of {self._peer.host} broke off: {why}",
            provider=self._peer.provider,
            host=self._peer.host,
            cure="What came before stands; ask again for the rest.",
        )

    def _sniff(self, data: bytes) -> None:
        head = data.lstrip(_BLANK)[:1]
        self._sniffed = bool(head)
        if head == b"<":
            raise Unavailable(
                f"{self._peer.host} answered with a web page",
                provider=self._peer.provider,
                host=self._peer.host,
                cure="Check the provider's base_url; a network log-in page may be in the way.",
            )
        if head and head in self.framing.document:
            self._document = bytearray()

    def _events(self, events: Iterable[ServerEvent]) -> Iterator[Event]:
        """What ``events`` mean, up to the end marker."""
        try:
            for event in events:
                yield from self._event(event)
                if self.done:
                    return
        except ProviderError:
            # An answer that is whole can't be taken back by what goes wrong after it.
            if not self.complete:
                raise
            self.done = True

    def _event(self, event: ServerEvent) -> Iterator[Event]:
        if event.data == "[DONE]":
            self.complete = self.done = True
            return
        value = self._parsed(event.data)
        if value.get("error") or event.event == "error":
            raise failures.from_event(value, self._peer)
        try:
            yield from self.payload(event.event, value)
        except RecursionError:
            raise self.broken(_TOO_DEEP) from None

    def _whole(self, document: bytes) -> Iterator[Event]:
        value = self._parsed(document)
        if value.get("error"):
            raise failures.from_event(value, self._peer)
        try:
            yield from self.whole(value)
        except RecursionError:
            raise self.broken(_TOO_DEEP) from None

    def _parsed(self, text: str | bytes) -> dict[str, object]:
        try:
            return as_dict(parse(text))
        except ValueError:
            raise self.broken("a piece of it is not JSON") from None


class SseParser(WireParser):
    """Reads an answer that streams as server-sent events with JSON data."""

    framing = SSE


class Text:
    """Repairs text that a supplier cut between the two halves of a surrogate pair."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: object) -> str:
        """``piece`` if it is text, without unpaired surrogates; a first half is kept back."""
        text = self._half + as_str(piece)
        self._half = ""
        if not _SURROGATE.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(slots=True, eq=False)
class _Draft:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "".join(self.arguments).strip()

    @property
    def is_whole(self) -> bool:
        """Whether what has come can be all."""
        try:
            parse(self.text or "{}")
        except ValueError:
            return False
        return True


class ToolDrafts:
    """Assembles tool calls from their streamed pieces."""

    def __init__(self) -> None:
        self._drafts: dict[_Draft, None] = {}
        """In the order they began."""
        self._by_key: dict[object, list[_Draft]] = {}
        """Those that the supplier has not said to be whole."""
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self._drafts)

    def add(self, key: object, call_id: str, name: str, arguments: object) -> None:
        """Take a piece. Calls are told apart by ``key``, or by id where servers reuse keys."""
        draft = self._find(_hashable(key), call_id)
        if draft is None:
            draft = _Draft()
            self._drafts[draft] = None
            self._by_key.setdefault(_hashable(key), []).append(draft)
        draft.id = draft.id or call_id
        draft.name = draft.name or name
        if isinstance(arguments, str):
            draft.arguments.append(arguments)
        elif arguments:
            draft.arguments.append(json.dumps(arguments, ensure_ascii=False))

    def finish(self, key: object) -> Iterator[ToolCall]:
        """The calls of ``key``, which the supplier says are whole, if they are."""
        for draft in self._by_key.pop(_hashable(key), ()):
            # Asked once only, since it takes as long as there are arguments.
            if draft.is_whole:
                del self._drafts[draft]
                yield self._call(draft)

    def take(self, reason: StopReason) -> Iterator[ToolCall]:
        """The other calls, in the order they began, as the answer ends for ``reason``.

        A call that was cut off at the limit is none: what it would do is not known.
        """
        kept = [each for each in self._drafts if each.is_whole or reason is not StopReason.LENGTH]
        self._drafts.clear()
        self._by_key.clear()
        yield from map(self._call, kept)

    def _call(self, draft: _Draft) -> ToolCall:
        self._taken += 1
        return ToolCall(draft.id or f"call_{self._taken - 1}", draft.name, draft.text or "{}")

    def _find(self, key: object, call_id: str) -> _Draft | None:
        if key is None:
            draft = next(reversed(self._drafts), None)
        else:
            draft = next(reversed(self._by_key.get(key, ())), None)
        if draft is not None and call_id and draft.id and call_id != draft.id:
            return None
        return draft


def _hashable(key: object) -> object:
    """``key``, or the same for all that no supplier has reason to send."""
    return key if isinstance(key, int | str | None) else ""


def closing(usage: Usage | None, reason: StopReason, model: str | None) -> Iterator[Event]:
    """Usage, where there is one, and Stop."""
    if usage is not None:
        yield usage
    yield Stop(reason, model)


def first_int(*values: object) -> int | None:
    """The first of ``values`` that is a whole number of at least 0."""
    return next((found for value in values if (found := as_int(value)) is not None), None)
