"""The two streams of a terminal program: what was asked for on stdout, all else on stderr.

Text from outside is printed as plain ``Text`` (never as rich markup) and cleaned first.
Colours are rich's own choice: none where NO_COLOR is set or the stream is not a terminal.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from polypilot.terminal.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.style import Style


def _stream_console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        # A terminal that can't show a character gets a question mark, not a traceback.
        stream.reconfigure(errors="replace")
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


@dataclass(frozen=True)
class Output:
    """Where a command writes. With ``json_mode`` every line on both streams is a JSON object."""

    json_mode: bool = False
    out: Console = field(default_factory=lambda: _stream_console(stderr=False))
    err: Console = field(default_factory=lambda: _stream_console(stderr=True))

    @property
    def interactive(self) -> bool:
        """Whether a person watches stdout."""
        return self.out.is_terminal and not self.json_mode

    def print(self, text: str = "", style: str | Style = "") -> None:
        """One line of plain text on stdout."""
        self.out.print(Text(clean(text), style=style), soft_wrap=True)

    def json(self, value: object) -> None:
        """One line of JSON on stdout, ASCII only, so that no terminal can be led astray."""
        self.out.file.write(json.dumps(value) + "\n")
        self.out.file.flush()

    def note(self, text: str, *, kind: str = "notice") -> None:
        """Something the user should know, on stderr."""
        if self.json_mode:
            self._json_error_line({"type": kind, "message": text})
        else:
            self.err.print(Text(clean(text), style="yellow"), soft_wrap=True)

    def failure(self, code: str, message: str, cure: str = "") -> None:
        """An error and its cure, on stderr."""
        if self.json_mode:
            self._json_error_line(error_fields(code, message, cure))
            return
        line = Text.assemble(("error: ", "bold red"), clean(message))
        self.err.print(line, soft_wrap=True)
        if cure:
            self.err.print(Text.assemble(("  try: ", "bold"), clean(cure)), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
        """Aligned columns on stdout: folded to a terminal's width, to a pipe one line a row."""
        cells = [[_cell(cell) for cell in row] for row in rows]
        if not self.out.is_terminal:
            lines = [list(columns), *([cell.plain for cell in row] for row in cells)]
            widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
            for line in lines:
                padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
                self.print("  ".join(padded).rstrip())
            return
        grid = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
        for column in columns:
            grid.add_column(column, overflow="fold")
        for row in cells:
            grid.add_row(*row)
        self.out.print(grid)

    def _json_error_line(self, value: Mapping[str, object]) -> None:
        self.err.file.write(json.dumps(value) + "\n")
        self.err.file.flush()


def error_fields(code: str, message: str, cure: str = "") -> dict[str, str]:
    """An error as it stands in JSON output, on either stream."""
    fields = {"type": "error", "code": code, "message": message}
    return {**fields, "cure": cure} if cure else fields


def _cell(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(clean(cell))
