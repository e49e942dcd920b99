"""``textDocument/codeAction`` and what is behind the actions: chat in any editor, without a plugin.

A command is answered at once; what it begins shows its progress and can be stopped. It ends in
one edit, or in a file that is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.errors import UserError, describe
from polypilot.lsp.faults import Code, ReplyError
from polypilot.lsp.features import document_chat
from polypilot.lsp.features.action_edits import Edits
from polypilot.lsp.features.action_lines import lines_of
from polypilot.lsp.features.action_offers import COMMAND, KINDS, STOP, Offers, order_of
from polypilot.lsp.features.action_place import place_of
from polypilot.lsp.features.action_reading import Readings
from polypilot.lsp.features.action_region import plain
from polypilot.lsp.features.action_work import Works
from polypilot.lsp.features.action_writer import Writers
from polypilot.lsp.features.document_chat_text import asked_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.backend import Backend
    from polypilot.lsp.features.action_offers import Order
    from polypilot.lsp.features.action_place import Place
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.documents import Document

PATIENCE_S = 0.05
"""How long a list of actions waits for the disk before it goes by the last verdict."""
LATELY_S = 5.0
"""A look at the ignore files this young is good enough to offer something."""
OPTIONS = types.CodeActionOptions(code_action_kinds=KINDS)


def register(server: PolypilotServer[Backend]) -> None:
    """Add the features."""
    actions = _Actions(server)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, OPTIONS)
    async def offered(
        params: types.CodeActionParams,
    ) -> list[types.CodeAction | types.Command] | None:
        # Before anything is awaited: the document as the editor meant it.
        document = server.documents.current(params.text_document.uri)
        found = [] if document is None else list(actions.offers(document, params))
        if not found or not await actions.possible(params.text_document.uri):
            return None
        if not _literals(server.client_capabilities):
            return [each.command for each in found if each.command is not None]
        return [*found]

    @server.command(COMMAND)
    async def begin(argument: object) -> None:
        order = order_of(argument)
        if order is None:
            raise ReplyError(Code.INVALID_PARAMS, "the argument is not one of ours")
        actions.begin(order)

    @server.command(STOP)
    async def stop(token: object) -> None:
        if not isinstance(token, str):
            raise ReplyError(Code.INVALID_PARAMS, "the argument is a token")
        actions.works.stop(token)

    @server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    async def cancelled(params: types.WorkDoneProgressCancelParams) -> None:
        actions.works.stop(params.token)


class _Actions:
    """Those of one connection."""

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self.works = works = Works(server)
        writers = Writers(server.documents)
        edits = Edits(server, works, writers)
        readings = Readings(server, works, writers)
        chats = document_chat.Chats(server, works, writers)
        self._begin: dict[str, Callable[[Order, Place], None]] = {
            **dict.fromkeys(("fix", "document", "rewrite", "optimise"), edits.begin),
            **dict.fromkeys(("explain", "review", "tests"), readings.begin),
            **dict.fromkeys(("answer", "answerOnce"), chats.begin),
        }

    def offers(
        self, document: Document, params: types.CodeActionParams
    ) -> Iterator[types.CodeAction]:
        """What can be done at a place. No model is asked."""
        tags = _tags(self._server.client_capabilities)
        make = Offers(document, params.context, tags=tags)
        for work in self.works.on(document.uri):
            yield make.stop(work.token, work.title)
        row = min(params.range.end.line, document.line_count - 1)
        if document_chat.is_chat(document.uri, document.language_id) and asked_at(
            plain(document.text), row
        ):
            yield from make.of_chat(row)
        lines = lines_of(document, params.range)
        if lines is not None:
            yield from make.of_code(lines)

    async def possible(self, uri: str) -> bool:
        """Whether a chat about the document can be had."""
        backend = await self._server.backend()
        known = backend.rows()
        if not any(provider_id in known for provider_id, _ in backend.loaded.targets("chat")):
            return False
        await backend.gate.look([uri], PATIENCE_S, lately=LATELY_S)
        return backend.gate.admit_document(uri).allowed

    def begin(self, order: Order) -> None:
        """Begin what a command orders; why it can't be, the user is told."""
        try:
            self._begin[order.does](order, place_of(self._server.documents, order))
        except UserError as error:
            self.works.fail(order.does, describe(error))


def _literals(client: types.ClientCapabilities) -> bool:
    """Whether the editor knows more than commands."""
    document = client.text_document
    able = document.code_action if document else None
    return able is not None and able.code_action_literal_support is not None


def _tags(client: types.ClientCapabilities) -> bool:
    """Whether the editor shows that an action is a model's."""
    document = client.text_document
    able = document.code_action if document else None
    tags = able.tag_support if able else None
    return tags is not None and types.CodeActionTag.LlmGenerated in tags.value_set
