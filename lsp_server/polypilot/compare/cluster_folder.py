"""The folder of a cluster of ours: short, private, and gone with the next one after a crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from polypilot.embedded.locks import FileLock

_PREFIX = "pp-ray-"
_LOCK = "held"
_LONGEST = 24
"""Bytes of a folder's name below which a socket's name has room, of 107."""


class ClusterFolder:
    """A new folder. Blocks.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self) -> None:
        found = tempfile.gettempdir()
        fits = len(os.fsencode(found)) <= _LONGEST or os.name == "nt"
        base = Path(found if fits else "/tmp")  # noqa: S108  (a private folder in it)
        _sweep(base)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        # Held before it has its name: a lock that nobody holds is taken for a dead process's.
        fresh = self.path / f"{_LOCK}.new"
        self._lock = FileLock(fresh)
        with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there
            self._lock.acquire()
            fresh.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it with all that is in it. Blocks."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def _sweep(base: Path) -> None:
    for each in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or somebody was sooner
            if _is_left(each):
                shutil.rmtree(each, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    if folder.is_symlink() or (os.name != "nt" and folder.stat().st_uid != os.geteuid()):
        return False
    lock = folder / _LOCK
    return lock.exists() and not FileLock(lock).held()
