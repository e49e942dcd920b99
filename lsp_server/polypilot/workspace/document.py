"""One open document: its text in lines, and what surrounds a cursor in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.workspace.documents_values import Change, Position, Snapshot, path_of
from polypilot.workspace.text_units import after_last_break, find_break, well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot.workspace.lines import Lines


class Document:
    """One open document. Read it in the event loop's thread only."""

    def __init__(
        self, uri: str, language_id: str, version: int, lines: Lines, notebook: str
    ) -> None:
        self.uri = uri
        self.language_id = language_id
        self.version = version
        self.in_sync = True
        self.notebook = notebook
        """The URI of the notebook that this is a cell of, or empty."""
        self.path = path_of(notebook or uri)
        self._lines = lines

    @property
    def line_count(self) -> int:
        """Lines; an empty document has one."""
        return self._lines.line_count

    @property
    def length(self) -> int:
        """Code points."""
        return self._lines.length

    @property
    def text(self) -> str:
        """The whole text; costs time and memory in proportion to it."""
        return well_formed(self._lines.text)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The text in pieces. Two versions share those that no edit between them touched."""
        return self._lines.blocks

    def line(self, number: int) -> str:
        """A line, counted from 0, without its break.

        Raises:
            IndexError: there is no such line.
        """
        return well_formed(self._lines.line(number))

    def offset(self, position: Position) -> int:
        """Code points before a position; one that is out of range is clamped as LSP says."""
        place, _ = self._lines.seek(position.line, position.character)
        return self._lines.offset(place)

    def position(self, offset: int) -> Position:
        """The position of an offset in code points; clamped to the document."""
        place = self._lines.place(offset)
        return Position(self._lines.line_of(place), self._lines.character(place))

    def between(self, start: Position, end: Position) -> str:
        """The text between two positions, given in any order."""
        lower, upper = sorted((self.offset(start), self.offset(end)))
        return well_formed(self._lines.after(self._lines.place(lower), upper - lower))

    def apply(self, changes: Sequence[Change], load: Callable[[str], Lines]) -> None:
        """Makes edits one after the other; ``load`` takes in a whole text."""
        for change in changes:
            if change.start is None or change.end is None:
                self._lines = load(change.text)
            else:
                start, _ = self._lines.seek(change.start.line, change.start.character)
                end, _ = self._lines.seek(change.end.line, change.end.character)
                self._lines.replace(start, end, change.text)

    def snapshot(self, position: Position, before_chars: int, after_chars: int) -> Snapshot:
        """What surrounds ``position``; see `DocumentStore.snapshot`."""
        place, column = self._lines.seek(position.line, position.character)
        prefix = well_formed(self._lines.before(place, before_chars))
        suffix = well_formed(self._lines.after(place, after_chars))
        line_end = find_break(suffix, 0)
        return Snapshot(
            uri=self.uri,
            path=self.path,
            language_id=self.language_id,
            version=self.version,
            line=self._lines.line_of(place),
            column=column,
            prefix=prefix,
            suffix=suffix,
            line_prefix=prefix[max(after_last_break(prefix, len(prefix)), 0) :],
            line_suffix=suffix if line_end == -1 else suffix[:line_end],
            total_chars=self._lines.length,
            eol=self._lines.eol(),
        )

    def surrounds(self, snapshot: Snapshot) -> bool:
        """Whether the text around the snapshot's cursor is still what it was."""
        lines = self._lines
        if snapshot.line >= lines.line_count:
            return False
        block, inside = lines.line_start(snapshot.line)
        place = lines.place(lines.offset((block, inside)) + snapshot.column)
        return (
            lines.line_of(place) == snapshot.line
            and lines.column(place) == snapshot.column
            and well_formed(lines.before(place, len(snapshot.prefix))) == snapshot.prefix
            and well_formed(lines.after(place, len(snapshot.suffix))) == snapshot.suffix
        )
