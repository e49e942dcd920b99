"""What the record of usage costs: ``polypilot usage`` and the server's memory, with many rows.

Run: ``.venv/bin/python bench/usage.py [--rows 1000000]``. Makes so many suggestions and requests
of a month, by the product's own code, then prints the time of the whole process of
``polypilot usage`` (median of 5) beside that with an empty record, the time of counting the
rows one by one, as a program without sums by day has to, and the resident memory of
a server that has recorded a completion and its acceptance into either file. Asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from polypilot.usage import Entry, Stay, storing
from polypilot.usage.schema import open_database
from polypilot_providers.testing import ScriptedServer, stream
from whole_server import whole_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.usage.values import Source

RUNS = 5
BATCH = 5_000
DAYS = 31
MODELS = [("mistral", "codestral-latest"), ("openai", "gpt-5.6-luna"), ("embedded", "qwen2.5")]
LANGUAGES = ["python", "typescript", "rust", "go", "markdown"]
SOURCES: list[Source] = ["network", "network", "cache", "flight", "shown"]
ANSWER = stream(
    b'data: {"id":"c","choices":[{"index":0,"text":"return a + b"}]}\n\n',
    b'data: {"id":"c","choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
)
CODE = "def add(a, b):\n    "


def entry(chance: random.Random, number: int, rows: int) -> Entry:
    """One of them, with a likely past."""
    day = date.today() - timedelta(DAYS - 1 - number * DAYS // rows)  # noqa: DTZ011 - as the product
    provider, model = chance.choice(MODELS)
    common: dict[str, Any] = {
        "day": day.isoformat(),
        "purpose": "completion",
        "provider": provider,
        "model": model,
        "language": chance.choice(LANGUAGES),
        "id": number + 1,
    }
    if chance.random() < 0.5:
        first = round(chance.lognormvariate(5.5, 0.6))
        times: dict[str, Any] = {
            "first_ms": first,
            "total_ms": first + round(chance.lognormvariate(5, 0.6)),
        }
        tokens: dict[str, Any] = {
            "input": chance.randint(500, 4000),
            "output": chance.randint(1, 90),
        }
        return Entry(**common, **times, **tokens, nanos=chance.randint(10_000, 900_000))
    taken = chance.random() < 0.3
    stay = chance.choice(list(Stay)) if taken else None
    chars = chance.randint(3, 200)
    outcome: dict[str, Any] = {"accepted": taken, "saved": chars * taken, "rejected": not taken}
    stays: dict[str, Any] = {
        "stay30": stay,
        "stay120": stay,
        "stay600": stay,
        "kept": chars if taken else None,
    }
    return Entry(**common, **outcome, **stays, source=chance.choice(SOURCES), suggested=chars)


async def fill(path: Path, rows: int) -> float:
    """Write them; seconds."""
    chance = random.Random(1)
    began = time.perf_counter()
    async with aclosing(open_database(path, limit=600)) as database:
        for start in range(0, rows, BATCH):
            numbers = range(start, min(rows, start + BATCH))
            batch = [(entry(chance, number, rows), True) for number in numbers]
            await database.write(partial(storing.put, batch=batch))
    return time.perf_counter() - began


def report(folder: Path, *arguments: str) -> float:
    """Seconds of the whole process, median of several."""
    env = {f"POLYPILOT_{name}_DIR": str(folder) for name in ("CONFIG", "DATA", "CACHE")}
    command = [sys.executable, "-P", "-m", "polypilot.cli", "usage", *arguments]

    def once() -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=os.environ | env)
        return time.perf_counter() - began

    return statistics.median(once() for _ in range(RUNS))


def one_by_one(path: Path) -> float:
    """Seconds to sum up the rows themselves, by provider."""
    began = time.perf_counter()
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT provider, model, count(*), sum(e.accepted), sum(e.saved) FROM entries e"
            " JOIN daily d ON d.id = e.daily GROUP BY 1, 2"
        )
        found.fetchall()
        connection.execute("SELECT total_ms FROM entries ORDER BY 1").fetchall()
    connection.close()
    return time.perf_counter() - began


async def resident(folder: Path) -> float:
    """MiB of a server that has recorded something; of its peak, since it has begun."""
    async with ScriptedServer(ANSWER) as supplier, whole_server(folder, supplier.url) as server:
        uri = (folder / "a.py").as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": CODE}
        server.notify("textDocument/didOpen", {"textDocument": item})
        place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
        asked = {**place, "context": {"triggerKind": 1}}
        found = (await server.ask("textDocument/inlineCompletion", asked))["result"]
        command = found["items"][0]["command"]
        taken = {"command": command["command"], "arguments": command["arguments"]}
        await server.ask("workspace/executeCommand", taken)
        await written(folder / "usage.db")
        return psutil.Process(server.process.pid).memory_info().rss / 2**20


async def written(path: Path) -> None:
    """Until the server's acceptance is in the file, which takes some seconds."""
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(_has, path):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.5)


def _has(path: Path) -> bool:
    if not path.exists():
        return False
    with sqlite3.connect(path) as connection:
        query = "SELECT total(accepted) FROM daily WHERE provider = 'scripted'"
        found = bool(connection.execute(query).fetchone()[0])
    connection.close()
    return found


def lines(rows: int, empty: Path, full: Path) -> Iterator[str]:
    """What was measured."""
    path = full / "usage.db"
    took = asyncio.run(fill(path, rows))
    yield f"{rows:,} rows written in {took:.0f} s: {path.stat().st_size / 2**20:.0f} MiB"
    nothing, everything = report(empty), report(full)
    yield (
        f"polypilot usage, whole process: {everything:.2f} s; empty record {nothing:.2f} s;"
        f" rows summed up one by one {one_by_one(path):.2f} s more"
    )
    yield f"polypilot usage --json --days 400: {report(full, '--json', '--days', '400'):.2f} s"
    # In turns, since the first of all starts slower and with other memory.
    pairs = [(asyncio.run(resident(empty)), asyncio.run(resident(full))) for _ in range(3)]
    before, after = (statistics.median(each) for each in zip(*pairs, strict=True))
    yield f"server's memory: {after:.1f} MiB; empty record {before:.1f} MiB: {after / before:.3f}"


def main() -> None:
    """Print it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows: int = parser.parse_args().rows
    folder = Path(tempfile.mkdtemp())
    try:
        for name in ("empty", "full"):
            (folder / name).mkdir(mode=0o700)
        for line in lines(rows, folder / "empty", folder / "full"):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
