"""The definitions behind the imports of the current file."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.completion.context_values import LOOK_S, Piece, Pieces
from polypilot.completion.imports import (
    HEAD_CHARS,
    Import,
    candidates,
    imports_of,
    submodules,
    without_imports,
)
from polypilot.completion.outline import defined, outline
from polypilot.tasks import start_blocking
from polypilot.workspace.documents import Position
from polypilot.workspace.gate import ExcludedError
from polypilot.workspace.roots import uri_of
from polypilot_prompts.identifiers import identifiers
from polypilot_prompts.similar import neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from polypilot.completion.values import Ask
    from polypilot.workspace.disk import Disk
    from polypilot.workspace.documents import Document, DocumentStore
    from polypilot.workspace.gate import Gate

CHARS = 2_400
"""Of all outlines together."""
AGAIN_S = 30.0
"""Seconds after which the disk is asked again what an import leads to."""
_QUESTIONS = 600
"""To the disk, for the imports of one file."""
_FOLDERS = 64
_OUTLINES = 256
_DOCUMENTS = 64
_NOT_SOURCES = frozenset({"node_modules", "dist", "build", "venv", "env", "target"})


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that an import leads to."""

    said: str
    """The module that the import names."""
    wanted: Import
    path: str
    stamp: Hashable
    """Changes with the file."""


@dataclass(frozen=True, slots=True)
class _Outline:
    """What was made of a file."""

    name: str
    text: str
    policy: str
    elsewhere: tuple[Import, ...]
    """Where it has those names from that it does not define itself."""
    refused: float | None = None
    """When it could not be sent, if so; nothing else is known then."""


