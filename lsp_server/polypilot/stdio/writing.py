"""A writer that no client can block.

Writing is a thread's, with a queue in between: a client that stops reading fills the queue,
while requests and cancellations are still read. A short message goes out directly from the event
loop when the pipe is known to take it, which saves two thread switches.

The queue's limits: above `SOFT_LIMIT` those who send streams are asked to wait or to leave
something out (`Outbox.congested`, `Outbox.drained`); responses are never dropped; above
`HARD_LIMIT` the client is taken for dead.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

SOFT_LIMIT = 256 * 1024
"""Bytes queued from which on streams should pause."""
HARD_LIMIT = 256 * 1024 * 1024
"""Bytes queued at which the client is taken for dead."""
_WRITE = 64 * 1024
_ATOMIC = 4096  # POSIX: a pipe that polls writable takes this much without blocking (PIPE_BUF)


class Sink(Protocol):
    """Where encoded messages go."""

    def put(self, data: bytes) -> None:
        """Sends bytes, in order, without blocking."""
        ...

    @property
    def congested(self) -> bool:
        """Whether streams should pause."""
        ...

    async def drained(self) -> None:
        """Returns when streams may go on."""
        ...


class Outbox:
    """Writes to a file descriptor from a thread of its own."""

    def __init__(
        self,
        fd: int,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[[str], None],
        *,
        hard_limit: int = HARD_LIMIT,
    ) -> None:
        self._fd = fd
        self._loop = loop
        self._lost = lost
        self._hard_limit = hard_limit
        self._queue: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._queued = 0
        self._most_queued = 0
        self._closed = False
        self._broken = False
        self._waiters: list[asyncio.Future[None]] = []
        self._writable = _writable_now(fd)
        self._thread = threading.Thread(target=self._run, name="polypilot-writer", daemon=True)
        self._thread.start()
        self._watch = _watch_hangup(fd, lambda: self._fail("the client closed its end"))

    @property
    def queued(self) -> int:
        """Bytes waiting to be written."""
        return self._queued

    @property
    def most_queued(self) -> int:
        """The most messages that ever waited."""
        return self._most_queued

    @property
    def congested(self) -> bool:
        """Whether streams should pause."""
        return self._queued > SOFT_LIMIT

    def put(self, data: bytes) -> None:
        """Sends bytes, in order, without blocking; into the void once the client is gone."""
        with self._changed:
            if self._broken or self._closed:
                return
            if not self._queued and len(data) <= _ATOMIC and self._writable():
                self._write_now(data)
                return
            self._queue.append(data)
            self._queued += len(data)
            self._most_queued = max(self._most_queued, len(self._queue))
            self._changed.notify()
            too_much = self._queued > self._hard_limit
        if too_much:
            self._fail("the client does not read its answers")

    async def drained(self) -> None:
        """Returns when half of the soft limit is free, or the client is gone."""
        while self.congested and not self._broken:
            waiter: asyncio.Future[None] = self._loop.create_future()
            with self._changed:
                self._waiters.append(waiter)
            await waiter

    def close(self, timeout: float) -> None:
        """Waits at most ``timeout`` seconds for what is queued, then gives up.

        Blocks: for the end of a connection, when nothing else is left to do.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)
        self._watch()

    def _write_now(self, data: bytes) -> None:
        try:
            done = os.write(self._fd, data)
        except BlockingIOError:
            done = 0
        except OSError as error:
            self._broken = True
            self._tell(f"writing failed: {error.strerror}")
            return
        if done < len(data):
            self._queue.append(data[done:])
            self._queued += len(data) - done
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue or self._broken:
                    return
                data = self._queue.popleft()
            try:
                self._write(data)
            except OSError as error:
                self._fail(f"writing failed: {error.strerror}")
                return

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                done = os.write(self._fd, view[:_WRITE])
            except BlockingIOError:  # someone made the pipe non-blocking
                select.select([], [self._fd], [])
                continue
            view = view[done:]
            with self._changed:
                self._queued -= done
                wake = bool(self._waiters) and self._queued <= SOFT_LIMIT // 2
            if wake:
                self._call(self._wake)

    def _wake(self) -> None:
        with self._changed:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        with self._changed:
            if self._broken or self._closed:
                return
            self._broken = True
            self._queue.clear()
            self._queued = 0
            self._changed.notify()
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        self._call(self._wake)
        self._call(self._lost, reason)

    def _call(self, function: Callable[..., None], *args: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the interest
            self._loop.call_soon_threadsafe(function, *args)


def _writable_now(fd: int) -> Callable[[], bool]:
    """A quick question whether a short write will not block."""
    if sys.platform == "win32":
        return lambda: False
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return lambda: poll.poll(0) == [(fd, select.POLLOUT)]


def _watch_hangup(fd: int, gone: Callable[[], None]) -> Callable[[], None]:
    """Calls ``gone`` when the other end of ``fd`` is closed, from a thread, even if nothing
    is being written. Returns what ends the watch. Windows has no such event; there the next
    write fails."""  # noqa: D205, D209 -- one sentence too long for one line
    if sys.platform == "win32":
        return lambda: None
    wake_read, wake_write = os.pipe()

    def run() -> None:
        poll = select.poll()
        poll.register(fd, 0)  # errors and hang-ups are reported unasked
        poll.register(wake_read, 0)
        events = dict(poll.poll())
        os.close(wake_read)
        if fd in events and not events[fd] & select.POLLNVAL:
            gone()

    thread = threading.Thread(target=run, name="polypilot-writer-watch", daemon=True)
    thread.start()
    return lambda: os.close(wake_write)
