"""The open documents, as the editor sees them at this moment.

The store is the only holder of their text. It never reads a file. A document whose edits
can't be trusted any more (its versions went backwards, or an edit was lost on the way) is
*out of sync*: it gives no snapshot until the editor sends its whole text again, by a full
change, a save that carries the text, or closing and opening it.

**Versions.** The protocol says that a version "will increase after each change" and "doesn't
need to be consecutive", and editors use that: Neovim sends the buffer's ``changedtick`` after
collecting changes for up to 150 ms, so most of its versions are gaps. A version that does not
increase is therefore proof of trouble and a gap is not, unless ``strict_versions`` says that
this editor counts every change.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from polypilot.workspace.document import Document
from polypilot.workspace.documents_values import Change, Position, Snapshot, path_of
from polypilot.workspace.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from polypilot.workspace.text_units import Encoding

__all__ = ["Change", "Document", "DocumentStore", "Position", "Snapshot", "path_of"]

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Is told what happens to documents. Must return quickly and not raise."""

    def visited(self, uri: str, line: int | None = None) -> None:
        """A document was opened; the store has it."""
        ...

    def edited(self, uri: str, line: int | None = None) -> None:
        """A document was edited, near ``line`` if that is known; the edit is made."""
        ...

    def closed(self, uri: str) -> None:
        """A document is about to be closed; the store still has it."""
        ...


