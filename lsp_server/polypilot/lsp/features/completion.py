"""``textDocument/inlineCompletion``, and what becomes of the items."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp import copilot_dialect, methods
from polypilot.lsp.conversion import prime, shared_converter
from polypilot.lsp.features.asking import Asker, TriggerKinds, place_at
from polypilot.lsp.features.menu import register_menu
from polypilot.lsp.features.outcome import Outcomes, register_outcomes
from polypilot.lsp.handshake import hears_growth

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.completion.values import Suggestion
    from polypilot.lsp.features.asking import Place
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.documents import Position

log = logging.getLogger(__name__)

_AT_EACH_KEY = (types.TEXT_DOCUMENT_DID_CHANGE, types.TEXT_DOCUMENT_INLINE_COMPLETION)
_SAMPLE = types.InlineCompletionItem(
    insert_text="",
    filter_text="",
    range=types.Range(types.Position(0, 0), types.Position(0, 0)),
    command=types.Command("", "", arguments=[]),
)


def register(server: PolypilotServer[Backend]) -> None:
    """Add the features."""
    asker, outcomes, kinds = Asker(server), Outcomes(), TriggerKinds()

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(
        params: types.InlineCompletionParams,
    ) -> types.InlineCompletionList | None:
        trigger = kinds.trigger(params.context.trigger_kind)
        # Taken before anything is awaited: the document as the editor meant it.
        place = place_at(
            server.documents,
            params.text_document.uri,
            params.position,
            params.context.selected_completion_info,
        )
        if place is None:
            return None
        answer = await asker.inline(place, trigger)
        log.debug("completion: %s", answer.source or answer.why)
        items = [item_of(each, place, outcomes) for each in answer.suggestions]
        found = [item for item in items if item is not None]
        return types.InlineCompletionList(found) if found else None

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        prime(shared_converter(), [types.InlineCompletionList([_SAMPLE])], _AT_EACH_KEY)
        if hears_growth(server.client_capabilities):
            backend = await server.backend()
            backend.on_grown(
                lambda uri: server.protocol.notify(methods.GREW, methods.CompletionGrew(uri))
            )

    register_outcomes(server, outcomes)
    register_menu(server, asker, outcomes)
    copilot_dialect.register(server, asker, outcomes)


def item_of(
    suggestion: Suggestion, place: Place, outcomes: Outcomes
) -> types.InlineCompletionItem | None:
    """A suggestion as the protocol has it; None if it has no place in the document as it is."""
    span = place.span(suggestion)
    if span is None:
        return None
    text = place.lead + suggestion.text
    return types.InlineCompletionItem(
        insert_text=text,
        filter_text=place.filter_text(text),
        range=range_of(*span),
        command=outcomes.command(suggestion.id, text, len(place.lead)),
    )


def range_of(start: Position, end: Position) -> types.Range:
    """The protocol's range."""
    return types.Range(
        types.Position(start.line, start.character), types.Position(end.line, end.character)
    )
