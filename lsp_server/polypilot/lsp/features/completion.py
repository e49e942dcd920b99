"""``textDocument/inlineCompletion``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.completion.values import (
    SNAPSHOT_AFTER,
    SNAPSHOT_BEFORE,
    Ask,
    Suggestion,
    Trigger,
)
from polypilot.lsp.faults import Code, ReplyError
from polypilot.workspace.documents import Position

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

ACCEPTED = "polypilot.accepted"
PATIENCE_S = 0.05
"""How long a key waits to see whether the settings' files were changed, and then whether the
ignore files around the document were."""


def register(server: PolypilotServer[Backend]) -> None:
    """Add the feature."""

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(
        params: types.InlineCompletionParams,
    ) -> types.InlineCompletionList | None:
        position = Position(params.position.line, params.position.character)
        # Taken before anything is awaited: the document as the editor meant it.
        snapshot = server.documents.snapshot(
            params.text_document.uri, position, SNAPSHOT_BEFORE, SNAPSHOT_AFTER
        )
        if snapshot is None:
            return None
        backend = await server.backend()
        await backend.refresh(within=PATIENCE_S)
        await backend.gate.look([params.text_document.uri], PATIENCE_S)
        trigger = Trigger.of(params.context.trigger_kind)
        answer = await backend.engine.answer(Ask(snapshot, position, trigger))
        log.debug("completion: %s", answer.source or answer.why)
        if not answer.suggestions:
            return None
        return types.InlineCompletionList([_item(each) for each in answer.suggestions])

    @server.command(ACCEPTED)
    async def accepted(suggestion_id: object) -> None:
        if not isinstance(suggestion_id, str):
            raise ReplyError(Code.INVALID_PARAMS, "the argument is a suggestion's id")
        (await server.backend()).engine.accepted(suggestion_id)


def _item(suggestion: Suggestion) -> types.InlineCompletionItem:
    return types.InlineCompletionItem(
        insert_text=suggestion.text,
        range=types.Range(_position(suggestion.start), _position(suggestion.end)),
        command=types.Command("Polypilot: accepted", ACCEPTED, arguments=[suggestion.id]),
    )


def _position(position: Position) -> types.Position:
    return types.Position(position.line, position.character)
