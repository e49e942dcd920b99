"""A database with a thread of its own, so that a disk that hangs hangs nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from polypilot.database import failures, opening
from polypilot.database.failures import StorageError
from polypilot.errors import Problem
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from polypilot.database.opening import Identity, Migration

_T = TypeVar("_T")
_CHECK_EVERY = 10_000  # steps of SQLite's machine between two looks whether anyone still waits
_MOST_WAITING = 1_000
_ATTEMPTS = 3  # the file may be damaged, or moved away by another process, meanwhile


@dataclass(slots=True)
class _Job(Generic[_T]):
    work: Callable[[sqlite3.Connection], _T]
    begin: str
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[_T] = field(init=False)
    unwanted: bool = False
    """Nobody waits for what it would read."""

    def __post_init__(self) -> None:
        self.future = self.loop.create_future()


class Database:
    """One SQLite file, shared with the user's other processes, and the one thread that uses it.

    The thread is a daemon, started by the first job, which also opens the file; jobs run one
    after the other, each in a transaction of its own. A file that was removed or set aside by
    someone else is opened anew; a damaged one is set aside and a new one begun.

    Args:
        path: of the file; asked on the thread, since it may touch the disk.
        migrations: each takes the schema one version further; their number is the version.
        what: is in the file, as a sentence about its trouble begins.
        problems: is told, on the event loop, that the file was damaged and where it is now.
        chore: work that can wait, such as wiping what was deleted; called while nobody waits,
            until it returns False. It keeps in the file what is left to do.
        limit: seconds after which a caller does not wait any longer.
    """

    def __init__(
        self,
        path: Callable[[], Path],
        migrations: Sequence[Migration],
        what: str,
        *,
        problems: Callable[[Problem], None] | None = None,
        chore: Callable[[sqlite3.Connection], bool] | None = None,
        limit: float = 10.0,
    ) -> None:
        self._path: Final = path
        self._migrations: Final = migrations
        self._what: Final = what
        self._problems: Final = problems
        self._chore: Final = chore
        self._limit: Final = limit
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._closed = False
        self._busy_since: float | None = None
        self._given_up = False
        """Whether a caller has given up since the thread last ended a job."""
        # The thread's own:
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._chores = chore is not None

    async def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What ``work`` reads, from one state of the file. Cancelled, it is interrupted.

        Raises:
            StorageError: it can't be read now.
        """
        return await self._do(work, "BEGIN")

    async def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Let ``work`` change the file, all of it or nothing; it may run twice.

        It is done also if the caller is cancelled or has given up waiting, in the order of
        the calls; on return it is on the disk.

        Raises:
            StorageError: it could not be written, or not yet.
        """
        return await self._do(work, "BEGIN IMMEDIATE")

    async def size(self) -> int:
        """Bytes on the disk.

        Raises:
            StorageError: the disk does not answer.
        """
        try:
            return await run_blocking(
                lambda: opening.size(self._path()), timeout=self._limit, name=self._what
            )
        except TimeoutError as exc:
            raise failures.late(self._what, self._limit) from exc
        except OSError as exc:
            raise failures.told(exc, self._what) from exc

    async def aclose(self, timeout: float = 2.0) -> None:  # noqa: ASYNC109  (a budget)
        """Do what waits, chores included, and close the file; ``timeout`` in seconds.

        What takes longer is left to the thread and, at the end of the process, to the next
        one. Safe to call twice.
        """
        self._closed = True
        if self._thread is None:
            return
        self._jobs.put(None)
        with contextlib.suppress(TimeoutError):
            await run_blocking(self._ended.wait, timeout, timeout=timeout, name=self._what)

    async def _do(self, work: Callable[[sqlite3.Connection], _T], begin: str) -> _T:
        job = _Job(work, begin, asyncio.get_running_loop())
        self._submit(job)
        try:
            done, _ = await asyncio.wait({job.future}, timeout=self._limit)
            if not done:
                self._given_up = True
                raise failures.late(self._what, self._limit)
            return job.future.result()
        finally:
            job.unwanted = begin != "BEGIN IMMEDIATE"
            job.future.cancel()

    def _submit(self, job: _Job[Any]) -> None:
        since = self._busy_since
        if self._closed:
            raise StorageError(f"{self._what} is closed", code="storage_closed")
        hangs = since is not None and (self._given_up or time.monotonic() - since > self._limit)
        if hangs or self._jobs.qsize() >= _MOST_WAITING:
            raise failures.late(self._what, self._limit)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, name=f"polypilot:{self._what}", daemon=True
            )
            self._thread.start()
        self._jobs.put(job)

    # --- on the thread

    def _serve(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._busy_since = time.monotonic()
                self._settle(job)
                self._given_up, self._busy_since = False, None
            while self._chores:
                self._work_off()
            self._disconnect()
        finally:
            self._ended.set()

    def _next(self) -> _Job[Any] | None:
        """The next job, chores in the meantime; None: there will be no more."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._jobs.get(block=self._connection is None or not self._chores)
            self._work_off()

    def _work_off(self) -> None:
        """Do a part of what can wait. What fails is tried again after the next write."""
        self._busy_since = time.monotonic()
        try:
            if self._chore is None or self._connection is None:
                self._chores = False
            else:
                self._chores = self._chore(self._connection)
        except Exception:  # noqa: BLE001  (a disk's failure is told to those who wait for it)
            self._chores = False
        self._busy_since = None

    def _settle(self, job: _Job[Any]) -> None:
        if job.unwanted:
            return
        result: object = None
        failure: BaseException | None = None
        try:
            result = self._perform(job)
        except Exception as exc:  # noqa: BLE001  (handed to whoever awaits)
            failure = failures.told(exc, self._what)

        def settle() -> None:
            if job.future.done():
                return
            if failure is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(failure)

        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            job.loop.call_soon_threadsafe(settle)

    def _perform(self, job: _Job[_T]) -> _T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._run(job)
            except Exception as exc:
                if failures.needs_reopening(exc):
                    self._disconnect()
                again = failures.is_moved(exc) or (
                    failures.is_damage(exc) and self._begin_anew(job.loop)
                )
                if not again or attempt == _ATTEMPTS:
                    raise
        raise AssertionError  # the loop above returns or raises

    def _run(self, job: _Job[_T]) -> _T:
        connection = self._connect()
        if job.begin != "BEGIN":
            connection.set_progress_handler(None, 0)
        else:
            connection.set_progress_handler(lambda: job.unwanted, _CHECK_EVERY)
        connection.execute(job.begin)
        try:
            result = _read(job.work(connection))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite may have ended it by itself
                connection.execute("ROLLBACK")
            raise
        self._chores = self._chore is not None and (self._chores or job.begin != "BEGIN")
        return result

    def _connect(self) -> sqlite3.Connection:
        path = self._path()
        if self._connection is not None:
            if opening.identity(path) == self._identity:
                return self._connection
            self._disconnect()
        self._connection = opening.open_private(path, self._migrations, self._what)
        self._identity = opening.identity(path)
        self._chores = self._chore is not None  # another process may have left some
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # whatever it says, it is over
                connection.close()

    def _begin_anew(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Set a damaged file aside and say so; True: there is now room for a new one."""
        path = self._path()
        broken = self._identity if self._connection is not None else opening.identity(path)
        if sys.platform == "win32":  # pragma: no cover - open files can't be renamed there
            self._disconnect()
        # Elsewhere renamed first: closing the last connection would write to the broken file.
        moved = opening.set_aside(path, broken)
        self._disconnect()
        if moved is not None and self._problems is not None:
            problem = Problem(
                "storage_damaged",
                f"{self._what} was damaged; it is kept as {moved.name}, and a new one was begun",
            )
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._problems, problem)
        return True


def rows(cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
    """All that a query yields."""
    return cast("list[tuple[Any, ...]]", cursor.fetchall())


def _read(result: _T) -> _T:
    """What may leave the thread: a cursor would be taken down in another, which SQLite refuses."""
    if isinstance(result, sqlite3.Cursor):
        raise TypeError("a cursor is of its connection's thread: return what it has read")
    return result
