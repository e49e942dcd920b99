"""Where Polypilot keeps its files, and how it writes them without being tricked.

The folders are the platform's own (platformdirs), or what POLYPILOT_CONFIG_DIR,
POLYPILOT_DATA_DIR and POLYPILOT_CACHE_DIR name. A relative path in one of those is
ignored, as the XDG base directory specification demands for its own variables: it would
be looked up in the editor's current folder, which may be a hostile repository.

No function that returns a path raises; those that write raise OSError. Everything here
blocks for as long as the disk does, so the event loop calls it through
``tasks.run_blocking``.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs  # noqa: TID251  (this is its one importer)

if TYPE_CHECKING:
    from collections.abc import Generator

log = logging.getLogger(__name__)

_APP = "polypilot"
_STALE_TEMP_SECONDS = 600.0
_LOCK_POLL_SECONDS = 0.002
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk
_BINARY: int = getattr(os, "O_BINARY", 0)


def config_dir() -> Path:
    """Folder of ``config.toml``; need not exist."""
    return _override("POLYPILOT_CONFIG_DIR") or _platform("config")


def data_dir() -> Path:
    """Folder of what must survive: trust decisions, the index of stored keys, models."""
    return _override("POLYPILOT_DATA_DIR") or _platform("data")


def cache_dir() -> Path:
    """Folder of what can be made again."""
    return _override("POLYPILOT_CACHE_DIR") or _platform("cache")


def log_dir() -> Path:
    """Folder of log files. Follows POLYPILOT_DATA_DIR, so that a second profile is whole."""
    override = _override("POLYPILOT_DATA_DIR")
    return override / "log" if override else _platform("log")


def runtime_dir() -> Path:
    """Folder of sockets, ports and locks of running processes, private to the user.

    $XDG_RUNTIME_DIR if it is usable, else a folder below ``data_dir()``; never a fixed name
    in the shared temporary folder. A profile made with POLYPILOT_DATA_DIR has its own.
    """
    if _override("POLYPILOT_DATA_DIR") is None:
        base = os.environ.get("XDG_RUNTIME_DIR", "")
        if os.path.isabs(base) and _is_private_dir(Path(base)):  # noqa: PTH117  (Path("") is ".")
            return Path(base) / _APP
    return data_dir() / "run"


def config_file() -> Path:
    """The user's settings file; need not exist."""
    return config_dir() / "config.toml"


