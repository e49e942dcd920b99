"""When the settings are read again, and by whom: one reading at a time, put in force in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from polypilot.backend.reloading import Reading, Sources, read
from polypilot.errors import describe
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.backend.folders import Folders
    from polypilot.backend.status import StatusBoard
    from polypilot.tasks import Tasks

FILES_S = 10.0
"""Small files on a slow disk. Longer than that is a network disk that hangs."""


class Refresher:
    """Reads the sources again, off the loop.

    Args:
        sources: what to read.
        folders: looked up first, if that was not done or failed.
        tasks: owns the reading, which outlives whoever asked for it.
        put_in_force: takes what was read; never called twice at a time.
        board: told of a look that failed.
    """

    def __init__(
        self,
        sources: Sources,
        folders: Folders,
        tasks: Tasks,
        put_in_force: Callable[[Reading], Awaitable[None]],
        board: StatusBoard,
    ) -> None:
        self._sources = sources
        self._folders = folders
        self._tasks = tasks
        self._put_in_force = put_in_force
        self._board = board
        self._turn = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def refresh(self, within: float) -> None:
        """Reload if a settings file was changed or a folder is not found yet.

        Looks at most once a second. Waits at most ``within`` seconds; the look goes on behind
        it. A failure is shown in the status: what asked for the look goes on with the settings
        in force.
        """
        if self._looking is None and self._sources.due():
            self._looking = self._tasks.spawn(self._look(), name="settings")
            self._looking.add_done_callback(self._looked)
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=within)

    async def reload(self) -> None:
        """Look up folders that changed, read every source again and put it in force.

        Raises:
            TimeoutError: a disk hangs; the settings are as they were.
        """
        # In a task of its own: who asked may be cancelled, and half of the parts must not be
        # left with the old settings.
        await asyncio.shield(self._tasks.spawn(self._reload(), name="reload"))

    async def _look(self) -> None:
        try:
            changed = self._sources.changed
            if not self._folders.settled or await run_blocking(
                changed, timeout=FILES_S, name="settings"
            ):
                await self._reload()
        except Exception as error:  # noqa: BLE001 - whatever it is, the user reads it here
            self._board.problem(describe(error))

    def _looked(self, _task: asyncio.Task[None]) -> None:
        self._looking = None

    async def _reload(self) -> None:
        # One after the other: what was read first must not be put in force last.
        async with self._turn:
            await self._folders.settle()
            reading = await run_blocking(read, self._sources, timeout=FILES_S, name="settings")
            await self._put_in_force(reading)
