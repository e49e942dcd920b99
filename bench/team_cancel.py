"""How soon a slot is free when whoever asked has hung up."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from team_server import TeamServer

_WORDS = " ".join(f"def function_{number}(value): return value * {number}" for number in range(60))
_TOKENS = 600
_POLL = 0.002


async def cancels(server: TeamServer, runs: int) -> dict[str, list[float]]:
    """Seconds from the socket's end until no slot works, by what it was doing."""
    found: dict[str, list[float]] = {}
    for number in range(runs):
        for name, path, body in (
            ("writing, /completion", "/completion", _native(f"Write {number}:")),
            ("writing, /v1/completions", "/v1/completions", _openai(f"Write {number}:")),
            ("reading, /completion", "/completion", _native(f"{number} {_WORDS}")),
            ("reading, /v1/completions", "/v1/completions", _openai(f"{number} {_WORDS}")),
        ):
            writing = name.startswith("writing")
            found.setdefault(name, []).append(await _one(server, path, body, writing=writing))
    return found


def _native(prompt: str) -> dict[str, Any]:
    body = {"prompt": prompt, "n_predict": _TOKENS, "stream": True, "ignore_eos": True}
    # As Polypilot's wire asks: reports of progress are what the server notices a hang-up by.
    return {**body, "return_progress": True, "cache_prompt": False}


def _openai(prompt: str) -> dict[str, Any]:
    body = {"prompt": prompt, "max_tokens": _TOKENS, "stream": True, "ignore_eos": True}
    return {**body, "cache_prompt": False}


async def _one(server: TeamServer, path: str, body: dict[str, Any], *, writing: bool) -> float:
    loop = asyncio.get_running_loop()
    await server.idle()
    reader, writer = await server.open(f"POST {path}", json.dumps(body).encode())
    pieces = 0
    if writing:
        while pieces < 5:
            line = await reader.readline()
            pieces += line.startswith(b"data: ") and b"prompt_progress" not in line
    else:
        while not await server.busy():  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(_POLL)
    writer.transport.abort()
    begin = loop.time()
    await server.idle(_POLL)
    return loop.time() - begin
