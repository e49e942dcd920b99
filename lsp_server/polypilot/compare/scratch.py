"""Private folders for copies of trees, and what becomes of those that were left behind."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from polypilot import paths

_STALE_S = 24 * 3600.0


def folder(within: Path | None = None) -> Path:
    """A private folder for a copy of the tree; what a crash has left of others goes. Blocks.

    ``within``: where; by default below our cache.

    Raises:
        OSError: it can't be made.
    """
    base = paths.ensure_private(within or paths.cache_dir() / "compare")
    now = time.time()
    for each in base.iterdir():
        if each.is_dir() and not each.is_symlink() and now - each.stat().st_mtime > _STALE_S:
            remove(each)
    return Path(tempfile.mkdtemp(dir=base))


def remove(folder: Path) -> None:
    """Remove it as far as that is possible. Blocks."""
    shutil.rmtree(folder, ignore_errors=True)
