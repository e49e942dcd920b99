"""From a model's stream to the text that may be shown: one incremental state machine.

Feed it the chunks as they arrive. It says when the stream can be ended, gives the text that is
certain so far, and at the end the text to show. Stages, each with bounded memory::

    chunk -> sanitise -> head (chat models only) -> lead -> stop strings -> lines -> text

However a stream is split into chunks, the result is the same. Good text passes unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from polypilot_prompts.blocks import Block, BlockSpec
from polypilot_prompts.context import (
    CursorContext,
    Eol,
    first_line,
    last_line,
    next_line_with_text,
    unix,
)
from polypilot_prompts.heads import Head, HeadSpec
from polypilot_prompts.lead import Lead
from polypilot_prompts.overlap import cut_at_closer, repeated_lines, repeated_unit, trim_overlap
from polypilot_prompts.sanitize import Sanitizer
from polypilot_prompts.stops import StopStrings

_PREFIX_KEPT = 4000
_SUFFIX_KEPT = 4000
_LONGEST_ANSWER = 8000
_UNFINISHED = tuple(" \t([{,.=+-*/%<>&|^~!?@")
"""A line that ends like this goes on: a line break before its rest is only layout."""


class End(StrEnum):
    """Why the text ends where it does."""

    STREAM = "stream"
    """The model stopped by itself."""
    LINE = "line"
    BLOCK = "block"
    STOP = "stop"
    SUFFIX = "suffix"
    """What follows already stands after the cursor."""
    REPETITION = "repetition"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class FilterSpec:
    r"""How to filter one answer. Texts have ``\n`` line breaks; the result has ``eol``."""

    prefix: str = ""
    suffix: str = ""
    eol: Eol = "\n"
    block: bool = True
    """Several lines, ended by indentation; otherwise the rest of one line."""
    stops: tuple[str, ...] = ()
    lead: str = ""
    """Blanks before the cursor that were left out of the prompt, see ``lead``."""
    chat: bool = False
    """The answer comes from a chat prompt and may have a head."""
    open_tag: str = ""
    opened: bool = False
    """The wrapper tag was written for the model, whose answer begins behind it."""
    prose: bool = False
    tab_size: int = 4
    max_lines: int = 60
    max_chars: int = _LONGEST_ANSWER


def spec_for(
    context: CursorContext,
    *,
    block: bool,
    stops: tuple[str, ...] = (),
    lead: str = "",
    chat: bool = False,
    open_tag: str = "",
) -> FilterSpec:
    """The filter for an answer at ``context``, which must be the document's own text."""
    return FilterSpec(
        prefix=unix(context.prefix[-_PREFIX_KEPT:]),
        suffix=unix(context.suffix[:_SUFFIX_KEPT]),
        eol=context.eol,
        block=block,
        stops=stops,
        lead=lead,
        chat=chat,
        open_tag=open_tag,
        prose=context.prose,
        tab_size=context.tab_size,
    )


@dataclass(frozen=True, slots=True)
class Filtered:
    """What may be shown, with the document's line breaks; empty: nothing."""

    text: str
    end: End


