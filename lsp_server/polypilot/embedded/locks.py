"""Locks on files that the system itself releases when their holder dies."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk


class FileLock:
    """A lock between processes. The file stays; only the lock comes and goes.

    The lock belongs to the open file: a child that was forked holds it too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> bool:
        """Take the lock if it is free, without waiting.

        Raises:
            OSError: the file can't be made, or the file system knows no locks.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o600)
        if _take(fd, shared=False):
            self._fd = fd
            return True
        os.close(fd)
        return False

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def held(self) -> bool:
        """Whether some process holds the lock now; costs some microseconds.

        Raises:
            OSError: the file system knows no locks.
        """
        try:
            fd = os.open(self._path, os.O_RDWR | _NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who ask at once do not take each other for the holder.
            return not _take(fd, shared=True)
        finally:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


if sys.platform == "win32":  # pragma: no cover - needs Windows
    import msvcrt

    def _take(fd: int, *, shared: bool) -> bool:
        del shared  # msvcrt knows exclusive locks only
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _take(fd: int, *, shared: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
