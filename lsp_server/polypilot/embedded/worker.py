"""The process that serves one model to all of the user's editors.

Started by ``runtime`` as ``python -I -m polypilot.embedded.worker``. It listens on 127.0.0.1
at a port the system chooses, wants a random key with every request, grants no web page
anything (CORS), and ends when nobody has wanted it for a while.

It prints nothing on its own: what the runtime's library writes while loading goes to a log
that holds no request, and after that to nowhere.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypilot.embedded.rendezvous import Failed, Rendezvous, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TAKEN = 75
"""Exit status: another process serves this model already."""

_CPU_BATCH = 32
"""Prompt tokens evaluated at a time. A request is given up between two batches only, and on
a CPU larger ones are no faster (docs/decisions/0004-embedded-runtime.md)."""
_GPU_BATCH = 512
_SLOTS = 2
"""Conversations held in the KV cache: one for completions, one for chats."""
_LOCK_TRIES = 40
_LOCK_PAUSE = 0.025
_CUT = ("corrupted or incomplete", "invalid magic")
_UNKNOWN = "unknown model architecture"
_NO_ROOM = "failed to allocate"
_TELLING = (*_CUT, _UNKNOWN, _NO_ROOM, "exiting due to model loading error")
"""What the library's log ends with, or says why it failed."""
_LOG_WAIT = 2.0
"""Seconds for which one of them is waited for; a failure of another kind writes none."""
_LOG_PAUSE = 0.02
_MAX_POLL = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to serve, and how."""

    model: Path
    name: str
    folder: Path
    threads: int
    context: int
    """Tokens of one slot."""
    idle: float
    """Seconds without a request after which to end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until idle. Returns the exit status."""
    job = _parse(argv)
    meeting = Rendezvous(job.folder, job.name, job.model)
    if not _acquire(meeting):
        return TAKEN
    _leave_parent()
    _no_core_dumps()
    try:
        server, running = _start(job)
    except Exception as exc:  # noqa: BLE001  (whatever it was, whoever waits is to be told)
        meeting.publish(_diagnose(exc, meeting))
        return 1
    _silence()
    meeting.publish(running)
    _serve(server, meeting, running, job.idle)
    # The library's own end waits for its threads; nothing of theirs is of use any more.
    os._exit(0)


def _parse(argv: Sequence[str] | None) -> Job:
    parser = argparse.ArgumentParser(prog="polypilot.embedded.worker")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--idle", type=float, required=True)
    return Job(**vars(parser.parse_args(argv)))


def _acquire(meeting: Rendezvous) -> bool:
    """Become the one process of this model. Those who only ask hold the lock for a moment."""
    for _ in range(_LOCK_TRIES):
        if meeting.alive.acquire():
            return True
        if isinstance(meeting.read(), Running):
            return False
        time.sleep(_LOCK_PAUSE)
    return False


def _leave_parent() -> None:
    """Belong to nobody, so that no editor has to collect us. The lock goes along."""
    if sys.platform != "win32" and os.fork() > 0:
        os._exit(0)


def _no_core_dumps() -> None:
    """The memory holds the user's code: it is not to be written to disk when we crash."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  (POSIX only)

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _start(job: Job) -> tuple[Any, Running]:
    """Load the model and listen."""
    # An extra, and 100 MB of library; it has no type stubs.
    library: Any = importlib.import_module("xllamacpp")
    key = secrets.token_urlsafe(32)
    params = library.CommonParams()
    params.model.path = str(job.model)
    params.model_alias = {job.name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    # Empty: the browser finds no origin that may read an answer.
    params.cors_origins, params.cors_methods, params.cors_headers = "", "", ""
    params.cors_origins_explicit = True
    params.cors_credentials = False
    params.ui = False
    params.endpoint_metrics = True  # tells us whether anyone asks
    params.verbosity = 1  # errors: anything chattier could quote a request
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * job.context
    params.n_batch = params.n_ubatch = _CPU_BATCH if _is_cpu_only(library) else _GPU_BATCH
    params.fit_params = False
    params.cache_ram_mib = 0  # no second cache of prompts, which may grow to gigabytes
    params.cache_prompt = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = job.threads
    server = library.Server(params)
    port = int(str(server.listening_address).rsplit(":", 1)[1])
    return server, Running(os.getpid(), port, key)


def _is_cpu_only(library: Any) -> bool:
    cpu = library.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return all(device["type"] == cpu for device in library.get_device_info())


def _silence() -> None:
    """From now on nothing is logged: a library's complaint may quote what it was sent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _serve(server: Any, meeting: Rendezvous, running: Running, idle: float) -> None:
    """Return when nobody has asked for anything, or for our endpoint, for ``idle`` seconds."""
    counters: Callable[[], str] = server.handle_metrics
    seen, touched, since = "", 0, time.monotonic()
    while True:
        time.sleep(min(_MAX_POLL, max(idle / 10, 0.05)))
        now = counters()
        busy = _is_busy(now)
        if busy or now != seen or meeting.last_touch() != touched:
            seen, touched, since = now, meeting.last_touch(), time.monotonic()
        if not busy and meeting.read() != running:
            return  # replaced, or the folder is gone: nobody can find us any more
        if time.monotonic() - since >= idle and withdraw(meeting, running, touched):
            return


def withdraw(meeting: Rendezvous, running: Running, touched: int) -> bool:
    """Withdraw the endpoint, unless someone has just taken it.

    They touch first and look second, we withdraw first and look second: one sees the other.
    """
    meeting.clear()
    if meeting.last_touch() == touched:
        return True
    meeting.publish(running)
    return False


def _is_busy(metrics: str) -> bool:
    return any(
        line.startswith(("llamacpp:requests_processing", "llamacpp:requests_deferred"))
        and float(line.rsplit(" ", 1)[1]) > 0
        for line in metrics.splitlines()
    )


def _diagnose(exc: Exception, meeting: Rendezvous) -> Failed:
    if isinstance(exc, ImportError):
        return Failed("start_failed", "the runtime (xllamacpp) can't be loaded on this machine")
    said = _said(meeting.log)
    if any(words in said for words in _CUT):
        return Failed("model_corrupt", "the model file is cut short or damaged")
    if _UNKNOWN in said:
        return Failed("start_failed", "the runtime does not know this model's architecture")
    if isinstance(exc, MemoryError) or _NO_ROOM in said:
        return Failed("start_failed", "there is not enough memory for this model")
    return Failed("start_failed", f"the runtime could not load the model ({type(exc).__name__})")


def _said(log: Path) -> str:
    """What the library wrote. A thread of its own writes it, which may be behind the exception."""
    until = time.monotonic() + _LOG_WAIT
    while True:
        said = ""
        with contextlib.suppress(OSError):
            said = log.read_text("utf-8", "replace")
        if any(words in said for words in _TELLING) or time.monotonic() > until:
            return said
        time.sleep(_LOG_PAUSE)


if __name__ == "__main__":
    sys.exit(main())
