"""The index of a big workspace: built, asked, kept up to date, and what others feel of it.

Run: ``.venv/bin/python bench/index.py [--files 100000]``. Makes that many files in several
languages in a temporary folder and prints figures beside named baselines; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from index_baselines import baselines, in_a_thread
from index_others import echoing, loop_figures
from index_workspace import Made, make
from polypilot.workspace.index import Phase, State, WorkspaceIndex
from polypilot.workspace.index.judging import Rules
from polypilot.workspace.roots import Roots, uri_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="polypilot-bench-"))
    try:
        made = make(folder / "workspace", arguments.files)
        print(f"{arguments.files:,} files, {made.size / 1e6:,.0f} MB")
        asyncio.run(measure(made, folder / "cache", arguments.queries))
        baselines(made)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def measure(made: Made, cache: Path, queries: int) -> None:
    roots = Roots([str(made.root)])
    index = WorkspaceIndex(lambda: cache, Rules, lambda: roots)
    reached: dict[Phase, float] = {}
    begun = time.perf_counter()

    def note(state: State) -> None:
        reached.setdefault(state.phase, time.perf_counter() - begun)

    index.on_progress(note)
    async with echoing() as ask:
        idle = await loop_figures(ask, 8.0)
        begun = time.perf_counter()
        building = asyncio.ensure_future(index.ready(timeout=3_600))
        await until(lambda: Phase.READING in reached, building)
        busy = await loop_figures(ask, 30.0, building)
        await building
        built = time.perf_counter() - begun
        print(f"built in {built:.1f} s (names known after {reached[Phase.READING]:.1f} s)")
        peak_memory(index.pid)
        database(cache)
        await asking(index, made, queries, "at once after it")
        await until_merged(index)
        database(cache)
        await asking(index, made, queries, "when it has settled")
        asked = asyncio.ensure_future(asking(index, made, queries, "beside other requests"))
        searching = await loop_figures(ask, 8.0, asked)
        await asked
        asked = asyncio.ensure_future(naming(index, made))
        named = await loop_figures(ask, 8.0, asked)
        await asked
        await saving(index, made)
        await index.aclose()
        again = WorkspaceIndex(lambda: cache, Rules, lambda: roots)
        begun = time.perf_counter()
        await again.ready(timeout=3_600)
        print(f"looked over by the next server in {time.perf_counter() - begun:.1f} s")
        print(f"  baseline of that: built anew in {built:.1f} s")
        await again.aclose()
        naive = await in_a_thread(made, cache.with_name("naive"), ask)
    print("other requests (echo over a socket in the same event loop):")
    show("  baseline of these rows: idle", idle, idle)
    show("  while it is built", busy, idle)
    show("  baseline of that: built by the server's thread", naive, idle)
    show("  while words are searched", searching, idle)
    show("  while symbols, files and trees are", named, idle)


async def until(true: Callable[[], bool], task: asyncio.Future[bool]) -> None:
    while not true() and not task.done():  # noqa: ASYNC110  (a script)
        await asyncio.sleep(0.01)


async def until_merged(index: WorkspaceIndex) -> None:
    """Waits until the process uses no more processor time."""
    before = -1.0
    while (now := cpu_seconds(index.pid)) != before:
        before = now
        await asyncio.sleep(2.0)


def cpu_seconds(pid: int | None) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return -1.0


def peak_memory(pid: int | None) -> None:
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        peak = re.search(r"VmHWM:\s+(\d+) kB", status)
        if peak:
            print(
                f"the process that built it: {int(peak[1]) / 1e3:.0f} MB of memory at most,"
                f" {cpu_seconds(pid):.1f} s of processor time"
            )


def database(cache: Path) -> None:
    size = sum(file.stat().st_size for file in cache.iterdir())
    print(f"database: {size / 1e6:.0f} MB")


async def asking(index: WorkspaceIndex, made: Made, count: int, when: str) -> None:
    rng = random.Random(11)
    kinds: dict[str, Callable[[], str]] = {
        "a word": lambda: rng.choice(made.words),
        "a frequent word": lambda: rng.choice(made.words[:20]),
        "three words": lambda: " ".join(rng.choices(made.words[:3_000], k=3)),
        "an identifier": lambda: rng.choice(made.names),
    }
    every: list[Cost] = []
    print(f"{count} queries {when}:")
    for kind, make_query in kinds.items():
        taken = [await cost(index.search(make_query())) for _ in range(count // len(kinds))]
        every += taken
        print(f"  {kind:<16} {costs(taken)}")
    print(f"  {'all':<16} {costs(every)}")


async def naming(index: WorkspaceIndex, made: Made) -> None:
    rng = random.Random(12)
    print("20 of each:")
    for kind, ask in (
        ("symbol", lambda: index.symbols(rng.choice(made.names))),
        ("its letters", lambda: index.symbols(rng.choice(made.names)[::2])),
        ("file name", lambda: index.files(rng.choice(made.words)[:4])),
        ("its letters", lambda: index.files(rng.choice(made.words)[::2])),
        ("tree", index.tree),
    ):
        print(f"  {kind:<16} {costs([await cost(ask()) for _ in range(20)])}")


Cost = tuple[float, float]


async def cost(question: Awaitable[object]) -> Cost:
    """Seconds by the clock, and of processor time: other programs' load is not in the latter."""
    begun, used = time.perf_counter(), time.process_time()
    await question
    return time.perf_counter() - begun, time.process_time() - used


def costs(taken: Sequence[Cost]) -> str:
    return (
        f"{percentiles([each for each, _ in taken])}"
        f"   processor time {percentiles([each for _, each in taken])}"
    )


async def saving(index: WorkspaceIndex, made: Made) -> None:
    rng = random.Random(3)
    files = sorted(made.root.rglob("*.py"))
    taken: list[float] = []
    for number in range(20):
        file = rng.choice(files)
        word = f"freshly{'abcdefghijklmnopqrst'[number]}written"
        with file.open("a") as out:
            out.write(f"\n{word} = 1\n")
        begun = time.perf_counter()
        index.saved(uri_of(str(file)))
        while not (await index.search(word)).hits:  # noqa: ASYNC110  (as a user would)
            await asyncio.sleep(0.005)
        taken.append(time.perf_counter() - begun)
    print(f"found after a save: {percentiles(taken)}   max {max(taken) * 1e3:.0f} ms")


def percentiles(taken: Sequence[float]) -> str:
    ranked = sorted(taken)
    p95 = ranked[int(len(ranked) * 0.95)]
    return f"p50 {statistics.median(ranked) * 1e3:7.1f}   p95 {p95 * 1e3:7.1f} ms"


def show(what: str, taken: Sequence[float], idle: Sequence[float]) -> None:
    ranked, base = sorted(taken), sorted(idle)
    if not ranked:
        print(f"{what}: too quick to be measured")
        return
    p99, base99 = ranked[int(len(ranked) * 0.99)], base[int(len(base) * 0.99)]
    print(
        f"{what:<48} p50 {statistics.median(ranked) * 1e3:6.2f}   p99 {p99 * 1e3:6.2f} ms"
        f"   p99 to idle {p99 / base99:5.2f}   ({len(ranked)} requests)"
    )


if __name__ == "__main__":
    main()
