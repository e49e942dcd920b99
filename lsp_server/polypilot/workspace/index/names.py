"""Questions for names: definitions and files. They block, and are asked in threads."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.workspace.index.query import opened
from polypilot.workspace.index.rows import relative_path
from polypilot.workspace.index.store import Kind
from polypilot.workspace.roots import fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CANDIDATES = 200
"""Rows of one stage that are weighed here, in Python: few, for that holds up the others."""
_LONGEST = 120
"""Characters of what is typed that are looked at."""
_LAST = "\U0010ffff"
_PARTS = re.compile(r"::|[.#/\\]|->")
_NAMES = """
SELECT file, line, name FROM symbol WHERE {where} ORDER BY length(name) LIMIT {most}
"""
_SYMBOLS = f"""
SELECT symbol.name, symbol.kind, folder.path, file.name, symbol.line, symbol.last, file.id
FROM ({{names}}) AS found
JOIN symbol ON symbol.file = found.file AND symbol.line = found.line AND symbol.name = found.name
JOIN file ON file.id = found.file JOIN folder ON folder.id = file.folder
WHERE file.kind <> {Kind.HIDDEN}
"""  # noqa: S608  (constants)
_HOLDERS = """
SELECT 1 FROM symbol WHERE file = ? AND name = ? COLLATE NOCASE AND line <= ? AND last >= ?
"""
_NAMED = f"kind IN ({Kind.PENDING}, {Kind.TEXT}, {Kind.MEDIA})"
_WITH_TEXT = f"""
SELECT folded, folder.path, name FROM (
    SELECT folder, name, folded, instr(substr(folded, base), ?1) AS place
    FROM file WHERE {_NAMED} AND instr(folded, ?1)
    ORDER BY place = 1 DESC, place > 0 DESC, length(folded) LIMIT ?2
) JOIN folder ON folder.id = folder
"""  # noqa: S608  (constants)
_WITH_LETTERS = f"""
SELECT folded, folder.path, name FROM (
    SELECT folder, name, folded FROM file WHERE {_NAMED} AND folded LIKE ?1 ESCAPE '\\'
    ORDER BY length(folded) LIMIT ?2
) JOIN folder ON folder.id = folder
"""  # noqa: S608  (constants)
_FEW = 5
"""Files with the text itself, from which on the letters are not looked for."""
_ORDER = {
    kind: place
    for place, kind in enumerate((
        "class", "interface", "trait", "struct", "enum", "type", "function", "method", "module",
        "table", "macro", "constant", "heading", "variable",
    ))
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition below a root; lines are counted from 1, the last is included."""

    name: str
    kind: str
    relative: str
    line: int
    last: int
    rank: tuple[int, ...]
    """The smaller, the better."""
    file: int


# -- definitions ---------------------------------------------------------------------------


def symbols(file: Path, typed: str, limit: int, deadline: float) -> list[Defined]:
    """Definitions called so: exactly, in another case, beginning so, or with these letters.

    ``Class.method`` finds the method that is inside of the class.

    Raises:
        sqlite3.Error: as `query.opened`.
    """
    parts = [part.strip() for part in _PARTS.split(_clean(typed)) if part.strip()]
    if not parts:
        return []
    name = parts[-1]
    with opened(file, deadline) as connection:
        best = sorted(_called(connection, name, len(parts) > 1), key=lambda each: each.rank)
        if len(parts) > 1:
            best = [each for each in best if _is_inside(connection, parts[-2], each)] or best
    return best[:limit]


def _called(connection: sqlite3.Connection, name: str, within: bool) -> list[Defined]:  # noqa: FBT001
    """What the first stage that finds anything finds; a name ``within`` another may be frequent."""
    most = _CANDIDATES * 10 if within else _CANDIDATES
    for stage, (where, values) in enumerate(_stages(name), 1):
        names = _NAMES.format(where=where, most=most)
        try:
            rows = connection.execute(_SYMBOLS.format(names=names), values).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return []
            raise
        if rows:
            return [_defined(row, 0 if row[0] == name else stage) for row in rows]
    return []


def _stages(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """From the nearest to the furthest; only the last looks at all names there are."""
    letters = "%".join(map(_escaped, name)) + "%"
    begins = "name >= ? COLLATE NOCASE AND name < ? COLLATE NOCASE"
    return [
        ("name = ? COLLATE NOCASE", (name,)),
        (begins, (name, name + _LAST)),
        (f"{begins} AND name LIKE ? ESCAPE '\\'", (name[0], name[0] + _LAST, letters)),
        ("name LIKE ? ESCAPE '\\'", ("%" + letters,)),
    ]


def _clean(typed: str) -> str:
    """What was typed as SQLite can be asked for it, and not more than one would type."""
    return typed[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "?")


def _escaped(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)


def _defined(row: Sequence[Any], stage: int) -> Defined:
    name, kind, folder, file, line, last, number = row
    relative = relative_path(folder, file)
    rank = (stage, _ORDER.get(kind, len(_ORDER)), len(name), relative.count(os.sep))
    if stage:  # the letters alone: the shorter name is nearer to them than the better kind
        rank = (stage, len(name), rank[1], rank[3])
    return Defined(name, kind, relative, line, last, rank, number)


def _is_inside(connection: sqlite3.Connection, holder: str, each: Defined) -> bool:
    """Whether the definition is inside of one called ``holder``, or in a file called so."""
    stem = os.path.basename(each.relative).split(".", 1)[0]  # noqa: PTH119 - strings
    if fold(stem) == fold(holder):
        return True
    values = (each.file, holder, each.line, each.last)
    return connection.execute(_HOLDERS, values).fetchone() is not None


# -- files ---------------------------------------------------------------------------------


def files(file: Path, typed: str, limit: int, deadline: float) -> list[tuple[tuple[int, ...], str]]:
    """Files whose path has what was typed, or its letters in their order: rank and path.

    Paths are relative, with forward slashes. The smaller the rank, the better.

    Raises:
        sqlite3.Error: as `query.opened`.
    """
    wanted = fold(_clean(typed).strip().replace("\\", "/").removeprefix("./"))
    most = max(limit, _CANDIDATES)
    with opened(file, deadline) as connection:
        rows = connection.execute(_WITH_TEXT, (wanted, most)).fetchall()
        if len(rows) < _FEW:
            letters = f"%{'%'.join(map(_escaped, wanted))}%"
            rows += connection.execute(_WITH_LETTERS, (letters, most)).fetchall()
    found = {
        relative_path(folder, name).replace(os.sep, "/"): _rank(folded, wanted)
        for folded, folder, name in rows
    }
    return sorted((rank, path) for path, rank in found.items())[:limit]


def _rank(folded: str, wanted: str) -> tuple[int, ...]:
    """How well a path (which begins with a slash) fits."""
    name = folded.rsplit("/", 1)[1]
    stem = name.split(".", 1)[0]
    if not wanted or wanted in {name, stem, folded[1:]}:
        place = 0
    elif name.startswith(wanted):
        place = 1
    elif folded.startswith("/" + wanted):
        place = 2
    elif wanted in name:
        place = 3
    elif wanted in folded:
        place = 4 if f"/{wanted}" in folded else 5
    else:
        place = 6 if _has_letters(name, wanted) else 7
    return place, folded.count("/"), len(folded)


def _has_letters(text: str, letters: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
