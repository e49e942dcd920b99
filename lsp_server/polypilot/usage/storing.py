"""Putting entries into the file: each with its day's sums, in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from polypilot.usage.values import COUNTERS, STORED, Entry, Gap, Stay, bucket, counts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

ENTRY_DAYS: Final = 31
"""How long entries are kept one by one; after that only in their days' sums."""
_STEP: Final = 2_000  # entries that are deleted in one transaction
_PROOF_DAYS: Final = 3  # on which the clock must have been about where it is now

_PUT = f"""INSERT OR REPLACE INTO entries (daily, {", ".join(STORED)})
    VALUES (?{", ?" * len(STORED)})"""  # noqa: S608  (our own names, likewise below)
_GET = f"""SELECT day, purpose, provider, model, language, {", ".join("e." + n for n in STORED)}
    FROM entries e JOIN daily d ON d.id = e.daily"""  # noqa: S608
_ADD = "UPDATE daily SET {} WHERE id = ?"


@dataclass(slots=True)
class _Sums:
    """What a batch changes in one line of a day."""

    counts: Counter[str] = field(default_factory=Counter[str])
    latency: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    failures: Counter[str] = field(default_factory=Counter[str])

    def add(self, entry: Entry, sign: int) -> None:
        for key, value in counts(entry).items():
            self.counts[key] += sign * value
        for which, value in enumerate((entry.first_ms, entry.total_ms)):
            if value is not None and not entry.error:
                self.latency[which, bucket(value)] += sign
        if entry.error:
            self.failures[entry.error] += sign


def put(
    connection: sqlite3.Connection, batch: Sequence[tuple[Entry, bool]], gaps: Iterable[Gap] = ()
) -> None:
    """Write entries; True beside one: it is new. And what was lost. It may be done twice.

    A change of an entry that is not there any more is left out: the user has deleted it.
    """
    lines: dict[tuple[str, ...], int] = {}
    sums: dict[int, _Sums] = {}
    for entry, new in batch:
        old = get(connection, entry.id)
        if old is None and not new:
            continue
        line = lines.get(entry.key)
        if line is None:
            line = lines[entry.key] = _line(connection, entry.key)
        of_line = sums.setdefault(line, _Sums())
        if old is not None:
            of_line.add(old, -1)
        of_line.add(entry, 1)
        connection.execute(_PUT, (line, *(getattr(entry, each) for each in STORED)))
    for line, changes in sums.items():
        _write(connection, line, changes)
    for gap in gaps:
        row = (gap.id, gap.day, gap.first, gap.last, gap.entries, gap.changes)
        connection.execute("INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?, ?, ?)", row)


def get(connection: sqlite3.Connection, number: int) -> Entry | None:
    """An entry by its id; None: there is none."""
    row = connection.execute(f"{_GET} WHERE e.id = ?", (number,)).fetchone()
    return None if row is None else of_row(row)


def after(connection: sqlite3.Connection, number: int, most: int) -> list[Entry]:
    """At most so many entries whose id is greater, by id."""
    found = connection.execute(f"{_GET} WHERE e.id > ? ORDER BY e.id LIMIT ?", (number, most))
    return [of_row(row) for row in found]


def of_row(row: Iterable[Any]) -> Entry:
    """An entry from the columns that are read of it."""
    values = iter(row)
    heads = dict(zip(("day", "purpose", "provider", "model", "language"), values, strict=False))
    rest = dict(zip(STORED, values, strict=True))
    for key in ("seen", "accepted", "rejected", "cancelled"):
        rest[key] = bool(rest[key])
    for key in ("stay30", "stay120", "stay600"):
        rest[key] = None if rest[key] is None else Stay(rest[key])
    return Entry(**heads, **rest)


def prune(connection: sqlite3.Connection, today: date, keep_days: int) -> bool:
    """Delete a part of what is too old; True: there is more.

    Not while the clock has been where it is now on fewer than three days: one that jumps
    ahead must not delete everything.
    """
    query = "SELECT count(DISTINCT day) FROM daily WHERE day BETWEEN ? AND ?"
    known = connection.execute(query, (_before(today, 30), today.isoformat())).fetchone()[0]
    if known < _PROOF_DAYS:
        return False
    single = _before(today, min(ENTRY_DAYS, keep_days))
    gone = connection.execute(
        "DELETE FROM entries WHERE id IN (SELECT e.id FROM entries e JOIN daily d"
        " ON d.id = e.daily WHERE d.day < ? ORDER BY e.id LIMIT ?)",
        (single, _STEP),
    ).rowcount
    if gone:
        return True
    old = "(SELECT id FROM daily WHERE day < ?)"
    for table, column in (("latency", "daily"), ("failures", "daily"), ("daily", "id")):
        query = f"DELETE FROM {table} WHERE {column} IN {old}"  # noqa: S608  (our own names)
        connection.execute(query, (_before(today, keep_days),))
    connection.execute("DELETE FROM gaps WHERE day < ?", (_before(today, keep_days),))
    return False


def _before(today: date, days: int) -> str:
    return (today - timedelta(days)).isoformat()


def _line(connection: sqlite3.Connection, key: tuple[str, ...]) -> int:
    names = "day, purpose, provider, model, language"
    connection.execute(f"INSERT OR IGNORE INTO daily ({names}) VALUES (?, ?, ?, ?, ?)", key)  # noqa: S608
    query = f"SELECT id FROM daily WHERE ({names}) = (?, ?, ?, ?, ?)"  # noqa: S608
    return cast("int", connection.execute(query, key).fetchone()[0])


def _write(connection: sqlite3.Connection, line: int, sums: _Sums) -> None:
    changed = {key: sums.counts[key] for key in COUNTERS if sums.counts[key]}
    if changed:
        setters = ", ".join(f"{key} = {key} + ?" for key in changed)
        connection.execute(_ADD.format(setters), (*changed.values(), line))
    connection.executemany(
        "INSERT INTO latency VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET count = count + excluded.count",
        [(line, *key, count) for key, count in sums.latency.items() if count],
    )
    connection.executemany(
        "INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET count = count + excluded.count",
        [(line, key, count) for key, count in sums.failures.items() if count],
    )
