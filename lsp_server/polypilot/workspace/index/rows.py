"""Writing to the database of one root: folders, files, and what is found in them."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from typing import TYPE_CHECKING

from polypilot.database.shrinking import give_back
from polypilot.workspace.index.chunks import cut
from polypilot.workspace.index.store import BUSY_SECONDS, Kind, get_meta, set_meta
from polypilot.workspace.index.words import Splitter
from polypilot.workspace.roots import fold

if TYPE_CHECKING:
    import sqlite3

_FRESH_NS = 2_500_000_000
"""Coarsest timestamps of a file system in use: a file younger than that is read again."""
_U64 = (1 << 64) - 1
_MERGED = 300
_VACUUMED = 500
"""Pages of one step."""


def stamp_of(info: os.stat_result) -> int:
    """Changes with the file, as far as its status tells. Never 0."""
    packed = struct.pack(
        "<qqQQ",
        info.st_mtime_ns & (_U64 >> 1),
        info.st_ctime_ns & (_U64 >> 1),
        info.st_size & _U64,
        info.st_ino & _U64,
    )
    return _number(packed) or 1


def _number(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def is_settled(info: os.stat_result) -> bool:
    """Whether the file is old enough for its stamp to tell every change from now on."""
    return abs(time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns)) > _FRESH_NS


def relative_path(folder: bytes, name: bytes) -> str:
    """A file's path below its root."""
    return os.fsdecode(os.path.join(folder, name))  # noqa: PTH118 - bytes


