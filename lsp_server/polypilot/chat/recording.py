"""Conversations as records of the history, and back."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast, get_args

from polypilot.chat.session import AnswerTurn, ChatSession, SummaryTurn, UserTurn
from polypilot.chat.stored import UnreadableError, dumped, restored
from polypilot.chat.values import Mode
from polypilot_providers.types import Effort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.chat.history_values import MessageRecord, SessionRecord
    from polypilot.chat.turns import Turn
    from polypilot.workspace.gate import Gate

log = logging.getLogger(__name__)


def plain(turn: Turn) -> str:
    """What is searched."""
    match turn:
        case UserTurn():
            return turn.shown
        case AnswerTurn():
            return turn.text
        case SummaryTurn():
            return ""


def record_of(session: ChatSession) -> SessionRecord:
    """A conversation without its turns."""
    from polypilot.chat.history_values import SessionRecord  # noqa: PLC0415 - with the disk

    return SessionRecord(
        id=session.id,
        title=session.title,
        provider=session.provider,
        model=session.model,
        effort=session.effort or "",
        mode=session.mode or "",
        root=session.root,
        created=session.created,
        updated=session.updated,
        head=session.head or "",
    )


def message_of(session: ChatSession, turn: Turn) -> MessageRecord:
    """A turn, as the conversation has it now."""
    from polypilot.chat.history_values import MessageRecord  # noqa: PLC0415 - with the disk

    turn = session.tree.get(turn.id, turn)
    answer = turn if isinstance(turn, AnswerTurn) else None
    usage = answer.usage if answer else None
    costs = [step.cost.dollars for step in answer.steps if step.cost] if answer else []
    role = "user" if isinstance(turn, UserTurn) else "assistant" if answer else "summary"
    return MessageRecord(
        id=turn.id,
        session_id=session.id,
        parent=turn.parent or "",
        role=role,
        provider=answer.provider if answer else "",
        model=answer.model if answer else "",
        reason=(answer.reason or "") if answer else "",
        created=turn.created,
        body=dumped(turn),
        text=plain(turn),
        cost=sum(costs[1:], costs[0]) if costs else None,
        tokens_in=usage and usage.input_tokens,
        tokens_out=usage and usage.output_tokens,
    )


def session_of(
    record: SessionRecord, messages: tuple[MessageRecord, ...], gate: Gate
) -> ChatSession:
    """A conversation as it was; what follows a turn that can't be read follows the one before."""
    session = ChatSession(
        record.id,
        record.title,
        record.provider,
        record.model,
        effort_of(record),
        mode_of(record),
        record.root,
        created=record.created,
    )
    lost: dict[str, str] = {}
    for each in messages:
        try:
            turn = restored(
                each.body,
                gate,
                role=each.role,
                turn_id=each.id,
                parent=each.parent or None,
                created=each.created,
                provider=each.provider,
                model=each.model,
            )
        except UnreadableError as error:
            log.warning("a message that was kept can't be read: %s", error)
            lost[each.id] = each.parent
            continue
        session.tree[turn.id] = turn
    for turn in [each for each in session.tree.values() if each.parent in lost]:
        # What follows a message that is lost follows the one before it.
        session.tree[turn.id] = replace(turn, parent=_left(turn.parent, lost))
    head = _left(record.head, lost)
    session.head = head if head in session.tree else next(reversed(session.tree), None)
    session.updated = record.updated
    return session


def _left(turn_id: str | None, lost: Mapping[str, str]) -> str | None:
    seen: set[str] = set()
    while turn_id and turn_id in lost and turn_id not in seen:
        seen.add(turn_id)
        turn_id = lost[turn_id]
    return turn_id or None


def effort_of(record: SessionRecord) -> Effort | None:
    """As it was chosen; whatever a newer version may have kept, a supplier takes its nearest."""
    return cast("Effort", record.effort) if record.effort in get_args(Effort) else None


def mode_of(record: SessionRecord) -> Mode | None:
    """As it was chosen; None: as the settings say."""
    return cast("Mode", record.mode) if record.mode in get_args(Mode) else None
