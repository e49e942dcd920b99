"""What the figures of `index.py` stand beside: no second process, and no index at all."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from index_others import loop_figures
from polypilot.workspace.index.builder import Builder
from polypilot.workspace.index.judging import Rules
from polypilot.workspace.index.store import file_of
from polypilot.workspace.index.wire import Wish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from index_workspace import Made


async def in_a_thread(made: Made, cache: Path, ask: Callable[[], Awaitable[object]]) -> list[float]:
    """The same while a thread of this process builds, as a server without a second process."""
    root = str(made.root)
    file = file_of(cache, root)
    wish = Wish(
        "scan", 1, root, root, str(file), (root,), Rules(),
        max_file_bytes=2_000_000, max_bytes=1 << 32, max_files=500_000,
    )  # fmt: skip
    builder = Builder(wish, lambda _report: None)
    builder.order(wish)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set() and builder.step() is not None:
            pass

    thread = threading.Thread(target=work)
    thread.start()
    await asyncio.sleep(min(15.0, made.size / 2e7))  # into the reading
    figures = await loop_figures(ask, 10.0)
    stop.set()
    thread.join()
    return figures


def baselines(made: Made) -> None:
    rng = random.Random(5)
    word = rng.choice(made.words[:3_000])
    taken: list[float] = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(
            ["grep", "-rlw", word, str(made.root)], stdout=subprocess.DEVNULL, check=False
        )
        taken.append(time.perf_counter() - begun)
    print(f"baseline of a word's query: grep -rlw, files in the system's cache: {min(taken):.2f} s")
    begun = time.perf_counter()
    found = 0
    pattern = re.compile(rf"\b{word}\b".encode())
    for folder, _, files in os.walk(made.root):
        for name in files:
            found += bool(pattern.search(Path(folder, name).read_bytes()))
    took = time.perf_counter() - begun
    print(f"baseline of a word's query: a loop in Python over all files: {took:.2f} s")
