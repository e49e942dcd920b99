"""Walks through a folder as far as the gate lets: what is excluded is not seen, nor named.

Folders are listed in other threads; every name is judged by the gate, a few at a time, since
what waits for a keystroke asks the same disk. Links to folders are not followed.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.chat.tools.arguments import ToolError
from polypilot.chat.tools.reading import LOOK_S
from polypilot.tasks import run_blocking
from polypilot.workspace.ignore_patterns import Rules
from polypilot.workspace.linear import PatternError
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from polypilot.chat.tools.ground import Ground
    from polypilot.chat.tools.paths import Below

SECONDS = 10.0
"""That a walk takes at most."""
MOST_ENTRIES = 100_000
"""That a walk looks at."""
FOLDER_ENTRIES = 5_000
"""Of one folder that are looked at."""
_BATCH = 64
_NEVER = frozenset((".git", ".hg", ".svn", ".jj"))
"""What version control keeps for itself."""
_PROBE = "polypilot7f3a"
"""A file that stands for any in a folder, to ask whether the folder is excluded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder."""

    path: str
    is_folder: bool
    size: int = 0


@dataclass(slots=True)
class Walk:
    """What a walk has seen, told as it goes on."""

    entries: int = 0
    left_out: int = 0
    """Excluded files and folders."""
    stopped: str = ""
    """Why it ended early; empty: it did not."""
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)


async def listed(ground: Ground, folder: Below) -> tuple[list[Entry], int]:
    """What is in a folder and may be known, sorted by name, and how many were left out.

    Raises:
        ToolError: there is no such folder, or it may not be looked at.
        TimeoutError: the disk does not answer.
    """
    if await _is_file(ground, folder):
        raise ToolError(f"{folder.shown} is a file, not a folder")
    if not await allowed(ground, [Entry(folder.path, is_folder=True)]):
        raise _excluded(folder)
    entries, fault = await run_blocking(_scan, folder.path, timeout=LOOK_S, name="list")
    if fault:
        raise ToolError(f"{folder.shown}: {fault}")
    kept = await allowed(ground, entries)
    return kept, len(entries) - len(kept)


async def files(ground: Ground, top: Below, walk: Walk) -> AsyncGenerator[list[Entry], None]:
    """The files below a folder that may be read, some at a time, in a steady order.

    Of a file, that file.

    Raises:
        ToolError: there is no such folder, or it may not be looked at.
        TimeoutError: the disk does not answer.
    """
    if await _is_file(ground, top):
        yield [Entry(top.path, is_folder=False)]
        return
    entries, left_out = await listed(ground, top)
    walk.left_out += left_out
    waiting: list[str] = []
    while True:
        walk.entries += len(entries)
        yield [entry for entry in entries if not entry.is_folder]
        waiting.extend(entry.path for entry in reversed(entries) if entry.is_folder)
        if not waiting:
            return
        if walk.entries >= MOST_ENTRIES or time.monotonic() > walk.deadline:
            walk.stopped = f"stopped after {walk.entries:,} entries; search in a folder below"
            return
        found, _fault = await run_blocking(_scan, waiting.pop(), timeout=LOOK_S, name="list")
        entries = await allowed(ground, found)
        walk.left_out += len(found) - len(entries)


async def _is_file(ground: Ground, place: Below) -> bool:
    """Whether it is a file; one that is excluded is refused, whether it exists or not.

    Raises:
        ToolError: it is excluded.
    """
    if await run_blocking(os.path.isdir, place.path, timeout=LOOK_S, name="stat"):
        return False
    if not await allowed(ground, [Entry(place.path, is_folder=False)]):
        raise _excluded(place)
    return await run_blocking(os.path.isfile, place.path, timeout=LOOK_S, name="stat")


def _excluded(place: Below) -> ToolError:
    return ToolError(f"{place.shown}: it is excluded, or a link that leads out", code="excluded")


async def allowed(ground: Ground, entries: Sequence[Entry]) -> list[Entry]:
    """Those that may be known, in the same order."""
    kept: list[Entry] = []
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        # In a task of its own: what the gate has seen for it is forgotten with it.
        task = ground.tasks.spawn(_judged(ground, batch), name="tool: judge")
        kept += await task
    return kept


async def _judged(ground: Ground, batch: Iterable[Entry]) -> list[Entry]:
    gate = ground.gate
    asked = {entry: uri_of(_judged_path(entry)) for entry in batch}
    await gate.look(asked.values(), LOOK_S)
    kept: list[Entry] = []
    for entry, uri in asked.items():
        verdict = gate.admit_document(uri)
        if verdict.allowed or (entry.is_folder and _may_be_the_probe(verdict.rule)):
            kept.append(entry)
    return kept


def _judged_path(entry: Entry) -> str:
    return os.path.join(entry.path, _PROBE) if entry.is_folder else entry.path  # noqa: PTH118 - strings


def _may_be_the_probe(rule: str) -> bool:
    """Whether a pattern excludes what is in a folder, such as ``*``, rather than the folder."""
    name = rule.rstrip().rsplit("/", 1)[-1]
    if not name or name.startswith("!"):
        return False
    try:
        decision = Rules([name]).decide([_PROBE], folder=False)
    except PatternError:
        return False
    return decision is not None and decision.excluded


def _scan(folder: str) -> tuple[list[Entry], str]:
    """What is in a folder, by name; blocks. The text says why nothing could be seen."""
    found: list[Entry] = []
    try:
        with os.scandir(folder) as scan:
            for each in scan:
                entry = None if each.name in _NEVER else _entry(each)
                if entry is not None:
                    found.append(entry)
                if len(found) >= FOLDER_ENTRIES:
                    break
    except NotADirectoryError:
        return [], "it is not a folder"
    except FileNotFoundError:
        return [], "there is no such folder"
    except OSError as error:
        return [], f"it can't be read ({error.strerror})"
    return sorted(found, key=lambda entry: entry.path), ""


def _entry(each: os.DirEntry[str]) -> Entry | None:
    """None for what is neither file nor folder, or a link to a folder."""
    try:
        if each.is_dir(follow_symlinks=False):
            return Entry(each.path, is_folder=True)
        info = each.stat()
    except OSError:
        return None
    return Entry(each.path, False, info.st_size) if stat.S_ISREG(info.st_mode) else None