def ensure_private(path: Path) -> Path:
    """Make ``path`` a folder that only this user can enter (0700), and return it.

    A link is followed only where nobody else could have put it there, so that a folder kept
    elsewhere (a dotfiles repository) works and a link planted in a shared folder does not.

    Raises:
        OSError: it can't be made, belongs to someone else, or is not a folder.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink() and _others_may_write(path.parent):
        message = "is a link in a folder that others can write to"
        raise PermissionError(message, str(path))
    if sys.platform != "win32":
        info = path.stat()
        if info.st_uid != os.geteuid():
            message = "belongs to another user"
            raise PermissionError(message, str(path))
        if stat.S_IMODE(info.st_mode) & 0o077:
            path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step; readers see the old or the new, never a part.

    The file gets mode 0600 whatever the umask. ``path`` itself is never followed if it is a
    link: the link is replaced and its target left alone. The folder must exist.

    Raises:
        OSError: it could not be written; the old content is untouched.
    """
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
    fd = os.open(temp, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(temp, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temp.unlink()
        raise
    _sync_folder(path.parent)
    _sweep(path)


@contextlib.contextmanager
def exclusive(path: Path, timeout: float = 5.0) -> Generator[None]:
    """Hold ``path`` for one process at a time while it is read, changed and written.

    The lock is on a file beside it (``.NAME.lock``), because ``write_private`` replaces the
    file itself. Who waits does so behind a second lock (``.NAME.queue``), so that a process
    which writes without pause can't keep the others out. The system releases both when their
    holder dies. The folder must exist.

    Raises:
        TimeoutError: others held it for ``timeout`` seconds.
        OSError: the lock files can't be made.
    """
    deadline = time.monotonic() + timeout
    queue = _lock(path, "queue", deadline)
    try:
        lock = _lock(path, "lock", deadline)
    finally:
        os.close(queue)
    try:
        yield
    finally:
        os.close(lock)  # releases it


def _lock(path: Path, suffix: str, deadline: float) -> int:
    """Take one of the locks of ``path``; returns the open file that holds it."""
    name = path.with_name(f".{path.name}.{suffix}")
    fd = os.open(name, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o600)
    while not _try_lock(fd):
        if time.monotonic() >= deadline:
            os.close(fd)
            message = f"another process has been writing {path.name} for too long"
            raise TimeoutError(message)
        time.sleep(_LOCK_POLL_SECONDS)
    return fd


if sys.platform == "win32":  # pragma: no cover - needs Windows
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        """Take the lock; True also where the file system knows none (some network mounts).

        Writing is atomic even so: two writers at the same moment could then lose one of two
        changes, but never tear the file.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as exc:
            log.warning("no file locks here (%s); writing without", exc.strerror)
        return True


def _override(variable: str) -> Path | None:
    value = os.environ.get(variable, "")
    if not value:
        return None
    try:
        path = Path(value).expanduser()
    except RuntimeError:  # "~" without a home folder
        return None
    if not path.is_absolute():
        log.warning("%s is not an absolute path; ignored", variable)
        return None
    return path


def _platform(kind: str) -> Path:
    try:
        dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
        found: str = getattr(dirs, f"user_{kind}_dir")
    except (RuntimeError, KeyError, OSError):  # no HOME and no entry in the user database
        return _homeless(tempfile.gettempdir()) / kind
    return Path(found)


@functools.cache
def _homeless(temp: str) -> Path:
    """A private folder for a user who has no home.

    It is made at once and checked, although creation is otherwise the caller's: a name in
    the shared temporary folder that does not exist yet could be made by someone else, with a
    settings file of their own inside.
    """
    uid = os.geteuid() if sys.platform != "win32" else 0
    fixed = Path(temp) / f"{_APP}-{uid}"
    try:
        fixed.mkdir(mode=0o700, exist_ok=True)
        if _is_private_dir(fixed):
            return fixed
        return Path(tempfile.mkdtemp(prefix=f"{_APP}-"))
    except OSError:
        # Nothing can be kept: a path below a file, which can be neither read nor made.
        return Path(os.devnull) / _APP


def _is_private_dir(path: Path) -> bool:
    try:
        info = path.lstat()
    except OSError:
        return False
    if sys.platform == "win32":
        return stat.S_ISDIR(info.st_mode)
    return (
        stat.S_ISDIR(info.st_mode)
        and info.st_uid == os.geteuid()
        and not stat.S_IMODE(info.st_mode) & 0o077
    )


def _others_may_write(folder: Path) -> bool:
    return sys.platform != "win32" and bool(stat.S_IMODE(folder.stat().st_mode) & 0o022)


def _replace(temp: Path, path: Path) -> None:
    if sys.platform == "win32":  # pragma: no cover - needs Windows
        # A reader without FILE_SHARE_DELETE makes the rename fail for as long as it reads.
        for _ in range(250):
            try:
                temp.replace(path)
            except PermissionError:
                time.sleep(_LOCK_POLL_SECONDS)
            else:
                return
    temp.replace(path)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # pragma: no cover - folders can't be opened there
        return
    # The new file is in place already; a file system that can't sync a folder is no failure.
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _sweep(path: Path) -> None:
    """Remove what killed writers left beside ``path``."""
    with contextlib.suppress(OSError):
        old = time.time() - _STALE_TEMP_SECONDS
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            if left.lstat().st_mtime < old:
                left.unlink()
