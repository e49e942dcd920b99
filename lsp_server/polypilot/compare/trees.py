"""The private folders that copies of a repository are laid into."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from polypilot import paths

_STALE_S = 24 * 3600.0


def make() -> Path:
    """A private folder for a copy of the tree; what a crash has left of others goes. Blocks."""
    base = paths.ensure_private(paths.cache_dir() / "compare")
    now = time.time()
    for each in base.iterdir():
        if each.is_dir() and not each.is_symlink() and now - each.stat().st_mtime > _STALE_S:
            remove(each)
    return Path(tempfile.mkdtemp(dir=base))


def remove(folder: Path) -> None:
    """With all that is in it. Blocks."""
    shutil.rmtree(folder, ignore_errors=True)
