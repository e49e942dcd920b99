"""Which windows of other files resemble the text before the cursor.

Windows of some 60 lines are compared with the last 60 lines before the cursor in two ways:
by the share of words they have in common (Jaccard), and by BM25, which lets a rare word count
for more. The two orders are fused by reciprocal rank. Window size, number and limits follow
GitHub Copilot Chat's ``completions-core`` (similar files), k = 60 is that of Cormack, Clarke
and Buettcher's "Reciprocal Rank Fusion" (SIGIR 2009).

Nothing here depends on the order in which files were put in, or on how a process hashes
strings: the same texts give the same windows.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.context import unix
from polypilot_prompts.identifiers import complete_words, tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

WINDOW_LINES = 60
STEP_LINES = 20
"""Windows begin at lines whose number is a multiple of this."""
FILE_CHARS = 10_000
"""Characters of one file that are looked at."""
FILES = 20
TOP = 4
SHARED = 3
"""Words that a window must share with the text before the cursor."""
SLACK = 2
"""Places behind the top that a window may fall to before it loses its own."""

_TAIL_CHARS = 8_000
_K = 60
_K1, _B = 1.2, 0.75
_HOLDS = 0.9

Spot = tuple[str, int]
"""A window's file and first line."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some lines of a file."""

    name: str
    """The file's key in the corpus."""
    path: str
    first: int
    """Number of the first line, from 0."""
    text: str
    counts: Mapping[str, int]
    total: int
    """Words, each as often as it occurs."""

    @property
    def spot(self) -> Spot:
        """What it is known by when its text has changed."""
        return self.name, self.first


