"""What a proposed edit is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot.chat import events
from polypilot.errors import UserError

if TYPE_CHECKING:
    from polypilot.workspace.documents import Position

State = Literal["open", "applied", "rejected"]


class EditError(UserError):
    """An edit can't be proposed or made. Its codes: ``edit_refused`` (never for this file),
    ``edit_unmatched`` (the text it is about is not there), ``unknown_edit``."""  # noqa: D205, D209 - one thought

    code = "edit_refused"


@dataclass(frozen=True, slots=True)
class Hunk:
    """A part of an edit that can be accepted by itself."""

    id: int
    """Its place in the edit, from 0."""
    first_line: int
    """Of ``old``, from 1; without old lines, of the one that the new ones come before."""
    old: tuple[str, ...]
    new: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Up to three lines around it, which do not change."""
    after: tuple[str, ...] = ()
    new_line: int = 1
    """Where the new lines are when all hunks are applied."""

    @property
    def header(self) -> str:
        """As a unified diff has it."""
        around = len(self.before) + len(self.after)
        old, new = around + len(self.old), around + len(self.new)
        first = self.first_line - len(self.before)
        first_new = self.new_line - len(self.before)
        return f"@@ -{first if old else 0},{old} +{first_new if new else 0},{new} @@"

    @property
    def diff(self) -> str:
        """Its lines, each with its sign and a break."""
        lines = [f" {line}" for line in self.before]
        lines += [f"-{line}" for line in self.old]
        lines += [f"+{line}" for line in self.new]
        lines += [f" {line}" for line in self.after]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A range of a document, in the store's encoding, and what takes its place."""

    start: Position
    end: Position
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a face has to do to a document, as one step for undo."""

    uri: str
    edits: tuple[TextEdit, ...]
    """In order, none touching another; all positions are of the text before."""
    creates: bool = False
    """The file has to be made first."""
    version: int | None = None
    """Of the open document that the positions belong to."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was proposed and can't be."""

    path: str
    """As the model wrote it, printable."""
    reason: str

    def event(self) -> events.Proposal:
        """For the stream."""
        return events.Proposal("", self.path, "", refused=self.reason)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit of one file that waits for the user."""

    id: str
    session_id: str
    uri: str
    path: str
    """Absolute; of a document without a file, its URI."""
    old_hash: str
    """Of the text that it was made for."""
    hunks: tuple[Hunk, ...]
    diff: str
    """Unified."""
    new_text: str
    old_text: str | None
    """None: there is no such file yet."""
    state: State = "open"
    applied: frozenset[int] = frozenset()
    """The hunks that the user has accepted and a face has applied."""

    @property
    def creates(self) -> bool:
        """Whether it makes a file."""
        return self.old_text is None

    def event(self) -> events.Proposal:
        """For the stream."""
        return events.Proposal(self.id, self.path, self.diff)
