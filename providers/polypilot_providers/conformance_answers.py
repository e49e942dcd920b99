"""Every kind of answer a provider can give: subclass, write the answers down, and pytest runs it.

::

    class TestAcmeAnswers(AnswersConformance):
        answers = {
            "text": Case(b'data: ...', (TextDelta("Hi"), Stop(StopReason.END))),
            "overloaded": Case(b'data: ...', (TextDelta("H"),), Unavailable),
        }
        lacks = frozenset({"reasoning", "refusal"})  # what the supplier never sends

        def make(self, base_url, key, http): ...

Together the answers have to show each of :data:`KINDS`, or ``lacks`` has to own up to it.
"""
# ruff: noqa: S101 - this is a test suite, though it is shipped

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from polypilot_providers.base import Limits, Provider
from polypilot_providers.scripts import Close, Stall, stream
from polypilot_providers.stage import PATIENCE, Stage, within
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    Refusal,
    Stop,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.http import HttpClient
    from polypilot_providers.scripts import Step

_EVENTS: dict[str, type[Event]] = {
    "text": TextDelta,
    "reasoning": ThoughtDelta,
    "tools": ToolCall,
    "refusal": Refusal,
    "usage": Usage,
}
_REASONS = {
    "ends": StopReason.END,
    "length": StopReason.LENGTH,
    "stop sequence": StopReason.STOP_SEQUENCE,
    "calls tools": StopReason.TOOL_CALLS,
    "refuses": StopReason.REFUSAL,
}
KINDS = frozenset({*_EVENTS, *_REASONS, "parallel tools", "error"})
"""What an answer can hold, how it can end; ``error``: one that breaks off in mid-stream."""
_CUTS = 40
"""Places at which an answer is cut in two, over and above between all of its bytes."""
_CANCELS = 40


@dataclass(frozen=True, slots=True)
class Case:
    """An answer's body, byte for byte, and what it stands for."""

    answer: bytes
    events: tuple[Event, ...]
    error: type[ProviderError] | None = None
    """What ends it, if not a Stop."""

    @property
    def kinds(self) -> set[str]:
        """Those of :data:`KINDS` that it shows."""
        found = {
            name
            for name, kind in _EVENTS.items()
            if any(isinstance(event, kind) for event in self.events)
        }
        if sum(isinstance(event, ToolCall) for event in self.events) > 1:
            found.add("parallel tools")
        if self.error is not None:
            return found | {"error"}
        last = self.events[-1]
        assert isinstance(last, Stop)
        return found | {name for name, reason in _REASONS.items() if reason is last.reason}


class AnswersConformance(ABC):
    """The suite; see the module's text."""

    answers: ClassVar[Mapping[str, Case]]
    lacks: ClassVar[frozenset[str]] = frozenset()
    operation: ClassVar[str] = "chat"
    """``chat`` or ``complete``."""
    model: ClassVar[str] = "some-model"
    aside: ClassVar[Mapping[str, list[Step]]] = {}
    """As ``ProviderConformance.aside``."""

    @abstractmethod
    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        """The provider under test, talking to ``base_url``."""

    def ask(self, provider: Provider, limits: Limits | None = None) -> AsyncGenerator[Event, None]:
        """One request to it."""
        limits = limits or Limits(PATIENCE, PATIENCE, PATIENCE, None)
        if self.operation == "chat":
            return provider.chat(ChatRequest(self.model, (user("why?"),)), limits)
        return provider.complete(CompletionRequest(self.model, "x = ", "\n"), limits)

    def test_every_kind_is_shown_or_lacking(self) -> None:
        """What is neither would go untested."""
        shown = {kind for case in self.answers.values() for kind in case.kinds}
        assert shown | self.lacks == KINDS
        assert not shown & self.lacks

    async def test_every_answer_however_it_is_cut(self) -> None:
        """Whole, byte by byte, and in two pieces."""
        for name, case in self.answers.items():
            size = len(case.answer)
            cuts = [stream(case.answer)]
            cuts += [stream(*(case.answer[at : at + 1] for at in range(size)))]
            places = random.Random(size).sample(range(1, size), min(_CUTS, size - 1))  # noqa: S311 - not for secrets
            cuts += [stream(case.answer[:at], case.answer[at:]) for at in places]
            async with Stage(self, *cuts) as stage:
                for _ in cuts:
                    got, error = await stage.collect_until_error()
                    assert tuple(got) == case.events, name
                    assert type(error) is (case.error or type(None)), name

    async def test_every_answer_cut_short(self) -> None:
        """What came before the end counts; without its end it is no whole answer."""
        for name, case in self.answers.items():
            async with Stage(self, stream(case.answer)) as stage:
                size = len(case.answer)
                for at in range(0, size - 1, max(1, size // _CUTS)):
                    stage.server.play(stream(case.answer[:at], Close(), end=False))
                    got, error = await stage.collect_until_error()
                    if error is None:  # only what follows the answer itself was missing
                        assert isinstance(got[-1], Stop), name
                    else:
                        assert tuple(got) == case.events[: len(got)], name

    async def test_cancelling_at_random_points(self) -> None:
        """Each time the supplier sees it, and the next answer is none the worse for it."""
        draw = random.Random(3)  # noqa: S311 - not for secrets
        cases = list(self.answers.values())
        whole = next(case for case in cases if case.error is None)
        async with Stage(self, []) as stage:
            for count in range(_CANCELS):
                answer = draw.choice(cases).answer
                at = draw.randrange(1, len(answer))
                stage.server.play(stream(answer[:at], Stall(), end=False))
                task = asyncio.get_running_loop().create_task(stage.collect_until_error())
                await stage.server.wait_for_requests(2 * count + 1)
                for _ in range(draw.randrange(30)):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task], timeout=PATIENCE)
                assert task.done()
                await within(stage.server.requests[-1].gone.wait())
                stage.server.play(stream(whole.answer))
                assert tuple(await stage.collect()) == whole.events
