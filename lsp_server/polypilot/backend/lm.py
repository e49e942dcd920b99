"""Our providers for somebody else's chat: an editor has one of its own and lacks the models.

Stateless, and without instructions of ours: what is sent is what the caller gives, after the
gate's look for secrets. Nothing is kept, nobody stands in for the provider that was named.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.backend.lm_models import LmModel, usable
from polypilot.chat.timing import Timing
from polypilot.errors import UserError, describe
from polypilot_prompts.budget import estimate
from polypilot_prompts.sanitize import Sanitizer, strip_controls
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import (
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    Message,
    Refusal,
    Stop,
    TextDelta,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

    from polypilot.backend.core import Backend
    from polypilot.chat.plan import Accounts, ChatPlan
    from polypilot_providers.router import RouterEvent
    from polypilot_providers.types import Cost, Effort, Part

MAX_CHARS = 16_000_000
"""Of one request, its pictures' bytes counted in fours."""
MESSAGE_TOKENS = 4
"""What stands around a message on a wire, about."""
PICTURE_TOKENS = 1600
"""About what suppliers count for a picture as big as they take."""


@dataclass(frozen=True, slots=True)
class LmRequest:
    """What somebody else's chat wants to be answered."""

    provider: str
    model: str
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    """As in ``ChatRequest``."""
    effort: Effort | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Began:
    """First: what was hidden, and who is asked."""

    provider: str
    model: str
    redacted: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Token counts, with their cost where it is known."""

    usage: Usage
    cost: Cost | None


class LanguageModels:
    """See the module.

    Args:
        backend: providers, gate, router.
        plan: whom to ask for a provider id and a model; may raise ConfigurationError.
        accounts: of the same money as our own chat's.
    """

    def __init__(
        self, backend: Backend, plan: Callable[[str, str], ChatPlan], accounts: Accounts
    ) -> None:
        self._backend = backend
        self._plan = plan
        self._accounts = accounts

    async def models(self, provider: str | None = None) -> list[LmModel]:
        """The models that can be used now; see :func:`lm_models.usable`.

        Raises:
            ProviderError: there is no such provider, or its list can't be had.
        """
        return await usable(self._backend, provider)

    async def respond(
        self, request: LmRequest
    ) -> AsyncGenerator[Began | Counted | RouterEvent, None]:
        """The provider's events, text and thought without control characters.

        Closing the generator, or cancelling the task that iterates it, closes the supplier's
        socket.

        Raises:
            UserError: ``empty``, ``too_long``, or ``budget``; nothing was sent.
            ProviderError: nobody may be asked, or the answer failed.
        """
        backend = self._backend
        _check(request)
        plan = self._plan(request.provider, request.model)
        target = plan.targets[0]
        passed, redacted = await self._passed(request)
        asked = backend.gate.last_check(
            replace(passed, model=target.model, effort=request.effort or plan.effort)
        )
        await self._accounts.check(target.provider_id)
        receipt = _Receipt(self._accounts, target.provider_id, target.model)
        try:
            yield Began(target.provider_id, target.model, redacted)
            stream = backend.router.stream_chat((target,), asked, plan.limits)
            async with aclosing(stream), aclosing(_clean(stream)) as events:
                async for event in events:
                    yield await receipt.take(event)
        except BaseException as error:
            receipt.failure = error
            raise
        finally:
            receipt.close()

    async def _passed(self, request: LmRequest) -> tuple[ChatRequest, int]:
        """The request as it may leave, and how many secrets were hidden in it."""
        door = _Door(self._backend)
        messages: list[Message] = []
        for message in request.messages:
            messages.append(Message(message.role, tuple(door.part(each) for each in message.parts)))
            await asyncio.sleep(0)  # a long history is scanned message by message
        made = ChatRequest(
            model=request.model,
            messages=tuple(messages),
            system=door.text(request.system),
            tools=tuple(door.tool(each) for each in request.tools),
            must_call=request.must_call,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            stop=request.stop,
        )
        return made, door.redacted


def count(parts: Iterable[Part], *, message: bool = True) -> int:
    """Tokens, estimated: no supplier's own tokenizer is asked."""
    total = MESSAGE_TOKENS if message else 0
    for part in parts:
        match part:
            case TextPart() | ThoughtPart() | ToolResultPart():
                total += estimate(part.text)
            case ToolCallPart():
                total += estimate(part.name) + estimate(part.arguments)
            case ImagePart() | FilePart():
                total += PICTURE_TOKENS
    return total


