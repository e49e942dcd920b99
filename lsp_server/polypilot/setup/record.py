"""What was changed for an editor, and the bytes from before, in our own data folder.

Configurations may hold secrets: the folder and its files are the user's alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from polypilot import paths
from polypilot.setup.values import SetupError

_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it was and as we left it."""

    path: str
    left: str
    """The digest of what we wrote."""
    backup: str
    """The name of the file with the bytes from before; empty: there was no file."""
    exact: bool = True
    """Whether the backup has nothing of ours."""
    made: tuple[str, ...] = ()
    """Folders that we made."""
    parts: dict[str, str] = field(default_factory=dict[str, str])
    """Of a :class:`polypilot.setup.values.LanguagesEdit`: those that we wrote."""


def digest(data: bytes) -> str:
    """What bytes are compared by."""
    return hashlib.sha256(data).hexdigest()


def folder() -> Path:
    """Where records and backups are; need not exist."""
    return paths.data_dir() / "setup"


def entries(editor: str) -> dict[str, Entry]:
    """What was written for an editor, by path. A record that can't be read is none."""
    file = folder() / f"{editor}.json"
    try:
        if file.stat().st_size > _LIMIT:
            return {}
        rows = cast("list[dict[str, Any]]", json.loads(file.read_bytes()))
        found = [
            Entry(
                path=str(row["path"]),
                left=str(row["left"]),
                backup=str(row["backup"]),
                exact=row["exact"] is True,
                made=tuple(map(str, row["made"])),
                parts={str(name): str(part) for name, part in dict(row.get("parts") or {}).items()},
            )
            for row in rows
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {each.path: each for each in found}


def keep(editor: str, found: dict[str, Entry]) -> None:
    """Write an editor's record; with nothing in it, remove it.

    Raises:
        SetupError: the data folder can't be written.
    """
    file = folder() / f"{editor}.json"
    try:
        if not found:
            file.unlink(missing_ok=True)
            return
        paths.ensure_private(folder())
        rows = [asdict(each) for each in found.values()]
        paths.write_private(file, json.dumps(rows, indent=1).encode())
    except OSError as error:
        raise _unwritable(error) from error


def back_up(editor: str, path: Path, data: bytes) -> str:
    """Keep bytes; the name they are kept by.

    Raises:
        SetupError: the data folder can't be written: then the file must not be changed.
    """
    name = f"{editor}-{secrets.token_hex(4)}-{path.name}"
    try:
        paths.ensure_private(folder())
        paths.write_private(folder() / name, data)
    except OSError as error:
        raise _unwritable(error) from error
    return name


def backed_up(entry: Entry) -> bytes | None:
    """The bytes from before; None if they are gone."""
    try:
        return (folder() / Path(entry.backup).name).read_bytes()
    except OSError:
        return None


def forget(entry: Entry) -> None:
    """Remove a backup that has served."""
    if entry.backup:
        (folder() / Path(entry.backup).name).unlink(missing_ok=True)


def _unwritable(error: OSError) -> SetupError:
    return SetupError(
        f"no backup can be kept in {folder()}: {error.strerror or type(error).__name__}",
        cure="Make that folder writable, or set POLYPILOT_DATA_DIR",
    )
