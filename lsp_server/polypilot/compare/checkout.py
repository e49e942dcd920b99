"""Writes a commit's files into an empty folder, and nothing outside of it.

A tree's names are what somebody wrote into it: they may hold ``..`` or ``.git``, or go through
a link. So files are written first, when there are no links; then links, and those that lead
out of the folder, whatever way, are taken away again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.compare.repository_parts import LINK
from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.compare.repository_parts import Entry

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_FORBIDDEN = frozenset({"", ".", "..", ".git"})


@dataclass(slots=True)
class Written:
    """A folder with a commit's files."""

    folder: Path
    files: int = 0
    left_out: list[str] = field(default_factory=list[str])
    """Paths that are not there: their names or targets lead out, or they are huge."""
    links: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    """Links still to be made, and where they lead."""


def begin(folder: Path) -> Written:
    """An empty folder to write into; made if it is not there. Blocks.

    Raises:
        UserError: it is not empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UserError("the folder for the copy is not empty", code="not_empty")
    return Written(Path(os.path.realpath(folder)))


def add(written: Written, entries: Iterable[Entry], blobs: Mapping[str, bytes]) -> None:
    """Write these files; links are remembered. Blocks."""
    for each in entries:
        place = _place(written.folder, each.path)
        if place is None or each.blob not in blobs:
            written.left_out.append(each.path)
        elif each.mode == LINK:
            written.links.append((place, os.fsdecode(blobs[each.blob])))
        elif _write(place, blobs[each.blob], executable=each.mode == "100755"):
            written.files += 1
        else:
            written.left_out.append(each.path)


def end(written: Written) -> None:
    """Make the links, and take away those that lead out of the folder. Blocks."""
    made: list[Path] = []
    for place, target in written.links:
        with contextlib.suppress(OSError, ValueError):
            if _is_within(place.parent, written.folder):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(target)
                made.append(place)
                continue
        written.left_out.append(_relative(place, written))
    for place in made:
        if not _is_within(place, written.folder):
            place.unlink(missing_ok=True)
            written.left_out.append(_relative(place, written))
    written.links.clear()


def _relative(place: Path, written: Written) -> str:
    return place.relative_to(written.folder).as_posix()


def _is_within(place: Path, folder: Path) -> bool:
    return Path(os.path.realpath(place)).is_relative_to(folder)


def _place(folder: Path, path: str) -> Path | None:
    """Where a tracked file goes; None if its name leads elsewhere."""
    names = path.split("/")
    # Windows and macOS read some names as others; git itself refuses these everywhere.
    if any(name.rstrip(". ").lower() in _FORBIDDEN or "\0" in name for name in names):
        return None
    if sys.platform == "win32" and any(char in path for char in '\\:<>"|?*'):
        return None
    return folder.joinpath(*names)


def _write(place: Path, data: bytes, *, executable: bool) -> bool:
    """False: something else has its name, or the system takes no such name."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(place, _NEW | _BINARY, 0o700 if executable else 0o600)
    except (FileExistsError, NotADirectoryError, ValueError):
        return False
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    return True
