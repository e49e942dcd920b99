"""The beginning of a chat model's answer: what it says before the missing text.

A chat model that was asked for nothing but the missing text may still think aloud, announce
what follows, open a code fence, write the wrapper tag, or begin with the line it was asked to
continue. Each of these is taken off only when it is certain; anything else is text.

Every decision is made at a place that the text defines, never at the end of a chunk, so that
the same text gives the same result however it is split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from polypilot_prompts.context import indent_width, opens_block
from polypilot_prompts.overlap import has_words, overlap
from polypilot_prompts.quoting import Quotes
from polypilot_prompts.remarks import (
    announces,
    has_code,
    is_code_text,
    is_sentence,
    may_announce,
    refuses,
)

_THINK = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
}
_FENCE = re.compile(r"\s*```([\w+#.-]{0,40})[ \t]{0,20}\n")
_FENCE_START = re.compile(r"\s*`{1,2}\Z|\s*```[^\n`]{0,60}\Z")
_PROSE_FENCES = frozenset({"markdown", "md", "mdx"})
_LONGEST_ANNOUNCEMENT = 300
_LONGEST_TALK = 1500
_THOUGHT = "</think>"
_MOST_BLANKS = 2000
"""Before anything is said: beyond them no head follows."""
_LONGEST_ECHO = 4
_SHORTEST_ECHO = 3
_SHORTEST_TAIL = 7
"""Of a line's end said again: shorter ones also repeat in good code (``f(int, int)``)."""
_TAIL_START = re.compile(r"\b\w|[(\[{]")


