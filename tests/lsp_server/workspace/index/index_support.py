"""A workspace on disk with the indices of some servers in front of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.index import WorkspaceIndex
from polypilot.workspace.index.keeping import Limits
from polypilot.workspace.index.store import file_of
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.workspace.index import Found

PATIENCE = 30.0


@dataclass(frozen=True)
class Privacy:
    """The settings the gate obeys."""

    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


@dataclass
class Space:
    """A workspace, a cache folder, and the indices of the servers on it."""

    root: Path
    cache: Path
    privacy: Privacy = field(default_factory=Privacy)
    limits: Limits = field(default_factory=Limits)
    opened: list[WorkspaceIndex] = field(default_factory=list[WorkspaceIndex])

    def __post_init__(self) -> None:
        self.roots = Roots([str(self.root)])

    def write(self, name: str, text: str | bytes = "x = 1\n") -> str:
        """Writes a file below the root and returns its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def server(self, *, rescan_seconds: float = 600.0) -> WorkspaceIndex:
        """The index of one more server on the same root."""
        made = WorkspaceIndex(
            lambda: self.cache,
            lambda: self.privacy,
            lambda: self.roots,
            limits=self.limits,
            rescan_seconds=rescan_seconds,
        )
        self.opened.append(made)
        return made

    async def built(self, *, rescan_seconds: float = 600.0) -> WorkspaceIndex:
        """The same, when it is finished."""
        made = self.server(rescan_seconds=rescan_seconds)
        assert await made.ready(timeout=PATIENCE), made.state()
        return made

    def gate(self) -> Gate:
        """The gate of a server on this workspace."""
        return Gate(self.roots, self.privacy, DocumentStore("utf-32"))

    @property
    def database(self) -> Path:
        """The index on disk."""
        return file_of(self.cache, os.path.realpath(self.root))

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What is in the database."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(statement).fetchall()

    def names(self, found: Found) -> list[str]:
        """Names of the files found, below the root."""
        return [os.path.relpath(hit.path, self.root) for hit in found.hits]
