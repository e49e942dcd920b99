"""What a conversation must be for something to be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat.plan import MAX_MESSAGE_CHARS, MAX_SESSION_CHARS, ChatError

if TYPE_CHECKING:
    from polypilot.chat.session import ChatSession, UserTurn
    from polypilot.chat.turns import Turn
    from polypilot.chat.values import EffortChange
    from polypilot_providers.types import Effort


def idle(session: ChatSession) -> None:
    """Raises ChatError ``busy`` while a conversation is being answered."""
    if session.busy:
        raise ChatError(
            "this conversation is still being answered",
            code="busy",
            cure="Wait for the answer, stop it, or start another conversation.",
        )


def known(session: ChatSession, message_id: str) -> Turn:
    """A message of a conversation; raises ChatError ``unknown_message``."""
    turn = session.tree.get(message_id)
    if turn is None:
        raise ChatError("this message is not known (any more)", code="unknown_message")
    return turn


def chosen(session: ChatSession, provider: str | None, model: str | None) -> tuple[str, str]:
    """Provider and model from now on. Another provider does not keep the old one's model."""
    if provider and provider != session.provider:
        return provider, model or ""
    return session.provider, model or session.model


def effort_after(session: ChatSession, change: EffortChange | None) -> Effort | None:
    """How much to reason from now on; None: as the settings say."""
    if change is None:
        return session.effort
    return None if change == "default" else change


def check_size(session: ChatSession, question: UserTurn) -> None:
    """Raises ChatError ``too_long``."""
    if question.size > MAX_MESSAGE_CHARS:
        raise ChatError(
            f"the message and its attachments are longer than {MAX_MESSAGE_CHARS:,} characters",
            code="too_long",
            cure="Attach less: a selection instead of the whole document.",
        )
    if session.size + question.size > MAX_SESSION_CHARS:
        raise ChatError(
            f"this conversation is longer than {MAX_SESSION_CHARS:,} characters",
            code="too_long",
            cure="Start a new one.",
        )
