"""The two engines over the settings in force, and what they see of the documents."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from polypilot.backend.accounts import ChatAccounts
from polypilot.backend.watching import Watcher
from polypilot.completion.context import ContextSources
from polypilot.completion.engine import CompletionEngine
from polypilot.completion.pacing import AdaptivePace
from polypilot.completion.staleness import still_agrees
from polypilot.completion.values import (
    SNAPSHOT_AFTER,
    SNAPSHOT_BEFORE,
    Answer,
    Ask,
    Grown,
    Trigger,
    Why,
)
from polypilot.completion.warming import Warming
from polypilot.workspace.documents import Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend.in_force import InForce
    from polypilot.backend.spending import Spending
    from polypilot.completion.values import Ended, EngineEvent
    from polypilot.workspace.documents import DocumentStore, Snapshot
    from polypilot.workspace.gate import Gate


LOOK_S = 0.05
"""How long a request waits for the disk before it goes by the last verdict."""


class Answering:
    """Completion and chat; the status is told of each request."""

    def __init__(
        self,
        now: InForce,
        gate: Gate,
        documents: DocumentStore,
        spending: Spending,
        record: Callable[[EngineEvent], None],
    ) -> None:
        self._record = record
        self._documents = documents
        self._gate = gate
        self._on_grown: list[Callable[[str], None]] = []
        self._listeners: list[Callable[[EngineEvent], None]] = []
        self._watcher = Watcher(now.board, gate, lambda: now.credentials.known_backend)
        self.context = ContextSources(
            documents, gate, enabled=lambda: now.loaded.settings.completion.context
        )
        documents.tell(self.context)
        self._warming = Warming(documents, self._rehearse)
        documents.tell(self._warming)
        self.engine = CompletionEngine(
            router=now.router,
            gate=gate,
            agrees=still_agrees(documents),
            plan=now.completion_plan,
            policy=now.policy,
            observe=self._observe,
            context=self.context.gather,
            look=lambda uri: gate.look([uri], LOOK_S),
            pace=AdaptivePace(lambda: now.loaded.settings.completion.debounce_ms / 1000),
        )
        self._spending = spending
        self.accounts = ChatAccounts(
            spending, self._watcher, lambda: Decimal(str(now.loaded.settings.chat.daily_budget))
        )

    async def _rehearse(self, uri: str) -> None:
        """Make a prompt at a document's beginning, and send it to nobody."""
        place = Position(0, 0)
        await self._gate.look([uri], LOOK_S)
        snapshot = self.snapshot(uri, place)
        if snapshot is not None:
            await self.engine.prompt(Ask(snapshot, place, Trigger.INVOKED))

    def _observe(self, event: EngineEvent) -> None:
        self._spending.observe(event)  # first: the status that tells of the end has the totals
        self._watcher.observe(event)
        for each in self._listeners:
            each(event)
        self._record(event)
        if isinstance(event, Grown):
            for listener in self._on_grown:
                listener(event.uri)

    def warm(self) -> None:
        """Load ahead what the open documents need."""
        self._warming.warm()

    def on_grown(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with a document's URI when more can be shown there than was given."""
        self._on_grown.append(listener)

    def listen(self, listener: Callable[[EngineEvent], None]) -> None:
        """Call ``listener`` with what the completion engine tells."""
        self._listeners.append(listener)

    async def aclose(self) -> None:
        """End every completion, and what is collected for them."""
        await self.engine.aclose()
        await self.context.aclose()
        await self._warming.aclose()

    @property
    def last_ended(self) -> Ended | None:
        """The completion that ended last: who was asked last, and what that took."""
        return self._watcher.last_ended

    def snapshot(self, uri: str, position: Position) -> Snapshot | None:
        """What the completion engine needs to see; None if the document is out of sync."""
        return self._documents.snapshot(uri, position, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)

    async def settle(self, uri: str, position: Position, within: float) -> None:
        """Wait for what is collected from other documents for a place, at most so many seconds.

        A user's documents have been open for a while when they are asked about.
        """
        snapshot = self.snapshot(uri, position)
        if snapshot is not None:
            await self.context.gather(Ask(snapshot, position), within)

    async def answer(
        self,
        uri: str,
        position: Position,
        *,
        invoked: bool,
        several: bool = True,
        ahead: bool = True,
    ) -> Answer:
        """Suggestions at a place in an open document, or the reason for having none."""
        snapshot = self.snapshot(uri, position)
        if snapshot is None:
            return Answer(why=Why.STALE)
        trigger = Trigger.INVOKED if invoked else Trigger.AUTOMATIC
        return await self.engine.answer(Ask(snapshot, position, trigger, several, ahead))
