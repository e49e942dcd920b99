"""When the next round of a watch is, whatever becomes of the clock."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_SLICE_S: Final = 30.0
"""A machine that wakes up from sleep notices after so long what is overdue."""


@dataclass(slots=True)
class Timetable:
    """Waits for rounds, ``every`` so many seconds from the begin of one to that of the next.

    The clock on the wall goes on while the machine sleeps; the steady one is not set. Whichever
    says first that the time has come is believed. What was missed is made up for once, not as
    often as it was missed.

    Args:
        every: seconds.
        wall, steady: seconds since the epoch; since whenever.
        sleep: waits for so many seconds.
    """

    every: float
    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _due: tuple[float, float] = (0.0, 0.0)

    def begin(self) -> None:
        """A round begins now: the next one is counted from here."""
        self._due = self.wall() + self.every, self.steady() + self.every

    @property
    def left(self) -> float:
        """Seconds until the next round; 0: it is due."""
        wall, steady = self._due
        return max(0.0, min(wall - self.wall(), steady - self.steady()))

    async def wait(self) -> None:
        """Until the next round is due; at once if it is."""
        while (left := self.left) > 0:
            await self.sleep(min(left, _SLICE_S))
