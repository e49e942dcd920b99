"""A whole engine on real parts: document store, gate, router; the provider is told what to say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.engine import CompletionEngine
from polypilot.completion.staleness import still_agrees
from polypilot.completion.values import (
    SNAPSHOT_AFTER,
    SNAPSHOT_BEFORE,
    Answer,
    Ask,
    Choice,
    EngineEvent,
    Plan,
    Policy,
    Trigger,
)
from polypilot.workspace.documents import Change, DocumentStore, Position
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import ProviderError
from polypilot_providers.router import Router, Target
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    ModelInfo,
    Stop,
    StopReason,
    TextDelta,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from polypilot.completion.cache import SuggestionCache
    from polypilot.completion.pacing import RateCap

BOUND = 5.0
"""Seconds after which an awaited event counts as never coming."""


@dataclass(frozen=True)
class Privacy:
    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


class Call:
    """A request that reached the provider; the test says what is answered."""

    def __init__(self, request: CompletionRequest | ChatRequest) -> None:
        self.request = request
        self.emitted = ""
        self.open = True
        self.closed = asyncio.Event()
        self._news: asyncio.Queue[Event | ProviderError] = asyncio.Queue()
        self._linger: asyncio.Event | None = None

    @property
    def prefix(self) -> str:
        assert isinstance(self.request, CompletionRequest)
        return self.request.prefix

    def say(self, *events: str | Event | ProviderError) -> Call:
        for event in events:
            self._news.put_nowait(TextDelta(event) if isinstance(event, str) else event)
        return self

    def end(self, reason: StopReason = StopReason.END) -> Call:
        return self.say(Stop(reason))

    def hold_open(self) -> asyncio.Event:
        """Closing the socket takes until the returned event is set."""
        self._linger = asyncio.Event()
        return self._linger

    async def stream(self) -> AsyncGenerator[Event, None]:
        try:
            while True:
                event = await self._news.get()
                if isinstance(event, ProviderError):
                    raise event
                if isinstance(event, TextDelta):
                    self.emitted += event.text
                yield event
                if isinstance(event, Stop):
                    return
        finally:
            if self._linger is not None:
                await self._linger.wait()
            self.open = False
            self.closed.set()


class ScriptedProvider:
    """A provider whose answers arrive when the test says so."""

    def __init__(self, name: str = "scripted") -> None:
        self.id = name
        self.local = True
        self.calls: list[Call] = []
        self._arrivals: asyncio.Queue[Call] = asyncio.Queue()

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        del limits
        return self._new(request).stream()

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        del limits
        return self._new(request).stream()

    def _new(self, request: CompletionRequest | ChatRequest) -> Call:
        call = Call(request)
        self.calls.append(call)
        self._arrivals.put_nowait(call)
        return call

    async def call(self) -> Call:
        """The next request to arrive."""
        return await asyncio.wait_for(self._arrivals.get(), BOUND)

    async def models(self) -> list[ModelInfo]:
        return []

    async def aclose(self) -> None:
        return


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, done))
        await done

    @property
    def waiting(self) -> int:
        return sum(not done.done() for _, done in self._sleepers)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [done for at, done in self._sleepers if at <= self.now]
        self._sleepers = [(at, done) for at, done in self._sleepers if at > self.now]
        for done in due:
            if not done.done():
                done.set_result(None)


async def settle(rounds: int = 30) -> None:
    """Let everything that can go on go on."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class Editor:
    """An open document with a cursor; counts code points, has ``\\n`` line breaks."""

    def __init__(self, store: DocumentStore, uri: str, text: str, language: str = "python") -> None:
        before, _, after = text.partition("|")
        self.store = store
        self.uri = uri
        self.before, self.after = before, after
        self._version = 1
        store.open(uri, language, 1, before + after)

    @property
    def position(self) -> Position:
        return Position(self.before.count("\n"), len(self.before.rpartition("\n")[2]))

    def type(self, text: str) -> None:
        at = self.position
        self._change(Change(text, at, at))
        self.before += text

    def backspace(self) -> None:
        if not self.before:
            return
        end = self.position
        self.before = self.before[:-1]
        self._change(Change("", self.position, end))

    def type_above(self, text: str) -> None:
        """An edit elsewhere: at the very beginning of the document."""
        start = Position(0, 0)
        self._change(Change(text, start, start))
        self.before = text + self.before

    def replace(self, text: str) -> None:
        """The whole text at once."""
        self.before, _, self.after = text.partition("|")
        self._change(Change(self.before + self.after))

    def _change(self, change: Change) -> None:
        self._version += 1
        assert self.store.change(self.uri, self._version, [change])

    def ask(self, trigger: Trigger = Trigger.AUTOMATIC) -> Ask:
        snapshot = self.store.snapshot(self.uri, self.position, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)
        assert snapshot is not None
        return Ask(snapshot, self.position, trigger)


