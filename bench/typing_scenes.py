"""Single moments of typing: a cold key, a burst away from what the model says, after an accept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_replay import Region, share, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_editor import Key
    from typing_oracle import Oracle
    from typing_replay import Typist

MISSING = 12
"""Lines behind the cursor's that the document lacks."""
BURST = "    def quaternion_of_{:02}(self):\n"
BURST_GAP = 0.04
QUIET = 0.6
"""Seconds of rest before a key that is to be cold."""
WAIT = 4.0
"""Seconds in which an answer must come."""
READING = 1.0
"""Seconds from an answer to its acceptance."""


@dataclass(slots=True)
class Scene:
    """One row: a scene, with one engine. Times in milliseconds."""

    scene: str
    engine: str
    runs: int
    empty: int = 0
    """Runs without a text."""
    never: int = 0
    """Asks that were never answered."""
    request: list[float] = field(default_factory=list[float])
    """From the key to the provider's having the request."""
    shown: list[float] = field(default_factory=list[float])
    """From the key to the text."""
    requests: list[int] = field(default_factory=list[int])
    """In each run."""
    aborted: int = 0
    unasked: int = 0
    """Runs answered without a request that the key itself caused."""

    @property
    def summary(self) -> dict[str, object]:
        """What is worth saying, by name."""
        both: dict[str, object] = {
            "scene": self.scene, "engine": self.engine, "runs": self.runs,
            "empty": self.empty, "never": self.never,
        }  # fmt: skip
        times = {"request": self.request, "shown": self.shown}
        for name, values in times.items():
            both[f"{name}_p50"] = share(values, 0.5)
            both[f"{name}_p90"] = share(values, 0.9)
        most = max(self.requests, default=0)
        return {
            **both, "requests": sum(self.requests), "most_requests": most,
            "aborted": self.aborted, "unasked": self.unasked,
        }  # fmt: skip


def points(name: str, truth: str, count: int) -> list[Region]:
    """Places in the middle of lines, far from each other, with some lines missing behind."""
    lines = truth.splitlines(keepends=True)
    usable = range(MISSING, len(lines) - 2 * MISSING)
    wanted = [number for number in usable if len(lines[number].strip()) >= 12]
    assert len(wanted) >= count, f"{name} is too short for {count} places"
    found: list[Region] = []
    for number in wanted[:: max(1, len(wanted) // count)][:count]:
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        start = sum(map(len, lines[:number])) + indent + (len(line) - indent) // 2
        end = sum(map(len, lines[: number + MISSING])) - 1
        found.append(Region(name, truth, truth[:start], truth[start:end], truth[end:], ""))
    return found


async def cold(typist: Typist, oracle: Oracle, places: Sequence[Region], scene: Scene) -> None:
    """A key after a rest, in a place of which nothing is known."""
    for place in places:
        await typist.begin(place.before, place.behind)
        await asyncio.sleep(QUIET)
        already = len(oracle.served)
        key = typist.type(place.text[0])
        await _answered(key)
        _note(scene, key)
        new = oracle.served[already:]
        if new:
            scene.request.append((new[0].start - key.at) * 1000)
        await _quiet(typist, oracle)
        scene.requests.append(len(oracle.served) - already)


async def burst(typist: Typist, oracle: Oracle, places: Sequence[Region], scene: Scene) -> None:
    """Keys 40 ms apart that leave what the model says."""
    for number, place in enumerate(places):
        lead = place.before[: place.before.rfind("\n") + 1]
        await typist.begin(lead, place.behind)
        await asyncio.sleep(QUIET)
        already = len(oracle.served)
        keys: list[Key] = []
        for char in BURST.format(number):
            keys.append(typist.type(char))
            await asyncio.sleep(BURST_GAP)
        await _answered(keys[-1])
        await _quiet(typist, oracle)
        new = oracle.served[already:]
        scene.requests.append(len(new))
        scene.aborted += sum(request.aborted for request in new)
        scene.never += sum(key.answered is None for key in keys)


async def following(typist: Typist, oracle: Oracle, places: Sequence[Region], scene: Scene) -> None:
    """The suggestion after one that was read for a second and taken."""
    for place in places:
        await typist.begin(place.before, place.behind)
        await asyncio.sleep(QUIET)
        already = len(oracle.served)
        first = typist.type(place.text[0])
        await _answered(first)
        if not place.agrees(first):
            scene.empty += 1
            continue
        await asyncio.sleep(READING)
        key = typist.take(first)
        await _answered(key)
        _note(scene, key)
        if key.answered is not None and key.text.strip():
            own = [key.at <= request.start <= key.answered for request in oracle.served]
            scene.unasked += not any(own)
        await _quiet(typist, oracle)
        new = oracle.served[already:]
        scene.requests.append(len(new))
        scene.aborted += sum(request.aborted for request in new)


SCENES = {"cold": cold, "burst": burst, "next": following}


def _note(scene: Scene, key: Key) -> None:
    """Count a key that is to be answered with a text."""
    if key.answered is None:
        scene.never += 1
    elif not key.text.strip():
        scene.empty += 1
    else:
        scene.shown.append((key.answered - key.at) * 1000)


async def _answered(key: Key) -> None:
    """Wait until a key has been answered, or will not be any more."""
    await until(lambda: key.answered is not None, WAIT)


async def _quiet(typist: Typist, oracle: Oracle) -> None:
    """Wait until nothing is on its way any more."""
    await typist.settle()
    await until(lambda: not oracle.running, WAIT)
