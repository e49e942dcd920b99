"""Builds the index of one root, step by step, and keeps it up to date.

At any time one process builds, who holds the lock beside the database; updates of single
files need no lock but SQLite's own.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.workspace.ignore_state import IGNORE_NAMES
from polypilot.workspace.index import store
from polypilot.workspace.index.judging import FolderPolicy
from polypilot.workspace.index.rows import Rows
from polypilot.workspace.index.values import Phase
from polypilot.workspace.index.wire import Report, Wish
from polypilot.workspace.index.work import Work
from polypilot.workspace.roots import Root, uri_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from polypilot.workspace.index.wire import Trouble

_AGAIN = 0.5
"""Seconds after which a lock that another process holds is tried again."""
_MANY_CHANGES = 500
"""Changed files from which on everything is looked at instead."""
_RETRIES = 2


class Builder:
    """One root. For one thread; `step` does a little, and says when it wants to go on."""

    def __init__(self, wish: Wish, tell: Callable[[Report], None]) -> None:
        self._wish = wish
        self._tell = tell
        self._policy = self._made_policy()
        self._rows: Rows | None = None
        self._inode = 0
        self._job: Generator[float] | None = None
        self._again = False
        self._anew = False
        self._damaged = 0
        self._changed: dict[str, None] = {}
        self._served = 0
        self._asked = 0
        self._shown = Report(wish.root, Phase.IDLE)

    # -- orders --------------------------------------------------------------------------

    def order(self, wish: Wish) -> None:
        """Takes an order of this root."""
        before = self._wish
        self._wish, self._asked = wish, wish.serial
        if (wish.rules, wish.roots, wish.real) != (before.rules, before.roots, before.real):
            self._policy = self._made_policy()
        if wish.order == "update":
            self._changed |= dict.fromkeys(wish.paths)
            return
        self._anew = self._anew or wish.order == "rebuild"
        self._want_scan()

    def forget(self, *, delete: bool) -> None:
        """Stops, and deletes the database if wanted.

        Raises:
            OSError: it can't be deleted.
        """
        self._stop()
        if delete:
            store.discard(self._file)

    def step(self) -> float | None:
        """Does a little work. Returns the seconds after which there is more; None: done."""
        try:
            if self._changed:
                self._update()
            if self._job is None:
                if self._again:
                    self._again = False
                    self._job = self._scan()
                else:
                    return None
            return next(self._job)
        except StopIteration:
            self._job = None
            return 0.0
        except (sqlite3.Error, OSError) as error:
            return self._failed(error)

    # -- inside --------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return Path(self._wish.file)

    def _made_policy(self) -> FolderPolicy:
        wish = self._wish
        root = Root(uri_of(wish.root), wish.root, wish.real)
        return FolderPolicy(root, wish.roots, wish.rules)

    def _want_scan(self) -> None:
        """A new scan from the start: what the running one has seen may be outdated."""
        self._close_job()
        self._again = True

    def _close_job(self) -> None:
        if self._job is not None:
            self._job.close()
            self._job = None

    def _stop(self) -> None:
        self._close_job()
        self._again = False
        self._changed.clear()
        if self._rows is not None:
            with contextlib.suppress(sqlite3.Error):
                self._rows.rollback()
            self._rows.close()
            self._rows = None

    def _failed(self, error: Exception) -> float | None:
        """After an error: damage is thrown away, all else told.

        A database that another process has deleted while it was open is not damaged, only
        gone: the work begins again in the new one.
        """
        damaged = isinstance(error, sqlite3.Error) and store.is_damage(error)
        gone = self._gone()
        self._stop()
        if (damaged or gone) and self._damaged < _RETRIES:
            self._damaged += 1
            self._anew = self._anew or (damaged and not gone)
            self._again = True
            return 0.0
        trouble: Trouble = "full" if _is_full(error) else "failed"
        self._served = self._asked
        self._say(Phase.FAILED, trouble=trouble, detail=_said(error))
        return None

    def _say(
        self,
        phase: Phase,
        done: int = 0,
        total: int = 0,
        trouble: Trouble = "",
        detail: str = "",
    ) -> None:
        root = self._wish.root
        self._shown = Report(root, phase, done, total, self._served, trouble, detail)
        self._tell(self._shown)

    def _database(self) -> Rows:
        """The open database; opened again if someone else has replaced it.

        Raises:
            OSError, sqlite3.Error: it can't be opened.
        """
        if self._rows is not None and self._gone():
            self._rows.close()
            self._rows = None
        if self._rows is None:
            wish = self._wish
            connection, self._inode = store.open_to_write(
                self._file, wish.real, max_bytes=wish.max_bytes
            )
            self._rows = Rows(connection)
        return self._rows

    def _gone(self) -> bool:
        """Whether the open database is not the one that others find there."""
        return self._rows is not None and _inode(self._file) != self._inode

    # -- work ----------------------------------------------------------------------------

    def _scan(self) -> Generator[float]:
        with contextlib.ExitStack() as held:
            paths.ensure_private(self._file.parent)
            while not self._locked(held):
                yield _AGAIN
            if self._anew:
                self._discard()
            rows = self._database()
            work = self._work()
            yield from work.everything()
            if self._gone():
                message = "the database was deleted while it was written"
                raise sqlite3.OperationalError(message)
            self._served, self._damaged = self._asked, 0
            files = rows.count()
            if work.many:
                self._say(Phase.READY, files, files, "many", str(files))
            else:
                self._say(Phase.READY, files, files)
            yield from work.tidy()

    def _locked(self, held: contextlib.ExitStack) -> bool:
        """Takes the lock that one builder has; else says how far that one is."""
        try:
            held.enter_context(paths.exclusive(self._file, timeout=0.0))
        except TimeoutError:
            rows = self._database()
            self._say(Phase.WAITING, rows.meta("done"), rows.meta("total"))
            return False
        return True

    def _discard(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        store.discard(self._file)
        self._anew = False

    def _work(self) -> Work:
        return Work(self._wish, self._policy, self._database(), self._say)

    def _update(self) -> None:
        """Looks at the files that are said to have changed."""
        changed, self._changed = list(self._changed), {}
        if self._job is not None and self._gone():
            self._want_scan()  # the running one writes to a database that nobody reads
        everything = len(changed) > _MANY_CHANGES or any(map(_decides, changed))
        if everything or not self._work().changed(changed):
            self._want_scan()
        elif self._shown.phase == Phase.READY:
            self._served = self._asked
            shown = self._shown
            self._say(Phase.READY, shown.done, shown.total, shown.trouble, shown.detail)


def _decides(path: str) -> bool:
    """Whether a change of this file changes what may be in the index."""
    name = os.path.basename(path)  # noqa: PTH119 - strings
    return name.casefold() in {each.casefold() for each in IGNORE_NAMES}


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError:
        return -1


def _is_full(error: Exception) -> bool:
    return store.is_full(error) or getattr(error, "errno", 0) in _NO_ROOM


_NO_ROOM = frozenset((28, 122))  # ENOSPC, EDQUOT


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return getattr(error, "sqlite_errorname", "") or type(error).__name__
