"""Private folders for copies of trees, and what becomes of those that were left behind."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.embedded.locks import FileLock

if TYPE_CHECKING:
    from pathlib import Path

_STALE_S = 24 * 3600.0
_LOCK = ".lock"
_held: dict[Path, FileLock] = {}
"""The folders of this process. The system gives their locks back when it is killed."""


def folder(within: Path | None = None, name: str = "") -> Path:
    """A private folder for a copy of the tree; what a crash has left of others goes. Blocks.

    ``within``: where; by default below our cache. ``name``: what its name begins with.

    Raises:
        OSError: it can't be made.
    """
    base = paths.ensure_private(within or default())
    _sweep(base)
    made = base / f"{name}{secrets.token_hex(8)}"
    lock = FileLock(_lock_of(made))
    # Before the folder is there: one that nobody holds is taken for a dead process's. Where the
    # file system knows no locks, only its age tells.
    with contextlib.suppress(OSError):
        lock.acquire()
    _held[made] = lock
    made.mkdir(mode=0o700)
    return made


def default() -> Path:
    """Where such folders are."""
    return paths.cache_dir() / "compare"


def remove(folder: Path) -> None:
    """Remove it as far as that is possible. Blocks."""
    shutil.rmtree(folder, ignore_errors=True)
    if lock := _held.pop(folder, None):
        lock.release()
    with contextlib.suppress(OSError):
        _lock_of(folder).unlink()


def remove_all(within: Path, name: str) -> None:
    """Remove all folders whose name begins so, whoever holds them. Blocks."""
    for each in list(within.glob(f"{name}*")):
        if not each.is_symlink() and each.is_dir():
            remove(each)


def _sweep(base: Path) -> None:
    now = time.time()
    for each in base.iterdir():
        with contextlib.suppress(OSError):  # somebody else was sooner
            if each.is_dir() and not each.is_symlink() and _left(each, now):
                remove(each)


def _left(folder: Path, now: float) -> bool:
    """Whether nobody needs it any more."""
    lock = _lock_of(folder)
    with contextlib.suppress(OSError):  # no locks here
        if lock.exists():
            return not FileLock(lock).held()
    return now - folder.stat().st_mtime > _STALE_S


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)
