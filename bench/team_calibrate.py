"""How fast the server is when it is asked directly: what the simulation counts with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from team_server import team_server

if TYPE_CHECKING:
    from team_server import Serving, TeamServer

_TOGETHER = (1, 2, 4, 8)
_PROMPT = 400
_WRITTEN = 48


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens a second."""

    read: float
    """Of one prompt, nobody else asking."""
    written: dict[int, float]
    """By how many write at once: all of them together."""


async def calibrate(how: Serving, runs: int) -> Rates:
    """Measure a server of as many slots as are wanted at most, ``runs`` times; the best counts."""
    async with team_server(replace(how, slots=_TOGETHER[-1], cache=0)) as server:
        reads = [await _read(server, number) for number in range(runs)]
        written: dict[int, float] = {}
        for users in _TOGETHER:
            paces = [await _write(server, users) for _ in range(runs)]
            written[users] = max(paces)
        # The best of each: whatever else the machine did only took away from it.
        return Rates(max(reads), written)


async def _read(server: TeamServer, number: int) -> float:
    tokens = [1000 + (number * 7919 + each * 31) % 30000 for each in range(_PROMPT)]
    answer = await _ask(server, tokens, 1)
    return 1000 * answer["prompt_n"] / answer["prompt_ms"]


async def _write(server: TeamServer, users: int) -> float:
    asks = [_ask(server, [1000 + user], _WRITTEN) for user in range(users)]
    answers = await asyncio.gather(*asks)
    return sum(1000 * each["predicted_n"] / each["predicted_ms"] for each in answers)


async def _ask(server: TeamServer, prompt: list[int], tokens: int) -> dict[str, Any]:
    body = {"prompt": prompt, "n_predict": tokens, "ignore_eos": True, "cache_prompt": False}
    return (await server.post("/completion", body))["timings"]
