"""What every provider has to do, whoever wrote it: subclass and fill in, and pytest runs it.

::

    class TestAcme(ProviderConformance):
        answer = b'data: ...'            # the body of one streamed answer, byte for byte
        events = (TextDelta("Hi"), Usage(3, 1), Stop(StopReason.END, "acme-1"))

        def make(self, base_url, key, http):
            return build(row, key, http, base_url=base_url)

The tests are coroutines (pytest-asyncio in its automatic mode) and talk to a real server on
a loopback port.
"""
# ruff: noqa: S101 - this is a test suite, though it is shipped

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from polypilot_providers.base import Limits, Provider, Secret
from polypilot_providers.errors import (
    AuthError,
    ContextTooLong,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    TimedOut,
    Unavailable,
)
from polypilot_providers.scripted import ScriptedServer
from polypilot_providers.scripts import Close, Stall, Tick, reply, stream
from polypilot_providers.stage import KEY, PATIENCE, Stage, within
from polypilot_providers.types import ChatRequest, CompletionRequest, Event, Stop, user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.http import HttpClient
    from polypilot_providers.scripts import Step

CODE = "canary_code = compute_the_secret_of_the_user()"

_STATUS: dict[int, type[ProviderError]] = {
    400: RequestRefused,
    401: AuthError,
    402: QuotaExhausted,
    403: AuthError,
    404: RequestRefused,
    408: Unavailable,
    413: ContextTooLong,
    422: RequestRefused,
    429: RateLimited,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    529: Unavailable,
}


