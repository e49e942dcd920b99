"""What is on disk: which ignore files a folder has, re-read when they change.

Each question costs one ``stat`` per folder and one per ignore file that exists. That alone
would miss a change made within the clock tick of the last look, so what was looked at while
it was that fresh is looked at again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.workspace.disk import SYSTEM
from polypilot.workspace.ignore_patterns import Rules
from polypilot.workspace.linear import PatternError

if TYPE_CHECKING:
    from polypilot.workspace.disk import Disk

AI_FILES = (".aiignore", ".aiexclude", ".continueignore", ".cursorignore")
GITIGNORE = ".gitignore"
SWITCH = ".noai"
IGNORE_NAMES = frozenset((*AI_FILES, GITIGNORE, SWITCH))
MAX_BYTES = 1_000_000
_FOLDERS_KEPT = 2_048
_FRESH_NS = 2_500_000_000
"""Coarsest timestamps of a file system in use (FAT: 2 s), with something to spare."""

Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """One ignore file as it was read."""

    path: str
    rules: Rules
    digest: str
    stamp: Stamp
    settled: bool
    """Whether it was old enough, when it was read, for its stamp to tell every change."""


@dataclass(slots=True)
class Folder:
    """One folder's ignore files."""

    files: dict[str, IgnoreFile] = field(default_factory=dict[str, IgnoreFile])
    barred: str = ""
    """Why everything in the folder is excluded; empty if it is not."""
    is_repository: bool = False
    stamp: Stamp | None = None
    settled: bool = False


class Listing:
    """The ignore files of folders, cached."""

    def __init__(self, disk: Disk = SYSTEM) -> None:
        self._disk = disk
        self._folders: OrderedDict[str, Folder] = OrderedDict()

    def of(self, folder: str) -> Folder:
        """The folder's ignore files as they are now."""
        try:
            stamp = _stamp(self._disk.stat(folder))
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                return Folder()  # a document that is nowhere on disk yet
            return Folder(barred=f"the folder can't be read ({error.strerror})")
        known = self._folders.get(folder)
        if known is None or known.stamp != stamp or not known.settled:
            known = self._listed(folder, stamp, known)
            self._folders[folder] = known
            while len(self._folders) > _FOLDERS_KEPT:
                self._folders.popitem(last=False)
        else:
            self._refresh(folder, known)
        self._folders.move_to_end(folder)
        return known

    def _listed(self, folder: str, stamp: Stamp, before: Folder | None) -> Folder:
        made = Folder(stamp=stamp, settled=_settled(stamp))
        made.is_repository = os.path.lexists(os.path.join(folder, ".git"))  # noqa: PTH118 - strings
        if os.path.lexists(os.path.join(folder, SWITCH)):  # noqa: PTH118 - strings
            made.barred = SWITCH
        old = before.files if before else {}
        for name in (*AI_FILES, GITIGNORE):
            self._read(folder, name, made, old.get(name))
        return made

    def _refresh(self, folder: str, known: Folder) -> None:
        for name, file in tuple(known.files.items()):
            self._read(folder, name, known, file)

    def _read(self, folder: str, name: str, into: Folder, old: IgnoreFile | None) -> None:
        """Puts the ignore file ``name`` into ``into``, from ``old`` if it has not changed."""
        path = os.path.join(folder, name)  # noqa: PTH118 - strings
        try:
            info = self._disk.stat(path)
            if old is not None and old.settled and old.stamp == _stamp(info):
                into.files[name] = old
                return
            into.files[name] = _load(path, info, old)
        except FileNotFoundError:
            into.files.pop(name, None)
            if os.path.lexists(path):
                into.stamp = None  # look again next time
                into.barred = f"{name} is a link to nowhere"
        except (OSError, ValueError) as error:
            into.stamp = None  # look again next time
            into.barred = f"{name} can't be used: {_said(error)}"


def _load(path: str, info: os.stat_result, old: IgnoreFile | None) -> IgnoreFile:
    """Reads an ignore file.

    Raises:
        OSError: it can't be read.
        ValueError: it is no regular file, too big, or its patterns can't be used.
    """
    if not stat.S_ISREG(info.st_mode):
        raise ValueError("it is not a regular file")
    if info.st_size > MAX_BYTES:
        raise ValueError("it is too big")
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise ValueError("it is not a regular file")
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError("it is too big")
    digest = hashlib.sha256(raw).hexdigest()
    stamp = _stamp(info)
    rules = old.rules if old is not None and old.digest == digest else Rules(_lines(raw))
    return IgnoreFile(path, rules, digest, stamp, _settled(stamp))


def _lines(raw: bytes) -> list[str]:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding, "surrogateescape").splitlines()
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")


def _stamp(info: os.stat_result) -> Stamp:
    return (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_dev)


def _settled(stamp: Stamp) -> bool:
    return abs(time.time_ns() - max(stamp[0], stamp[1])) > _FRESH_NS


def _said(error: Exception) -> str:
    if isinstance(error, PatternError):
        return "a pattern in it is too long or too complex"
    return getattr(error, "strerror", None) or str(error)
