"""A few answers of each target that went best and worst, cut to a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polypilot.compare.figures import Example

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polypilot.compare.answered import Answer

EACH: Final = 2
"""Of each kind, for each target and purpose."""
LINES: Final = 40
CHARACTERS: Final = 3000
_ABOVE = 3
_LONG = 300


def examples(given: Mapping[str, Sequence[Answer]]) -> Iterator[Example]:
    """The worst first, shown ones before empty ones.

    Of equally good ones the longest, as a lone bracket shows nothing.
    """
    for target, mine in given.items():
        for purpose in ("completion", "chat"):
            judged = [
                (score, one)
                for one in mine
                if one.task.kind.purpose == purpose
                and not one.reply.error
                and (score := one.score) is not None
            ]
            judged.sort(key=lambda pair: (pair[0], not pair[1].marks.shown, *_order(pair[1])))
            worst = [pair for pair in judged if pair[0] < 1.0][:EACH]
            taken = {one.task.id for _, one in worst}
            rest = [pair for pair in judged if pair[1].task.id not in taken and pair[0] > 0.0]
            best = sorted(rest, key=lambda pair: (-pair[0], *_order(pair[1])))
            yield from (_example(target, one, score, best=False) for score, one in worst)
            yield from (_example(target, one, score, best=True) for score, one in best[:EACH])


def _order(one: Answer) -> tuple[int, str]:
    return -min(len(one.task.truth), _LONG), one.task.id


def _example(target: str, one: Answer, score: float, *, best: bool) -> Example:
    task = one.task
    lines = task.prefix.split("\n")
    above = "\n".join(lines[-1 - _ABOVE : -1])
    # The line that the hole is in is shown whole on both sides, so that they line up.
    start = "" if task.question else lines[-1]
    return Example(
        target=target,
        task=task.id,
        kind=task.kind.value,
        language=task.language,
        path=task.path,
        score=score,
        best=best,
        before=cut(task.question or above),
        truth=cut(start + task.truth.rstrip("\n")),
        text=cut(start + one.reply.text.rstrip("\n")),
        note=one.marks.note or ("" if one.marks.shown else one.reply.why or "nothing was shown"),
    )


def cut(text: str) -> str:
    """At most so many lines and characters; what is left out is said."""
    lines = text.split("\n")
    kept = "\n".join(lines[:LINES])[:CHARACTERS]
    if kept == text:
        return text
    return f"{kept}\n[{len(text) - len(kept):,} characters more]"
