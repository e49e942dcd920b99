"""A seeded sample: how many tasks of each kind, and which holes become tasks.

The same seed over the same candidates gives the same sample on every machine: nothing here
looks at a clock, at the order of a folder or at a hash of Python's own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from polypilot.compare.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from polypilot.compare.sources import Source

_K = TypeVar("_K")
_T = TypeVar("_T")

SHARES: Mapping[Kind, int] = {
    Kind.LINE: 24,
    Kind.REST: 14,
    Kind.BLOCK: 18,
    Kind.FUNCTION: 12,
    Kind.TESTED: 8,
    Kind.EXPLAIN: 6,
    Kind.COMMIT: 8,
    Kind.FIX: 5,
    Kind.WRITE_TEST: 5,
}
"""Hundredths of the whole where the wish does not say otherwise. The standard sets are asked
for by name only: models have read them."""
NEWER_SHARE = 0.75
"""Of the sample, what is newer than the cut-off date, where there is so much."""
YEAR = 365 * 86_400.0
"""Models have read what is public up to about a year before they are used."""
_WEIGHT = 3.0
"""How much likelier the newest is than the oldest, less one."""


def plan(total: int, kinds: Collection[Kind]) -> dict[Kind, int]:
    """Numbers of tasks per kind that add up to ``total``, in the default shares.

    Kinds that have no share (the standard sets) get as many as the likeliest.
    """
    most = max(SHARES.values())
    shares = {kind: SHARES.get(kind, most) for kind in Kind if kind in kinds}
    return apportioned(total, shares)


def apportioned(total: int, shares: Mapping[_K, float]) -> dict[_K, int]:
    """``total`` divided by largest remainders; ties go to what comes first."""
    whole = sum(shares.values())
    if not whole:
        return {}
    exact = {key: total * share / whole for key, share in shares.items()}
    made = {key: int(value) for key, value in exact.items()}
    by_rest = sorted(exact, key=lambda key: made[key] - exact[key])
    for key in by_rest[: total - sum(made.values())]:
        made[key] += 1
    return made


@dataclass(frozen=True, slots=True)
class Candidate:
    """A range that may become a task."""

    source: Source = field(repr=False)
    kind: Kind
    start: int
    end: int
    name: str = ""

    @property
    def changed(self) -> float | None:
        """When it was last changed."""
        return self.source.changed(self.start, self.end)

    @property
    def place(self) -> tuple[str, str]:
        """What shares its room: a conversation is no hint for a completion, nor the reverse."""
        return self.kind.purpose, self.source.path

    @property
    def order(self) -> tuple[str, int, int]:
        """For sorting."""
        return self.source.path, self.start, self.end


@dataclass(slots=True)
class Sample:
    """What has been chosen. Ranges of one file do not overlap, completions and chat apart.

    Args:
        seed: decides what is chosen.
        per_file: the most that one file gives, of completions and of chat.
        cutoff: what changed later counts as newer; None: nothing is known.
        newer_share: of each kind, how much should be newer.
        shares: how much of the code each language is.
    """

    seed: str
    per_file: int
    cutoff: float | None
    newer_share: float
    shares: Mapping[str, float]
    _taken: dict[tuple[str, str], list[tuple[int, int]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[int, int]]]
    )

    def choose(self, candidates: Iterable[Candidate], wanted: int) -> list[Candidate]:
        """Up to ``wanted`` of them (of one kind), and remember them."""
        groups: dict[str, list[Candidate]] = {}
        for each in candidates:
            groups.setdefault(each.source.language, []).append(each)
        shares = {name: self.shares.get(name, 0.0) for name in sorted(groups)}
        quotas = apportioned(wanted, shares)
        made: list[Candidate] = []
        ordered = {name: self.ordered(groups[name]) for name in shares}
        for name, quota in quotas.items():
            made += self._pick(ordered[name], quota)
        # What a language could not give, the others do.
        for name in sorted(shares, key=lambda each: -shares[each]):
            made += self._pick(ordered[name], wanted - len(made))
        return made

    def ordered(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """In a seeded order."""
        known = sorted(candidates, key=lambda each: each.order)
        return shuffled(known, lambda each: each.changed, f"{self.seed}:choice")

    def by_age(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """In the order in which to try them, so that any beginning has its share of newer ones."""
        ordered = self.ordered(candidates)
        queues = {
            newer: [each for each in ordered if self.is_newer(each) is newer][::-1]
            for newer in (True, False)
        }
        made: list[Candidate] = []
        newer = 0
        while queues[True] or queues[False]:
            due = newer < self.newer_share * (len(made) + 1)
            kind = due if queues[due] else not due
            newer += kind
            made.append(queues[kind].pop())
        return made

    def is_newer(self, each: Candidate) -> bool:
        """Whether it is newer than the cut-off date."""
        when = each.changed
        return self.cutoff is not None and when is not None and when > self.cutoff

    def _pick(self, ordered: Sequence[Candidate], wanted: int) -> list[Candidate]:
        made: list[Candidate] = []
        newer = [each for each in ordered if self.is_newer(each)]
        older = [each for each in ordered if not self.is_newer(each)]
        number = round(wanted * self.newer_share)
        for group, most in ((newer, number), (older, wanted), (newer, wanted)):
            for each in group:
                if len(made) >= most:
                    break
                if self.take(each):
                    made.append(each)
        return made

    def is_free(self, each: Candidate) -> bool:
        """Whether its file has not given enough yet, and its range is not taken."""
        taken = self._taken.get(each.place, [])
        return len(taken) < self.per_file and not any(
            each.start < end and start < each.end for start, end in taken
        )

    def take(self, each: Candidate) -> bool:
        """Remember it, if it is free."""
        free = self.is_free(each)
        if free:
            self._taken.setdefault(each.place, []).append((each.start, each.end))
        return free


def shuffled(items: Sequence[_T], date: Callable[[_T], float | None], seed: str) -> list[_T]:
    """In a seeded order in which what is newer is likelier to come first.

    Args:
        items: in an order that is the same everywhere.
        date: None counts as the oldest.
        seed: decides the order.
    """
    dice = random.Random(seed)  # noqa: S311 - a sample, no secret
    dates = [date(each) for each in items]
    known = sorted({when for when in dates if when is not None})
    rank = {when: (at + 1) / len(known) for at, when in enumerate(known)}
    keys = [
        dice.random() / (1 + _WEIGHT * (rank[when] if when is not None else 0)) for when in dates
    ]
    order = sorted(range(len(items)), key=lambda at: (keys[at], at))
    return [items[at] for at in order]
