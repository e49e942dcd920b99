"""Makes an edit that the user has allowed, in the file itself: all of it or nothing.

An editor that has the file open sees the change as that of any other program. What may be edited
at all has been judged before.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from polypilot.chat.edits_values import EditError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from polypilot.chat.edits_values import TextEdit
    from polypilot.workspace.documents import Position

_BOMS = (  # the longer ones first: the marks of UTF-32 begin with those of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BREAK = re.compile(r"\r\n|\r|\n")


def create(path: Path, edits: Iterable[TextEdit]) -> None:
    """Make a file, and folders as needed. Blocks.

    Raises:
        OSError: it can't be done; a FileExistsError also where something is there by now.
        UnicodeError: the text can't be written.
    """
    data = applied("", edits).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".polypilot-{secrets.token_hex(8)}")
    made = fresh.open("xb")  # with the rights that the user's new files have
    with _undone(fresh):
        with made as file:
            _write(file, data)
        _publish(fresh, path)


def change(path: Path, edits: Iterable[TextEdit], keep: Callable[[bytes], object] = len) -> None:
    """Change a file behind whatever links; it keeps its mode, encoding and line ends. Blocks.

    Args:
        path: the file.
        edits: in order, none touching another; columns count code points.
        keep: is given what is in the file before it is changed.

    Raises:
        OSError: it can't be done.
        UnicodeError: its text can't be read or written.
        EditError: another program has written to it meanwhile.
    """
    real = Path(os.path.realpath(path, strict=True))
    with real.open("rb") as file:
        # In this order: a write that comes between the two has another stamp.
        status, raw = os.fstat(file.fileno()), file.read()
    mark, encoding = next((each for each in _BOMS if raw.startswith(each[0])), (b"", "utf-8"))
    data = mark + applied(raw[len(mark) :].decode(encoding), edits).encode(encoding)
    keep(raw)
    fd, name = tempfile.mkstemp(dir=real.parent, prefix=".polypilot-")
    fresh = Path(name)
    with _undone(fresh):
        with os.fdopen(fd, "wb") as file:
            _write(file, data)
        fresh.chmod(status.st_mode & 0o7777)
        if _stamp(real.stat()) != _stamp(status):
            raise EditError("the file has changed meanwhile", code="edit_unmatched")
        fresh.replace(real)


def applied(text: str, edits: Iterable[TextEdit]) -> str:
    """``text`` after the edits; what is out of it is taken for its end."""
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    ends = [*(found.start() for found in _BREAK.finditer(text)), len(text)]

    def offset(position: Position) -> int:
        if position.line >= len(starts):
            return len(text)
        return min(starts[position.line] + position.character, ends[position.line])

    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += (text[done : offset(edit.start)], edit.text)
        done = offset(edit.end)
    return "".join((*parts, text[done:]))


@contextlib.contextmanager
def _undone(path: Path) -> Generator[None]:
    """What was begun is removed if it can't be ended."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _publish(fresh: Path, path: Path) -> None:
    """Give a whole file its name, unless something has it; raises FileExistsError."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        fresh.rename(path)
    else:
        fresh.unlink()


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
