"""Entries on their way to the disk: in batches, behind the work, and never without bound."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from polypilot.errors import Problem, UserError
from polypilot.usage.losing import Losses
from polypilot.usage.storing import prune, put

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.database import Database
    from polypilot.tasks import Tasks
    from polypilot.usage.values import Entry

SOON: Final = 5.0
"""Seconds that entries wait for more of them."""
_LATEST: Final = 60.0
_BATCH: Final = 500
MOST_WAITING: Final = 5_000
"""Entries that wait for a disk that does not answer; then the oldest are dropped and counted."""


class Writer:
    """Takes entries and their changes, and writes the newest state of each.

    Args:
        database: the file.
        tasks: owns the writing.
        keep_days: how many days are kept.
        problems: is told once that the disk fails; ``solved`` that it does no more.
        notice: is told once that entries are being lost.
        sleep: waits for some seconds.
        today: the date by the user's clock.
    """

    def __init__(
        self,
        database: Database,
        tasks: Tasks,
        *,
        keep_days: Callable[[], int] = lambda: 400,
        problems: Callable[[Problem], None] | None = None,
        solved: Callable[[str], None] | None = None,
        notice: Callable[[str], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._keep_days = keep_days
        self._problems = problems
        self._solved = solved
        self._sleep = sleep
        self._today = today
        self._losses = Losses(notice)
        # Of a dict whose first keys were deleted the next one is found by walking over them.
        self._waiting: OrderedDict[int, tuple[Entry, bool]] = OrderedDict()
        self._batch: list[tuple[Entry, bool]] = []
        """On its way to the disk. It may be written even if nobody waited for that to end."""
        self._running: asyncio.Task[None] | None = None
        self._trouble = ""
        """The code of what was told."""
        self._pruned: date | None = None

    def __len__(self) -> int:
        return len(self._waiting) + len(self._batch)

    @property
    def dropped(self) -> int:
        """Entries, or changes of them, that were lost since the start."""
        return self._losses.count

    def put(self, entry: Entry, *, new: bool = False) -> None:
        """Take an entry, or its newest state. Never waits, never fails."""
        _, unwritten = self._waiting.pop(entry.id, (entry, False))
        self._waiting[entry.id] = entry, new or unwritten
        while len(self._waiting) > MOST_WAITING:
            _, (oldest, unwritten) = self._waiting.popitem(last=False)
            self._losses.add(oldest, new=unwritten)
        if self._running is None or self._running.done():
            self._running = self._tasks.spawn(self._run(), name="usage")

    async def flush(self) -> None:
        """Write all that waits now.

        Raises:
            StorageError: it could not be written; it waits on.
        """
        while self._batch or self._waiting or self._losses.unwritten():
            if not self._batch:  # else what could not be written, or not yet
                count = min(_BATCH, len(self._waiting))
                self._batch = [self._waiting.popitem(last=False)[1] for _ in range(count)]
            batch, gaps = self._batch, self._losses.unwritten()
            await self._database.write(partial(put, batch=batch, gaps=gaps))
            self._losses.written(gaps)
            if self._batch is batch:  # it may have been written twice, as the end comes
                self._batch = []

    async def prune(self) -> None:
        """Delete what is too old, in steps that let others write in between.

        Raises:
            StorageError: it could not be done.
        """
        work = partial(prune, today=self._today(), keep_days=self._keep_days())
        more = True
        while more:
            more = await self._database.write(work)

    async def aclose(self, timeout: float = 1.0) -> None:  # noqa: ASYNC109  (a budget)
        """Write what waits, if the disk answers within ``timeout`` seconds."""
        if self._running is not None:
            self._running.cancel()
        try:
            async with asyncio.timeout(timeout):
                await self.flush()
        except (TimeoutError, UserError) as failure:
            left = [*self._batch, *self._waiting.values()]
            self._batch = []
            self._waiting.clear()
            self._losses.end(left, getattr(failure, "code", "storage_timeout"))

    async def _run(self) -> None:
        wait = SOON
        while len(self):
            await self._sleep(wait)
            try:
                await self.flush()
                if self._pruned != self._today():
                    self._pruned = self._today()
                    await self.prune()
            except UserError as failure:
                self._tell(failure)
                wait = min(wait * 2, _LATEST)
            else:
                self._over()
                wait = SOON

    def _tell(self, failure: UserError) -> None:
        if self._problems is not None and failure.code != self._trouble:
            self._trouble = failure.code
            self._problems(Problem(failure.code, failure.message, failure.cure))

    def _over(self) -> None:
        self._losses.over()
        code, self._trouble = self._trouble, ""
        if code and self._solved is not None:
            self._solved(code)
