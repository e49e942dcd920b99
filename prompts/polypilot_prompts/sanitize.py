"""Taking out of a model's text what no completion or answer may carry.

Control characters start terminal escapes, bidirectional controls make code read differently
from what it does, and tag characters (U+E0000 to U+E007F) hide text altogether. Emoji, their
joiners and variation selectors, and combining characters are ordinary text and stay.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f"  # C0 without tab, line feed and carriage return
    "\x7f-\x9f"  # DEL and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\ud800-\udfff"  # half a UTF-16 pair can't be sent to an editor
    "\U000e0000-\U000e007f"  # tags
    "]+"
)
_HIGH = ("\ud800", "\udbff")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def strip_controls(text: str) -> str:
    r"""The text without forbidden characters; tab, ``\n`` and ``\r`` stay."""
    if text.isascii() and text.isprintable():
        return text
    return _FORBIDDEN.sub("", _PAIR.sub(_join, text))


def _join(pair: re.Match[str]) -> str:
    high, low = pair.group()
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))


class Sanitizer:
    r"""``strip_controls`` for a stream: however it is split, the same text comes out.

    With ``unix=True`` every line break comes out as ``\n``.
    """

    def __init__(self, *, unix: bool = False) -> None:
        self._unix = unix
        self._half = ""
        self._return = ""

    def feed(self, chunk: str) -> str:
        """The part of the text that is certain now."""
        text = self._half + chunk
        self._half = ""
        # A half pair may get its other half with the next chunk.
        if text and _HIGH[0] <= text[-1] <= _HIGH[1]:
            self._half, text = text[-1], text[:-1]
        return self._breaks(strip_controls(text))

    def finish(self) -> str:
        """What was held back; half a pair has found no other half."""
        held, self._half, self._return = self._return, "", ""
        return held.replace("\r", "\n")

    def _breaks(self, text: str) -> str:
        """Line breaks, of what is left: a control between CR and LF does not make two of one."""
        if not self._unix:
            return text
        text = self._return + text
        self._return = ""
        if text.endswith("\r"):
            self._return, text = "\r", text[:-1]
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
