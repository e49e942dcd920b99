"""Characters that a reader does not see and a model reads: taken out of what steers it.

A file of instructions can say one thing to whoever reviews it and another to the model. So
nothing stays in it that has no width or no agreed meaning: tags, bidirectional and
zero-width controls, fillers, variation selectors and private use. What emoji are made of
stays where it belongs to one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_ZWJ, _TEXT, _EMOJI = "\u200d", "\ufe0e", "\ufe0f"

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab, line feed; carriage returns are normalised
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, fillers, selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # fillers, selectors, byte order, annotation
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"  # halves, private use, no characters
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # format of scripts, music
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"  # tags, selectors, private use
    "]"
)
_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_MODIFIER = re.compile("[\U0001f3fb-\U0001f3ff]")
_KEYCAP = "0123456789#*"
_NAMED = 5
"""Code points that a notice names."""


@dataclass(frozen=True, slots=True)
class Stripped:
    """A text without what is hidden in it."""

    text: str
    count: int = 0
    """How many characters were taken out."""
    found: tuple[int, ...] = ()
    """Which ones, each once, as code points in order."""

    def notice(self, name: str) -> str:
        """One line for the user."""
        named = ", ".join(f"U+{point:04X}" for point in self.found[:_NAMED])
        more = ", …" if len(self.found) > _NAMED else ""
        what = (
            "1 hidden character was"
            if self.count == 1
            else f"{self.count:,} hidden characters were"
        )
        return f"{name}: {what} taken out before it is sent ({named}{more})"


def strip(text: str) -> Stripped:
    r"""Take out what can't be seen. Line breaks come out as ``\n``."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    pieces: list[str] = []
    found: set[int] = set()
    at = count = 0
    for match in _HIDDEN.finditer(text):
        here = match.start()
        if _of_emoji(text, here):
            continue
        pieces.append(text[at:here])
        at = here + 1
        count += 1
        found.add(ord(match[0]))
    return Stripped("".join([*pieces, text[at:]]), count, tuple(sorted(found)))


def _of_emoji(text: str, at: int) -> bool:
    """Whether a selector or joiner belongs to the emoji around it."""
    letter, before = text[at], text[at - 1 : at]
    if letter in {_TEXT, _EMOJI}:
        return _is_picture(before) or (
            before in _KEYCAP and before != "" and text[at + 1 : at + 2] == "\u20e3"
        )
    if letter != _ZWJ or not _is_picture(text[at + 1 : at + 2]):
        return False
    if before == _EMOJI:
        before = text[at - 2 : at - 1] if at > 1 else ""
    return _is_picture(before)


def _is_picture(letter: str) -> bool:
    return bool(_PICTURE.match(letter) or _MODIFIER.match(letter))


class Reported:
    """Remembers what has been reported, so that the user is told once of each content."""

    MOST = 1_000

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    def first(self, *parts: str) -> bool:
        """Whether this has not been reported yet; from now on it has."""
        key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        if key in self._seen:
            return False
        if len(self._seen) >= self.MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return True
