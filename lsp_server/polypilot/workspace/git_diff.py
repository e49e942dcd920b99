"""What git writes, read: a diff by files, a status.

Names in a diff are as ``core.quotePath`` writes them: in quotes with octal bytes where they
are not plain ASCII. So no name can look like another line of the diff.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = re.compile(r"^(?:diff --(?:git|cc|combined) |\* Unmerged path )", re.MULTILINE)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BOTH = re.compile(rf"({_QUOTED}) ({_QUOTED}|b/.*)|(a/.*) ({_QUOTED})")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The part of a diff that is about one file."""

    path: str
    """From the repository's top, with forward slashes; bytes that are no UTF-8 as surrogates."""
    old_path: str = ""
    """Where it was before, if it was renamed or copied."""
    text: str = field(default="", repr=False)
    """With its header, ending with a line break."""
    binary: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Every name that has a part in it."""
        return (self.path, self.old_path) if self.old_path else (self.path,)


@dataclass(frozen=True, slots=True)
class GitDiff:
    """A diff."""

    files: tuple[FileDiff, ...] = ()
    truncated: bool = False
    """It was longer; the last file may be cut."""
    top: str = ""
    """The repository's folder, which the names count from."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(each.text for each in self.files)


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """A file that is not as it was committed."""

    path: str
    index: str
    """Git's letter for what is staged: ``.`` nothing, ``M``, ``A``, ``D``, ``R``, ``C``, ``T``,
    ``U``; ``?`` for a file that git does not know."""
    worktree: str
    """Likewise for what is not staged."""
    old_path: str = ""


@dataclass(frozen=True, slots=True)
class GitStatus:
    """The state of a work tree."""

    branch: str = ""
    """Empty: none is checked out."""
    entries: tuple[StatusEntry, ...] = ()
    truncated: bool = False

    @property
    def staged(self) -> bool:
        """Whether anything is."""
        return any(each.index not in {".", "?", "U"} for each in self.entries)


def text_of(raw: bytes) -> str:
    """What git wrote, as text; what is no UTF-8 in a file is replaced."""
    return raw.decode("utf-8", "replace")


def split(text: str, *, truncated: bool = False) -> tuple[FileDiff, ...]:
    """A diff by files. A part without a name that can be read is left out.

    Of a diff that was cut, the last line goes, which may be half a line.
    """
    if truncated:
        text = text[: text.rfind("\n") + 1]
    starts = [match.start() for match in _SECTION.finditer(text)]
    parts = (_file(text[start:end]) for start, end in pairwise([*starts, len(text)]))
    return tuple(part for part in parts if part is not None)


def _file(text: str) -> FileDiff | None:
    first, *rest = text.split("\n")
    names: dict[str, str] = {}
    binary = False
    for line in rest:
        if line.startswith("@@"):
            break
        binary = binary or line.startswith(("Binary files ", "GIT binary patch"))
        for mark in ("--- ", "+++ ", "rename from ", "rename to ", "copy from ", "copy to "):
            if line.startswith(mark):
                names[mark.partition(" ")[2] or mark[0]] = line[len(mark) :]
    old, new = _named(first, names)
    if not new and not old:
        return None
    moved = old and new and old != new
    return FileDiff(
        new or old, old if moved else "", text if text.endswith("\n") else f"{text}\n", binary
    )


def _named(first: str, names: dict[str, str]) -> tuple[str, str]:
    """The file's old and new name; empty: there is no such side."""
    if "from " in names and "to " in names:
        return unquoted(names["from "]), unquoted(names["to "])
    if "-" in names and "+" in names:
        return _side(names["-"], "a/"), _side(names["+"], "b/")
    kind, _, rest = first.partition(" ")
    if kind == "*":  # "* Unmerged path NAME"
        name = unquoted(rest.removeprefix("Unmerged path "))
        return name, name
    mark, _, rest = rest.partition(" ")
    if mark != "--git":
        name = unquoted(rest)
        return name, name
    return _header(rest)


def _header(rest: str) -> tuple[str, str]:
    """Names of ``a/NAME b/NAME``: both are the same where nothing else names them."""
    both = _BOTH.fullmatch(rest)
    if both:
        old, new = (each for each in both.groups() if each is not None)
        return _side(old, "a/"), _side(new, "b/")
    half = len(rest) // 2
    old, new = rest[:half], rest[half + 1 :]
    if rest[half : half + 1] != " " or old[2:] != new[2:]:
        return "", ""
    return _side(old, "a/"), _side(new, "b/")


def _side(name: str, prefix: str) -> str:
    """A name behind ``---`` or ``+++``; empty if there is no such side."""
    name = unquoted(name.removesuffix("\t"))
    return name[len(prefix) :] if name.startswith(prefix) else ""


def unquoted(name: str) -> str:
    """A name as git writes it, as it is; bytes that are no UTF-8 become surrogates."""
    if not (len(name) > 1 and name[0] == name[-1] == '"'):
        return name
    raw = bytearray()
    at = 0
    inner = name[1:-1]
    for match in _ESCAPE.finditer(inner):
        raw += inner[at : match.start()].encode("utf-8", "surrogateescape")
        code = match[1]
        raw.append(int(code, 8) & 255 if len(code) > 1 else _LETTERS.get(code, ord(code) & 255))
        at = match.end()
    raw += inner[at:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "surrogateescape")


def read_status(raw: bytes, *, truncated: bool = False) -> GitStatus:
    """``git status --porcelain=v2 -z --branch``."""
    records = raw.split(b"\0")
    if truncated:
        records = records[:-1]
    fields = (os.fsdecode(record) for record in records if record)
    branch = ""
    entries: list[StatusEntry] = []
    for record in fields:
        if record.startswith("# branch.head "):
            branch = record.removeprefix("# branch.head ").removeprefix("(detached)")
        elif not record.startswith("#"):
            entry = _entry(record, fields)
            if entry is not None:
                entries.append(entry)
    return GitStatus(branch, tuple(entries), truncated)


_BEFORE_PATH = {"1": 8, "2": 9, "u": 10, "?": 1}
"""How many fields stand before the name."""


def _entry(record: str, following: Iterator[str]) -> StatusEntry | None:
    kind = record[:1]
    if kind not in _BEFORE_PATH:
        return None
    *before, path = record.split(" ", _BEFORE_PATH[kind])
    if len(before) < _BEFORE_PATH[kind]:
        return None
    old = next(following, "") if kind == "2" else ""
    index, worktree = before[1] if kind != "?" else "??"
    return StatusEntry(path, index, worktree, old)
