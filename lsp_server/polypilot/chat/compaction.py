"""Summing up the beginning of a conversation that has grown too long for its model."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.chat.fitting import FULL, KEPT, size_of, tokens_of
from polypilot.chat.running import request_for
from polypilot.chat.session import live
from polypilot.chat.timing import Timing
from polypilot.chat.turns import SummaryTurn, UserTurn
from polypilot.workspace.gate import assemble
from polypilot_prompts.budget import estimate
from polypilot_prompts.sanitize import strip_controls
from polypilot_prompts.templates import render
from polypilot_providers.errors import ProviderError
from polypilot_providers.router import Switched
from polypilot_providers.types import (
    ChatRequest,
    TextDelta,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.chat.plan import Accounts, ChatPlan
    from polypilot.chat.session import ChatSession
    from polypilot.chat.turns import Turn
    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot_providers.router import Router
    from polypilot_providers.types import Cost, Message, Tool

log = logging.getLogger(__name__)

_INPUT = 0.6
"""Share of a window that the text to sum up may take."""
_RESULT_CHARS = 500
_SUMMARY_TOKENS = 1000
_FAILED = "(The beginning of the conversation is left out; it could not be summed up.)"
_GAP = "\n\n(Some of the conversation is left out here.)\n\n"


@dataclass(slots=True)
class _Said:
    """What came of a request, also of one that failed."""

    texts: list[str] = field(default_factory=list[str])
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class Compactor:
    """Sums up what no longer fits."""

    router: Router
    gate: Gate
    accounts: Accounts

    async def summary(
        self, session: ChatSession, plan: ChatPlan, system: str, tools: tuple[Tool, ...]
    ) -> SummaryTurn | None:
        """What the oldest turns come to, to stand before the last question; None: all fits.

        One request to the model that answers. If that fails, the oldest turns are left out all
        the same, and the summary says so.
        """
        target = plan.targets[0] if plan.targets else None
        if plan.window is None:
            return None
        before = size_of(request_for(session, self.gate, plan, system, tools, target))
        if before <= plan.window * FULL:
            return None
        turns = live(session.turns)
        older, kept = _split(turns[:-2], plan.window, self.gate)
        if not older:
            return None
        text, cost = await self._summed_up(older, plan)
        removed = sum(_tokens(turn, self.gate) for turn in older)
        last = turns[-2]
        return SummaryTurn(
            session.new_id(),
            last.parent,
            text,
            tuple(turn.id for turn in kept),
            sum(not isinstance(turn, SummaryTurn) for turn in older),
            before,
            before - removed + estimate(text.text),
            cost,
        )

    async def _summed_up(
        self, turns: Sequence[Turn], plan: ChatPlan
    ) -> tuple[Outgoing, Cost | None]:
        sources = [
            self.gate.restored("", "summary", [uri]) for turn in turns for uri in turn.sources()
        ]
        said = _Said()
        try:
            await self._asked(turns, plan, said)
            text = "".join(said.texts)
        except ProviderError as error:
            log.info("a conversation could not be summed up: %s", error.code)
            text = ""
        own = self.gate.typed(strip_controls(text).strip() or _FAILED, "summary")
        return assemble([own, *sources], part="summary"), said.cost

    async def _asked(self, turns: Sequence[Turn], plan: ChatPlan, said: _Said) -> None:
        await self.accounts.check(*plan.providers)
        messages = [each for turn in turns for each in _messages(turn, self.gate)]
        text = _cut("\n\n".join(map(_told, messages)), int((plan.window or 0) * _INPUT))
        request = ChatRequest(
            model="",
            messages=(user(text),),
            system=render("summary", overrides=plan.templates),
            max_tokens=_SUMMARY_TOKENS,
            effort="none",
        )
        usage: Usage | None = None
        target = plan.targets[0]
        failure: BaseException | None = None
        timing = Timing(self.accounts, target.provider_id, target.model)
        try:
            stream = self.router.stream_chat(
                plan.targets, self.gate.last_check(request), plan.limits
            )
            async with aclosing(stream):
                async for event in stream:
                    timing.see(event)
                    if isinstance(event, TextDelta):
                        said.texts.append(event.text)
                    elif isinstance(event, Usage):
                        usage = event
                    elif isinstance(event, Switched):
                        target = event.to
        except BaseException as error:
            failure = error
            raise
        finally:
            cost = await self.accounts.cost(target.provider_id, (target.model,), usage)
            timing.over(failure, cost)
            if said.texts or usage is not None:
                self.accounts.count(target.provider_id, usage, cost)
                said.cost = cost


def _split(turns: list[Turn], window: int, gate: Gate) -> tuple[list[Turn], list[Turn]]:
    """What is summed up, and what stays: whole exchanges, the newest ones."""
    room = int(window * KEPT)
    at = len(turns)
    for n in range(len(turns) - 1, -1, -1):
        room -= _tokens(turns[n], gate)
        if room < 0:
            break
        if isinstance(turns[n], UserTurn):
            at = n
    return turns[:at], turns[at:]


def _messages(turn: Turn, gate: Gate) -> list[Message]:
    return list(turn.messages("", gate.still_allowed, tools=True))


def _tokens(turn: Turn, gate: Gate) -> int:
    return sum(tokens_of(message.parts) for message in _messages(turn, gate))


def _told(message: Message) -> str:
    """A message as a piece of a transcript."""
    said: list[str] = []
    for part in message.parts:
        match part:
            case TextPart():
                said.append(part.text)
            case ToolCallPart():
                said.append(f"(called {part.name} with {part.arguments[:_RESULT_CHARS]})")
            case ToolResultPart():
                said.append(f"(result: {part.text[:_RESULT_CHARS]})")
            case _:
                pass
    who = "User" if message.role == "user" else "Assistant"
    return f"{who}:\n{''.join(said)}"


def _cut(text: str, tokens: int) -> str:
    """The text, without its middle if it is longer than so many tokens."""
    size = estimate(text)
    if size <= tokens:
        return text
    half = int(len(text) * tokens / size / 2)
    return text[:half] + _GAP + text[-half:]
