"""SIMULATION of a model's server and its typists: nothing is measured here, all is computed.

The server works in steps, as llama.cpp and vLLM do with continuous batching: a step writes one
token for every answer that is being written and reads up to ``batch`` tokens of prompts. Whoever
has no slot waits in order of arrival; who hangs up is noticed between two steps.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Clock:
    """What happens when; of things at the same time the one that was said first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something then."""
        heapq.heappush(self._due, (max(when, self.now), next(self._order), what))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] <= until:
            self.now, _, what = heapq.heappop(self._due)
            what()
        self.now = until


@dataclass(frozen=True, slots=True)
class Speed:
    """What a server can do. Rates in tokens a second."""

    slots: int
    read: float
    """Of prompts."""
    written: Mapping[int, float]
    """By how many are written at once: all together. Between them it is interpolated."""
    batch: int = 64
    """Tokens of prompts in one step at most."""
    lag: float = 0.0
    """Seconds from the editor to the server and back."""
    source: str = ""
    """Where the numbers are from."""

    def step(self, writing: int, reading: int) -> float:
        """Seconds of a step that writes for so many and reads so many tokens."""
        return (writing / self.rate(writing) if writing else 0.0) + reading / self.read

    def rate(self, writing: int) -> float:
        """Tokens a second, all answers together; beyond what is known, as the last known."""
        known = sorted(self.written)
        above = next((each for each in known if each >= writing), None)
        if above is None:
            return self.written[known[-1]]
        below = max((each for each in known if each <= writing), default=above)
        if above == below:
            return self.written[above]
        part = (writing - below) / (above - below)
        return self.written[below] + part * (self.written[above] - self.written[below])


@dataclass(slots=True, eq=False)
class Job:
    """One request."""

    read: int
    """Tokens of its prompt that are not in the cache; at least one is read."""
    write: int
    first: Callable[[], None] = lambda: None
    """Called when its first text is there."""
    end: Callable[[], None] = lambda: None
    """Called when it is whole."""
    asked: float = 0.0
    begun: float = math.inf
    left: bool = False
    """Whoever asked has hung up."""


@dataclass(slots=True)
class Server:
    """Slots, and those who wait for one."""

    clock: Clock
    speed: Speed
    waiting: deque[Job] = field(default_factory=deque[Job])
    working: list[Job] = field(default_factory=list[Job])
    busy: float = 0.0
    """Seconds in steps."""
    written: int = 0
    """Tokens, for those who had not left."""
    _stepping: bool = False

    def ask(self, job: Job) -> None:
        """Take a request."""
        job.asked = self.clock.now
        self.waiting.append(job)
        self._step()

    def leave(self, job: Job) -> None:
        """Its client hangs up."""
        job.left = True

    def _step(self) -> None:
        if self._stepping:
            return
        self.working = [job for job in self.working if not job.left and job.write]
        while self.waiting and len(self.working) < self.speed.slots:
            job = self.waiting.popleft()
            if not job.left:
                self.working.append(job)
        if not self.working:
            return
        for job in self.working:
            job.begun = min(job.begun, self.clock.now)
        writing = [job for job in self.working if not job.read]
        reading, room = dict[Job, int](), self.speed.batch
        for job in self.working:
            if job.read and room:
                reading[job] = min(job.read, room)
                room -= reading[job]
        took = self.speed.step(len(writing), sum(reading.values()))
        self.busy += took
        self._stepping = True
        self.clock.at(self.clock.now + took, lambda: self._stepped(writing, reading))

    def _stepped(self, writing: list[Job], reading: dict[Job, int]) -> None:
        self._stepping = False
        for job, tokens in reading.items():
            job.read -= tokens
            if not job.read and not job.left:
                self.written += 1
                job.write -= 1  # the last of a prompt gives the first of the answer
                job.first()
                if not job.write:
                    job.end()
        for job in writing:
            if not job.left:
                self.written += 1
                job.write -= 1
                if not job.write:
                    job.end()
        self._step()
