"""Proposed edits at a terminal: shown as diffs, written to files when the user accepts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.chat import edits_file
from polypilot.chat.edits_lines import hunks_between
from polypilot.errors import UserError
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.chat.edits import Change
    from polypilot.chat.values import FileDiff

_BACKUPS = 50


class WriteError(UserError):
    """A file could not be changed; it is as it was."""

    code = "write_failed"


def diff_lines(diff: FileDiff) -> Iterator[str]:
    """A file's change as unified lines."""
    # What differs is compared within bounds: a model can write what would take minutes.
    hunks = hunks_between(diff.old or "", diff.new)
    name = diff.path if diff.old is not None else f"{diff.path} (new)"
    yield from (f"--- {name}", f"+++ {diff.path}")
    for hunk in hunks:
        yield from f"{hunk.header}\n{hunk.diff}".split("\n")[:-1]  # other breaks are in lines


def write(change: Change) -> Path | None:
    """Make a change to a file; where its text from before is kept, if there was one. Blocks.

    Raises:
        WriteError: it can't be written, or is there by now.
        EditError: another program has written to it meanwhile.
    """
    place = locate(change.uri).path
    if place is None:
        raise WriteError("only files can be changed from a terminal")
    path = Path(place)
    backup: list[Path] = []
    try:
        if change.creates:
            edits_file.create(path, change.edits)
        else:
            edits_file.change(path, change.edits, lambda data: backup.append(_kept(path, data)))
    except (OSError, UnicodeError) as error:
        if change.creates and isinstance(error, FileExistsError) and os.path.lexists(path):
            cure = "Ask again, with the file attached"
            raise WriteError(f"{path.name} is there by now", cure=cure) from None
        raise WriteError(
            f"{path.name} could not be changed: {type(error).__name__}",
            cure="Its text is as it was; look at its rights and the disk's free space",
        ) from None
    return backup[0] if backup else None


def _kept(path: Path, data: bytes) -> Path:
    """The text from before, in the data folder; the newest ones are kept."""
    folder = paths.data_dir() / "before"
    paths.ensure_private(folder)
    kept = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime)
    for each in kept[: max(0, len(kept) - _BACKUPS + 1)]:
        each.unlink(missing_ok=True)
    number = 1
    while (copy := folder / f"{path.name}.{number}").exists():
        number += 1
    paths.write_private(copy, data)
    return copy
