"""Opening a database: no one else's file, the right modes, the right schema."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.database.failures import StorageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Migration = Callable[[sqlite3.Connection], None]
    """Takes the schema one version further, in the transaction it is called in."""

log = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
"""How long SQLite waits for another process to end its transaction."""
_COMPANIONS = ("", "-wal", "-shm", "-journal")
_PRIVATE = 0o600
_KEPT_LOG = 4 << 20  # bytes; a longer write-ahead log is cut when it has been written back

Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """Which file is at ``path`` now; None: there is none."""
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_dev, info.st_ino


def open_private(path: Path, migrations: Sequence[Migration], what: str) -> sqlite3.Connection:
    """Open the database at ``path``, made if there is none, with its schema up to date.

    Folder 0700, files 0600, whatever the umask; a link in place of a file is refused. The
    connection is in autocommit mode and belongs to the calling thread.

    Raises:
        StorageError: a newer version made the file (it is left as it is), or it is not safe.
        OSError, sqlite3.Error: the disk.
        ImportError: this Python has no SQLite.
    """
    import sqlite3  # noqa: PLC0415  (not before it is needed; some Pythons have none)

    paths.ensure_private(path.parent)
    _make_private(path, what)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Nothing may be written before it is known that the schema is not a newer one.
        version = _version(connection)
        _refuse_newer(version, migrations, what)
        for each in ("temp_store=MEMORY", "secure_delete=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {each}")
        connection.execute(f"PRAGMA journal_size_limit={_KEPT_LOG}")
        if version < len(migrations):
            # Turning the write-ahead log on fails at once where another process does it, too.
            with paths.exclusive(path, BUSY_SECONDS):
                _set_up(connection, migrations, what)
    except BaseException:
        connection.close()
        raise
    return connection


def set_aside(path: Path, broken: Identity | None) -> Path | None:
    """Move a broken database out of the way, with all that belongs to it; nothing is deleted.

    Returns its new path; None: somebody else has done so already, and ``path`` is a new one.
    """
    with paths.exclusive(path, BUSY_SECONDS):
        if broken is None or identity(path) != broken:
            return None
        target = _free_name(path)
        for suffix in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                _beside(path, suffix).rename(_beside(target, suffix))
    log.warning("%r is damaged; set aside as %r", path.name, target.name)
    return target


def size(path: Path) -> int:
    """Bytes on the disk, what is not written back yet included."""
    total = 0
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            total += _beside(path, suffix).stat().st_size
    return total


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _free_name(path: Path) -> Path:
    day = time.strftime("%Y-%m-%d")
    name, count = f"{path.name}.broken-{day}", 1
    while os.path.lexists(path.with_name(name)):
        count += 1
        name = f"{path.name}.broken-{day}-{count}"
    return path.with_name(name)


def _make_private(path: Path, what: str) -> None:
    """See that the file, and what SQLite keeps beside it, is a file of the user's alone.

    SQLite follows a link in place of the database. An existing file is only looked at and
    never opened here: closing it would release the locks that SQLite holds on it elsewhere in
    this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, flags, _PRIVATE))
    for suffix in _COMPANIONS:
        each = _beside(path, suffix)
        try:
            info = each.lstat()
        except FileNotFoundError:
            continue
        others = sys.platform != "win32" and info.st_uid != os.geteuid()
        if not stat.S_ISREG(info.st_mode) or others:
            kind = "belongs to another user" if others else "is a link, or no file"
            raise StorageError(
                f"{what} can't be kept: {each.name!r} in the data folder {kind}",
                code="storage_unsafe",
                cure="look at it and remove it",
            )
        if sys.platform != "win32" and stat.S_IMODE(info.st_mode) != _PRIVATE:
            each.chmod(_PRIVATE)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(version: int, migrations: Sequence[Migration], what: str) -> None:
    if version > len(migrations):
        raise StorageError(
            f"{what} was written by a newer version of Polypilot (format {version}, this one"
            f" knows {len(migrations)}); it is left as it is",
            code="storage_newer",
            cure="update Polypilot, or set POLYPILOT_DATA_DIR to another folder",
        )


def _set_up(connection: sqlite3.Connection, migrations: Sequence[Migration], what: str) -> None:
    # Before the first table, or it has no effect; in an older file it has none either.
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have been here first
        _refuse_newer(version, migrations, what)
        for number, migrate in enumerate(migrations[version:], version + 1):
            migrate(connection)
            connection.execute(f"PRAGMA user_version={number}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
