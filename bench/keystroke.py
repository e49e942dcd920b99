"""The server's own cost of a key, by the file's length, beside a plain pygls server.

    python bench/keystroke.py [--keys 2000] [--lines 100,1000,10000,50000] [--json]

Three figures for a file of so many lines, each with a key typed in its middle:

- *didChange*: CPU time of the server's process per change of one character. So many changes are
  sent at once, then a request; the time is up when that is answered.
- *handler*: CPU time of one such message in this process, from its bytes to the changed
  document, without pipes.
- *and a completion*: CPU time of the process per change with a completion behind it that is
  answered from the cache, and wall time from the key to the answer. One key at a time. The
  provider's requests that fill the cache are made before, and not in the figure. pygls completes
  with a copy of the line.

pygls makes fewer keys in long files, because each costs it so much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from pygls.lsp.server import LanguageServer

from keystroke_cached import CACHED, LINE, Row, cpu, our_both, their_both
from polypilot.lsp.framing import Frame
from protocol_servers import THEIRS
from typing_oracle import Oracle
from typing_run import folders
from typing_server import asking, environment, framed, serving
from whole_server import support

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from typing_server import Server

URI = "file:///work/typed.py"
WARM = 200
THEIR_WORK = 4_000_000
"""Lines times keys that pygls is given: its cost grows with the file."""


def change(uri: str, version: int, line: int) -> dict[str, Any]:
    """A character typed into a line."""
    here = {"line": line, "character": version % 20}
    document = {"uri": uri, "version": version}
    changes = [{"range": {"start": here, "end": here}, "text": "x"}]
    params = {"textDocument": document, "contentChanges": changes}
    return {"method": "textDocument/didChange", "params": params}


def opening(uri: str, text: str) -> dict[str, Any]:
    """The document."""
    item = {"uri": uri, "languageId": "python", "version": 0, "text": text}
    return {"method": "textDocument/didOpen", "params": {"textDocument": item}}


# --- didChange alone


async def change_cpu(server: Server, uri: str, lines: int, keys: int) -> float:
    """CPU milliseconds of the process per change."""
    server.write(framed(opening(uri, LINE * lines)))
    first = 1
    began = 0.0
    for count in (min(WARM, keys), keys):
        batch = [framed(change(uri, first + number, lines // 2)) for number in range(count)]
        first += count
        began = cpu(server.pid)
        server.write(b"".join(batch))
        await server.start("test/echo", [1])  # answered, if only with an error, behind the rest
    return (cpu(server.pid) - began) / keys * 1000


def handled(receive: Callable[[bytes], None], lines: int, keys: int) -> float:
    """Milliseconds from a message's bytes to the changed document, median."""
    took: list[float] = []
    for version in range(1, keys + 1):
        body = json.dumps({"jsonrpc": "2.0", **change(URI, version, lines // 2)}).encode()
        began = time.thread_time()
        receive(body)
        took.append(time.thread_time() - began)
    return statistics.median(took) * 1000


async def our_handler(lines: int, keys: int) -> float:
    """Of our protocol layer, without pipes."""
    session = support.Session(())
    await session.initialize()
    await session.quiet()

    def receive(body: bytes) -> None:
        session.server.protocol.receive(Frame(body))

    receive(json.dumps({"jsonrpc": "2.0", **opening(URI, LINE * lines)}).encode())
    try:
        return handled(receive, lines, keys)
    finally:
        await session.aclose()


class _Nowhere:
    """What pygls answers, nobody reads."""

    def write(self, data: bytes) -> None:
        del data


def their_handler(lines: int, keys: int) -> float:
    """Of pygls, as its own loop calls it."""
    # Partly untyped, as the library is.
    protocol = cast("Any", LanguageServer("pygls", "0").protocol)
    protocol.set_writer(_Nowhere())

    def receive(body: bytes) -> None:
        protocol.handle_message(json.loads(body, object_hook=protocol.structure_message))

    hello: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        opening(URI, LINE * lines),
    ]
    for message in messages:
        receive(json.dumps({"jsonrpc": "2.0", **message}).encode())
    return handled(receive, lines, keys)


@asynccontextmanager
async def ours() -> AsyncGenerator[tuple[Server, Oracle, str]]:
    """Our whole server, an oracle that answers at once, and a file's address."""
    async with Oracle(ttft=0.0, token=0.0, keeps=False) as oracle:
        with folders() as (folder, work):
            async with serving(work, environment(folder, asking(oracle))) as server:
                yield server, oracle, (work / "typed.py").as_uri()


async def our_row(lines: int, keys: int) -> Row:
    """Every figure of ours."""
    row = Row("Polypilot", lines)
    async with ours() as (server, _, uri):
        row.change_cpu = await change_cpu(server, uri, lines, keys)
    row.handler = await our_handler(lines, keys)
    async with ours() as (server, oracle, uri):
        await our_both(server, oracle, row, keys, uri)
    return row


async def their_row(lines: int, keys: int) -> Row:
    """Every figure of pygls."""
    row = Row("pygls", lines)
    keys = max(CACHED, min(keys, THEIR_WORK // lines))
    with folders() as (folder, work):
        env, uri = environment(folder, ""), (work / "typed.py").as_uri()
        async with serving(work, env, THEIRS) as server:
            row.change_cpu = await change_cpu(server, uri, lines, keys)
        row.handler = their_handler(lines, keys)
        async with serving(work, env, THEIRS) as server:
            await their_both(server, row, keys, uri)
    return row


def show(row: Row) -> None:
    """A line of the table."""
    cells = [
        f"{row.lines:,}",
        row.server,
        f"{row.change_cpu:.3f} ms",
        f"{row.handler:.3f} ms",
        f"{row.both_cpu:.2f} ms",
        f"{row.both_p50:.2f} / {row.both_p99:.2f} ms",
        f"{row.answered} of {row.keys}",
        str(row.requests),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--lines", default="100,1000,10000,50000")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    rows: list[Row] = []
    if not options.json:
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}\n")
        print("| lines | with | didChange, CPU | handler, CPU | and a completion, CPU "
              "| key to answer p50 / p99 | with a text | asked ahead |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|")
    for lines in map(int, options.lines.split(",")):
        for measure in (our_row, their_row):
            rows.append(await measure(lines, options.keys))
            if not options.json:
                show(rows[-1])
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    asyncio.run(main())
