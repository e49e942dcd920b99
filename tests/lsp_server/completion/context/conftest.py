"""A workspace on disk, an editor's documents, the gate, and what collects context from them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from disk_support import BOUND, Tap

from polypilot.completion.context import KINDS, ContextSources, Kind, Piece
from polypilot.completion.values import SNAPSHOT_AFTER, SNAPSHOT_BEFORE, Ask
from polypilot.workspace.documents import Change, DocumentStore, Position
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots, uri_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection
    from pathlib import Path


class Privacy:
    """The settings that the gate obeys."""

    exclude: tuple[str, ...] = ()
    use_gitignore = True
    redact_secrets = True


class Room:
    """One editor at one workspace."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "work"
        self.root.mkdir()
        self.tap = Tap()
        self.now = 0.0
        self.roots = Roots([str(self.root)])
        self.documents = DocumentStore("utf-16")
        self.gate = Gate(
            self.roots, Privacy(), self.documents, disk=self.tap, clock=lambda: self.now
        )
        self.on = True
        self.sources = self.collector()

    def collector(self) -> ContextSources:
        """Another one at the same documents."""
        return ContextSources(
            self.documents,
            self.gate,
            clock=lambda: self.now,
            disk=self.tap,
            enabled=lambda: self.on,
        )

    def uri(self, name: str) -> str:
        return uri_of(str(self.root / name))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def open(self, name: str, text: str, language: str = "python", *, disk: bool = True) -> str:
        """What an editor does: the file is there, is opened, and has the focus."""
        if disk:
            self.write(name, text)
        uri = self.uri(name)
        self.documents.open(uri, language, 1, text)
        self.sources.visited(uri)
        return uri

    def exclude(self, *patterns: str) -> None:
        """New settings."""
        privacy = Privacy()
        privacy.exclude = patterns
        self.gate.update(privacy)

    def close(self, uri: str) -> None:
        self.sources.closed(uri)
        self.documents.close(uri)

    def type(self, uri: str, line: int, text: str, *, until: int | None = None) -> None:
        """Puts ``text`` at the beginning of a line, or in the place of lines."""
        document = self.documents.get(uri)
        assert document is not None
        end = Position(line if until is None else until, 0)
        assert self.documents.change(
            uri, document.version + 1, [Change(text, Position(line, 0), end)]
        )
        self.sources.edited(uri, line)

    def ask(self, uri: str, line: int | None = None, character: int = 0) -> Ask:
        """At a line's beginning, or at the document's end."""
        document = self.documents.get(uri)
        assert document is not None
        position = Position(document.line_count if line is None else line, character)
        snapshot = self.documents.snapshot(uri, position, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)
        assert snapshot is not None
        return Ask(snapshot, position)

    async def gather(
        self,
        uri: str,
        line: int | None = None,
        character: int = 0,
        *,
        kinds: Collection[Kind] = KINDS,
        within: float = BOUND,
    ) -> tuple[Piece, ...]:
        """As a request does: in a task of its own, with time for slow machines."""
        ask = self.ask(uri, line, character)
        gathering = self.sources.gather(ask, within, kinds=kinds)
        async with asyncio.timeout(2 * BOUND):
            return await asyncio.ensure_future(gathering)

    async def until(
        self, uri: str, path: str, *, kinds: Collection[Kind] = KINDS
    ) -> tuple[Piece, ...]:
        """Asks until a piece of ``path`` has arrived."""
        async with asyncio.timeout(BOUND):
            while True:
                found = await self.gather(uri, kinds=kinds)
                if any(piece.path == path for piece in found):
                    return found
                await asyncio.sleep(0)


@pytest.fixture
def furnished(tmp_path: Path) -> Room:
    """Made outside of the event loop, which must not wait for a disk."""
    made = Room(tmp_path.resolve())
    made.gate.warm()
    return made


@pytest.fixture
async def room(furnished: Room) -> AsyncGenerator[Room]:
    """Its disk is healed at the end, so that no thread outlives the test by much."""
    yield furnished
    furnished.tap.heal()
    await furnished.sources.aclose()
