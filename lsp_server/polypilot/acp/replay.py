"""A conversation that is opened again, as the updates that it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.acp import translate

if TYPE_CHECKING:
    from polypilot.acp.turn import Turn
    from polypilot.chat.values import Conversation


def show(conversation: Conversation, turn: Turn) -> None:
    """Send all of it, in order; the title and how full the window is come last."""
    for message in conversation.messages:
        turn.begin(message.id)
        if message.role == "user":
            turn.send(translate.chunk("user", message.text, message.id))
        elif message.role == "summary":
            text = f"> Summary of what came before:\n\n{message.text}\n\n"
            turn.send(translate.chunk("agent", text, message.id))
        for event in message.events:
            turn.take(event)
    turn.finish()
    info = conversation.info
    turn.send(translate.info(info.title, info.updated or None))
    if conversation.used and conversation.window is not None:
        cost = conversation.session_cost
        turn.send(translate.usage_of(conversation.used, conversation.window, cost))
