"""What the editor tells of suggestions: shown, taken, taken in part, turned down.

A suggestion is known by the first argument of its item's command. An item that begins with
the text of a menu's selected entry has the length of that text as the second one.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp import methods, told_methods
from polypilot.lsp.faults import Code, ReplyError
from polypilot.workspace.text_units import code_points

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

ACCEPTED = "polypilot.accepted"
PARTIALLY_ACCEPTED = "polypilot.partiallyAccepted"
DISMISSED = "polypilot.dismissed"
_KEPT = 64
"""Items whose text is kept, for clients that can only run commands."""


class Outcomes:
    """The items that were given to one client last."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def command(self, suggestion_id: str, text: str, lead: int = 0) -> types.Command:
        """The command of an item with this text, the first ``lead`` characters not its own."""
        self._given[suggestion_id] = text, lead
        self._given.move_to_end(suggestion_id)
        while len(self._given) > _KEPT:
            self._given.popitem(last=False)
        arguments: list[object] = [suggestion_id, lead] if lead else [suggestion_id]
        return types.Command("Polypilot: accepted", ACCEPTED, arguments=arguments)

    def taken(self, suggestion_id: str, units: int) -> int | None:
        """As :func:`taken`, of the item given last; None if there is no such item."""
        if suggestion_id not in self._given:
            return None
        return taken(*self._given[suggestion_id], units)


def taken(text: str, lead: int, units: int) -> int:
    """How many of a suggestion's characters are among the first UTF-16 ``units`` of its item."""
    return max(0, code_points(text, max(units, 0), "utf-16") - lead)


def register_outcomes(server: PolypilotServer[Backend], outcomes: Outcomes) -> None:
    """Add the commands and the notifications."""
    _notifications(server, outcomes)

    @server.command(ACCEPTED)
    async def accepted(suggestion_id: object, _lead: object = 0) -> None:
        (await server.backend()).engine.accepted(_checked(suggestion_id))

    @server.command(DISMISSED)
    async def dismissed(suggestion_id: object) -> None:
        (await server.backend()).engine.dismissed(_checked(suggestion_id))

    @server.command(PARTIALLY_ACCEPTED)
    async def partially_accepted(suggestion_id: object, accepted_length: object) -> None:
        known = _checked(suggestion_id)
        if type(accepted_length) is not int or accepted_length < 0:
            raise ReplyError(Code.INVALID_PARAMS, "the second argument is a length")
        chars = outcomes.taken(known, accepted_length)
        if chars is not None:
            (await server.backend()).engine.partially_accepted(known, chars)


def _notifications(server: PolypilotServer[Backend], outcomes: Outcomes) -> None:
    @server.feature(methods.DID_SHOW)
    async def shown(params: told_methods.DidShowParams) -> None:
        if found := _identity(params.item):
            (await server.backend()).engine.shown(found[0])

    @server.feature(methods.DID_PARTIALLY_ACCEPT)
    async def partially_accepted(params: told_methods.DidPartiallyAcceptParams) -> None:
        found, text = _identity(params.item), params.item.insert_text
        if found is None:
            return
        if text is None:  # the client sends the item's command alone
            chars = outcomes.taken(found[0], params.accepted_length)
        else:
            chars = taken(text, found[1], params.accepted_length)
        if chars is not None:
            (await server.backend()).engine.partially_accepted(found[0], chars)


def _identity(item: told_methods.ItemTold) -> tuple[str, int] | None:
    """The suggestion's id, and how much of the item's text comes before it."""
    arguments = item.command.arguments if item.command else ()
    match arguments:
        case [str() as suggestion_id]:
            return suggestion_id, 0
        case [str() as suggestion_id, lead, *_] if type(lead) is int and lead >= 0:
            return suggestion_id, lead
        case _:
            log.info("ignored a notification about an item that is not ours")
            return None


def _checked(suggestion_id: object) -> str:
    if not isinstance(suggestion_id, str):
        raise ReplyError(Code.INVALID_PARAMS, "the argument is a suggestion's id")
    return suggestion_id
