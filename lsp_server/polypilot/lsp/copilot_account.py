"""State, signing in and models, as Copilot's clients show them.

There is no account of anybody's. Who is "signed in" is the provider that completes: one that
has what it needs. To sign in is to give it its key, which goes by another way than this
connection: what a client shows as the code to copy is the command that asks for the key, and the
page to open is the one where the supplier gives keys out.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lsprotocol import types

from polypilot.errors import UserError
from polypilot.lsp import copilot_names as names
from polypilot.lsp.copilot_reply import told

if TYPE_CHECKING:
    from collections.abc import Generator

    from polypilot.backend import Backend, Status
    from polypilot.backend.lm_models import LmModel
    from polypilot.lsp.copilot_dialect import CopilotClient
    from polypilot_providers.catalog import ProviderRow

Kind = Literal["Normal", "Error", "Warning", "Inactive"]

EXPIRES_S = 900
"""Seconds that a user has to store a key after having been told how."""
LOOK_EVERY_S = 1.0
_KINDS: dict[str, Kind] = {
    "paused": "Inactive",
    "needsKey": "Error",
    "needsModel": "Warning",
    "error": "Error",
}


@dataclass(frozen=True, slots=True)
class State:
    """What a client's status line shows."""

    kind: Kind
    busy: bool
    message: str = ""
    can_sign_in: bool = False

    def as_changed(self) -> dict[str, Any]:
        """The params of ``didChangeStatus``."""
        changed: dict[str, Any] = {"kind": self.kind, "busy": self.busy, "message": self.message}
        if self.can_sign_in:
            changed["command"] = types.Command("Sign in", names.FINISH_SIGN_IN)
        return changed

    def as_notification(self) -> dict[str, Any]:
        """The params of ``statusNotification``."""
        status = "InProgress" if self.busy else self.kind
        return {"status": status, "message": self.message}


def state_of(status: Status, *, signed_out: bool) -> State:
    """A status of ours as a client's."""
    if signed_out:
        return State("Inactive", busy=False, message="Polypilot: signed out, completions are off")
    if status.state == "paused":
        return State("Inactive", busy=False, message="Polypilot: completions are paused")
    kind = _KINDS.get(status.state, "Normal")
    message = ""
    if status.error is not None and status.state != "busy":
        message = f"Polypilot: {told(status.error.message, status.error.cure)}"
    busy = status.state in {"busy", "starting"}
    return State(kind, busy, message, can_sign_in=status.state == "needsKey")


# -- signing in ------------------------------------------------------------------------------


async def check_status(client: CopilotClient, _params: object) -> dict[str, str]:
    """Whether the provider that completes has what it needs."""
    backend = await _fresh(client)
    user = await _user(backend)
    if user is None or client.signed_out:
        return {"status": "NotSignedIn"}
    return {"status": "OK", "user": user}


async def sign_in(client: CopilotClient, _params: object) -> dict[str, Any]:
    """How to give the provider its key; ``confirm`` waits until that has been done."""
    backend = await _fresh(client)
    user = await _user(backend)
    if user is not None and not client.signed_out:
        return {"status": "AlreadySignedIn", "user": user}
    code, page = _command(_row(backend)), _page(_row(backend))
    return {
        "status": "PromptUserDeviceFlow",
        "userCode": code,
        "code": code,
        "verificationUri": page,
        "expiresIn": EXPIRES_S,
        "interval": int(LOOK_EVERY_S),
        "command": types.Command("Sign in", names.FINISH_SIGN_IN, arguments=[]),
    }


async def confirm(client: CopilotClient, _params: object) -> dict[str, str]:
    """Returns when the provider has its key.

    An earlier one that still waits is cancelled: who signs in again has given that one up, and
    would be told of each.

    Raises:
        UserError: it has none after a quarter of an hour.
    """
    with _newest(client):
        return await _stored(client)


@contextmanager
def _newest(client: CopilotClient) -> Generator[None]:
    """Give up an earlier click. Entered before the first wait: clicks count as they came."""
    _give_up(client)
    client.confirming = asyncio.current_task()
    try:
        yield
    finally:
        if client.confirming is asyncio.current_task():
            client.confirming = None


