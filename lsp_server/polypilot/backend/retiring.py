"""Things that running requests use, and that settings replace: closed when the last has ended."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from polypilot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

log = logging.getLogger(__name__)

CLOSE_S = 2.0
"""Nobody waits longer for a close: a plug-in's may hang, and the next request must go on."""


class Retiring:
    """Counts who uses a thing. Belongs to one event loop.

    Args:
        close: frees the thing; called once at most. A failure is logged.
        within: seconds that it may take. Then it is cancelled, and not waited for any longer.
    """

    def __init__(self, close: Callable[[], Awaitable[None]], *, within: float = CLOSE_S) -> None:
        self._close = close
        self._within = within
        self._tasks = Tasks()
        self._closing: asyncio.Task[None] | None = None
        self._users = 0
        self._retired = False
        self._closed = False

    @property
    def retired(self) -> bool:
        """Whether something else has taken its place: nothing new may begin with it."""
        return self._retired

    @property
    def closed(self) -> bool:
        """Whether it was freed, as far as it ever will be."""
        return self._closed

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[None]:
        """For the time of one use. The last one of a retired thing closes it."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._retired and not self._users:
                await self.aclose()

    async def retire(self) -> None:
        """Close it now if nobody uses it, otherwise with the end of the last use."""
        self._retired = True
        if not self._users:
            await self.aclose()

    async def aclose(self) -> None:
        """Close it, whoever uses it. Whoever calls waits for the same close."""
        self._retired = True
        if self._closing is None:
            # In a task of its own: who waits may be cancelled, the close goes on.
            self._closing = self._tasks.spawn(self._close_in_time(), name="close")
        await asyncio.shield(self._closing)

    async def _close_in_time(self) -> None:
        try:
            # Not a timeout around it: a plug-in's may pay no heed to being cancelled.
            freeing = self._tasks.spawn(self._free(), name="free")
            done, _ = await asyncio.wait({freeing}, timeout=self._within)
            if not done:
                freeing.cancel()
                log.warning("a close did not end in %g s", self._within)
        finally:
            self._closed = True

    async def _free(self) -> None:
        try:
            await self._close()
        except Exception as error:  # noqa: BLE001 - a plug-in's; nobody can mend it any more
            log.warning("a close failed: %s", type(error).__name__)
