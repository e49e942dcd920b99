"""What the engine holds per document: the newest ask, the requests in flight, what is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.completion.values import Placed, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.completion.cache import Entry, Key
    from polypilot.completion.flight import Flight, Origin
    from polypilot.completion.places import Place
    from polypilot.completion.values import Ask
    from polypilot.workspace.documents import Position

_TAIL = 48


class Waiter:
    """An ask that is being answered. Woken whenever something it may depend on has happened."""

    def __init__(self) -> None:
        self.superseded = False
        self.pacing = False
        """Its wait for a newer key has begun."""
        self.paced = False
        """It has waited for a newer key as long as it had to."""
        self.waits_for_whole = False
        """Its wait for the rest of a block whose first text is there has begun."""
        self.patient = True
        """It would rather wait for the whole of a block than take its first lines."""
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
    given: str = ""
    """What of it was offered last."""
    position: Position | None = None
    """Where."""
    anchor: str = ""
    """What stands before that."""

    def placed(self, chars: int | None = None) -> Placed | None:
        """The text that the user has when it is taken, or its first ``chars`` characters."""
        text = self.given[:chars]
        if self.position is None or not text:
            return None
        return Placed(self.entry.key.uri, self.position, self.anchor, text)

    def rest(self, key: Key, ask: Ask) -> str | None:
        """What is left of it at this ask; None if something else was typed."""
        if key != self.entry.key:
            return None
        typed = ask.snapshot.total_chars - self.chars
        return self.entry.rest(ask.snapshot.prefix, typed) if typed >= 0 else None


@dataclass(frozen=True, slots=True)
class Taken:
    """The document right after a suggestion of one line was taken."""

    chars: int
    tail: str

    @classmethod
    def of(cls, shown: OnScreen) -> Taken | None:
        """After taking what is shown; None if it has several lines."""
        entry = shown.entry
        if "\n" in entry.text or "\r" in entry.text:
            return None
        return cls(shown.chars + len(entry.text), (entry.anchor + entry.text)[-_TAIL:])

    def at(self, ask: Ask) -> bool:
        """Whether nothing has happened since."""
        snapshot = ask.snapshot
        return snapshot.total_chars == self.chars and snapshot.prefix.endswith(self.tail)


@dataclass(slots=True)
class Lane:
    """A document's state. One waiter at most; the flights are those that have not ended."""

    waiter: Waiter | None = None
    flights: list[Flight] = field(default_factory=list["Flight"])
    shown: OnScreen | None = None
    before: OnScreen | None = None
    """What was shown until what follows it was: the editor may tell later that it was taken."""
    others: dict[str, OnScreen] = field(default_factory=dict[str, OnScreen])
    """What was offered beside it, by id."""
    taken: Taken | None = None
    last: Origin | None = None
    """The newest ask that may be answered."""
    unserved: float | None = None
    """When the first of the asks came that newer ones keep replacing."""
    partial: Flight | None = None
    """The request whose text was given before it was whole, to the newest ask."""
    asked_ahead: str = ""
    """Id of the suggestion of which is known, or on its way, what follows it."""
    closed: bool = False

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

    def riding(self, origin: Origin) -> tuple[Flight, Place] | None:
        """The newest request whose text is what the user types; the others are given up."""
        found: tuple[Flight, Place] | None = None
        for flight in self.flights:
            agreeing = (place for place in origin.places if flight.agrees(place.key, place.ask))
            if place := next(agreeing, None):
                found = flight, place
                flight.wanted = flight.wanted or origin.ask.trigger is not Trigger.AUTOMATIC
            else:
                flight.cancel()
        return found

    def abandon(self) -> None:
        """End all requests; their seats are free again when their sockets are closed."""
        for flight in self.flights:
            flight.cancel()

    @property
    def idle(self) -> bool:
        """Whether nothing is going on."""
        return self.waiter is None and not self.flights


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
        return sum(len(lane.flights) for lane in self._lanes.values())

    def of(self, uri: str) -> Lane:
        """A document's state, new if there is none."""
        lane = self._lanes.get(uri)
        if lane is None:
            if len(self._lanes) >= self._most:
                self._lanes = {uri: lane for uri, lane in self._lanes.items() if not lane.idle}
            lane = self._lanes[uri] = Lane()
        return lane

    def close(self, uri: str) -> None:
        """End a document's requests, and have its ask answered."""
        lane = self._lanes.pop(uri, None)
        if lane is not None:
            lane.closed = True
            lane.abandon()
            lane.supersede()

    def showing(self, suggestion_id: str) -> tuple[Lane, OnScreen] | None:
        """The document to which a suggestion was offered last, and where."""
        for lane in self._lanes.values():
            for shown in (lane.shown, lane.before):
                if shown is not None and shown.entry.id == suggestion_id:
                    return lane, shown
            if suggestion_id in lane.others:
                return lane, lane.others[suggestion_id]
        return None
