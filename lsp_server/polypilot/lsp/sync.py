"""Document synchronisation: the client's notifications, into our store and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types

from polypilot.workspace.documents import Change, DocumentStore, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def position_of(position: types.Position) -> Position:
    """The store's position for the protocol's."""
    return Position(position.line, position.character)


def _changes(
    events: Iterable[types.TextDocumentContentChangeEvent],
) -> list[Change]:
    found: list[Change] = []
    for event in events:
        if isinstance(event, types.TextDocumentContentChangePartial):
            start, end = position_of(event.range.start), position_of(event.range.end)
            found.append(Change(event.text, start, end))
        else:
            found.append(Change(event.text))
    return found


class Synchroniser:
    """Applies ``textDocument/did*`` and ``notebookDocument/did*``, in order, at once."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self.handlers: dict[str, Callable[[Any], None]] = {
            types.TEXT_DOCUMENT_DID_OPEN: self._did_open,
            types.TEXT_DOCUMENT_DID_CHANGE: self._did_change,
            types.TEXT_DOCUMENT_DID_SAVE: self._did_save,
            types.TEXT_DOCUMENT_DID_CLOSE: self._did_close,
            types.NOTEBOOK_DOCUMENT_DID_OPEN: self._notebook_did_open,
            types.NOTEBOOK_DOCUMENT_DID_CHANGE: self._notebook_did_change,
            types.NOTEBOOK_DOCUMENT_DID_SAVE: lambda _: None,
            types.NOTEBOOK_DOCUMENT_DID_CLOSE: self._notebook_did_close,
        }
        """By method."""

    def lost(self, raw: object) -> None:
        """A notification could not be applied: what it was about is no longer in sync."""
        for uri in mentioned(raw):
            self._documents.lost(uri)

    def _open(self, items: Iterable[types.TextDocumentItem], notebook: str = "") -> None:
        for item in items:
            language = item.language_id
            self._documents.open(
                item.uri,
                language.value if isinstance(language, types.LanguageKind) else language,
                item.version,
                item.text,
                notebook=notebook,
            )

    def _did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._open([params.text_document])

    def _did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        self._documents.change(document.uri, document.version, _changes(params.content_changes))

    def _did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        self._documents.save(params.text_document.uri, params.text)

    def _did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._documents.close(params.text_document.uri)

    def _notebook_did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        notebook = params.notebook_document
        self._documents.open_notebook(notebook.uri, [cell.document for cell in notebook.cells])
        self._open(params.cell_text_documents, notebook.uri)

    def _notebook_did_change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        cells = params.change.cells
        if cells is None:
            return
        notebook = params.notebook_document.uri
        if cells.structure is not None:
            array = cells.structure.array
            inserted: Sequence[types.NotebookCell] = array.cells or ()
            self._documents.splice_notebook(
                notebook, array.start, array.delete_count, [cell.document for cell in inserted]
            )
            for closed in cells.structure.did_close or ():
                self._documents.close(closed.uri)
            self._open(cells.structure.did_open or (), notebook)
        for content in cells.text_content or ():
            document = content.document
            self._documents.change(document.uri, document.version, _changes(content.changes))

    def _notebook_did_close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            if cell.uri in self._documents:
                self._documents.close(cell.uri)
        self._documents.close_notebook(params.notebook_document.uri)


def mentioned(raw: object) -> list[str]:
    """Every ``uri`` in a message that has not been understood, or could not be."""
    found: list[str] = []
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += cast("list[object]", value)
        elif isinstance(value, dict):
            fields = cast("dict[str, object]", value)
            if isinstance(uri := fields.get("uri"), str):
                found.append(uri)
            waiting += fields.values()
    return found
