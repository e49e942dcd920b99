"""The document around the cursor, as the lines of an answer are compared with it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from polypilot_prompts.brackets import Brackets
from polypilot_prompts.context import first_line, last_line
from polypilot_prompts.duplicates import Restated, said_below
from polypilot_prompts.filter_spec import SUFFIX_KEPT
from polypilot_prompts.overlap import cut_at_closer, trim_overlap
from polypilot_prompts.quoting import Quotes
from polypilot_prompts.remarks import is_remark, refuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.filter_spec import FilterSpec
    from polypilot_prompts.heads import Head

_LINES_BELOW = 3
_RECENT = 12


class Surroundings:
    """Judges lines by what stands before and after the cursor."""

    def __init__(self, spec: FilterSpec, head: Head | None) -> None:
        self.spec = spec
        self.line_prefix = last_line(spec.prefix)
        self.line_suffix = first_line(spec.suffix)
        below = spec.suffix[len(self.line_suffix) :].split("\n")
        self._below = [line.rstrip() for line in below if line.strip()][:_LINES_BELOW]
        self.next_line = self._below[0] if self._below else ""
        self.restated = Restated("" if spec.prose else spec.prefix)
        self.quotes = Quotes(spec.prefix)
        self._in_code = not spec.prose and not self.quotes.inside
        self._head = head
        self._no_fence = not spec.prose and "```" not in spec.prefix

    def fence(self, line: str, *, first: bool) -> bool:
        """Whether a fence at a line's start ends the answer and is not part of it.

        It does if one was opened before the text, and in code that shows no fences itself.
        Behind other text on the cursor's line it does not in a string.
        """
        if not line.startswith("```"):
            return False
        fenced = self._head is not None and self._head.fenced
        return fenced or (self._no_fence and (self._in_code or not (first and self.line_prefix)))

    def stands_below(self, line: str, *, first: bool) -> bool:
        """Whether the document's next line with text is this one."""
        if not line.strip():
            return False
        full = (self.line_prefix + line if first else line).rstrip()
        if full == self.next_line:
            return True
        # What came behind a line break may have been meant for the next line after all: in
        # prose a line that ends in "." is whole.
        joined = self._head is not None and self._head.joined and first
        return joined and line.strip() == self.next_line.strip()

    def said_below(self, lines: Sequence[str]) -> int:
        """How many of the last lines stand below in a slightly different layout."""
        if self.spec.prose or not lines:
            return 0
        # A line that gets nothing more stands there already.
        recent = range(max(0, len(lines) - _RECENT), len(lines))
        spoken = [at for at in recent if lines[at].strip()][-_LINES_BELOW:]
        last = [(self.line_prefix if at == 0 else "") + lines[at].rstrip() for at in spoken]
        count = said_below(last, self._below)
        return len(lines) - spoken[-count] if count else 0

    def remark(self, line: str, *, first: bool) -> bool:
        """Whether the line is said to the user of a chat model, behind the text."""
        if self._head is None or self.spec.prose or self.quotes.inside or first:
            return False
        return is_remark(line) or refuses(line)

    def wants(self, lines: Sequence[str], line: str) -> bool:
        """Whether behind these lines this one closes what nothing in the document closes."""
        if not self._in_code or self.line_suffix.strip():
            return False
        return self._brackets.wants("\n".join(lines), line)

    @cached_property
    def _brackets(self) -> Brackets:
        """What is open at the cursor."""
        spec = self.spec
        return Brackets(
            spec.prefix,
            spec.suffix,
            whole=len(spec.suffix) < SUFFIX_KEPT,
            tab_size=spec.tab_size,
        )

    def may_stand_below(self, line: str, *, first: bool) -> bool:
        """Whether the unfinished line may still become the document's next line with text."""
        full = self.line_prefix + line if first else line
        return bool(self.next_line) and self.next_line.startswith(full.rstrip())

    def shown(self, lines: list[str]) -> str:
        """What of the lines may be shown; empty if there is nothing to see."""
        text = "\n".join(lines).rstrip("\ufffd")  # a character that was cut in half
        suffix = self.spec.suffix
        if self.line_suffix.strip():
            text = cut_at_closer(text, self.line_prefix, self.line_suffix)
            text = trim_overlap(text, self.line_prefix, suffix)
        else:
            suffix = suffix[len(self.line_suffix) :]
            if self._in_code and any(char in ")]}" for char in text):
                text = text[: self._brackets.surplus(text)]
            text = trim_overlap(text.rstrip(), self.line_prefix, suffix).rstrip()
        return text if text.strip() else ""

    def with_eol(self, text: str) -> str:
        """The text with the document's line breaks."""
        return text if self.spec.eol == "\n" else text.replace("\n", self.spec.eol)
