"""Reads one file without being led elsewhere.

The path has been judged with its links resolved. Between that and the reading, someone may
swap a folder for a link; so the file is opened component by component, following none, and
what was opened is compared with what was judged. Pipes and devices are never opened.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import stat
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.workspace.gate_outgoing import ExcludedError

if TYPE_CHECKING:
    from collections.abc import Generator

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BASE = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A pipe put in the file's place would otherwise hold us until someone writes to it.
_FILE = (
    _BASE | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
)
_FOLDER = _BASE | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
_STEPWISE = os.open in os.supports_dir_fd and sys.platform != "win32"


MAX_MEDIA_BYTES = 5_000_000
"""The biggest picture or document; no supplier that says takes less than 5 MB of a picture."""
_MEDIA = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
"""What models read besides text, by how it begins, whatever the file is called."""
_HEAD = 16


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file: a text, or with a media type something else that models read."""

    text: str = field(default="", repr=False)
    media_type: str = ""
    data: bytes = field(default=b"", repr=False)


def media_type_of(data: bytes) -> str:
    """What models read besides text, by how it begins; empty: it is none of that."""
    return next((kind for start, kind in _MEDIA if start.match(data)), "")


def handed_type(data: bytes) -> str:
    """The type of a picture or a PDF that the user hands over, by how it begins.

    Raises:
        ExcludedError: it is neither, or too big.
    """
    if len(data) > MAX_MEDIA_BYTES:
        raise ExcludedError(f"it is bigger than {MAX_MEDIA_BYTES:,} bytes")
    if kind := media_type_of(data):
        return kind
    raise ExcludedError("it is neither a picture nor a PDF")


def read_content(real: str, judged: os.stat_result, limit: int) -> Content:
    """What is in the regular file ``real``, a path without links.

    ``judged`` is the file's status when it was judged, ``limit`` the most bytes a text may have.

    Raises:
        ExcludedError: it is not that file any more, nothing that models read, too big, or can't
            be read.
    """
    if not stat.S_ISREG(judged.st_mode):
        raise ExcludedError("it is not a regular file")
    try:
        with _opened(real) as fd:
            _compare(os.fstat(fd), judged)
            raw = _read(fd, _HEAD)
            media_type = media_type_of(raw)
            if media_type:
                limit = MAX_MEDIA_BYTES
            if judged.st_size <= limit:
                raw += _read(fd, limit + 1 - len(raw))
            if not _STEPWISE and os.path.realpath(real) != real:
                raise ExcludedError("it changed while it was read")
    except OSError as error:
        raise ExcludedError(f"it can't be read ({error.strerror})") from None
    if max(len(raw), judged.st_size) > limit:
        raise ExcludedError(f"it is bigger than {limit:,} bytes")
    return Content("", media_type, raw) if media_type else Content(_decoded(raw))


@contextlib.contextmanager
def _opened(real: str) -> Generator[int]:
    fd = _open_stepwise(real) if _STEPWISE else os.open(real, _FILE)
    try:
        yield fd
    finally:
        os.close(fd)


def _open_stepwise(real: str) -> int:
    *folders, name = [part for part in real.split("/") if part]
    at = os.open("/", _FOLDER)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)


def _compare(opened: os.stat_result, judged: os.stat_result) -> None:
    same = (opened.st_dev, opened.st_ino) == (judged.st_dev, judged.st_ino)
    if not same or not stat.S_ISREG(opened.st_mode) or opened.st_nlink > max(judged.st_nlink, 1):
        raise ExcludedError("it changed while it was read")


def _read(fd: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _decoded(raw: bytes) -> str:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            text = raw[len(bom) :].decode(encoding, "replace")
            break
    else:
        text = "\0" if b"\0" in raw else raw.decode("utf-8", "replace")
    if "\0" in text or text.count("\ufffd") > len(text) // 20:
        raise ExcludedError("it is not text")
    return text
