"""The writer: order, limits, and a reader at the other end that stops or goes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from polypilot.stdio.writing import SOFT_LIMIT, Outbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")


class Pipe:
    """A pipe, a writer on it, and what it has told."""

    def __init__(self, hard_limit: int = 10**9) -> None:
        self.read_end, self.write_end = os.pipe()
        self.lost = asyncio.Event()
        self.reasons: list[str] = []
        loop = asyncio.get_running_loop()
        self.outbox = Outbox(self.write_end, loop, self._lost, hard_limit=hard_limit)
        self.received = b""

    def _lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self.lost.set()

    def start_reading(self, length: int) -> threading.Thread:
        def read() -> None:
            while len(self.received) < length:
                self.received += os.read(self.read_end, 65536)

        thread = threading.Thread(target=read)
        thread.start()
        return thread

    def close(self) -> None:
        self.outbox.close(0)
        for fd in (self.read_end, self.write_end):
            try:
                os.close(fd)
            except OSError:
                continue


async def test_everything_arrives_in_order():
    pipe = Pipe()
    parts = [b"%d;" % n * (1 if n % 7 else 5000) for n in range(500)]
    reader = pipe.start_reading(sum(map(len, parts)))
    for part in parts:
        pipe.outbox.put(part)
    await asyncio.to_thread(reader.join, 10)
    assert pipe.received == b"".join(parts)
    pipe.close()


async def test_a_pipe_that_someone_made_non_blocking_still_works():
    pipe = Pipe()
    os.set_blocking(pipe.write_end, False)
    data = b"x" * 3_000_000
    pipe.outbox.put(data)
    reader = pipe.start_reading(len(data))
    await asyncio.to_thread(reader.join, 10)
    assert pipe.received == data
    pipe.close()


async def test_streams_are_told_to_wait_and_to_go_on():
    pipe = Pipe()
    assert not pipe.outbox.congested
    await pipe.outbox.drained()
    size = SOFT_LIMIT * 3
    pipe.outbox.put(b"x" * size)
    assert pipe.outbox.congested
    waiting = asyncio.ensure_future(pipe.outbox.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    reader = pipe.start_reading(size)
    await asyncio.wait_for(waiting, 10)
    assert not pipe.outbox.congested
    await asyncio.to_thread(reader.join, 10)
    pipe.close()


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_closed_end_is_noticed_and_nobody_waits_for_it(*, waiting: bool):
    pipe = Pipe()
    waiter = None
    if waiting:
        pipe.outbox.put(b"x" * SOFT_LIMIT * 3)
        waiter = asyncio.ensure_future(pipe.outbox.drained())
        await asyncio.sleep(0)
    os.close(pipe.read_end)
    await asyncio.wait_for(pipe.lost.wait(), 10)
    if waiter:
        await asyncio.wait_for(waiter, 10)
    pipe.outbox.put(b"into the void")
    pipe.outbox.put(b"x" * 100_000)
    assert pipe.outbox.queued == 0
    pipe.close()
    assert len(pipe.reasons) == 1


async def test_a_reader_that_never_reads_is_given_up():
    pipe = Pipe(hard_limit=1_000_000)
    for _ in range(20):
        pipe.outbox.put(b"x" * 100_000)
    await asyncio.wait_for(pipe.lost.wait(), 10)
    assert pipe.reasons == ["the client does not read its answers"]
    assert pipe.outbox.queued <= 0
    pipe.close()


async def test_closing_waits_for_a_reader_only_so_long():
    pipe = Pipe()
    pipe.outbox.put(b"x" * 10_000_000)
    await asyncio.wait_for(asyncio.to_thread(pipe.outbox.close, 0.05), 5)
    pipe.outbox.put(b"after the end")
    os.close(pipe.read_end)
    os.close(pipe.write_end)
