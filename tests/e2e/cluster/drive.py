"""A program of its own that judges and asks on a real local cluster; says what came as JSON.

Run as ``drive.py judge WORKERS TASKS SECONDS KILL`` or ``drive.py ask MODEL KILL``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from polypilot.compare.benches import LocalBench
from polypilot.compare.cluster import Cluster, RayBench
from polypilot.compare.targets import Target
from polypilot.compare.values import Kind, Task, TestRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.compare.asking import Asked
    from polypilot.compare.cluster import RaySeat
    from polypilot.compare.judging import Bench

CHECK = "import sys, time; import code_; time.sleep({seconds}); sys.exit(code_.value % 3 == 0)"


def workers(name: str) -> list[psutil.Process]:
    """Processes of our cluster that do this kind of work now."""
    below = psutil.Process().children(recursive=True)
    found: list[psutil.Process] = []
    for each in below:
        try:
            line = each.cmdline()
        except psutil.Error:
            continue
        if line and line[0].startswith("ray::") and name in line[0]:
            found.append(each)
    return found


def addresses() -> list[str]:
    """Where our cluster's processes listen."""
    found: set[str] = set()
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found |= {at.laddr.ip for at in each.net_connections("tcp") if at.status == "LISTEN"}
    return sorted(found)


async def kill_one(name: str) -> int:
    """Kill the first process that is seen at this work; its number."""
    while True:
        busy = await asyncio.to_thread(workers, name)
        if busy:
            os.kill(busy[0].pid, signal.SIGKILL)
            return busy[0].pid
        await asyncio.sleep(0.01)


def tree() -> Path:
    """A tree with one file that tests import."""
    top = Path(tempfile.mkdtemp())
    (top / "code_.py").write_text("value = 0\n", "utf-8")
    return top


async def verdicts(bench: Bench, top: Path, tasks: int, seconds: float) -> list[Any]:
    """Each task's verdict, so many at a time as the bench says."""
    runs, room = bench.run, asyncio.Semaphore(bench.at_once)
    assert runs is not None
    command = ("{python}", "-c", CHECK.format(seconds=seconds))

    async def one(number: int) -> Any:
        async with room:
            overlay: Mapping[str, str] = {"code_.py": f"value = {number}\n"}
            return (await runs(TestRun(command), top, overlay=overlay)).passed

    return await asyncio.gather(*map(one, range(tasks)))


async def judge(number: int, tasks: int, seconds: float, *, kill: bool) -> dict[str, Any]:
    """The cluster's verdicts and this machine's, and what they took."""
    top = tree()
    local = await verdicts(LocalBench(), top, tasks, 0.0)
    cluster = await Cluster.open(f"local:{number}")
    try:
        await verdicts(RayBench(cluster), top, number, 0.0)  # the processes are there
        killed = asyncio.ensure_future(kill_one("judge")) if kill else None
        begun = time.monotonic()
        found = await verdicts(RayBench(cluster), top, tasks, seconds)
        taken = time.monotonic() - begun
        return {
            "local": local, "ray": found, "seconds": taken, "open_to": addresses(),
            "killed": await killed if killed else None,
        }  # fmt: skip
    finally:
        await cluster.aclose()


async def ask(model: str, *, kill: bool) -> dict[str, Any]:
    """What a local model says on the cluster, asked with two processes for it."""
    top = tree()
    target = Target("embedded/test", "embedded", file=model)
    tasks = [
        Task(f"t{number}", Kind.LINE, "python", "code_.py", "g",
             prefix=f"def add_{number}(a, b):\n    return ", suffix="\n", truth="a + b")
        for number in range(4)
    ]  # fmt: skip
    cluster = await Cluster.open("local:4")
    try:
        seats = await cluster.seats(target, "bare", top)
        keys: Sequence[str] = await asyncio.wrap_future(seats[0].clerk.keys.remote().future())
        killed = asyncio.ensure_future(kill_one("Clerk.ask")) if kill else None
        parts = await asyncio.gather(
            *(_in_turn(seat, tasks[at :: len(seats)]) for at, seat in enumerate(seats))
        )
        answers = [each for part in parts for each in part]
        refused = await cluster.answer(await _refusing(cluster), {}, tasks[0])
        missing = (await cluster.seats(Target("m", "embedded", file=model + ".no"), "bare", top))[0]
        return {
            "seats": len(seats), "keys": keys, "refused": refused,
            "killed": await killed if killed else None,
            "texts": [each.reply.text for each in answers],
            "errors": [each.reply.error for each in answers],
            "missing": (await missing.ask(tasks[0])).reply.error,
        }  # fmt: skip
    finally:
        await cluster.aclose()


async def _in_turn(seat: RaySeat, tasks: Sequence[Task]) -> list[Asked]:
    return [await seat.ask(task) for task in tasks]


async def _refusing(cluster: Cluster) -> Any:
    """A clerk for a supplier, which the product never makes."""
    await cluster.leave()
    from polypilot.compare import cluster_work  # noqa: PLC0415 - for this alone

    plain = {"label": "mistral", "provider": "mistral", "model": "", "file": ""}
    return cluster._ray.remote(cluster_work.Clerk).remote(plain, "bare")  # pyright: ignore[reportPrivateUsage]  (likewise)


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    if what == "judge":
        said = asyncio.run(
            judge(int(given[0]), int(given[1]), float(given[2]), kill=given[3] == "kill")
        )
    else:
        said = asyncio.run(ask(given[0], kill=given[1] == "kill"))
    print(json.dumps(said))  # noqa: T201  (what it is for)
