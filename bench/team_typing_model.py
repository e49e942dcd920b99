"""SIMULATION of a typist with Polypilot at a simulated server: the keys of the real replay.

Keys, pauses and looks are those that ``bench/team.py`` types. Polypilot is reduced to what the
server sees of it: some keys need a new request (the others go on with a text that is there or
coming), it is sent after a moment and ends the one before.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from team_model import Clock, Job, Server
from team_typist import LOOKING, presses
from typing_replay import share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from team_model import Speed
    from team_typist import Press

PACE = 0.075
"""Seconds from a key to its request."""
KEPT = 0.05
"""Seconds that a request is kept that nobody wants."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a typist asks of the server, on average; measured at one typist."""

    asks: float
    """Share of the keys that need a request."""
    cold: int
    """Tokens of a prompt of which nothing is in the cache, as the first one is."""
    read: float
    """Tokens of a later one that are not in the cache."""
    written: float
    """Tokens of an answer after which Polypilot has enough."""
    again: float = 0.0
    """Share of the later prompts that are read as if they were the first: elsewhere in the file."""
    rides: float = 0.0
    """Share of the looks that need no request, as what they show is known or under way."""


@dataclass(slots=True)
class Outcome:
    """What a simulation gave. Seconds."""

    users: int
    first: list[float] = field(default_factory=list[float])
    in_time: int = 0
    unanswered: int = 0
    sent: int = 0
    left: int = 0
    pieces: int = 0
    """Tokens written for those who still wanted them."""
    busy: float = 0.0
    """Share of the time in which the server worked."""
    shares: list[float] = field(default_factory=list[float])

    @property
    def p50(self) -> float:
        """Of the first texts."""
        return share(self.first, 0.5) or 0.0

    @property
    def p95(self) -> float:
        """Of the first texts."""
        return share(self.first, 0.95) or 0.0

    @property
    def part(self) -> float:
        """Of the looks: in time."""
        return self.in_time / len(self.first) if self.first else 0.0


@dataclass(frozen=True, slots=True)
class _Counted:
    outcome: Outcome
    begin: float
    """What happens before does not count; by half of it everybody types."""
    users: int


class Typist:
    """Types on the clock."""

    def __init__(
        self, number: int, seed: int, server: Server, demand: Demand, found: _Counted
    ) -> None:
        self._clock, self._server = server.clock, server
        self._demand, self._outcome, self._begin = demand, found.outcome, found.begin
        self._keys: Iterator[Press] = presses(number, seed)
        self._draw = random.Random(f"{seed} {number}")
        self._job: Job | None = None
        self._cold = True
        self._key = 0
        """The number of the newest key."""
        self.looks = self.good = 0
        self._clock.at(found.begin * number / found.users / 2, self._press)

    def _press(self) -> None:
        press, now = next(self._keys), self._clock.now
        self._key += 1
        key = self._key
        if not press.looks:
            if self._draw.random() < self._demand.asks:
                self._clock.at(now + PACE, lambda: self._ask(key, None))
            self._clock.at(now + press.pause, self._press)
            return
        if self._draw.random() < self._demand.rides:
            self._ride(key, now, press.pause)
        else:
            self._clock.at(now + PACE, lambda: self._ask(key, (now, press.pause)))
        self._clock.at(now + LOOKING, lambda: self._type_on(key, now, press.pause))

    def _ask(self, key: int, look: tuple[float, float] | None) -> None:
        if key != self._key:
            return  # a newer key came meanwhile, and asks for itself if it has to
        old, self._job = self._job, None
        if old is not None and old.write:
            self._clock.at(self._clock.now + KEPT, lambda: self._leave(old))
        counted = self._clock.now >= self._begin
        self._outcome.sent += counted
        job = self._job = Job(self._reading(), self._writing())
        if look is not None:
            job.first = lambda: self._text(job, look[0], look[1])
            job.end = lambda: self._type_on(key, *look)
        self._server.ask(job)

    def _ride(self, key: int, looked: float, pause: float) -> None:
        """The look is answered by what is known, or by the request under way."""
        job = self._job
        if job is None or not job.read:
            self._note(0.0, looked, pause)
            self._clock.at(looked + pause, lambda: self._type_on(key, looked, pause))
            return
        job.first = lambda: self._text(job, looked, pause)
        job.end = lambda: self._type_on(key, looked, pause)

    def _leave(self, job: Job) -> None:
        if job.write and not job.left:
            self._outcome.left += self._clock.now >= self._begin
            self._server.leave(job)

    def _text(self, job: Job, looked: float, pause: float) -> None:
        if job is self._job:
            self._note(self._clock.now - looked + self._server.speed.lag, looked, pause)

    def _note(self, took: float, looked: float, pause: float) -> None:
        if looked < self._begin:
            return
        self._outcome.first.append(took)
        self._outcome.in_time += took <= pause
        self.looks += 1
        self.good += took <= pause

    def _type_on(self, key: int, looked: float, pause: float) -> None:
        """The answer is whole, or the typist has waited long enough."""
        if key != self._key:
            return
        job = self._job
        if job is not None and job.read and self._clock.now - looked >= LOOKING:
            self._outcome.unanswered += looked >= self._begin
            self._note(LOOKING, looked, pause)
            self._leave(job)
            self._job = None
        self._key += 1
        self._clock.at(max(self._clock.now, looked + pause), self._press)

    def _reading(self) -> int:
        if self._cold or self._draw.random() < self._demand.again:
            self._cold = False
            return self._demand.cold
        return self._around(self._demand.read)

    def _writing(self) -> int:
        return self._around(self._demand.written)

    def _around(self, mean: float) -> int:
        """Half to one and a half times the mean, at least 1."""
        return max(1, round(mean * self._draw.uniform(0.5, 1.5)))


def simulate(
    speed: Speed, users: int, demand: Demand, *, seconds: float, warm: float, seed: int = 5
) -> Outcome:
    """So many typists at a server; what is asked before ``warm`` does not count."""
    clock = Clock()
    server = Server(clock, speed)
    found = Outcome(users)
    counted = _Counted(found, warm, users)
    typists = [Typist(number, seed, server, demand, counted) for number in range(users)]
    clock.run(warm)
    before, written = server.busy, server.written
    clock.run(seconds)
    found.busy = (server.busy - before) / (seconds - warm)
    found.pieces = server.written - written
    found.shares = [each.good / each.looks for each in typists if each.looks]
    return found


def most_users(
    speed: Speed, demand: Demand, limit: float, *, seconds: float, warm: float, most: int = 500
) -> int:
    """How many typists keep the 95th percentile of the first texts within ``limit`` seconds."""

    def fits(users: int) -> bool:
        p95 = simulate(speed, users, demand, seconds=seconds, warm=warm).p95
        return p95 <= limit and not math.isclose(p95, 0.0)

    low, high = 0, 1
    while high <= most and fits(high):
        low, high = high, high * 2
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
