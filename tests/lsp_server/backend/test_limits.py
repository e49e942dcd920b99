"""Limits and failover as the user meets them: keys, messages, requests on the wire."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from polypilot.backend.absences import Absences
from polypilot.chat.events import End, Notice
from polypilot.chat.values import Question
from polypilot.completion.values import Why
from polypilot.workspace.documents import Change, Position
from polypilot_providers.router import Switched, Target
from polypilot_providers.testing import ScriptedServer, Stall, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend, Status

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

EMPTY = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m"}


def completing(text: str) -> list[bytes]:
    """A completion, as an OpenAI-compatible server sends it."""
    events = [{"text": text}, {"text": "", "finish_reason": "stop"}]
    lines = [f"data: {json.dumps({'id': 'c', 'choices': [each]})}\n\n" for each in events]
    return [line.encode() for line in (*lines, "data: [DONE]\n\n")]


def limited(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}


class Typist:
    """Types into one document, and hears what the user would be shown."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.messages: list[str] = []
        self.recoveries = 0
        self.rested = asyncio.Event()
        self._version = 1
        self._shown = backend.status.error
        backend.documents.open("untitled:1", "python", 1, "")
        backend.board.listen(self._hear)

    def _hear(self, status: Status) -> None:
        self.messages += status.notices
        if status.error != self._shown:
            if status.error is None:
                self.recoveries += 1
            else:
                self.messages.append(status.error.message)
        self._shown = status.error
        (self.rested.clear if status.state == "busy" else self.rested.set)()

    async def key(self, *, invoked: bool = True) -> Why | str:
        """One key; the answer's provider, or why there is none."""
        self._version += 1
        end = Position(0, self._version - 2)
        self.backend.documents.change("untitled:1", self._version, [Change("x", end, end)])
        cursor = Position(0, self._version - 1)
        answer = await self.backend.answer("untitled:1", cursor, invoked=invoked, several=False)
        return answer.suggestions[0].provider if answer.suggestions else answer.why or ""

    async def type_until(self, provider: str) -> None:
        """Keys until one is answered by ``provider``.

        The end of a supplier's limit is told to nobody: the next key finds out.
        """
        for _ in range(1000):
            if await self.key() == provider:
                return
            # Without a pause the router is soon not asked at all: from 48 equal letters on, the
            # cache takes every place for the one before, and 120 requests are all for a minute.
            await asyncio.sleep(0.1)
        pytest.fail(f"{provider} never answered")


async def test_two_hundred_keys_against_a_rate_limit_are_one_request_and_one_message(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(429, {"error": "slow down"}, limited(120))) as a:
        configure(a=a.url)
        typist = Typist(backends())
        for _ in range(200):
            assert await typist.key() is Why.FAILED
        assert len(a.requests) == 1
        assert len(typist.messages) == 1
        assert "slow down" in typist.messages[0]
        assert typist.backend.status.state == "error"


