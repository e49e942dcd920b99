"""What the engine holds per document: the newest ask, the request in flight, what is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.completion.cache import Entry, Key
    from polypilot.completion.flight import Flight
    from polypilot.completion.values import Ask


class Waiter:
    """An ask that is being answered. Woken whenever something it may depend on has happened."""

    def __init__(self) -> None:
        self.superseded = False
        self.pacing = False
        """Its wait for a newer key has begun."""
        self.paced = False
        """It has waited for a newer key as long as it had to."""
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something happened."""
        self._woken.set()

    async def wait(self) -> None:
        """Until something happens."""
        await self._woken.wait()
        self._woken.clear()


@dataclass(frozen=True, slots=True)
class OnScreen:
    """The suggestion the editor shows, as far as we know."""

    entry: Entry
    chars: int
    """Length of the document when nothing of the suggestion had been typed."""

    def rest(self, key: Key, ask: Ask) -> str | None:
        """What is left of it at this ask; None if something else was typed."""
        if key != self.entry.key:
            return None
        typed = ask.snapshot.total_chars - self.chars
        return self.entry.rest(ask.snapshot.prefix, typed) if typed >= 0 else None


@dataclass(slots=True)
class Lane:
    """A document's state. One waiter at most, one flight at most."""

    waiter: Waiter | None = None
    flight: Flight | None = None
    shown: OnScreen | None = None

    def replace_waiter(self) -> Waiter:
        """A newer ask is here: the one before it is to be answered at once."""
        self.supersede()
        self.waiter = Waiter()
        return self.waiter

    def supersede(self) -> None:
        """Have the ask that waits answered with nothing."""
        if self.waiter is not None:
            self.waiter.superseded = True
            self.waiter.wake()

    def wake(self) -> None:
        """Something happened that the newest ask may depend on."""
        if self.waiter is not None:
            self.waiter.wake()

    def abandon_flight(self) -> None:
        """End the request; the lane is free again when its socket is closed."""
        if self.flight is not None:
            self.flight.cancel()

    @property
    def idle(self) -> bool:
        """Whether nothing is going on."""
        return self.waiter is None and self.flight is None


class Lanes:
    """All documents' states; idle ones are dropped when there are many."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._lanes: dict[str, Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._lanes))

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return sum(lane.flight is not None for lane in self._lanes.values())

    def of(self, uri: str) -> Lane:
        """A document's state, new if there is none."""
        lane = self._lanes.get(uri)
        if lane is None:
            if len(self._lanes) >= self._most:
                self._lanes = {uri: lane for uri, lane in self._lanes.items() if not lane.idle}
            lane = self._lanes[uri] = Lane()
        return lane

    def close(self, uri: str) -> None:
        """End a document's request, and have its ask answered."""
        lane = self._lanes.pop(uri, None)
        if lane is not None:
            lane.abandon_flight()
            lane.supersede()

    def showing(self, suggestion_id: str) -> Lane | None:
        """The document that shows a suggestion."""
        for lane in self._lanes.values():
            if lane.shown is not None and lane.shown.entry.id == suggestion_id:
                return lane
        return None
