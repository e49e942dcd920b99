"""What a conversation is made of: questions, answers, summaries. For the steps see `steps`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from polypilot.chat.steps import WITHHELD, CallResult, Step
from polypilot_prompts.chat import user_message
from polypilot_providers.types import (
    Message,
    Part,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.chat.attachments import Attached
    from polypilot.chat.events import ContextItem, EndReason
    from polypilot.chat.values import Mode
    from polypilot.workspace.gate import Outgoing
    from polypilot_providers.types import Cost

    Allowed = Callable[[Outgoing], bool]

_WITHHELD = "(An attachment is left out: it may not be sent any more.)"
_SUMMARY = "Summary of the conversation so far, since its beginning is too long to be sent:\n\n"


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What the user said, and what went along."""

    text: Outgoing
    """As the model gets it, a command written out."""
    attached: tuple[Attached, ...] = ()
    id: str = ""
    parent: str | None = None
    shown: str = ""
    """As it was typed, secrets hidden."""
    items: tuple[ContextItem, ...] = ()
    """What was to go along, refused pieces among them."""
    mode: Mode | None = None
    """What its command lets the model use; None: what the conversation does."""
    created: float = field(default_factory=time.time)

    @property
    def size(self) -> int:
        """Characters."""
        return len(self.text) + sum(each.size for each in self.attached)

    def sources(self) -> Iterator[str]:
        """The documents that its attachments are from."""
        for each in self.attached:
            yield from each.text.sources

    def message(self, allowed: Allowed) -> tuple[Part, ...]:
        """The message's parts. An attachment that is excluded by now is left out."""
        kept = [each for each in self.attached if allowed(each.text)]
        texts = [each.render() for each in kept if each.media is None]
        text = user_message(self.text.text, texts)
        if len(kept) < len(self.attached):
            text = f"{_WITHHELD}\n\n{text}"
        media = [part for each in kept if (part := each.part()) is not None]
        return (*media, TextPart(text))

    def messages(self, provider: str, allowed: Allowed, *, tools: bool) -> Iterator[Message]:
        """As messages for a supplier."""
        del provider, tools
        yield Message("user", self.message(allowed))


@dataclass(slots=True)
class AnswerTurn:
    """What a model answered, as far as it got: one step, and one more after each use of tools."""

    id: str
    provider: str
    model: str
    parent: str | None = None
    steps: list[Step] = field(default_factory=list[Step])
    reason: EndReason | None = None
    """How it ended; ``cancelled`` and ``error`` mark a partial answer. None: still running."""
    size: int = 0
    """Characters."""
    created: float = field(default_factory=time.time)

    @property
    def step(self) -> Step:
        """The one that runs, or was the last."""
        if not self.steps:
            self.steps.append(Step(self.provider, self.model))
        return self.steps[-1]

    @property
    def text(self) -> str:
        """The visible answer so far."""
        return "".join(step.text for step in self.steps)

    @property
    def thoughts(self) -> tuple[ThoughtPart, ...]:
        """Its reasoning so far."""
        parts = [part for step in self.steps for part in step.parts]
        return tuple(part for part in parts if isinstance(part, ThoughtPart))

    @property
    def usage(self) -> Usage | None:
        """Of all its requests, as far as they were counted."""
        return total([step.usage for step in self.steps if step.usage is not None])

    def say(self, text: str) -> None:
        """More of the answer."""
        self.step.say(text)
        self.size += len(text)

    def thought(self, part: ThoughtPart) -> None:
        """A whole piece of reasoning, whose text has been counted as it arrived."""
        self.step.add(part)
        self.size += len(part.signature or "") + len(part.redacted or "")

    def call(self, part: ToolCallPart) -> None:
        """The model calls a tool."""
        self.step.add(part)
        self.size += len(part.arguments) + len(part.name)

    def answered(self, result: CallResult) -> None:
        """A tool has answered."""
        self.step.results.append(result)
        self.size += len(result.text)

    def sources(self) -> Iterator[str]:
        """The documents that tools have read for it."""
        for step in self.steps:
            for result in step.results:
                yield from result.text.sources

    def messages(self, provider: str, allowed: Allowed, *, tools: bool) -> Iterator[Message]:
        """As messages for a supplier; none if nothing arrived."""
        for step in self.steps:
            yield from step.messages(provider, allowed, tools=tools)


@dataclass(frozen=True, slots=True)
class SummaryTurn:
    """What the turns before it come to; they are kept, and not sent any more."""

    id: str
    parent: str | None
    text: Outgoing
    kept: tuple[str, ...] = ()
    """Ids of the turns before it that are still sent, being new."""
    replaced: int = 0
    """Messages that it takes the place of."""
    before: int = 0
    after: int = 0
    """Tokens of the conversation, estimated."""
    cost: Cost | None = None
    """What writing it has cost, if that is known."""
    created: float = field(default_factory=time.time)

    @property
    def size(self) -> int:
        """Characters."""
        return len(self.text)

    def sources(self) -> Iterator[str]:
        """The documents that are summed up in it."""
        yield from self.text.sources

    def messages(self, provider: str, allowed: Allowed, *, tools: bool) -> Iterator[Message]:
        """As a message for a supplier."""
        del provider, tools
        text = self.text.text if allowed(self.text) else WITHHELD
        yield Message("user", (TextPart(_SUMMARY + text),))


Turn = UserTurn | AnswerTurn | SummaryTurn


def total(counted: list[Usage]) -> Usage | None:
    """The sum of several requests' tokens; what none of them told stays untold."""
    if not counted:
        return None
    return reduce(_plus, counted)


def _plus(one: Usage, two: Usage) -> Usage:
    return Usage(
        input_tokens=_sum(one.input_tokens, two.input_tokens),
        output_tokens=_sum(one.output_tokens, two.output_tokens),
        cache_read_tokens=_sum(one.cache_read_tokens, two.cache_read_tokens),
        cache_write_tokens=_sum(one.cache_write_tokens, two.cache_write_tokens),
        reasoning_tokens=_sum(one.reasoning_tokens, two.reasoning_tokens),
        cost=one.cost if two.cost is None else two.cost + (one.cost or 0),
    )


def _sum(one: int | None, two: int | None) -> int | None:
    return one if two is None else two + (one or 0)