class ProviderConformance(ABC):
    """The suite; see the module's text."""

    answer: ClassVar[bytes]
    """The body of one whole streamed answer."""
    events: ClassVar[tuple[Event, ...]]
    """What it stands for."""
    ping: ClassVar[bytes] = b": ping\n\n"
    """What the supplier sends to keep a connection alive."""
    operation: ClassVar[str] = "chat"
    """``chat`` or ``complete``."""
    key_header: ClassVar[tuple[str, str]] = ("authorization", f"Bearer {KEY}")
    models_answer: ClassVar[bytes] = b""
    """The body of the list of models, if there is one; it lists ``model_id``."""
    model_id: ClassVar[str] = ""
    aside: ClassVar[Mapping[str, list[Step]]] = {}
    """Answers, by path, to what the provider looks up beside the request it is asked for."""

    def pieces(self) -> list[bytes]:
        """``answer``, cut between its events; as it stands for server-sent events."""
        return [piece + b"\n\n" for piece in self.answer.split(b"\n\n")]

    @abstractmethod
    def make(self, base_url: str, key: KeySource, http: HttpClient) -> Provider:
        """The provider under test, talking to ``base_url``."""

    def ask(self, provider: Provider, limits: Limits | None = None) -> AsyncGenerator[Event, None]:
        """One request to it."""
        limits = limits or Limits(PATIENCE, PATIENCE, PATIENCE, None)
        if self.operation == "chat":
            return provider.chat(ChatRequest("some-model", (user(CODE),)), limits)
        return provider.complete(CompletionRequest("some-model", CODE, "\n"), limits)

    async def test_streams_the_answer(self) -> None:
        """The recorded bytes become the expected events, ended by the only Stop."""
        async with Stage(self, stream(self.answer)) as stage:
            assert isinstance(stage.provider, Provider)
            assert await stage.collect() == list(self.events)
            assert isinstance(self.events[-1], Stop)
            assert stage.provider.local

    async def test_any_cut_gives_the_same_events(self) -> None:
        """Chunk borders carry no meaning: one byte each, and a cut at every byte."""
        size = len(self.answer)
        cuts = [stream(*(self.answer[at : at + 1] for at in range(size)))]
        # A long answer is cut at several places at once; a whole event lies between any two.
        apart = 2 * max(map(len, self.pieces()))
        for first in range(1, min(apart, size - 1) + 1):
            borders = [0, *range(first, size, apart), size]
            cuts.append(stream(*(self.answer[at:end] for at, end in pairwise(borders))))
        async with Stage(self, *cuts) as stage:
            for _ in cuts:
                assert await stage.collect() == list(self.events)
            assert stage.server.connections == 1

    async def test_a_cut_short_answer_is_no_whole_one(self) -> None:
        """Wherever the stream ends early: the events up to there, then a ProviderError."""
        expected = list(self.events)
        async with Stage(self, stream(self.answer)) as stage:
            for at in range(0, len(self.answer) - 1, 3):
                stage.server.play(stream(self.answer[:at], Close(), end=False))
                got, error = await stage.collect_until_error()
                if error is None:  # only what follows the answer itself was missing
                    assert isinstance(got[-1], Stop)
                    continue
                assert isinstance(error, ProviderError)
                assert not any(isinstance(event, Stop) for event in got)
                assert expected[: len(got)] == got
                assert isinstance(error, StreamBroken) or not got

    async def test_closing_or_cancelling_closes_the_socket(self) -> None:
        """The supplier notices at once that nobody listens."""
        async with Stage(self, stream(self.answer[:-1], Stall(), end=False)) as stage:
            generator = self.ask(stage.provider)
            await anext(generator)
            await generator.aclose()
            await within(stage.server.requests[0].gone.wait())
            stage.server.play(stream(Stall(), end=False))
            task = asyncio.get_running_loop().create_task(stage.collect())
            await stage.server.wait_for_requests(2)
            task.cancel()
            await asyncio.wait([task], timeout=PATIENCE)
            assert task.cancelled()
            await within(stage.server.requests[1].gone.wait())
            stage.server.play(stream(self.answer))
            assert await stage.collect() == list(self.events)

    async def test_status_becomes_error(self) -> None:
        """One request each, and the right branch of the tree; neither key nor code in it."""
        echo = f"bad {KEY} in {CODE}\r\n\x1b[31mred".encode()
        async with Stage(self, stream(self.answer)) as stage:
            for status, kind in _STATUS.items():
                before = len(stage.server.requests)
                stage.server.play(reply(status, echo, {"content-type": "text/plain"}))
                got, error = await stage.collect_until_error()
                assert got == []
                assert isinstance(error, kind), status
                assert error.status == status
                assert len(stage.server.requests) == before + 1
                assert KEY not in str(error)
                assert CODE not in str(error)
                assert str(error).isprintable()
                assert len(str(error)) < 400  # noqa: PLR2004 - 300 and what we say ourselves

    async def test_redirects_are_not_followed(self) -> None:
        """Key and code go nowhere else, and the error names who sent us away."""
        async with ScriptedServer(stream(self.answer)) as other, Stage(self, []) as stage:
            for status in (301, 302, 303, 307, 308):
                where = {"location": f"{other.url}/v1"}
                stage.server.play(reply(status, b"", where))
                got, error = await stage.collect_until_error()
                assert got == []
                assert isinstance(error, ProviderError)
                assert not error.failover
                assert f"127.0.0.1:{stage.server.port}" in str(error)
            assert other.requests == []

    async def test_the_key_goes_into_its_header_alone(self) -> None:
        """Nowhere else: not the path, not the body, not another header."""
        async with Stage(self, stream(self.answer)) as stage:
            await stage.collect()
            request = stage.server.requests[0]
            name, value = self.key_header
            assert request.headers.pop(name) == value
            assert KEY not in request.path + request.body.decode() + repr(request.headers)

    async def test_a_missing_key_sends_nothing(self) -> None:
        """A key source that fails keeps the request from being sent."""

        async def locked() -> Secret | None:
            raise AuthError("the keyring is locked", cure="Unlock it.")

        async with Stage(self, stream(self.answer), key=locked) as stage:
            _, error = await stage.collect_until_error()
            assert isinstance(error, AuthError)
            assert stage.server.requests == []

    async def test_pings_are_no_content(self) -> None:
        """Neither before the first event nor between events do they hold off the limits."""
        pings = Tick(self.ping, 0.02)
        limits = Limits(PATIENCE, 0.5, 0.5, reasoning=0.5)
        pieces = self.pieces()
        got: list[Event] = []
        count = 0
        async with Stage(self, []) as stage:
            while not got:
                assert count < len(pieces)
                beginning = b"".join(pieces[:count])
                stage.server.play(stream(beginning or self.ping, pings, end=False))
                got, error = await stage.collect_until_error(limits)
                assert isinstance(error, TimedOut)
                # A model may have said that it reasons before there is an event.
                assert error.limit == ("idle" if got else "first_byte") or (count and not got)
                await within(stage.server.requests[-1].gone.wait())
                count += 1

    async def test_lists_models(self) -> None:
        """The list that serves as a check of the key."""
        if not self.models_answer:
            return
        async with Stage(self, reply(200, self.models_answer)) as stage:
            assert self.model_id in [model.id for model in await stage.provider.models()]
            stage.server.play(reply(401, b"{}"))
            error: ProviderError | None = None
            try:
                await stage.provider.models()
            except ProviderError as caught:
                error = caught
            assert isinstance(error, AuthError)
            await stage.provider.aclose()
            await stage.provider.aclose()
