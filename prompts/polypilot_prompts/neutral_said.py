"""What is said of a line of Markdown: now, or once a bracket closes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from polypilot_prompts.neutral_links import LIMIT

_MARKERS = " \t>*+-0123456789.)_|:=#"
"""What may stand before a paragraph's first character."""
_BEHIND = 60
"""Characters before the current one that matter; longer than any scheme."""
_ADDRESS = re.compile(r"://|www\.", re.IGNORECASE)
_HOST_OPEN = re.compile(r"://[^/?#]*\Z")
_HOST_ENDS = re.compile(r"[/?#]")
_JOINT = 4


@dataclass(slots=True)
class Opener:
    """A square bracket that is open."""

    piece: int
    """Which of the held pieces it is."""
    blank: str
    """What keeps it apart from an address before it."""
    image: bool
    first: bool
    """Nothing but markers stands before it on its line."""
    dead: bool = False
    """There is a link inside, so it can't be one."""


class Said:
    """One line after the other; `begin` before each."""

    def __init__(self) -> None:
        self.openers: list[Opener] = []
        self.word = ""
        """What stands before, from the last blank on; of a long one, its end."""
        self.in_host = False
        """Whether the host of an address may go on."""
        self._address = False
        self._virgin = True
        self._held = 0
        """Characters of the line since the first open bracket."""
        self._out: list[str] = []
        self._pieces: list[str] = []

    def begin(self) -> None:
        """A new line."""
        self._virgin = True
        self.parted()

    def parted(self, word: str = "") -> None:
        """What comes next does not go on with what was before, but for ``word``."""
        self.word = word
        self._address = _ADDRESS.search(word) is not None
        self.in_host = False

    def passed(self, text: str, begin: int, end: int) -> None:
        """This has been read."""
        blank = max(text.rfind(" ", begin, end), text.rfind("\t", begin, end)) + 1
        if blank:
            self.parted()
        fresh = text[max(begin, blank) : end]
        joint = self.word[-_JOINT:] + fresh
        if _ADDRESS.search(joint):
            self._address = True
            self.in_host = self.in_host or _HOST_OPEN.search(joint) is not None
        if self.in_host and not _HOST_OPEN.search(joint) and _HOST_ENDS.search(fresh):
            self.in_host = False
        self.word = (self.word + fresh)[-_BEHIND:]
        if self._virgin and text[begin:end].strip(_MARKERS):
            self._virgin = False
        if self.openers:
            self._held += end - begin

    def say(self, text: str) -> None:
        """This is what is shown."""
        (self._pieces if self.openers else self._out).append(text)

    def escape(self, text: str) -> None:
        """What begins with a backslash of ours, or is not to be part of an address.

        A renderer that makes links of bare addresses takes all up to a blank for one, the
        backslash included, and then reads what follows as if there were none.
        """
        self.say(f" {text}" if self._address else text)

    def taken(self) -> str:
        """What was said and is certain."""
        out = "".join(self._out)
        self._out.clear()
        return out

    # -- brackets ------------------------------------------------------------------------

    def open(self, *, image: bool) -> None:
        """A bracket opens."""
        if not self.openers:
            self._held = 0
        blank = " " if self._address else ""
        self.openers.append(Opener(len(self._pieces), blank, image=image, first=self._virgin))
        self._pieces.append(f"{blank}\\[" if image else "[")

    def inside(self) -> str:
        """What stands in the innermost brackets."""
        return "".join(self._pieces[self.openers[-1].piece + 1 :])

    def close_bare(self) -> None:
        """The innermost brackets are shown as brackets."""
        opener = self.openers[-1]
        self._pieces[opener.piece] = f"{opener.blank}\\["
        self.escape("\\]")
        self._shut()

    def close_plain(self) -> None:
        """They mean nothing to a renderer either."""
        self.say("]")
        self._shut()

    def close_link(self, raw: str) -> None:
        """They are the text of a link."""
        opener = self.openers[-1]
        self._pieces[opener.piece] = f"{opener.blank}["
        self.say("]" + raw)
        for each in self.openers:
            each.dead = True
        self._shut()

    def _shut(self) -> None:
        self.openers.pop()
        if not self.openers:
            self._release()

    def limit(self) -> None:
        """Gives up brackets that have been open for too long."""
        if self.openers and self._held > LIMIT:
            self.give_up()

    def give_up(self) -> None:
        """Open brackets are no links."""
        for each in self.openers:
            self._pieces[each.piece] = f"{each.blank}\\["
        self.openers.clear()
        self._release()

    def _release(self) -> None:
        self._out += self._pieces
        self._pieces.clear()
