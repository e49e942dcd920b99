"""Runs a test in a private copy of a work tree, without network, with limits; ends it whole.

On Linux with user namespaces (the ordinary case) nothing is copied: an overlay shows the tree,
at its own path, so that editable installations lead to it; what the run writes goes to memory
and is gone with it. The rest of the disk can't be written, the user's home and the sockets of
running programs can't be seen, and the kernel ends every process of the run with the first.
Where only bubblewrap may do that, the tree is copied. Elsewhere (macOS) a run is refused, unless
the caller allows it the network: then it works in a copy with the limits that the system has,
and could still read and write what its user can. On Windows it is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polypilot.children import bare_environment, python
from polypilot.compare import sandbox_plan
from polypilot.compare.cage_files import copy, write
from polypilot.compare.values import TestRun
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

REFUSED = "tests were not run: this system gives them no room of their own without network"
CURE = "on Linux install bubblewrap or allow user namespaces, or allow tests the network"
KEPT = 8000
"""Bytes of output that are kept, of its end."""
MOST = 64 << 20
"""A run that prints more has failed."""
_START, _END, _COPY = 60.0, 10.0, 300.0
_KILLED = 128
_PROBE = TestRun(command=("{python}", "-I", "-S", "-c", ""), seconds=20.0)


Way = Literal["namespaces", "bubblewrap", "none"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    passed: bool | None
    """Exit status 0; None if there is no verdict: it was not, or could not be, run."""
    note: str
    """Why, if it did not pass; of a pass what was not kept from it. No text of the user's."""
    seconds: float
    """From the test's start, not the cage's."""
    output: str = field(default="", repr=False)
    """The end of what it printed: it may quote the user's code, and is for no log."""


async def run(
    run: TestRun,
    tree: Path,
    *,
    overlay: Mapping[str, str] | None = None,
    repository: Path | None = None,
    allow_network: bool = False,
) -> Outcome:
    """Run a test on a private copy of ``tree`` with ``overlay`` (path: text) written over it.

    ``{python}`` of the command is ``.venv/bin/python`` of the repository, if there is one, else
    the interpreter in use. ``repository`` (by default the tree) is where the tree stands for
    the test: of an export of an old commit, the folder that it was made from. Its time limit
    counts as failed, as an answer that never ends is wrong; so does too much memory or output.
    Cancelling it ends the run.

    Raises:
        ValueError: a path of the files leads out of the tree.
        OSError: the tree can't be read, or the system starts no process.
    """
    job = _Job(run, tree, repository or tree, (*run.files, *(overlay or {}).items()))
    way = await kept_by()
    if way == "namespaces":
        return await _run_caged(job)
    if way == "none" and not (allow_network and os.name == "posix"):
        return Outcome(None, f"{REFUSED}; {CURE}", 0.0)
    return await _run_copied(job, wrapped=way == "bubblewrap")


@dataclass(frozen=True, slots=True)
class _Job:
    """What ``run`` was asked for."""

    run: TestRun
    tree: Path
    place: Path
    files: tuple[tuple[str, str], ...] = ()


async def obstacle() -> str:
    """Why tests can't be run here without network, and what helps; empty if they can."""
    return f"{REFUSED}; {CURE}" if await kept_by() == "none" else ""


_ways: dict[str, Way] = {}
"""What has been found to work, by the PATH it was looked for with."""


async def kept_by() -> Way:
    """What keeps runs apart here, tried out with an empty program."""
    key = os.environ.get("PATH", "")
    found = _ways.get(key) or await _find_way()
    if found != "none":  # that may be for want of time, or memory: it is tried again
        _ways[key] = found
    return found


async def _find_way() -> Way:
    if sys.platform != "linux":
        return "none"
    async with _room() as tree:
        job = _Job(_PROBE, tree, tree)
        if (await _run_caged(job)).passed:
            return "namespaces"
        if await run_blocking(shutil.which, "bwrap", timeout=_END) is None:
            return "none"
        found = await _run_copied(job, wrapped=True)
    return "bubblewrap" if found.passed else "none"


async def _run_caged(job: _Job) -> Outcome:
    make = partial(sandbox_plan.caged, job.run, job.tree, job.place, job.files)
    plan = await run_blocking(make, timeout=_START)
    return await _run(plan, job.run.seconds)


async def _run_copied(job: _Job, *, wrapped: bool) -> Outcome:
    async with _room() as top:
        make = partial(_copied, job, top, wrapped=wrapped)
        plan = await run_blocking(make, timeout=_COPY, name="copying the work tree")
        found = await _run(plan, job.run.seconds)
    if wrapped:
        return found
    open_to = "it had the network, and the user's own files"
    return replace(found, note=f"{found.note}; {open_to}" if found.note else open_to)


