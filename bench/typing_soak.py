"""Very many completions at full speed, and what the server's memory does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_editor import Document
from typing_replay import region_of

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from typing_editor import Key
    from typing_oracle import Oracle
    from typing_server import Memory, Server

KEYS = 400
"""Keys in a document before it is closed and another one opened."""
UNWAITED = 0.1
"""Share of the keys after which the next one comes at once: their asks are superseded."""
PATIENCE = 30.0
MARKS = (0.1, 0.5, 1.0)


@dataclass(slots=True)
class Soak:
    """What it gave."""

    asked: int = 0
    answered: int = 0
    """Asks answered with a text."""
    never: int = 0
    failed: int = 0
    requests: int = 0
    seconds: float = 0.0
    memory: dict[float, Memory] = field(default_factory=dict[float, "Memory"])
    """By the share of the asks that had been made."""


async def soak(
    server: Server,
    oracle: Oracle,
    folder: Path,
    *,
    files: Sequence[tuple[str, str]],
    count: int,
    draw: random.Random,
) -> Soak:
    """Type through the files, over and over, without any gap."""
    loop = asyncio.get_running_loop()
    found, marks, began = Soak(), list(MARKS), loop.time()
    number = 0
    while found.asked < count:
        name, truth = files[number % len(files)]
        shifted = truth[draw.randrange(len(truth) // 2) :]
        region = region_of(name, shifted, KEYS, "middle")
        number += 1
        oracle.know(shifted)
        uri = (folder / f"soak_{number}.py").as_uri()
        document = Document(server, uri, region.before, region.behind)
        keys: list[Key] = []
        for char in region.text:
            document.insert(char)
            keys.append(document.ask())
            if draw.random() >= UNWAITED:
                await _replied(keys[-1])
            found.asked += 1
            if marks and found.asked >= marks[0] * count:
                found.memory[marks.pop(0)] = server.memory()
            if found.asked == count:
                break
        await _replied(keys[-1])
        document.close()
        _count(found, keys)
        found.requests += len(oracle.served)
        oracle.served.clear()
    found.seconds = loop.time() - began
    return found


def _count(found: Soak, keys: Sequence[Key]) -> None:
    for key in keys:
        found.answered += bool(key.text.strip())
        found.never += key.answered is None
        found.failed += key.failed


async def _replied(key: Key) -> None:
    """Wait for the reply, for a while."""
    assert key.reply is not None
    await asyncio.wait([key.reply], timeout=PATIENCE)
