"""The part of ``protocol.py`` about how a server ends."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from protocol_servers import OURS, Row, Server, answered, both, milliseconds, running

if TYPE_CHECKING:
    from collections.abc import Callable


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
