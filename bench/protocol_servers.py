"""The servers that ``protocol.py`` compares, and what its parts share."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whole_server import support

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

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


def resident(process: Any) -> float:
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


async def answered(process: Any, msg_id: Any, patience: float = 1.5) -> dict[str, Any] | None:
    try:
        return await process.reply(msg_id, patience)
    except TimeoutError:
        return None


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
