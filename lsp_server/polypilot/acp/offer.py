"""What is answered to ``initialize``. It must cost nothing: no settings are read for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.acp import checks
from polypilot.acp.faults import invalid

if TYPE_CHECKING:
    from polypilot.acp.checks import Params

VERSION = 1
"""Of the protocol. A client that wants another one is offered this."""

CONFIGURED, EMBEDDED, TERMINAL = "configured", "embedded", "terminal"
"""Ids of the ways to sign in."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a client said it can do, as far as we go by it."""

    notices: bool = False
    compactions: bool = False
    terminal_auth: bool = False


def abilities(params: Params) -> Abilities:
    """Read ``initialize``'s params. What is malformed in them is taken for absent.

    Raises:
        RpcError: the version is no number.
    """
    version = params.get("protocolVersion")
    if type(version) is not int:
        raise invalid("protocolVersion", "must be an integer")
    told = checks.thing(params, "clientCapabilities")
    session = _maybe(told, "session")
    return Abilities(
        notices=isinstance(session.get("notices"), dict),
        compactions=isinstance(session.get("compaction"), dict),
        terminal_auth=checks.flag(_maybe(told, "auth"), "terminal"),
    )


def offer(can: Abilities, version: str) -> dict[str, object]:
    """``initialize``'s result; ``version`` is ours."""
    return {
        "protocolVersion": VERSION,
        "agentInfo": {"name": "polypilot", "title": "Polypilot", "version": version},
        "agentCapabilities": {
            "loadSession": True,
            "promptCapabilities": {"image": True, "audio": False, "embeddedContext": True},
            "mcpCapabilities": {"http": False, "sse": False},
            "sessionCapabilities": {
                "list": {},
                "resume": {},
                "close": {},
                "delete": {},
                "additionalDirectories": {},
            },
            "auth": {"logout": {}},
        },
        "authMethods": _methods(can),
    }


def _methods(can: Abilities) -> list[dict[str, object]]:
    methods: list[dict[str, object]] = [
        {
            "id": CONFIGURED,
            "name": "Use the provider of my settings",
            "description": "Its key is read from the operating system's keyring.",
        },
        {
            "id": EMBEDDED,
            "name": "Use the embedded model",
            "description": "Runs on this machine and needs no key. For this connection only.",
        },
    ]
    if can.terminal_auth:
        methods.append(
            {
                "type": "terminal",
                "id": TERMINAL,
                "name": "Enter a provider's key",
                "description": "Asks for it in a terminal and puts it into the keyring.",
                "args": ["auth"],
            }
        )
    return methods


def _maybe(params: Params, name: str) -> Params:
    try:
        return checks.thing(params, name)
    except Exception:  # noqa: BLE001 - a capability that can't be read is not there
        return {}
