"""A program that serves on standard input and output, from start to exit code."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from polypilot.stdio.process import claim, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from polypilot.stdio.process import Wire

log = logging.getLogger(__name__)

BROKEN_STREAMS = 2
"""The exit code if standard input or output is closed."""


def run(serve: Callable[[Wire], Coroutine[Any, Any, int]]) -> int:
    """Runs ``serve`` on the wire; its exit code. For the main thread of a process of its own."""
    try:
        wire = claim()
    except OSError:
        tell("standard input or output is closed; this program is started by an editor")
        return BROKEN_STREAMS
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_log_type_only)
    try:
        return loop.run_until_complete(serve(wire))
    finally:
        # Neither waits for anything: what still runs is cancelled or left behind.
        loop.close()


def _log_type_only(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception that nobody took: its text may hold anything, its type does not."""
    exc = context.get("exception")
    log.error("in the event loop: %s", type(exc).__name__ if exc else context.get("message"))
