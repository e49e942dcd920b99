"""Held-out text for ``quality.py``: lines, rests of lines and blocks cut out of real files.

Holes come in regions, a few close together, since reading a prompt is what takes a small
machine its time and neighbours share most of theirs. They are not independent for it: the
intervals of the report resample regions, not holes.
"""

from __future__ import annotations

import random
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polypilot.compare.cutting_lines import (
    LONGEST,
    SHORTEST,
    body_end,
    code_lines,
    cut_column,
)
from polypilot_prompts.context import CursorContext, indentation_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal["line", "rest", "block"]
"""A whole line at its indentation; the rest of one after some of its words; a body of 2 to 8
lines below the line that opens it."""

STDLIB = (
    "tomllib/_parser.py", "tomllib/_re.py", "asyncio/taskgroups.py", "asyncio/timeouts.py",
    "asyncio/runners.py", "asyncio/mixins.py", "importlib/resources/simple.py",
    "importlib/resources/_adapters.py", "importlib/resources/readers.py", "re/_casefix.py",
    "re/_parser.py", "re/_compiler.py", "wsgiref/types.py", "zoneinfo/_common.py",
    "zoneinfo/_tzpath.py",
)  # fmt: skip
"""Modules that are new, or were rewritten as packages, in Python 3.9 to 3.11. Models have read
them nonetheless."""

PROJECT = ("prompts/polypilot_prompts", "providers/polypilot_providers", "lsp_server/polypilot")
"""This project's own source: younger than the models."""

SPAN = 22
"""Lines of a region that has holes."""
_HEAD = 25
"""Lines that stand above a file's first region: an empty prompt tells nothing."""
_SIBLINGS = 8
_LANGUAGES = {
    ".py": "python", ".js": "javascript", ".ts": "typescript", ".lua": "lua", ".c": "c",
    ".go": "go", ".rs": "rust", ".java": "java", ".rb": "ruby", ".sh": "shellscript",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A file, and the others that an editor would have open beside it."""

    group: str
    """``project``, ``stdlib`` or ``files``."""
    path: str
    text: str
    siblings: tuple[tuple[str, str], ...]
    """Path and text."""
    root: Path = field(default=Path(), compare=False)
    """The folder that ``path`` is below."""

    @property
    def language(self) -> str:
        """As editors call it."""
        return _LANGUAGES.get(Path(self.path).suffix, "plaintext")


@dataclass(frozen=True)
class Hole:
    """A cursor, and what stood behind it."""

    source: Source
    region: int
    kind: Kind
    line: int
    column: int
    prefix: str
    suffix: str
    truth: str

    def context(self) -> CursorContext:
        """As the engine gives it to the prompts."""
        spaces, size = indentation_of(self.prefix[-8000:] + self.suffix[:2000])
        return CursorContext(
            prefix=self.prefix[-30_000:],
            suffix=self.suffix[:8000],
            path=self.source.path,
            language=self.source.language,
            line=self.line,
            column=self.column,
            tab_size=size,
            insert_spaces=spaces,
        )


def sources(root: Path, patterns: Sequence[str]) -> list[Source]:
    """The files to cut holes into: those of ``patterns``, else the project's and the library's."""
    if patterns:
        names = sorted({path for each in patterns for path in Path.cwd().glob(each)})
        return _group("files", Path.cwd(), names)
    found: list[Path] = []
    for folder in PROJECT:
        found += sorted((root / folder).rglob("*.py"))
    library = Path(sysconfig.get_path("stdlib"))
    modules = [library / name for name in STDLIB if (library / name).exists()]
    return [*_group("project", root, found), *_group("stdlib", library, modules)]


def _group(group: str, root: Path, paths: Sequence[Path]) -> list[Source]:
    texts: dict[Path, str] = {}

    def read(path: Path) -> str:
        if path not in texts:
            texts[path] = path.read_text("utf-8", "replace").replace("\r\n", "\n")
        return texts[path]

    def name(path: Path) -> str:
        return path.relative_to(root).as_posix()

    made: list[Source] = []
    for path in paths:
        beside = [each for each in sorted(path.parent.glob(f"*{path.suffix}")) if each != path]
        random.Random(name(path)).shuffle(beside)
        chosen = sorted(beside[:_SIBLINGS])
        siblings = tuple((name(each), read(each)) for each in chosen)
        made.append(Source(group, name(path), read(path), siblings, root))
    return made


def holes(
    found: Sequence[Source], *, seed: int, regions: int, lines: int, blocks: int
) -> list[Hole]:
    """A seeded sample: ``regions`` spread evenly over the groups, each with so many holes."""
    dice = random.Random(seed)
    groups = sorted({source.group for source in found})
    made: list[Hole] = []
    number = 0
    for at, group in enumerate(groups):
        wanted = regions // len(groups) + (at < regions % len(groups))
        places = _places([source for source in found if source.group == group])
        dice.shuffle(places)
        taken = 0
        for source, start in places:
            if taken == wanted:
                break
            got = _region(source, start, number, dice=dice, lines=lines, blocks=blocks)
            if len(got) >= lines:
                made += got
                number += 1
                taken += 1
    return made


def _places(found: Iterable[Source]) -> list[tuple[Source, int]]:
    """Where regions may begin; none overlaps another."""
    return [
        (source, start)
        for source in found
        for start in range(_HEAD, source.text.count("\n") - SPAN, SPAN * 2)
    ]


def _region(
    source: Source, start: int, number: int, *, dice: random.Random, lines: int, blocks: int
) -> list[Hole]:
    text = source.text.split("\n")
    code = code_lines(source.text, source.language)
    span = [at for at in range(start, start + SPAN) if at in code]
    fit = [at for at in span if SHORTEST <= len(text[at].strip()) <= LONGEST]
    picked = sorted(dice.sample(fit, min(lines, len(fit))))
    # Bodies are rarer than lines: they may begin a little further down.
    near = range(start, min(start + 2 * SPAN, len(text)))
    bodies = [(at, end) for at in near if at in code and (end := body_end(text, at, code))]
    chosen = dice.sample(bodies, min(blocks, len(bodies)))
    made = [
        _line(source, number, text, at, whole=n % 2 == 0, dice=dice) for n, at in enumerate(picked)
    ]
    made += [_block(source, number, text, at, end) for at, end in chosen]
    return sorted(made, key=lambda hole: (hole.line, hole.column))


def _line(
    source: Source, region: int, text: list[str], at: int, *, whole: bool, dice: random.Random
) -> Hole:
    cut, first = cut_column(text[at].rstrip(), whole=whole, dice=dice)
    return _hole(source, region, "line" if first else "rest", text, at=(at, cut), end=at)


def _block(source: Source, region: int, text: list[str], at: int, end: int) -> Hole:
    indented = len(text[at]) - len(text[at].lstrip())
    return _hole(source, region, "block", text, at=(at, indented), end=end)


def _hole(
    source: Source, region: int, kind: Kind, text: list[str], *, at: tuple[int, int], end: int
) -> Hole:
    line, column = at
    before = "\n".join([*text[:line], text[line][:column]])
    held = [text[line][column:], *text[line + 1 : end + 1]] if end > line else [text[line][column:]]
    after = "\n".join(["", *text[end + 1 :]])
    return Hole(source, region, kind, line, column, before, after, "\n".join(held).rstrip())
