"""The folders and files of a root as an indented list, cut so that each folder gets its share."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.errors import printable
from polypilot.workspace.index.query import opened
from polypilot.workspace.index.store import Kind

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_STEP = "  "
_FEWEST = 3
"""Entries of a folder below which it is better to say how many there are."""
_AT_ONCE = 100
_REST = 0.0001


@dataclass(slots=True)
class _Folder:
    number: int
    name: str
    total: int = 0
    """Files in it, and in all below it."""
    own: int = 0
    folders: tuple[_Folder, ...] = ()
    files: list[str] = field(default_factory=list[str])
    shown: int = 0
    """Folders that are listed."""
    is_open: bool = False


def tree(file: Path, below: str, max_entries: int, depth: int, deadline: float) -> str:
    """What is below the folder with this relative path, down to ``depth`` levels.

    Raises:
        sqlite3.Error: as `query.opened`.
    """
    with opened(file, deadline) as connection:
        top = _folders(connection).get(below)
        if top is None:
            return ""
        _share(connection, top, max_entries, depth)
    return "\n".join(_written(top, ""))


def _folders(connection: sqlite3.Connection) -> dict[str, _Folder]:
    """All folders by relative path, with how many files they have."""
    counts = dict(
        connection.execute(
            "SELECT folder, count(*) FROM file WHERE kind <> ? GROUP BY folder", (Kind.HIDDEN,)
        )
    )
    by_path: dict[str, _Folder] = {}
    by_number: dict[int, _Folder] = {}
    rows = connection.execute("SELECT id, parent, path FROM folder").fetchall()
    for place, (number, _parent, raw) in enumerate(rows):
        _rest(place)
        path = os.fsdecode(raw)
        name = path.rsplit(os.sep, 1)[-1]
        made = _Folder(number, name, own=counts.get(number, 0))
        by_path[path] = by_number[number] = made
    inside: defaultdict[int, list[_Folder]] = defaultdict(list)
    for number, parent, _raw in rows:
        inside[parent].append(by_number[number])
    # The deepest first, so that each is whole when it is added to the one above.
    for place, path in enumerate(sorted(by_path, key=_height)):
        _rest(place)
        folder = by_path[path]
        filled = (each for each in inside[folder.number] if each.total)
        folder.folders = tuple(sorted(filled, key=_name))
        folder.total = folder.own + sum(each.total for each in folder.folders)
    return by_path


def _rest(place: int) -> None:
    """Lets others have the interpreter now and then: this is work in Python, in a thread."""
    if place % _AT_ONCE == _AT_ONCE - 1:
        time.sleep(_REST)


def _height(path: str) -> int:
    return -path.count(os.sep) if path else 1


def _name(folder: _Folder) -> str:
    return folder.name


def _share(connection: sqlite3.Connection, top: _Folder, entries: int, depth: int) -> None:
    """Opens folders level by level; on each, all have the same share of what is left."""
    level: list[_Folder] = [top]
    while level and entries > 0 and depth > 0:
        level, entries = _open_level(connection, level, entries)
        depth -= 1


def _open_level(
    connection: sqlite3.Connection, level: list[_Folder], entries: int
) -> tuple[list[_Folder], int]:
    """Opens what there is room for; returns the folders in there, and what room is left."""
    following: list[_Folder] = []
    # Those that need little first: what they leave is for the others.
    for place, folder in enumerate(sorted(level, key=_own)):
        share = entries // (len(level) - place)
        if len(folder.folders) + folder.own > share and share < _FEWEST:
            continue
        folder.is_open = True
        folder.shown = min(len(folder.folders), max(share // 2, share - folder.own))
        folder.files = _files(connection, folder, share - folder.shown)
        entries -= folder.shown + len(folder.files)
        following += folder.folders[: folder.shown]
    return following, entries


def _own(folder: _Folder) -> int:
    return len(folder.folders) + folder.own


def _files(connection: sqlite3.Connection, folder: _Folder, most: int) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM file WHERE folder = ? AND kind <> ? ORDER BY name LIMIT ?",
        (folder.number, Kind.HIDDEN, most),
    )
    return [os.fsdecode(row[0]) for row in rows]


def _written(folder: _Folder, indent: str) -> list[str]:
    lines: list[str] = []
    for each in folder.folders[: folder.shown]:
        name = f"{indent}{printable(each.name)}/"
        if each.is_open:
            lines += [name, *_written(each, indent + _STEP)]
        else:
            lines.append(f"{name} … {each.total:,} {_files_said(each.total)}")
    lines += [f"{indent}{printable(name)}" for name in folder.files]
    hidden = sum(each.total for each in folder.folders[folder.shown :])
    hidden += folder.own - len(folder.files)
    if hidden:
        lines.append(f"{indent}… {hidden:,} more")
    return lines


def _files_said(count: int) -> str:
    return "file" if count == 1 else "files"
