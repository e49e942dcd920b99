"""Other texts for a place where the user asked: up to three, cycled through without a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from polypilot.completion.cache import Entry
    from polypilot.completion.flight import Flight, Origin
    from polypilot.completion.lanes import Lane, Waiter
    from polypilot.completion.launch import Launcher
    from polypilot.completion.offering import Offers
    from polypilot.completion.values import Answer
    from polypilot.tasks import Tasks

TEMPERATURES = (0.5, 0.9)
"""One more request each. The first suggestion is the model's likeliest."""
WAIT = 1.5
"""Seconds that the first suggestion waits for the others at most."""


class Alternatives:
    """Asks the same model again, less strictly, and keeps what differs."""

    def __init__(
        self,
        launcher: Launcher,
        offers: Offers,
        tasks: Tasks,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._launcher = launcher
        self._offers = offers
        self._tasks = tasks
        self._sleep = sleep

    async def beside(self, lane: Lane, waiter: Waiter, origin: Origin, answer: Answer) -> Answer:
        """``answer`` with what else the model would write there.

        A newer key, or the end of the wait, leaves it with what has arrived.
        """
        first = tuple(lane.flights)
        found: list[Entry] = []
        late: list[bool] = []
        timer = self._tasks.spawn(self._ring(waiter, late), name="completion-alternatives")
        waiting = list(TEMPERATURES)
        running: list[Flight] = []
        try:
            while not waiter.superseded and not late:
                # What goes on behind the first one is not what the user waits for.
                coming = not _given_up(first)
                running = [flight for flight in running if not flight.ended]
                while waiting and self._launcher.has_seat(lane, origin.plan):
                    flight = self._launcher.send(
                        lane, origin, keep=found.append, temperature=waiting.pop(0)
                    )
                    if flight is None:
                        waiting.clear()
                    else:
                        running.append(flight)
                if not waiting and not running and not coming:
                    break
                await waiter.wait()
        finally:
            timer.cancel()
            for flight in running:
                flight.cancel()
        if not waiter.superseded and (whole := self._offers.known(lane, origin, answer.source)):
            answer = whole if whole.suggestions else answer
        return self._offers.beside(lane, origin.ask, answer, _different(answer, found))

    async def _ring(self, waiter: Waiter, late: list[bool]) -> None:
        await self._sleep(WAIT)
        late.append(True)
        waiter.wake()


def _given_up(flights: Sequence[Flight]) -> bool:
    """End those whose text at the cursor is known; whether these are all."""
    known = [flight for flight in flights if flight.settled]
    for flight in known:
        flight.cancel()
    return len(known) == len(flights)


def _different(answer: Answer, found: list[Entry]) -> list[Entry]:
    """Those of ``found`` that say something, and something else than the others."""
    seen = {suggestion.text.strip() for suggestion in answer.suggestions}
    kept: list[Entry] = []
    for entry in found:
        text = entry.text.strip()
        if text and text not in seen:
            seen.add(text)
            kept.append(entry)
    return kept
