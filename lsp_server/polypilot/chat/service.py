"""All conversations of one server, and the way from a question to its answer."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.chat.answer import Answering
from polypilot.chat.attachments import Attach, Collector
from polypilot.chat.session import AnswerTurn, ChatSession, UserTurn
from polypilot.errors import UserError, describe
from polypilot_prompts.chat import system_prompt, title_for
from polypilot_providers.base import CHAT_LIMITS, Limits
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Router, Target
    from polypilot_providers.types import Effort

log = logging.getLogger(__name__)

MAX_SESSIONS = 100
MAX_MESSAGE_CHARS = 2_000_000
"""One message with its attachments, and one answer."""
MAX_SESSION_CHARS = 8_000_000
MAX_TOTAL_CHARS = 64_000_000


class ChatError(UserError):
    """The message was not sent: ``busy``, ``unknown_session``, ``empty`` or ``too_long``."""

    code = "chat"


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """Whom to ask, and how."""

    targets: tuple[Target, ...]
    limits: Limits = CHAT_LIMITS
    system: str = ""
    """What the user adds to our instructions."""
    effort: Effort | None = None
    """How much to reason; None leaves it to the model."""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """The user's own templates, in place of ours."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A conversation in a list."""

    session_id: str
    title: str
    provider: str
    model: str
    messages: int


class ChatService:
    """Keeps conversations in memory and answers messages, one at a time per conversation.

    Args:
        router: sends requests.
        gate: all text passes it.
        documents: the open documents, for attachments.
        plan: whom to ask for a provider id and model of the user's choice; both may be empty,
            for what the settings select. May raise UserError or ProviderError.
    """

    def __init__(
        self,
        *,
        router: Router,
        gate: Gate,
        documents: DocumentStore,
        plan: Callable[[str, str], ChatPlan],
        max_sessions: int = MAX_SESSIONS,
        max_total_chars: int = MAX_TOTAL_CHARS,
    ) -> None:
        self._router = router
        self._gate = gate
        self._plan = plan
        self._collector = Collector(gate, documents)
        self._max_sessions = max_sessions
        self._max_total_chars = max_total_chars
        self._sessions: OrderedDict[str, ChatSession] = OrderedDict()

    def sessions(self) -> list[SessionInfo]:
        """The conversations, the one used last first."""
        return [
            SessionInfo(each.id, each.title, each.provider, each.model, each.messages)
            for each in reversed(self._sessions.values())
        ]

    def get(self, session_id: str) -> ChatSession:
        """A conversation.

        Raises:
            ChatError: there is none of that id (any more).
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise ChatError(
                "this conversation is not known (any more)",
                code="unknown_session",
                cure="Start a new one.",
            )
        return session

    def close(self, session_id: str) -> None:
        """Forget a conversation. One that is answering is forgotten too, but ends by itself."""
        self._sessions.pop(session_id, None)

    async def send(
        self,
        text: str,
        *,
        session_id: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        effort: Effort | None = None,
        attachments: Sequence[Attach] = (),
    ) -> AsyncGenerator[events.ChatEvent, None]:
        """Answer a message, as a stream of events that ends with an End.

        What is given of ``provider``, ``model`` and ``effort`` holds from now on.

        Closing the generator, or cancelling the task that iterates it, stops the answer and
        closes the supplier's socket; what arrived is kept, marked as cancelled. A failure of
        the supplier is an End with an error.

        Raises:
            ChatError: before any event; nothing was sent and nothing has changed.
            UserError, ProviderError: from ``plan``; likewise.
        """
        session = self.get(session_id) if session_id else ChatSession(secrets.token_hex(8))
        if session.busy:
            raise ChatError(
                "this conversation is still being answered",
                code="busy",
                cure="Wait for the answer, stop it, or start another conversation.",
            )
        if not text.strip():
            raise ChatError("the message is empty", code="empty")
        chosen = _choose(session, provider, model)
        plan = self._plan(*chosen)
        attached, items = self._collector.collect(attachments)
        question = UserTurn(self._gate.typed(text), tuple(attached))
        self._check_size(session, question)
        session.provider, session.model = chosen
        session.effort = effort or session.effort
        self._begin(session, text)
        session.turns.append(question)
        answer = AnswerTurn(f"{session.id}-{len(session.turns)}", *_first(plan, chosen))
        session.turns.append(answer)
        session.busy = True
        try:
            yield events.Session(session.id, answer.id, answer.provider, answer.model)
            if items:
                yield events.Context(tuple(items))
            async with aclosing(self._answer(session, answer, plan)) as stream:
                async for event in stream:
                    yield event
        except Exception:
            answer.reason = "error"
            raise
        finally:
            session.busy = False
            answer.reason = answer.reason or "cancelled"
            self._shrink()

    async def _answer(
        self, session: ChatSession, answer: AnswerTurn, plan: ChatPlan
    ) -> AsyncGenerator[events.ChatEvent, None]:
        answering = Answering(answer)
        error = None
        try:
            request = self._request(session, plan)
            stream = self._router.stream_chat(plan.targets, request, plan.limits)
            async with aclosing(stream):
                async for event in stream:
                    for out in answering.take(event):
                        yield out
                    if answer.size > MAX_MESSAGE_CHARS:
                        answer.reason = "length"
                        break
        except ProviderError as failure:
            log.info("chat failed: %s", failure.code)
            answer.reason = "error"
            problem = describe(failure)
            error = events.Error(problem.code, problem.message, problem.cure)
        for out in answering.finish():
            yield out
        if error is not None:
            yield error
        yield events.End(
            stop_reason=answer.reason or "end",
            session_id=session.id,
            message_id=answer.id,
            provider=answer.provider,
            model=answer.model,
            text=answer.text,
            usage=answer.usage,
            error=error,
        )

    def _request(self, session: ChatSession, plan: ChatPlan) -> ChatRequest:
        target = plan.targets[0] if plan.targets else None
        request = ChatRequest(
            model=target.model if target else "",
            messages=session.history(
                target.provider_id if target else "", self._gate.still_allowed
            ),
            system=system_prompt(plan.system, overrides=plan.templates),
            cache_key=session.id,
            effort=session.effort or plan.effort,
        )
        return self._gate.last_check(request)

    def _check_size(self, session: ChatSession, question: UserTurn) -> None:
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

    def _begin(self, session: ChatSession, text: str) -> None:
        """Put the conversation at the end of the list, as the one used last."""
        if not session.title:
            session.title = title_for(text)
        self._sessions[session.id] = session
        self._sessions.move_to_end(session.id)
        self._shrink()

    def _shrink(self) -> None:
        """Forget the conversations used longest ago, but none that is being answered."""
        total = sum(each.size for each in self._sessions.values())
        for session in list(self._sessions.values())[:-1]:
            if len(self._sessions) <= self._max_sessions and total <= self._max_total_chars:
                return
            if not session.busy:
                total -= session.size
                del self._sessions[session.id]


def _choose(session: ChatSession, provider: str | None, model: str | None) -> tuple[str, str]:
    """Provider and model from now on. Another provider does not keep the old one's model."""
    if provider and provider != session.provider:
        return provider, model or ""
    return session.provider, model or session.model


def _first(plan: ChatPlan, chosen: tuple[str, str]) -> tuple[str, str]:
    """Provider and model that are asked first."""
    if not plan.targets:
        return chosen
    return plan.targets[0].provider_id, plan.targets[0].model
