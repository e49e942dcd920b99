"""The way of one question: what goes with it, its answer, and what is kept of both."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.chat.answer import harmless
from polypilot.chat.checking import check_size, chosen, idle
from polypilot.chat.compaction import Compactor
from polypilot.chat.opening import Asked, Opener, begun
from polypilot.chat.previewing import preview
from polypilot.chat.running import Run, cost_of, failed, request_for
from polypilot.chat.values import Unattended
from polypilot.errors import Problem, UserError, describe
from polypilot_prompts.chat import title_for
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.chat.keeping import Keeper
    from polypilot.chat.parts import Parts
    from polypilot.chat.plan import ChatPlan
    from polypilot.chat.previewing import Preview
    from polypilot.chat.session import AnswerTurn, ChatSession
    from polypilot.chat.values import ChatTool, Client, Question
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Router


@dataclass(slots=True)
class _Answer:
    """An answer under way."""

    session: ChatSession
    turn: AnswerTurn
    plan: ChatPlan
    asked: Asked
    client: Client
    error: events.Error | None = None


class Sender:
    """Answers messages, one at a time per conversation."""

    def __init__(
        self,
        router: Router,
        gate: Gate,
        plan: Callable[[str, str], ChatPlan],
        parts: Parts,
        keeper: Keeper,
    ) -> None:
        self._router = router
        self._gate = gate
        self._plan = plan
        self._parts = parts
        self._accounts = parts.accounts
        self._keeper = keeper
        self._opener = Opener(gate, parts, keeper)

    async def preview(self, question: Question, client: Client | None = None) -> Preview:
        """What a question would send, part by part; nothing is sent and nothing changes.

        Raises:
            ChatError, UserError, ProviderError: as ``send``.
        """
        client = client or Unattended()
        session = await self._opener.session(question)
        plan = self._plan(*chosen(session, question.provider, question.model))
        turn = await self._opener.asked(session, question, client, plan)
        trial = replace(session, tree=dict(session.tree), decided={})
        trial.head = turn.question.parent if turn.is_new else turn.question.id
        if turn.is_new:
            trial.add(turn.question)
        tools = await self._opener.tools(turn.mode, plan)
        specs = tuple(each.spec for each in tools)
        target = plan.targets[0] if plan.targets else None
        request = request_for(trial, self._gate, plan, turn.system.text, specs, target)
        return preview(
            self._gate.last_check(request), turn.question, turn.system, plan, turn.notices
        )

    async def send(
        self, question: Question, client: Client | None = None
    ) -> AsyncGenerator[events.ChatEvent, None]:
        """Answer a message, as a stream of events that ends with an End.

        Closing the generator, or cancelling the task that iterates it, stops the answer and
        closes the supplier's socket; what arrived is kept, marked as cancelled. A failure of
        the supplier is an End with an error.

        Raises:
            ChatError: before any event; nothing was sent and nothing has changed.
            UserError, ProviderError: from ``plan`` or the question's command; likewise.
        """
        session = await self._opener.session(question)
        idle(session)
        session.busy = True
        try:
            async with aclosing(self._send(session, question, client or Unattended())) as stream:
                async for event in stream:
                    yield event
        finally:
            session.busy = False
            self._keeper.shrink()

    async def _send(
        self, session: ChatSession, question: Question, client: Client
    ) -> AsyncGenerator[events.ChatEvent, None]:
        plan = self._planned(session, question)
        turn = await self._opener.asked(session, question, client, plan)
        check_size(session, turn.question)
        await self._accounts.check(*plan.providers)
        answer = begun(session, question, plan, turn)
        titled = not session.title
        session.title = session.title or title_for(turn.question.shown) or "…"
        self._keeper.hold(session)
        self._accounts.began()
        made = _Answer(session, answer, plan, turn, client)
        try:
            yield events.Session(
                session.id, answer.id, answer.provider, answer.model, turn.question.id
            )
            if problem := await self._keeper.save(session, turn.question):
                yield events.Notice(problem)
            if titled:
                yield events.Title(session.title)
            for notice in turn.notices:
                yield events.Notice(notice)
            if turn.items:
                yield events.Context(turn.items)
            async with aclosing(self._run(made)) as stream:
                async for event in stream:
                    yield event
        except Exception as failure:
            made.error = failed(answer, failure)
            raise
        finally:
            answer.reason = answer.reason or "cancelled"
            self._ended(session, answer, made.error)

    async def _run(self, made: _Answer) -> AsyncGenerator[events.ChatEvent, None]:
        """The answer, what it proposes, and its end."""
        answer, session = made.turn, made.session
        shown: list[str] = []
        try:
            async with aclosing(self._said(made)) as stream:
                async for event in stream:
                    if isinstance(event, events.Text):
                        shown.append(event.text)
                    elif isinstance(event, events.Error):
                        made.error = event
                    yield event
        except (ProviderError, UserError) as failure:
            made.error = failed(answer, failure)
            yield made.error
        answer.reason = answer.reason or "end"
        if answer.reason == "end":
            async with aclosing(self._proposed(made)) as proposed:
                async for event in proposed:
                    yield event
        yield events.End(
            stop_reason=answer.reason,
            session_id=session.id,
            message_id=answer.id,
            provider=answer.provider,
            model=answer.model,
            text="".join(shown),
            usage=answer.usage,
            error=made.error,
            cost=cost_of(answer),
        )

    async def _said(self, made: _Answer) -> AsyncGenerator[events.ChatEvent, None]:
        """What is summed up before, and the answer."""
        tools = await self._opener.tools(made.asked.mode, made.plan)
        if compacted := await self._compacted(made.session, made.plan, made.asked, tools):
            yield compacted
        run = Run(
            self._router,
            self._gate,
            self._accounts,
            made.session,
            made.turn,
            made.plan,
            made.client,
            tools,
            made.asked.system.text,
        )
        async with aclosing(run.events()) as stream:
            async for event in stream:
                yield event

    async def _proposed(self, made: _Answer) -> AsyncGenerator[events.ChatEvent, None]:
        """The edits in an answer, which is whole without them."""
        if self._parts.proposals is None:
            return
        session, scene = made.session, made.client.scene
        found = self._parts.proposals(session.id, made.turn.text, scene, session.root or None)
        try:
            async with aclosing(found):
                async for proposal in found:
                    yield proposal
        except (ProviderError, UserError) as failure:
            problem = describe(failure)
            yield events.Notice(f"{problem.message}. {problem.cure}".rstrip(". ") + ".")

    def _ended(self, session: ChatSession, answer: AnswerTurn, error: events.Error | None) -> None:
        """However it ended: it is kept, and the status is told."""
        problem = None if error is None else Problem(error.code, error.message, error.cure)
        done = problem is None and answer.reason not in {"cancelled", "error"}
        self._accounts.ended(problem, answered=done)
        self._keeper.save_soon(session, answer)

    def _planned(self, session: ChatSession, question: Question) -> ChatPlan:
        """Whom to ask; if that is nobody, the status says why."""
        try:
            return self._plan(*chosen(session, question.provider, question.model))
        except Exception as error:
            self._accounts.began()
            self._accounts.ended(describe(error), answered=False)
            raise

    async def _compacted(
        self, session: ChatSession, plan: ChatPlan, turn: Asked, tools: tuple[ChatTool, ...]
    ) -> events.Compacted | None:
        """Sum up the oldest turns if all do not fit."""
        specs = tuple(each.spec for each in tools)
        compactor = Compactor(self._router, self._gate, self._accounts)
        summary = await compactor.summary(session, plan, turn.system.text, specs)
        if summary is None:
            return None
        session.insert_before(turn.question.id, summary)
        await self._keeper.save(session, summary, session.tree[turn.question.id])
        text = harmless(summary.text.text)
        return events.Compacted(summary.replaced, summary.before, summary.after, text)
