"""One answer: requests to the model, and the calls of tools between them, until it ends."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.chat.answer import Answering
from polypilot.chat.asking import LOOK_S
from polypilot.chat.calling import Calling, StoppedError
from polypilot.chat.fitting import fitted
from polypilot.chat.plan import MAX_MESSAGE_CHARS, ChatError
from polypilot.chat.steps import Step
from polypilot.chat.timing import Timing
from polypilot.errors import UserError, describe
from polypilot_prompts.neutral import Neutral
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from decimal import Decimal

    from polypilot.chat.plan import Accounts, ChatPlan
    from polypilot.chat.session import ChatSession
    from polypilot.chat.turns import AnswerTurn
    from polypilot.chat.values import ChatTool, Client
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Router, Target
    from polypilot_providers.types import Cost, Tool, Usage

log = logging.getLogger(__name__)

MAX_CALLS = 64
"""Calls of tools in one step; a model that wants more asks again."""


@dataclass(slots=True)
class Run:
    """What one answer needs, and its way from the question to the end."""

    router: Router
    gate: Gate
    accounts: Accounts
    session: ChatSession
    answer: AnswerTurn
    plan: ChatPlan
    client: Client
    tools: Sequence[ChatTool]
    system: str
    _left_out: int = 0
    """Results of tools that did not fit into the model's window any more."""
    _shown: Neutral = field(default_factory=Neutral)
    _ids: set[str] = field(init=False)
    """Of all calls so far."""
    _calling: Calling = field(init=False)
    _specs: tuple[Tool, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._calling = Calling(self.gate, self.tools, self.session, self.answer, self.client)
        self._ids = self.session.calls()
        self._specs = tuple(each.spec for each in self.tools)

    async def events(self) -> AsyncGenerator[events.ChatEvent, None]:
        """All but the first and the last event."""
        try:
            async with aclosing(self._steps()) as steps:
                async for event in steps:
                    yield event
        except StoppedError:
            self.answer.reason = "cancelled"
        except (ProviderError, UserError) as failure:
            if held := self._shown.finish():
                yield events.Text(held)
            yield failed(self.answer, failure)

    async def _steps(self) -> AsyncGenerator[events.ChatEvent, None]:
        while True:
            await self.accounts.check(*self.plan.providers)
            step = self.answer.step
            async with aclosing(self._request(step)) as request:
                async for event in request:
                    yield event
            self.answer.reason = self.answer.reason or step.reason
            calls = step.calls if self.tools else []
            if self.answer.reason == "length" or not calls:
                return
            if len(self.answer.steps) >= self.plan.max_steps:
                self.answer.reason = "max_steps"
                yield events.Notice(
                    f"Stopped after {self.plan.max_steps} requests (chat.max_steps). "
                    "Send a message to go on."
                )
                return
            self.answer.reason = None
            for number, call in enumerate(calls):
                if number >= MAX_CALLS or self.answer.size > MAX_MESSAGE_CHARS:
                    yield self._calling.refused(call, "Too many calls at once; call again.")
                    continue
                async with aclosing(self._calling.run(call)) as running:
                    async for event in running:
                        yield event
            # Verdicts are kept for so many files, and a long search asks about more.
            await self.gate.look(self.session.sources(), LOOK_S)
            self.answer.steps.append(Step(step.provider, step.model))

    async def _request(self, step: Step) -> AsyncGenerator[events.ChatEvent, None]:
        """One request; it is counted however it ends."""
        answering = Answering(self.answer, self._calling.describe, self._shown, self._ids)
        asked = step.model
        began = False
        failure: BaseException | None = None
        timing = Timing(self.accounts, step.provider, step.model)
        try:
            targets = _from(self.plan.targets, step)
            stream = self.router.stream_chat(targets, self._for, self.plan.limits)
            began = True
            async with aclosing(stream):
                async for event in stream:
                    timing.see(event)
                    for out in answering.take(event):
                        yield await self._priced(out, step, asked)
                    if self.answer.size > MAX_MESSAGE_CHARS:
                        self.answer.reason = "length"
                        break
            self.accounts.answered(step.provider)
        except BaseException as error:
            failure = error
            raise
        finally:
            # What failed before it was counted is not charged.
            failed = isinstance(failure, ProviderError)
            if began and not (failed and step.usage is None):
                self.accounts.count(step.provider, step.usage, step.cost)
            if began:
                timing.over(failure, step.cost)
        for out in answering.pause() if step.calls else answering.finish():
            yield out
        if self._left_out:
            yield events.Notice(
                f"{self._left_out} earlier results of tools were left out: the model's window "
                "is full."
            )
            self._left_out = 0

    async def _priced(self, event: events.ChatEvent, step: Step, asked: str) -> events.ChatEvent:
        if not isinstance(event, events.Usage):
            return event
        usage = event.usage
        names = (self.answer.model, step.model, asked)
        step.cost = await self.accounts.cost(step.provider, names, usage)
        return events.Usage(
            usage,
            step.provider,
            step.model,
            step.cost,
            used=_used(usage),
            window=self.plan.window,
            session_cost=self._session_cost(),
        )

    def _session_cost(self) -> Decimal | None:
        return self.session.cost

    def _for(self, target: Target) -> ChatRequest:
        """The request, as a target gets it."""
        request = request_for(self.session, self.gate, self.plan, self.system, self._specs, target)
        request, self._left_out = fitted(request, self.plan.window)
        return self.gate.last_check(request)


def failed(answer: AnswerTurn, failure: Exception) -> events.Error:
    """An answer ends with a failure; the event that says so."""
    problem = describe(failure)
    log.info("chat failed: %s", problem.code)
    budget = isinstance(failure, ChatError) and failure.code == "budget"
    answer.reason = "budget" if budget else "error"
    return events.Error(problem.code, problem.message, problem.cure)


def cost_of(answer: AnswerTurn) -> Cost | None:
    """What a whole answer has cost, if all of it is known."""
    costs = [step.cost for step in answer.steps if step.usage is not None]
    known = [each for each in costs if each is not None]
    if not known or len(known) < len(costs):
        return None
    return type(known[0])(
        sum((each.dollars for each in known[1:]), known[0].dollars), known[0].source
    )


def request_for(  # noqa: PLR0917 - the parts of a request
    session: ChatSession,
    gate: Gate,
    plan: ChatPlan,
    system: str,
    tools: tuple[Tool, ...],
    target: Target | None,
) -> ChatRequest:
    """The conversation so far, for a target."""
    provider = target.provider_id if target else ""
    return ChatRequest(
        model=target.model if target else "",
        messages=session.history(provider, gate.still_allowed, tools=bool(tools)),
        system=system,
        cache_key=session.id,
        effort=session.effort or plan.effort,
        tools=tools,
    )


def _from(targets: tuple[Target, ...], step: Step) -> tuple[Target, ...]:
    """The targets, the one that has answered so far first."""
    return tuple(
        sorted(
            targets,
            key=lambda each: (each.provider_id != step.provider, each.model != step.model),
        )
    )


def _used(usage: Usage) -> int:
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)