async def test_its_end_is_shown_once(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    answers = [reply(429, {"error": "slow down"}, limited(1)), stream(*completing(" = 1"))]
    async with ScriptedServer(*answers) as a:
        configure(a=a.url)
        typist = Typist(backends())
        async with asyncio.timeout(30):
            await typist.type_until("a")
        for _ in range(3):
            assert await typist.key() == "a"
        assert (len(typist.messages), typist.recoveries) == (1, 1)
        assert typist.backend.status.error is None
        assert 2 <= len(a.requests) <= 5  # some keys are answered from memory


async def test_a_switch_and_the_return_are_told_once(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    answers = [reply(429, {"error": "slow down"}, limited(1)), stream(*completing(" = 1"))]
    async with (
        ScriptedServer(*answers) as a,
        ScriptedServer(stream(*completing(" = 2"))) as b,
        ScriptedServer(stream(*completing(" = 3"))) as unlisted,
    ):
        file = configure(a=a.url, b=b.url, unlisted=unlisted.url)
        file.write_text(
            file.read_text("utf-8").replace('"a"', '"a"\nfallback = ["b/coder"]', 1), "utf-8"
        )
        typist = Typist(backends())
        assert await typist.key() == "b"
        async with asyncio.timeout(30):
            await typist.type_until("a")
        for _ in range(5):
            assert await typist.key() == "a"
        assert len(typist.messages) == 2
        assert typist.messages[0].startswith("b answers instead of a: ")
        assert typist.messages[1] == "a answers again"
        assert unlisted.requests == []


async def test_a_network_error_and_the_rest_that_follows_are_one_message(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(503, {"error": "out"})) as a:
        configure(a=a.url)
        typist = Typist(backends())
        for _ in range(50):
            await typist.key()
        assert len(a.requests) == 5
        assert len(typist.messages) == 1
        assert "out" in typist.messages[0]


async def test_the_users_own_limit_is_kept_and_told_once(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(stream(*completing(" = 1"))) as a:
        configure("requests_per_minute = 10\n", a=a.url)
        typist = Typist(backends())
        for _ in range(50):
            await typist.key()
        assert len(a.requests) == 9
        assert len(typist.messages) == 1
        assert "your settings allow 10 requests a minute" in typist.messages[0]


async def test_what_an_answers_head_says_is_minded(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(stream(*completing(" = 1"), headers=EMPTY)) as a:
        configure(a=a.url)
        typist = Typist(backends())
        assert await typist.key() == "a"
        for _ in range(20):
            assert await typist.key() is Why.FAILED
        assert len(a.requests) == 1


async def test_another_account_is_another_limit(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    answers = [reply(429, {"error": "slow down"}, limited(120)), stream(*completing(" = 1"))]
    async with ScriptedServer(*answers) as a:
        file = configure(a=a.url)
        typist = Typist(backends())
        assert await typist.key() is Why.FAILED
        file.write_text(file.read_text("utf-8") + 'account = "work"\n', "utf-8")
        await typist.backend.reload()
        assert await typist.key() == "a"


async def test_chat_says_that_it_waits(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    answers = [reply(429, {"error": "slow down"}, limited(1)), stream(*say("hello"))]
    async with ScriptedServer(*answers) as a:
        configure(a=a.url)
        events = [event async for event in backends().chat.send(Question("hi"))]
        notices = [event.message for event in events if isinstance(event, Notice)]
        assert len(notices) == 1
        assert "slow down" in notices[0]
        assert notices[0].endswith("Waiting 1 s.")
        last = events[-1]
        assert isinstance(last, End)
        assert last.error is None
        assert len(a.requests) == 2


@pytest.mark.parametrize("free", [True, False])
async def test_hedging_is_for_the_users_free_providers(
    configure: Callable[..., Path], backends: Callable[..., Backend], *, free: bool
) -> None:
    async with (
        ScriptedServer(stream(*completing(" = 1"))) as a,
        ScriptedServer(stream(*completing(" = 2"))) as b,
        ScriptedServer(stream(*completing(" = 3"))) as unlisted,
    ):
        file = configure(a=a.url, b=b.url, unlisted=unlisted.url)
        text = file.read_text("utf-8").replace(
            '"a"', '"a"\nhedge = true\nfallback = ["b/coder"]', 1
        )
        if free:
            text = text.replace('auth = "none"', 'auth = "none"\nfree = true')
        file.write_text(text, "utf-8")
        typist = Typist(backends())
        for _ in range(9):
            assert await typist.key() == "a"
        a.play([Stall()])
        asking = asyncio.ensure_future(typist.key())
        await a.wait_for_requests(10)
        if free:
            assert await asking == "b"
            async with asyncio.timeout(10):
                await a.requests[-1].gone.wait()
            assert len(typist.messages) == 1
            assert typist.messages[0].startswith("b answers instead of a: a had said nothing after")
        else:
            asking.cancel()
            await asyncio.wait([asking])
            typist.backend.engine.close("untitled:1")
        async with asyncio.timeout(10):
            await typist.rested.wait()
        assert typist.backend.status.state == "ready"
        assert len(b.requests) == int(free)
        assert unlisted.requests == []


async def test_who_was_asked_first_may_still_win(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    """Then its own prompt's rules hold for its text, and nobody is told of the other."""
    late = asyncio.Event()
    async with (
        ScriptedServer(stream(*completing(" = 1"))) as a,
        ScriptedServer([Stall()]) as b,
    ):
        file = configure(a=a.url, b=b.url)
        text = file.read_text("utf-8").replace('auth = "none"', 'auth = "none"\nfree = true')
        text = text.replace('"a"', '"a"\nhedge = true\nfallback = ["b/coder"]', 1)
        file.write_text(text, "utf-8")
        typist = Typist(backends())
        for _ in range(9):
            assert await typist.key() == "a"
        a.play([Wait(late), *stream(*completing(" = 1"))])
        asking = asyncio.ensure_future(typist.key())
        await b.wait_for_requests(1)
        late.set()
        assert await asking == "a"
        async with asyncio.timeout(10):
            await b.requests[0].gone.wait()
        assert typist.messages == []
        assert typist.backend.status.state == "ready"


# What is told of who comes and goes

A, B, C = Target("a", "m"), Target("b", "m"), Target("a", "n")


def test_flapping_is_told_ever_more_seldom() -> None:
    now, told = 0.0, list[float]()
    absences = Absences(lambda: now)
    while now < 3600:
        out = now % 20 < 10
        if absences.switched(Switched(A, B, "503")) if out else absences.answered(A):
            told.append(now)
        now += 1
    assert told[:4] == [0, 10, 80, 90]
    assert len(told) <= 14  # of 360
    calm = now + 10_000
    now = calm
    assert absences.switched(Switched(A, B, "503"))
    assert absences.answered(A) == "a answers again"
    now += 60
    assert absences.switched(Switched(A, B, "503")) == "b answers instead of a"


def test_two_models_of_one_provider_are_told_apart() -> None:
    absences = Absences(lambda: 0.0)
    assert absences.switched(Switched(A, C, "503")) == "a/n answers instead of a/m"
    assert absences.answered(C) == ""
    assert absences.answered(A) == "a answers again"
