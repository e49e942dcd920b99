"""Questions to the database of one root. They block, and are asked in threads.

SQLite works without the interpreter's lock, so that a question holds up nobody. What is
given back are names and numbers of lines: text is read from the files, through the gate.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.workspace.index import store
from polypilot.workspace.index.rows import relative_path
from polypilot.workspace.index.store import Kind
from polypilot.workspace.index.words import asked, quoted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Sequence
    from pathlib import Path

_RANKED = 5_000
"""Pieces that are weighed at most: of a word that is in more of them, the first ones."""
_WEIGHTS = "3.0, 5.0, 1.0"
"""Of a word in a path, in the name of a definition, in the text."""
_PER_FILE = 3
_JOINED = 120
"""Lines of the longest hit."""
_SHORTEST_PREFIX = 3
_CHECK_EVERY = 20_000
"""Instructions of SQLite's machine between two looks at the clock."""

_MATCHES = f"""
SELECT id, weight FROM (
    SELECT words.rowid AS id, bm25(words, {_WEIGHTS}) AS weight
    FROM words JOIN chunk ON chunk.id = words.rowid WHERE words MATCH ? LIMIT {_RANKED}
) ORDER BY weight LIMIT ?
"""  # noqa: S608  (constants)
_COUNT = f"SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT {_RANKED})"  # noqa: S608
_PLACE = f"""
SELECT file.id, folder.path, file.name, chunk.first, chunk.last
FROM chunk JOIN file ON file.id = chunk.file JOIN folder ON folder.id = file.folder
WHERE chunk.id = ? AND file.kind <> {Kind.HIDDEN}
"""  # noqa: S608  (constants)


@dataclass(slots=True)
class Place:
    """A hit below a root; lines are counted from 1, the last is included."""

    relative: str
    first: int
    last: int
    score: float


@contextlib.contextmanager
def opened(file: Path, deadline: float) -> Generator[sqlite3.Connection]:
    """The database for one question, which is broken off at ``deadline`` (monotonic).

    Raises:
        sqlite3.Error: there is none, it is damaged, or (OperationalError) time is up.
    """
    connection = store.open_to_read(file)
    try:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK_EVERY)
        yield connection
    finally:
        connection.close()


# -- words ---------------------------------------------------------------------------------


def search(file: Path, question: str, limit: int, deadline: float) -> list[Place]:
    """Where the words of the question are, the best first.

    Raises:
        sqlite3.Error: as `opened`.
    """
    with opened(file, deadline) as connection:
        scores = _weighed(connection, asked(question), limit * 2 * _PER_FILE)
        return _places(connection, scores, limit)


def _weighed(
    connection: sqlite3.Connection, words: Sequence[tuple[str, tuple[str, ...]]], most: int
) -> dict[int, float]:
    """Pieces with their scores: those with all words before those with some."""
    if not words:
        return {}
    every = _matches(connection, [_clause(*word) for word in words], "AND", most)
    some: dict[int, float] = {}
    if not every or (len(words) > 1 and len(every) < most):
        known = list(_counted(connection, words))
        rare = [clause for clause, count in known if count < _RANKED]
        rare = rare or [clause for clause, _ in sorted(known, key=lambda each: each[1])[:1]]
        some = _matches(connection, rare, "OR", most)
    best = max(some.values(), default=0.0)
    return some | {number: best + score for number, score in every.items()}


def _clause(whole: str, parts: Sequence[str]) -> str:
    """What to match for a word: itself, or all its parts."""
    if not parts:
        return quoted(whole)
    return f"({quoted(whole)} OR ({' AND '.join(map(quoted, parts))}))"


def _matches(
    connection: sqlite3.Connection, clauses: Sequence[str], by: str, most: int
) -> dict[int, float]:
    """The pieces that match best, with their scores."""
    if not clauses:
        return {}
    rows = connection.execute(_MATCHES, (f" {by} ".join(clauses), most))
    return {number: -weight for number, weight in rows}


def _counted(
    connection: sqlite3.Connection, words: Sequence[tuple[str, tuple[str, ...]]]
) -> Generator[tuple[str, int]]:
    """What to match for each word that occurs, else for what begins so; and in how many pieces."""
    for whole, parts in words:
        clause = _clause(whole, parts)
        count = connection.execute(_COUNT, (clause,)).fetchone()[0]
        if not count and len(whole) >= _SHORTEST_PREFIX:
            clause = f"{quoted(whole)} *"
            count = connection.execute(_COUNT, (clause,)).fetchone()[0]
        if count:
            yield clause, count


def _places(connection: sqlite3.Connection, scores: dict[int, float], limit: int) -> list[Place]:
    """Where the pieces are; neighbours are joined, and no file fills the answer alone."""
    found: dict[int, list[Place]] = {}
    kept = 0
    for number, score in sorted(scores.items(), key=lambda each: -each[1]):
        row: tuple[Any, ...] | None = connection.execute(_PLACE, (number,)).fetchone()
        if row is None:
            continue
        places = found.setdefault(row[0], [])
        if _join(places, row[3], row[4]) or len(places) >= _PER_FILE:
            continue
        places.append(Place(relative_path(row[1], row[2]), row[3], row[4], score))
        kept += 1
        if kept >= limit * 2:
            break
    best = [place for places in found.values() for place in places]
    return sorted(best, key=lambda each: -each.score)[:limit]


def _join(places: Iterable[Place], first: int, last: int) -> bool:
    """Lengthens a hit that touches these lines."""
    for place in places:
        low, high = min(place.first, first), max(place.last, last)
        if first <= place.last + 1 and last >= place.first - 1 and high - low < _JOINED:
            place.first, place.last = low, high
            return True
    return False
