"""What git writes about a commit's files, their dates and contents, read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGULAR = ("100644", "100755")
LINK = "120000"
_ENTRY = re.compile(rb"([0-7]{6}) blob ([0-9a-f]{40,64}) +(\d+)\t(.+)", re.DOTALL)
_STAMP = re.compile(rb"[0-9a-f]{40,64} (-?\d{1,12})")
_COMMITTED = re.compile(rb"committer-time (-?\d{1,12})")
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_BLAMED = re.compile(rb"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A tracked file or link. Submodules are none."""

    path: str
    """Below the repository's top folder, with ``/``; bytes that are no UTF-8 as surrogates."""
    mode: str
    blob: str
    """Its content's hash."""
    size: int
    """Bytes."""

    @property
    def regular(self) -> bool:
        """Whether it is a file, and no link."""
        return self.mode in REGULAR


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is no merge, and not the first."""

    name: str
    when: float
    """Seconds since the epoch."""
    author: str
    message: str


def read_entries(raw: bytes) -> tuple[Entry, ...]:
    """``git ls-tree -r -z -l``; a last record that was cut is left out."""
    records = raw.split(b"\0")[:-1]
    found = (_ENTRY.fullmatch(record) for record in records)
    return tuple(
        Entry(os.fsdecode(each[4]), each[1].decode(), each[2].decode(), int(each[3]))
        for each in found
        if each is not None
    )


def read_blobs(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """``git cat-file --batch``: hash and content; what is missing or cut is left out."""
    at = 0
    while (end := raw.find(b"\n", at)) >= 0:
        parts = raw[at:end].split(b" ")
        at = end + 1
        if len(parts) != 3 or not parts[2].isdigit():  # noqa: PLR2004 - hash, type, size
            continue
        size = int(parts[2])
        if at + size > len(raw):
            return
        yield parts[0].decode(), raw[at : at + size]
        at += size + 1


def read_dates(raw: bytes) -> Mapping[str, float]:
    """``git log -z --name-only --format='%H %ct'``: when each file was last changed."""
    dates: dict[str, float] = {}
    when: float | None = None
    begins = False
    for record in raw.split(b"\0")[:-1]:
        if stamp := _STAMP.fullmatch(record):
            when, begins = float(stamp[1]), True
            continue
        # The names begin on a line of their own behind the commit's.
        name = record.removeprefix(b"\n") if begins else record
        begins = False
        if name and when is not None:
            dates.setdefault(os.fsdecode(name), when)
    return dates


def read_lines(raw: bytes) -> tuple[float | None, ...]:
    """``git blame --porcelain``: when each line was last changed."""
    times: dict[bytes, float] = {}
    lines: dict[int, bytes] = {}
    current = b""
    for record in raw.split(b"\n"):
        if record.startswith(b"\t"):
            continue
        if head := _BLAMED.fullmatch(record):
            current = head[1]
            lines[int(head[2])] = current
        elif stamp := _COMMITTED.fullmatch(record):
            times[current] = float(stamp[1])
    return tuple(times.get(lines[at]) if at in lines else None for at in range(1, len(lines) + 1))


def read_commits(raw: bytes) -> tuple[Commit, ...]:
    """``git log -z --format='%H%n%ct%n%an%n%B'``."""
    made: list[Commit] = []
    for record in raw.split(b"\0"):
        parts = record.decode("utf-8", "replace").split("\n", 3)
        if len(parts) == 4 and _NUMBER.fullmatch(parts[1]):  # noqa: PLR2004 - as in the format
            made.append(Commit(parts[0], float(parts[1]), parts[2], parts[3].strip()))
    return tuple(made)
