"""What the first price costs everybody else: the event loop while the price list is loaded.

    python bench/prices.py [--runs 5]

In processes of their own, a loop that wakes up every millisecond: idle, then while the first
price is looked up as the server does it (on another thread), then while a thousand more are.
Printed: the longest time between two wake-ups, and the memory that the list takes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time

import psutil

from polypilot.backend import Backend  # the server has all of it by then
from polypilot.backend.pricing import Prices
from polypilot_providers.catalog import rows
from polypilot_providers.types import Usage

IDLE_S = 0.5
LATER = 1000


async def _measure() -> dict[str, float]:
    gc.freeze()  # as the server does when it has started
    gaps: list[float] = []

    async def beat() -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - before)
            before = now

    def longest() -> float:
        found = max(gaps)
        gaps.clear()
        return 1000 * found

    async with asyncio.TaskGroup() as group:
        beating = group.create_task(beat())
        await asyncio.sleep(IDLE_S)
        idle = longest()
        process = psutil.Process()
        memory, began, cpu = process.memory_info().rss, time.perf_counter(), time.process_time()
        row, prices, usage = rows({})["openai"], Prices(), Usage(2000, 500, cache_read_tokens=1024)
        await prices.cost(row, ("gpt-5.6-luna",), usage)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        first = longest()
        began = time.perf_counter()
        for _ in range(LATER):
            await prices.cost(row, ("gpt-5.6-luna",), usage)
        each = (time.perf_counter() - began) / LATER
        result = {
            "idle": idle,
            "first": first,
            "later": longest(),
            "took": 1000 * took,
            "cpu": 1000 * cpu,
            "each": 1000 * each,
            "memory": (process.memory_info().rss - memory) / 2**20,
        }
        beating.cancel()
    return result


def main() -> None:
    """Run it in fresh processes and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        assert Backend is not None
        print(json.dumps(asyncio.run(_measure())))
        return
    found: list[dict[str, float]] = []
    for _ in range(options.runs):
        command = [sys.executable, __file__, "--child"]
        done = subprocess.run(command, check=True, capture_output=True, env=os.environ, text=True)
        found.append(json.loads(done.stdout))
    middle = {name: statistics.median(run[name] for run in found) for name in found[0]}
    print(f"loop idle: longest gap {middle['idle']:.1f} ms")
    ratio = middle["first"] / middle["idle"]
    print(f"first price: longest gap {middle['first']:.1f} ms, {ratio:.1f} times idle; it takes")
    print(f"  {middle['took']:.0f} ms, {middle['cpu']:.0f} ms CPU time, {middle['memory']:.0f} MiB")
    print(f"{LATER} later ones: longest gap {middle['later']:.1f} ms, {middle['each']:.2f} ms each")


if __name__ == "__main__":
    main()
