"""Lines that were found, through the gate, as a model gets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat.tools.arguments import ToolError
from polypilot.chat.tools.output import Room, counted, lines_of, short, windows
from polypilot.chat.tools.reading import LOOK_S
from polypilot.chat.values import Location, ToolResult
from polypilot.workspace.gate_outgoing import ExcludedError, Outgoing, assemble
from polypilot.workspace.linear import Finder, PatternError

if TYPE_CHECKING:
    from polypilot.chat.tools.ground import Ground
    from polypilot.chat.tools.paths import Below

MOST_FILES = 100
"""With hits, that are shown."""
FILE_HITS = 20
"""Of one file that are shown."""
_MATCHES = 20_000
"""Of one file that are looked at."""

Find = Callable[[Sequence[str]], Sequence[int]]
"""From a file's lines to the numbers, from 1, of those that are wanted."""


class Lines:
    """Which lines of a text a pattern is found in.

    Raises:
        ToolError: the pattern can't be used.
    """

    def __init__(self, pattern: str, *, case_sensitive: bool) -> None:
        flags = "(?m)" if case_sensitive else "(?mi)"
        try:
            self._finder = Finder(f"{flags}{pattern}", utf8=True)
        except PatternError as error:
            raise ToolError(
                f"the pattern can't be used: {error} (RE2 syntax: no look-around, no "
                "back-references)"
            ) from None

    def among(self, lines: Sequence[str]) -> list[int]:
        """Their numbers, from 1."""
        data = "\n".join(lines).encode("utf-8", "replace")
        found: dict[int, None] = {}
        at, number = 0, 1
        for count, (start, _end) in enumerate(self._finder.spans(data)):
            number += data.count(b"\n", at, start)
            at = start
            found[number] = None
            if count >= _MATCHES:
                break
        return list(found)

    def any_in(self, text: str) -> bool:
        """Whether there is one."""
        data = "\n".join(lines_of(text)).encode("utf-8", "replace")
        return next(self._finder.spans(data), None) is not None


@dataclass(frozen=True, slots=True)
class Hits:
    """A file's lines that were found, ready to be shown."""

    path: str
    text: Outgoing
    first: int
    more: bool
    """Whether there was no room for all."""


class Shown:
    """Collects what is shown of files, as long as there is room."""

    def __init__(self, ground: Ground, around: int) -> None:
        self._ground = ground
        self._around = around
        self._room = Room(ground.max_tokens)
        self.hits: list[Hits] = []
        self.full = False

    async def add(self, place: Below, find: Find) -> None:
        """A file, with those of its lines that ``find`` names; nothing if it names none."""
        # In a task of its own: what the gate has read for it is forgotten with it.
        hits = await self._ground.tasks.spawn(self._hits(place, find), name="tool: read")
        if hits is not None:
            self.hits.append(hits)
            self.full = self.full or hits.more or len(self.hits) >= MOST_FILES

    async def _hits(self, place: Below, find: Find) -> Hits | None:
        gate = self._ground.gate
        await gate.look([place.uri], LOOK_S, read=True)
        try:
            file = gate.read_file(place.uri, "tool")
        except ExcludedError:
            return None
        lines = lines_of(file.text.text)
        found = [line for line in find(lines) if 1 <= line <= len(lines)]
        if not found or not self._room.takes(place.shown):
            return Hits(place.path, file.text.slice(0, 0), 1, more=True) if found else None
        text, more = self._rendered(lines, found)
        head = self._ground.gate.typed(f"{place.shown}\n", "tool")
        pieces = (head, file.text.slice(0, 0), gate.outgoing(file.uri, text, "tool"))
        return Hits(place.path, assemble(pieces), found[0], more)

    def _rendered(self, lines: Sequence[str], found: Sequence[int]) -> tuple[str, bool]:
        """The lines with their numbers, hits marked by a colon; and whether some had no room."""
        shown, marked = found[:FILE_HITS], set(found)
        made: list[str] = []
        for low, high in windows(shown, self._around, len(lines)):
            if made and self._around:
                made.append("  …\n")
            for number in range(low, high + 1):
                mark = ":" if number in marked else " "
                line = f"  {number}{mark} {short(lines[number - 1])}"
                if not self._room.takes(line):
                    return "".join([*made, "\n"]), True
                made.append(line + "\n")
        if len(found) > len(shown):
            made.append(f"  … {counted(len(found) - len(shown), 'more line')} in this file\n")
        return "".join([*made, "\n"]), False

    def result(self, says: Callable[[str], Outgoing], notes: str, cure: str) -> ToolResult:
        """All of it; ``cure`` says how to see what had no room."""
        more = f"… there is more, {cure}\n" if self.full else ""
        pieces = [hits.text for hits in self.hits if hits.text]
        pieces.append(says(f"{more}{notes}"))
        places = tuple(Location(hits.path, hits.first) for hits in self.hits)
        return ToolResult(assemble(pieces), locations=places)
