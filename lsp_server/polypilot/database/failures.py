"""What a file that can't be used means to the user."""

from __future__ import annotations

import errno

from polypilot.errors import UserError, describe

# Primary result codes, https://www.sqlite.org/rescode.html. As numbers, because the module
# sqlite3 is imported on the worker's thread, and some Pythons come without it.
BUSY, LOCKED = 5, 6
READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB = 8, 10, 11, 13, 14, 26
MOVED = 1032  # extended: SQLITE_READONLY_DBMOVED
INTERRUPT = 9

_AS_SYSTEM = {
    FULL: errno.ENOSPC,
    READONLY: errno.EROFS,
    CANTOPEN: errno.EACCES,
    IOERR: errno.EIO,
}
_CODES = {
    errno.ENOSPC: "storage_full",
    errno.EDQUOT: "storage_full",
    errno.EROFS: "storage_readonly",
    errno.EACCES: "storage_unwritable",
    errno.EPERM: "storage_unwritable",
}


class StorageError(UserError):
    """A file can't be read or written now. What it is for goes on without it.

    Codes: ``storage_busy``, ``storage_closed``, ``storage_failed``, ``storage_full``,
    ``storage_newer``, ``storage_readonly``, ``storage_timeout``, ``storage_unsafe``,
    ``storage_unwritable``.
    """

    code = "storage_failed"


def primary(exc: BaseException) -> int:
    """SQLite's primary result code of an exception; 0: it has none."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF


def is_damage(exc: BaseException) -> bool:
    """Whether it says that the file is broken, or no database."""
    return primary(exc) in {CORRUPT, NOTADB}


def is_moved(exc: BaseException) -> bool:
    """Whether it says that the file was moved away while it was open."""
    return getattr(exc, "sqlite_errorcode", 0) == MOVED


def needs_reopening(exc: BaseException) -> bool:
    """Whether the disk failed, so that nothing is certain about the open file any more."""
    return primary(exc) in _AS_SYSTEM


def told(exc: BaseException, what: str) -> UserError:
    """``exc`` in the user's words; ``what`` is in the file. Nothing of its text is quoted."""
    code = primary(exc)
    match exc:
        case UserError():
            return exc
        case ImportError():
            return StorageError(
                f"{what} can't be kept: this Python has no SQLite",
                cure="install Python with its sqlite3 module",
            )
        case _ if code in {BUSY, LOCKED} or isinstance(exc, TimeoutError):
            return busy(what)
        case _ if code in _AS_SYSTEM or isinstance(exc, OSError):
            number = exc.errno if isinstance(exc, OSError) else _AS_SYSTEM[code]
            return _system(OSError(number, ""), what)
        case _:
            return StorageError(
                f"{what} can't be used: SQLite failed ({type(exc).__name__}, {code})",
                cure="run `polypilot doctor`; the log names the place",
            )


def busy(what: str) -> StorageError:
    """Another program holds the file."""
    return StorageError(
        f"{what} can't be used: another program has been writing to it for too long",
        code="storage_busy",
        cure="try again",
    )


def late(what: str, limit: float) -> StorageError:
    """The disk, or whoever holds the file, does not answer."""
    return StorageError(
        f"{what} can't be used: the disk has not answered for {limit:g} s",
        code="storage_timeout",
        cure="check the disk; work goes on without it",
    )


def _system(exc: OSError, what: str) -> StorageError:
    problem = describe(exc)
    message = problem.message if problem.code == "system" else "the disk reported an error"
    code = _CODES.get(exc.errno or 0, "storage_failed")
    return StorageError(f"{what} can't be kept: {message}", code=code, cure=problem.cure)