class _State(Enum):
    START = auto()
    THINKING = auto()
    TAGGED = auto()
    ECHO = auto()
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What the head of an answer is compared with."""

    prefix: str
    """Before the cursor; line breaks as ``\\n``. The last lines suffice."""
    open_tag: str = ""
    """The wrapper tag that the model was asked to write first."""
    prose: bool = False
    tab_size: int = 4
    one_line: bool = False
    """The rest of a line was asked for: a line break before it is only layout."""
    opened: bool = False
    """The wrapper tag stands already before the answer."""


class Head:
    """Takes the head off; ``feed`` returns the text that certainly belongs to the answer."""

    def __init__(self, spec: HeadSpec) -> None:
        self.fenced = False
        """Whether the text stands in a code fence, which then also ends it."""
        self.joined = False
        """Whether a line break before the text was taken for layout and left out."""
        self.refused = False
        """Whether it says that there is nothing to be written: there is no text."""
        self._spec = spec
        self._state = _State.TAGGED if spec.opened else _State.START
        self._thought = False
        self._end = ""
        self._held = ""
        self._echoes = _echoes(spec)
        fences = ("```markdown", "```md") if spec.prose else ("```",)
        self._marks = (*filter(None, (spec.open_tag,)), *fences)
        self._talk_ends = (*filter(None, (spec.open_tag,)), "\n```", _THOUGHT)
        self._before = spec.prefix.rpartition("\n")[2]

    def feed(self, text: str) -> str:
        """More of the answer in, the certain part of the text out."""
        if self._state is _State.TEXT:
            return text
        self._held += text
        return self._advance(final=False)

    def finish(self) -> str:
        """What was held back while it could still have been a head."""
        return "" if self._state is _State.TEXT else self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        steps = {
            _State.START: self._start,
            _State.THINKING: self._thinking,
            _State.TAGGED: self._tagged,
            _State.ECHO: self._echo,
        }
        while self._state is not _State.TEXT:
            if not steps[self._state](final):
                return ""
        text, self._held = self._held, ""
        return text

    def _start(self, final: bool) -> bool:  # noqa: FBT001  one signature for all states
        """Before anything is known. True if a step was made."""
        if self._thought:  # the line breaks between thinking and answer belong to neither
            self._held = self._held.lstrip("\n")
        stripped = self._held.lstrip()
        if len(self._held) - len(stripped) > _MOST_BLANKS:
            self._state = _State.TEXT
            return True
        if self._tag(stripped):
            return True
        if not final and (
            not stripped or _begins(stripped, (self._spec.open_tag, _THOUGHT, *_THINK))
        ):
            return False
        if (step := self._fence(final)) is not None:
            return step
        return self._announcement(stripped, final=final)

    def _tag(self, stripped: str) -> bool:
        """Take off a tag; false if there is none."""
        for tag, end in _THINK.items():
            if stripped.startswith(tag):
                self._state, self._end = _State.THINKING, end
                self._held = stripped[len(tag) :]
                return True
        if stripped.startswith(_THOUGHT):  # it was made to begin with thinking
            return self._skip(0, _THOUGHT)
        tag = self._spec.open_tag
        tagged = bool(tag) and stripped.startswith(tag)
        if tagged:
            self._held = stripped[len(tag) :]
            self._state = _State.TAGGED
        return tagged

    def _thinking(self, final: bool) -> bool:  # noqa: FBT001  one signature for all states
        at = self._held.find(self._end)
        if at < 0:
            self._held = "" if final else self._held[1 - len(self._end) :]
            if final:
                self._state = _State.TEXT
            return final
        self._held = self._held[at + len(self._end) :]
        self._state = _State.START
        self._thought = True
        return True

    def _fence(self, final: bool) -> bool | None:  # noqa: FBT001  as its callers
        """Take off an opening fence; None if there is none, False if that is not yet sure."""
        if self.fenced:
            return None
        if match := _FENCE.match(self._held):
            if self._spec.prose and match.group(1).lower() not in _PROSE_FENCES:
                return None
            self._held = self._held[match.end() :]
            self.fenced = True
            return True
        return False if not final and _FENCE_START.match(self._held) else None

    def _announcement(self, stripped: str, *, final: bool) -> bool:
        """Take off a line that only says what follows."""
        said, whole, _ = stripped.partition("\n")
        mark = ""
        for each in filter(None, (self._spec.open_tag, _THOUGHT)):
            if each in said:
                said, mark = said.partition(each)[0], each
            elif not final and not whole:  # the mark may have begun
                said = said[: len(said) - overlap(said, each)]
        if self.fenced or not may_announce(said) or has_code(said):
            self._state = _State.ECHO
            return True
        if mark:
            return self._skip(len(said), mark)
        return self._announced(stripped, final=final)

    def _announced(self, stripped: str, *, final: bool) -> bool:
        """The same, of a line that begins like one."""
        line, newline, rest = stripped.partition("\n")
        if not newline and not final and len(line) <= _LONGEST_ANNOUNCEMENT:
            return False
        following = rest.lstrip()
        waits = not following or _begins(following, self._marks)
        if newline and not final and waits and len(rest) - len(following) <= _MOST_BLANKS:
            return False
        marked = bool(newline) and following.startswith(self._marks)
        announced = bool(newline) and not self._spec.prose and announces(line)
        if marked or (announced and not self._before.strip()):
            self._held = rest.lstrip("\n")
            return True
        if self._speaks(line):
            return self._talk(stripped, refused=refuses(line), final=final)
        self._state = _State.ECHO
        return True

    def _skip(self, at: int, mark: str) -> bool:
        """Take off what is said before a mark, and the end of thinking with it."""
        self._thought = mark == _THOUGHT
        self._held = self._held.lstrip()[at + (len(mark) if self._thought else 0) :]
        return True

    def _speaks(self, line: str) -> bool:
        """Whether the line is said to the user, who gets code or nothing."""
        if self._spec.prose or not is_sentence(line) or Quotes(self._spec.prefix).inside:
            return False
        return not self._before.strip() or (refuses(line) and not is_code_text(self._before))

    def _talk(self, stripped: str, *, refused: bool, final: bool) -> bool:
        """Take off several lines up to a fence, the wrapper tag, or the end of thinking."""
        talk = stripped[:_LONGEST_TALK]
        found = [(at, mark) for mark in self._talk_ends if (at := talk.find(mark)) >= 0]
        if found:
            return self._skip(*min(found))
        if not final and len(stripped) < _LONGEST_TALK:
            return False
        self.refused = refused
        self._held = "" if refused else self._held
        self._state = _State.TEXT if refused else _State.ECHO
        return True

    def _tagged(self, final: bool) -> bool:  # noqa: FBT001  one signature for all states
        """Behind the wrapper tag: a fence may follow, and a line break that is only layout."""
        if not self._held and not final:
            return False
        if (step := self._fence(final)) is not None:
            return step
        if self._held.startswith("\n") and not self._spec.prefix.rpartition("\n")[2].strip():
            self._held = self._held[1:]
        self._state = _State.ECHO
        return True

    def _echo(self, final: bool) -> bool:  # noqa: FBT001  one signature for all states
        """Take off the lines before the cursor if the model says them again."""
        if self._spec.one_line:
            body = self._held.lstrip()
            if not body and not final and len(self._held) <= _MOST_BLANKS:
                return False
            if "\n" in self._held[: len(self._held) - len(body)]:
                self._held = body
                self.joined = True
        if not final and any(echo.startswith(self._held) for echo in self._echoes):
            return False
        for echo in self._echoes:
            if self._held.startswith(echo):
                self._held = self._held[len(echo) :]
                break
        self._state = _State.TEXT
        return True


def _begins(text: str, marks: tuple[str, ...]) -> bool:
    """Whether ``text`` may still become one of ``marks``."""
    return any(mark.startswith(text) and mark != text for mark in marks)


def _echoes(spec: HeadSpec) -> tuple[str, ...]:
    """What the model may say again, longest first: the current line and up to three before."""
    lines = spec.prefix.split("\n")[-_LONGEST_ECHO:]
    current = lines[-1]
    found: list[str] = []
    for start in range(len(lines) - 1):
        echo = "\n".join(lines[start:])
        if len(lines[start].strip()) > 2 * _SHORTEST_ECHO and has_words(lines[start]):
            found.append(echo)
    bare = current.lstrip()
    if len(bare.rstrip()) >= _SHORTEST_ECHO and has_words(bare):
        found += [current, bare]
        tails = (current[match.start() :] for match in _TAIL_START.finditer(current))
        found += [tail for tail in tails if len(tail) >= _SHORTEST_TAIL and has_words(tail)]
    elif not bare and current and not _needs_indent(lines[:-1], current, spec.tab_size):
        found.append(current)
    return tuple(sorted(dict.fromkeys(found), key=len, reverse=True))


def _needs_indent(before: list[str], current: str, tab_size: int) -> bool:
    """Whether the line is to be indented more than it is: then leading blanks are text."""
    above = next((line for line in reversed(before) if line.strip()), "")
    return opens_block(above) and indent_width(above, tab_size) >= indent_width(current, tab_size)
