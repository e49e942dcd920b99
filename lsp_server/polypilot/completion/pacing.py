"""How long a request waits for the next key, and how many may go out at all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from polypilot.completion.values import Ask

RESTED = 0.3
"""Seconds without a key that count as a pause."""
REMOTE_CAP = 0.075
EMBEDDED_CAP = 0.125
_TRIGGERS = frozenset("([{.,:;=> \t\"'/<@#")
_GAPS = 100
_ENOUGH = 20
_PAUSE = 0.4
"""A longer gap than this, in seconds, is a pause of the typist's, not a measure of speed."""


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


class AdaptivePace:
    """No wait where people look up; elsewhere half the typist's usual gap, within a cap.

    A slow model shortens the wait: its answer comes late enough as it is.
    """

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._waits: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None
        self._rested = True
        """The newest key came after a pause."""

    def delay(self, moment: Moment) -> float:
        """Seconds, 0 to 0.075 (embedded: 0.125)."""
        if moment.invoked or moment.line_start or moment.after_trigger:
            return 0.0
        if moment.embedded and self._rested:
            # The first key after a pause: the machine is idle and it costs nobody anything.
            return 0.0
        cap = EMBEDDED_CAP if moment.embedded else REMOTE_CAP
        if len(self._gaps) < _ENOUGH:
            return cap
        wanted = sum(self._gaps) / len(self._gaps) / 2
        if self._waits and not moment.embedded:
            wanted -= sum(self._waits) / len(self._waits) / 10
        return min(cap, max(0.0, wanted))

    def key(self, now: float) -> None:
        """Learn the gap to the key before."""
        self._rested = self._last is None or now - self._last > RESTED
        if self._last is not None and 0 < now - self._last <= _PAUSE:
            self._gaps.append(now - self._last)
        self._last = now

    def first_text(self, seconds: float) -> None:
        """Learn how long the provider takes."""
        self._waits.append(seconds)


class RateCap:
    """At most ``requests`` in any ``seconds``: whatever goes wrong, the bill is bounded."""

    def __init__(self, requests: int = 120, seconds: float = 60.0) -> None:
        self._requests = requests
        self._seconds = seconds
        self._sent: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Whether a request may go out now; if so it is counted."""
        while self._sent and now - self._sent[0] >= self._seconds:
            self._sent.popleft()
        if len(self._sent) >= self._requests:
            return False
        self._sent.append(now)
        return True

    def give_back(self) -> None:
        """The request that was counted last did not go out."""
        if self._sent:
            self._sent.pop()
