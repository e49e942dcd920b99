"""A supplier of completions on loopback that notes when it sent what, and when it was left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streaming import StreamingConnection, StreamingServer

if TYPE_CHECKING:
    import random
    from collections.abc import Coroutine

PIECES = [f"part_{number:02}." for number in range(24)]
"""What it says to everything, one line; each piece is a token."""


@dataclass(slots=True)
class Served:
    """One request and its fate. Times are the event loop's, in seconds."""

    prompt: str
    arrived: float
    sent: list[float] = field(default_factory=list[float])
    """When each piece was handed to the socket."""
    gone: float | None = None
    """When the socket ended before the answer was complete."""
    complete: bool = False


class Supplier(StreamingServer):
    """Answers like an OpenAI-compatible server; keeps connections open after whole answers.

    The first text comes after 80 to 500 ms, then a token every 15 to 40 ms.
    """

    def __init__(self, draw: random.Random) -> None:
        super().__init__(lambda: _Connection(self))
        self.draw = draw
        self.served: list[Served] = []
        self.open = 0
        """Connections that are open now."""


class _Connection(StreamingConnection):
    def __init__(self, supplier: Supplier) -> None:
        super().__init__(supplier)
        self._supplier = supplier
        self._request: Served | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._supplier.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._supplier.open -= 1
        if self._request is not None and not self._request.complete:
            self._request.gone = self.loop.time()

    def answer(self, asked: dict[str, Any]) -> Coroutine[Any, Any, None]:
        self._request = Served(asked["prompt"], self.loop.time())
        self._supplier.served.append(self._request)
        return self._answer(self._request)

    async def _answer(self, request: Served) -> None:
        draw = self._supplier.draw
        await asyncio.sleep(draw.uniform(0.08, 0.5))
        self.begin()
        for piece in PIECES:
            self.event({"choices": [{"index": 0, "text": piece, "finish_reason": None}]})
            request.sent.append(self.loop.time())
            await asyncio.sleep(draw.uniform(0.015, 0.04))
        self.event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
        request.complete = True
        self.end()
