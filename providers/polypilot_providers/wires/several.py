"""A supplier whose completions, or some of whose models, go over another wire than its chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.wires.proof import prove

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot_providers.catalog import ProviderRow, Wire
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event, ModelInfo
    from polypilot_providers.wires.provider import WireProvider


class SeveralWires:
    """One provider in front of its wires, which share row, origin and key."""

    def __init__(self, row: ProviderRow, make: Callable[[Wire], WireProvider]) -> None:
        self._row = row
        self._make = make
        self._wires: dict[Wire, WireProvider] = {}
        self._main = self._wire(row.wire)

    @property
    def id(self) -> str:
        """The row's id."""
        return self._row.id

    @property
    def local(self) -> bool:
        """Whether the origin is this machine."""
        return self._main.local

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""
        model = request.model or self._row.completion_model
        return self._for(model, completion=True).complete(request, limits)

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """See Provider."""
        model = request.model or self._row.chat_model
        return self._for(model, completion=request.completion).chat(request, limits)

    async def models(self) -> list[ModelInfo]:
        """See Provider."""
        return await self._main.models()

    async def check(self) -> str:
        """See WireProvider."""
        return await prove(self._row, self, self._main.fetch)

    async def aclose(self) -> None:
        """See Provider."""
        for wire in self._wires.values():
            await wire.aclose()

    def _for(self, model: str, *, completion: bool) -> WireProvider:
        usual = (self._row.completion_wire if completion else None) or self._row.wire
        return self._wire(self._row.model(model).wire or usual)

    def _wire(self, wire: Wire) -> WireProvider:
        if wire not in self._wires:
            self._wires[wire] = self._make(wire)
        return self._wires[wire]
