"""One row of the record, what it adds to a day's sums, and how latencies are put together."""

from __future__ import annotations

import itertools
import math
import re
import secrets
import time
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from polypilot_providers.types import Usage

Purpose = Literal["completion", "chat"]
Source = Literal["", "network", "cache", "flight", "shown"]
"""Where a suggestion came from; empty: the entry is a request."""


class Stay(IntEnum):
    """What of an accepted text is still there, some time later."""

    GONE = 0
    CHANGED = 1
    """At most a third of it was changed."""
    SAME = 2


MOMENTS: Final = (30, 120, 600)
"""Seconds after an acceptance at which its text is looked for."""
STEPS_AN_OCTAVE: Final = 8
"""Buckets of latencies between a time and twice that time."""
PRECISION: Final = 2 ** (1 / (2 * STEPS_AN_OCTAVE)) - 1
"""How far a percentile may be off, as a share of it: half a bucket, 4.4 %."""
_LONGEST_NAME = 80
_NANOS = 1_000_000_000
_MOST = 2**53
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,40}")
_PATH = re.compile(
    r"[/~.]|[A-Za-z]:|file:|.*\\|.*\.(gguf|bin|safetensors|mlmodelc?)/*$", re.DOTALL | re.IGNORECASE
)


_PROCESS: Final = secrets.randbits(15) << 16
_numbers = itertools.count(secrets.randbits(16))


def new_id() -> int:
    """Of an entry: its second, this process by chance, and a number.

    So processes need no agreement, and those of one process follow one another.
    """
    return int(time.time()) << 31 | _PROCESS | next(_numbers) & 0xFFFF


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a provider, as who has made it tells it when it has ended."""

    purpose: Purpose
    provider: str
    model: str
    seconds: float
    first_text: float | None
    """Seconds; None: there was none."""
    error: str = ""
    cancelled: bool = False
    usage: Usage | None = None
    dollars: Decimal | None = None
    """None: not known."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A suggestion that was given to the editor, or a request to a provider. No text."""

    day: str
    """ISO date, by the user's clock."""
    purpose: Purpose
    provider: str
    model: str
    language: str = ""
    """The document's, as the editor calls it; empty in chat."""
    source: Source = ""
    at: int = field(default_factory=lambda: int(time.time()))
    """Seconds since the epoch."""
    id: int = field(default_factory=new_id)

    # Of a suggestion
    suggested: int | None = None
    """Characters; so are ``partly`` (taken of the beginning), ``saved`` and ``kept``."""
    seen: bool = False
    """The editor says that it was on the screen."""
    accepted: bool = False
    partly: int = 0
    rejected: bool = False
    saved: int = 0
    """What was taken and so not typed."""
    kept: int | None = None
    """How much of that was there at the last look."""
    stay30: Stay | None = None
    """None: not known, like the next two."""
    stay120: Stay | None = None
    stay600: Stay | None = None

    # Of a request
    first_ms: int | None = None
    """To the first text."""
    total_ms: int | None = None
    cancelled: bool = False
    error: str = ""
    """An error's code."""
    input: int | None = None
    """Tokens, like the next three; None: the provider has not said."""
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    nanos: int | None = None
    """Billionths of a US dollar; None: the price is not known."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Which line of a day's sums it belongs to."""
        return self.day, self.purpose, self.provider, self.model, self.language


@dataclass(frozen=True, slots=True)
class Gap:
    """What of a day is not in the record, because the disk did not take it for too long."""

    day: str
    """ISO date, by the user's clock."""
    first: int
    """Seconds since the epoch of the earliest of them; ``last`` likewise."""
    last: int
    entries: int = 0
    """Suggestions and requests."""
    changes: int = 0
    """What became of suggestions that may be recorded themselves."""
    id: int = field(default_factory=new_id)


COUNTERS: Final = (
    *("shown", "seen", "accepted", "partly", "rejected"),
    *("suggested_chars", "saved_chars", "kept_chars", "measured_chars"),
    *("same30", "changed30", "gone30", "same120", "changed120", "gone120"),
    *("same600", "changed600", "gone600"),
    *("from_network", "from_cache", "from_flight", "from_shown"),
    *("requests", "cancelled", "errors"),
    *("input", "output", "cached", "reasoning", "priced", "unpriced", "nanos"),
)
"""A day's sums. The names are columns."""

STORED: Final = tuple(
    each.name
    for each in fields(Entry)
    if each.name not in {"day", "purpose", "provider", "model", "language"}
)
"""Columns of an entry, besides the number of its day's line."""


def counts(entry: Entry) -> dict[str, int]:
    """What an entry adds to its day's sums; of what is not named, nothing."""
    return _suggestion(entry) if entry.source else _request(entry)


def _suggestion(entry: Entry) -> dict[str, int]:
    found = {
        "shown": 1,
        "seen": int(entry.seen),
        "accepted": int(entry.accepted),
        "partly": int(bool(entry.partly) and not entry.accepted),
        "rejected": int(entry.rejected),
        "suggested_chars": entry.suggested or 0,
        "saved_chars": entry.saved,
        "kept_chars": entry.kept or 0,
        "measured_chars": 0 if entry.kept is None else entry.saved,
        f"from_{entry.source}": 1,
    }
    for seconds, stay in zip(MOMENTS, (entry.stay30, entry.stay120, entry.stay600), strict=True):
        if stay is not None:
            found[f"{Stay(stay).name.lower()}{seconds}"] = 1
    return found


def _request(entry: Entry) -> dict[str, int]:
    charged = not entry.error or entry.input is not None
    return {
        "requests": 1,
        "cancelled": int(entry.cancelled),
        "errors": int(bool(entry.error)),
        "input": entry.input or 0,
        "output": entry.output or 0,
        "cached": entry.cached or 0,
        "reasoning": entry.reasoning or 0,
        "priced": int(entry.nanos is not None),
        "unpriced": int(charged and entry.nanos is None),
        "nanos": entry.nanos or 0,
    }


def bucket(milliseconds: int) -> int:
    """The number of the bucket that a time belongs to."""
    return round(math.log2(max(milliseconds, 1)) * STEPS_AN_OCTAVE)


def middle(number: int) -> float:
    """Milliseconds in the middle of a bucket, on a logarithmic scale."""
    return 2 ** (number / STEPS_AN_OCTAVE)


def name(given: str) -> str:
    """A provider's or model's name as it is kept: of a model that is a file, its name alone."""
    if _PATH.match(given):
        given = re.split(r"[/\\]", given.rstrip("/\\"))[-1]
    return "".join(c for c in given if c.isprintable())[:_LONGEST_NAME]


def language(given: str) -> str:
    """A language's id as it is kept; what is none of the usual form is ``other``."""
    return given if _LANGUAGE.fullmatch(given) else "other" if given else ""


def nanos(dollars: Decimal | None) -> int | None:
    """A sum of money in billionths of a dollar; None: not known."""
    if dollars is None or not dollars.is_finite() or dollars < 0:
        return None
    return min(round(dollars * _NANOS), _MOST)


def whole(count: int | None) -> int | None:
    """A supplier's count of tokens, within bounds that sums survive."""
    return None if count is None else min(max(count, 0), 2**40)


def milliseconds(seconds: float | None) -> int | None:
    """A time in whole milliseconds, at most a day; None: there is none."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(round(seconds * 1000), 0), 86_400_000)
