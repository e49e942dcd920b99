"""`polypilot/edit/*`: what an answer proposes, shown, taken by the hunk, or turned down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from polypilot.lsp import chat_kept as kept
from polypilot.lsp.features.applying import workspace_edit
from polypilot.lsp.features.chat_ready import chatting
from polypilot.lsp.features.chat_wire import path_of, scene

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.chat.edits import Change, Proposal, TextEdit
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.documents import Position

    Server = PolypilotServer[Backend]

log = logging.getLogger(__name__)


async def get(server: Server, params: kept.EditParams) -> kept.Edit:
    """A proposed edit, and its hunks."""
    return _edit((await chatting(server)).edits.get(params.id))


async def propose(server: Server, params: kept.ProposeParams) -> kept.Edit:
    """Code of an answer as an edit of what the user looks at; nothing changes yet."""
    backend = await chatting(server)
    return _edit(
        await backend.edits.fit(
            params.session_id,
            params.code,
            "".join(each for each in params.language if each.isalnum() or each in "+#.-_"),
            scene(params.scene),
            path_of(params.root),
        )
    )


async def accept(server: Server, params: kept.AcceptParams) -> kept.Applied:
    """Make the edit, or some of its hunks, in the editor: one step for its undo."""
    backend = await chatting(server)
    change = await backend.edits.accept(params.id, params.hunks)
    reason = await _apply(server, change)
    if reason is not None:
        return kept.Applied(applied=False, reason=reason)
    return kept.Applied(applied=True, state=backend.edits.applied(params.id).state)


async def reject(server: Server, params: kept.EditParams) -> None:
    """The user does not want it."""
    (await chatting(server)).edits.reject(params.id)


async def _apply(server: Server, change: Change) -> str | None:
    """Why the editor did not make the change; None: it did."""
    edit = workspace_edit(
        server.client_capabilities,
        change.uri,
        [_text_edit(each) for each in change.edits],
        version=change.version,
        label="Polypilot",
        description="Proposed in the chat and accepted by you",
        new_file=change.creates,
    )
    wanted = types.ApplyWorkspaceEditParams(edit, "Polypilot: apply the proposed edit")
    try:
        answer = await server.workspace_apply_edit_async(wanted)
    except JsonRpcException as error:
        log.info("the editor applied no edit: %s", type(error).__name__)
        return "the editor applies no edits"
    return None if answer.applied else answer.failure_reason or "the editor did not apply it"


def _edit(proposal: Proposal) -> kept.Edit:
    return kept.Edit(
        id=proposal.id,
        uri=proposal.uri,
        diff=proposal.diff,
        hunks=tuple(
            kept.Hunk(each.id, each.header, each.diff, each.id in proposal.applied)
            for each in proposal.hunks
        ),
        state=proposal.state,
        new_text=proposal.new_text,
        old_text=proposal.old_text,
    )


def _text_edit(edit: TextEdit) -> types.TextEdit:
    return types.TextEdit(types.Range(_position(edit.start), _position(edit.end)), edit.text)


def _position(place: Position) -> types.Position:
    return types.Position(place.line, place.character)
