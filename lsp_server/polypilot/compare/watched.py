"""What a watch knows of each round: plain values, made of what the store keeps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from polypilot.compare.answered import answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polypilot.compare.values import Marks, Purpose, Reply, Task

Key = tuple[str, str]
"""A target's label and a purpose."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What suppliers and the price list say, beside the answers; JSON as it is."""

    prices: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """US dollars for a million tokens in and out, by the target's label and purpose
    (``label purpose``)."""
    models: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The ids in a provider's list; a provider that gave none is left out."""
    ends: dict[str, str] = field(default_factory=dict[str, str])
    """The announced end of a target's model, by the target's label."""
    found: tuple[tuple[str, str, str], ...] = ()
    """Changes told of this round: kind, target, purpose. Later ones are compared with it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One target's answers of a round, for one purpose, by the tasks' ids."""

    scores: Mapping[str, float]
    waits: Mapping[str, float]
    """Seconds to the first line of a completion, to the first text of a chat answer."""
    dollars: Mapping[str, float]
    """Of the answers whose price is known."""
    bad: int
    """Tasks that failed or met the supplier's limit."""
    asked: int

    @property
    def score(self) -> float | None:
        """The mean; None without any."""
        return sum(self.scores.values()) / len(self.scores) if self.scores else None

    @property
    def wait(self) -> float | None:
        """The median, in seconds."""
        return median(self.waits.values()) if self.waits else None

    @property
    def per_1000(self) -> float | None:
        """US dollars for a thousand answers."""
        return 1000 * sum(self.dollars.values()) / len(self.dollars) if self.dollars else None

    @property
    def failing(self) -> float | None:
        """The share that failed or met a limit."""
        return self.bad / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a watch."""

    number: int
    begun: float
    """Seconds since the epoch."""
    groups: Mapping[str, str]
    """Of each task."""
    samples: Mapping[Key, Sample]
    facts: Facts = Facts()
    run: int = 0


def samples(
    tasks: Sequence[Task], replies: Iterable[Reply], marks: Iterable[Marks]
) -> dict[Key, Sample]:
    """A round's answers, by target and purpose."""
    found: dict[Key, Sample] = {}
    for label, given in answers(tasks, replies, marks).items():
        purposes: Iterable[Purpose] = dict.fromkeys(each.task.kind.purpose for each in given)
        for purpose in purposes:
            mine = [each for each in given if each.task.kind.purpose == purpose]
            found[label, purpose] = Sample(
                # A task that failed is told by the share of failures: it is no worse answer.
                {one.task.id: one.score for one in mine
                 if one.score is not None and not one.reply.error},
                {one.task.id: wait for one in mine if (wait := _wait(one.reply, purpose))},
                {one.task.id: float(one.reply.dollars) for one in mine
                 if one.reply.dollars and not one.reply.error},
                sum(bool(one.reply.error or one.reply.limited) for one in mine),
                len(mine),
            )  # fmt: skip
    return found


def _wait(reply: Reply, purpose: Purpose) -> float | None:
    if reply.error:
        return None
    first = reply.first_line if purpose == "completion" else reply.first_text
    return first if first is not None and first > 0 else None


def changed(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids that have come, and that have gone, in the lists' order."""
    come, gone = Counter(after), Counter(before)
    return [each for each in after if each not in gone], [each for each in before
                                                          if each not in come]  # fmt: skip
