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
        self._held = ""

    def feed(self, chunk: str) -> str:
        """The part of the text that is certain now."""
        text = self._held + chunk
        self._held = ""
        # A half pair may get its other half, and a CR its LF, with the next chunk.
        if text and (_HIGH[0] <= text[-1] <= _HIGH[1] or (self._unix and text[-1] == "\r")):
            self._held = text[-1]
            text = text[:-1]
        return self._clean(text)

    def finish(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> str:
        text = strip_controls(text)
        if self._unix and "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text
