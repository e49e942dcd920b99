"""``symbols``: where something is defined."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, ClassVar

from polypilot.chat.tools.arguments import Argument, ToolError, Values, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.hits import Find, Lines, Shown
from polypilot.chat.tools.output import Room, counted, lines_of, listed, short
from polypilot.chat.tools.paths import Below, below
from polypilot.chat.tools.reading import admitted, place_of
from polypilot.chat.tools.searching import Scan
from polypilot.chat.values import Location, ToolKind, ToolResult
from polypilot.workspace.gate_outgoing import assemble
from polypilot.workspace.index.definitions import definitions
from polypilot.workspace.index.values import SearchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.chat.values import ToolContext
    from polypilot.workspace.index.values import Symbol

_SYMBOLS = 50


class Symbols(ReadingTool):
    """Finds definitions."""

    name = "symbols"
    description = (
        "With path: the definitions (functions, classes, headings, ...) in a file, with their "
        "lines. With name: where in the workspace something of that name is defined."
    )
    kind: ToolKind = "search"
    arguments: ClassVar = (
        Argument("path", "string", "File whose definitions are wanted."),
        Argument("name", "string", "Name of what is defined; in place of path.", longest=200),
    )

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        place = place_of(self.ground.gate, arguments) if text_of(arguments, "path") else ()
        return super().describe(arguments)[0], place

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        path, name = text_of(arguments, "path"), text_of(arguments, "name", "?")
        return f"List the definitions in {path}" if path else f"Find the definition of {name}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        path, name = text_of(values, "path").strip(), text_of(values, "name").strip()
        if bool(path) == bool(name):
            raise ToolError("give either path or name")
        if path:
            return await self._in_file(below(self.ground.gate.roots, context.root, path))
        top = below(self.ground.gate.roots, context.root, "")
        return await self._named(name, await self._known(name, top), top, context)

    async def _known(self, name: str, top: Below) -> Sequence[Symbol]:
        index = self.ground.index
        try:
            return await index.symbols(name, root=top.root.path, limit=_SYMBOLS) if index else ()
        except SearchError:
            return ()

    async def _in_file(self, place: Below) -> ToolResult:
        file = await admitted(self.ground.gate, place)
        lines = lines_of(file.text.text)
        found = definitions(lines, _suffix(place.path))
        names = [
            f"{each.line + 1}-{each.end}\t{short(lines[each.line].rstrip())}" for each in found
        ]
        text, taken = listed(names, Room(self.ground.max_tokens))
        notes = "" if found else "No definitions were found.\n"
        if taken < len(names):
            notes = f"… {counted(len(names) - taken, 'more definition')}, see read_file or grep\n"
        pieces = (
            file.text.slice(0, 0),
            self.ground.gate.outgoing(file.uri, text, "tool"),
            self.says(notes),
        )
        return ToolResult(assemble(pieces), locations=(Location(place.path),))

    async def _named(
        self, name: str, found: Sequence[Symbol], top: Below, context: ToolContext
    ) -> ToolResult:
        hits = Shown(self.ground, 0)
        by_file: dict[str, list[int]] = {}
        for symbol in found:
            by_file.setdefault(symbol.path, []).append(symbol.line)
        for path, numbers in by_file.items():
            place = below(self.ground.gate.roots, context.root, path)
            await hits.add(place, lambda _lines, numbers=numbers: numbers)
        notes = ""
        if not hits.hits:  # not known, or not yet: look for the word where it is defined
            word = Lines(re.escape(name), case_sensitive=True)
            scan = Scan(self.ground, word, find=lambda path: _defining(name, path))
            notes = await scan.run(top, hits, context)
        return hits.result(self.says, notes, "ask with grep")


def _defining(name: str, path: str) -> Find:
    suffix = _suffix(path)

    def find(lines: Sequence[str]) -> list[int]:
        return [each.line + 1 for each in definitions(lines, suffix) if each.name == name]

    return find


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1]  # noqa: PTH122 - strings
