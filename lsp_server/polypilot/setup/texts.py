"""A configuration file's bytes as text, and back without losing one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.setup.values import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

_BOM = b"\xef\xbb\xbf"
_BARE = re.compile(r"(?<!\r)\n|\r(?!\n)")
_LONGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a file is not its text."""

    bom: bool = False
    crlf: bool = False


def decode(data: bytes) -> tuple[str, Shape]:
    """The text, with ``\\n`` line ends if the file has but one kind, and its shape.

    Bytes that are not UTF-8 (a vimrc may have some) survive as lone surrogates; of a file with
    mixed line ends each stays as it is.

    Raises:
        SetupError: it is no such text, or too long for a configuration.
    """  # noqa: D301 - the backslash is the text's
    if len(data) > _LONGEST:
        raise SetupError("it is too long for a configuration file")
    if b"\0" in data:
        raise SetupError("it is not a text in UTF-8")
    bom = data.startswith(_BOM)
    text = data[len(_BOM) if bom else 0 :].decode("utf-8", "surrogateescape")
    crlf = "\r\n" in text and not _BARE.search(text)
    return (text.replace("\r\n", "\n") if crlf else text), Shape(bom, crlf)


def encode(text: str, shape: Shape) -> bytes:
    """What :func:`decode` takes apart."""
    if shape.crlf:
        text = text.replace("\n", "\r\n")
    data = text.encode("utf-8", "surrogateescape")
    return _BOM + data if shape.bom else data


def changed(data: bytes, change: Callable[[str], str]) -> bytes:
    """The bytes after a change of their text.

    Raises:
        SetupError: as :func:`decode` and ``change``.
    """
    text, shape = decode(data)
    return encode(change(text), shape)
