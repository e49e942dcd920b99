"""Other files for ``quality.py``: the siblings of a hole's file, as if they were open documents.

Pieces are ranked as the product ranks them, hole by hole down a region, so that what was chosen
for a line stays for the next as it does in the product.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.completion.imports import candidates, imports_of
from polypilot.completion.outline import outline
from polypilot_prompts.budget import BYTES_PER_TOKEN, cut_suffix
from polypilot_prompts.context import Snippet
from polypilot_prompts.similar import Corpus, Spot, choose, neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quality_holes import Hole, Source


def similar(held: Sequence[Hole]) -> dict[Hole, list[Snippet]]:
    """The windows of siblings that resemble the text before each hole, best first."""
    corpora: dict[Source, Corpus] = {}
    before: dict[int, tuple[Spot, ...]] = {}
    found: dict[Hole, list[Snippet]] = {}
    for hole in held:
        corpus = corpora.get(hole.source)
        if corpus is None:
            corpus = corpora[hole.source] = Corpus()
            for path, text in hole.source.siblings:
                corpus.put(path, path, text)
        ranked = corpus.rank(neighbourhood(hole.prefix))
        windows = choose(ranked, before.get(hole.region, ()))
        before[hole.region] = tuple(window.spot for window in windows)
        found[hole] = [Snippet(window.path, window.text) for window in windows]
    return found


def imported(held: Sequence[Hole]) -> dict[Hole, list[Snippet]]:
    """The definitions behind the imports of each hole's file, those used last first."""
    outlines: dict[tuple[str, tuple[str, ...]], str] = {}
    below: dict[Path, list[str]] = {}

    def outlined(path: str, names: tuple[str, ...], hole: Hole) -> str:
        key = (path, names)
        if key not in outlines:
            text = Path(path).read_text("utf-8", "replace")
            outlines[key] = outline(text, hole.source.language, names)
        return outlines[key]

    found: dict[Hole, list[Snippet]] = {}
    for hole in held:
        root = hole.source.root
        if root not in below:
            below[root] = sorted(each.name for each in root.iterdir() if each.is_dir())
        pieces: list[tuple[int, Snippet]] = []
        here = (root / hole.source.path).as_posix()
        for wanted in imports_of(hole.source.text, hole.source.language):
            places = candidates(wanted, hole.source.language, here, root.as_posix(), below[root])
            path = next((each for each in places if each != here and Path(each).is_file()), None)
            used = [(_last_use(hole.prefix, name), name) for name in wanted.names]
            names = tuple(name for at, name in sorted(used, reverse=True) if at >= 0)
            if path is None or not names:
                continue
            if text := outlined(path, names, hole):
                name = Path(path).relative_to(root).as_posix()
                pieces.append((max(used)[0], Snippet(name, text)))
        found[hole] = [piece for _, piece in sorted(pieces, key=lambda each: -each[0])]
    return found


def _last_use(prefix: str, name: str) -> int:
    """Where a name stands last before the cursor; -1 where it stands only in its import."""
    places = [match.start() for match in re.finditer(rf"\b{re.escape(name)}\b", prefix)]
    return places[-1] if len(places) > 1 else -1


def both(held: Sequence[Hole]) -> dict[Hole, list[Snippet]]:
    """Definitions behind imports first: they are short."""
    one, other = imported(held), similar(held)
    return {hole: [*one[hole], *other[hole]] for hole in held}


GATHERERS: Mapping[str, Callable[[Sequence[Hole]], dict[Hole, list[Snippet]]]] = {
    "similar": similar,
    "imports": imported,
    "both": both,
}
"""The sources of context by name: pieces for each hole, best first."""


def fitting(pieces: Sequence[Snippet], room: int) -> tuple[Snippet, ...]:
    """The pieces that fit in so many tokens, the last one cut.

    A window is longer than what a small budget leaves for other files.
    """
    taken: list[Snippet] = []
    for piece in pieces:
        room -= len(piece.path) // BYTES_PER_TOKEN + 8
        text = cut_suffix(piece.text, room) if room > 0 else ""
        if not text.strip():
            break
        taken.append(Snippet(piece.path, text))
        room -= len(text) // BYTES_PER_TOKEN
    return tuple(taken)