@dataclass
class World:
    """Everything an engine works with."""

    store: DocumentStore
    gate: Gate
    provider: ScriptedProvider
    fallback: ScriptedProvider
    clock: Clock
    root: Path
    events: list[EngineEvent] = field(default_factory=list[EngineEvent])
    policy: Policy = field(default_factory=Policy)
    mode: str = "openai-completions"
    targets: tuple[Target, ...] = (Target("scripted", "m"),)
    planned: bool = True
    streak: int = 0
    prefetch: bool = False
    min_confidence: float | None = None
    costly: frozenset[str] = frozenset()
    """Of whom nothing is asked ahead."""
    engine: CompletionEngine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.make()

    async def settle(self, rounds: int = 30) -> None:
        """Let everything that can go on go on."""
        await settle(rounds)

    def make(
        self, cap: RateCap | None = None, cache: SuggestionCache | None = None
    ) -> CompletionEngine:
        providers = {p.id: p for p in (self.provider, self.fallback)}

        async def resolve(name: str) -> ScriptedProvider:
            return providers[name]

        router = Router(resolve, self.clock, sleep=self.clock.sleep)
        return CompletionEngine(
            router=router,
            gate=self.gate,
            agrees=still_agrees(self.store),
            plan=self.plan,
            policy=lambda: self.policy,
            observe=self.events.append,
            cap=cap,
            cache=cache,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def plan(self) -> Plan | None:
        if not self.planned:
            return None
        choices: list[Choice] = []
        for target in self.targets:
            row = ProviderRow(
                id=target.provider_id,
                wire="openai-chat",
                completion=self.mode,
                base_url="http://127.0.0.1:1/v1",
            )
            model = ModelRow(id=target.model, min_confidence=self.min_confidence)
            ahead = target.provider_id not in self.costly
            choices.append(Choice(target, row, model, ahead))
        return Plan(tuple(choices), COMPLETION_LIMITS, streak=self.streak, prefetch=self.prefetch)

    def open(self, text: str, name: str = "a.py", language: str = "python") -> Editor:
        return Editor(self.store, (self.root / name).as_uri(), text, language)

    def ask(self, editor: Editor, trigger: Trigger = Trigger.AUTOMATIC) -> asyncio.Task[Answer]:
        """Ask in the background, as a server does."""
        return asyncio.ensure_future(self.engine.answer(editor.ask(trigger)))

    def ask_one(self, editor: Editor) -> asyncio.Task[Answer]:
        """Ask as a user who wants one suggestion."""
        asked = replace(editor.ask(Trigger.INVOKED), several=False)
        return asyncio.ensure_future(self.engine.answer(asked))

    async def answer(self, editor: Editor, trigger: Trigger = Trigger.AUTOMATIC) -> Answer:
        return await asyncio.wait_for(self.engine.answer(editor.ask(trigger)), BOUND)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace folder."""
    folder = tmp_path / "w"
    folder.mkdir()
    return folder


@pytest.fixture
def roots(root: Path) -> Roots:
    return Roots([str(root)])


@pytest.fixture
async def world(root: Path, roots: Roots) -> AsyncIterator[World]:
    store = DocumentStore("utf-32")
    gate = Gate(roots, Privacy(), store)
    made = World(store, gate, ScriptedProvider(), ScriptedProvider("other"), Clock(), root)
    yield made
    await made.engine.aclose()
    assert made.engine.in_flight == 0
