"""An edit on its way into the editor: one document, one undo step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp.features.action_region import position_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.workspace.text_units import Encoding

_ANNOTATION = "polypilot"
WRITTEN = "Written by a language model"
"""What an edit is that the user has not seen."""


def text_edit(
    document: str, span: tuple[int, int], new: str, eol: str, encoding: Encoding
) -> types.TextEdit:
    """An edit of `plain` texts as the editor is to make it.

    At the end of a document whose last line has a line break, that break is left out of it: to
    some editors it is no text but the line's end, and what stands behind it a further line.
    """
    start, end = span
    if start <= end == len(document) and document.endswith("\n") and new.endswith("\n"):
        if start == end:
            start, new = start - 1, f"\n{new}"
        end, new = end - 1, new[:-1]
    first, last = (position_at(document, at, encoding) for at in (start, end))
    return types.TextEdit(
        types.Range(
            types.Position(first.line, first.character), types.Position(last.line, last.character)
        ),
        new.replace("\n", eol),
    )


def workspace_edit(
    client: types.ClientCapabilities,
    uri: str,
    edits: Sequence[types.TextEdit],
    *,
    version: int | None = None,
    label: str = "",
    description: str = "",
    confirm: bool = False,
    new_file: bool = False,
) -> types.WorkspaceEdit:
    """The edits of one document in the richest form that the editor has said it takes.

    Where it takes versions, it refuses the edit if the document was changed meanwhile; where it
    takes annotations, it can show what the edit is, by its ``label``, and asks the user first if
    ``confirm``. ``version`` is of the open document that the ranges belong to.
    """
    workspace = client.workspace
    can = workspace.workspace_edit if workspace else None
    if can is None or not can.document_changes:
        return types.WorkspaceEdit(changes={uri: list(edits)})
    annotated = bool(label) and can.change_annotation_support is not None
    identifier = _ANNOTATION if annotated else None
    changes: list[types.TextDocumentEdit | types.CreateFile] = []
    operations = can.resource_operations or ()
    if new_file and types.ResourceOperationKind.Create in operations:
        options = types.CreateFileOptions(ignore_if_exists=True)
        changes.append(types.CreateFile(uri, options=options, annotation_id=identifier))
    made = [
        types.AnnotatedTextEdit(_ANNOTATION, each.range, each.new_text) if annotated else each
        for each in edits
    ]
    identity = types.OptionalVersionedTextDocumentIdentifier(uri, version)
    changes.append(types.TextDocumentEdit(identity, made))
    annotation = types.ChangeAnnotation(label, confirm, description)
    return types.WorkspaceEdit(
        document_changes=changes,
        change_annotations={_ANNOTATION: annotation} if annotated else None,
    )
