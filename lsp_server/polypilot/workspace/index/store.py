"""The database of one workspace root: its place, its tables, and how it is thrown away.

It is a cache. What is damaged, or was made by another version, is deleted and made again.
No text of a file is in it: the search table keeps which words are in which lines, no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from polypilot import paths

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
"""Of the tables and of the words in them; another one is made anew."""
MAX_BYTES = 4_000_000_000
"""The biggest database. About a million files."""
_PAGE = 4_096
_KEPT_SECONDS = 60 * 24 * 3600.0
_SUFFIXES = ("", "-wal", "-shm", "-journal")
BUSY_SECONDS = 10.0
"""For which a writer waits for another one."""
_DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT))
_FULL = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE))

TOKENIZER = "porter unicode61 remove_diacritics 2 tokenchars '_'"

_TABLES = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE folder(
    id INTEGER PRIMARY KEY, parent INTEGER, path BLOB NOT NULL UNIQUE, state TEXT NOT NULL
);
CREATE INDEX folder_parent ON folder(parent);
CREATE TABLE file(
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL,
    folded TEXT NOT NULL, base INTEGER NOT NULL, stamp INTEGER NOT NULL,
    digest INTEGER NOT NULL, kind INTEGER NOT NULL,
    UNIQUE(folder, name)
);
CREATE INDEX file_pending ON file(id) WHERE kind = 0;
CREATE TABLE chunk(
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX chunk_file ON chunk(file);
CREATE TABLE symbol(
    file INTEGER NOT NULL, line INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    last INTEGER NOT NULL, PRIMARY KEY(file, line, name)
) WITHOUT ROWID;
CREATE INDEX symbol_name ON symbol(name COLLATE NOCASE);
CREATE VIRTUAL TABLE words USING fts5(
    path, names, body, content='', tokenize="{TOKENIZER}"
);
INSERT INTO words(words, rank) VALUES('hashsize', 16000000);
PRAGMA user_version = {VERSION};
"""


class Kind:
    """What a file is, as the table ``file`` numbers it."""

    PENDING = 0
    """Not read yet."""
    TEXT = 1
    MEDIA = 2
    """A picture or a PDF."""
    OTHER = 3
    """Nothing that a model reads: it has a name only."""
    HIDDEN = 4
    """Excluded by what shows only when it is opened; not even its name is told."""


def file_of(folder: Path, real_root: str) -> Path:
    """The database of a root, given as its path without links."""
    name = hashlib.sha256(os.fsencode(real_root)).hexdigest()[:24]
    return folder / f"{name}.db"


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the database is broken, not just busy or out of room."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def is_full(error: BaseException) -> bool:
    """Whether there is no room."""
    return getattr(error, "sqlite_errorcode", 0) in _FULL


def has_fts() -> bool:
    """Whether this Python's SQLite can search text."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        rows = connection.execute("PRAGMA compile_options").fetchall()
    return any(row[0] == "ENABLE_FTS5" for row in rows)


def open_to_write(
    file: Path, root: str, *, max_bytes: int = MAX_BYTES
) -> tuple[sqlite3.Connection, int]:
    """Opens a database, or makes it; what can't be used is replaced. With its file's number.

    Raises:
        OSError: the folder or the file can't be made, or another process keeps it locked.
        sqlite3.Error: there is no room, or another process keeps it locked.
    """
    paths.ensure_private(file.parent)
    with _alone(file):
        for _ in range(2):
            _prepare(file)
            connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                if _usable(connection, root, max_bytes):
                    return connection, file.stat().st_ino
            except sqlite3.Error as error:
                if not is_damage(error):
                    connection.close()
                    raise
            connection.close()
            _unlink(file)
    message = "the database can't be made"
    raise OSError(message)


def _alone(file: Path) -> contextlib.AbstractContextManager[None]:
    """The lock under which a database is made or deleted: never both at the same moment.

    SQLite makes a journal while it turns the write-ahead log on, and fails where somebody
    deletes that file meanwhile, or does the same.
    """
    return paths.exclusive(file.with_name(f"{file.name}-made"), 2 * BUSY_SECONDS)


def _prepare(file: Path) -> None:
    """Makes the file before SQLite does: private, and no link that someone else has put there."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(file.lstat().st_mode):
            file.unlink()
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    fd = os.open(file, flags, 0o600)
    try:
        os.utime(file)
        if hasattr(os, "fchmod"):
            os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


def _usable(connection: sqlite3.Connection, root: str, max_bytes: int) -> bool:
    """Sets the connection up, makes the tables in an empty database; False: it is another's."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded before the first table
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cache_size = -32000")
    connection.execute(f"PRAGMA max_page_count = {max(max_bytes // _PAGE, 64)}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            set_meta(connection, "root", root.encode("utf-8", "surrogateescape"))
        elif version != VERSION:
            return False
    finally:
        connection.execute("COMMIT")
    return get_meta(connection, "root") == root.encode("utf-8", "surrogateescape")


def open_to_read(file: Path) -> sqlite3.Connection:
    """Opens a database that must exist, for one question.

    Raises:
        sqlite3.Error: it does not, is damaged, or has another version.
    """
    address = f"file:{quote(str(file))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=0.25, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA mmap_size = 268435456")
        _check_version(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise sqlite3.OperationalError("another version")


def count(file: Path) -> int | None:
    """Files in a database; None: it is not there.

    Raises:
        sqlite3.Error: it can't be read.
    """
    if not file.exists():
        return None
    with contextlib.closing(open_to_read(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM file").fetchone()[0])


def discard(file: Path) -> None:
    """Deletes a database.

    Raises:
        OSError: it can't be deleted, or another process is making it.
    """
    if not file.parent.is_dir():
        return
    try:
        with _alone(file):
            _unlink(file)
    except TimeoutError:
        raise
    except OSError:  # no room for the lock, which is when a database is best deleted
        _unlink(file)


def _unlink(file: Path) -> None:
    for suffix in _SUFFIXES:
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Deletes what has not been searched for two months."""
    old = time.time() - _KEPT_SECONDS
    with contextlib.suppress(OSError):
        for file in folder.glob("*.db"):
            if file.lstat().st_mtime < old:
                discard(file)


def get_meta(connection: sqlite3.Connection, key: str, default: object = None) -> object:
    """A value kept beside the tables."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else row[0]


def set_meta(connection: sqlite3.Connection, key: str, value: object) -> None:
    """Keeps a value beside the tables."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, value))
