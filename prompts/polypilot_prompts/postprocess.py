"""From a model's stream to the text that may be shown: one incremental state machine.

Feed it the chunks as they arrive. It says when the stream can be ended, gives the text that is
certain so far, and at the end the text to show. Stages, each with bounded memory::

    chunk -> sanitise -> head (chat models only) -> lead -> stop strings -> lines -> body, streak

However a stream is split into chunks, the result is the same. Good text passes unchanged.
"""

from __future__ import annotations

import re
import unicodedata

from polypilot_prompts.body import Body
from polypilot_prompts.context import last_line
from polypilot_prompts.filter_spec import End, Filtered, FilterSpec, spec_for
from polypilot_prompts.heads import Head, HeadSpec
from polypilot_prompts.indents import Indents
from polypilot_prompts.lead import Lead
from polypilot_prompts.repetition import goes_round
from polypilot_prompts.sanitize import Sanitizer
from polypilot_prompts.stops import StopStrings
from polypilot_prompts.streak import Streak
from polypilot_prompts.surroundings import Surroundings

__all__ = ["End", "Filter", "FilterSpec", "Filtered", "spec_for"]

_MOST_READ = 8
"""Times what is taken at most: what a chat model thinks and says before it is never shown."""
_CHECK_EVERY = 512
_FIRST_WORD = re.compile(r"[ \t]*(?:\w+\W|[^\w\s`])")
_UNFINISHED = tuple(" \t([{,.=+-*/%<>&|^~!?@")
"""A line that ends like this goes on: a line break before its rest is only layout."""


