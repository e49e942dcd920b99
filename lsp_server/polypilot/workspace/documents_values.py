"""The plain values in which documents are spoken of."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a document: a line from 0, and code units of the store's encoding in it."""

    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Change:
    """One edit. Without ``start`` and ``end``, ``text`` is the whole new document."""

    text: str
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What surrounds a cursor, at one version. All lengths are in code points.

    ``text`` fields can always be encoded: a lone surrogate is shown as U+FFFD.
    """

    uri: str
    path: str | None
    """The file's path, for a notebook's cell the notebook's; None if it is no file."""
    language_id: str
    version: int
    line: int
    column: int
    """Code points between the line's beginning and the cursor."""
    prefix: str
    suffix: str
    line_prefix: str
    """The part of ``prefix`` on the cursor's line."""
    line_suffix: str
    total_chars: int
    eol: str


def path_of(uri: str) -> str | None:
    """The path that a ``file`` URI names, without looking at the disk; None for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or not parts.path:
        return None
    path = unquote(parts.path, errors="surrogateescape")
    if "\0" in path:
        return None
    if sys.platform == "win32":
        if parts.netloc:
            path = f"//{parts.netloc}{path}"
        elif path[2:3] == ":":
            path = path[1:2].upper() + path[2:]
        return os.path.normpath(path)
    return path if parts.netloc in {"", "localhost"} else None
