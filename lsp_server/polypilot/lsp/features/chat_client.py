"""The editor's side of a conversation: what its user looks at, and how to ask its user."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types

from polypilot.lsp import chat_kept as kept
from polypilot.lsp.chat_names import PERMISSION
from polypilot.lsp.features import chat_wire
from polypilot.lsp.handshake import section

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from polypilot.backend import Backend
    from polypilot.chat.values import Decision, PermissionRequest, Scene
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

PATIENCE_S = 600.0
"""Seconds that a user has to answer; then it is no, and the question is taken back."""
LONGEST_LINE = 200
MOST_FILES = 5
"""That a question names, where it can't show them."""

_OPTIONS = (
    kept.PermissionOption("allow_once", "Allow once", "allow_once"),
    kept.PermissionOption("allow_session", "Allow in this conversation", "allow_always"),
    kept.PermissionOption("reject_once", "Refuse", "reject_once"),
    kept.PermissionOption("reject_session", "Refuse in this conversation", "reject_always"),
)
_DECISIONS = {option.option_id for option in _OPTIONS}
_BY_NAME = {option.name: option.option_id for option in _OPTIONS}


@dataclass(frozen=True, slots=True)
class EditorClient:
    """See ``polypilot.chat.values.Client``."""

    server: PolypilotServer[Backend]
    scene: Scene
    patience: float = PATIENCE_S

    async def permission(self, request: PermissionRequest) -> Decision:
        """Ask with our own request where the editor has said that it knows it.

        Else with the standard's. Nothing but a clear yes is one: an error, no answer and a
        question that is closed are a no.
        """
        ask = self._own if asks_itself(self.server) else self._standard
        try:
            async with asyncio.timeout(self.patience):
                return cast("Decision", await ask(request))
        except TimeoutError:
            log.info("nobody said whether a tool may run")
        except Exception as error:  # noqa: BLE001 - a client's error answer, of whatever kind
            log.info("the editor did not ask for permission: %s", type(error).__name__)
        return "reject_once"

    async def _own(self, request: PermissionRequest) -> str:
        params = kept.PermissionParams(request.session_id, chat_wire.asked_call(request), _OPTIONS)
        asked: Awaitable[object] = self.server.protocol.send_request_async(PERMISSION, params)
        outcome = _dict(_dict(await asked).get("outcome"))
        if outcome.get("outcome") == "cancelled":
            return "cancelled"
        chosen = outcome.get("optionId")
        return chosen if isinstance(chosen, str) and chosen in _DECISIONS else "reject_once"

    async def _standard(self, request: PermissionRequest) -> str:
        params = types.ShowMessageRequestParams(
            types.MessageType.Warning,
            _words(request),
            [types.MessageActionItem(option.name) for option in _OPTIONS],
        )
        answer = await self.server.window_show_message_request_async(params)
        return _BY_NAME.get(answer.title, "reject_once") if answer else "reject_once"


def asks_itself(server: PolypilotServer[Backend]) -> bool:
    """Whether the editor knows `polypilot/chat/permission`."""
    return section(server.client_capabilities.experimental).get("permission") is True


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _words(request: PermissionRequest) -> str:
    """The question on few lines. What a model wrote stays on its line."""
    from polypilot.errors import printable  # noqa: PLC0415 - not needed to start

    paths = [each.path for each in request.diffs] or [each.path for each in request.locations]
    lines = [f"Polypilot: {request.title or request.tool}", *paths[:MOST_FILES]]
    if len(paths) > MOST_FILES:
        lines.append(f"and {len(paths) - MOST_FILES} more")
    return "\n".join(printable(each)[:LONGEST_LINE] for each in lines)