class Filter:
    """The state machine. ``feed`` until it returns True or the stream ends, then ``finish``."""

    def __init__(self, spec: FilterSpec) -> None:
        self.spec = spec
        self._sanitizer = Sanitizer(unix=True)
        self._stops = StopStrings(spec.stops)
        indents = not last_line(spec.prefix).strip()
        self._lead = Lead(spec.lead, indents=indents, tab_size=spec.tab_size)
        self._head = _head(spec)
        self._around = Surroundings(spec, self._head)
        self._body = Body(self._around)
        self._streak: Streak | None = None
        self._indents = Indents(spec, self._around.quotes)
        self._current = ""
        self._known = False
        """Whether the current line is known to be wanted."""
        self._size = 0
        self._fed = 0
        self._first: Filtered | None = None
        self._end: End | None = None

    @property
    def done(self) -> bool:
        """Whether nothing that may still come changes the result: the stream can be ended."""
        return self._end is not None

    @property
    def settled(self) -> bool:
        """Whether the first part is final; with a streak the stream goes on behind it."""
        return self._first is not None

    @property
    def text(self) -> str:
        """All text accepted so far, with the document's line breaks; ends may still be cut."""
        if self._first is None or self._streak is None:
            return self._around.with_eol("\n".join([*self._body.lines, self._begun]))
        begun = "" if self.done else f"\n{self._begun}"
        return self._first.text + self._around.with_eol(self._streak.text + begun)

    def preview(self) -> str:
        """What could be shown now: the whole lines so far, empty before the first is whole."""
        return self._first.text if self._first is not None else self._shown(self._body.certain)

    def partial(self) -> str:
        """The first part so far, its unfinished line cut behind its last whole word."""
        lines = self._body.certain
        begun = self._begun
        certain = begun not in {"`", "``"} and lines == self._body.lines and not self._body.doubted
        if begun.strip() and self._around.may_stand_below(begun, first=not lines):
            certain = False
        if self._first is not None or not certain:
            return self.preview()
        return self._shown([*lines, _whole_words(begun)])

    def parts(self) -> tuple[str, ...]:
        """The parts that are certain, each to be offered behind those before it."""
        if self._first is None:
            return ()
        further = self._streak.parts if self._streak is not None else []
        return (self._first.text, *map(self._around.with_eol, further))

    def feed(self, chunk: str) -> bool:
        """Take a chunk; true if the stream can be ended."""
        if self._end is None:
            room = _MOST_READ * self.spec.max_chars - self._fed
            self._fed += len(chunk)
            self._behind_sanitizer(self._sanitizer.feed(chunk[:room]))
            if len(chunk) > room:
                self._flush()
                self._close(End.TOO_LONG, cut=True)
        return self._end is not None

    def finish(self, *, cut: bool = False) -> Filtered:
        """The first part. The stream has ended or is not wanted any more.

        ``cut`` says that it ended before the model was done: a line of the streak that was
        begun is then left out.
        """
        self._flush()
        self._close(End.STREAM, cut=cut)
        assert self._first is not None  # noqa: S101  (closing settles it)
        return self._first

    @property
    def _begun(self) -> str:
        """The line that has begun, indented as it will be."""
        return self._indents.begun(self._current)

    def _flush(self) -> None:
        """Nothing more comes: let go of what each stage holds back."""
        if self._end is None:
            self._behind_sanitizer(self._sanitizer.finish())
        if self._end is None and self._head is not None:
            self._behind_head(self._head.finish())
            self._refused()
        if self._end is None:
            self._behind_lead(self._lead.finish())
        if self._end is None:
            self._take(self._stops.finish())

    def _behind_sanitizer(self, text: str) -> None:
        if self._head is None:
            self._behind_head(text)
            return
        self._behind_head(self._head.feed(text))
        self._refused()

    def _refused(self) -> None:
        if self._head is not None and self._head.refused:
            self._close(End.STOP)

    def _behind_head(self, text: str) -> None:
        self._behind_lead(self._lead.feed(text))

    def _behind_lead(self, text: str) -> None:
        self._take(self._stops.feed(text))
        if self._stops.met:
            self._close(End.STOP)

    def _take(self, text: str) -> None:
        """Whole lines are judged as they end, the last one as soon as its first word is known."""
        while self._end is None:
            line, newline, text = text.partition("\n")
            room = max(0, self.spec.max_chars - self._size)
            self._size += len(line) + len(newline)
            self._append(line[:room])
            if self._end is not None:
                return
            if len(line) > room:
                self._close(End.TOO_LONG, cut=True)
            elif newline:
                self._line_ends()
            else:
                self._peek()
                return

    def _append(self, piece: str) -> None:
        """Lengthen the line; at set lengths one that goes in circles is ended."""
        while self._end is None and piece:
            step = _CHECK_EVERY - len(self._current) % _CHECK_EVERY
            self._current += piece[:step]
            piece = piece[step:]
            if len(self._current) % _CHECK_EVERY == 0 and goes_round(self._current):
                self._current = _whole_words(self._current)
                self._close(End.REPETITION, cut=True)

    def _peek(self) -> None:
        """End the part as soon as the line that has begun certainly is not wanted."""
        if self._known:
            return
        begun = self._begun
        if self._streak is None:
            self._known = _FIRST_WORD.match(begun) is not None
            if not self._body.peek(begun):
                return
            self._settle()
        if self._streak is not None and (end := self._streak.peek(begun)):
            self._end = end
        if self._end is not None:
            self._current = ""

    def _line_ends(self) -> None:
        line = self._whole()
        if self._streak is None:
            taken = self._body.take(line, more=True)
            self._around.quotes.note(line)
            if self._body.end is not None:
                self._settle()
            if taken:
                return
        if self._streak is not None:
            self._end = self._streak.take(line)

    def _whole(self) -> str:
        line, self._current = self._current, ""
        self._known = False
        return self._indents.whole(line)

    def _settle(self) -> None:
        """The first part has ended: show it, and go on behind it if that is wanted."""
        lines, end = self._body.kept, self._body.end or End.STREAM
        if self._body.doubted:
            end = End.BLOCK
        # A line that is nothing but the same again and again says nothing, not even once.
        circling = end is End.REPETITION and len(lines) == 1
        shown = "" if circling else self._around.shown(lines)
        self._first = Filtered(self._around.with_eol(shown), end)
        goes_on = (
            self.spec.streak > 0
            and end in {End.LINE, End.BLOCK}
            and not self._body.doubted  # what was read on for nothing is not what follows
            and not self._around.line_suffix.strip()
            and shown == "\n".join(lines).rstrip()
        )
        if goes_on:
            self._streak = Streak(self._around, lines)
        else:
            self._end = end

    def _close(self, end: End, *, cut: bool = False) -> None:
        """The text ends here, unless it has before; ``cut``: within a line."""
        if self._end is not None:
            return
        line = self._whole()
        if self._streak is None:
            taken = self._body.take(line, more=False)
            self._body.end = self._body.end or end
            self._settle()
            if taken:
                self._end = self._end or end
                return
        if self._streak is not None:
            self._streak.finish(line, cut=cut)
        self._end = self._end or end

    def _shown(self, lines: list[str]) -> str:
        return self._around.with_eol(self._around.shown(lines))


def _head(spec: FilterSpec) -> Head | None:
    """What takes a chat answer's head off."""
    if not spec.chat:
        return None
    before = last_line(spec.prefix)
    after = spec.suffix.partition("\n")[0]
    goes_on = bool(after.strip()) or before.endswith(_UNFINISHED)
    one_line = not spec.block and goes_on
    head = HeadSpec(
        spec.prefix, spec.open_tag, spec.prose, spec.tab_size, one_line, opened=spec.opened
    )
    return Head(head)


def _whole_words(line: str) -> str:
    """The line without the word at its end, which may still grow.

    So may what is not ASCII: combining characters and joined emoji come piece by piece.
    """
    end = len(line)
    while end and _grows(line[end - 1]):
        end -= 1
    return line[:end]


def _grows(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char == "_"
    return unicodedata.category(char)[0] not in "PZ"