def _give_up(client: CopilotClient) -> None:
    if client.confirming is not None:
        client.confirming.cancel()
        client.confirming = None


async def _stored(client: CopilotClient) -> dict[str, str]:
    backend = await _fresh(client)
    if client.signed_out:
        client.signed_out = False
        backend.pause(paused=False)
        client.tell(backend.status)
    for _ in range(int(EXPIRES_S / LOOK_EVERY_S)):
        user = await _user(backend)
        if user is not None:
            backend.credentials.refresh()  # it may have been looked for in vain
            backend.board.solved("auth")
            return {"status": "OK", "user": user}
        await asyncio.sleep(LOOK_EVERY_S)
        await backend.refresh()
    code = _command(_row(backend))
    raise UserError("no key was stored", code="auth", cure=f"Run `{code}` in a terminal.")


async def finish(client: CopilotClient) -> dict[str, str]:
    """The command behind "sign in": open the page of keys, then as :func:`confirm`."""
    with _newest(client):
        backend = await _fresh(client)
        page = _row(backend).key_page
        window = client.server.client_capabilities.window
        able = window.show_document if window else None
        if page and able is not None and able.support and await _user(backend) is None:
            client.server.window_show_document(types.ShowDocumentParams(page, external=True))
        return await _stored(client)


async def sign_out(client: CopilotClient, _params: object) -> dict[str, str]:
    """Nothing is completed unasked any more. Keys stay: other editors use them too."""
    _give_up(client)
    backend = await client.server.backend()
    client.signed_out = True
    backend.pause(paused=True)
    client.tell(backend.status)
    return {"status": "NotSignedIn"}


async def _fresh(client: CopilotClient) -> Backend:
    backend = await client.server.backend()
    await backend.refresh()
    return backend


def _row(backend: Backend) -> ProviderRow:
    return backend.row(backend.target("completion").provider_id)


async def _user(backend: Backend) -> str | None:
    """Who completes; None: it lacks its key."""
    target = backend.target("completion")
    for state in await backend.provider_states():
        if state.id == target.provider_id:
            return None if state.key_stored is False else f"{state.name} ({target.model})"
    return None


def _command(row: ProviderRow) -> str:
    return f"polypilot auth set {row.id}" if row.auth == "keyring" else "polypilot auth"


def _page(row: ProviderRow) -> str:
    """Where the supplier gives keys out; without one, where its user chooses providers."""
    from polypilot import paths  # noqa: PLC0415 - rarely needed
    from polypilot.workspace.roots import uri_of  # noqa: PLC0415 - likewise

    return row.key_page or uri_of(str(paths.config_file()))


# -- models ----------------------------------------------------------------------------------


async def models(client: CopilotClient, _params: object) -> list[dict[str, Any]]:
    """The models that can be used now. A model's id has its provider in front."""
    backend = await _fresh(client)
    target = backend.target("completion")
    found = [_model(each) for each in await backend.lm.models()]
    chosen = f"{target.provider_id}/{target.model}"
    if all(each["id"] != chosen for each in found):
        found.insert(0, {**_named(target.provider_id, target.model), "scopes": ["completion"]})
    for each in found:
        each["default"] = each["id"] == chosen
    return found


def _named(provider: str, model: str) -> dict[str, Any]:
    return {
        "id": f"{provider}/{model}",
        "modelName": f"{model} ({provider})",
        "modelFamily": provider,
        "preview": False,
        "isChatDefault": False,
    }


def _model(found: LmModel) -> dict[str, Any]:
    model = found.model
    supports = {"tool_calls": model.tools, "vision": model.images}
    limits = {
        "maxContextWindowTokens": model.context_tokens,
        "maxOutputTokens": model.output_tokens,
    }
    return {
        **_named(found.provider, model.id),
        "modelName": f"{model.name or model.id} ({found.provider_name})",
        "isChatDefault": found.selected,
        "scopes": ["completion", "chat-panel", "agent-panel", "edit-panel", "inline"],
        "capabilities": {
            "supports": {key: value for key, value in supports.items() if value is not None},
            "limits": {key: value for key, value in limits.items() if value is not None},
        },
    }
