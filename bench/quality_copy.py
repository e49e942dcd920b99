"""Whether copying from open documents is worth offering: alone, first, or for an unsure model."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from quality_confidence import LINE, gated, halves
from quality_copier import Copier, Copy
from quality_judge import filtered
from quality_report import Row, compare, exact, kept, percent, wrong
from quality_score import Score, average, difference, hidden, mean, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality_holes import Hole
    from quality_report import Answered

LEAST = (12, 16, 20, 30, 40, 60)
"""Characters that have to agree before the cursor."""


def copied(holes: Sequence[Hole]) -> tuple[dict[Hole, Copy], list[float]]:
    """What the copy completer says at each hole, and how long it took, in milliseconds."""
    found: dict[Hole, Copy] = {}
    took: list[float] = []
    for hole in holes:
        copier = Copier()
        for path, text in hole.source.siblings:
            copier.add(path, text)
        begin = time.perf_counter()
        copy = copier.find(hole.prefix[-20_000:], hole.suffix[:20_000])
        took.append((time.perf_counter() - begin) * 1000)
        if copy is not None:
            found[hole] = copy
    return found, took


def alone_rows(holes: Sequence[Hole]) -> list[Row]:
    """The copy completer by itself, by how much has to agree."""
    found, took = copied(holes)
    rows: list[Row] = []
    for least in LEAST:
        for sole in (False, True):
            scores = [_scored(hole, found.get(hole), least, sole=sole) for hole in holes]
            shown = [each for each in scores if each.shown]
            rows.append(
                Row(
                    f"{least} characters{', one continuation' if sole else ''}",
                    {
                        "shown %": f"{100 * len(shown) / max(1, len(scores)):.1f}",
                        "exact % of all": percent(average(scores, exact)),
                        "exact % of shown": percent(average(shown, exact)),
                        "kept, wrong chars of shown": f"{mean([kept(s) for s in shown]):.1f}, "
                        f"{mean([wrong(s) for s in shown]):.1f}",
                    },
                )
            )
    ordered = sorted(took)
    rows.append(
        Row(
            "time of a look-up, ms",
            {
                "shown %": f"median {statistics.median(ordered):.2f}, "
                f"p99 {ordered[int(len(ordered) * 0.99)]:.2f} (n={len(ordered)})"
            },
        )
    )
    return rows


def _scored(hole: Hole, copy: Copy | None, least: int, *, sole: bool = False) -> Score:
    usable = copy is not None and copy.agreed >= least and (not sole or copy.same == copy.places)
    return score(hole, copy.text if copy is not None and usable else "", None)


def first(model: Sequence[Score], found: Mapping[Hole, Copy], least: int) -> list[Score]:
    """Copying answers where it can, the model elsewhere."""
    return [_either(_scored(each.hole, found.get(each.hole), least), each) for each in model]


def stand_in(model: Sequence[Score], found: Mapping[Hole, Copy], least: int) -> list[Score]:
    """Copying answers where the model shows nothing."""
    return [_either(each, _scored(each.hole, found.get(each.hole), least)) for each in model]


def _either(one: Score, other: Score) -> Score:
    return one if one.shown else other


def together_rows(answered: Sequence[Answered], thresholds: Sequence[float]) -> list[Row]:
    """Copying beside a model that shows nothing below each of the ``thresholds``."""
    found, _ = copied([each.hole for each in answered])
    everything = [each.scored(filtered) for each in answered]
    rows: list[Row] = []
    for confidence in thresholds:
        model = gated(everything, LINE, confidence)
        for least in LEAST:
            name = f"line probable by {confidence:.2f} or more; copying from {least} characters on"
            if confidence == thresholds[0]:
                rows.append(compare(f"{name}, first", first(model, found, least), model))
            if confidence:
                rows.append(_stand_in_row(name, model, found, least))
    return rows


def _stand_in_row(name: str, model: Sequence[Score], found: Mapping[Hole, Copy], least: int) -> Row:
    with_copies = stand_in(model, found, least)
    added = [b for a, b in zip(model, with_copies, strict=True) if b.shown and not a.shown]
    row = compare(f"{name}, where the model shows nothing", with_copies, model)
    right = sum(each.exact for each in added)
    return Row(row.name, {**row.cells, "exact of those it adds": f"{right} of {len(added)}"})


def crossed_rows(answered: Sequence[Answered], confidence: float) -> list[Row]:
    """The agreement that gained most exact answers on one half, on the other half."""
    found, _ = copied([each.hole for each in answered])
    model = gated([each.scored(filtered) for each in answered], LINE, confidence)
    rows: list[Row] = []
    for what, use in (("first", first), ("stand-in", stand_in)):
        for name, learnt, checked in (("1 on 2", *halves(model)), ("2 on 1", *halves(model)[::-1])):
            least = max(LEAST, key=lambda n: difference(use(learnt, found, n), learnt, exact).value)
            row = compare(f"{what}, {name}", use(checked, found, least), checked)
            rows.append(Row(row.name, {"characters": least, **row.cells}))
    return rows


def agreement_rows(answered: Sequence[Answered]) -> list[Row]:
    """How often the model is right where copying says the same, and where it does not."""
    found, _ = copied([each.hole for each in answered])
    same: list[Score] = []
    other: list[Score] = []
    for each in answered:
        scored = each.scored(filtered)
        text = filtered(each.reply.pieces, each.spec).text
        copy = found.get(each.hole)
        if copy is not None and scored.shown:
            (same if copy.text.strip() == text.strip() else other).append(scored)
    none = [hidden(each.scored(filtered)) for each in answered if each.hole not in found]
    return [
        Row("it copies the same", {"n": len(same), "exact %": percent(average(same, exact))}),
        Row("it copies another", {"n": len(other), "exact %": percent(average(other, exact))}),
        Row("there is nothing to copy", {"n": len(none)}),
    ]
