"""Which of the user's providers is out, and what the user has been told of it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.router import Switched, Target

HOLD = 60.0
"""Seconds after its return in which nothing is told of a provider that is out again."""
MAX_HOLD = 900.0


@dataclass(slots=True)
class _Absence:
    instead: set[Target] = field(default_factory=set["Target"])
    """Who the user knows to answer in its place."""
    quiet_until: float = -math.inf
    hold: float = HOLD


class Absences:
    """Says what to tell: each absence once, each return once, and of flapping ever less.

    Who is out again within a minute of its return is told of when that minute is over, if it is
    out still; each time in a row the minute doubles, up to a quarter of an hour.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._absences: defaultdict[Target, _Absence] = defaultdict(_Absence)

    def switched(self, switched: Switched) -> str:
        """Who answers instead of whom; empty if the user knows, or is left alone with it."""
        absence = self._absences[switched.from_]
        if switched.to in absence.instead or self._clock() < absence.quiet_until:
            return ""
        absence.instead.add(switched.to)
        left, to = switched.from_, switched.to
        if left.provider_id == to.provider_id:
            return f"{_whole(to)} answers instead of {_whole(left)}"
        return f"{to.provider_id} answers instead of {left.provider_id}"

    def answered(self, target: Target) -> str:
        """That ``target`` is back; empty if the user did not know that it was out."""
        absence = self._absences.get(target)
        if absence is None or not absence.instead:
            return ""
        absence.instead.clear()
        now = self._clock()
        again = now < absence.quiet_until + absence.hold
        absence.hold = min(2 * absence.hold, MAX_HOLD) if again else HOLD
        absence.quiet_until = now + absence.hold
        return f"{target.provider_id} answers again"


def _whole(target: Target) -> str:
    return f"{target.provider_id}/{target.model}"
