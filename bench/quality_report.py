"""Tables of ``quality.py``: what each way of asking, and each rule of the filter, adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quality_judge import filtered, first_line, rules, to_blank_line, unfiltered, while_sure
from quality_score import Figure, Score, average, difference, mean, score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot_prompts.postprocess import FilterSpec
    from quality_holes import Hole
    from quality_judge import Judged
    from quality_model import Piece, Reply


@dataclass(frozen=True)
class Answered:
    """What a model answered at a hole, asked in one way."""

    hole: Hole
    reply: Reply
    spec: FilterSpec

    def scored(self, judge: Callable[[Sequence[Piece], FilterSpec], Judged]) -> Score:
        """The score of the suggestion that ``judge`` makes of it."""
        judged = judge(self.reply.pieces, self.spec)
        return score(
            self.hole, judged.text, judged.chances, self.reply.seconds, self.reply.tokens_in
        )


@dataclass(frozen=True)
class Row:
    """A table's row: its cells by column."""

    name: str
    cells: dict[str, object]


def percent(figure: Figure) -> str:
    """A share with its interval."""
    return f"{figure.value * 100:.1f} [{figure.low * 100:.1f}, {figure.high * 100:.1f}]"


def points(figure: Figure) -> str:
    """A difference of shares in points, with its interval; marked if it is sure."""
    text = f"{figure.value * 100:+.1f} [{figure.low * 100:+.1f}, {figure.high * 100:+.1f}]"
    return f"**{text}**" if figure.sure else text


def number(figure: Figure) -> str:
    """A difference with its interval; marked if it is sure."""
    text = f"{figure.value:+.2f} [{figure.low:+.2f}, {figure.high:+.2f}]"
    return f"**{text}**" if figure.sure else text


def exact(given: Score) -> float:
    """1 if it was right."""
    return float(given.exact)


def similar(given: Score) -> float:
    """Edit similarity."""
    return given.similar


def wrong(given: Score) -> float:
    """Characters wrongly shown."""
    return float(given.wrong)


def kept(given: Score) -> float:
    """Characters kept."""
    return float(given.kept)


def describe(name: str, scores: Sequence[Score]) -> Row:
    """How good one way of answering is by itself."""
    shown = [each for each in scores if each.shown]
    kept_of = sum(each.kept for each in scores) / max(1, sum(each.truth for each in scores))
    return Row(
        name,
        {
            "n": len(scores),
            "shown %": f"{100 * len(shown) / max(1, len(scores)):.0f}",
            "exact %": percent(average(scores, exact)),
            "words %": f"{100 * mean([float(each.words) for each in scores]):.1f}",
            "similar %": percent(average(scores, similar)),
            "head %": f"{100 * mean([each.head for each in scores]):.1f}",
            "kept % of truth": f"{100 * kept_of:.1f}",
            "kept, wrong chars": f"{mean([kept(each) for each in scores]):.1f}, "
            f"{mean([wrong(each) for each in scores]):.1f}",
            "s": f"{mean([each.seconds for each in scores]):.2f}",
            "tokens in": f"{mean([float(each.tokens_in) for each in scores]):.0f}",
        },
    )


def compare(name: str, ours: Sequence[Score], theirs: Sequence[Score]) -> Row:
    """What ``ours`` has over ``theirs`` at the same holes."""
    pairs = list(zip(ours, theirs, strict=True))
    return Row(
        name,
        {
            "n": len(pairs),
            "exact, points": points(difference(ours, theirs, exact)),
            "similar, points": points(difference(ours, theirs, similar)),
            "kept chars": number(difference(ours, theirs, kept)),
            "wrong chars": number(difference(ours, theirs, wrong)),
            "newly exact / no longer": f"{sum(a.exact > b.exact for a, b in pairs)} / "
            f"{sum(a.exact < b.exact for a, b in pairs)}",
        },
    )


def versus(
    name: str,
    ours: Sequence[Answered],
    theirs: Sequence[Answered],
    judge: Callable[[Sequence[Piece], FilterSpec], Judged] = filtered,
) -> list[Row]:
    """What one way has over another, whose answers ``judge`` makes suggestions of."""
    both, others = shared(ours, theirs)
    if not both:
        return []
    row = compare(
        name, [each.scored(filtered) for each in both], [each.scored(judge) for each in others]
    )
    changed = sum(a.reply is not b.reply for a, b in zip(both, others, strict=True))
    return [Row(name, {"n": len(both), "asked differently": changed, **row.cells})]


def shared(
    ours: Sequence[Answered], theirs: Sequence[Answered]
) -> tuple[list[Answered], list[Answered]]:
    """Those of both that are of holes which both have."""
    known = {each.hole: each for each in theirs}
    both = [each for each in ours if each.hole in known]
    return both, [known[each.hole] for each in both]


def filter_rows(answered: Sequence[Answered]) -> list[Row]:
    """What each rule of the filter adds to the product: it, less it without the rule."""
    whole = [each.scored(filtered) for each in answered]
    texts = [filtered(each.reply.pieces, each.spec).text for each in answered]
    found = [
        compare("all of them, beside none", whole, [each.scored(unfiltered) for each in answered]),
        compare(
            "all of them, beside the first blank line",
            whole,
            [each.scored(to_blank_line) for each in answered],
        ),
    ]
    for rule in rules():
        without = [each.scored(rule.without) for each in answered]
        others = [rule.without(each.reply.pieces, each.spec).text for each in answered]
        row = compare(rule.name, whole, without)
        touched = sum(a != b for a, b in zip(texts, others, strict=True))
        found.append(Row(row.name, {"changed": touched, **row.cells}))
    return found


def length_rows(answered: Sequence[Answered]) -> list[Row]:
    """How much of a block to show: all, a line, or as far as the model is sure."""
    found = [
        describe("the whole block", [each.scored(filtered) for each in answered]),
        describe("its first line", [each.scored(first_line) for each in answered]),
    ]
    for least in (0.02, 0.05, 0.1, 0.2):
        judge = while_sure(least)
        scores = [each.scored(judge) for each in answered]
        found.append(describe(f"while probable by {least} or more", scores))
    return found


def table(title: str, rows: Sequence[Row]) -> str:
    """As Markdown."""
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    lines = [f"\n### {title}\n", "| " + " | ".join(["", *columns]) + " |"]
    lines.append("|" + "---|" * (len(columns) + 1))
    for row in rows:
        cells = [str(row.cells.get(column, "")) for column in columns]
        lines.append("| " + " | ".join([row.name, *cells]) + " |")
    return "\n".join(lines)
