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

import contextlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polypilot.compare import sandbox_plan
from polypilot.compare.cage_files import copy, write
from polypilot.compare.cage_run import Outcome, run_plan
from polypilot.compare.values import TestRun
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

REFUSED = "tests were not run: this system gives them no room of their own without network"
CURE = "on Linux install bubblewrap or allow user namespaces, or allow tests the network"
_START, _END, _COPY = 60.0, 10.0, 300.0
_PROBE = TestRun(command=("{python}", "-I", "-S", "-c", ""), seconds=20.0)


Way = Literal["namespaces", "bubblewrap", "none"]


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
    Exit status 0 alone is no pass of a program that can be asked for more. Cancelling it ends
    the run.

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
    return await run_plan(plan, job.run)


async def _run_copied(job: _Job, *, wrapped: bool) -> Outcome:
    async with _room() as top:
        make = partial(_copied, job, top, wrapped=wrapped)
        plan = await run_blocking(make, timeout=_COPY, name="copying the work tree")
        found = await run_plan(plan, job.run)
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
