"""How long a request waits for the next key, and how many may go out at all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.completion.values import Ask

RESTED = 0.3
"""Seconds without a key that count as a pause."""
REMOTE_CAP = 0.075
EMBEDDED_CAP = 0.125
PROMOTE = 0.25
"""Seconds after which the newest of the asks that newer keys keep replacing is sent."""
_TRIGGERS = frozenset("([{.,:;=> \t\"'/<@#")
_GAPS = 6
_WAITS = 20
_ENOUGH = 3
_PAUSE = 0.4
"""A longer gap than this, in seconds, is a pause of the typist's, not a measure of speed."""
_MOST = 0.75
"""The share of keys that a wait is to catch, or it is not worth it."""
_MARGIN = 1.2
_SLOW = 0.2
"""Seconds to the first text: while a request has none, newer keys ride on it, so that a model
slower than this spaces the requests by itself."""
_VAIN = 2
"""After so many requests in a row that were asked in vain, every one waits."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the pace is decided on."""

    invoked: bool
    line_start: bool
    after_trigger: bool
    """The last character typed is one after which people look up."""
    embedded: bool


def moment_of(ask: Ask, *, embedded: bool) -> Moment:
    """What matters about an ask."""
    before = ask.snapshot.line_prefix
    return Moment(
        invoked=ask.trigger == "invoked",
        line_start=not before.strip(),
        after_trigger=before[-1:] in _TRIGGERS,
        embedded=embedded,
    )


class Pace(Protocol):
    """Decides the wait before a request; told what it may learn from."""

    def delay(self, moment: Moment) -> float:
        """Seconds to wait for a newer key before sending."""
        ...

    def key(self, now: float) -> None:
        """A key was pressed."""
        ...

    def first_text(self, seconds: float) -> None:
        """A request took this long to its first text."""
        ...

    def outcome(self, *, useful: bool) -> None:
        """Something was offered, or a request ended of which nothing had been."""
        ...


class AdaptivePace:
    """No wait where people look up, nor after a pause; elsewhere what the typist's speed says.

    A wait is there to catch the next key. One within the cap that catches three keys of four is
    worth its time; at a slower typist it would only be lost. A slow model shortens it.

    Args:
        cap: gives the longest wait for a remote provider, in seconds; the longest for the
            embedded model is as much more as 125 ms is than 75.
    """

    def __init__(self, cap: Callable[[], float] = lambda: REMOTE_CAP) -> None:
        self._cap = cap
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._waits: deque[float] = deque(maxlen=_WAITS)
        self._last: float | None = None
        self._rested = True
        """The newest key came after a pause."""
        self._vain = 0

    def delay(self, moment: Moment) -> float:
        """Seconds, 0 to the cap."""
        if moment.invoked or moment.line_start or moment.after_trigger or self._rested:
            return 0.0
        cap = self._cap() * (EMBEDDED_CAP / REMOTE_CAP if moment.embedded else 1.0)
        if len(self._gaps) < _ENOUGH:
            return cap
        usual = sorted(self._gaps)[int(_MOST * (len(self._gaps) - 1))] * _MARGIN
        if usual > cap:
            return cap if self._vain >= _VAIN else 0.0
        if self._waits and not moment.embedded:
            usual -= max(0.0, sum(self._waits) / len(self._waits) - _SLOW)
        return max(0.0, usual)

    def key(self, now: float) -> None:
        """Learn the gap to the key before."""
        self._rested = self._last is None or now - self._last > RESTED
        if self._last is not None and 0 < now - self._last <= _PAUSE:
            self._gaps.append(now - self._last)
        self._last = now

    def first_text(self, seconds: float) -> None:
        """Learn how long the provider takes."""
        self._waits.append(seconds)

    def outcome(self, *, useful: bool) -> None:
        """Learn whether asking leads to anything at the moment."""
        self._vain = 0 if useful else self._vain + 1


class RateCap:
    """At most ``requests`` in any ``seconds``: whatever goes wrong, the bill is bounded."""

    def __init__(self, requests: int = 120, seconds: float = 60.0) -> None:
        self._requests = requests
        self._seconds = seconds
        self._sent: deque[float] = deque()

    def take(self, now: float, *, spare: bool = False) -> bool:
        """Whether a request may go out now; if so it is counted.

        One that is only asked ahead (``spare``) leaves half of them to the others.
        """
        while self._sent and now - self._sent[0] >= self._seconds:
            self._sent.popleft()
        if len(self._sent) >= (self._requests // 2 if spare else self._requests):
            return False
        self._sent.append(now)
        return True

    def give_back(self, taken: float) -> None:
        """The request that was counted at ``taken`` did not go out."""
        if taken in self._sent:
            self._sent.remove(taken)
