r"""A conversation in a Markdown file: reading it, and the form in which an answer is written.

Sections with the headings ``## You`` and ``## Polypilot`` are its messages; ``## Polypilot``
may be followed by anything. In a file without such a section, all that stands above the cursor
and on its line is the question. What a fence encloses is no heading, here as in Markdown.

Texts have ``\n`` line breaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot.lsp.features.action_region import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

YOU = "## You"
ANSWERED = "## Polypilot"

_HEADING = re.compile(
    r" {0,3}##[ \t]+(?:(?P<you>You)|(?P<model>Polypilot)\b.*?)[ \t]*#*[ \t]*", re.IGNORECASE
)
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_HELD = re.compile(r" {0,3}(?:#?\Z|##(?!#))")
"""The beginning of a line that may become a heading of ours."""

Role = Literal["note", "you", "model"]
"""``note``: what stands before the first message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One section. ``text[start:end]`` is it without its heading."""

    role: Role
    text: str
    start: int
    end: int
    open_fence: str = ""
    """The fence that it opens and does not close."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what was said before it."""

    question: str
    before: tuple[Message, ...]
    at: int
    """Where the answer is to be put."""
    lead: str
    """What goes before the answer."""
    tail: str
    """What goes behind it: a place for the next question, if nothing follows but blanks."""


class Fences:
    """Whether a line is inside a code block, told line by line."""

    def __init__(self) -> None:
        self.open = ""
        """The fence that is open; empty: none."""

    def note(self, line: str) -> bool:
        """Take a line; True if it is a fence, or inside of one."""
        found = _FENCE.fullmatch(line)
        if self.open:
            if found and self._closes(found):
                self.open = ""
            return True
        if found and not (found["fence"][0] == "`" and "`" in found["info"]):
            self.open = found["fence"]
            return True
        return False

    def _closes(self, found: re.Match[str]) -> bool:
        fence = found["fence"]
        same = fence[0] == self.open[0] and len(fence) >= len(self.open)
        return same and not found["info"].strip()


def messages(text: str) -> list[Message]:
    """The sections of a file, in order; what stands before the first one is a note."""
    found: list[Message] = []
    fences = Fences()
    role: Role = "note"
    start, closed = 0, ""
    for at, line in _lines(text):
        heading = None if fences.note(line) else _HEADING.fullmatch(line)
        if heading is None:
            closed = fences.open
            continue
        found.append(Message(role, text[start:at], start, at))
        role = "you" if heading["you"] else "model"
        start = min(at + len(line) + 1, len(text))
    found.append(Message(role, text[start:], start, len(text), closed))
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def asked_at(text: str, line: int) -> Asked | None:
    """The question at a line, from 0; None: there is none, or it is answered already."""
    sections = messages(text)
    if len(sections) == 1:
        return _unsectioned(text, line)
    cursor = _offset(text, line)
    # A section's heading begins where the one before it ends.
    at = max(n for n in range(len(sections)) if n == 0 or sections[n - 1].end <= cursor)
    here = sections[at]
    followed = sections[at + 1].role if at + 1 < len(sections) else None
    question = here.text.strip()
    if here.role != "you" or followed == "model" or not question:
        return None
    before = tuple(each for each in sections[:at] if each.text.strip())
    return _asked(here, question, before, last=followed is None)


def _unsectioned(text: str, line: int) -> Asked | None:
    """The file has no sections: all up to the end of this line is the question."""
    at = _offset(text, line)
    end = text.find("\n", at)
    end = len(text) if end == -1 else end + 1
    above = text[:end]
    if not above.strip():
        return None
    fences = Fences()
    for _, each in _lines(above):
        fences.note(each)
    here = Message("you", above, 0, end, fences.open)
    return _asked(here, above.strip(), (), last=not text[end:].strip())


def _asked(here: Message, question: str, before: tuple[Message, ...], *, last: bool) -> Asked:
    # The answer begins behind the question's last line, one empty line after it. That line's
    # break stays behind the answer: what is put at the very end, some editors begin a line with.
    line_end = here.text.find("\n", len(here.text.rstrip()))
    at = here.end if line_end == -1 else here.start + line_end
    lead = f"\n{here.open_fence}\n" if here.open_fence else "\n"
    tail = (f"\n{YOU}\n" if last else "") + ("\n" if line_end == -1 else "")
    return Asked(question, before, at, f"{lead}\n{ANSWERED}\n\n", tail)


def _offset(text: str, line: int) -> int:
    """Where a line begins; beyond the last one: the last one."""
    at = 0
    for _ in range(line):
        following = text.find("\n", at)
        if following == -1:
            break
        at = following + 1
    return at


def transcript(before: tuple[Message, ...]) -> str:
    """What was said before, as text for the model."""
    names = {"note": "", "you": f"{YOU}\n\n", "model": f"{ANSWERED}\n\n"}
    return "\n\n".join(names[each.role] + each.text.strip() for each in before) + "\n"


class AnswerText:
    """An answer on its way into the file: what of it can be written already.

    A line of it that would read as a heading of ours becomes one of a deeper level, or the
    model could put words into the user's mouth. A code block that it does not close is closed.
    """

    def __init__(self) -> None:
        self._fences = Fences()
        self._line = ""
        """Of the line that is being written: all, also what was given out."""
        self._given = 0
        """How much of the line was given out."""
        self._return = ""
        """Half of a line break, perhaps."""
        self.empty = True
        """Nothing but blanks so far."""

    def feed(self, text: str) -> str:
        """More of the answer; what can be written of it now."""
        out: list[str] = []
        text = self._return + text
        self._return = "\r" if text.endswith("\r") else ""
        *whole, rest = (self._line + plain(text.removesuffix("\r"))).split("\n")
        for line in whole:
            out.append(self._whole(line) + "\n")
            self._given = 0
        self._line = rest
        if self._fences.open or not _HELD.match(rest):
            out.append(rest[self._given :])
            self._given = len(rest)
        return self._begun("".join(out))

    def finish(self) -> str:
        """The rest, and what closes the answer; it ends with a line break."""
        rest = self._whole(self._line) + "\n" if self._line else ""
        self._line, self._given = "", 0
        if self._fences.open:
            rest += f"{self._fences.open}\n"
            self._fences.open = ""
        return self._begun(rest)

    def _whole(self, line: str) -> str:
        inside = self._fences.note(line)
        safe = line
        if not inside and not self._given and _HEADING.fullmatch(line):
            safe = line.replace("##", "###", 1)
        return safe[self._given :]

    def _begun(self, text: str) -> str:
        """Without the blank lines that an answer may begin with."""
        if self.empty:
            text = text.lstrip("\n")
            self.empty = not text.strip()
        return text
