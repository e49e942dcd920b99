"""``read_file``: a file's lines, as the editor has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from polypilot.chat.tools.arguments import Argument, ToolError, Values, number_of, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.output import Room, counted, lines_of, numbered
from polypilot.chat.tools.paths import below
from polypilot.chat.values import Location, ToolResult
from polypilot.workspace.gate_outgoing import ExcludedError, assemble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.chat.tools.paths import Below
    from polypilot.chat.values import ToolContext
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.gate_outgoing import Admitted

LOOK_S = 3.0
"""Seconds that the disk has to answer."""

PATH = Argument(
    "path",
    "string",
    "Path of the file, relative to the workspace folder, or absolute below one.",
    required=True,
    least=1,
)


async def admitted(gate: Gate, place: Below) -> Admitted:
    """The file's text: the editor's, if it is open there.

    Raises:
        ToolError: it must not be read, or can't be; the message names it and says why.
    """
    await gate.look([place.uri], LOOK_S, read=True)
    try:
        return gate.read_file(place.uri, "tool")
    except ExcludedError as error:
        raise ToolError(f"{place.shown}: {error.message}", code="excluded") from None


class ReadFile(ReadingTool):
    """Shows a file, or some of its lines."""

    name = "read_file"
    description = (
        "Reads a text file of the workspace, with the user's unsaved changes. Lines are numbered "
        "from 1; the number and a tab before each line are not part of the file. Long files are "
        "cut: ask for the rest with first_line."
    )
    arguments: ClassVar = (
        PATH,
        Argument("first_line", "integer", "First line to read; 1 if not given.", least=1),
        Argument("last_line", "integer", "Last line to read; the end if not given.", least=1),
    )

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        first = number_of(arguments, "first_line")
        place = place_of(self.ground.gate, arguments, first)
        return super().describe(arguments)[0], place

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        first, last = number_of(arguments, "first_line"), number_of(arguments, "last_line")
        lines = f" (from line {first})" if first else ""
        if first and last:
            lines = f" (lines {first} to {last})"
        return f"Read {text_of(arguments, 'path', '?')}{lines}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        gate = self.ground.gate
        place = below(gate.roots, context.root, text_of(values, "path"))
        file = await admitted(gate, place)
        lines = lines_of(file.text.text)
        first = number_of(values, "first_line") or 1
        last = number_of(values, "last_line") or max(len(lines), 1)
        if first > max(len(lines), 1):
            raise ToolError(f"{place.shown} has {counted(len(lines), 'line')}")
        if last < first:
            raise ToolError(f"last_line ({last}) is before first_line ({first})")
        text, shown_to = numbered(lines, first, last, Room(self.ground.max_tokens))
        notes = "" if lines else "(the file is empty)\n"
        if shown_to < min(last, len(lines)):
            left = min(last, len(lines)) - shown_to
            more = counted(left, "more line")
            notes = f"… {more}, ask with first_line {shown_to + 1}\n"
        elif shown_to < len(lines):
            notes = f"(the file has {counted(len(lines), 'line')})\n"
        if file.text.redactions:
            notes += "(secrets in it are hidden)\n"
        # The whole has been scanned before it was cut; the empty piece carries the count.
        pieces = (file.text.slice(0, 0), gate.outgoing(file.uri, text, "tool"), self.says(notes))
        return ToolResult(assemble(pieces), locations=(Location(place.path, first),))


def place_of(
    gate: Gate, arguments: Mapping[str, object], line: int | None = None
) -> tuple[Location, ...]:
    """The place that a call is about, if it is one below a root. Never raises."""
    try:
        path = below(gate.roots, None, text_of(arguments, "path")).path
    except ToolError:
        return ()
    return (Location(path, line),)
