"""Asks one root's database in a thread, and says what its errors mean."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from typing import TYPE_CHECKING, TypeVar

from polypilot.errors import trace
from polypilot.tasks import run_blocking
from polypilot.workspace.index import store
from polypilot.workspace.index.values import Phase, SearchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.workspace.index.keeping import Keeper, Known

log = logging.getLogger(__name__)

_AT_ONCE = 4
_SLACK = 0.25
"""Seconds that a question has at least, and may take longer than its limit."""
_COUNT_S = 5.0
_BROKEN = "the index of the workspace was damaged or deleted; it is being made again"
_LATE = "the search took too long"

_T = TypeVar("_T")


class Asking:
    """The questions of one server: a few at a time."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._seats = asyncio.Semaphore(_AT_ONCE)

    async def ask(
        self, known: Known, question: Callable[..., _T], arguments: tuple[object, ...], end: float
    ) -> tuple[_T | None, str]:
        """The answer, or why there is none. ``end`` is when it has to be there (monotonic).

        Raises:
            SearchError: ``no_fts``.
        """
        left = max(end - time.monotonic(), _SLACK)
        deadline = time.monotonic() + left
        file = self._keeper.file(known.root)
        async with self._seats:
            try:
                answer = await run_blocking(
                    question, file, *arguments, deadline, timeout=left + _SLACK, name="a search"
                )
            except TimeoutError:
                return None, _LATE
            except sqlite3.Error as error:
                return None, await self._failed(known, error)
            return answer, ""

    async def _failed(self, known: Known, error: sqlite3.Error) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            return _LATE
        if known.state.phase is Phase.FAILED:
            await _check_fts()
        if store.is_damage(error):
            self._keeper.scan(known, "rebuild")
            return _BROKEN
        if not known.was_ready:
            return ""  # not made yet, or half made
        if code == sqlite3.SQLITE_CANTOPEN:  # another server has deleted it
            self._keeper.scan(known)
            return _BROKEN
        log.warning("a question to the index failed: %s", trace(error))
        return f"the index can't be read ({getattr(error, 'sqlite_errorname', 'error')})"


async def count(file: Path) -> int | None:
    """How many files a database has; None: it is not there.

    Raises:
        SearchError: ``no_fts``, or ``index_failed``: it can't be read.
    """
    await _check_fts()
    try:
        return await run_blocking(store.count, file, timeout=_COUNT_S, name="the index")
    except (sqlite3.Error, TimeoutError) as error:
        raise SearchError(
            f"the index can't be read ({getattr(error, 'sqlite_errorname', 'it takes too long')})",
            cure="the next search mends it, or makes it again",
        ) from None


async def _check_fts() -> None:
    """Why nothing could be made, if that is why.

    Raises:
        SearchError: ``no_fts``.
    """
    with contextlib.suppress(TimeoutError):
        if await run_blocking(store.has_fts, timeout=_SLACK, name="SQLite"):
            return
        raise SearchError(
            "this Python's SQLite can't search text (FTS5 is missing)",
            code="no_fts",
            cure="install a Python from python.org, your system or uv",
        )
