"""A question on its way in: its conversation, all that goes with it, where its answer begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat.asking import LOOK_S
from polypilot.chat.checking import chosen, effort_after, known
from polypilot.chat.plan import ChatError
from polypilot.chat.session import AnswerTurn, ChatSession, UserTurn

if TYPE_CHECKING:
    from polypilot.chat import events
    from polypilot.chat.asking import Prepared, SystemText
    from polypilot.chat.keeping import Keeper
    from polypilot.chat.parts import Parts
    from polypilot.chat.plan import ChatPlan
    from polypilot.chat.values import ChatTool, Client, Mode, Question
    from polypilot.workspace.gate import Gate


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that is about to be answered."""

    question: UserTurn
    system: SystemText
    mode: Mode
    is_new: bool
    items: tuple[events.ContextItem, ...]
    notices: tuple[str, ...]


class Opener:
    """Makes of a question what is to be answered. Changes no conversation."""

    def __init__(self, gate: Gate, parts: Parts, keeper: Keeper) -> None:
        self._gate = gate
        self._parts = parts
        self._keeper = keeper

    async def session(self, question: Question) -> ChatSession:
        """The question's conversation; a new one where it names none."""
        if question.session_id:
            return await self._keeper.open(question.session_id)
        return ChatSession(root=self._parts.root(question.root), keep=question.keep)

    async def asked(
        self, session: ChatSession, question: Question, client: Client, plan: ChatPlan
    ) -> Asked:
        """The message to answer, new or one of before, with all that goes along.

        Raises:
            ChatError: what it replaces can't be replaced so.
            UserError, ProviderError: from the question's command.
        """
        root = session.root or None
        parent = session.head
        replaced = known(session, question.replaces) if question.replaces else None
        await self._gate.look(session.sources(replaced and replaced.id), LOOK_S)
        if isinstance(replaced, AnswerTurn):
            asked = session.tree.get(replaced.parent or "")
            if not isinstance(asked, UserTurn) or question.text.strip():
                raise ChatError(
                    "an answer is given again without a new message", code="unknown_message"
                )
            mode = question.mode or asked.mode or session.mode or plan.mode
            system = await self._parts.asking.system(client.scene, root, plan, mode)
            return Asked(asked, system, mode, False, system.items, system.notices)
        if replaced is not None:
            parent = replaced.parent
        now = question.mode or session.mode or plan.mode
        prepared = await self._parts.asking.prepare(question, client.scene, root, plan, now)
        mode = prepared.mode or now
        system = await self._parts.asking.system(client.scene, root, plan, mode)
        turn = _user_turn(session, prepared, parent)
        return Asked(
            turn,
            system,
            mode,
            True,
            (*prepared.items, *system.items),
            (*prepared.notices, *system.notices),
        )

    async def tools(self, mode: Mode, plan: ChatPlan) -> tuple[ChatTool, ...]:
        """What the model may call."""
        tools = self._parts.tools
        if tools is None or not plan.tools or mode == "plain":
            return ()
        return await tools.offered(mode)


def _user_turn(session: ChatSession, prepared: Prepared, parent: str | None) -> UserTurn:
    return UserTurn(
        prepared.text,
        prepared.attached,
        session.new_id(),
        parent,
        prepared.shown,
        prepared.items,
        mode=prepared.mode,
    )


def begun(session: ChatSession, question: Question, plan: ChatPlan, turn: Asked) -> AnswerTurn:
    """From here on there is a message with an answer, whatever becomes of it."""
    session.provider, session.model = chosen(session, question.provider, question.model)
    session.effort = effort_after(session, question.effort)
    session.mode = question.mode or session.mode
    if turn.is_new:
        session.add(turn.question)
    else:
        session.head = turn.question.id
    first = plan.targets[0] if plan.targets else None
    answer = AnswerTurn(
        session.new_id(),
        first.provider_id if first else session.provider,
        first.model if first else session.model,
        turn.question.id,
    )
    session.add(answer)
    return answer
