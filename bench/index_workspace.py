"""The big workspace of `index.py`: files of several languages with words that recur as in life."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VOCABULARY = 30_000
_PER_FOLDER = 40
_SYLLABLES = [
    a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "en", "ar", "is")
]
_LAYOUTS = {
    ".py": ("def {name}(self, {a}, {b}):", "    {a} = {b}.{c}({d})  # {e} {f}", "    return {a}"),
    ".ts": (
        "export function {name}({a}: {B}, {b}: {C}) {{",
        "  const {a} = {b}.{c}({d}); // {e} {f}",
        "}}",
    ),
    ".go": ("func {name}({a} {B}) error {{", "\t{a} := {b}.{c}({d}) // {e} {f}", "}}"),
    ".java": (
        "  public {B} {name}({C} {a}) {{",
        "    {B} {a} = {b}.{c}({d}); // {e} {f}",
        "  }}",
    ),
    ".c": ("int {name}(struct {b} *{a}) {{", "\t{a}->{b} = {c}({d}); /* {e} {f} */", "}}"),
    ".md": ("## {e} {f} {name}", "{a} {b} {c} {d} {e} {f}.", ""),
}


@dataclass(frozen=True)
class Made:
    """The workspace and the words in it."""

    root: Path
    words: list[str]
    names: list[str]
    size: int


def make(root: Path, count: int) -> Made:
    rng = random.Random(7)
    words = list(
        dict.fromkeys(
            "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(_VOCABULARY)
        )
    )
    weights = list(itertools.accumulate(1 / (place + 20) for place in range(len(words))))
    names: list[str] = []
    size = 0
    suffixes = list(_LAYOUTS)
    for number in range(count):
        above = number // _PER_FOLDER
        folder = root / f"{words[above % 23]}" / f"{words[above % 397]}_{above // 397}"
        if number % _PER_FOLDER == 0:
            folder.mkdir(parents=True, exist_ok=True)
        suffix = suffixes[number % len(suffixes)]
        text = source(rng, words, weights, suffix, names)
        size += len(text)
        (folder / f"{words[number % len(words)]}_{number % 97}{suffix}").write_text(text)
    return Made(root, words, names, size)


def source(
    rng: random.Random,
    words: Sequence[str],
    weights: Sequence[float],
    suffix: str,
    names: list[str],
) -> str:
    head, line, tail = _LAYOUTS[suffix]
    lines: list[str] = []
    for _ in range(rng.randint(3, 9)):
        drawn = rng.choices(words, cum_weights=weights, k=8)
        name = f"{drawn[6]}_{drawn[7]}" if suffix in {".py", ".c"} else drawn[6] + drawn[7].title()
        names.append(name)
        for pattern in [head] + [line] * rng.randint(4, 12) + [tail, ""]:
            a, b, c, d, e, f = rng.choices(words, cum_weights=weights, k=6)
            lines.append(
                pattern.format(
                    name=name,
                    a=a,
                    b=b,
                    c=f"{c}_{d}",
                    d=d,
                    e=e,
                    f=f,
                    B=b.title(),
                    C=c.title() + d.title(),
                )
            )
    return "\n".join(lines) + "\n"