@dataclass(frozen=True, slots=True)
class Match:
    """A window beside the text before the cursor."""

    window: Window
    jaccard: float
    bm25: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A window and how well it fits; bigger is better."""

    window: Window
    score: float


def neighbourhood(prefix: str, lines: int = WINDOW_LINES) -> str:
    """What to compare with: the last lines before the cursor's, and that line's whole words.

    It stays the same while a word is being typed.
    """
    *before, current = unix(prefix[-_TAIL_CHARS:]).split("\n")
    return "\n".join([*before[-lines:], " ".join(complete_words(current))])


def whole_lines(text: str, limit: int = FILE_CHARS) -> str:
    """The head of ``text`` up to the last line break within ``limit``; all of it if it fits."""
    if len(text) <= limit:
        return text
    return text[: text.rfind("\n", 0, limit) + 1]


def windows_of(name: str, path: str, text: str, first: int = 0) -> list[Window]:
    """The windows of a file of which ``text`` is the part that begins at line ``first``."""
    lines = whole_lines(unix(text)).rstrip("\n").split("\n")
    starts = [0, *range(STEP_LINES - first % STEP_LINES, len(lines), STEP_LINES)]
    ends = [*starts[1:], len(lines)]
    chunks = [tokens("\n".join(lines[a:b])) for a, b in zip(starts, ends, strict=True)]
    per = WINDOW_LINES // STEP_LINES
    found: list[Window] = []
    for at in range(max(1, len(chunks) - per + 1)):
        counts: Counter[str] = Counter()
        for chunk in chunks[at : at + per]:
            counts.update(chunk)
        if not counts:
            continue
        piece = "\n".join(lines[starts[at] : ends[min(at + per, len(ends)) - 1]])
        total = counts.total()
        found.append(Window(name, path, first + starts[at], piece.strip("\n"), counts, total))
    return found


class Corpus:
    """The windows of some files, ready to be compared."""

    def __init__(self) -> None:
        self._files: dict[str, list[Window]] = {}
        self._frequency: Counter[str] = Counter()
        """In how many windows each word occurs."""
        self._windows = 0
        self._words = 0

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def put(self, name: str, path: str, text: str, first: int = 0) -> None:
        """Takes in a file, or what it is now; see `windows_of`."""
        self.drop(name)
        self._files[name] = found = windows_of(name, path, text, first)
        for window in found:
            self._frequency.update(window.counts.keys())
            self._windows += 1
            self._words += window.total

    def drop(self, name: str) -> None:
        """Forgets a file; one that is unknown is no error."""
        for window in self._files.pop(name, ()):
            self._windows -= 1
            self._words -= window.total
            for word in window.counts:
                self._frequency[word] -= 1
                if not self._frequency[word]:
                    del self._frequency[word]

    def keep(self, names: Collection[str]) -> None:
        """Forgets all other files."""
        for name in [name for name in self._files if name not in names]:
            self.drop(name)

    def rank(self, query: str) -> list[Ranked]:
        """Every window that shares some words with ``query``, best first."""
        return fused(match for some in self.matches(query) for match in some)

    def matches(self, query: str) -> Iterator[list[Match]]:
        """What `fused` needs, file by file: the caller may rest between two."""
        wanted = tokens(query).keys()
        weights = {word: self._weight(word) for word in wanted if word in self._frequency}
        average = self._words / self._windows if self._windows else 1.0
        for windows in list(self._files.values()):  # files may go while the caller rests
            matched = [_match(window, weights, len(wanted), average) for window in windows]
            yield [match for match in matched if match]

    def _weight(self, word: str) -> float:
        """How much a word tells, by how rare it is."""
        seen = self._frequency[word]
        return math.log(1 + (self._windows - seen + 0.5) / (seen + 0.5))


def _match(
    window: Window, weights: Mapping[str, float], wanted: int, average: float
) -> Match | None:
    counts = window.counts
    shared = [(weight, counts[word]) for word, weight in weights.items() if word in counts]
    if len(shared) < SHARED:
        return None
    norm = _K1 * (1 - _B + _B * window.total / average)
    # fsum: the words have another order in every process, and the sum must not differ.
    bm25 = math.fsum([weight * often / (often + norm) for weight, often in shared])
    return Match(window, len(shared) / (wanted + len(counts) - len(shared)), bm25)


def fused(matches: Iterable[Match]) -> list[Ranked]:
    """The windows in the order that both comparisons make together, best first."""
    found = list(matches)
    by_words = _places(match.jaccard for match in found)
    by_weight = _places(match.bm25 for match in found)
    ranked = [
        Ranked(match.window, 1 / (_K + by_words[match.jaccard]) + 1 / (_K + by_weight[match.bm25]))
        for match in found
    ]
    return sorted(ranked, key=_order)


def _places(values: Iterable[float]) -> dict[float, int]:
    """The place of each value, the biggest first; equal values share one."""
    places: dict[float, int] = {}
    for place, value in enumerate(sorted(values, reverse=True), 1):
        places.setdefault(value, place)
    return places


def _order(ranked: Ranked) -> tuple[float, str, str, int]:
    window = ranked.window
    return -ranked.score, window.path, window.name, window.first


def choose(ranked: Sequence[Ranked], before: Sequence[Spot] = (), limit: int = TOP) -> list[Window]:
    """The best windows, one per file, that change as little as possible from key to key.

    ``before`` is where the windows chosen last are. Such a one stays as long as it is nearly
    as good as its file's best and its file is among the best ``limit`` + `SLACK`. Those that
    stay come first, as they did before; then the others, best first.
    """
    best: dict[str, Ranked] = {}
    for each in sorted(ranked, key=_order):
        name = each.window.name
        held = each.window.spot in before
        if name not in best or (held and each.score >= _HOLDS * best[name].score):
            best[name] = each
    candidates = sorted(best.values(), key=_order)
    near = {each.window.spot: each.window for each in candidates[: limit + SLACK]}
    kept = [near[spot] for spot in before if spot in near][:limit]
    new = [each.window for each in candidates if each.window not in kept]
    return [*kept, *new[: limit - len(kept)]]
