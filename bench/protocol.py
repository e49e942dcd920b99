"""Figures of the protocol layer, with a plain pygls server under the same faults beside it.

    python bench/protocol.py [--runs 10] [--storm 10] [--only start,edit,...]

Prints a Markdown table. Times are wall clock unless they say CPU; on a busy machine the tails
are the machine's. Where pygls can't do a thing at all its cell says what happened instead.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.workspace import Workspace

from polypilot.workspace.documents import Change, DocumentStore, Position

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

TESTS = Path(__file__).parent.parent / "tests" / "lsp_server" / "protocol"
sys.path.insert(0, str(TESTS))
# The tests' clients and cases; dynamically, since that folder is no package.
support: Any = importlib.import_module("protocol_support")
framing: Any = importlib.import_module("test_framing")
messages: Any = importlib.import_module("test_messages")
params_cases: Any = importlib.import_module("test_params")

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
PYGLS = """
import asyncio, time
from lsprotocol import types as T
from pygls.lsp.server import LanguageServer
server = LanguageServer("pygls", "0")
seconds = lambda p: getattr(p, "seconds", 30)
@server.feature("test/echo")
async def echo(ls, params): return params
@server.feature("test/slow")
async def slow(ls, params): await asyncio.sleep(seconds(params))
@server.feature("test/blocking")
@server.thread()
def blocking(ls, params): time.sleep(seconds(params))
@server.feature("test/big")
async def big(ls, params): return "x" * params.bytes
@server.feature("test/noise")
async def noise(ls, params): print("a stray print")
@server.feature("test/raise")
async def fail(ls, params):
    kinds = {"exit": SystemExit, "interrupt": KeyboardInterrupt, "memory": MemoryError,
             "exception": ValueError, "generator": GeneratorExit}
    if params.what == "recursion":
        def recurse(): recurse()
        recurse()
    raise kinds[params.what]("secret-in-the-text")
@server.feature(T.TEXT_DOCUMENT_INLINE_COMPLETION, T.InlineCompletionOptions())
async def complete(ls, params):
    document = ls.workspace.get_text_document(params.text_document.uri)
    line = document.lines[params.position.line]
    at = T.Range(params.position, params.position)
    text = line[:params.position.character]
    return T.InlineCompletionList([T.InlineCompletionItem(text, range=at)])
