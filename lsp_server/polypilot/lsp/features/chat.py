"""``polypilot/chat/*`` and ``polypilot/edit/*``: chat over the language server's own connection.

What answers them is imported with the backend, after ``initialize`` has been answered.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from polypilot.lsp import chat_names as names

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

    Running = dict[int | str, asyncio.Task[object]]

STOP_GRACE = 1.0
"""Seconds a stopped answer has to report how it ended."""

_HANDLERS = {
    names.PREVIEW: "chat_answer.preview",
    names.SESSIONS: "chat_sessions.sessions",
    names.CREATE: "chat_sessions.create",
    names.LOAD: "chat_sessions.load",
    names.RENAME: "chat_sessions.rename",
    names.DELETE: "chat_sessions.delete",
    names.CONFIGURE: "chat_sessions.configure",
    names.SELECT: "chat_sessions.select",
    names.EXPORT: "chat_sessions.export",
    names.CLOSE: "chat_sessions.close",
    names.COMMANDS: "chat_sessions.commands",
    names.MENTIONS: "chat_sessions.mentions",
    names.EDIT_GET: "chat_edits.get",
    names.EDIT_PROPOSE: "chat_edits.propose",
    names.EDIT_ACCEPT: "chat_edits.accept",
    names.EDIT_REJECT: "chat_edits.reject",
    names.LM_MODELS: "lm.models",
    names.LM_COUNT: "lm.count",
}
"""Functions of the server and the params: module beside this one, and name."""


def register(server: PolypilotServer[Backend]) -> None:
    """Add the features."""
    running: Running = {}
    """Answers that can be stopped, by the token of their progress."""

    @server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    async def stop(params: types.WorkDoneProgressCancelParams) -> None:
        if (answering := running.get(params.token)) is not None:
            answering.cancel()

    for method, place in _HANDLERS.items():
        server.feature(method)(_later(server, place))
    server.feature(names.SEND, cancel_grace=STOP_GRACE)(_later(server, "chat_answer.send", running))
    server.feature(names.LM_RESPOND, cancel_grace=STOP_GRACE)(_later(server, "lm.respond", running))


def load() -> None:
    """Import what answers; for the thread that makes the backend."""
    for place in (*_HANDLERS.values(), "chat_answer.send"):
        import_module(f"polypilot.lsp.features.{place.partition('.')[0]}")


def _later(
    server: PolypilotServer[Backend], place: str, *more: Running
) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    """A handler that is looked up when it is called."""
    module, _, name = place.partition(".")

    async def handle(params: Any) -> Any:
        found = import_module(f"polypilot.lsp.features.{module}")
        return await getattr(found, name)(server, params, *more)

    return handle