def _check(request: LmRequest) -> None:
    if not any(message.parts for message in request.messages):
        raise UserError("there is no message to answer", code="empty")
    size = sum(_size(part) for message in request.messages for part in message.parts)
    if size + len(request.system) > MAX_CHARS:
        raise UserError(f"the messages are longer than {MAX_CHARS:,} characters", code="too_long")


def _size(part: Part) -> int:
    match part:
        case ImagePart() | FilePart():
            return len(part.data) // 4
        case ToolCallPart():
            return len(part.arguments)
        case _:
            return len(part.text)


class _Door:
    """The way through the gate, for texts that belong to no document of ours."""

    def __init__(self, backend: Backend) -> None:
        self._gate = backend.gate
        self.redacted = 0

    def text(self, text: str) -> str:
        """Without its secrets."""
        passed = self._gate.typed(text)
        self.redacted += passed.redactions
        return passed.text

    def part(self, part: Part) -> Part:
        """Likewise. A thought that is changed loses its proof, which covers every character."""
        match part:
            case TextPart() | ToolResultPart():
                return replace(part, text=self.text(part.text))
            case ToolCallPart():
                return replace(part, name=self.text(part.name), arguments=self.text(part.arguments))
            case ThoughtPart():
                text = self.text(part.text)
                return part if text == part.text else ThoughtPart(text)
            case ImagePart() | FilePart():
                return part

    def tool(self, tool: Tool) -> Tool:
        """Likewise."""
        written = json.dumps(tool.parameters)
        passed = self.text(written)
        if passed != written:
            raise UserError(f"the schema of the tool {tool.name!r} holds a secret", code="excluded")
        return replace(tool, description=self.text(tool.description))


async def _clean(stream: AsyncIterator[RouterEvent]) -> AsyncGenerator[RouterEvent, None]:
    """The events; what was held back of a text comes before what follows it."""
    text, thought = Sanitizer(), Sanitizer()
    async for event in stream:
        match event:
            case TextDelta():
                if shown := text.feed(event.text):
                    yield replace(event, text=shown)
            case ThoughtDelta():
                shown = thought.feed(event.text)
                if shown or event.signature or event.redacted:
                    yield replace(event, text=shown)
            case _:
                if held := text.finish():
                    yield TextDelta(held)
                if held := thought.finish():
                    yield ThoughtDelta(held)
                yield _shown(event)


def _shown(event: RouterEvent) -> RouterEvent:
    match event:
        case Refusal(text):
            return Refusal(strip_controls(text))
        case Citation(url, title, text):
            return Citation(*map(strip_controls, (url, title, text)))
        case _:
            return event


class _Receipt:
    """What one answer cost, and how it ended."""

    def __init__(self, accounts: Accounts, provider: str, model: str) -> None:
        self._accounts = accounts
        self._provider, self._model = provider, model
        self._usage: Usage | None = None
        self._cost: Cost | None = None
        self._answered = False
        self.failure: BaseException | None = None
        self._timing = Timing(accounts, provider, model)
        accounts.began()

    async def take(self, event: RouterEvent) -> Counted | RouterEvent:
        """Note an event."""
        self._timing.see(event)
        if isinstance(event, Usage):
            self._usage = event
            self._cost = await self._accounts.cost(self._provider, (self._model,), event)
            return Counted(event, self._cost)
        if isinstance(event, Stop):
            self._answered = True
        return event

    def close(self) -> None:
        """It has ended, in one way or another. What failed is not charged."""
        failed = self.failure
        problem = describe(failed) if isinstance(failed, ProviderError) else None
        if problem is None or self._usage is not None:
            self._accounts.count(self._provider, self._usage, self._cost)
        if self._answered:  # whoever has it closes the stream behind its end
            failed = None
            self._accounts.answered(self._provider)
        self._timing.over(failed, self._cost)
        self._accounts.ended(problem, answered=self._answered)
