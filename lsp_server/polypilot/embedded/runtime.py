"""Joins or starts the process that serves a model.

There is one such process per user and model file, whichever editor started it. It is found
through a private folder (see ``rendezvous``), lives in a session of its own, and is started
again if it died or ended for idleness: so ask for the endpoint before every request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.launch import Endpoint, Launcher, Stage
from polypilot.tasks import Tasks, start_blocking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore

COMPLETION_SLOT, CHAT_SLOT = 0, 1
"""Values of the request's ``id_slot``: each keeps its own prefix in the KV cache."""

_REST_AFTER_FAILURE = 10.0
"""Seconds in which a failed start is not tried again, whoever types however fast."""


class Runtime:
    """This program's access to the embedded models' processes; belongs to one event loop.

    Args:
        store: where the models' files are.
        threads: the setting ``embedded.threads``; 0: see ``thread_count``.
        idle_seconds: how long a process started by us stays without work.
        folder: the meeting place; by default ``paths.runtime_dir()``.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        threads: int = 0,
        idle_seconds: float = 900.0,
        folder: Path | None = None,
    ) -> None:
        self._launcher = Launcher(
            store, threads=threads or thread_count(), idle_seconds=idle_seconds, folder=folder
        )
        self._tasks = Tasks()
        self._starting: dict[str, asyncio.Task[Endpoint]] = {}
        self._listeners: dict[str, list[Callable[[Stage], None]]] = {}
        self._told: dict[str, list[Stage]] = {}
        self._failed: dict[str, tuple[float, EmbeddedError]] = {}

    async def ensure(
        self, model: Model, on_stage: Callable[[Stage], None] | None = None
    ) -> Endpoint:
        """The endpoint of ``model``, ready to be asked; starts its process if none runs.

        Costs under a millisecond when it runs. ``on_stage`` is called in the loop as a start
        goes on, once per stage however many wait with the same one. Cancelling does not stop a
        start that others wait for.

        Raises:
            EmbeddedError: ``needs_extra``, ``needs_model``, ``model_corrupt``, ``start_failed``.
        """
        running = await start_blocking(self._launcher.join, model)
        if running is not None:
            return running
        task = self._starting.get(model.id)
        if task is None:
            self._check_rest(model)
            task = self._tasks.spawn(self._start(model), name=f"start {model.id}")
            self._starting[model.id] = task
            task.add_done_callback(lambda _: self._forget_start(model))
        if on_stage is not None:
            self._listen(model, on_stage)
        return await asyncio.shield(task)

    async def stop(self, model: Model) -> bool:
        """End the process of ``model`` for everyone, e.g. before its file is removed.

        Returns whether one ran.
        """
        return await start_blocking(self._launcher.stop, model)

    async def running(self, model: Model) -> bool:
        """Whether the process of ``model`` runs, without starting or keeping it."""
        return await start_blocking(self._launcher.is_running, model)

    async def aclose(self) -> None:
        """Give up waiting for starts. The processes go on: other editors may use them."""
        await self._tasks.aclose()

    def _listen(self, model: Model, on_stage: Callable[[Stage], None]) -> None:
        listeners = self._listeners.setdefault(model.id, [])
        if on_stage not in listeners:
            listeners.append(on_stage)
            # Who joins late hears what has been told already.
            for stage in self._told.get(model.id, ()):
                on_stage(stage)

    def _check_rest(self, model: Model) -> None:
        when, error = self._failed.get(model.id, (0.0, None))
        if error is not None and time.monotonic() - when < _REST_AFTER_FAILURE:
            raise EmbeddedError(error.message, code=error.code, cure=error.cure)

    def _forget_start(self, model: Model) -> None:
        self._starting.pop(model.id, None)
        self._listeners.pop(model.id, None)
        self._told.pop(model.id, None)

    def _tell(self, model: Model, stage: Stage) -> None:
        self._told.setdefault(model.id, []).append(stage)
        for listener in self._listeners.get(model.id, ()):
            listener(stage)

    async def _start(self, model: Model) -> Endpoint:
        loop = asyncio.get_running_loop()

        def tell(stage: Stage) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._tell, model, stage)

        try:
            endpoint = await start_blocking(self._launcher.join_or_start, model, tell)
        except EmbeddedError as exc:
            if exc.code != "needs_model":  # that is found out again at no cost
                self._failed[model.id] = (time.monotonic(), exc)
            raise
        self._failed.pop(model.id, None)
        return endpoint


def thread_count() -> int:
    """One less than the cores we may use, at least one; one in CI.

    The runtime's threads wait for each other at every step: where another process takes one
    of their cores, all of them stand.
    """
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, (os.cpu_count() or 1) - 1)
