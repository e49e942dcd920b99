"""Whether an answer still belongs to the document it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.workspace.documents import DocumentStore, Snapshot


def still_agrees(documents: DocumentStore) -> Callable[[Snapshot], bool]:
    """The engine's ``agrees`` over a store.

    The same version, or the same text around the cursor in a document of the same length. The
    length matters where the snapshot reaches the document's end: text typed there that equals
    what follows (a line break before the last line break) leaves the surroundings as they were.
    """

    def agrees(snapshot: Snapshot) -> bool:
        document = documents.current(snapshot.uri)
        if document is None:
            return False
        if document.version == snapshot.version:
            return True
        return document.length == snapshot.total_chars and document.surrounds(snapshot)

    return agrees