class Filter:
    """The state machine. ``feed`` until it returns True or the stream ends, then ``finish``."""

    def __init__(self, spec: FilterSpec) -> None:
        self.spec = spec
        self._sanitizer = Sanitizer(unix=True)
        self._stops = StopStrings(spec.stops)
        self._line_prefix = last_line(spec.prefix)
        self._line_suffix = first_line(spec.suffix)
        indents = not self._line_prefix.strip()
        self._lead = Lead(spec.lead, indents=indents, tab_size=spec.tab_size)
        goes_on = bool(self._line_suffix.strip()) or self._line_prefix.endswith(_UNFINISHED)
        head = HeadSpec(
            spec.prefix,
            spec.open_tag,
            spec.prose,
            spec.tab_size,
            not spec.block and goes_on,
            opened=spec.opened,
        )
        self._head = Head(head) if spec.chat else None
        self._next_line = next_line_with_text(spec.suffix[len(self._line_suffix) :])
        self._no_fence = not spec.prose and "```" not in spec.prefix
        self._block = (
            Block(BlockSpec(spec.prefix, spec.prose, spec.tab_size)) if spec.block else None
        )
        self._lines: list[str] = []
        self._current = ""
        self._size = 0
        self._end: End | None = None

    @property
    def done(self) -> bool:
        """Whether nothing that may still come changes the result: the stream can be ended."""
        return self._end is not None

    @property
    def text(self) -> str:
        """All text accepted so far, with the document's line breaks; ends may still be cut."""
        return self._with_eol("\n".join([*self._lines, self._current]))

    def preview(self) -> str:
        """What could be shown now: the whole lines so far, empty before the first is whole."""
        return self._shown(self._lines)

    def feed(self, chunk: str) -> bool:
        """Take a chunk; true if the stream can be ended."""
        if self._end is None:
            self._behind_sanitizer(self._sanitizer.feed(chunk))
        return self._end is not None

    def finish(self) -> Filtered:
        """The result. The stream has ended or is not wanted any more."""
        if self._end is None:
            self._behind_sanitizer(self._sanitizer.finish())
        if self._end is None and self._head is not None:
            self._behind_head(self._head.finish())
        if self._end is None:
            self._behind_lead(self._lead.finish())
        if self._end is None:
            self._take(self._stops.finish())
        if self._end is None:
            self._line_ends()
            self._end = self._end or End.STREAM
        return Filtered(self._shown(self._lines), self._end)

    def _behind_sanitizer(self, text: str) -> None:
        if self._head is None:
            self._behind_head(text)
            return
        self._behind_head(self._head.feed(text))

    def _behind_head(self, text: str) -> None:
        self._behind_lead(self._lead.feed(text))

    def _behind_lead(self, text: str) -> None:
        self._take(self._stops.feed(text))
        if self._stops.met and self._end is None:
            self._line_ends()
            self._end = self._end or End.STOP

    def _take(self, text: str) -> None:
        """Whole lines are judged as they end, the last one as soon as its first word is known."""
        while self._end is None:
            line, newline, text = text.partition("\n")
            room = max(0, self.spec.max_chars - self._size)
            self._current += line[:room]
            self._size += len(line) + len(newline)
            if len(line) > room:
                self._line_ends()
                self._end = self._end or End.TOO_LONG
            elif newline:
                self._line_ends()
                if self._block is None:
                    self._end = self._end or End.LINE
            else:
                self._peek()
                return

    def _peek(self) -> None:
        """End the stream as soon as the line that has begun certainly is not wanted."""
        if end := self._unwanted(self._current, whole=False):
            self._current = ""
            self._end = end

    def _unwanted(self, line: str, *, whole: bool) -> End | None:
        if line.startswith("```") and self._is_fence():
            return End.STOP
        if not whole and line in {"`", "``"}:
            return None
        if self._block is not None and self._block.ends_before(line, whole=whole):
            return End.BLOCK
        return None

    def _is_fence(self) -> bool:
        """Whether a fence at a line's start ends the answer and is not part of it.

        It does if one was opened before the text, and in code that shows no fences itself.
        """
        fenced = self._head is not None and self._head.fenced
        starts_line = bool(self._lines) or not self._line_prefix
        return fenced or (self._no_fence and starts_line)

    def _line_ends(self) -> None:
        """Judge the current line, which is whole."""
        line, self._current = self._current, ""
        if end := self._unwanted(line, whole=True):
            self._end = end
            return
        if line.strip() and self._stands_below(line):
            self._end = End.SUFFIX
            return
        self._keep(line)

    def _stands_below(self, line: str) -> bool:
        """Whether the document's next line with text is this one."""
        full = (line if self._lines else self._line_prefix + line).rstrip()
        if full == self._next_line:
            return True
        # What came behind a line break may have been meant for the next line after all: in
        # prose a line that ends in "." is whole.
        joined = self._head is not None and self._head.joined and not self._lines
        return joined and line.strip() == self._next_line.strip()

    def _keep(self, line: str) -> None:
        if extra := repeated_unit(line):
            line = line[:-extra]
            self._end = End.REPETITION
        self._lines.append(line)
        if extra := repeated_lines(self._lines):
            del self._lines[-extra:]
            self._end = End.REPETITION
        if self._block is not None and self._block.took(line):
            self._end = self._end or End.BLOCK
        if len(self._lines) >= self.spec.max_lines:
            self._end = self._end or End.TOO_LONG

    def _shown(self, lines: list[str]) -> str:
        text = "\n".join(lines).rstrip("\ufffd")  # a character that was cut in half
        suffix = self.spec.suffix
        if self._line_suffix.strip():
            text = cut_at_closer(text, self._line_prefix, self._line_suffix)
            text = trim_overlap(text, self._line_prefix, suffix)
        else:
            suffix = suffix[len(self._line_suffix) :]
            text = trim_overlap(text.rstrip(), self._line_prefix, suffix).rstrip()
        return self._with_eol(text) if text.strip() else ""

    def _with_eol(self, text: str) -> str:
        return text if self.spec.eol == "\n" else text.replace("\n", self.spec.eol)
