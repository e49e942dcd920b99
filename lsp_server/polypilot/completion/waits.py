"""The waits of an ask: for a newer key before it sends, and for the whole of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.completion.pacing import PROMOTE, moment_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.completion.flight import Flight, Origin
    from polypilot.completion.lanes import Lane, Waiter
    from polypilot.completion.pacing import Pace
    from polypilot.tasks import Tasks

LINGER = 0.05
"""Seconds a request whose ask was cancelled may go on: editors cancel and ask anew in one
breath, and the new ask may want it."""
PATIENCE = 0.25
"""Seconds after the first text, from when on the first whole lines of a block are taken in
place of all of it."""


class Waits:
    """Ends waits by waking the ask."""

    def __init__(
        self,
        pace: Pace,
        tasks: Tasks,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._pace = pace
        self._tasks = tasks
        self._clock = clock
        self._sleep = sleep

    def paced(self, lane: Lane, waiter: Waiter, origin: Origin) -> bool:
        """Whether the ask has waited for a newer key long enough; starts the wait."""
        if not waiter.pacing:
            waiter.pacing = True
            now = self._clock()
            if lane.unserved is None:
                lane.unserved = now
            delay = self._pace.delay(moment_of(origin.ask, embedded=origin.plan.embedded))
            delay = min(delay, lane.unserved + PROMOTE - now)
            waiter.paced = delay <= 0
            if not waiter.paced:
                self._tasks.spawn(self._pass_time(delay, waiter), name="completion-pace")
        return waiter.paced

    def for_the_whole(self, waiter: Waiter) -> None:
        """Let the ask wait for the whole of a block that has begun, but not for ever."""
        if not waiter.waits_for_whole:
            waiter.waits_for_whole = True
            self._tasks.spawn(self._lose_patience(waiter), name="completion-patience")

    def for_another(self, lane: Lane, uri: str) -> None:
        """Let the requests of an ask that was cancelled wait for the next one."""
        work = self._drop_unwanted(lane, tuple(lane.flights), lane.last)
        self._tasks.latest(uri, work, name="completion-linger")

    async def _pass_time(self, delay: float, waiter: Waiter) -> None:
        await self._sleep(delay)
        waiter.paced = True
        waiter.wake()

    async def _lose_patience(self, waiter: Waiter) -> None:
        await self._sleep(PATIENCE)
        waiter.patient = False
        waiter.wake()

    async def _drop_unwanted(
        self, lane: Lane, flights: tuple[Flight, ...], last: Origin | None
    ) -> None:
        """End the requests, unless there was a newer ask meanwhile, which has judged them."""
        await self._sleep(LINGER)
        if lane.waiter is None and lane.last is last:
            for flight in flights:
                flight.cancel()
