r"""A place in a document that stays the same one while the document is edited.

An editor makes our edits at once and tells of them later, together with its user's own:
Neovim collects for 150 ms, other editors until they are idle, some then send the whole text.
So a place is not followed edit by edit but by comparing the text that the editor tells of
with the one expected, with and without the edit of ours that is under way.

All texts here have ``\n`` line breaks; see `plain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace.documents import Position
from polypilot.workspace.text_units import width

if TYPE_CHECKING:
    from polypilot.workspace.text_units import Encoding

_CONTEXT = 200
"""Characters before the place that help to find it when text on both sides has changed."""


def plain(text: str) -> str:
    r"""The text with ``\n`` for every line break of the protocol's."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def position_at(text: str, offset: int, encoding: Encoding) -> Position:
    """The position of an offset; lines are counted as the protocol counts them."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Position(text.count("\n", 0, offset), width(text[line_start:offset], encoding))


@dataclass(slots=True)
class Region:
    """A part of a text, ``text[start:end]``, which is ours as long as nobody else changes it."""

    text: str
    """The whole document, as told of last."""
    start: int
    end: int
    wanted: str | None = None
    """What the region will hold when the edit that is under way is made; None: there is none."""
    lost: bool = False
    """The user has edited inside, or nobody can tell where it is now."""

    @property
    def content(self) -> str:
        """What the region holds, as far as the editor has told."""
        return self.text[self.start : self.end]

    def want(self, content: str) -> None:
        """An edit is sent that makes the region hold ``content``."""
        self.wanted = content

    def give_up(self) -> None:
        """The edit under way was not made."""
        self.wanted = None

    def assume(self) -> None:
        """The edit under way was made, though the editor has not told of it."""
        if self.wanted is not None:
            self.text, self.end = self._edited(self.wanted), self.start + len(self.wanted)
            self.wanted = None

    def observe(self, text: str) -> bool:
        """The editor says that this is the text. True if it shows that our edit was made."""
        if self.lost:
            return False
        if self.wanted is not None:
            length = len(self.wanted)
            found = _find(self._edited(self.wanted), self.start, self.start + length, text)
            if found is not None:
                self.text, self.start, self.end = text, found, found + length
                self.wanted = None
                return True
        length = self.end - self.start
        found = _find(self.text, self.start, self.end, text, strict=self.wanted is not None)
        if found is None:
            self.lost = True
        else:
            self.text, self.start, self.end = text, found, found + length
        return False

    def _edited(self, content: str) -> str:
        return self.text[: self.start] + content + self.text[self.end :]


def _find(old: str, start: int, end: int, new: str, *, strict: bool = False) -> int | None:
    """Where ``old[start:end]`` begins in ``new``; None if it was changed or can't be told.

    With ``strict`` it is asked whether ``new`` lacks an edit of the region: then also the line
    before it and what follows up to the next line's end have to be the same.
    """
    low, high = start, end
    if strict:
        low = old.rfind("\n", 0, max(0, start - 1)) + 1
        line_end = old.find("\n", end + 1)
        high = len(old) if line_end == -1 else line_end + 1
    if new.endswith(old[low:]):
        return len(new) - (len(old) - start)  # only what is before it was edited, or nothing
    if (high > end or not strict) and new.startswith(old[:high]):
        return start  # only what is after it was edited
    for needle_start in (low, max(0, start - _CONTEXT)):
        needle = old[needle_start:high]
        found = new.find(needle)
        if needle.strip() and found != -1 and new.find(needle, found + 1) == -1:
            return found + (start - needle_start)
    return None
