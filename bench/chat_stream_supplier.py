"""The supplier of `chat_stream.py`, in a process of its own: streams Chat Completions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PAUSE = 0.004
BATCH = 256
WORDS = ("def ", "return ", "value", " = ", "other", "(", "x", ", ", "y", "):\n    ", "é", "\n")


def event(**delta: object) -> bytes:
    """One event of an answer, as a chunk."""
    reason = None if delta else "stop"
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    data = b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def done() -> bytes:
    """The end of an answer."""
    data = b"data: [DONE]\n\n"
    return event() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


async def first_text(writer: asyncio.StreamWriter) -> None:
    """One piece of text, which says when it was written."""
    writer.write(HEAD + event(role="assistant"))
    await asyncio.sleep(PAUSE)
    writer.write(event(content=f"At {time.monotonic_ns():020} "))
    await asyncio.sleep(PAUSE)
    writer.write(done())


async def flood(writer: asyncio.StreamWriter, count: int, words: int) -> None:
    """As many pieces of so many words as wanted, as fast as they are read."""
    draw = random.Random(5)
    writer.write(HEAD + event(content=f"At {time.monotonic_ns():020} \n"))
    for _ in range(count // BATCH):
        pieces = ("".join(draw.choices(WORDS, k=words)) for _ in range(BATCH))
        writer.write(b"".join(event(content=each) for each in pieces))
        await writer.drain()
    writer.write(event(content="<END>") + done())


async def serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tell: Connection
) -> None:
    """One connection."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            fields = head.split(b"\r\n")
            size = sum(int(each[15:]) for each in fields if each.startswith(b"content-length:"))
            body = await reader.readexactly(size)
            if b"/completions" in fields[0] and b"/chat/" not in fields[0]:
                tell.send(time.monotonic_ns())
                text = b'{"id":"c","choices":[{"index":0,"text":"1","finish_reason":"stop"}]}'
                lines = b"data: %b\n\ndata: [DONE]\n\n" % text
                writer.write(HEAD + b"%x\r\n%b\r\n0\r\n\r\n" % (len(lines), lines))
                continue
            asked = json.loads(body)["messages"][-1]["content"]
            kind, *numbers = asked.split(":")
            await (flood(writer, *map(int, numbers)) if kind == "flood" else first_text(writer))
            await writer.drain()
    writer.close()


async def supply(tell: Connection) -> None:
    """Listen until the process is ended."""
    server = await asyncio.start_server(
        lambda reader, writer: serve_one(reader, writer, tell), "127.0.0.1", 0
    )
    tell.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_supplier(tell: Connection) -> None:
    """The process."""
    asyncio.run(supply(tell))
