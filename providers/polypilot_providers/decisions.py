"""The router's decisions, pure and with the clock passed in.

:func:`decide` says what follows a failure; :class:`Breaker` and :class:`Pause` remember how
a target has been doing.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from polypilot_providers.errors import (
    NetworkError,
    ProviderError,
    RateLimited,
    StreamBroken,
    TimedOut,
    Unavailable,
)

WINDOW = 60.0
"""Seconds of history the failure rate is taken over."""
OPEN_FOR = 30.0
"""Seconds an open breaker lets nothing through."""
CONSECUTIVE = 5
RATE = 0.5
RATE_MINIMUM = 10
PATIENCE = 10.0
"""Seconds a chat waits out a rate limit when there is nowhere else to go."""
MARGIN = 0.05
"""Seconds added when a pause is waited out, so that it is surely over."""
MAX_PAUSE = 120.0
"""Longest pause in seconds a supplier can ask for."""
DEFAULT_PAUSE = 5.0
"""Pause after a rate limit that names no time."""


@dataclass(slots=True)
class Breaker:
    """Opens after 5 failures in a row, or when at least half of 10 or more in 60 s failed.

    After 30 s it lets one request through as a probe: if that is answered the breaker
    closes, if not it stays open for another 30 s. All times are monotonic seconds.
    """

    _results: deque[tuple[float, bool]] = field(default_factory=deque[tuple[float, bool]])
    _in_a_row: int = 0
    _open_until: float | None = None
    _probing: bool = False

    def wait(self, now: float) -> float:
        """Seconds until a request may go out; 0 if one may now (see :meth:`take`)."""
        if self._open_until is None:
            return 0.0
        if self._probing:
            return math.inf
        return max(0.0, self._open_until - now)

    def take(self) -> bool:
        """A request goes out; true if it is the probe, which must be released in the end."""
        if self._open_until is None:
            return False
        self._probing = True
        return True

    def release(self) -> None:
        """The probe has ended, be it without telling anything (it was cancelled)."""
        self._probing = False

    def answered(self, now: float) -> None:
        """The supplier answered, if only with a refusal."""
        if self._open_until is not None:
            self._results.clear()
        self._open_until = None
        self._probing = False
        self._in_a_row = 0
        self._note(now, failed=False)

    def failed(self, now: float) -> None:
        """The supplier did not answer, or broke off."""
        self._in_a_row += 1
        self._note(now, failed=True)
        failures = sum(1 for _, failed in self._results if failed)
        total = len(self._results)
        often = total >= RATE_MINIMUM and failures >= RATE * total
        if self._probing or self._in_a_row >= CONSECUTIVE or often:
            self._open_until = now + OPEN_FOR
        self._probing = False

    def _note(self, now: float, *, failed: bool) -> None:
        self._results.append((now, failed))
        while self._results[0][0] <= now - WINDOW:
            self._results.popleft()


@dataclass(slots=True)
class Pause:
    """Keeps requests from a supplier that asked for time."""

    _until: float = -math.inf

    def wait(self, now: float) -> float:
        """Seconds left of the pause."""
        return max(0.0, self._until - now)

    def extend(self, now: float, error: ProviderError) -> None:
        """Take note of a failure; only a rate limit or a named time pauses."""
        asked = asked_pause(error)
        if asked is not None:
            self._until = max(self._until, now + asked)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the same target again after ``delay`` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class NextTarget:
    """Go on to the next listed target, or fail if there is none."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell the user."""


Decision = Retry | NextTarget | Fail


def decide(
    error: ProviderError, *, started: bool, may_retry: bool, more: bool, backoff: float
) -> Decision:
    """What follows a failure.

    Args:
        error: what went wrong.
        started: something of the answer has been handed on already.
        may_retry: a retry at this target is still allowed (chat, first attempt).
        more: another usable target is listed after this one.
        backoff: seconds to wait before a retry, drawn by the caller.
    """
    if started or not error.failover:
        return Fail()
    # A timeout has used up the user's patience with this target: no second helping.
    if not may_retry or isinstance(error, TimedOut):
        return NextTarget()
    wait = asked_pause(error)
    if wait is None:
        return Retry(backoff)
    if not more and wait <= PATIENCE:
        return Retry(max(wait + MARGIN, backoff))
    return NextTarget()


def asked_pause(error: ProviderError) -> float | None:
    """Seconds to keep away from a supplier after ``error``; None if it asked for none."""
    asked = error.retry_after
    if asked is None:
        return DEFAULT_PAUSE if isinstance(error, RateLimited) else None
    return min(max(asked, 0.0), MAX_PAUSE)


def counts_against(error: ProviderError) -> bool:
    """Whether an error shows that the supplier is unwell, not just that it said no."""
    return isinstance(error, NetworkError | Unavailable | StreamBroken)
