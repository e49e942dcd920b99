"""What the user's gate keeps back is kept back in the copy of the tree, too.

A copy has what git tracks, in another place: an ignore file that is not committed, one above the
folder, and a pattern that counts from the folder which the user has open say nothing there. So
the gate judges each file where it is, and the copy gets an ignore file that names what it refuses.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.tasks import start_blocking
from polypilot.workspace.ignore_state import AI_FILES, MAX_BYTES
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from polypilot.compare.checkout import Written
    from polypilot.compare.folder import Folder
    from polypilot.compare.repository import Repository
    from polypilot.workspace.gate import Gate

LOOK_S = 30.0
"""Seconds for the gate to look at a batch of names."""
_LOOKED_AT = 500
_SPECIAL = re.compile(r"([\\*?\[\]])")


async def copied(origin: Repository | Folder, gate: Gate, tree: Path) -> Written:
    """Write a commit's files into an empty folder, and beside them what must not leave.

    Raises:
        UserError: the folder is not empty, or too much is kept back to be named.
        GitError, OSError: the files can't be read or written.
    """
    written = await origin.checkout(tree)
    names = [each.path for each in await origin.files()]
    allowed = await admitted(gate, origin.top, names)
    if refused := patterns(names, allowed):
        await start_blocking(_note, written.folder, refused)
    return written


async def admitted(gate: Gate, top: str, paths: Iterable[str]) -> set[str]:
    """Those paths below ``top`` that the gate lets out."""
    uris = {path: uri_of(str(Path(top, path))) for path in paths}
    allowed: set[str] = set()
    names = list(uris)
    for at in range(0, len(names), _LOOKED_AT):
        batch = names[at : at + _LOOKED_AT]
        await gate.look([uris[name] for name in batch], LOOK_S)
        allowed |= {name for name in batch if gate.admit_document(uris[name]).allowed}
    return allowed


def patterns(names: Iterable[str], allowed: Collection[str]) -> list[str]:
    """Patterns that refuse all names but those allowed; a folder of which none is, as one."""
    open_ = {str(above) for name in allowed for above in PurePosixPath(name).parents}
    made: dict[str, None] = {}
    for name in names:
        if name in allowed:
            continue
        above = [str(each) for each in PurePosixPath(name).parents][::-1]
        made[next((each for each in above if each not in open_), name)] = None
    return ["/*" if each == "." else f"/{_pattern(each)}" for each in made]


def _pattern(name: str) -> str:
    """What stands for a name alone; a character that has no place in a line, for any."""
    plain = "".join(char if char.isprintable() else "\0" for char in name)
    return _SPECIAL.sub(r"\\\1", plain).replace(" ", "\\ ").replace("\0", "?")


def _note(tree: Path, refused: Iterable[str]) -> None:
    """Add patterns to an ignore file at the top of the copy. Blocks."""
    lines = "".join(f"{each}\n" for each in refused)
    for name in AI_FILES:
        file = tree / name
        if file.is_symlink() or (file.exists() and not file.is_file()):
            continue
        before = file.read_bytes() if file.exists() else b""
        data = before + b"\n" + lines.encode()
        if len(data) <= MAX_BYTES:
            # The copy is ours alone: what is tracked there is a regular file with one name.
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123 - with its mode
                out.write(data)
            return
    raise UserError(
        "too many files are kept back to name them all in the copy",
        code="withheld",
        cure="name a smaller folder with --root",
    )
