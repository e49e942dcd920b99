"""When a second target is asked for a completion before the first one has answered.

Pure. Only targets that cost nothing are hedged, and only if the user wants it.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot_providers.action import Target

FIRST_DELAY = 0.4
"""Seconds until the second is asked, as long as little is known of the first."""
ENOUGH = 5
"""Answers after which their 95th percentile is believed."""
HISTORY = 50
PART = 0.1
"""The part of all requests that may be hedged."""
WINDOW = 600.0
"""Seconds over which that part is taken."""


@dataclass(slots=True)
class Latency:
    """Seconds to the first text of a target's recent answers."""

    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def answered(self, seconds: float) -> None:
        """It took so long."""
        self._recent.append(seconds)

    def given_up(self, seconds: float) -> None:
        """It had not answered by then: worth noting only where that says it was slow."""
        if seconds >= self.delay():
            self._recent.append(seconds)

    def delay(self) -> float:
        """The 95th percentile, or 0.4 s."""
        if len(self._recent) < ENOUGH:
            return FIRST_DELAY
        return sorted(self._recent)[math.ceil(0.95 * len(self._recent)) - 1]


@dataclass(slots=True)
class Budget:
    """At most a tenth of the requests of the last ten minutes may be hedged."""

    _requests: deque[float] = field(default_factory=deque[float])
    _hedges: deque[float] = field(default_factory=deque[float])

    def asked(self, now: float) -> None:
        """A request of the user's goes out."""
        self._requests.append(now)
        _forget(self._requests, now)

    def take(self, now: float) -> bool:
        """Whether one may be hedged now; if so it is counted."""
        _forget(self._requests, now)
        _forget(self._hedges, now)
        if len(self._hedges) + 1 > PART * len(self._requests):
            return False
        self._hedges.append(now)
        return True


class Hedges:
    """What is remembered for hedging."""

    def __init__(self) -> None:
        self.budget = Budget()
        self._latencies: defaultdict[Target, Latency] = defaultdict(Latency)

    def latency(self, target: Target) -> Latency:
        """How fast a target has been."""
        return self._latencies[target]


def rival_of(
    target: Target, rest: Sequence[Target], free: Callable[[Target], bool]
) -> Target | None:
    """Whom to ask beside ``target``: the next in the user's list, if both cost nothing."""
    if not free(target):
        return None
    return next((other for other in rest if other != target and free(other)), None)


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - WINDOW:
        times.popleft()
