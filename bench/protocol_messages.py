"""The part of ``protocol.py`` about messages: odd ones, failing ones, many and large ones."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import random
import time
from typing import Any

from protocol_servers import (
    OURS,
    Row,
    Server,
    answered,
    both,
    echoes,
    milliseconds,
    resident,
    running,
    type_key,
)
from whole_server import support

# The tests' cases; dynamically, since their folder is no package.
framing: Any = importlib.import_module("test_framing")
messages: Any = importlib.import_module("test_messages")
params_cases: Any = importlib.import_module("test_params")

FAULTS = ["exception", "exit", "interrupt", "memory", "recursion", "generator"]


# -- what is wrong with them


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


# -- how long they take


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
