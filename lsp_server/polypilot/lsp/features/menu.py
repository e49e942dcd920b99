"""``textDocument/completion``: suggestions in the menu, for editors without inline completion.

Off unless the user turns it on (``completion.menu``). While it is off the editor is not told
that the method exists, so that it asks for nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp.features.asking import place_at
from polypilot.lsp.features.registering import register_method, unregister_method
from polypilot.lsp.handshake import section

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.completion.values import Suggestion
    from polypilot.lsp.features.asking import Asker, Place
    from polypilot.lsp.features.outcome import Outcomes
    from polypilot.lsp.server import PolypilotServer

METHOD = types.TEXT_DOCUMENT_COMPLETION
TRIGGERS = (".", "(", "[", "{", "=", ",", ":")
"""After these an editor asks without a word having been begun. No blanks: the menu would open
at each, and take the next line end for a choice."""
LABEL_CHARS = 60
_WORD = re.compile(r"\w*\Z")


def register_menu(server: PolypilotServer[Backend], asker: Asker, outcomes: Outcomes) -> None:
    """Add the feature."""
    options = types.CompletionOptions(trigger_characters=TRIGGERS)
    advertised = _Advertised(server)

    @server.feature(METHOD, options, advertise=_from_the_start)
    async def completion(params: types.CompletionParams) -> types.CompletionList | None:
        place = place_at(server.documents, params.text_document.uri, params.position)
        backend = await server.backend()
        if place is None or not backend.settings.completion.menu:
            return None
        answer = await asker.menu(place)
        make = _Items(server, place, outcomes)
        # Incomplete, also when there is nothing: else it is not asked for again while a word
        # is typed.
        items = [make.item(each) for each in answer.suggestions]
        return types.CompletionList(is_incomplete=True, items=items)

    server.when_configured(advertised.look)


def _dynamic(client: types.ClientCapabilities) -> bool:
    document = client.text_document
    completion = document.completion if document else None
    return completion is not None and bool(completion.dynamic_registration)


def _from_the_start(params: types.InitializeParams) -> bool:
    """Whether to tell of the method in the answer to ``initialize``.

    Only to a client that can't be told later, if the setting came with its greeting.
    """
    settings = section(params.initialization_options).get("completion")
    wanted = isinstance(settings, dict) and settings.get("menu") is True  # pyright: ignore[reportUnknownMemberType] - compared by identity only
    return wanted and not _dynamic(params.capabilities)


class _Advertised:
    """Whether the editor has been told of the method."""

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self._told = False

    def look(self, backend: Backend) -> None:
        """The settings may be others now."""
        wanted = backend.settings.completion.menu
        if wanted == self._told or not _dynamic(self._server.client_capabilities):
            return
        self._told = wanted
        if wanted:
            options = types.CompletionRegistrationOptions(trigger_characters=TRIGGERS)
            register_method(self._server, METHOD, options)
        else:
            unregister_method(self._server, METHOD)


class _Items:
    """Makes a client's items of the suggestions at one place."""

    def __init__(self, server: PolypilotServer[Backend], place: Place, outcomes: Outcomes) -> None:
        self._snapshot = place.snapshot
        self._outcomes = outcomes
        document = server.client_capabilities.text_document
        item = document.completion and document.completion.completion_item if document else None
        formats = (item and item.documentation_format) or ()
        self._markdown = types.MarkupKind.Markdown in formats

    def item(self, suggestion: Suggestion) -> types.CompletionItem:
        """The item: one line as its label, all of it beside."""
        text = suggestion.text
        first = next((line.strip() for line in text.splitlines() if line.strip()), text)
        label = first if len(first) <= LABEL_CHARS else first[: LABEL_CHARS - 1] + "…"
        word = _WORD.search(self._snapshot.line_prefix)
        start, end = suggestion.start, suggestion.end
        span = types.Range(
            types.Position(start.line, start.character), types.Position(end.line, end.character)
        )
        return types.CompletionItem(
            label=label,
            kind=types.CompletionItemKind.Text,
            detail=f"Polypilot: {suggestion.model or suggestion.provider}",
            documentation=self._documentation(text),
            sort_text="!",
            # Editors compare it with the word at the cursor, which the text itself goes on with.
            filter_text=(word[0] if word else "") + first,
            insert_text_format=types.InsertTextFormat.PlainText,
            # The text is indented already.
            insert_text_mode=types.InsertTextMode.AsIs,
            text_edit=types.TextEdit(span, text),
            command=self._outcomes.command(suggestion.id, text),
        )

    def _documentation(self, text: str) -> types.MarkupContent:
        if not self._markdown:
            return types.MarkupContent(types.MarkupKind.PlainText, text)
        runs = (len(run) for run in re.findall("`+", text))
        fence = "`" * max(3, 1 + max(runs, default=0))
        code = f"{fence}{self._snapshot.language_id}\n{text}\n{fence}"
        return types.MarkupContent(types.MarkupKind.Markdown, code)