@dataclass(slots=True)
class _State:
    """Of one importing document."""

    head: str = ""
    imports: tuple[Import, ...] = ()
    found: tuple[tuple[Import, ...], float, list[_Found]] | None = None
    """For which imports, when and what."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """What is done ahead is not done twice."""
    used: frozenset[str] = frozenset()
    """Modules of which something was used near the cursor at some time: these stay first."""


class ImportsSource:
    """Follows imports to files of the same workspace root, also through one that passes on."""

    def __init__(
        self, documents: DocumentStore, gate: Gate, disk: Disk, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._gate = gate
        self._disk = disk
        self._clock = clock
        self._states: OrderedDict[str, _State] = OrderedDict()
        self._outlines: OrderedDict[tuple[str, Hashable, tuple[str, ...]], _Outline] = OrderedDict()
        self._asking: asyncio.Future[list[_Found]] | None = None
        self.asked = 0
        """Times the disk was asked where files are."""
        self.read = 0
        """Files read."""

    # -- as a source ---------------------------------------------------------------------

    def key(self, ask: Ask) -> Hashable:
        """The imports, those of them that are used here, and the versions of what is open."""
        document = self._documents.get(ask.snapshot.uri)
        if document is None:
            return None
        state = self._state(document)
        near = without_imports(neighbourhood(ask.snapshot.prefix), document.language_id)
        words = set(identifiers(near))
        state.used |= {
            each.module
            for each in state.imports
            if not words.isdisjoint(each.names or (each.module.rpartition(".")[2],))
        }
        versions = tuple((doc.uri, doc.version) for doc in self._documents if doc is not document)
        again = self._clock() // AGAIN_S
        return state.imports, state.used, versions, again, self._gate.policy_hash()

    async def prepare(self, uri: str) -> None:
        """Finds and reads the files before they are asked for."""
        document = self._documents.get(uri)
        if document is not None:
            await self._make(document)

    async def make(self, ask: Ask) -> Pieces:
        """An outline per file: those used near the cursor first, then in the order of imports."""
        document = self._documents.get(ask.snapshot.uri)
        if document is None:
            return ()
        pieces: list[Piece] = []
        room = CHARS
        for piece in await self._make(document):
            if len(piece.text) <= room:
                room -= len(piece.text)
                pieces.append(piece)
        return tuple(pieces)

    def closed(self, uri: str) -> None:
        """Nothing is asked in it any more."""
        self._states.pop(uri, None)

    def forget(self, uri: str) -> bool:
        """Its outlines are not to be used any more; there may be room for others."""
        for key in [key for key in self._outlines if key[0] == uri]:
            del self._outlines[key]
        return True

    # -- what is imported ----------------------------------------------------------------

    def _state(self, document: Document) -> _State:
        state = self._states.setdefault(document.uri, _State())
        self._states.move_to_end(document.uri)
        while len(self._states) > _DOCUMENTS:
            self._states.popitem(last=False)
        start = self._documents.snapshot(document.uri, Position(0, 0), 0, HEAD_CHARS)
        if start is not None and start.suffix != state.head:
            state.head = start.suffix
            state.imports = imports_of(start.suffix, document.language_id)
        return state

    async def _make(self, document: Document) -> list[Piece]:
        state = self._state(document)
        async with state.lock:
            return await self._outlines_of(document, state)

    async def _outlines_of(self, document: Document, state: _State) -> list[Piece]:
        language = document.language_id
        found = await self._find(document, state)
        first = [each for each in found if each.said in state.used]
        pieces: dict[str, Piece] = {}
        for each in first + [each for each in found if each not in first]:
            made = await self._outline(each, language, pieces)
            for further in await self._ask_disk(made.elsewhere, language, each.path):
                await self._outline(further, language, pieces)
        return list(pieces.values())

    async def _outline(self, found: _Found, language: str, pieces: dict[str, Piece]) -> _Outline:
        """Makes the outline of a file, and a piece of it unless there is one already."""
        opened = next((doc for doc in self._documents if doc.path == found.path), None)
        uri = opened.uri if opened else uri_of(found.path)
        stamp = ("open", opened.version) if opened else found.stamp
        names = found.wanted.names
        key = uri, (stamp, language, self._gate.policy_hash()), names
        made = self._outlines.get(key)
        if made is None or (made.refused is not None and self._clock() - made.refused > AGAIN_S):
            made = self._outlines[key] = await self._read(uri, language, names)
            while len(self._outlines) > _OUTLINES:
                self._outlines.popitem(last=False)
        if made.text and uri not in pieces:
            pieces[uri] = Piece(made.name, made.text, "imports", uri, made.policy)
        return made

    async def _read(self, uri: str, language: str, names: tuple[str, ...]) -> _Outline:
        """The outline of a file; without text if it may not be sent."""
        self.read += 1
        await self._gate.look([uri], LOOK_S, read=True)
        try:
            admitted = self._gate.read_file(uri)
        except ExcludedError:
            return _Outline("", "", "", (), refused=self._clock())
        text = admitted.text.text
        missing = set(names) - defined(text, language, names)
        further = [
            Import(each.module, kept)
            for each in (imports_of(text, language) if missing else ())
            if (kept := tuple(name for name in each.names if name in missing))
        ]
        await asyncio.sleep(0)
        made = outline(text, language, names)
        return _Outline(admitted.relative, made, self._gate.policy_hash(), tuple(further))

    # -- where it is ---------------------------------------------------------------------

    async def _find(self, document: Document, state: _State) -> list[_Found]:
        """The files behind a document's imports."""
        now, imports = self._clock(), state.imports
        if state.found and state.found[0] == imports and now - state.found[1] <= AGAIN_S:
            return state.found[2]
        found = await self._ask_disk(imports, document.language_id, document.path)
        state.found = imports, now, found
        return found

    async def _ask_disk(
        self, imports: Sequence[Import], language: str, path: str | None
    ) -> list[_Found]:
        """Where the files are. One question at a time: a disk that hangs costs one thread."""
        root = self._gate.roots.of(path) if path else None
        if path is None or root is None or not imports:
            return []
        while self._asking is not None and not self._asking.done():
            await asyncio.wait({self._asking})
        self.asked += 1
        asking = start_blocking(_find, self._disk, imports, language, path, root.path)
        self._asking = asking  # kept when this task is cancelled: the thread goes on
        await asyncio.wait({asking})
        return [each for each in asking.result() if each.path != path]


def _find(
    disk: Disk, imports: Sequence[Import], language: str, path: str, root: str
) -> list[_Found]:
    """In another thread."""
    below = _folders(disk, root)
    found: dict[str, _Found] = {}
    left = _QUESTIONS

    def first_of(wanted: Import, said: str) -> str:
        nonlocal left
        places = candidates(wanted, language, path, root, below)
        left -= len(places)
        hit = _first_file(disk, places) if left > 0 else None
        if hit is not None:
            found.setdefault(hit[0], _Found(said, wanted, *hit))
        return hit[0] if hit is not None else ""

    for each in imports:
        file = first_of(each, each.module)
        if not file or file.endswith("__init__.py"):
            for module in submodules(each, language):
                first_of(module, each.module)
    return list(found.values())


def _folders(disk: Disk, root: str) -> list[str]:
    """The names of the folders in a root; none if it can't be read."""
    try:
        disk.stat(root)
        with os.scandir(root) as entries:
            names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(n for n in names if n[0] != "." and n not in _NOT_SOURCES)[:_FOLDERS]


def _first_file(disk: Disk, places: Iterable[str]) -> tuple[str, Hashable] | None:
    """The first place at which there is a file, and what changes with it."""
    for place in places:
        try:
            info = disk.stat(place)
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(info.st_mode):
            return place, (info.st_mtime_ns, info.st_size, info.st_ino)
    return None
