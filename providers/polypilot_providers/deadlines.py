"""The time limits of one request, on the event loop's monotonic clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from polypilot_providers.errors import TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot_providers.base import Limits
    from polypilot_providers.failures import Peer

_WORDS = {
    "connect": "could not be reached within {:g} s",
    "first_byte": "did not begin to answer within {:g} s",
    "idle": "fell silent for {:g} s in the middle of its answer",
    "total": "did not finish within {:g} s",
}


class Closable(Protocol):
    """A socket, as far as we care."""

    async def aclose(self) -> None:
        """Close it."""


class Deadlines:
    """Tells when the current wait must end, and which limit that is."""

    def __init__(self, limits: Limits, peer: Peer) -> None:
        self._now = asyncio.get_running_loop().time
        self._limits = limits
        self._peer = peer
        start = self._now()
        self._total = None if limits.total is None else start + limits.total
        self._first = start + limits.first_event
        self._idle = limits.idle
        self._set("connect", start + limits.connect)

    @property
    def when(self) -> float:
        """The loop time at which the current wait has to end."""
        return self._when

    def sent(self) -> None:
        """The request is on its way: from now on the first content event is due."""
        self._set("first_byte", self._first)

    def content(self, *, reasoning: bool = False) -> None:
        """Content has come and been dealt with: the next is due within the idle limit.

        A model that has said that it reasons may be silent for longer.
        """
        self._idle = self._limits.reasoning if reasoning else self._limits.idle
        self._set("idle", self._now() + self._idle)

    def soon(self, seconds: float) -> float:
        """The loop time ``seconds`` from now, or the current deadline if that is earlier."""
        return min(self._when, self._now() + seconds)

    def error(self) -> TimedOut:
        """The current deadline has passed."""
        name = self._name
        seconds = {
            "connect": self._limits.connect,
            "first_byte": self._limits.first_event,
            "idle": self._idle,
            "total": self._limits.total,
        }[name]
        return TimedOut(
            f"{self._peer.host} {_WORDS[name].format(seconds)}",
            provider=self._peer.provider,
            host=self._peer.host,
            limit=name,
            cure="Try again, or select another provider.",
        )

    def _set(self, name: str, when: float) -> None:
        if self._total is not None and self._total < when:
            name, when = "total", self._total
        self._name, self._when = name, when


class Road:
    """Learns from the client's trace how far a request got."""

    def __init__(self, deadlines: Deadlines, guard: asyncio.Timeout) -> None:
        self._deadlines = deadlines
        self._guard = guard
        self._socket: Closable | None = None
        self.new = False
        """A connection was made for this request."""

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """What the client calls at each step of a request."""
        if name == "connection.connect_tcp.started":
            self.new = True
        elif name == "connection.connect_tcp.complete":
            self._socket = info["return_value"]
        elif name == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self._deadlines.sent()
            self._guard.reschedule(self._deadlines.when)

    async def aclose(self) -> None:
        """The request has failed: close the socket that was opened for it.

        httpcore2 does so itself, but not when it is cancelled in the TLS handshake: then the
        socket would stay open for as long as the other side likes.
        """
        if self._socket is not None:
            await self._socket.aclose()