def _copied(job: _Job, top: Path, *, wrapped: bool) -> dict[str, Any]:
    """Copy the tree, and say how to run in the copy."""
    place, target = job.place.resolve(), top / "tree"
    (top / "home").mkdir()
    copy(job.tree.resolve(), target)
    write(target, job.files)
    plan = sandbox_plan.plain(job.run, target, place)
    program = shutil.which("bwrap") if wrapped else None
    if program:
        plan["command"] = sandbox_plan.bubblewrap(program, plan, place)
    return plan


@contextlib.asynccontextmanager
async def _room() -> AsyncGenerator[Path]:
    """A new folder, removed at the end with all that is in it."""
    folder = await run_blocking(_new_folder, timeout=_END)
    try:
        yield Path(folder.name)
    finally:
        await run_blocking(folder.cleanup, timeout=_COPY)


def _new_folder() -> tempfile.TemporaryDirectory[str]:
    within = os.path.realpath(tempfile.gettempdir())
    return tempfile.TemporaryDirectory(
        prefix="polypilot-tests-", dir=within, ignore_cleanup_errors=True
    )


# --- one process and its end


async def _run(plan: Mapping[str, Any], seconds: float) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *python("-m", "polypilot.compare.cage"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd="/", env=bare_environment(), start_new_session=True,
    )  # fmt: skip
    cage = _Cage(process, seconds)
    try:
        return await cage.watch(json.dumps(dict(plan)).encode() + b"\n")
    finally:
        await cage.end()


class _Cage:
    """One run of the cage's process: what it says, what the test prints, its limit of time."""

    def __init__(self, process: asyncio.subprocess.Process, seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self._begun = 0.0
        self._tail = bytearray()
        self._said: dict[str, Any] = {}

    async def watch(self, plan: bytes) -> Outcome:
        """From the plan to the outcome."""
        stdin, stderr = self._process.stdin, self._process.stderr
        assert stdin is not None  # noqa: S101  (a pipe was asked for)
        assert stderr is not None  # noqa: S101  (likewise)
        try:
            async with asyncio.timeout(_START):
                with contextlib.suppress(ConnectionError):  # it has said why it ended, or nothing
                    stdin.write(plan)
                    await stdin.drain()
                await self._listen(stderr)
        except TimeoutError:
            return Outcome(None, "the test could not be started in time", 0.0)
        if "begun" not in self._said or "failed" in self._said:
            return self._outcome(None)
        try:
            async with asyncio.timeout(self._seconds):
                bounded = await self._collect()
                if bounded:
                    await self._listen(stderr, last=True)
        except TimeoutError:
            return self._ended(passed=False, note=f"it took longer than {self._seconds:g} s")
        if not bounded:
            return self._ended(passed=False, note=f"it printed more than {MOST >> 20} MB")
        return self._outcome(self._said.get("code"))

    async def _listen(self, stream: asyncio.StreamReader, *, last: bool = False) -> None:
        """To the next thing that the cage says, or to the last."""
        while line := await stream.readline():
            self._said |= json.loads(line)
            self._begun = self._begun or time.monotonic()
            if not last:
                return

    async def _collect(self) -> bool:
        """All that it prints, to its end; false if that is too much. Little comes beside it."""
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  (a pipe was asked for)
        total = 0
        while chunk := await stream.read(1 << 16):
            total += len(chunk)
            self._tail += chunk
            del self._tail[:-KEPT]
            if total > MOST:
                return False
        return True

    def _outcome(self, code: int | None) -> Outcome:
        if "failed" in self._said:
            return self._ended(passed=None, note=f"it could not be started: {self._said['failed']}")
        if code is None:
            return self._ended(passed=None, note="what runs the tests has ended unexpectedly")
        if code == 0:
            return self._ended(passed=True, note="")
        return self._ended(passed=False, note=_reason(code))

    def _ended(self, *, passed: bool | None, note: str) -> Outcome:
        seconds = time.monotonic() - self._begun if self._begun else 0.0
        return Outcome(passed, note, seconds, self._tail.decode("utf-8", "replace"))

    async def end(self) -> None:
        """Close its input, by which it ends everything; kill it if that takes too long."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    await self._drain()
                    await self._process.wait()
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()

    async def _drain(self) -> None:
        """A full pipe would keep its reader paused, and asyncio from seeing its end."""
        for stream in (self._process.stdout, self._process.stderr):
            while stream is not None and await stream.read(1 << 16):
                pass


def _reason(code: int) -> str:
    """An exit status in words."""
    if code <= _KILLED:
        return f"exit status {code}"
    with contextlib.suppress(ValueError):
        return f"ended by {signal.Signals(code - _KILLED).name}"
    return f"exit status {code}"
