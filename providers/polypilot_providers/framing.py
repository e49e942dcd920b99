"""How an answer's bytes are cut into payloads, which differs from wire to wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from polypilot_providers.eventstream import EventStreamDecoder
from polypilot_providers.sse import NdjsonDecoder, SseDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot_providers.sse import ServerEvent


class Decoder(Protocol):
    """A sans-IO decoder of one answer; raises StreamBroken for what it can't cut."""

    def feed(self, data: bytes) -> Iterable[ServerEvent]:
        """The events that ``data`` completes."""
        ...

    def close(self) -> Iterable[ServerEvent]:
        """What the end of the answer completes."""
        ...


@dataclass(frozen=True, slots=True)
class Framing:
    """One way of cutting."""

    accept: str
    """The media type to ask for."""
    decoder: Callable[[], Decoder]
    """Makes the decoder of one answer."""
    document: bytes
    """The characters that begin no stream of this framing, but one whole JSON document: the
    server ignored our wish to stream, or reports an error under a status of success."""


SSE = Framing("text/event-stream", SseDecoder, b"{[")
NDJSON = Framing("application/x-ndjson", NdjsonDecoder, b"")
EVENTSTREAM = Framing("application/vnd.amazon.eventstream", EventStreamDecoder, b"{[")
"""No frame begins with a brace: it would have 2 GB."""
