"""Other names of a file that resolving links does not show.

Hard links, names in 8.3 form and bind mounts lead to a file's content under a name that no
rule forbids. There is no way from a file to its names, so they are looked for, only when
something hints at them and within a bound:

- more than one link, or an 8.3 name: the folder's tree and the usual stores of secrets in
  the home folder are listed (no file is opened), and every name with the same inode judged;
- a mount point between root and file: what is mounted there is judged by its name at the
  origin, and the inodes are compared as well.

Above the bound the answer is that the file can't be sent. A hard link whose other name is
elsewhere on the disk is not recognised; the secret scan still sees its text.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from polypilot.workspace.roots import is_short_name

MAX_ENTRIES = 60_000
_KEEP_SECONDS = 2.0
_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
_HOME_STORES = (
    ".ssh", ".aws", ".azure", ".kube", ".docker", ".gnupg", ".config/gcloud", ".config/gh",
    ".password-store", ".vault",
)  # fmt: skip

Judge = Callable[[str], str | None]
"""Why the file of a path is excluded by name or ignore file; None if it is not."""

TOO_MANY = "it has several names, and the folder is too big to look for the others"


@dataclass(slots=True)
class _Index:
    """The paths below some folders, by inode."""

    made: float
    whole: bool = True
    paths: dict[int, list[str]] = field(default_factory=dict[int, list[str]])


class Aliases:
    """Looks for excluded names of a file. ``judge`` knows which are."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._indices: dict[str, _Index] = {}
        self._mounts: tuple[tuple[str, str], ...] = ()
        self._below: dict[str, tuple[tuple[str, str], ...]] = {}
        self._mounts_read = float("-inf")

    def excluded(self, real: str, info: os.stat_result, top: str) -> str | None:
        """Why the regular file ``real`` is an excluded one by another name; None: it is not."""
        origin = self._mounted(real, top)
        if origin is not None:
            reason = self._judge(origin)
            if reason is not None:
                return reason
        name = os.path.basename(real)  # noqa: PTH119 - strings: this runs per keystroke
        if info.st_nlink <= 1 and origin is None and not is_short_name(name):
            return None
        index = self._indices.get(top)
        if index is None or time.monotonic() - index.made > _KEEP_SECONDS:
            self._indices.clear()
            index = self._indices[top] = _listed(top)
        for path in index.paths.get(info.st_ino, ()):
            if path != real and _same_file(path, info):
                reason = self._judge(path)
                if reason is not None:
                    return f"it is another name of an excluded file: {reason}"
        return None if index.whole else TOO_MANY

    def _mounted(self, real: str, top: str) -> str | None:
        """What ``real`` is called where its file system is mounted from; None: not mounted."""
        if not sys.platform.startswith("linux"):
            return None
        now = time.monotonic()
        if now - self._mounts_read > _KEEP_SECONDS:
            self._mounts, self._mounts_read = _mounts(), now
            self._below.clear()
        below = self._below.get(top)
        if below is None:
            prefix = top.rstrip("/") + "/"
            below = self._below[top] = tuple(
                mount for mount in self._mounts if (mount[0] + "/").startswith(prefix)
            )
        for point, origin in below:
            if real == point or real.startswith(point + "/"):
                return origin.rstrip("/") + real[len(point) :]
        return None


def _listed(top: str) -> _Index:
    index = _Index(time.monotonic())
    home = os.path.expanduser("~")  # noqa: PTH111 - strings
    queue = deque([top, *(f"{home}/{store}" for store in _HOME_STORES)])
    left = MAX_ENTRIES
    while queue:
        try:
            with os.scandir(queue.popleft()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        index.whole = False
                        return index
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
                    else:
                        index.paths.setdefault(entry.inode(), []).append(entry.path)
        except OSError:
            continue
    return index


def _same_file(path: str, info: os.stat_result) -> bool:
    try:
        other = os.lstat(path)
    except OSError:
        return False
    return (other.st_dev, other.st_ino) == (info.st_dev, info.st_ino)


def _mounts() -> tuple[tuple[str, str], ...]:
    """Mount points and what of their file system they show, the innermost first.

    Fields 5 and 4 of proc_pid_mountinfo(5).
    """
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - strings
            rows = [line.split(" ") for line in file]
    except OSError:
        return ()
    found = [(_unescaped(row[4]), _unescaped(row[3])) for row in rows if len(row) > 4]  # noqa: PLR2004 - field 5
    return tuple(sorted(found, key=lambda mount: -len(mount[0])))


def _unescaped(text: str) -> str:
    for code, char in _ESCAPES.items():
        text = text.replace(code, char)
    return text
