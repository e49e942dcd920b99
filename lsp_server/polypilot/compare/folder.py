"""A folder that git knows nothing of: its files as they are on the disk, without dates."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.compare import checkout as writing
from polypilot.compare.eligible import BIGGEST
from polypilot.compare.repository_parts import Entry
from polypilot.tasks import start_blocking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polypilot.compare.checkout import Written
    from polypilot.compare.repository_parts import Commit

_MOST = 50_000
"""Files that are listed."""
_LARGEST = 32_000_000
"""Bytes of a file that is copied."""
_WHOLE = 1_000_000_000
"""Bytes that are copied in all: the folder may be a whole home."""
_INSTALLED = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "target"})


@dataclass(frozen=True, slots=True)
class Folder:
    """Has the methods of a repository that do not need a history."""

    top: str
    commit: str = ""
    when: float | None = None

    async def files(self) -> tuple[Entry, ...]:
        """Its files, without links, hidden folders and installed packages."""
        return await start_blocking(lambda: tuple(sorted(self._walk(), key=lambda it: it.path)))

    async def contents(self, entries: Sequence[Entry]) -> Mapping[str, bytes]:
        """What is in them, by path."""
        return await start_blocking(self._read, entries, BIGGEST)

    async def dates(self) -> Mapping[str, float]:
        """None: a file's date on the disk is when it was copied, often."""
        return {}

    async def line_dates(self, path: str) -> tuple[float | None, ...]:
        """None."""
        del path
        return ()

    async def commits(self) -> tuple[Commit, ...]:
        """None."""
        return ()

    async def checkout(self, folder: Path) -> Written:
        """Copy its files into an empty folder.

        Raises:
            UserError: it is not empty.
        """
        written = await start_blocking(writing.begin, folder)
        copied = 0
        for each in await self.files():
            if copied + each.size > _WHOLE:
                written.left_out.append(each.path)
                continue
            found = await start_blocking(self._read, (each,), _LARGEST)
            copied += sum(map(len, found.values()))
            blobs = {each.blob: found[each.path]} if each.path in found else {}
            await start_blocking(writing.add, written, (each,), blobs)
        return written

    def _walk(self) -> Iterator[Entry]:
        waiting = [self.top]
        count = 0
        while waiting and count < _MOST:
            folder = waiting.pop()
            with contextlib.suppress(OSError), os.scandir(folder) as found:
                for each in found:
                    if each.is_dir(follow_symlinks=False):
                        if not each.name.startswith(".") and each.name not in _INSTALLED:
                            waiting.append(each.path)
                    elif each.is_file(follow_symlinks=False):
                        count += 1
                        yield self._entry(each)

    def _entry(self, each: os.DirEntry[str]) -> Entry:
        path = Path(each.path).relative_to(self.top).as_posix()
        info = each.stat(follow_symlinks=False)
        mode = "100755" if info.st_mode & stat.S_IXUSR else "100644"
        return Entry(path, mode, path, info.st_size)

    def _read(self, entries: Sequence[Entry], limit: int) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for each in entries:
            with contextlib.suppress(OSError):
                place = Path(self.top, each.path)
                # What has become a link, a pipe or another file since it was listed is not read.
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                with open(os.open(place, flags), "rb") as file:  # noqa: PTH123 - by its descriptor
                    data = file.read(limit + 1)
                if len(data) <= limit:
                    found[each.path] = data
        return found
