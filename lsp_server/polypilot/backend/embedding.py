"""The backend's way to the embedded model: its files, its process, and how far that has come."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Literal

from polypilot.backend.refreshing import FILES_S
from polypilot.backend.retiring import Retiring
from polypilot.embedded.errors import needs_extra
from polypilot.embedded.store import ModelStore
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.runtime import Endpoint, Runtime, Stage
    from polypilot.settings import Settings

    Step = Stage | Literal["failed"]
    """How far the embedded model's process has come up."""


class Embedding:
    """Makes the runtime when it is first asked for, and anew when its settings change."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listeners: list[Callable[[Step], None]] = []
        self._runtime: tuple[Runtime, Retiring] | None = None
        self._old: list[Retiring] = []

    @property
    def store(self) -> ModelStore:
        """The embedded models' files."""
        network = self._settings.network
        return ModelStore(
            mirror=self._settings.embedded.mirror, proxy=network.proxy, ca_file=network.ca_file
        )

    async def ensure(
        self, model: Model, on_stage: Callable[[Stage], None] | None = None
    ) -> Endpoint:
        """As :meth:`Runtime.ensure`. A start that is waited for outlives its settings."""
        runtime, use = self._current()
        async with use.used():
            return await runtime.ensure(model, on_stage)

    async def look(self, model: Model) -> None:
        """See whether there is what a start would need; starts nothing.

        Raises:
            EmbeddedError: ``needs_extra``, ``needs_model``.
            TimeoutError: the disk does not answer.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise needs_extra()
        await run_blocking(self.store.look, model, timeout=FILES_S, name="model file")

    def on_stage(self, listener: Callable[[Step], None]) -> None:
        """Call ``listener`` as the process comes up, or does not."""
        self._listeners.append(listener)

    def stage(self, stage: Step) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener(stage)

    async def configure(self, settings: Settings) -> None:
        """Take new settings."""
        changed = settings.embedded != self._settings.embedded
        self._settings = settings
        if changed and self._runtime is not None:
            (_, use), self._runtime = self._runtime, None
            await use.retire()
            self._old = [each for each in (*self._old, use) if not each.closed]

    async def aclose(self) -> None:
        """Give up waiting for starts. The process itself goes on: other editors may use it."""
        for use in (*self._old, *([self._runtime[1]] if self._runtime else [])):
            await use.aclose()
        self._old.clear()

    def _current(self) -> tuple[Runtime, Retiring]:
        if self._runtime is None:
            # Its imports are wanted only by those who use it.
            from polypilot.embedded.runtime import Runtime  # noqa: PLC0415 - see above

            embedded = self._settings.embedded
            runtime = Runtime(
                self.store, threads=embedded.threads, idle_seconds=embedded.idle_minutes * 60
            )
            self._runtime = runtime, Retiring(runtime.aclose)
        return self._runtime
