r"""A chat answer's Markdown, made harmless while it streams.

A model's text may be steered by whatever it has read. Shown as Markdown, an image calls a server
of the attacker's choice, with what he wants to know in its address; HTML, diagrams and links of
an editor's own schemes (``command:``, ``vscode:``) do more. What leaves here holds none of that,
whatever renders it:

- Images, HTML, reference definitions, block formulas, links elsewhere than to http and https are
  shown as the text that they are written in. They are escaped with a backslash: Markdown shows
  the bare character, and where Markdown is not rendered, the sign is still there, behind a
  backslash. (An entity such as ``&lt;`` would be unreadable there, and a character put in between
  would go along when the text is copied.)
- Links to the web stay, with their host behind them unless their text says nothing else.
- Code, in fences, indented or between backticks, is not touched. Only the fences of languages
  that renderers draw (Mermaid and others) get ``text`` for a language, and a fence that ends in
  a way that renderers disagree about is ended for all of them.
- Control, bidirectional and tag characters are taken out everywhere.

What a line is, is decided at its beginning; what a character means, by what follows on its line.
Until then it is held, at most `LIMIT` characters. A code span or link over several lines is none
here: its first character is escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.neutral_blocks import CODE_INDENT, Blocks, Line, is_row
from polypilot_prompts.neutral_fences import safe_info
from polypilot_prompts.neutral_inline import Inline
from polypilot_prompts.neutral_lines import decided, decided_in_fence, drop_columns, place_in
from polypilot_prompts.neutral_links import LIMIT
from polypilot_prompts.sanitize import Sanitizer

if TYPE_CHECKING:
    from polypilot_prompts.neutral_blocks import Fence

__all__ = ["LIMIT", "Neutral", "neutral"]

_TAB = 4
_MOST_COLUMNS = 100
"""By which a fence may be indented in quotes and lists."""
_PROSE = re.compile(r"[^`<\[\]\\$:/\n\u2028\u2029]+\Z")
_SEPARATORS = str.maketrans({"\u2028": "\n", "\u2029": "\n"})
_HIDDEN_HEAD = ("---", "+++")


def neutral(text: str) -> str:
    """A whole answer, as `Neutral` gives it in pieces."""
    stream = Neutral()
    return stream.feed(text) + stream.finish()


class Neutral:
    r"""The filter for one answer. However its text is split, the same comes out.

    Line breaks come out as ``\n``.
    """

    def __init__(self) -> None:
        self._controls = Sanitizer(unix=True)
        self._blocks = Blocks()
        self._inline = Inline()
        self._in = self._start
        self._line = ""
        """The beginning of a line of which it is not known yet what it is."""
        self._out: list[str] = []
        self._first = True
        self._begun = False
        """Whether anything has come since the last pause."""
        self._table = False
        self._after_indented = False

    def feed(self, chunk: str) -> str:
        """What is certain now."""
        text = self._controls.feed(chunk)
        if self._in == self._prose and self._inline.idle and _PROSE.match(text):
            return self._inline.feed(text)
        if "\u2028" in text or "\u2029" in text:  # some take them for line breaks, some do not
            text = text.translate(_SEPARATORS)
        return self._take(text)

    def finish(self) -> str:
        """The answer is over: what was held."""
        out = self._take(self._controls.finish())
        if self._line:
            self._resolve(over=True)
            out += self._taken()
        if self._in == self._prose:
            out += self._inline.end()
        return out

    def pause(self) -> str:
        """Something else is shown between this text and what follows: what was held.

        What follows may be shown as one text with this one, or by itself, and is harmless either
        way, if it comes through this same filter. So an open fence ends here, and a paragraph.
        """
        out = self.finish()
        if not self._begun:
            return out
        out += self._take("\n")
        fence = self._blocks.fence
        if fence is not None:
            out += f"{self._blocks.prefix}{fence.run}\n"
            self._blocks.close_fence()
        out += self._take("\n")
        self._first, self._begun = True, False
        return out

    def _take(self, text: str) -> str:
        self._begun = self._begun or text != ""
        at = 0
        while at < len(text):
            at = self._in(text, at)
        return self._taken()

    def _taken(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out

    # -- where in a line it is -------------------------------------------------------------

    def _start(self, text: str, at: int) -> int:
        """At its beginning, until it is known what it is."""
        if self._blocks.at_margin and not self._line and text[at] not in " \t`~":
            return self._code(text, at)
        end = text.find("\n", at) + 1 or len(text)
        self._line += text[at:end]
        self._resolve()
        return end

    def _code(self, text: str, at: int) -> int:
        """In code, which goes as it is."""
        end = text.find("\n", at) + 1
        self._in = self._start if end else self._code
        end = end or len(text)
        self._out.append(text[at:end])
        return end

    def _prose(self, text: str, at: int) -> int:
        """In anything else."""
        end = text.find("\n", at)
        if end == -1:
            self._out.append(self._inline.feed(text[at:]))
            return len(text)
        self._out.append(self._inline.feed(text[at:end]))
        self._out.append(self._inline.end() + "\n")
        self._in = self._start
        return end + 1

    def _dropped(self, text: str, at: int) -> int:
        """Behind a fence's end that is too long to be one."""
        end = text.find("\n", at) + 1
        if end:
            self._in = self._start
        return end or len(text)

    # -- what a line is --------------------------------------------------------------------

    def _resolve(self, *, over: bool = False) -> None:
        """Goes on with the line, if it is known what it is; ``over``: nothing follows."""
        line = self._line.removesuffix("\n")
        broken = len(line) < len(self._line)
        complete = broken or over
        fence = self._blocks.fence
        if fence is not None:
            known = decided_in_fence(line, fence.run[0], complete=complete)
            if known is not None:
                self._line = ""
                self._fenced(known, line, broken=broken, over=over)
            return
        line, known = decided(line, complete=complete)
        self._line = line + "\n" * broken
        if known:
            self._line = ""
            self._open_line(line, broken=broken)

    def _fenced(self, head: str, line: str, *, broken: bool, over: bool) -> None:
        """A line below an open fence; ``head``: as much of it as may be looked at."""
        blocks, fence = self._blocks, self._blocks.fence
        assert fence is not None  # noqa: S101 - by the caller
        flat = head.expandtabs(_TAB)
        match blocks.inside_fence(flat):
            case Line.LEFT:
                self._out.append(blocks.prefix + fence.run)
                blocks.close_fence()
                if fence.closed_by(flat.lstrip(" ")) and (broken or over):
                    self._out.append("\n" * broken)  # meant to be its end, but for the indent
                    return
                self._out.append("\n")
                self._line = line + "\n" * broken
                self._resolve(over=over)
            case Line.CLOSES:
                run = flat[blocks.column :].lstrip(" ")
                blocks.close_fence()
                if len(head) < len(line):
                    self._out.append(flat[: blocks.column] + fence.run + "\n")
                    self._in = self._start if broken else self._dropped
                    return
                self._out.append(flat[: blocks.column] + run + "\n" * broken)
            case _:
                if fence.extra:
                    line = self._outdented(line, flat, fence)
                self._out.append(line + "\n" * broken)
                self._in = self._start if broken else self._code

    def _outdented(self, line: str, flat: str, fence: Fence) -> str:
        """A line of code without the blanks that its fence is not shown with either."""
        column = self._blocks.column
        rest = flat[column:]
        extra = min(fence.extra, len(rest) - len(rest.lstrip(" ")))
        code = drop_columns(line, column + extra)
        if fence.closed_by(code.expandtabs(_TAB)):  # which it was not, being indented too much
            code = " " * CODE_INDENT + code.lstrip(" \t")
        return flat[:column] + code

    def _open_line(self, line: str, *, broken: bool) -> None:
        """A line that is not in a fence."""
        blocks = self._blocks
        flat = line.expandtabs(_TAB)
        kind = blocks.line(flat)
        if self._first and line.rstrip(" \t") in _HIDDEN_HEAD:
            self._out.append("\n")  # else what follows is hidden as the head of a file
        self._first = False
        if kind is Line.OPENS and blocks.column <= _MOST_COLUMNS:
            self._opening(line, flat)
            self._out.append("\n" * broken)
        elif kind is Line.INDENTED:
            self._out.append(line + "\n" * broken)
            self._in = self._start if broken else self._code
            self._after_indented = True
        else:
            if kind is Line.OPENS:
                line = place_in(line, flat, flat.index(blocks.drop_fence()), "\\")
            self._text(line, flat, broken=broken)

    def _opening(self, line: str, flat: str) -> None:
        fence = self._blocks.fence
        assert fence is not None  # noqa: S101 - by the caller
        at = line.index(fence.run)
        prefix = flat[: self._blocks.column] if fence.extra else line[:at]
        self._out.append(prefix + fence.run + safe_info(line[at + len(fence.run) :]))

    def _text(self, line: str, flat: str, *, broken: bool) -> None:
        blocks, inline = self._blocks, self._inline
        row = line.lstrip(" \t>")
        if not row:
            self._table = False
        elif is_row(row):
            # Above it stands what must not become the head of a table.
            if inline.split_span or self._after_indented:
                line = line[: len(line) - len(row)] + "\\" + row
            self._table = True
        elif self._table and blocks.interrupts != -1:  # in a table's body it does begin a list
            line = place_in(line, flat, blocks.interrupts, "\\")
        self._after_indented = False
        inline.begin(table=self._table, continues=blocks.continues)
        self._in = self._prose
        self._prose(line + "\n" * broken, 0)