class Rows:
    """The tables, for the one process that writes at the moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._splitter = Splitter()
        self._dead = _int(get_meta(connection, "dead", 0))
        """Rows of the search table whose piece is gone. They stay until it is emptied."""

    # -- transactions --------------------------------------------------------------------

    def begin(self) -> None:
        """Begins a transaction, unless one has begun."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def commit(self, **meta: object) -> None:
        """Ends it, with values for ``meta``."""
        if self._connection.in_transaction:
            for key, value in meta.items():
                set_meta(self._connection, key, value)
            set_meta(self._connection, "dead", self._dead)
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Gives up what was not committed."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()

    def meta(self, key: str) -> int:
        """A number kept beside the tables."""
        return _int(get_meta(self._connection, key, 0))

    # -- folders -------------------------------------------------------------------------

    def folder(self, relative: str, parent: int, state: str) -> tuple[int, bool]:
        """A folder's number, and whether what decides about its files is as it was."""
        path = os.fsencode(relative)
        row = self._connection.execute(
            "SELECT id, state FROM folder WHERE path = ?", (path,)
        ).fetchone()
        if row is None:
            made = self._connection.execute(
                "INSERT INTO folder(parent, path, state) VALUES(?, ?, ?)", (parent, path, state)
            )
            return made.lastrowid or 0, False
        if row[1] != state:
            self._connection.execute("UPDATE folder SET state = ? WHERE id = ?", (state, row[0]))
        return row[0], row[1] == state

    def folder_of(self, relative: str) -> int | None:
        """The number of a known folder."""
        row = self._connection.execute(
            "SELECT id FROM folder WHERE path = ?", (os.fsencode(relative),)
        ).fetchone()
        return None if row is None else row[0]

    def folders(self) -> list[int]:
        """All folders' numbers."""
        return [row[0] for row in self._connection.execute("SELECT id FROM folder")]

    def below(self, folder: int) -> list[int]:
        """A folder and all below it."""
        found = [folder]
        for each in found:
            rows = self._connection.execute("SELECT id FROM folder WHERE parent = ?", (each,))
            found += [row[0] for row in rows]
        return found

    def remove_folder(self, folder: int) -> None:
        """Forgets a folder with its files, not those below it."""
        for row in self._connection.execute(
            "SELECT id FROM file WHERE folder = ?", (folder,)
        ).fetchall():
            self.remove(row[0])
        self._connection.execute("DELETE FROM folder WHERE id = ?", (folder,))

    # -- files ---------------------------------------------------------------------------

    def files(self, folder: int) -> dict[bytes, tuple[int, int, int]]:
        """The files directly in a folder: number, stamp and kind by name."""
        rows = self._connection.execute(
            "SELECT name, id, stamp, kind FROM file WHERE folder = ?", (folder,)
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def file(self, folder: int, name: str) -> int | None:
        """The number of a known file."""
        row = self._connection.execute(
            "SELECT id FROM file WHERE folder = ? AND name = ?", (folder, os.fsencode(name))
        ).fetchone()
        return None if row is None else row[0]

    def add(self, folder: int, relative: str) -> int:
        """Adds a file that has not been read."""
        name = os.path.basename(relative)  # noqa: PTH119 - strings
        folded = "/" + fold(relative.replace(os.sep, "/"))
        made = self._connection.execute(
            "INSERT INTO file(folder, name, folded, base, stamp, digest, kind)"
            " VALUES(?, ?, ?, ?, 0, 0, 0)",
            (folder, os.fsencode(name), folded, folded.rindex("/") + 2),
        )
        return made.lastrowid or 0

    def again(self, file: int) -> None:
        """A file has to be read again; until then, it is found as it was."""
        self._connection.execute("UPDATE file SET kind = 0 WHERE id = ?", (file,))

    def remove(self, file: int) -> None:
        """Forgets a file."""
        self._empty(file)
        self._connection.execute("DELETE FROM file WHERE id = ?", (file,))

    def pending(self, most: int) -> list[tuple[int, str]]:
        """Files that have to be read: number and relative path."""
        rows = self._connection.execute(
            "SELECT file.id, folder.path, file.name FROM file JOIN folder ON folder.id = folder"
            " WHERE kind = 0 ORDER BY file.id LIMIT ?",
            (most,),
        )
        return [(row[0], relative_path(row[1], row[2])) for row in rows]

    def count_pending(self) -> int:
        """How many those are."""
        row = self._connection.execute("SELECT count(*) FROM file WHERE kind = 0").fetchone()
        return row[0]

    def count(self) -> int:
        """All files."""
        return self._connection.execute("SELECT count(*) FROM file").fetchone()[0]

    # -- what is in them -----------------------------------------------------------------

    def mark(self, file: int, stamp: int, kind: int) -> None:
        """Keeps a file of which nothing can be found but its name."""
        self._empty(file)
        self._connection.execute(
            "UPDATE file SET stamp = ?, digest = 0, kind = ? WHERE id = ?", (stamp, kind, file)
        )

    def fill(self, file: int, stamp: int, relative: str, text: str) -> None:
        """Puts the words and definitions of a text file in, unless it has these already."""
        digest = _number(text.encode("utf-8", "replace")) or 1
        row = self._connection.execute("SELECT digest FROM file WHERE id = ?", (file,)).fetchone()
        if row is None or row[0] != digest:
            self._empty(file)
            self._put(file, relative, text)
        self._connection.execute(
            "UPDATE file SET stamp = ?, digest = ?, kind = ? WHERE id = ?",
            (stamp, digest, Kind.TEXT, file),
        )

    def _put(self, file: int, relative: str, text: str) -> None:
        suffix = os.path.splitext(relative)[1]  # noqa: PTH122 - strings
        made = cut(text, suffix)
        path = self._splitter.bag(relative)
        execute = self._connection.execute
        for piece in made.pieces:
            row = execute(
                "INSERT INTO chunk(file, first, last) VALUES(?, ?, ?)",
                (file, piece.first + 1, piece.end),
            )
            execute(
                "INSERT INTO words(rowid, path, names, body) VALUES(?, ?, ?, ?)",
                (
                    row.lastrowid,
                    path,
                    self._splitter.bag(piece.names),
                    self._splitter.bag(piece.text),
                ),
            )
        self._connection.executemany(
            "INSERT OR IGNORE INTO symbol(file, line, name, kind, last) VALUES(?, ?, ?, ?, ?)",
            [(file, each.line + 1, each.name, each.kind, each.end) for each in made.definitions],
        )

    def _empty(self, file: int) -> None:
        gone = self._connection.execute("DELETE FROM chunk WHERE file = ?", (file,))
        self._dead += max(gone.rowcount, 0)
        self._connection.execute("DELETE FROM symbol WHERE file = ?", (file,))

    # -- housekeeping --------------------------------------------------------------------

    def is_worn(self, least: int) -> bool:
        """Whether so much of the search table is dead that it had better be made again."""
        if self._dead <= least:
            return False
        live = self._connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
        return self._dead * 2 > live

    def start_over(self) -> None:
        """Empties the search table; every file has to be read again."""
        self.begin()
        self._connection.execute("INSERT INTO words(words) VALUES('delete-all')")
        self._connection.execute("DELETE FROM chunk")
        self._connection.execute("DELETE FROM symbol")
        self._connection.execute("UPDATE file SET kind = 0, digest = 0")
        self._dead = 0
        self.commit()

    def merge(self, *, first: bool) -> bool:
        """A step of making the search table quicker to read; False: there is nothing left."""
        before = self._connection.total_changes
        pages = -_MERGED if first else _MERGED
        self._connection.execute("INSERT INTO words(words, rank) VALUES('merge', ?)", (pages,))
        return self._connection.total_changes - before > 1

    def shrink(self) -> bool:
        """Gives a little of what is unused back to the disk; False: that is all."""
        return give_back(self._connection, _VACUUMED)

    def settle(self) -> None:
        """Empties the journal, unless someone is reading it."""
        self._connection.execute("PRAGMA busy_timeout = 50")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
