"""The part of ``keystroke.py`` about keys that are answered from the cache, and what both share."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from typing_editor import Document, Key
from typing_replay import share, until

if TYPE_CHECKING:
    from typing_oracle import Oracle
    from typing_server import Server

LINE = "    value = compute(argument)  # note\n"
LED, REST = "result_{} = ", "compute_the_result_of(something_{}, with_options=True)"
CACHED = 40
"""Keys that one suggestion answers."""
SETTLE = 0.1


@dataclass(slots=True)
class Row:
    """Of a server and a length, milliseconds per key."""

    server: str
    lines: int
    change_cpu: float = 0.0
    handler: float = 0.0
    both_cpu: float = 0.0
    both_p50: float = 0.0
    both_p99: float = 0.0
    answered: int = 0
    """Keys that had a text for an answer."""
    keys: int = 0
    requests: int = 0
    """To the provider while keys were answered from the cache: what was asked ahead."""


def cpu(pid: int) -> float:
    """Seconds of CPU time that a process has had, those of ended threads included."""
    if sys.platform == "linux":
        return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) gives for it
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass(slots=True)
class Meter:
    """Adds up what keys cost a process."""

    server: Server
    row: Row
    spent: float = 0.0
    walls: list[float] = field(default_factory=list[float])

    async def keys(self, document: Document, text: str) -> None:
        """Type, each key answered before the next."""
        before = cpu(self.server.pid)
        for char in text:
            document.insert(char)
            key = document.ask()
            await _replied(key)
            assert key.answered is not None
            self.walls.append(key.answered - key.at)
            self.row.answered += bool(key.items)
        self.spent += cpu(self.server.pid) - before
        self.row.keys += len(text)

    def sum_up(self) -> None:
        """Fill in the row."""
        self.row.both_cpu = self.spent / self.row.keys * 1000
        self.row.both_p50 = statistics.median(self.walls) * 1000
        self.row.both_p99 = (share(self.walls, 0.99) or 0.0) * 1000


async def _replied(key: Key) -> None:
    assert key.reply is not None
    await key.reply


async def our_both(server: Server, oracle: Oracle, row: Row, keys: int, uri: str) -> None:
    """Type along suggestions that are in the cache."""
    half = LINE * (row.lines // 2)
    document = Document(server, uri, half, "\n" + half)
    meter = Meter(server, row)
    for number in range(max(1, keys // CACHED)):
        led, rest = LED.format(number), REST.format(number)
        document.insert(f"\n{led}" if number else led)
        oracle.know(document.before + rest + document.behind)
        await _replied(document.ask())
        await asyncio.sleep(SETTLE)  # what is asked ahead begins now, and is not in the figure
        await until(lambda: not oracle.running, 5)
        requests = len(oracle.served)
        await meter.keys(document, rest[:CACHED])
        row.requests += len(oracle.served) - requests
        document.insert(rest[CACHED:])
        await until(lambda: not oracle.running, 5)
    meter.sum_up()


async def their_both(server: Server, row: Row, keys: int, uri: str) -> None:
    """The same with pygls."""
    half = LINE * (row.lines // 2)
    document = Document(server, uri, half, "\n" + half)
    meter = Meter(server, row)
    for _ in range(max(1, keys // CACHED)):
        document.insert("\nresult = ")
        await meter.keys(document, REST[:CACHED])
    meter.sum_up()
