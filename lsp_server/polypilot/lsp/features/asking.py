"""From an editor's request to the engine: where it asks, why, and in whose turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.completion.values import (
    SNAPSHOT_AFTER,
    SNAPSHOT_BEFORE,
    Answer,
    Ask,
    Trigger,
    Why,
)
from polypilot.lsp.sync import position_of
from polypilot.workspace.documents import Position
from polypilot.workspace.text_units import width

if TYPE_CHECKING:
    from lsprotocol import types

    from polypilot.backend import Backend
    from polypilot.completion.values import Suggestion
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.documents import Document, DocumentStore, Snapshot

PATIENCE_S = 0.05
"""How long a key waits to see whether the settings' files were changed, and then whether the
ignore files around the document were."""
LATELY_S = 1.0
"""A look at the ignore files this young is good enough to offer what is known already. Before
anything is sent, the engine has another one made."""


class TriggerKinds:
    """What one client's numbers mean.

    LSP 3.18 has 1 for invoked and 2 for automatic; its drafts had 0 for invoked and 1 for
    automatic. So 1 is ambiguous: it counts as invoked, as released, until the client has
    sent a 0, from then on as automatic. A client that has ever sent a 2 speaks the released
    version, whatever else it sends. Any other number counts as automatic.
    """

    def __init__(self) -> None:
        self._draft = False
        self._released = False

    def trigger(self, kind: int) -> Trigger:
        """Why the client asks; kinds are to be shown in the order in which they come."""
        self._draft |= kind == 0
        self._released |= kind == 2  # noqa: PLR2004 - the number is the subject
        if kind == 0 or (kind == 1 and (self._released or not self._draft)):
            return Trigger.INVOKED
        return Trigger.AUTOMATIC


@dataclass(frozen=True, slots=True)
class Place:
    """Where an editor asks, and as what the engine is to see it.

    If an item of the completion menu is selected, the engine sees the document as if that
    were inserted already.
    """

    snapshot: Snapshot
    position: Position
    """The cursor in what the engine sees."""
    lead: str = ""
    """The selected item's text; an editor's item begins with it."""
    typed: str = ""
    """What of the lead's range stands before the cursor."""
    start: Position | None = None
    end: Position | None = None
    """What the lead takes the place of."""

    def span(self, suggestion: Suggestion) -> tuple[Position, Position] | None:
        """What the editor's item replaces; None if it has no place in the document as it is."""
        if self.start is None or self.end is None:
            return suggestion.start, suggestion.end
        if suggestion.start != self.position or suggestion.end.line != self.position.line:
            return None
        beyond = suggestion.end.character - self.position.character
        return self.start, Position(self.end.line, self.end.character + beyond)

    def filter_text(self, text: str) -> str | None:
        """What a client is to compare with the text in the item's range, if not the item's own.

        Editors drop an item that does not begin with what stands there, and a menu's item may
        have been found by other letters than its first.
        """
        return None if text.startswith(self.typed) else self.typed + text[len(self.lead) :]


def place_at(
    documents: DocumentStore,
    uri: str,
    position: types.Position,
    selected: types.SelectedCompletionInfo | None = None,
) -> Place | None:
    """The place of a request; None if there is none, or nothing may be offered at it.

    A character beyond the line's end means its end, as LSP has it.
    """
    document = documents.current(uri)
    if document is None or position.line >= document.line_count:
        return None
    here = _settled(document, position)
    if selected is not None:
        start, end = (
            _settled(document, selected.range.start),
            _settled(document, selected.range.end),
        )
        if document.between(start, end) != selected.text:
            return _as_if(documents, document, here, (start, end), selected.text)
    snapshot = document.snapshot(here, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)
    return Place(snapshot, here)


def _settled(document: Document, position: types.Position) -> Position:
    return document.position(document.offset(position_of(position)))


def _as_if(
    documents: DocumentStore,
    document: Document,
    here: Position,
    span: tuple[Position, Position],
    text: str,
) -> Place | None:
    """The place behind ``text``, as if it stood in the document instead of ``span``."""
    start, end = span
    one_line = start.line == end.line == here.line and not {"\n", "\r"} & set(text)
    if not one_line or not start <= here <= end:
        return None
    seen = document.snapshot(end, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)
    gone = len(document.between(start, end))
    grown = len(text) - gone
    return Place(
        replace(
            seen,
            column=seen.column + grown,
            prefix=seen.prefix[: len(seen.prefix) - gone] + text,
            line_prefix=seen.line_prefix[: len(seen.line_prefix) - gone] + text,
            total_chars=seen.total_chars + grown,
        ),
        Position(here.line, start.character + width(text, documents.encoding)),
        lead=text,
        typed=document.between(start, here),
        start=start,
        end=end,
    )


class Asker:
    """Asks the engine for one connection.

    The engine has one ask in a document at a time, the newest. An editor that shows ghost text
    and a menu asks for both at each key: then the ghost text goes first, and the menu's ask
    finds what that has found.
    """

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self._inline: dict[str, asyncio.Future[None]] = {}
        """By document: done when its newest request for ghost text has been answered."""

    async def inline(self, place: Place, trigger: Trigger) -> Answer:
        """An answer for ghost text."""
        uri = place.snapshot.uri
        self._inline[uri] = done = asyncio.get_running_loop().create_future()
        try:
            return await self._ask(place, trigger, done)
        finally:
            done.set_result(None)
            if self._inline.get(uri) is done:
                del self._inline[uri]

    async def menu(self, place: Place) -> Answer:
        """An answer for the completion menu."""
        uri = place.snapshot.uri
        while True:
            while (done := self._inline.get(uri)) is not None:
                await asyncio.wait({done})
            answer = await self._ask(place, Trigger.AUTOMATIC)
            if answer.why is not Why.SUPERSEDED or uri not in self._inline:
                return answer

    async def _ask(
        self, place: Place, trigger: Trigger, turn: asyncio.Future[None] | None = None
    ) -> Answer:
        backend = await self._server.backend()
        await backend.refresh(within=PATIENCE_S)
        self._server.configured(backend)
        await backend.gate.look([place.snapshot.uri], PATIENCE_S, lately=LATELY_S)
        if self._inline.get(place.snapshot.uri) is not turn:
            # Files were looked at meanwhile, for one longer than for another: the engine would
            # take this one for the newest. A menu's turn is when no ghost text is asked for.
            return Answer(why=Why.SUPERSEDED)
        answer = await backend.engine.answer(Ask(place.snapshot, place.position, trigger))
        if place.start is not None:
            # Its range is one of the document as it was, not of what the engine compared.
            now = self._server.documents.current(place.snapshot.uri)
            if now is None or now.version != place.snapshot.version:
                return Answer(why=Why.STALE)
        return answer
