"""``search`` and ``grep``: where words or a pattern stand in the workspace.

Files are first sifted as they are, in another thread; what is shown, and whether it matches at
all, is decided by the text that the gate lets through, so that a pattern can't feel its way
along a secret that is hidden.
"""

from __future__ import annotations

import os
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from polypilot.chat.tools import walking
from polypilot.chat.tools.arguments import Argument, Values, number_of, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.hits import Lines, Shown
from polypilot.chat.tools.listing import ending, glob, matches
from polypilot.chat.tools.output import counted
from polypilot.chat.tools.paths import Below, below
from polypilot.tasks import run_blocking
from polypilot.workspace.gate_outgoing import ExcludedError
from polypilot.workspace.gate_read import read_content
from polypilot.workspace.index.values import SearchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from polypilot.chat.tools.ground import Ground
    from polypilot.chat.tools.hits import Find
    from polypilot.chat.values import ToolContext, ToolKind, ToolResult
    from polypilot.workspace.ignore_patterns import Rules
    from polypilot.workspace.index.values import Found, Hit

MAX_FILE_BYTES = 1_000_000
"""Larger files are not searched."""
_SIFT_S = 10.0
_WORDS = 12
_HITS = 30
_AROUND = 3
_MOST_AROUND = 10


class Grep(ReadingTool):
    """Finds a pattern."""

    name = "grep"
    description = (
        "Finds a regular expression (RE2 syntax, line by line) in the files of the workspace, with "
        "the user's unsaved changes. Hits have a colon behind the line number."
    )
    kind: ToolKind = "search"
    arguments: ClassVar = (
        Argument("pattern", "string", "The expression.", required=True, least=1, longest=1_000),
        Argument("path", "string", "File or folder to look in; everything if not given."),
        Argument("include", "string", "Glob of the files to look in, such as *.py.", longest=500),
        Argument("ignore_case", "boolean", "Whether capitals do not matter; false by itself."),
        Argument("around", "integer", "Lines to show around each hit; 0 by itself.", least=0),
    )

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        where = text_of(arguments, "path")
        return f"Search for {text_of(arguments, 'pattern', '?')}{f' in {where}' if where else ''}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        case_sensitive = values.get("ignore_case") is not True
        lines = Lines(text_of(values, "pattern"), case_sensitive=case_sensitive)
        include = text_of(values, "include")
        scan = Scan(self.ground, lines, glob(include) if include else None)
        top = below(self.ground.gate.roots, context.root, text_of(values, "path"))
        shown = Shown(self.ground, min(number_of(values, "around") or 0, _MOST_AROUND))
        notes = await scan.run(top, shown, context)
        return shown.result(self.says, notes, "ask with a narrower pattern, path or include")


class Scan:
    """Looks into the files below a folder, one after the other."""

    def __init__(
        self,
        ground: Ground,
        lines: Lines,
        include: Rules | None = None,
        *,
        find: Callable[[str], Find] | None = None,
    ) -> None:
        self._ground = ground
        self._lines = lines
        self._include = include
        self._find = find
        self._big = 0

    async def run(self, top: Below, shown: Shown, context: ToolContext) -> str:
        """Fills ``shown``; what there is to say besides."""
        walk = walking.Walk()
        opened = {doc.path for doc in self._ground.documents if doc.path}
        async with aclosing(walking.files(self._ground, top, walk)) as found:
            async for entries in found:
                for path in await self._sifted(top, entries, opened):
                    find = self._find(path) if self._find else self._lines.among
                    await shown.add(Below(path, top.root), find)
                    if shown.full:
                        return ""
                context.progress(
                    f"{walk.entries:,} looked at, hits in {counted(len(shown.hits), 'file')}"
                )
        notes = ending(walk, bool(shown.hits))
        if self._big:
            files = counted(self._big, "file")
            notes += f"({files} over {MAX_FILE_BYTES:,} bytes not searched)\n"
        return notes

    async def _sifted(
        self, top: Below, entries: Iterable[walking.Entry], opened: set[str]
    ) -> list[str]:
        """The files that may have hits."""
        wanted = [
            entry
            for entry in entries
            if self._include is None or matches(self._include, top, entry.path)
        ]
        small = [entry.path for entry in wanted if entry.size <= MAX_FILE_BYTES]
        self._big += len(wanted) - len(small)
        closed = [path for path in small if path not in opened]
        hits = set(await run_blocking(_sift, closed, self._lines, timeout=_SIFT_S, name="sift"))
        return [path for path in small if path in hits or path in opened]


def _sift(paths: Iterable[str], lines: Lines) -> list[str]:
    """Those in which the pattern is, as they are on disk; blocks."""
    found: list[str] = []
    for path in paths:
        try:
            real = os.path.realpath(path)
            content = read_content(real, os.lstat(real), MAX_FILE_BYTES)
        except (ExcludedError, OSError, ValueError):
            continue
        if lines.any_in(content.text):
            found.append(path)
    return found


class Search(ReadingTool):
    """Finds words."""

    name = "search"
    description = (
        "Finds the places in the workspace that have to do with some words: names, or what one "
        "would write in a comment. The best come first, each with the lines around. For an exact "
        "expression use grep."
    )
    kind: ToolKind = "search"
    arguments: ClassVar = (
        Argument("words", "string", "The words.", required=True, least=1, longest=500),
    )

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        return f"Search for {text_of(arguments, 'words', '?')}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        words = text_of(values, "words")
        shown = Shown(self.ground, _AROUND)
        top = below(self.ground.gate.roots, context.root, "")
        lines = _any_of(words)
        cure = "ask with rarer words, or use grep"
        found = await self._indexed(words, top)
        if found is None or not (found.hits or found.complete):
            notes = await Scan(self.ground, lines).run(top, shown, context)
            return shown.result(self.says, notes, cure)
        for path, hits in _by_file(found.hits).items():
            place = below(self.ground.gate.roots, context.root, path)
            await shown.add(place, _within(hits, lines))
            if shown.full:
                break
        notes = "" if shown.hits else "Nothing was found.\n"
        if not found.complete:
            why = found.problem or "the time did not suffice"
            notes += f"(not everything was searched, there may be more: {why})\n"
        return shown.result(self.says, notes, cure)

    async def _indexed(self, words: str, top: Below) -> Found | None:
        """What the index knows; None: there is none that could be asked."""
        index = self.ground.index
        try:
            return await index.search(words, root=top.root.path, limit=_HITS) if index else None
        except SearchError:
            return None


def _by_file(hits: Iterable[Hit]) -> dict[str, list[Hit]]:
    files: dict[str, list[Hit]] = {}
    for hit in hits:
        files.setdefault(hit.path, []).append(hit)
    return files


def _within(hits: Sequence[Hit], words: Lines) -> Find:
    """The lines with one of the words where the index has found some; else where that begins."""

    def find(lines: Sequence[str]) -> list[int]:
        ranges = [(hit.first_line, hit.last_line) for hit in hits]
        found = [
            number
            for number in words.among(lines)
            if any(first <= number <= last for first, last in ranges)
        ]
        return found or sorted({first for first, _last in ranges})

    return find


def _any_of(words: str) -> Lines:
    """Lines with one of the words."""
    each = dict.fromkeys(re.findall(r"\w+", words))
    chosen = sorted(each, key=len, reverse=True)[:_WORDS] or [words.strip()]
    return Lines("|".join(re.escape(word) for word in chosen), case_sensitive=False)
