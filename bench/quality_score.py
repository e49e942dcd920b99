"""How good a suggestion is beside what really stood there, and how sure a difference is."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.compare.likeness import TOKEN, is_exact, kept, similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quality_holes import Hole
    from quality_judge import Chances

RESAMPLES = 2000


@dataclass(frozen=True)
class Score:
    """One suggestion at one hole. Characters are code points."""

    hole: Hole
    shown: bool
    exact: bool
    """Taken as it is, the document would be what it was (blanks at its lines' ends apart)."""
    words: bool
    """As ``exact``, but blanks at both ends do not count."""
    similar: float
    """1 less the edit distance over the longer one's length; 0 if nothing is shown."""
    head: float
    """Share of the truth that is right from the suggestion's start on, by whole tokens."""
    kept: int
    """Characters of it that stand in the truth, in its order (token-wise)."""
    wrong: int
    """Characters shown that do not."""
    truth: int
    """Characters of the truth."""
    chances: Chances | None
    """How sure the model was."""
    seconds: float
    tokens_in: int


def score(
    hole: Hole, text: str, chances: Chances | None, seconds: float = 0.0, tokens_in: int = 0
) -> Score:
    """Compare a suggestion with what stood there."""
    truth = hole.truth
    shown = bool(text.strip())
    right = kept(text, truth) if shown else 0
    return Score(
        hole=hole,
        shown=shown,
        exact=shown and is_exact(text, truth),
        words=shown and text.strip() == truth.strip(),
        similar=similarity(text.strip(), truth.strip()) if shown else 0.0,
        head=_head(text, truth) / len(truth) if shown else 0.0,
        kept=right,
        wrong=len(text.rstrip()) - right if shown else 0,
        truth=len(truth),
        chances=chances,
        seconds=seconds,
        tokens_in=tokens_in,
    )


def hidden(given: Score) -> Score:
    """The same hole with nothing shown."""
    return replace(
        given, shown=False, exact=False, words=False, similar=0.0, head=0.0, kept=0, wrong=0
    )


def _head(text: str, truth: str) -> int:
    length = 0
    for ours, theirs in zip(TOKEN.findall(text), TOKEN.findall(truth), strict=False):
        if ours != theirs:
            break
        length += len(ours)
    return length


@dataclass(frozen=True)
class Figure:
    """A mean over holes with its 95 % interval, or a difference of two."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def mean(values: Sequence[float]) -> float:
    """0 for none."""
    return sum(values) / len(values) if values else 0.0


def difference(
    ours: Sequence[Score], theirs: Sequence[Score], of: Callable[[Score], float], *, seed: int = 1
) -> Figure:
    """Mean of the paired differences; the interval by resampling whole regions."""
    pairs: dict[int, list[float]] = {}
    for one, other in zip(ours, theirs, strict=True):
        assert one.hole == other.hole
        pairs.setdefault(one.hole.region, []).append(of(one) - of(other))
    return _resampled(list(pairs.values()), seed)


def average(scores: Sequence[Score], of: Callable[[Score], float], *, seed: int = 1) -> Figure:
    """A mean; the interval by resampling whole regions."""
    groups: dict[int, list[float]] = {}
    for each in scores:
        groups.setdefault(each.hole.region, []).append(of(each))
    return _resampled(list(groups.values()), seed)


def _resampled(groups: Sequence[Sequence[float]], seed: int) -> Figure:
    sums = [(sum(values), len(values)) for values in groups]
    total, count = sum(part for part, _ in sums), sum(size for _, size in sums)
    if not count:
        return Figure(0.0, 0.0, 0.0)
    dice = random.Random(seed)
    means: list[float] = []
    for _ in range(RESAMPLES):
        drawn = dice.choices(sums, k=len(sums))
        means.append(sum(part for part, _ in drawn) / max(1, sum(size for _, size in drawn)))
    means.sort()
    return Figure(total / count, means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975)])
