"""Brings one model file from one source to the disk, and checks it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
from typing import TYPE_CHECKING

from polypilot.embedded.errors import disk_full
from polypilot.embedded.transfer import CHUNK, SourceFailed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from polypilot.embedded.catalog import ModelFile
    from polypilot.embedded.transfer import Source, Transfer

log = logging.getLogger(__name__)

_SPARE = 64_000_000
"""Bytes that stay free on the disk over and above what is fetched."""
_TRIES = 20
"""How often a source that breaks off is asked to go on, as long as it brings something."""
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk


class WrongContent(Exception):  # noqa: N818  (reads as what happened)
    """A whole file arrived, and it is another one; it has been removed."""


def fetch(source: Source, part: Path, model: ModelFile, transfer: Transfer) -> None:
    """Complete ``part`` from ``source`` and compare it with the model's SHA-256.

    Raises:
        SourceFailed: what arrived is kept, and any source can go on from it.
        WrongContent: nothing is kept.
        EmbeddedError: ``disk_full``, ``cancelled``; what arrived is kept.
    """
    continued = part.exists() and part.stat().st_size > 0
    _download(source, part, model, transfer)
    if _is_right(part, model, transfer, source.name):
        return
    if continued:
        # The beginning may have been another source's, or damaged while it lay here.
        _download(source, part, model, transfer)
        if _is_right(part, model, transfer, source.name):
            return
    raise WrongContent


def _is_right(part: Path, model: ModelFile, transfer: Transfer, source: str) -> bool:
    if digest(part, transfer, source) == model.sha256:
        return True
    part.unlink()
    transfer.restart()
    return False


class FolderSource:
    """A file in a folder, such as a company's share."""

    scratch = 0

    def __init__(self, path: Path, size: int) -> None:
        self.name = "the mirror folder"
        self._path = path
        self._size = size

    def chunks(self, offset: int, transfer: Transfer) -> Iterator[bytes]:
        """The file's bytes from ``offset`` on; see ``Source``."""
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size != self._size:
                    raise SourceFailed(f"its file has {size:,} bytes instead of {self._size:,}")
                file.seek(offset)
                while data := file.read(CHUNK):
                    transfer.check()
                    yield data
        except OSError as exc:
            raise SourceFailed(f"its file can't be read ({exc.strerror})") from exc


def _download(source: Source, part: Path, model: ModelFile, transfer: Transfer) -> None:
    """Complete ``part``, asking again where the source breaks off.

    Raises:
        SourceFailed: it brought nothing more.
    """
    for _ in range(_TRIES):
        offset = _size(part)
        if offset > model.size:
            part.unlink()
            offset = 0
        if offset == model.size:
            return
        transfer.report("connect", source.name, offset)
        _check_space(part.parent, model.size - offset + source.scratch)
        try:
            _append(source, part, offset, transfer)
        except SourceFailed:
            if _size(part) == offset:
                raise
            log.info("%s broke off %s; going on", source.name, model.id)
    if _size(part) != model.size:
        raise SourceFailed("the connection breaks off again and again")


def _append(source: Source, part: Path, offset: int, transfer: Transfer) -> None:
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW, 0o600)
    with os.fdopen(fd, "ab") as file:
        try:
            for data in source.chunks(offset, transfer):
                file.write(data)
                offset += len(data)
                transfer.report("download", source.name, offset)
        finally:
            with contextlib.suppress(OSError):  # full disk: what fitted is kept
                file.flush()
                os.fsync(file.fileno())


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise disk_full(str(folder), needed + _SPARE - free)


@contextlib.contextmanager
def disk_full_told(folder: Path) -> Generator[None]:
    """Tell a full disk in the user's words."""
    try:
        yield
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(str(folder), 0) from exc
        raise


def digest(path: Path, transfer: Transfer, source: str) -> str:
    """The SHA-256 of ``path`` in hexadecimal, telling the listener how far it has read."""
    sha256, done = hashlib.sha256(), 0
    transfer.report("verify", source, 0)
    with path.open("rb") as file:
        while data := file.read(1 << 22):
            sha256.update(data)
            done += len(data)
            transfer.report("verify", source, done)
    return sha256.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
