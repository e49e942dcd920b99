"""Finds or starts the process that serves a model. Everything here blocks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot.children import bare_environment, python
from polypilot.embedded.errors import PULL_CURE, EmbeddedError, needs_extra
from polypilot.embedded.rendezvous import Failed, Rendezvous, Running
from polypilot.errors import register_secret
from polypilot.paths import ensure_private, exclusive, runtime_dir
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore

Stage = Literal["checking", "starting", "loading", "ready"]

_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
"""Threads that wait for each other sleep instead of spinning. Measured with two threads on two
busy cores: 22 instead of 4 to 9 prompt tokens a second, 13 to 29 instead of 1 generated."""
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk
_POLL = 0.02
_SPAWN_TIMEOUT = 30.0
_LOAD_TIMEOUT = 300.0
_JOINS = 4


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


class Launcher:
    """The processes of one meeting place, for use in threads. Parameters: see ``Runtime``."""

    def __init__(
        self, store: ModelStore, *, threads: int, idle_seconds: float, folder: Path | None
    ) -> None:
        self._store = store
        self._threads = threads
        self._idle = idle_seconds
        self._given_folder = folder

    @property
    def _folder(self) -> Path:
        return self._given_folder or runtime_dir()

    def _meeting(self, model: Model) -> Rendezvous | None:
        try:
            return Rendezvous(self._folder, model.id, self._store.path_of(model))
        except OSError:  # no such file
            return None

    def join(self, model: Model) -> Endpoint | None:
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

    def is_running(self, model: Model) -> bool:
        """Whether a process runs, without keeping it."""
        meeting = self._meeting(model)
        return meeting is not None and meeting.alive.held()

    def stop(self, model: Model) -> bool:
        """End the process for everyone; returns whether one ran."""
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

    def join_or_start(self, model: Model, tell: Callable[[Stage], None]) -> Endpoint:
        """The endpoint of a process that can be asked. ``tell`` is called in this thread.

        Raises:
            EmbeddedError: as ``Runtime.ensure``.
        """
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


def _start_failed(why: str, cure: str = "run `polypilot doctor`") -> EmbeddedError:
    return EmbeddedError(
        f"the embedded model's process could not be started: {why}", code="start_failed", cure=cure
    )


def _disown(process: subprocess.Popen[bytes]) -> None:
    """Let go of a process that outlives us on purpose, without a warning for it."""
    if process.returncode is None:
        process.returncode = 0
