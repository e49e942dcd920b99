"""Figures of the protocol layer, with a plain pygls server under the same faults beside it.

    python bench/protocol.py [--runs 10] [--storm 10] [--only start,edit,...]

Prints a Markdown table. Times are wall clock unless they say CPU; on a busy machine the tails
are the machine's. Where pygls can't do a thing at all its cell says what happened instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.workspace import Workspace

from polypilot.workspace.documents import Change, DocumentStore, Position
from protocol_ends import ends, orphan
from protocol_messages import (
    broken_framing,
    cancelling,
    faults,
    headers,
    hung,
    invalid,
    large,
    round_trips,
    storm,
)
from protocol_servers import THEIRS, Row, Server, both, resident, running
from supplier import Supplier
from whole_server import support, whole_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EMPTY = "from pygls.lsp.server import LanguageServer\nLanguageServer('empty', '0').start_io()\n"
MINIMAL = """
from polypilot.lsp import collector
collector.pause()
from polypilot.lsp.serve import serve
class Backend:
    async def aclose(self): pass
async def make(start): return Backend()
serve(make, [])
"""


def start_once(server: Server) -> tuple[float, float]:
    """CPU and wall seconds until ``initialize`` is answered."""
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": support.initialize_params()}
    ).encode()
    began = time.perf_counter()
    process = subprocess.Popen(
        server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(support.frame(body))
    process.stdin.flush()
    process.stdout.readline()
    wall = time.perf_counter() - began
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    cpu = (
        sum(int((each / "schedstat").read_text(encoding="utf-8").split()[0]) for each in threads)
        / 1e9
    )
    process.kill()
    process.communicate()
    return cpu, wall


async def start(runs: int, _storm: float) -> list[Row]:
    minimal: Server = (sys.executable, "-c", MINIMAL)
    empty: Server = (sys.executable, "-c", EMPTY)
    pairs = [(start_once(minimal), start_once(empty)) for _ in range(runs + 1)][1:]
    ours, theirs = (
        [statistics.median(each) for each in zip(*side, strict=True)]
        for side in zip(*pairs, strict=True)
    )
    ratio = ours[0] / theirs[0]
    return [
        ("", "start to `initialize` answered, CPU s (wall s)",
         f"{ours[0]:.2f} ({ours[1]:.2f}), ratio {ratio:.2f}", f"{theirs[0]:.2f} ({theirs[1]:.2f})"),
    ]  # fmt: skip


async def memory(_runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        async with running(server) as process:
            process.open("file:///a.py", "    value = compute(argument)  # note\n" * 10_000)
            await process.result("test/echo", [1])
            return f"{resident(process):.0f} MiB"

    return [("", "resident memory, 10,000-line file open", *await both(measure))]


async def whole(_runs: int, _storm: float) -> list[Row]:
    """With the real backend, which the protocol's own server does without."""
    text = "    value = compute(argument)  # note\n" * 10_000
    at = {"textDocument": {"uri": ""}, "position": {"line": 5_000, "character": 4}}
    ask = {**at, "context": {"triggerKind": 1}}

    async def complete(process: Any, uri: str) -> str:
        process.open(uri, text)
        ask["textDocument"] = {"uri": uri}
        result = await process.result("textDocument/inlineCompletion", ask)
        assert result["items"]
        return f"{resident(process):.0f} MiB"

    with tempfile.TemporaryDirectory() as folder:
        uri = (Path(folder) / "typed.py").as_uri()
        async with (
            Supplier(random.Random(5)) as supplier,
            whole_server(Path(folder), supplier.base_url) as process,
        ):
            ours = await complete(process, uri)
    async with running(THEIRS) as process:
        theirs = await complete(process, uri)
    name = "resident memory of the whole server, 10,000-line file open, after an inline completion"
    return [("", f"{name} (wanted: under 90 MiB)", ours, theirs)]


def edit_cost(lines: int, *, ours: bool, text: str = "") -> float:
    """CPU milliseconds of a one-character edit in the middle."""
    text = text or "    a line of code of about forty chars\n" * lines
    count = 2000 if ours else max(5, min(400, 400_000 // lines))
    if ours:
        store = DocumentStore()
        store.open("file:///a", "x", 0, text)
    else:
        workspace = Workspace(None)
        workspace.put_text_document(types.TextDocumentItem("file:///a", "x", 0, text))
    began = time.process_time()
    for version in range(1, count + 1):
        line, column = lines // 2, version % 30
        if ours:
            at = Position(line, column)
            store.change("file:///a", version, [Change("x", at, at)])  # pyright: ignore[reportPossiblyUnboundVariable] - bound by whichever is measured
        else:
            place = types.Position(line, column)
            change = types.TextDocumentContentChangePartial(types.Range(place, place), "x")
            document = types.VersionedTextDocumentIdentifier(version, "file:///a")
            workspace.update_text_document(document, change)  # pyright: ignore[reportPossiblyUnboundVariable] - bound by whichever is measured
    return (time.process_time() - began) / count * 1000


async def edit(_runs: int, _storm: float) -> list[Row]:
    rows: list[Row] = []
    for lines in (100, 1_000, 2_000, 10_000, 50_000, 250_000):
        cells = [f"{edit_cost(lines, ours=ours):.3f} ms" for ours in (True, False)]
        size = " (10 MB)" if lines == 250_000 else ""
        rows.append(
            ("R21", f"edit of one character, {lines:,} lines{size}, CPU", cells[0], cells[1])
        )
    return rows


PARTS: dict[str, Callable[[int, float], Awaitable[list[Row]]]] = {
    "start": start, "memory": memory, "whole": whole, "edit": edit, "headers": headers,
    "framing": broken_framing, "invalid": invalid, "faults": faults, "roundtrip": round_trips,
    "large": large, "cancel": cancelling, "storm": storm, "hung": hung, "ends": ends,
    "orphan": orphan,
}  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the protocol layer.")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--storm", type=float, default=10)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}\n")
    print("| row | what | Polypilot | pygls 2.1.1 |\n|---|---|---|---|")
    for name in options.only.split(","):
        for row in await PARTS[name](options.runs, options.storm):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
