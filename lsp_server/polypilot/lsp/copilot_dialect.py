"""What the clients of GitHub's Copilot language server say, in terms of our own engines.

``docs/copilot-clients.md`` names the clients. Two versions of the protocol are spoken: the one
that the vendor documents has LSP's own `textDocument/inlineCompletion`, which every client of
ours uses; the older one has methods without a prefix. Only the second needs translation, and
what both have beside completions: signing in, states, models, conversations.

What translates is imported when the first message of its kind comes.
"""

from __future__ import annotations

import platform
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from polypilot import __version__
from polypilot.lsp import copilot_names as names

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from polypilot.backend import Backend, Status
    from polypilot.lsp.copilot_methods import EditorInfoParams, FocusParams
    from polypilot.lsp.features.asking import Asker
    from polypilot.lsp.features.outcome import Outcomes
    from polypilot.lsp.server import PolypilotServer

STOP_GRACE = 1.0
"""Seconds that a stopped answer has to report how it ended."""

_HANDLERS = {
    names.CHECK_STATUS: "copilot_account.check_status",
    names.SIGN_IN: "copilot_account.sign_in",
    names.SIGN_IN_INITIATE: "copilot_account.sign_in",
    names.SIGN_IN_CONFIRM: "copilot_account.confirm",
    names.SIGN_OUT: "copilot_account.sign_out",
    names.MODELS: "copilot_account.models",
    names.GET_COMPLETIONS: "copilot_completions.first",
    names.GET_COMPLETIONS_CYCLING: "copilot_completions.cycling",
    names.GET_PANEL_COMPLETIONS: "copilot_completions.panel",
    names.PANEL_COMPLETION: "copilot_completions.panel_items",
    names.NOTIFY_SHOWN: "copilot_completions.shown",
    names.NOTIFY_ACCEPTED: "copilot_completions.accepted",
    names.NOTIFY_REJECTED: "copilot_completions.rejected",
    names.CONVERSATION_TEMPLATES: "copilot_chat.templates",
    names.CONVERSATION_DESTROY: "copilot_chat.destroy",
}
_ANSWERING = {
    names.CONVERSATION_CREATE: "copilot_chat.create",
    names.CONVERSATION_TURN: "copilot_chat.turn",
    names.COMMIT_GENERATE: "copilot_chat.commit",
}
"""Functions of the client and the params: module beside this one, and name."""


class CopilotClient:
    """One connection, as far as what is said depends on what was said before."""

    def __init__(self, server: PolypilotServer[Backend], asker: Asker, outcomes: Outcomes) -> None:
        self.server = server
        self.asker = asker
        self.outcomes = outcomes
        self.signed_out = False
        """The user has said so; what is stored is none of its business."""
        self.answering: dict[int | str, asyncio.Task[Any]] = {}
        """Answers under way, by the token of their progress."""
        self.turns: dict[str, asyncio.Task[Any]] = {}
        """The same, by conversation."""
        self.confirming: asyncio.Task[Any] | None = None
        """The request that waits for its user to sign in."""
        self._told: object = None
        self._listening = False

    async def listen(self) -> None:
        """Tell the client of the state from now on."""
        if self._listening:
            return
        self._listening = True
        backend = await self.server.backend()
        backend.board.listen(self.tell)
        if backend.status.state != "starting":
            self.tell(backend.status)

    def tell(self, status: Status) -> None:
        """The state, in both forms that there are, if it is another than the one told last."""
        from polypilot.lsp.copilot_account import state_of  # noqa: PLC0415 - not needed to start

        state = state_of(status, signed_out=self.signed_out)
        if state == self._told or not self._listening:
            return
        self._told = state
        self.server.protocol.notify(names.DID_CHANGE_STATUS, state.as_changed())
        self.server.protocol.notify(names.STATUS_NOTIFICATION, state.as_notification())


def register(server: PolypilotServer[Backend], asker: Asker, outcomes: Outcomes) -> None:
    """Add the features."""
    client = CopilotClient(server, asker, outcomes)
    for method, place in _HANDLERS.items():
        server.feature(method)(_later(client, place))
    for method, place in _ANSWERING.items():
        server.feature(method, cancel_grace=STOP_GRACE)(_later(client, place))
    _about_the_client(client)
    _fixed(client)

    @server.command(names.FINISH_SIGN_IN)
    async def finish_sign_in() -> Any:
        from polypilot.lsp import copilot_account  # noqa: PLC0415 - few sessions need it

        return await copilot_account.finish(client)


def _about_the_client(client: CopilotClient) -> None:
    server = client.server

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        if server.copilot_client:
            await client.listen()

    @server.feature(names.SET_EDITOR_INFO)
    async def set_editor_info(_params: EditorInfoParams) -> str:
        await client.listen()
        return "OK"

    @server.feature(names.DID_FOCUS)
    async def focused(params: FocusParams) -> None:
        if params.text_document.uri is not None:
            (await server.backend()).focused(params.text_document.uri)

    @server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    async def stop(params: types.WorkDoneProgressCancelParams) -> None:
        if (answering := client.answering.get(params.token)) is not None:
            answering.cancel()


def _fixed(client: CopilotClient) -> None:
    """What is always answered in the same way."""
    server = client.server

    @server.feature(names.GET_VERSION)
    async def get_version(_params: object) -> dict[str, str]:
        runtime = f"python/{platform.python_version()}"
        return {"version": __version__, "buildType": "prod", "runtimeVersion": runtime}

    @server.feature(names.CONVERSATION_PRECONDITIONS)
    async def preconditions(_params: object) -> dict[str, object]:
        return {"status": "ok", "results": []}


def _later(client: CopilotClient, place: str) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    """A handler that is looked up when it is called."""
    module, _, name = place.partition(".")

    async def handle(params: Any) -> Any:
        found = import_module(f"polypilot.lsp.{module}")
        return await getattr(found, name)(client, params)

    return handle
