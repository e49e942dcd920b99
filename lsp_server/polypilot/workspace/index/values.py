"""What the index of a workspace answers with. Values only; no database is known here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from polypilot.errors import UserError

KINDS = (
    "class", "function", "method", "interface", "type", "enum", "struct", "trait", "module",
    "constant", "variable", "macro", "table", "heading",
)  # fmt: skip
"""What a `Symbol` may be."""


class SearchError(UserError):
    """The workspace can't be searched.

    Codes: ``unknown_root`` (no such folder is open), ``index_failed`` (the index can't be made
    or read), ``index_full`` (no room for it), ``no_fts`` (this Python's SQLite can't search).
    """

    code = "index_failed"


class Phase(StrEnum):
    """How far the index of one root is."""

    IDLE = "idle"
    """Nobody has searched yet, so nothing has been read."""
    WAITING = "waiting"
    """Another Polypilot builds it; what that one has done can be searched."""
    WALKING = "walking"
    """Folders are listed."""
    READING = "reading"
    """Files are read: ``done`` of ``total``."""
    READY = "ready"
    """As the disk was at the last look."""
    FAILED = "failed"
    """See ``problem``; what is there can be searched."""


@dataclass(frozen=True, slots=True)
class State:
    """The index of one root, for a progress indicator."""

    root: str
    """Path of the workspace root."""
    phase: Phase = Phase.IDLE
    done: int = 0
    """Files looked at."""
    total: int = 0
    """Files to look at; 0 while that is not known."""
    problem: str = ""
    """What went wrong and what helps, for the user; empty if nothing did."""

    @property
    def complete(self) -> bool:
        """Whether everything that may be searched can be."""
        return self.phase is Phase.READY

    @property
    def working(self) -> bool:
        """Whether it is being built or brought up to date."""
        return self.phase in {Phase.WAITING, Phase.WALKING, Phase.READING}

    @property
    def remark(self) -> str:
        """The problem, or how far the work is that somebody waits for; empty: it is done."""
        if self.problem or self.complete:
            return self.problem
        if not self.total:
            return "the workspace is still being indexed"
        return f"the workspace is still being indexed: {self.done:,} of {self.total:,} files so far"


@dataclass(frozen=True, slots=True)
class Hit:
    """A range of lines that fits. Read it through the gate: the file may have changed."""

    path: str
    """Absolute."""
    first_line: int
    """Counted from 1, as editors show it."""
    last_line: int
    """Included."""
    score: float
    """The higher, the better; comparable within one search."""

    @property
    def span(self) -> tuple[int, int]:
        """The same for `Outgoing.lines`: counted from 0, the end excluded."""
        return self.first_line - 1, self.last_line


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, the best first."""

    hits: tuple[Hit, ...] = ()
    complete: bool = True
    """Whether the whole workspace was searched: the index was finished and time sufficed."""
    problem: str = ""
    """Why it was not, for the user; empty where the time did not suffice."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition."""

    name: str
    kind: str
    """One of `KINDS`."""
    path: str
    """Absolute."""
    line: int
    """Of the name, counted from 1."""
    end_line: int
    """Last line of the definition, included."""

    @property
    def span(self) -> tuple[int, int]:
        """The same for `Outgoing.lines`: counted from 0, the end excluded."""
        return self.line - 1, self.end_line