class DocumentStore:
    """Every open document of one editor, notebook cells among them."""

    def __init__(self, encoding: Encoding = "utf-16", *, strict_versions: bool = False) -> None:
        self.encoding: Encoding = encoding
        """The unit of positions; agreed in ``initialize``, before any document is open."""
        self.strict_versions = strict_versions
        self._documents: dict[str, Document] = {}
        self._notebooks: dict[str, list[str]] = {}
        self._suspended: Counter[str] = Counter()
        self._prepared: tuple[str, Lines] | None = None
        self._observers: tuple[Observer, ...] = ()

    def tell(self, observer: Observer) -> None:
        """Have ``observer`` told of what happens from now on."""
        self._observers += (observer,)

    # -- what the editor says ------------------------------------------------------------

    def open(
        self, uri: str, language_id: str, version: int, text: str, *, notebook: str = ""
    ) -> Document:
        """A document was opened, or opened again: this is its whole text."""
        if uri in self._documents:
            log.warning("a document was opened twice: %r", uri)
        document = Document(uri, language_id, version, self._load(text), notebook)
        self._documents[uri] = document
        for observer in self._observers:
            observer.visited(uri)
        return document

    def change(self, uri: str, version: int, changes: Sequence[Change]) -> bool:
        """A document was edited. False if the edit could not be trusted and was not made."""
        document = self._documents.get(uri)
        if document is None:
            log.warning("change of a document that is not open: %r", uri)
            return False
        # What came before the last whole text does not matter.
        whole = [n for n, change in enumerate(changes) if change.start is None or not change.end]
        if whole:
            changes = changes[whole[-1] :]
        if not self._follows(document, version, whole=bool(whole)):
            log.warning(
                "document %r is out of sync: version %d after %d", uri, version, document.version
            )
            document.in_sync = False
            document.version = max(document.version, version)
            return False
        document.in_sync = False  # until every edit is made
        document.apply(changes, self._load)
        document.version = version
        document.in_sync = True
        last = changes[-1].start if changes else None
        for observer in self._observers:
            observer.edited(uri, last.line if last else None)
        return True

    def close(self, uri: str) -> None:
        """A document was closed."""
        if uri not in self._documents:
            log.warning("close of a document that is not open: %r", uri)
        else:
            self._drop(uri)

    def save(self, uri: str, text: str | None = None) -> None:
        """A document was saved; its text, if the editor sends it, puts it in sync again."""
        document = self._documents.get(uri)
        if document is None:
            log.warning("save of a document that is not open: %r", uri)
        elif text is not None:
            if not document.in_sync or len(text) != document.length or text != document.text:
                document.apply([Change(text)], self._load)
            document.in_sync = True

    def lost(self, uri: str) -> None:
        """An edit of this document did not reach us: it is out of sync."""
        document = self._documents.get(uri)
        if document is not None:
            log.warning("document %r is out of sync: an edit was lost", uri)
            document.in_sync = False

    def open_notebook(self, uri: str, cells: Sequence[str]) -> None:
        """A notebook was opened; its cells' texts are opened as documents by the caller."""
        self._notebooks[uri] = list(cells)

    def splice_notebook(self, uri: str, start: int, removed: int, cells: Sequence[str]) -> None:
        """Cells were inserted, removed or moved."""
        order = self._notebooks.get(uri)
        if order is None:
            log.warning("change of a notebook that is not open: %r", uri)
        else:
            order[start : start + removed] = cells

    def close_notebook(self, uri: str) -> None:
        """A notebook was closed, and with it all of its cells."""
        self._notebooks.pop(uri, None)
        cells = [cell for cell, document in self._documents.items() if document.notebook == uri]
        for cell in cells:
            self._drop(cell)

    async def prepare(self, text: str) -> None:
        """Takes in a long text, with pauses for others, for the call that will bring it.

        That call, `open`, `change` or `save`, must be given this very string.
        """
        lines = Lines("", self.encoding)
        for _ in lines.load(text):
            await asyncio.sleep(0)
        self._prepared = (text, lines)

    def drop_prepared(self) -> None:
        """The call has been made, or will not be."""
        self._prepared = None

    def suspend(self, uris: Iterable[str]) -> None:
        """Edits are on their way but not applied yet: give no snapshot of these until `resume`."""
        self._suspended.update(uris)

    def resume(self, uris: Iterable[str]) -> None:
        """The counterpart of `suspend`."""
        self._suspended.subtract(uris)
        self._suspended = +self._suspended

    # -- what the engines ask ------------------------------------------------------------

    def __contains__(self, uri: object) -> bool:
        return uri in self._documents

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._documents.values()))

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, uri: str) -> Document | None:
        """The open document, in sync or not."""
        return self._documents.get(uri)

    def cells(self, notebook: str) -> tuple[str, ...]:
        """The URIs of a notebook's cells, in order; empty if it is not open."""
        return tuple(self._notebooks.get(notebook, ()))

    def current(self, uri: str) -> Document | None:
        """The open document if its text is surely the editor's."""
        document = self._documents.get(uri)
        if document is None or not document.in_sync or uri in self._suspended:
            return None
        return document

    def snapshot(
        self, uri: str, position: Position, before_chars: int, after_chars: int
    ) -> Snapshot | None:
        """What surrounds a cursor: at most ``before_chars`` and ``after_chars`` code points.

        None if the document is not open or not in sync.
        """
        document = self.current(uri)
        return document.snapshot(position, before_chars, after_chars) if document else None

    def agrees(self, snapshot: Snapshot) -> bool:
        """Whether text made for ``snapshot`` may still be shown.

        That is: the document is in sync, and is at the same version or has the same text
        around the snapshot's cursor.
        """
        document = self.current(snapshot.uri)
        if document is None:
            return False
        return document.version == snapshot.version or document.surrounds(snapshot)

    def _drop(self, uri: str) -> None:
        for observer in self._observers:
            observer.closed(uri)
        del self._documents[uri]

    def _load(self, text: str) -> Lines:
        if self._prepared is not None and self._prepared[0] is text:
            return self._prepared[1]
        return Lines(text, self.encoding)

    def _follows(self, document: Document, version: int, *, whole: bool) -> bool:
        """Whether a change with this version can be the next one."""
        if whole:
            return version >= document.version
        if not document.in_sync or version <= document.version:
            return False
        return version == document.version + 1 or not self.strict_versions
