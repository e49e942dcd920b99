"""How much sooner tests are judged with two and four workers of a Ray cluster on this machine.

Run it where Ray is importable: ``python bench/compare_cluster.py``. Two kinds of tests: one that
computes, which can't be faster than the machine has cores, and one that waits, which shows the
spreading itself. Start-up of the cluster is not counted.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from polypilot.compare.cluster import Cluster, RayBench
from polypilot.compare.values import TestRun

TASKS = 8
KINDS = {
    "computes 1 s of CPU": "import time\nwhile time.process_time() < 1: pass",
    "waits for 2 s": "import time; time.sleep(2)",
}


async def timed(bench: RayBench, tree: Path, code: str, tasks: int) -> float:
    """Seconds for so many runs."""
    room = asyncio.Semaphore(bench.at_once)
    run = bench.run
    assert run is not None

    async def one() -> None:
        async with room:
            found = await run(TestRun(("{python}", "-c", code)), tree, overlay={})
            assert found.passed, found.note

    begun = time.monotonic()
    await asyncio.gather(*(one() for _ in range(tasks)))
    return time.monotonic() - begun


async def main() -> None:
    print(f"{TASKS} runs each, {os.cpu_count()} cores")
    alone: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        (tree / "code.txt").write_text("text\n", "utf-8")
        for workers in (1, 2, 4):
            cluster = await Cluster.open(f"local:{workers}")
            try:
                bench = RayBench(cluster)
                await timed(bench, tree, "", workers)  # its processes are there
                for name, code in KINDS.items():
                    taken = await timed(bench, tree, code, TASKS)
                    ratio = alone.setdefault(name, taken) / taken
                    print(f"{name}, {workers} workers: {taken:.1f} s, {ratio:.2f} times as fast")
            finally:
                await cluster.aclose()


asyncio.run(main())
