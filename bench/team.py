"""A team types at once: first text, fairness and cancellation at one shared llama.cpp server.

Every typist has a whole Polypilot server of their own, over stdio, as an editor starts it, whose
row ``team`` leads over real HTTP to one llama.cpp server (xllamacpp's, in a process of its own).
All of it shares this machine's cores: the column of the editors' CPU says what they took.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from polypilot.embedded.catalog import choose
from polypilot.embedded.store import ModelStore
from team_calibrate import Rates, calibrate
from team_cancel import cancels
from team_figures import HEAD, Figures, count, row
from team_server import Serving, team_server, watch
from team_tap import tapped
from team_typist import Habits, Typist, typist

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTLE = 5.0
"""Seconds more than the first prompts' reading takes, before anything is counted."""


async def run(how: Serving, users: int, habits: Habits, warm: float, name: str) -> Figures:
    """So many typists at a fresh server."""
    found = Figures(users, how.slots, name, habits.prefetch)
    waiting: list[int] = []
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(team_server(how))
            taps = await stack.enter_async_context(tapped(server.port, users))
            people = [
                await stack.enter_async_context(typist(number, tap, Path(folder), habits))
                for number, tap in enumerate(taps)
            ]
            begin = loop.time() + warm
            typing = [asyncio.ensure_future(each.type(habits)) for each in people]
            await asyncio.sleep(warm)
            before, cpu = await server.counters(), _cpu(people)
            watching = asyncio.ensure_future(watch(server, waiting))
            await asyncio.wait(typing, return_when=asyncio.FIRST_COMPLETED)
            found.seconds = loop.time() - begin
            found.editors_cpu = (_cpu(people) - cpu) / found.seconds
            after = await server.counters()
            watching.cancel()
            await asyncio.gather(*typing)
            await asyncio.gather(watching, return_exceptions=True)
    found.read = _grown("prompt_tokens_total", before, after)
    found.written = _grown("tokens_predicted_total", before, after)
    found.waiting, found.most_waiting = statistics.mean(waiting or [0]), max(waiting, default=0)
    return count(found, people, begin)


def _grown(name: str, before: dict[str, float], after: dict[str, float]) -> int:
    return int(after[name] - before[name])


def _cpu(people: Sequence[Typist]) -> float:
    """Seconds of CPU that the typists' Polypilots have taken."""
    times = [psutil.Process(each.editor.server.pid).cpu_times() for each in people]
    return sum(each.user + each.system for each in times)


def _model(options: argparse.Namespace, name: str) -> Path:
    store, model = ModelStore(options.models), choose(name)
    store.pull(model)
    return store.path_of(model)


async def everything(options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for."""
    how = Serving(_model(options, options.model), threads=options.threads, cache=options.cache_ram)
    habits = Habits(
        seconds=options.seconds, seed=options.seed, prompt=options.prompt, prefetch=options.prefetch
    )
    load = os.getloadavg()[0]
    said = f"{os.cpu_count()} cores, load {load:.1f}, {options.threads} threads, {options.model}"
    print(f"{said}, prompts of {options.prompt} tokens at most", flush=True)
    found: dict[str, Any] = {"machine": said, "prompt": options.prompt, "runs": []}
    if options.rates:
        rates = await calibrate(how, options.rates)
        found["rates"] = asdict(rates)
        print(_rates(rates), flush=True)
    if options.cancels:
        async with team_server(how) as server:
            found["cancels"] = await cancels(server, options.cancels)
        for name, took in found["cancels"].items():
            times = f"{1000 * statistics.median(took):.0f} ms, at most {1000 * max(took):.0f} ms"
            print(f"hung up while {name}: slot idle after {times} ({len(took)} runs)", flush=True)
    print(f"\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    for again in range(options.runs):
        for slots in options.slots:
            for users in options.users:
                each = Serving(how.model, slots, how.context, how.threads, how.cache)
                mine = Habits(**(asdict(habits) | {"seed": options.seed + 100 * again}))
                figures = await run(each, users, mine, options.warm, options.model)
                found["runs"].append(figures.plain())
                print(row(figures), flush=True)
    return found


def _rates(rates: Rates) -> str:
    steps = ", ".join(f"{users} at once {pace:.0f}" for users, pace in rates.written.items())
    return f"alone: reads {rates.read:.0f} tokens/s; writes tokens/s, together: {steps}"


def numbers(text: str) -> list[int]:
    """Numbers between commas."""
    return [int(each) for each in text.split(",")]


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="team.py", description=__doc__)
    add = parser.add_argument
    add("--users", type=numbers, default=[1, 5, 20], help="typists at once, with commas")
    add("--slots", type=numbers, default=[1, 4, 8], help="of the server, with commas")
    add("--seconds", type=float, default=90.0, help="that everybody types")
    add("--warm", type=float, default=30.0, help="of these that are not counted")
    add("--runs", type=int, default=1)
    add("--model", default="smollm2-135m")
    add("--models", type=Path, default=None, help="folder of its file")
    add("--threads", type=int, default=2, help="the server's")
    add("--cache-ram", type=int, default=1024, help="MiB for prompts without a slot")
    add("--prompt", type=int, default=256, help="tokens of a completion's prompt at most")
    add("--prefetch", choices=("auto", "off"), default="auto")
    add("--cancels", type=int, default=10, help="runs of each kind; 0: none")
    add("--rates", type=int, default=3, help="measurements of the server alone; 0: none")
    add("--seed", type=int, default=5)
    add("--json", type=Path, help="write everything into this file")
    return parser.parse_args(arguments)


def main() -> None:
    """See ``options_of``."""
    options = options_of()
    found = asyncio.run(everything(options))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"written: {options.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
