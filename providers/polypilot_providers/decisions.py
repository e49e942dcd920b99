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
"""Seconds an open breaker lets nothing through, at first; twice as long each time after."""
MAX_OPEN = 240.0
HEALTHY = 60.0
"""Seconds a closed breaker has to stay closed until it opens for the first time again."""
LAST_RESORT = 4.0
"""Seconds between two tries where no other target is left."""
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
"""Pause after a rate limit that names no time; twice as long each time after."""
EMPTY_PAUSE = 60.0
MAX_EMPTY_PAUSE = 900.0
"""Seconds without completions when a supplier says that no credit is left: at first, at most."""
_DOUBLINGS = 10


@dataclass(slots=True)
class Breaker:
    """Opens after 5 failures in a row, or when at least half of 10 or more in 60 s failed.

    After 30 s it lets one request through as a probe: if that is answered the breaker
    closes, if not it stays open for another 60, 120, 240 s. It opens for longer, too, if it was
    closed for less than a minute. All times are monotonic seconds.
    """

    _results: deque[tuple[float, bool]] = field(default_factory=deque[tuple[float, bool]])
    _in_a_row: int = 0
    _open_until: float | None = None
    _probing: bool = False
    _openings: int = 0
    _changed: float = -math.inf
    """When a probe failed or was answered last."""

    @property
    def closed(self) -> bool:
        """Whether requests go through as if nothing had been."""
        return self._open_until is None

    def wait(self, now: float, *, last_resort: bool = False) -> float:
        """Seconds until a request may go out; 0 if one may now (see :meth:`take`).

        As a last resort one may go out every 4 s.
        """
        if self._open_until is None:
            return 0.0
        if self._probing:
            return math.inf
        until = self._open_until
        if last_resort:
            until = min(until, self._changed + LAST_RESORT)
        return max(0.0, until - now)

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
            self._changed = now
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
            self._open(now)
        self._probing = False

    def _open(self, now: float) -> None:
        # A probe before its time, as a last resort, or one more failure of those that were on
        # their way tells nothing new.
        if self._open_until is None or now >= self._open_until:
            if self._open_until is None and now - self._changed >= HEALTHY:
                self._openings = 0
            self._openings = min(self._openings + 1, _DOUBLINGS)
            self._open_until = now + min(OPEN_FOR * 2 ** (self._openings - 1), MAX_OPEN)
        self._changed = now

    def _note(self, now: float, *, failed: bool) -> None:
        self._results.append((now, failed))
        while self._results[0][0] <= now - WINDOW:
            self._results.popleft()


@dataclass(slots=True)
class Pause:
    """Keeps requests from a supplier that asked for time, each time in a row for twice as long."""

    most: float = MAX_PAUSE
    _until: float = -math.inf
    _since: float = -math.inf
    """When the refusal that counted last came."""
    _times: int = 0

    def wait(self, now: float) -> float:
        """Seconds left of the pause."""
        return max(0.0, self._until - now)

    def refused(self, now: float, asked: float, sent: float = math.inf) -> None:
        """The supplier asked for ``asked`` seconds in answer to a request of the time ``sent``.

        Those that were on their way when another was refused tell nothing new.
        """
        if sent > self._since:
            self._since = now
            self._times = min(self._times + 1, _DOUBLINGS)
        pause = (asked or DEFAULT_PAUSE) * 2 ** max(0, self._times - 1)
        self._until = max(self._until, now + min(pause, self.most))

    def wished(self, now: float, asked: float) -> None:
        """The supplier is unwell and named a time at which it wants to be asked again."""
        self._until = max(self._until, now + asked)

    def answered(self, sent: float) -> None:
        """The supplier has answered a request of the time ``sent``."""
        if sent > self._since:
            self._times = 0


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
    error: ProviderError,
    *,
    started: bool,
    may_retry: bool,
    more: bool,
    backoff: float,
    pause: float = 0.0,
) -> Decision:
    """What follows a failure.

    Args:
        error: what went wrong.
        started: something of the answer has been handed on already.
        may_retry: a retry at this target is still allowed (chat, first attempt).
        more: another usable target is listed after this one.
        backoff: seconds to wait before a retry, drawn by the caller.
        pause: seconds for which nothing may go to this target now.
    """
    if started or not error.failover:
        return Fail()
    # A timeout has used up the user's patience with this target: no second helping.
    if not may_retry or isinstance(error, TimedOut):
        return NextTarget()
    if not pause:
        return Retry(backoff)
    if not more and pause <= PATIENCE:
        return Retry(max(pause + MARGIN, backoff))
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
