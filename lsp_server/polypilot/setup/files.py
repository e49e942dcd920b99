"""Reading and replacing a file of the user's, with all that is his about it.

Unlike ``paths.write_private``, which is for our own files: mode, owner and extended attributes
stay, a link stays a link (what it leads to is changed), and a file with several names keeps them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.errors import printable
from polypilot.setup.values import SetupError

if TYPE_CHECKING:
    from collections.abc import Generator

_LIMIT = 4_000_000


def read(path: Path) -> bytes | None:
    """The file's bytes; None if there is none (a link to nothing leads to none).

    Raises:
        SetupError: it is no file, or can't be read.
    """
    with _told(path):
        try:
            info = path.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(info.st_mode):
            raise SetupError(f"{printable(str(path))} is not a file")
        if info.st_size > _LIMIT:
            raise SetupError(f"{printable(str(path))} is too long for a configuration")
        return path.read_bytes()


def locked(path: Path) -> bool:
    """Whether the user, or a program that manages his files, has marked the file read-only."""
    return path.exists() and not path.stat().st_mode & 0o222


def replace(path: Path, data: bytes) -> list[Path]:
    """Give the file these bytes in one step. Returns the folders that were made for it.

    Raises:
        SetupError: it can't be written; it is as it was.
    """
    with _told(path):
        target = path.resolve()
        made = _folders(target.parent)
        if target.exists() and target.stat().st_nlink > 1:
            target.write_bytes(data)  # replaced, it would no longer be the file of its other names
            return made
        handle, name = tempfile.mkstemp(prefix=".polypilot-", dir=target.parent)
        temp = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _like(target, temp)
            temp.replace(target)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        return made


def remove(path: Path, made: list[Path]) -> None:
    """Remove a file that we made, and the folders made for it that are empty.

    Raises:
        SetupError: it can't be removed.
    """
    with _told(path):
        path.resolve().unlink(missing_ok=True)
    for folder in reversed(made):
        with contextlib.suppress(OSError):  # the user has put something there
            folder.rmdir()


def _like(target: Path, temp: Path) -> None:
    """Make a new file in the old one's likeness, or as the user's programs make theirs."""
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        temp.chmod(0o666 & ~mask)
        return
    info = target.stat()
    shutil.copystat(target, temp)  # mode and extended attributes; the times are then put right
    os.utime(temp)
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(temp, info.st_uid, info.st_gid)


def _folders(folder: Path) -> list[Path]:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


@contextlib.contextmanager
def _told(path: Path) -> Generator[None]:
    """The system's errors in the user's words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SetupError(
            f"{printable(str(path))}: {reason}", cure="Look at its owner and rights"
        ) from error
    except RuntimeError as error:  # a circle of links
        raise SetupError(f"{printable(str(path))} is a link to itself") from error
