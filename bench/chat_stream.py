"""What the server adds to a chat answer on its way from the provider to the editor.

    python bench/chat_stream.py [--answers 200] [--deltas 40000] [--json]

A supplier in another process streams Chat Completions over loopback; the server is a real one
over stdio. All times are of one clock for all processes. Printed:

- *first delta*: from the supplier's write of the first text to the `$/progress` with it in the
  editor's hands, beside a bare socket that reads the same answer.
- *flood*: deltas a second when the supplier writes as fast as it can, CPU time of the server for
  each, the most memory that it took, and the bytes sent for each byte of text; beside a bare
  socket that decodes each event as JSON. One answer may have 8,000,000 bytes on the wire.
- *a client that does not read*: while an answer floods and the client reads nothing, the time
  from a completion's request to its arrival at the supplier, beside the same before; and how
  much memory the server took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import statistics
import time
from typing import TYPE_CHECKING, Any

from chat_stream_editor import ask, editor
from chat_stream_supplier import run_supplier

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

STAMP = re.compile(r"\d{20}")
WARM = 10
STALLED_S = 3.0
LONG = "flood:16000:30"
"""3 MB that the provider sends, half of them text."""


async def bare(port: int, ready: Callable[[bytes], bool], question: str) -> tuple[int, bytes]:
    """When enough of an answer was there, and the answer, read from a socket by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body)
    writer.write(head + body)
    got = bytearray()
    while True:
        data = await reader.read(65_536)
        got += data
        if not data or ready(bytes(got[-4096:])):
            break
    seen = time.monotonic_ns()
    writer.close()
    return seen, bytes(got)


def stamp(text: str) -> int:
    """When it was written, by its own account."""
    found = STAMP.search(text)
    assert found is not None, text
    return int(found[0])


async def by_socket(port: int) -> float:
    """Milliseconds to the first text."""
    seen, got = await bare(port, lambda data: b'"content"' in data, "first")
    return (seen - stamp(got.decode())) / 1e6


async def ours(client: Any) -> float:
    """Milliseconds to the first text, in the editor's hands."""
    client.forget()
    await ask(client, "first")
    now, value = next(each for each in client.heard if each[1]["kind"] == "text")
    return (now - stamp(value["text"])) / 1e6


def spread(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)}


async def first_delta(client: Any, port: int, count: int) -> dict[str, Any]:
    """Interleaved, so that all see the same machine."""
    taken: dict[str, list[float]] = {"ours": [], "socket": []}
    for _ in range(WARM):
        await ours(client)
    for _ in range(count):
        taken["ours"].append(await ours(client))
        taken["socket"].append(await by_socket(port))
    return {name: spread(values) for name, values in taken.items()}


async def flooded(client: Any, port: int, count: int) -> dict[str, Any]:
    """Deltas a second, memory and bytes."""
    client.forget()
    before, most, began = client.memory(), 0.0, client.cpu()
    asked = asyncio.ensure_future(ask(client, f"flood:{count}:1"))
    while not asked.done():
        most = max(most, client.memory())
        await asyncio.wait([asked], timeout=0.05)
    assert asked.result()["stopReason"] == "end", asked.result()
    spent = client.cpu() - began
    text = client.texts()
    took = (client.heard[-1][0] - stamp(text)) / 1e9
    seen, got = await bare(port, lambda data: data.endswith(b"0\r\n\r\n"), f"flood:{count}:1")
    began = time.perf_counter()
    for line in got.split(b"\n"):
        if line.startswith(b"data: {"):
            json.loads(line[6:])
    decoding = time.perf_counter() - began
    reading = (seen - stamp(got.decode())) / 1e9
    return {
        "deltas": count,
        "ours_per_s": round(count / took),
        "cpu_us_each": round(spent / count * 1e6, 1),
        "socket_and_json_per_s": round(count / (reading + decoding)),
        "text_bytes": len(text.encode()),
        "bytes_for_each": round(client.sent / len(text.encode()), 3),
        "messages": len(client.heard),
        "memory_before_mib": round(before, 1),
        "memory_most_mib": round(most, 1),
    }


async def completion(client: Any, tell: Connection, line: int) -> float:
    """Milliseconds from a completion's request to its arrival at the supplier."""
    while tell.poll():
        tell.recv()
    began = time.monotonic_ns()
    place = {"line": line, "character": 4}
    params = {"textDocument": {"uri": client.uri}, "position": place}
    client.start("textDocument/inlineCompletion", {**params, "context": {"triggerKind": 1}})
    arrived = await asyncio.to_thread(tell.recv)
    return (arrived - began) / 1e6


async def unread(client: Any, tell: Connection) -> dict[str, Any]:
    """Completions go out while nobody reads the answer."""
    await completion(client, tell, 0)
    idle = [await completion(client, tell, line) for line in range(1, 21)]
    client.forget()
    before = client.memory()
    asked = asyncio.ensure_future(ask(client, LONG))
    while not client.heard:
        client.wake.clear()
        await client.wake.wait()
    client.pause_reading()
    until = time.monotonic() + STALLED_S
    stalled: list[float] = []
    most = 0.0
    line = 21
    while time.monotonic() < until:
        stalled.append(await completion(client, tell, line))
        most = max(most, client.memory())
        line += 1
        await asyncio.sleep(0.1)
    client.resume_reading()
    result = await asked
    return {
        "idle_ms": round(statistics.median(idle), 2),
        "unread_ms": round(statistics.median(stalled), 2),
        "completions": len(stalled),
        "memory_before_mib": round(before, 1),
        "memory_most_mib": round(most, 1),
        "afterwards": result["stopReason"],
        "error": result.get("error", {}).get("code"),
        "whole": client.texts().endswith("<END>"),
    }


async def measure(port: int, tell: Connection, answers: int, deltas: int) -> dict[str, Any]:
    """All of them."""
    async with editor(f"http://127.0.0.1:{port}") as client:
        await ask(client, "first")
        return {
            "first_delta_ms": await first_delta(client, port, answers),
            "flood": await flooded(client, port, deltas),
            "unread": await unread(client, tell),
        }


def show(found: dict[str, Any]) -> None:
    """The figures in words."""
    first, much, left = found["first_delta_ms"], found["flood"], found["unread"]
    for name, label in (("ours", "the editor"), ("socket", "a bare socket")):
        print(f"first delta  {label:14} p50 {first[name]['p50']} ms  p99 {first[name]['p99']} ms")
    print(
        f"flood        {much['ours_per_s']:,} deltas/s, {much['cpu_us_each']} us of CPU time each "
        f"(a bare socket and JSON: {much['socket_and_json_per_s']:,}/s)\n"
        f"             {much['bytes_for_each']} bytes for each byte of text, in "
        f"{much['messages']:,} messages\n"
        f"             {much['memory_before_mib']} MiB before, {much['memory_most_mib']} at most"
    )
    print(
        f"unread       a completion reaches the supplier in {left['unread_ms']} ms (idle: "
        f"{left['idle_ms']} ms); {left['memory_before_mib']} MiB before, "
        f"{left['memory_most_mib']} at most; afterwards {left['afterwards']}, "
        f"{'whole' if left['whole'] else 'NOT WHOLE'}"
    )


def main() -> None:
    """Start the supplier, measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--deltas", type=int, default=40_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    receiver, sender = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    supplier = context.Process(target=run_supplier, args=(sender,), daemon=True)
    supplier.start()
    try:
        found = asyncio.run(measure(receiver.recv(), receiver, options.answers, options.deltas))
    finally:
        supplier.terminate()
        supplier.join()
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
