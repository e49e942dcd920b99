"""From tasks, replies and marks to the figures of a report. Pure: seeded, and without a clock."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

from polypilot.compare import reckoning
from polypilot.compare.answered import Answer, answers, by_group, by_task
from polypilot.compare.examples import examples
from polypilot.compare.figures import (
    Bucket,
    Money,
    Pair,
    Part,
    Quality,
    Reliability,
    Row,
    Speed,
    Summary,
    Times,
    Tokens,
)
from polypilot.compare.typical import TYPICAL_DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from polypilot.compare.values import Marks, Purpose, Reply, Task

BUCKETS: Final = 24
"""At most so many steps of time."""
_STEPS = 20
_PURPOSES: tuple[Purpose, ...] = ("completion", "chat")


def summarise(
    tasks: Sequence[Task],
    replies: Iterable[Reply],
    marks: Iterable[Marks],
    *,
    targets: Sequence[str] = (),
    seed: int = 1,
    use: Mapping[Purpose, int] = TYPICAL_DAY,
) -> Summary:
    """The figures; targets in the order given, then those of the replies."""
    found = answers(tasks, replies, marks)
    order = [*(name for name in targets if name in found), *found]
    ordered = {name: found[name] for name in dict.fromkeys(order)}
    rows: list[Row] = []
    pairs: list[Pair] = []
    for purpose in _PURPOSES:
        each = {
            name: mine
            for name, given in ordered.items()
            if (mine := [one for one in given if one.task.kind.purpose == purpose])
        }
        edges = _edges([one.reply.when for given in each.values() for one in given])
        rows += [_row(name, purpose, mine, edges=edges, use=use[purpose], seed=seed)
                 for name, mine in each.items()]  # fmt: skip
        pairs += _pairs(purpose, each)
    return Summary(
        rows=tuple(rows),
        pairs=tuple(pairs),
        examples=tuple(examples(ordered)),
        tasks=dict(Counter(task.kind.value for task in tasks)),
        languages=dict(Counter(task.language for task in tasks).most_common()),
        groups=len({task.group for task in tasks}),
        use=dict(use),
    )


def _row(
    target: str,
    purpose: Purpose,
    given: Sequence[Answer],
    *,
    edges: Sequence[float],
    use: int,
    seed: int,
) -> Row:
    return Row(
        target=target,
        purpose=purpose,
        quality=quality(given, seed),
        speed=_speed(given),
        reliability=_reliability(given),
        tokens=_tokens(given),
        money=money(given, use),
        languages=_parts(given, lambda one: one.task.language, seed),
        kinds=_parts(given, lambda one: one.task.kind.value, seed),
        over_time=tuple(_buckets(given, edges)),
        models=tuple(sorted({one.reply.model for one in given if one.reply.model})),
    )


def quality(given: Sequence[Answer], seed: int = 1) -> Quality:
    """Without any answer at all there is nothing to judge: no figures rather than zeros."""
    judged = list(given) if any(not one.reply.error for one in given) else list[Answer]()
    shown = [one for one in judged if one.marks.shown]
    figures = {
        name: reckoning.mean(by_group(judged, name), seed=seed)
        for name in ("score", "exact", "similar", "passed", "kept", "wrong")
    }
    parses = reckoning.mean(by_group(shown, "parses"), seed=seed)
    return Quality(**figures, parses=parses, shown=len(shown))


def _times(values: Iterable[float | None]) -> Times:
    known = sorted(value for value in values if value is not None)
    return Times(
        len(known),
        reckoning.quantile(known, 0.5),
        reckoning.quantile(known, 0.95),
        reckoning.quantile(known, 0.99),
        reckoning.curve(known, _STEPS),
    )


def _speed(given: Sequence[Answer]) -> Speed:
    replies = [one.reply for one in given if not one.reply.error]
    return Speed(
        _times(reply.first_text for reply in replies),
        _times(reply.first_line for reply in replies),
        _times(reply.seconds for reply in replies),
    )


def _reliability(given: Sequence[Answer]) -> Reliability:
    codes = Counter(one.reply.error for one in given if one.reply.error)
    return Reliability(
        asked=len(given),
        failed=codes.total(),
        errors=dict(codes.most_common()),
        timeouts=sum(number for code, number in codes.items() if "timeout" in code),
        limited=sum(one.reply.limited for one in given),
        retries=sum(one.reply.retries for one in given),
    )


def _tokens(given: Sequence[Answer]) -> Tokens:
    replies = [one.reply for one in given]
    counted = [each for each in replies if each.output_tokens is not None]
    return Tokens(
        input=sum(each.input_tokens or 0 for each in counted),
        output=sum(each.output_tokens or 0 for each in counted),
        cached=sum(each.cached_tokens or 0 for each in counted),
        reasoning=sum(each.reasoning_tokens or 0 for each in counted),
        counted=len(counted),
        uncounted=sum(1 for each in replies if each.output_tokens is None and not each.error),
    )


def money(given: Sequence[Answer], use: int) -> Money:
    """An answer without a price is unknown, never free; a failure without one is neither.

    Where nothing was asked there is nothing to pay, and no request of a typical day.
    """
    replies = [one.reply for one in given if one.reply.requests or one.reply.error]
    paid = [each.dollars for each in replies if each.dollars is not None]
    priced = [each.dollars for each in replies if each.dollars is not None and not each.error]
    unpriced = sum(1 for each in replies if each.dollars is None and not each.error)
    each_one = float(sum(priced)) / len(priced) if priced and len(priced) >= unpriced else None
    return Money(
        dollars=float(sum(paid)),
        priced=len(priced),
        unpriced=unpriced,
        per_1000=None if each_one is None else each_one * 1000,
        per_day=None if each_one is None else each_one * use,
    )


def _parts(given: Sequence[Answer], name: Callable[[Answer], str], seed: int) -> tuple[Part, ...]:
    """The score for each name, the most frequent first."""
    names = Counter(name(one) for one in given)
    return tuple(
        Part(each, quality([one for one in given if name(one) == each], seed).score)
        for each, _ in sorted(names.items(), key=lambda item: (-item[1], item[0]))
    )


def _edges(times: Sequence[float]) -> list[float]:
    """Where each step of time begins: the same for all targets."""
    if not times:
        return []
    first, span = min(times), max(times) - min(times)
    number = max(1, min(BUCKETS, len(times) // 4)) if span > 0 else 1
    return [first + span * at / number for at in range(number)]


def _buckets(given: Sequence[Answer], edges: Sequence[float]) -> Iterable[Bucket]:
    for at, start in enumerate(edges):
        end = edges[at + 1] if at + 1 < len(edges) else float("inf")
        here = [one.reply for one in given if start <= one.reply.when < end]
        yield Bucket(
            start,
            len(here),
            sum(1 for reply in here if reply.error),
            sum(reply.limited for reply in here),
        )


def _pairs(purpose: Purpose, each: Mapping[str, Sequence[Answer]]) -> list[Pair]:
    """Of the targets that have answered at all."""
    scores = {
        name: by_task(given)
        for name, given in each.items()
        if any(not one.reply.error for one in given)
    }
    found = [
        (first, second, reckoning.paired(scores[first], scores[second]))
        for first, second in itertools.combinations(scores, 2)
    ]
    known = [difference.p for _, _, difference in found if difference.p is not None]
    corrected = iter(reckoning.holm(known))
    return [
        Pair(purpose, first, second, difference,
             None if difference.p is None else next(corrected))
        for first, second, difference in found
    ]  # fmt: skip
