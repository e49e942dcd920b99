"""A chat service on real parts; the provider is told what to say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from polypilot.chat.asking import Asking
from polypilot.chat.keeping import Keeper
from polypilot.chat.plan import NoAccounts
from polypilot.chat.service import ChatPlan, ChatService, Parts
from polypilot.chat.values import Question
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
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
    from collections.abc import AsyncGenerator, Iterable
    from pathlib import Path

    from polypilot.chat import events
    from polypilot.chat.history import History
    from polypilot.workspace.roots import Roots
    from polypilot_providers.types import Effort

E = TypeVar("E")
Said = str | Event | ProviderError


def one(kind: type[E], found: Iterable[events.ChatEvent]) -> E:
    """The only event of its kind."""
    (event,) = [each for each in found if isinstance(each, kind)]
    return event


class Talker:
    """A provider that says what it was told to, one script per request."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.local = True
        self.requests: list[ChatRequest] = []
        self.open = 0
        self.held = asyncio.Event()
        """Set when an answer waits for ``go``."""
        self.go = asyncio.Event()
        self._scripts: list[tuple[Said, ...]] = []

    def says(self, *script: Said, end: StopReason | None = StopReason.END) -> None:
        """The next answer; the text ``"…"`` waits until ``go`` is set."""
        self._scripts.append((*script, Stop(end)) if end else script)

    async def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        del limits
        self.requests.append(request)
        self.open += 1
        try:
            for said in self._scripts.pop(0):
                if said == "…":
                    self.held.set()
                    await self.go.wait()
                elif isinstance(said, ProviderError):
                    raise said
                else:
                    yield TextDelta(said) if isinstance(said, str) else said
        finally:
            self.open -= 1

    async def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        del request, limits
        raise NotImplementedError
        yield  # an asynchronous generator

    async def models(self) -> list[ModelInfo]:
        return []

    async def aclose(self) -> None:
        return


@dataclass(frozen=True)
class Privacy:
    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


class Chat:
    """Everything around a chat service."""

    def __init__(self, root: Path, roots: Roots) -> None:
        self.root = root
        self.store = DocumentStore("utf-16")
        self.privacy = Privacy()
        self.gate = Gate(roots, self.privacy, self.store)
        self.one, self.two = Talker("one"), Talker("two")
        self.fallback: tuple[Target, ...] = ()
        self.system = ""
        self.effort: Effort | None = None
        providers = {each.id: each for each in (self.one, self.two)}

        async def resolve(name: str) -> Talker:
            return providers[name]

        async def no_wait(_seconds: float) -> None:
            return

        self.window: int | None = None
        self.max_steps = 25
        self.history: History | None = None
        self.parts = Parts(
            Asking(self.gate, self.store),
            NoAccounts(),
            history=lambda: self.history,
            roots=lambda: [str(self.root)],
        )
        self.service = ChatService(
            router=Router(resolve, sleep=no_wait),
            gate=self.gate,
            plan=self.plan,
            parts=self.parts,
            keeper=Keeper(self.gate, lambda: self.history, max_sessions=3, max_total_chars=10_000),
        )

    def plan(self, provider: str, model: str) -> ChatPlan:
        first = Target(provider or "one", model or "m")
        return ChatPlan(
            (first, *self.fallback),
            system=self.system,
            effort=self.effort,
            window=self.window,
            max_steps=self.max_steps,
        )

    def write(self, name: str, text: str) -> str:
        """A file below the root; its URI."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path.as_uri()

    def open(self, name: str, text: str, language: str = "python") -> str:
        uri = (self.root / name).as_uri()
        self.store.open(uri, language, 1, text)
        return uri

    @staticmethod
    def question(text: str, **more: object) -> Question:
        """A message."""
        return Question(text, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (passed through)

    async def ask(self, text: str, **more: object) -> list[events.ChatEvent]:
        """Send and collect all events."""
        client = more.pop("client", None)
        stream = self.service.send(self.question(text, **more), client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (likewise)
        return [event async for event in stream]

    def sent(self, talker: Talker | None = None) -> list[tuple[str, str]]:
        """The last request's messages."""
        request = (talker or self.one).requests[-1]
        return [(message.role, message.text) for message in request.messages]
