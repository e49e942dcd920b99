"""Does a grammar tell better than the indentation where a block ends, and what does it cost?

Run: ``.venv/bin/python bench/syntax.py`` for the standard library, and with
``--folder LANGUAGE=FOLDER`` (javascript, typescript, go, rust, java, c, ...) for other sources.
Needs the extra ``syntax``. Prints its figures; asserts nothing.

A hole is made behind each of some lines that open a block, at the end of a document. The model
does not stop: it goes on with the file's own next 60 lines, and the whole filter reads them, in
chunks of 12 characters. Exactly right is a cut at the line on which the block truly ends, see
``syntax_holes.py``. Where a statement goes on in further clauses (``else``, ``.then``), the end
of any of them counts as right for everybody. Case labels are counted apart; behind the last one
the switch's closing line may follow, which the document lacks. The columns:

- indentation: the filter as it is without grammars.
- grammar: with the document's language.
- better, worse: holes that only the second or only the first cuts rightly; differ: all others
  that they cut differently.
- the time of this thread that one suggestion costs, without and with.
"""

from __future__ import annotations

import argparse
import ast
import random
import sysconfig
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot_prompts.postprocess import Filter, FilterSpec
from polypilot_prompts.syntax import unfinished
from polypilot_prompts.syntax_grammars import installed, parser_for
from syntax_holes import Hole, holes_of, is_right, sources

if TYPE_CHECKING:
    from collections.abc import Callable

OVERLONG = 60
PREFIX = 4000
CHUNK = 12
PER_FILE = 6
COLUMNS = ("indentation", "grammar", "better", "worse", "differ")


@dataclass
class Tally:
    """What came of some holes."""

    count: Counter[str] = field(default_factory=Counter[str])
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    holes: int = 0


def judge(lines: list[str], hole: Hole, language: str, tally: Tally) -> None:
    """Filter the answer with and without the grammar and note which cuts are right."""
    prefix = "\n".join(lines[: hole.line])[-PREFIX:]
    answer = "\n" + "\n".join(lines[hole.line : hole.line + OVERLONG]) + "\n"
    texts: list[str] = []
    for name, known in (("indentation", ""), ("grammar", language)):
        start = time.thread_time()
        texts.append(filtered(answer, FilterSpec(prefix, language=known)))
        tally.seconds.setdefault(name, []).append(time.thread_time() - start)
    if hole.case:  # the document lacks the switch's closing line
        hole.ends |= {end + 1 for end in hole.ends if lines[end].lstrip()[:1] in {")", "]", "}"}}
    indented, known = (is_right(text, lines, hole) for text in texts)
    tally.holes += 1
    tally.count["indentation"] += indented
    tally.count["grammar"] += known
    tally.count["better"] += known > indented
    tally.count["worse"] += known < indented
    tally.count["differ"] += known == indented and texts[0] != texts[1]


def filtered(answer: str, spec: FilterSpec) -> str:
    """What the filter shows of a stream."""
    machine = Filter(spec)
    for at in range(0, len(answer), CHUNK):
        if machine.feed(answer[at : at + CHUNK]):
            break
    return machine.finish().text


def measure(language: str, folder: Path, wanted: int) -> None:
    blocks, cases = Tally(), Tally()
    shuffled = random.Random(5)
    for text in sources(folder, language):
        holes = holes_of(text, language)
        for hole in shuffled.sample(holes, min(PER_FILE, len(holes))):
            judge(text.split("\n"), hole, language, cases if hole.case else blocks)
        if blocks.holes >= wanted:
            break
    for name, tally in (("blocks", blocks), ("case labels", cases)):
        if not tally.holes:
            continue
        print(f"{language:11} {name:11} {tally.holes:6}", end="")
        for key in COLUMNS:
            print(f" {100 * tally.count[key] / tally.holes:9.2f} %", end="")
        print("".join(f"   {spread(seconds)}" for seconds in tally.seconds.values()))


def spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    middle, high = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    return f"{middle * 1e3:.2f} / {high * 1e3:.2f} ms"


def timed(run: Callable[[], object], times: int = 300) -> str:
    taken: list[float] = []
    for _ in range(times):
        start = time.thread_time()
        run()
        taken.append(time.thread_time() - start)
    return spread(taken)


def cost() -> None:
    """One call on 4 kB of Python before the cursor and 2 kB behind; and on hostile text."""
    text = Path(ast.__file__).read_text("utf-8")
    middle = text.index("\n    def ", len(text) // 2)
    prefix, answer = text[: middle + 1] + "    def f(self):", text[middle : middle + 2000]
    unlike = {
        "nested brackets": "(" * 4000,
        "braces": "{\n" * 2000,
        "quotes": "'\"`" * 1333,
        "deeper and deeper": "".join(f"{' ' * n}if x:\n" for n in range(85)),
        "noise": "".join(random.Random(1).choices("(){}[]'\"`:;=<>/*\\ \nabc1", k=4000)),
    }
    print("\none call, this thread's time (p50 / p95), 4 kB before the cursor and 2 kB behind")
    print(f"  unfinished           {timed(lambda: unfinished('python', prefix, answer))}")
    baseline = timed(lambda: ast.parse("x = [1, 2]\n" * 360))
    print(f"  baseline: ast.parse of 4 kB of assignments {baseline}")
    for name, noise in unlike.items():
        for language in installed():
            shown = timed(lambda n=noise, i=language: unfinished(i, n + "\nx {", n), times=5)
            print(f"  {name:20} {language:16} {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", action="append", default=[], metavar="LANGUAGE=FOLDER")
    parser.add_argument("--holes", type=int, default=1500)
    options = parser.parse_args()
    print("installed:", ", ".join(installed()) or "nothing")
    print(f"{'':11} {'':11} {'holes':>6}", end="")
    for title in COLUMNS:
        print(f" {title:>11}", end="")
    print("   p50 / p95, without and with")
    folders = [f"python={sysconfig.get_path('stdlib')}", *options.folder]
    for language, _, folder in (each.partition("=") for each in folders):
        if parser_for(language) is None:
            print(f"{language:11} no grammar")
        else:
            measure(language, Path(folder), options.holes)
    cost()


if __name__ == "__main__":
    main()
