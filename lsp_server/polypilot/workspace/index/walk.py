"""Walks a root's folders and marks, in the database, what has to be read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import deque
from typing import TYPE_CHECKING

from polypilot.workspace.index.rows import Rows, stamp_of
from polypilot.workspace.index.store import Kind

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from polypilot.workspace.index.judging import Entered, FolderPolicy
    from polypilot.workspace.index.wire import Wish

_AT_ONCE = 200
"""Entries of a folder that are looked at in one step."""
_MARKS = (".noai", "CACHEDIR.TAG", "pyvenv.cfg")

Entry = tuple[str, os.stat_result]


class Walk:
    """One look at the names below a root. Links are not followed; pipes and devices not listed."""

    def __init__(self, policy: FolderPolicy, wish: Wish, rows: Rows) -> None:
        self._policy = policy
        self._wish = wish
        self._rows = rows
        self._top = wish.real
        self._own = os.path.realpath(os.path.dirname(wish.file))  # noqa: PTH120 - strings
        """Our own databases, which may be below the root."""
        self._left = wish.max_files
        self.many = False
        """Whether there were more files than are kept."""

    # -- everything ----------------------------------------------------------------------

    def steps(self) -> Generator[int]:
        """Looks at all folders, the upper ones first; yields the number of files seen.

        Raises:
            OSError: the root itself can't be listed.
        """
        rows, seen = self._rows, 0
        kept: set[int] = set()
        been: set[tuple[int, int]] = set()
        queue = deque([("", 0)])
        while queue:
            relative, parent = queue.popleft()
            listed = self._listed(relative)
            names = [name for name, _ in listed]
            entered = self._policy.enter(self._absolute(relative), names) if listed else None
            if entered is None:
                continue
            folder, same = rows.folder(relative, parent, entered.state)
            kept.add(folder)
            for some in self._files(folder, relative, listed, entered, same=same):
                seen += some
                yield seen
            for name, info in listed:
                place = (info.st_dev, info.st_ino)
                if stat.S_ISDIR(info.st_mode) and place not in been:
                    been.add(place)  # a folder may be mounted below itself
                    queue.append((_join(relative, name), folder))
        for gone in set(rows.folders()) - kept:
            rows.remove_folder(gone)
            yield seen

    def _listed(self, relative: str) -> list[Entry]:
        """What is in a folder; nothing if it can't be read."""
        path = self._absolute(relative)
        if path == self._own:
            return []
        found: list[Entry] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # gone meanwhile
                        if is_text(entry.name):
                            found.append((entry.name, entry.stat(follow_symlinks=False)))
        except OSError:
            if not relative:
                raise
            return []
        return sorted(found, key=lambda each: each[0])

    def _files(
        self,
        folder: int,
        relative: str,
        listed: Sequence[Entry],
        entered: Entered,
        *,
        same: bool,
    ) -> Generator[int]:
        """Compares the files of one folder with what is known; yields how many were looked at."""
        known = self._rows.files(folder)
        count = 0
        for name, info in listed:
            if not stat.S_ISREG(info.st_mode):
                continue
            self._file(folder, _join(relative, name), info, entered, known, same=same)
            count += 1
            if count == _AT_ONCE:
                yield count
                count = 0
        for number, _stamp, _kind in known.values():
            self._rows.remove(number)
        yield count

    def _file(
        self,
        folder: int,
        relative: str,
        info: os.stat_result,
        entered: Entered,
        known: dict[bytes, tuple[int, int, int]],
        *,
        same: bool,
    ) -> None:
        """Compares one file; what is left in ``known`` afterwards is gone or excluded."""
        rows, name = self._rows, os.path.basename(relative)  # noqa: PTH119 - strings
        row = known.get(os.fsencode(name))
        if not (row and same) and not self._policy.lists(entered, self._absolute(relative)):
            return
        known.pop(os.fsencode(name), None)
        self._left -= 1
        if self._left < 0:
            self.many = True
            if row:
                rows.remove(row[0])
        elif row is None:
            rows.add(folder, relative)
        elif row[1] != stamp_of(info) or (row[2] == Kind.HIDDEN and not same):
            rows.again(row[0])

    # -- one file ------------------------------------------------------------------------

    def at(self, path: str) -> tuple[int, str] | tuple[()] | None:
        """One path that has changed: the file to read (number and relative path), if any.

        Empty: there is nothing to read (any more). None: it is a folder, so all is to be
        looked at.
        """
        relative = self._relative(path)
        if relative is None or not is_text(relative):
            return ()
        try:
            info = os.lstat(self._absolute(relative))
        except (OSError, ValueError):
            self._gone(relative)
            return ()
        if stat.S_ISDIR(info.st_mode):
            return None
        found = self._folders(os.path.dirname(relative))  # noqa: PTH120 - strings
        allowed = found and stat.S_ISREG(info.st_mode)
        if not found or not allowed or not self._policy.lists(found[1], self._absolute(relative)):
            self._gone(relative)
            return ()
        folder, name = found[0], os.path.basename(relative)  # noqa: PTH119 - strings
        number = self._rows.file(folder, name)
        return (self._rows.add(folder, relative) if number is None else number), relative

    def _relative(self, path: str) -> str | None:
        """The path below the root, by either of the root's names."""
        for top in (self._wish.root, self._top):
            prefix = top.rstrip(os.sep) + os.sep
            if path.startswith(prefix):
                return path[len(prefix) :]
        return None

    def _folders(self, relative: str) -> tuple[int, Entered] | None:
        """The folder's number, and its rules; None: it is not walked."""
        parts = relative.split(os.sep) if relative else []  # noqa: PTH206 - strings
        number, entered = 0, None
        for depth in range(len(parts) + 1):
            inner = os.sep.join(parts[:depth])  # noqa: PTH118 - strings
            path = self._absolute(inner)
            if (inner and os.path.islink(path)) or path == self._own:  # noqa: PTH114 - strings
                return None
            marks = [name for name in _MARKS if os.path.lexists(os.path.join(path, name))]  # noqa: PTH118
            entered = self._policy.enter(path, marks)
            if entered is None:
                return None
            known = self._rows.folder_of(inner)
            if known is None:
                # Its state is unknown until it is walked: the next scan judges all in it.
                known, _ = self._rows.folder(inner, number, "")
            number = known
        return None if entered is None else (number, entered)

    def _gone(self, relative: str) -> None:
        """Forgets a file, or a folder with all in it."""
        folder = self._rows.folder_of(os.path.dirname(relative))  # noqa: PTH120 - strings
        name = os.path.basename(relative)  # noqa: PTH119 - strings
        number = None if folder is None else self._rows.file(folder, name)
        if number is not None:
            self._rows.remove(number)
        was_folder = self._rows.folder_of(relative)
        if was_folder is not None and relative:
            for each in self._rows.below(was_folder):
                self._rows.remove_folder(each)

    def _absolute(self, relative: str) -> str:
        return os.path.join(self._top, relative) if relative else self._top  # noqa: PTH118


def _join(folder: str, name: str) -> str:
    return f"{folder}{os.sep}{name}" if folder else name


def is_text(name: str) -> bool:
    """Whether a name can be written down: one with undecodable bytes can't be asked for."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)
