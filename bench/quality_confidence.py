"""From which confidence on a suggestion should be shown: found on one half, checked on the other.

The halves are of regions, so that no line's neighbour helps to judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quality_report import Row, exact, kept, percent, wrong
from quality_score import average, hidden, mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quality_judge import Chances
    from quality_score import Score

STEPS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
PRICE = 0.5
"""What a wrongly shown character costs, in characters that were right: reading it, and going
on typing. Half of one, since it is not typed but only read."""


@dataclass(frozen=True)
class Measure:
    """One way to say by a number how sure a model was."""

    name: str
    of: Callable[[Chances], float]

    def value(self, score: Score) -> float | None:
        """Of one suggestion; None if its model did not say."""
        return None if score.chances is None else self.of(score.chances)


LINE = Measure("product, first line", lambda chances: chances.line)
MEAN = Measure("geometric mean", lambda chances: chances.mean)
MEASURES = (
    LINE,
    MEAN,
    Measure("product", lambda chances: chances.whole),
    Measure("least token", lambda chances: chances.least),
)


@dataclass(frozen=True)
class Threshold:
    """What showing only from a confidence on does."""

    confidence: float
    shown: float
    """Share of the holes."""
    exact: float
    """Share of what is shown."""
    found: float
    """Share of what is exact without a threshold."""
    net: float
    """Characters gained per hole: those kept, less ``PRICE`` for each wrong one."""


def gated(scores: Sequence[Score], measure: Measure, least: float) -> list[Score]:
    """Nothing shown where the model was less sure."""
    return [
        each if (value := measure.value(each)) is None or value >= least else hidden(each)
        for each in scores
    ]


def at(scores: Sequence[Score], measure: Measure, least: float) -> Threshold:
    """How it goes with one threshold."""
    after = gated(scores, measure, least)
    shown = [each for each in after if each.shown]
    return Threshold(
        least,
        len(shown) / max(1, len(after)),
        mean([exact(each) for each in shown]),
        sum(each.exact for each in after) / max(1, sum(each.exact for each in scores)),
        mean([each.kept - PRICE * each.wrong for each in after]),
    )


def halves(scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Every other region."""
    regions = sorted({each.hole.region for each in scores})
    even = set(regions[::2])
    return (
        [each for each in scores if each.hole.region in even],
        [each for each in scores if each.hole.region not in even],
    )


def best(scores: Sequence[Score], measure: Measure) -> float:
    """The threshold with which most characters are gained."""
    steps = [at(scores, measure, step) for step in (0.0, *STEPS)]
    return max(steps, key=lambda each: each.net).confidence


def separation(scores: Sequence[Score], measure: Measure) -> float:
    """Probability that an exact answer was surer than one that was not (0.5: says nothing)."""
    right = [measure.value(each) or 0.0 for each in scores if each.exact]
    other = [measure.value(each) or 0.0 for each in scores if each.shown and not each.exact]
    return mean([(a > b) + (a == b) / 2 for a in right for b in other])


def threshold_rows(scores: Sequence[Score], measure: Measure) -> list[Row]:
    """One row for each threshold, over both halves and on each."""
    even, odd = halves(scores)
    rows: list[Row] = []
    for step in (0.0, *STEPS):
        whole, one, two = (at(part, measure, step) for part in (scores, even, odd))
        rows.append(
            Row(
                f"{step:.2f}",
                {
                    "shown %": f"{whole.shown * 100:.0f}",
                    "exact % of shown": f"{whole.exact * 100:.1f}",
                    "of all exact %": f"{whole.found * 100:.0f}",
                    "net chars": f"{whole.net:+.2f}",
                    "half 1: shown, exact %": f"{one.shown * 100:.0f}, {one.exact * 100:.1f}",
                    "half 2: shown, exact %": f"{two.shown * 100:.0f}, {two.exact * 100:.1f}",
                },
            )
        )
    return rows


def crossed_rows(scores: Sequence[Score]) -> list[Row]:
    """For each measure, the best threshold of each half, on the other."""
    even, odd = halves(scores)
    rows: list[Row] = []
    for measure in MEASURES:
        for name, learnt, checked in (("1 on 2", even, odd), ("2 on 1", odd, even)):
            least = best(learnt, measure)
            after = gated(checked, measure, least)
            shown = [each for each in after if each.shown]
            rows.append(
                Row(
                    f"{measure.name}, {name}",
                    {
                        "separation, both halves": f"{separation(scores, measure):.3f}",
                        "threshold": f"{least:.2f}",
                        "shown %": f"{100 * len(shown) / max(1, len(after)):.0f}",
                        "exact % of shown": percent(average(shown, exact)),
                        "exact % without": percent(average(checked, exact)),
                        "kept chars, without": f"{mean([kept(each) for each in after]):.1f}, "
                        f"{mean([kept(each) for each in checked]):.1f}",
                        "wrong chars, without": f"{mean([wrong(each) for each in after]):.1f}, "
                        f"{mean([wrong(each) for each in checked]):.1f}",
                    },
                )
            )
    return rows
