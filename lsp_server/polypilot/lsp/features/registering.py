"""Asking an editor, while it runs, for messages that it sends only to those who ask."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from concurrent.futures import Future

    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)


def register_method(server: PolypilotServer[Backend], method: str, options: object) -> None:
    """Ask for a method. Each by itself: an editor that refuses one may take the other.

    Not awaited: nothing depends on the answer.
    """
    registration = types.Registration(_id(method), method, options)
    asked = server.client_register_capability(types.RegistrationParams([registration]))
    asked.add_done_callback(_log_refusal)


def unregister_method(server: PolypilotServer[Backend], method: str) -> None:
    """Ask for a method no longer."""
    registration = types.Unregistration(_id(method), method)
    asked = server.client_unregister_capability(types.UnregistrationParams([registration]))
    asked.add_done_callback(_log_refusal)


def _id(method: str) -> str:
    return f"polypilot-{method}"


def _log_refusal(asked: Future[None]) -> None:
    if not asked.cancelled() and (error := asked.exception()) is not None:
        log.info("the editor refused a registration: %s", type(error).__name__)
