"""Files of a run: a copy of a work tree, and what is written into it before tests start."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SCRATCH = "/tmp"  # noqa: S108  (a new, empty file system is mounted there before it is used)
_LEFT_OUT = frozenset({".git", ".venv", "__pycache__"})
"""Not copied: big, and no test of a completion needs them in place (``.venv`` is shown)."""


def write(top: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write each file below ``top``, in the given order.

    Raises:
        ValueError: a path leads out of ``top``; nothing more is written.
        OSError: a file could not be written.
    """
    root = top.resolve()
    for name, text in files:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.parts or "\0" in name:
            raise ValueError("a path leads out of the work tree")
        target = root / place
        if not target.parent.resolve().is_relative_to(root):  # by a link
            raise ValueError("a path leads out of the work tree")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link, or one of several names of a file
        target.write_text(text, "utf-8", errors="surrogatepass", newline="")


def copy(source: Path, target: Path) -> None:
    """Copy a work tree: files, folders and links, nothing else (no pipes, no devices).

    What can't be read is left out.

    Raises:
        OSError: the target could not be written.
    """
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in [*folders, *files]:
            _copy_one(Path(folder) / name, here / name)


def _copy_one(source: Path, target: Path) -> None:
    mode = source.lstat().st_mode
    if stat.S_ISLNK(mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(mode) and os.access(source, os.R_OK):
        shutil.copy2(source, target)
