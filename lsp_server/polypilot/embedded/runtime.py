"""Joins or starts the process that serves a model.

There is one such process per user and model file, whichever editor started it. It is found
through a private folder (see ``rendezvous``), lives in a session of its own, and is started
again if it died or ended for idleness: so ask for the endpoint before every request.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot.embedded.errors import PULL_CURE, EmbeddedError, needs_extra
from polypilot.embedded.process import bare_environment, python
from polypilot.embedded.rendezvous import Failed, Rendezvous, Running
from polypilot.errors import register_secret
from polypilot.paths import ensure_private, exclusive, runtime_dir
from polypilot.tasks import Tasks, start_blocking
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore

Stage = Literal["checking", "starting", "loading", "ready"]

COMPLETION_SLOT, CHAT_SLOT = 0, 1
"""Values of the request's ``id_slot``: each keeps its own prefix in the KV cache."""

_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
"""Threads that wait for each other sleep instead of spinning. Measured with two threads on two
busy cores: 22 instead of 4 to 9 prompt tokens a second, 13 to 29 instead of 1 generated."""
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk
_POLL = 0.02
_SPAWN_TIMEOUT = 30.0
_LOAD_TIMEOUT = 300.0
_JOINS = 4
_REST_AFTER_FAILURE = 10.0
"""Seconds in which a failed start is not tried again, whoever types however fast."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers."""

    base_url: str
    """``http://127.0.0.1:PORT``, without a path."""
    key: Secret
    """To be sent as ``Authorization: Bearer``."""
    model_id: str
    completion_mode: str
    chat: bool
    """Whether the model has a chat template."""
    context_tokens: int
    """Window of one request, prompt and answer."""
    pid: int


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
        self._store = store
        self._threads = threads or thread_count()
        self._idle = idle_seconds
        self._given_folder = folder
        self._tasks = Tasks()
        self._starting: dict[str, asyncio.Task[Endpoint]] = {}
        self._listeners: dict[str, list[Callable[[Stage], None]]] = {}
        self._failed: dict[str, tuple[float, EmbeddedError]] = {}

    async def ensure(
        self, model: Model, on_stage: Callable[[Stage], None] | None = None
    ) -> Endpoint:
        """The endpoint of ``model``, ready to be asked; starts its process if none runs.

        Costs under a millisecond when it runs. ``on_stage`` is called in the loop as a start
        goes on. Cancelling does not stop a start that others wait for.

        Raises:
            EmbeddedError: ``needs_extra``, ``needs_model``, ``model_corrupt``, ``start_failed``.
        """
        running = await start_blocking(self._join, model)
        if running is not None:
            return running
        task = self._starting.get(model.id)
        if task is None:
            self._check_rest(model)
            task = self._tasks.spawn(self._start(model), name=f"start {model.id}")
            self._starting[model.id] = task
            task.add_done_callback(lambda _: self._forget_start(model))
        if on_stage is not None:
            self._listeners.setdefault(model.id, []).append(on_stage)
        return await asyncio.shield(task)

    async def stop(self, model: Model) -> bool:
        """End the process of ``model`` for everyone, e.g. before its file is removed.

        Returns whether one ran.
        """
        return await start_blocking(self._stop, model)

    async def running(self, model: Model) -> bool:
        """Whether the process of ``model`` runs, without starting or keeping it."""
        return await start_blocking(self._is_running, model)

    async def aclose(self) -> None:
        """Give up waiting for starts. The processes go on: other editors may use them."""
        await self._tasks.aclose()

    def _check_rest(self, model: Model) -> None:
        when, error = self._failed.get(model.id, (0.0, None))
        if error is not None and time.monotonic() - when < _REST_AFTER_FAILURE:
            raise EmbeddedError(error.message, code=error.code, cure=error.cure)

    def _forget_start(self, model: Model) -> None:
        self._starting.pop(model.id, None)
        self._listeners.pop(model.id, None)

    def _tell(self, model: Model, stage: Stage) -> None:
        for listener in self._listeners.get(model.id, ()):
            listener(stage)

    async def _start(self, model: Model) -> Endpoint:
        loop = asyncio.get_running_loop()

        def tell(stage: Stage) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._tell, model, stage)

        try:
            endpoint = await start_blocking(self._join_or_start, model, tell)
        except EmbeddedError as exc:
            if exc.code != "needs_model":  # that is found out again at no cost
                self._failed[model.id] = (time.monotonic(), exc)
            raise
        self._failed.pop(model.id, None)
        return endpoint

    # --- what follows blocks, and runs in threads

    @property
    def _folder(self) -> Path:
        return self._given_folder or runtime_dir()

    def _meeting(self, model: Model) -> Rendezvous | None:
        try:
            return Rendezvous(self._folder, model.id, self._store.path_of(model))
        except OSError:  # no such file
            return None

    def _join(self, model: Model) -> Endpoint | None:
        """The endpoint of a process that runs, kept from ending for idleness."""
        meeting = self._meeting(model)
        if meeting is None or not isinstance(meeting.read(), Running):
            return None
        try:
            meeting.touch()
            if not meeting.alive.held():
                return None
        except OSError:
            return None
        state = meeting.read()  # after the touch: see worker.withdraw
        return self._endpoint(model, state) if isinstance(state, Running) else None

    def _is_running(self, model: Model) -> bool:
        meeting = self._meeting(model)
        return meeting is not None and meeting.alive.held()

    def _stop(self, model: Model) -> bool:
        meeting = self._meeting(model)
        if meeting is None or not meeting.alive.held():
            return False
        state = meeting.read()
        meeting.clear()  # it ends by itself if the signal does not reach it
        if isinstance(state, Running):
            # The lock proves that the process, and no successor to its number, is alive.
            with contextlib.suppress(OSError):
                os.kill(state.pid, signal.SIGTERM)
        deadline = time.monotonic() + _SPAWN_TIMEOUT
        while meeting.alive.held() and time.monotonic() < deadline:
            time.sleep(_POLL)
        return True

    def _join_or_start(self, model: Model, tell: Callable[[Stage], None]) -> Endpoint:
        if importlib.util.find_spec("xllamacpp") is None:
            raise needs_extra()
        tell("checking")
        path = self._store.require(model)
        try:
            ensure_private(self._folder)
            meeting = Rendezvous(self._folder, model.id, path)
            for _ in range(_JOINS):
                ours = self._spawn_if_none(meeting, model, path, tell)
                tell("loading")
                endpoint = self._await_ready(meeting, model)
                if endpoint is not None:
                    tell("ready")
                    return endpoint
                if ours:
                    break
                # We had joined a process on its way out: idle, or ended by its user.
        except OSError as exc:
            raise _start_failed(f"its folder {self._folder} can't be used: {exc.strerror}") from exc
        raise _start_failed("it ended while loading", f"see {meeting.log}")

    def _spawn_if_none(
        self, meeting: Rendezvous, model: Model, path: Path, tell: Callable[[Stage], None]
    ) -> bool:
        """Start the process, unless someone else has; returns whether it was us."""
        meeting.touch()
        with exclusive(meeting.state, timeout=_SPAWN_TIMEOUT):
            if meeting.alive.held():
                return False
            meeting.clear()
            tell("starting")
            self._spawn(meeting, model, path)
            return True

    def _spawn(self, meeting: Rendezvous, model: Model, path: Path) -> None:
        """Start the process; returns when it has taken its lock (or another has)."""
        command = python(
            "-m", "polypilot.embedded.worker",
            "--model", str(path), "--name", model.id, "--folder", str(self._folder),
            "--threads", str(self._threads), "--context", str(model.context_tokens),
            "--idle", str(self._idle),
        )  # fmt: skip
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NOFOLLOW
        with os.fdopen(os.open(meeting.log, flags, 0o600), "wb") as log:
            process = subprocess.Popen(  # noqa: S603  (our interpreter, our module)
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self._folder, env=bare_environment() | _ENVIRONMENT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _SPAWN_TIMEOUT
        # On POSIX it leaves us behind at once; on Windows it is the process itself.
        while process.poll() is None and not meeting.alive.held():
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise _start_failed("it did not come up")
            time.sleep(_POLL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        _disown(process)

    def _await_ready(self, meeting: Rendezvous, model: Model) -> Endpoint | None:
        """The endpoint once it can be asked; None if the process ended without a word."""
        deadline = time.monotonic() + _LOAD_TIMEOUT
        while time.monotonic() < deadline:
            alive = meeting.alive.held()  # before reading: it publishes and then ends
            match meeting.read():
                case Running() as state if alive:
                    return self._endpoint(model, state)
                case Failed(code, message):
                    cure = PULL_CURE if code == "model_corrupt" else f"see {meeting.log}"
                    raise EmbeddedError(message, code=code, cure=cure)
                case _ if not alive:
                    return None
                case _:
                    time.sleep(_POLL)
        raise _start_failed(f"the model was not loaded within {_LOAD_TIMEOUT:g} s")

    def _endpoint(self, model: Model, state: Running) -> Endpoint:
        register_secret(state.key)
        return Endpoint(
            base_url=f"http://127.0.0.1:{state.port}",
            key=Secret(state.key),
            model_id=model.id,
            completion_mode=model.completion,
            chat=model.chat,
            context_tokens=model.context_tokens,
            pid=state.pid,
        )


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


def _start_failed(why: str, cure: str = "run `polypilot doctor`") -> EmbeddedError:
    return EmbeddedError(
        f"the embedded model's process could not be started: {why}", code="start_failed", cure=cure
    )


def _disown(process: subprocess.Popen[bytes]) -> None:
    """Let go of a process that outlives us on purpose, without a warning for it."""
    if process.returncode is None:
        process.returncode = 0
