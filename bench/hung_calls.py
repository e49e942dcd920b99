"""How late the event loop is while calls into a keyring hang.

Prints the delay of a 1 ms timer, median and 99th percentile over 2,000 rounds: idle, beside 100
hung daemon threads (polypilot.tasks), and the time until a process with a hung call has ended,
beside the same with asyncio.to_thread, whose pool the interpreter joins (cut off at 10 s).
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import threading
import time

from polypilot.tasks import run_blocking, start_blocking

OURS = "await run_blocking(threading.Event().wait, timeout=0.1)"
POOL = "await asyncio.wait_for(asyncio.to_thread(threading.Event().wait), 0.1)"
PROGRAM = """
import asyncio, threading
from polypilot.tasks import run_blocking
async def main():
    try:
        {call}
    except TimeoutError:
        pass
asyncio.run(main())
"""


async def delays(rounds: int = 2000) -> list[float]:
    found: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append((time.perf_counter() - started - 0.001) * 1000)
    return found


def show(name: str, values: list[float]) -> None:
    p99 = statistics.quantiles(values, n=100)[98]
    print(f"{name:24} median {statistics.median(values):6.2f} ms   p99 {p99:6.2f} ms")


def exit_time(call: str) -> str:
    started = time.perf_counter()
    try:
        subprocess.run([sys.executable, "-c", PROGRAM.format(call=call)], timeout=10, check=True)
    except subprocess.TimeoutExpired:
        return "still there after 10 s"
    return f"{time.perf_counter() - started:.2f} s"


async def main() -> None:
    show("idle", await delays())
    release = threading.Event()
    hung = [start_blocking(release.wait, 120) for _ in range(100)]
    show("100 hung calls", await delays())
    release.set()
    await asyncio.gather(*hung)
    print(f"{'exit, daemon thread':24} {await run_blocking(exit_time, OURS, timeout=60)}")
    print(f"{'exit, asyncio.to_thread':24} {await run_blocking(exit_time, POOL, timeout=60)}")


if __name__ == "__main__":
    asyncio.run(main())
