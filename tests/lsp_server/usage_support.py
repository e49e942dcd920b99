"""Entries, and what is in a file."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polypilot.usage.values import COUNTERS, Entry, Stay, bucket, counts

if TYPE_CHECKING:
    import random
    from pathlib import Path

TODAY = "2026-11-22"


def request(**fields: Any) -> Entry:
    """A request that was answered."""
    return replace(Entry(TODAY, "completion", "team", "coder", "python", total_ms=200), **fields)


def suggestion(**fields: Any) -> Entry:
    """A suggestion that was shown."""
    made = Entry(TODAY, "completion", "team", "coder", "python", "network", suggested=20)
    return replace(made, **fields)


def some(dice: random.Random) -> Entry:
    """Any entry."""
    day = f"2026-11-{dice.randint(1, 22):02}"
    provider, model = dice.choice(["a", "b"]), dice.choice(["m", "n"])
    if dice.random() < 0.5:
        error = dice.choice(["", "", "timeout", "auth"])
        times = {"first_ms": dice.randint(1, 999), "total_ms": dice.randint(1, 99_999)}
        money = dice.choice([None, dice.randint(0, 10**9)])
        return request(day=day, provider=provider, model=model, error=error, nanos=money, **times)
    taken = dice.random() < 0.3
    stays = [dice.choice([None, *Stay]) if taken else None for _ in range(3)]
    return suggestion(
        day=day,
        provider=provider,
        model=model,
        source=dice.choice(["network", "cache", "flight", "shown"]),
        accepted=taken,
        saved=20 * taken,
        kept=dice.choice([None, 10]) if taken else None,
        stay30=stays[0],
        stay120=stays[1],
        stay600=stays[2],
    )


def sums(path: Path) -> dict[tuple[str, ...], dict[str, int]]:
    """The sums of the file, by their lines; only those that are not 0."""
    with sqlite3.connect(path) as connection:
        query = f"SELECT day, purpose, provider, model, language, {', '.join(COUNTERS)} FROM daily"  # noqa: S608 - our own names
        found = connection.execute(query).fetchall()
    connection.close()
    named = {row[:5]: dict(zip(COUNTERS, row[5:], strict=True)) for row in found}
    return {key: {n: v for n, v in each.items() if v} for key, each in named.items()}


def expected(entries: list[Entry]) -> dict[tuple[str, ...], dict[str, int]]:
    """What the sums of these entries are."""
    made: dict[tuple[str, ...], Counter[str]] = {}
    for entry in entries:
        made.setdefault(entry.key, Counter()).update(counts(entry))
    return {key: {n: v for n, v in each.items() if v} for key, each in made.items()}


def buckets(path: Path) -> Counter[tuple[int, int]]:
    """How many times are in which bucket, over all lines."""
    with sqlite3.connect(path) as connection:
        query = "SELECT which, bucket, sum(count) FROM latency GROUP BY 1, 2"
        found = Counter({(row[0], row[1]): row[2] for row in connection.execute(query)})
    connection.close()
    return +found


def expected_buckets(entries: list[Entry]) -> Counter[tuple[int, int]]:
    """Likewise, of these entries."""
    return Counter(
        (which, bucket(value))
        for entry in entries
        for which, value in enumerate((entry.first_ms, entry.total_ms))
        if value is not None and not entry.error
    )
