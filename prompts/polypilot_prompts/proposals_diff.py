"""Diffs and SEARCH/REPLACE as models write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_LANGUAGES = frozenset({"diff", "patch", "udiff"})
_HUNK = re.compile(r"@@(?:[ ]*-(?P<line>[0-9]+))?.*")
_OLD = re.compile(r"--- (?P<path>[^\t]+?)(?:\t.*)?\s*")
_NEW = re.compile(r"\+\+\+ (?P<path>[^\t]+?)(?:\t.*)?\s*")
_SEARCH = re.compile(r"<{5,9} ?(?:SEARCH|ORIGINAL)\b.*")
_MIDDLE = re.compile(r"={5,9}\s*")
_REPLACE = re.compile(r">{5,9} ?(?:REPLACE|UPDATED)\b.*")
_NOWHERE = "/dev/null"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that take the place of others, without their breaks."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    line: int | None = None
    """Where the old ones may be, from 1."""


@dataclass(frozen=True, slots=True)
class FileHunks:
    """What a diff says about one file."""

    path: str
    hunks: tuple[Hunk, ...]
    action: Literal["edit", "delete", "move"] = "edit"


def is_replace(code: str) -> bool:
    """Whether a block has the marks of SEARCH and REPLACE."""
    lines = code.splitlines()
    return any(map(_SEARCH.fullmatch, lines)) and any(map(_REPLACE.fullmatch, lines))


def read_replace(code: str) -> tuple[str, tuple[Hunk, ...]]:
    """The line before the first mark, and the pairs. One that is not whole is left out."""
    hunks: list[Hunk] = []
    before, old, new = "", list[str](), list[str]()
    into: list[str] | None = None
    for line in code.splitlines():
        if _SEARCH.fullmatch(line):
            old, new = [], []
            into = old
        elif into is old and into is not None and _MIDDLE.fullmatch(line):
            into = new
        elif into is new and into is not None and _REPLACE.fullmatch(line):
            hunks.append(Hunk(tuple(old), tuple(new)))
            into = None
        elif into is not None:
            into.append(line)
        elif not hunks:
            before = line.strip() or before
    return before, tuple(hunks)


def is_diff(language: str, code: str) -> bool:
    """Whether a block is a unified diff."""
    if language.lower() in _LANGUAGES:
        return True
    lines = code.splitlines()
    return (
        any(map(_OLD.fullmatch, lines))
        and any(map(_NEW.fullmatch, lines))
        and any(line.startswith("@@") for line in lines)
    )


class _Reader:
    """Takes a diff line by line."""

    def __init__(self) -> None:
        self.files: list[FileHunks] = []
        self._old_path = self._path = ""
        self._moved = False
        self._hunks: list[Hunk] = []
        self._old: list[str] = []
        self._new: list[str] = []
        self._line: int | None = None

    def take(self, line: str, follows: str) -> None:
        """A line, and the one after it."""
        old = _OLD.fullmatch(line)
        if line.startswith("diff --git ") or (old and _NEW.fullmatch(follows)):
            self.file()
        if old is not None and _NEW.fullmatch(follows):
            self._old_path = old["path"]
        elif self._old_path and not self._path and (new := _NEW.fullmatch(line)):
            self._path = new["path"]
        elif hunk := _HUNK.fullmatch(line):
            self._hunk()
            self._line = int(hunk["line"]) if hunk["line"] else None
        elif line.startswith(("rename from ", "rename to ", "copy from ", "copy to ")):
            self._moved = True
        elif line.startswith(("diff --git ", "index ", "new file ", "deleted file ", "\\ ")):
            pass
        else:
            self._content(line)

    def _content(self, line: str) -> None:
        mark, text = line[:1], line[1:]
        if mark != "+":
            self._old.append(text if mark in {" ", "-"} else line)
        if mark != "-":
            self._new.append(text if mark in {" ", "+"} else line)

    def _hunk(self) -> None:
        if self._old != self._new:
            self._hunks.append(Hunk(tuple(self._old), tuple(self._new), self._line))
        self._old, self._new, self._line = [], [], None

    def file(self) -> None:
        """The file is over."""
        self._hunk()
        if self._hunks or self._path or self._moved:
            gone = self._path == _NOWHERE
            path = _stripped(self._old_path if gone else self._path)
            action = "move" if self._moves() else "delete" if gone else "edit"
            self.files.append(FileHunks(path, tuple(self._hunks), action))
        self._old_path = self._path = ""
        self._moved = False
        self._hunks = []

    def _moves(self) -> bool:
        there = _NOWHERE not in {self._old_path, self._path}
        return self._moved or (there and _stripped(self._old_path) != _stripped(self._path))


def read_diff(code: str) -> tuple[FileHunks, ...]:
    """The files of a unified diff; its counts are not believed."""
    reader = _Reader()
    lines = code.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines):
        reader.take(line, lines[number + 1] if number + 1 < len(lines) else "")
    reader.file()
    return tuple(reader.files)


def _stripped(path: str) -> str:
    return path[2:] if path.startswith(("a/", "b/")) else path