server.start_io()
"""
OURS = (sys.executable, str(support.SERVER))
THEIRS = (sys.executable, "-c", PYGLS)
Server = tuple[str, ...]
Row = tuple[str, str, str, str]
FAULTS = ["exception", "exit", "interrupt", "memory", "recursion", "generator"]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def milliseconds(values: list[float]) -> str:
    p50, p99 = (percentile(values, share) * 1000 for share in (0.5, 0.99))
    return f"{p50:.2f} / {p99:.2f} / {max(values) * 1000:.2f}"


@contextlib.asynccontextmanager
async def running(
    server: Server, env: dict[str, str] | None = None, **initialize: Any
) -> AsyncGenerator[Any]:
    process = await support.Process.spawn(*server, env=env)
    try:
        await process.initialize(**initialize)
        yield process
    finally:
        await process.aclose()


async def both(measure: Callable[[Server], Awaitable[str]]) -> tuple[str, str]:
    found: list[str] = []
    for server in (OURS, THEIRS):
        try:
            async with asyncio.timeout(120):
                found.append(await measure(server))
        except (TimeoutError, ConnectionError) as error:
            found.append(f"no answer ({type(error).__name__})")
    return found[0], found[1]


# -- start, memory, edits ------------------------------------------------------------------


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
    cpu = sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9
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


def resident(process: Any) -> float:
    status = Path(f"/proc/{process.process.pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


async def memory(_runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        async with running(server) as process:
            process.open("file:///a.py", "    value = compute(argument)  # note\n" * 10_000)
            await process.result("test/echo", [1])
            return f"{resident(process):.0f} MiB"

    return [("", "resident memory, 10,000-line file open", *await both(measure))]


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
            store.change("file:///a", version, [Change("x", at, at)])  # pyright: ignore[reportPossiblyUnboundVariable]
        else:
            place = types.Position(line, column)
            change = types.TextDocumentContentChangePartial(types.Range(place, place), "x")
            document = types.VersionedTextDocumentIdentifier(version, "file:///a")
            workspace.update_text_document(document, change)  # pyright: ignore[reportPossiblyUnboundVariable]
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


# -- messages ------------------------------------------------------------------------------


async def answered(process: Any, msg_id: Any, patience: float = 1.5) -> dict[str, Any] | None:
    try:
        return await process.reply(msg_id, patience)
    except TimeoutError:
        return None


async def headers(_runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        times: list[float] = []
        for header in framing.READABLE:
            async with running(server) as process:
                began = time.perf_counter()
                process.write(header + framing.BODY)
                if await answered(process, 9):
                    times.append(time.perf_counter() - began)
        slowest = f", slowest {max(times) * 1000:.1f} ms" if times else ""
        return f"{len(times)} of {len(framing.READABLE)} answered{slowest}"

    return [("R1", "ways to write headers", *await both(measure))]


async def broken_framing(_runs: int, _storm: float) -> list[Row]:
    kinds = {**framing.UNREADABLE, **framing.STALLED}
    rows: list[Row] = []
    for kind in ("LF only", "garbage", "huge", "too long"):

        async def measure(server: Server, kind: str = kind) -> str:
            async with running(server) as process:
                before = resident(process)
                began = time.perf_counter()
                process.write(kinds[kind])
                try:
                    code, _ = await process.ends_within(4)
                except TimeoutError:
                    echo = await answered(process, process.start("test/echo", [1]))
                    grown = resident(process) - before
                    return f"lives, {'answers' if echo else 'wedged'}, {grown:+.0f} MB"
                return f"exit {code} after {time.perf_counter() - began:.2f} s"

        rows.append(("R2", f"broken framing: {kind}", *await both(measure)))
    return rows


async def invalid(_runs: int, _storm: float) -> list[Row]:
    bodies = [*messages.NOT_JSON.values()]
    bodies += [json.dumps(each).encode() for each in messages.NOT_A_MESSAGE.values()]

    async def not_json(server: Server) -> str:
        good = alive = 0
        async with running(server) as process:
            for number, body in enumerate(bodies):
                before = len(process.replies.to(None))
                process.write(support.frame(body))
                alive += await answered(process, process.start("test/echo", [number])) is not None
                good += len(process.replies.to(None)) > before
            pop_ups = len(process.replies.notifications("window/showMessage"))
        return f"{good} of {len(bodies)} answered, next served {alive}, pop-ups {pop_ups}"

    chosen = [each.values for each in params_cases.CASES]
    chosen = [each for each in chosen if each[0] == "textDocument/inlineCompletion"]

    async def bad_params(server: Server) -> str:
        good = 0
        async with running(server) as process:
            ids = [process.start(method, params) for method, params in chosen]
            await process.result("test/echo", [1])
            good = sum(bool(process.replies.to(each)) for each in ids)
        return f"{good} of {len(chosen)} answered"

    async def ignored(server: Server) -> str:
        async with running(server) as process:
            for method, params in messages.USELESS:
                process.notify(method, params)
            process.change("file:///never-opened", 2, {"text": "x"})
            await process.result("test/echo", [1])
            return f"{len(process.replies.notifications('window/showMessage'))} pop-ups"

    return [
        ("R3", "not JSON, no message", *await both(not_json)),
        ("R4", "inlineCompletion with one field wrong", *await both(bad_params)),
        ("R7", f"{len(messages.USELESS) + 1} notifications of no use", *await both(ignored)),
    ]


async def faults(_runs: int, _storm: float) -> list[Row]:
    async def raising(server: Server) -> str:
        replies = alive = leaks = 0
        for what in FAULTS:
            async with running(server) as process:
                reply = await answered(process, process.start("test/raise", {"what": what}))
                replies += reply is not None
                leaks += "secret" in json.dumps(reply) or "Traceback" in json.dumps(reply)
                leaks += "traceback" in json.dumps(reply)
                with contextlib.suppress(ConnectionError):
                    alive += await answered(process, process.start("test/echo", [1])) is not None
        return f"{replies} of {len(FAULTS)} answered, {alive} alive, {leaks} texts or tracebacks"

    async def noise(server: Server) -> str:
        async with running(server) as process:
            await answered(process, process.start("test/noise", {}))
            await answered(process, process.start("test/echo", [1]))
            return f"{len(process.stray)} stray bytes"

    return [
        ("R8", "exceptions in a handler", *await both(raising)),
        ("R9", "print()", *await both(noise)),
    ]


# -- latency -------------------------------------------------------------------------------


async def round_trips(_runs: int, _storm: float) -> list[Row]:
    async def echo(server: Server) -> str:
        async with running(server) as process:
            return milliseconds(await echoes(process, 2000))

    async def keystroke(server: Server) -> str:
        async with running(server, env={"TEST_WORK": "0"}) as process:
            process.open("file:///a.py", "    a line of code of about forty chars\n" * 10_000)
            times: list[float] = []
            for version in range(2, 1002):
                began = time.perf_counter()
                await process.reply(type_key(process, "file:///a.py", version, 5000))
                times.append(time.perf_counter() - began)
            return milliseconds(times)

    return [
        ("", "round trip, p50 / p99 / max ms", *await both(echo)),
        ("", "edit and inlineCompletion, 10,000 lines, p50 / p99 / max ms", *await both(keystroke)),
    ]


async def echoes(process: Any, count: int) -> list[float]:
    times: list[float] = []
    for number in range(count + 50):
        began = time.perf_counter()
        await process.result("test/echo", [number])
        times.append(time.perf_counter() - began)
    return times[50:]


def type_key(process: Any, uri: str, version: int, line: int) -> Any:
    at = {"line": line, "character": version % 20}
    process.change(uri, version, {"text": "x", "range": {"start": at, "end": at}})
    params = {"textDocument": {"uri": uri}, "position": at, "context": {"triggerKind": 2}}
    return process.start("textDocument/inlineCompletion", params)


async def large(_runs: int, _storm: float) -> list[Row]:
    text = "    value = compute(\"x\", 'e')  # a comment\n" * 1_200_000

    async def measure(server: Server) -> str:
        async with running(server) as process:
            process.open("file:///big.py", text)
            await process.drain()
            began, waits = time.perf_counter(), list[float]()
            while time.perf_counter() - began < 4 or len(waits) < 2:
                asked = time.perf_counter()
                await process.result("test/echo", [1])
                waits.append(time.perf_counter() - asked)
                await asyncio.sleep(0.002)
            at = {"line": 600_000, "character": 3}
            began = time.perf_counter()
            process.change("file:///big.py", 2, {"text": "y", "range": {"start": at, "end": at}})
            await process.result("test/echo", [1])
            edit = time.perf_counter() - began
            longest, megabytes = max(waits) * 1000, resident(process)
            return f"wait ≤ {longest:.0f} ms, edit {edit * 1000:.1f} ms, {megabytes:.0f} MiB"

    return [("R21", "other requests while 50 MB are opened", *await both(measure))]


async def cancelling(_runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        chance, times = random.Random(1), list[float]()
        async with running(server) as process:
            for _ in range(1000):
                asked = process.start("test/slow", {"seconds": 30})
                await asyncio.sleep(chance.random() / 200)
                began = time.perf_counter()
                process.notify("$/cancelRequest", {"id": asked})
                assert (await process.reply(asked))["error"]["code"] == -32800
                times.append(time.perf_counter() - began)
        return milliseconds(times)

    return [("R22", "1,000 cancels, -32800 after p50 / p99 / max ms", *await both(measure))]


async def storm(_runs: int, seconds: float) -> list[Row]:
    async with running(OURS) as process:
        uris = [f"file:///w/{n}.py" for n in range(10)]
        for uri in uris:
            process.open(uri, "line\n" * 2000)
        versions, newest = dict.fromkeys(uris, 1), dict[str, Any]()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            uri = random.choice(uris)
            versions[uri] += 1
            newest[uri] = type_key(process, uri, versions[uri], 1000)
            await asyncio.sleep(1 / 60)
        for each in newest.values():
            await process.reply(each)
        stats = await process.result("test/stats")
        pings = milliseconds(await echoes(process, 200))
    most = f"in flight ≤ {stats['mostInFlight']}, queued ≤ {stats['mostQueued']}"
    found = f"{most}, echo after {pings} ms"
    return [("R23", f"60 keystrokes/s in 10 documents, {seconds:.0f} s", found, "not measured")]


async def hung(_runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        async with running(server) as process:
            for _ in range(100):
                process.start("test/blocking", {"seconds": 20})
            first = await answered(process, process.start("test/echo", [0]), 15)
            return milliseconds(await echoes(process, 500)) if first else "no echo in 15 s"

    return [("R24", "echo beside 100 hung calls, p50 / p99 / max ms", *await both(measure))]


# -- ends ----------------------------------------------------------------------------------


async def occupy(process: Any) -> None:
    for method, count in (("test/slow", 50), ("test/blocking", 20), ("test/stubborn", 5)):
        for _ in range(count):
            process.start(method, {"seconds": 8})
    await answered(process, process.start("test/echo", [1]))


async def end_times(server: Server, runs: int, end: Callable[[Any], Any], *, busy: bool) -> str:
    """How long the process lives after ``end``: p50 / p99 / max."""
    times: list[float] = []
    codes: set[int] = set()
    for _ in range(runs if server is OURS else 1):
        async with running(server) as process:
            if busy:
                await occupy(process)
            end(process)
            try:
                code, seconds = await process.ends_within(20)
            except TimeoutError:
                return "lives after 20 s"
            codes.add(code)
            times.append(seconds)
    return f"{milliseconds(times)} ms, code {', '.join(map(str, codes))}"


def say_exit(process: Any) -> None:
    process.start("shutdown")
    process.notify("exit")


def end_unread(process: Any) -> None:
    process.pause_reading()
    process.start("test/big", {"bytes": 20_000_000})
    say_exit(process)


async def ends(runs: int, _storm: float) -> list[Row]:
    async def row(number: str, name: str, end: Callable[[Any], Any], *, busy: bool = True) -> Row:
        async def measure(server: Server) -> str:
            return await end_times(server, runs, end, busy=busy)

        return (number, f"{name}, p50 / p99 / max", *await both(measure))

    rows = [
        await row("R11", "shutdown and exit, 75 requests in flight", say_exit),
        await row("R11", "shutdown and exit, idle", say_exit, busy=False),
        await row("R12", "end of input, 75 in flight", lambda p: p.close_input()),
        await row("R14", "exit behind 20 MB that nobody reads", end_unread, busy=False),
        await row("R14", "client closes our output", lambda p: p.close_output(), busy=False),
    ]
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signal, name)
        rows.append(await row("R15", name, lambda p, n=number: p.process.send_signal(n)))
    return rows


async def orphan(runs: int, _storm: float) -> list[Row]:
    async def measure(server: Server) -> str:
        times: list[float] = []
        for _ in range(min(runs, 5) if server is OURS else 1):
            client = await asyncio.create_subprocess_exec("sleep", "60")
            async with running(server, processId=client.pid) as process:
                client.kill()
                await client.wait()
                try:
                    _, seconds = await process.ends_within(10)
                except TimeoutError:
                    return "lives after 10 s"
                times.append(seconds)
        return f"{milliseconds(times)} ms"

    return [("R13", "client killed, pipe still held open, p50 / p99 / max", *await both(measure))]


PARTS: dict[str, Callable[[int, float], Awaitable[list[Row]]]] = {
    "start": start, "memory": memory, "edit": edit, "headers": headers, "framing": broken_framing,
    "invalid": invalid, "faults": faults, "roundtrip": round_trips, "large": large,
    "cancel": cancelling, "storm": storm, "hung": hung, "ends": ends, "orphan": orphan,
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
