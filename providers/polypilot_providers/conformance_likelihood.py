"""What a provider has to do that tells its tokens' probabilities: subclass, and pytest runs it.

::

    class TestAcmeLikelihood(LikelihoodConformance):
        answer = b'data: ...'            # one streamed answer, in which all negative numbers are
        events = (                       # the logarithms of its tokens' probabilities
            TextDelta("Hi", -0.75, 2), Stop(StopReason.END, "acme-1"),
        )
        asked_by = "logprobs"            # the field of the request that asks for them

        def make(self, base_url, key, http): ...
"""
# ruff: noqa: S101 - this is a test suite, though it is shipped

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from polypilot_providers.base import Limits
from polypilot_providers.scripts import reply, stream
from polypilot_providers.stage import PATIENCE, Stage
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    Stop,
    TextDelta,
    Tool,
    user,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.http import HttpClient
    from polypilot_providers.scripts import Step

_NEGATIVE = re.compile(rb"(?<=[\[:, ])-\d[\d.e+-]*")
_NO_LOGPROBS = (
    *("null", "NaN", "-Infinity", "-1e999", f"-{10**400}", "0.5", "true", "false"),
    *('"-0.5"', "[]", "{}", '{"logprob":-1}'),
)
_CHAT = ChatRequest("some-model", (user("why?"),), completion=True)
_FILL = CompletionRequest("some-model", "x = ", "\n")


class LikelihoodConformance(ABC):
    """The suite; see the module's text."""

    answer: ClassVar[bytes]
    events: ClassVar[tuple[Event, ...]]
    asked_by: ClassVar[str]
    """What is in a request's body if, and only if, probabilities are asked for."""
    operation: ClassVar[str] = "chat"
    """``chat`` or ``complete``."""
    aside: ClassVar[Mapping[str, list[Step]]] = {}
    """As ``ProviderConformance.aside``."""

    @abstractmethod
    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        """The provider under test, talking to ``base_url``."""

    def ask(self, provider: Provider, limits: Limits | None = None) -> AsyncGenerator[Event, None]:
        """One request to it, which wants the tokens' probabilities."""
        return self._send(provider, replace(self._request, logprobs=True), limits)

    async def test_they_come_with_their_text(self) -> None:
        """Whole, byte by byte, and in two pieces cut at every byte: each sum is the same."""
        told = [event for event in self.events if isinstance(event, TextDelta) and event.tokens]
        assert told
        assert all(event.logprob is not None and event.logprob <= 0 for event in told)
        size = len(self.answer)
        cuts = [stream(self.answer)]
        cuts += [stream(*(self.answer[at : at + 1] for at in range(size)))]
        cuts += [stream(self.answer[:at], self.answer[at:]) for at in range(1, size)]
        async with Stage(self, *cuts) as stage:
            for _ in cuts:
                assert await stage.collect() == list(self.events)

    async def test_they_are_asked_for_if_they_are_wanted(self) -> None:
        """And not else."""
        wanted = replace(self._request, logprobs=True)
        async with Stage(self, stream(self.answer)) as stage:
            assert self.asked_by in await self._sent(stage, wanted)
            assert self.asked_by not in await self._sent(stage, self._request)

    async def test_tools_are_worth_more(self) -> None:
        """Servers refuse to do both."""
        if self.operation != "chat":
            return
        wanted = replace(_CHAT, logprobs=True, tools=(Tool("now", "Tells the time."),))
        async with Stage(self, stream(self.answer)) as stage:
            assert self.asked_by not in await self._sent(stage, wanted)

    async def test_what_can_not_be_one_is_not_counted(self) -> None:
        """And costs nothing else of the answer."""
        plain = [
            TextDelta(event.text) if isinstance(event, TextDelta) else event
            for event in self.events
        ]
        assert _NEGATIVE.search(self.answer)
        async with Stage(self, []) as stage:
            for other in _NO_LOGPROBS:
                stage.server.play(stream(_NEGATIVE.sub(other.encode(), self.answer)))
                assert await stage.collect() == plain, other

    async def test_a_model_that_refuses_the_field_is_asked_without(self) -> None:
        """Once more in the same request, and no more with it from then on."""
        message = f"{self.asked_by} is not supported for this one"
        error = {"code": 400, "message": message, "type": "invalid_request_error"}
        async with Stage(self, reply(400, {"error": error}), stream(self.answer)) as stage:
            for _ in range(2):
                assert isinstance((await stage.collect())[-1], Stop)
            bodies = [request.body.decode() for request in stage.server.requests]
            assert [self.asked_by in body for body in bodies] == [True, False, False]

    @property
    def _request(self) -> ChatRequest | CompletionRequest:
        return _CHAT if self.operation == "chat" else _FILL

    async def _sent(self, stage: Stage, request: ChatRequest | CompletionRequest) -> str:
        async for _ in self._send(stage.provider, request):
            pass
        return stage.server.requests[-1].body.decode()

    def _send(
        self,
        provider: Provider,
        request: ChatRequest | CompletionRequest,
        limits: Limits | None = None,
    ) -> AsyncGenerator[Event, None]:
        limits = limits or Limits(PATIENCE, PATIENCE, PATIENCE, None)
        if isinstance(request, ChatRequest):
            return provider.chat(request, limits)
        return provider.complete(request, limits)
