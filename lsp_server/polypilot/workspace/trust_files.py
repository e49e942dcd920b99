"""What in a workspace can influence us, besides its settings: commands and instructions.

They are found by a bounded walk in a fixed order and read once, so that what is used is, byte
for byte, what was approved. Links that lead elsewhere are not followed. Everything here blocks.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

COMMANDS = ".polypilot/commands"
"""Folder of a workspace's commands, below its root."""
INSTRUCTIONS = "AGENTS.md"
"""Name of a file of instructions, in the root or any folder that is not skipped."""
MAX_BYTES = 64_000
"""Of one file."""
MAX_COMMANDS = 100
MAX_INSTRUCTIONS = 200
MAX_FOLDERS = 2_000
"""Looked into, nearest to the root first; what is deeper than that is not used."""
_CHUNK = 65_536
_SKIPPED = frozenset(
    {"node_modules", "vendor", "venv", "env", "target", "build", "dist", "out", "bin", "obj"}
    | {"site-packages", "__pycache__"}
)
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Influence:
    """A file that can influence us."""

    name: str
    """Below the root, with forward slashes."""
    raw: bytes | None
    """What is in it; None: it can't be used."""
    fault: str = ""
    """Why it can't."""


def influences(real: str) -> tuple[Influence, ...]:
    """The commands and instructions of the workspace at ``real``, a path without links."""
    root = Path(real)
    found = [_read(root, root / COMMANDS, path) for path in _commands(root)]
    found += [_read(root, root, path) for path in _instructions(root)]
    return tuple(found)


def _commands(root: Path) -> list[Path]:
    folder = root / COMMANDS
    try:
        if Path(os.path.realpath(folder)) != folder:
            return []
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".md"))
    except OSError:
        return []
    return [folder / name for name in names[:MAX_COMMANDS]]


def _instructions(root: Path) -> list[Path]:
    """Breadth first and by name: what is there decides, not in which order a disk lists it."""
    found: list[Path] = []
    folders, looked = [root], 0
    while folders and looked < MAX_FOLDERS:
        deeper: list[Path] = []
        for folder in folders[: MAX_FOLDERS - looked]:
            looked += 1
            inside, has = _look(folder)
            deeper += inside
            if has and len(found) < MAX_INSTRUCTIONS:
                found.append(folder / INSTRUCTIONS)
        folders = deeper
    return found


def _look(folder: Path) -> tuple[list[Path], bool]:
    """The folders in it that are not skipped, by name, and whether it has instructions."""
    names: list[str] = []
    has = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == INSTRUCTIONS:
                    has = True
                elif _is_looked_into(entry):
                    names.append(entry.name)
    except OSError:
        return [], False
    return [folder / name for name in sorted(names)], has


def _is_looked_into(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _SKIPPED:
        return False
    return entry.is_dir(follow_symlinks=False)


def _read(root: Path, within: Path, path: Path) -> Influence:
    name = path.relative_to(root).as_posix()
    try:
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(within):
            return Influence(name, None, "it is a link that leads out of its folder")
        raw = read_regular(real, follow=False)
    except OSError as error:
        return Influence(name, None, f"it can't be read ({error.strerror})")
    return Influence(name, raw) if isinstance(raw, bytes) else Influence(name, None, raw)


def read_regular(path: Path, *, follow: bool) -> bytes | str:
    """What is in an ordinary file of at most `MAX_BYTES`, or why that can't be used.

    Raises:
        OSError: it can't be opened or read.
    """
    fd = os.open(path, _FLAGS if follow else _FLAGS | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "it is not an ordinary file"
        raw = b""
        while len(raw) <= MAX_BYTES and (more := os.read(fd, _CHUNK)):
            raw += more
    finally:
        os.close(fd)
    return raw if len(raw) <= MAX_BYTES else f"it is longer than {MAX_BYTES:,} bytes"
