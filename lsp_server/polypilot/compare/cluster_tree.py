"""A tree as one archive for another machine, and out of it again, with nothing outside."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.compare import checkout, scratch
from polypilot.compare.repository_parts import LINK, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE, _PROGRAM = "100644", "100755"


class TreeError(ValueError):
    """An archive that is damaged, or that would write outside its folder."""


def pack(tree: Path) -> tuple[bytes, str]:
    """Files and links of a tree as a tar archive, and its SHA-256. Blocks.

    The same files make the same archive: no times, no owners.

    Raises:
        OSError: it can't be read.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _paths(tree):
            info = tarfile.TarInfo(path.relative_to(tree).as_posix())
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)  # noqa: PTH115  (its text as it is)
                archive.addfile(info)
            elif path.is_file():
                data = path.read_bytes()
                info.size, info.mode = len(data), 0o700 if os.access(path, os.X_OK) else 0o600
                archive.addfile(info, io.BytesIO(data))
    made = packed.getvalue()
    return made, hashlib.sha256(made).hexdigest()


def unpack(packed: bytes, digest: str, base: str = "", name: str = "") -> Path:
    """The tree in a new private folder below ``base`` (by default our cache). Blocks.

    ``name``: what the folder's name begins with.

    Raises:
        TreeError: it is not what ``digest`` says, or something in it leads out of the folder.
        OSError: it can't be written.
    """
    if hashlib.sha256(packed).hexdigest() != digest:
        raise TreeError("the files did not arrive as they were sent")
    written = checkout.begin(scratch.folder(Path(base) if base else None, name))
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            for member in archive:
                entry, data = _entry(archive, member)
                checkout.add(written, [entry], {entry.blob: data})
    except tarfile.TarError as error:
        raise TreeError("the files that arrived are no archive") from error
    checkout.end(written)
    if written.left_out:
        raise TreeError("a file's name or link leads out of the tree")
    return written.folder


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[Entry, bytes]:
    if member.issym():
        target = os.fsencode(member.linkname)
        return Entry(member.name, LINK, "link", len(target)), target
    data = archive.extractfile(member) if member.isreg() else None
    if data is None:
        raise TreeError("there is something in the tree that is neither a file nor a link")
    mode = _PROGRAM if member.mode & 0o100 else _FILE
    return Entry(member.name, mode, "file", member.size), data.read()


def _paths(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders.sort()
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*files, *linked]):
            yield Path(folder) / name
