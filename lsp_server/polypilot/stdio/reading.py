"""A reader that no handler can block.

Reading is the event loop's own on POSIX pipes and sockets, and a thread's elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_READ = 256 * 1024
_READ_AHEAD = 16  # chunks that a reading thread may be ahead of the event loop


class Receiver(Protocol):
    """Where bytes that were read go; called in the event loop's thread."""

    def feed(self, data: bytes) -> None:
        """Takes bytes."""
        ...

    def end(self) -> None:
        """There will be no more bytes."""
        ...


class _PipeProtocol(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def data_received(self, data: bytes) -> None:
        self._receiver.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            log.warning("reading failed: %s", type(exc).__name__)
        self._receiver.end()


async def start_reading(fd: int, receiver: Receiver) -> Callable[[], None]:
    """Reads ``fd`` until its end. Returns what ends the reading and gives ``fd`` back."""
    loop = asyncio.get_running_loop()
    mode = os.fstat(fd).st_mode
    if sys.platform == "win32" or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        # A terminal stays blocking for the shell that shares it; a file can't be polled.
        thread = threading.Thread(
            target=_read_blocking, args=(fd, receiver, loop), name="polypilot-reader", daemon=True
        )
        thread.start()
        return lambda: None
    pipe = os.fdopen(os.dup(fd), "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: _PipeProtocol(receiver), pipe)

    def stop() -> None:
        transport.close()
        with contextlib.suppress(OSError):
            os.set_blocking(fd, True)  # the flag is the pipe's, and others may hold it

    return stop


def _read_blocking(fd: int, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
    ahead = threading.Semaphore(_READ_AHEAD)

    def feed(data: bytes) -> None:
        ahead.release()
        receiver.feed(data)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        while True:
            try:
                data = os.read(fd, _READ)
            except OSError as error:
                log.warning("reading failed: %s", type(error).__name__)
                data = b""
            if not data:
                loop.call_soon_threadsafe(receiver.end)
                return
            ahead.acquire()
            loop.call_soon_threadsafe(feed, data)
