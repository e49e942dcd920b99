"""How long a server on this machine may take to begin: it may have to load its model first."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot_providers.errors import ProviderError
from polypilot_providers.jsonvalue import as_dict, as_str
from polypilot_providers.wires.provider import WireProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot_providers.base import KeySource, Limits
    from polypilot_providers.call import Call, StreamParser
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.failures import Peer
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import Event

REST = 240.0
"""Seconds after an answer for which its model is taken to be loaded still: Ollama's own default
is 5 minutes, and a server may have been told otherwise than we ask."""


class Rests:
    """Which models have answered lately.

    Args:
        loading: seconds given to the first event of a model that may have to be loaded.
        clock: monotonic seconds.
    """

    def __init__(self, loading: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._loading = loading
        self._clock = clock
        self._answered: dict[str, float] = {}

    def limits(self, model: str, limits: Limits) -> Limits:
        """``limits``, with time to load ``model`` if it may not be there."""
        last = self._answered.get(model)
        more = self._loading - limits.first_event
        if not limits.loading or more <= 0 or (last is not None and self._clock() - last < REST):
            return limits
        total = None if limits.total is None else limits.total + more
        return replace(limits, first_event=self._loading, total=total)

    def answered(self, model: str) -> None:
        """``model`` has begun to answer: it is there."""
        self._answered[model] = self._clock()

    def silent(self, model: str) -> None:
        """``model`` has not answered: another one may have taken its place."""
        self._answered.pop(model, None)


class LoadingProvider(WireProvider):
    """Base of the wires whose server, if it is on this machine, loads models when asked."""

    loading: float = 60.0
    """Seconds given to the first event of a model that may have to be loaded."""

    def __init__(
        self, row: ProviderRow, origin: Origin, path: str, key: KeySource, http: HttpClient
    ) -> None:
        super().__init__(row, origin, path, key, http)
        self._rests = Rests(self.loading)

    async def _sent(
        self, call: Call, parser: Callable[[Peer], StreamParser], limits: Limits
    ) -> AsyncGenerator[Event, None]:
        """See WireProvider."""
        model = as_str(as_dict(call.body).get("model"))
        # The embedded runtime's row has no address of its own: its model is there when it is.
        if self.local and self._row.base_url:
            limits = self._rests.limits(model, limits)
        began = False
        try:
            async with aclosing(super()._sent(call, parser, limits)) as events:
                async for event in events:
                    if not began:
                        self._rests.answered(model)
                    began = True
                    yield event
        except ProviderError:
            if not began:
                self._rests.silent(model)
            raise
