"""Which lines of Markdown are code, by CommonMark's rules for quotes, lists and fences.

The rules are those of the specification's appendix (https://spec.commonmark.org/0.31.2/): first
the open quotes and list items that a line goes on with, then those that it begins, then what is
left. Lines are given with tabs turned into spaces, since all of it is about columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

CODE_INDENT = 4
_PARAGRAPH = "paragraph"
_INDENTED = "indented"

_HEADING = re.compile(r"#{1,6}(?:[ \t]|\Z)")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*\Z")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_MARKER = re.compile(r"(?:[-+*]|(?P<number>[0-9]{1,9})[.)])(?=[ \t]|\Z)")
_FENCE = re.compile(r"(?P<run>`{3,}(?=[^`]*\Z)|~{3,})(?P<info>.*)", re.DOTALL)
_ROW = re.compile(r"[-:| \t]*\Z")


class Line(Enum):
    """What a line is to the filter."""

    TEXT = auto()
    """Everything that is not code."""
    INDENTED = auto()
    OPENS = auto()
    CODE = auto()
    """Of the open fence."""
    CLOSES = auto()
    LEFT = auto()
    """The line does not belong to the quote or item of the open fence, which so ends; it has
    not been looked at any further."""


@dataclass(slots=True)
class _Container:
    width: int
    """Columns that a list item's lines are indented by; 0: it is a quote."""
    empty: bool = False
    """An item that has begun with nothing but its marker."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The open fence."""

    run: str
    info: str
    extra: int
    """Columns by which it is indented more than it has to be."""

    def closed_by(self, rest: str) -> bool:
        """Whether a line, without the prefix of its containers, ends it."""
        bare = rest.rstrip(" \t")
        run = bare.lstrip(" ")
        return (
            len(bare) - len(run) < CODE_INDENT
            and len(run) >= len(self.run)
            and run == self.run[0] * len(run)
        )


class Blocks:
    """What is open above the next line."""

    def __init__(self) -> None:
        self._containers: list[_Container] = []
        self._leaf = ""
        self._blank = True
        """Whether the last line was empty, or nothing is above."""
        self.fence: Fence | None = None
        self.column = 0
        """Where, behind the prefixes of its quotes and items, the last line's own text begins."""
        self.continues = False
        """Whether the last line goes on with a paragraph."""
        self.interrupts = -1
        """Where in the last line a list marker stands that is none, since it would have to
        interrupt a paragraph; -1: there is none."""

    @property
    def at_margin(self) -> bool:
        """Whether a fence is open in no quote or list, and not indented."""
        return self.fence is not None and not self._containers and not self.fence.extra

    @property
    def prefix(self) -> str:
        """With what a line goes on with all open quotes and items."""
        return "".join(" " * each.width if each.width else "> " for each in self._containers)

    def close_fence(self) -> None:
        """The fence has ended."""
        self.fence = None
        self._blank = False

    def drop_fence(self) -> str:
        """The fence that the last line opened is shown as text instead: how it begins."""
        assert self.fence is not None  # noqa: S101 - the caller's side of the contract
        run, self.fence = self.fence.run, None
        self._leaf = _PARAGRAPH
        return run

    def inside_fence(self, line: str) -> Line:
        """A line below an open fence."""
        assert self.fence is not None  # noqa: S101 - the caller's side of the contract
        matched, at = self._go_on(line)
        if matched < len(self._containers):
            return Line.LEFT
        self.column = at
        return Line.CLOSES if self.fence.closed_by(line[at:]) else Line.CODE

    def line(self, line: str) -> Line:
        """Any other line.

        What follows the first character behind the markers may be missing, unless the line could
        be a fence, a rule or the row below a table's head.
        """
        matched, at = self._go_on(line)
        self.continues, self.interrupts = False, -1
        blank = not line[at:].strip(" ")
        if blank:
            self._empty_line(matched)
            self.column = at
            return Line.TEXT
        for each in self._containers[:matched]:
            each.empty = False
        kind, at, opened = self._begin(line, matched, at)
        if kind is not None:
            self._blank = False
        elif self._leaf == _PARAGRAPH and not opened:
            self.continues = True  # perhaps in a lazy way, without its containers' prefixes
            self._blank = False
        else:
            if not opened:
                del self._containers[matched:]
            kind = self._leaf_line(line, at)
        self.column = at
        return kind or Line.TEXT

    # -- what goes on --------------------------------------------------------------------

    def _go_on(self, line: str) -> tuple[int, int]:
        """How many containers the line goes on with, and where what is left of it begins."""
        at = 0
        for number, each in enumerate(self._containers):
            rest = line[at:].lstrip(" ")
            indent = len(line) - at - len(rest)
            if not each.width:
                if indent >= CODE_INDENT or not rest.startswith(">"):
                    return number, at
                at += indent + 1
                at += line[at : at + 1] == " "
            elif not rest and not each.empty:
                at = min(len(line), at + each.width)
            elif rest and indent >= each.width:
                at += each.width
            else:
                return number, at
        return len(self._containers), at

    def _empty_line(self, matched: int) -> None:
        del self._containers[matched:]
        if self._leaf != _INDENTED:
            self._leaf = ""
        self._blank = True

    # -- what begins ---------------------------------------------------------------------

    def _begin(self, line: str, matched: int, at: int) -> tuple[Line | None, int, bool]:
        """Begins the quotes and items that the line begins, and a leaf that is no paragraph."""
        opened = False
        while True:
            rest = line[at:].lstrip(" ")
            indent = len(line) - at - len(rest)
            inside = self._leaf == _PARAGRAPH and not opened and matched == len(self._containers)
            if indent >= CODE_INDENT or not rest:
                return None, at, opened
            if rest.startswith(">"):
                at += indent + 1
                at += line[at : at + 1] == " "
                self._open(matched, _Container(0), opened=opened)
            elif (kind := self._leaf_begins(rest, indent, inside=inside)) is not None:
                if not opened:
                    del self._containers[matched:]
                return kind, at, opened
            elif (width := self._marker(rest, indent, at, inside=inside)) is not None:
                begins = line[at + indent :][width - indent :]
                item = _Container(width, empty=not begins.strip(" "))
                self._open(matched, item, opened=opened)
                at = min(len(line), at + width)
            else:
                return None, at, opened
            opened = True

    def _open(self, matched: int, container: _Container, *, opened: bool) -> None:
        if not opened:
            del self._containers[matched:]
        self._containers.append(container)
        self._leaf = ""
        self._blank = True

    def _leaf_begins(self, rest: str, indent: int, *, inside: bool) -> Line | None:
        """A heading, a fence, an underline or a rule."""
        fence = _FENCE.match(rest)
        if fence is not None:
            self.fence = Fence(fence["run"], fence["info"], indent)
            self._leaf = ""
            return Line.OPENS
        ends = _HEADING.match(rest) or _RULE.match(rest) or (inside and _UNDERLINE.match(rest))
        if ends:
            self._leaf = ""
            return Line.TEXT
        return None

    def _marker(self, rest: str, indent: int, at: int, *, inside: bool) -> int | None:
        """The columns that a list item's marker and the space behind it take."""
        found = _MARKER.match(rest)
        if found is None:
            return None
        behind = rest[found.end() :]
        spaces = len(behind) - len(behind.lstrip(" "))
        number = found["number"]
        if inside and (spaces == len(behind) or (number is not None and int(number) != 1)):
            self.interrupts = at + indent + found.end() - 1
            return None
        if spaces == len(behind) or spaces > CODE_INDENT:
            spaces = 1
        return indent + found.end() + spaces

    def _leaf_line(self, line: str, at: int) -> Line | None:
        rest = line[at:]
        indent = len(rest) - len(rest.lstrip(" "))
        if indent == len(rest):  # only a marker
            self._leaf, self._blank = "", False
            return None
        if indent < CODE_INDENT:
            self._leaf, self._blank = _PARAGRAPH, False
            return None
        certain = self._blank or self._leaf == _INDENTED
        self._leaf, self._blank = _INDENTED, False
        # In lists, renderers do not agree on what indented code is.
        listed = any(each.width for each in self._containers)
        return Line.INDENTED if certain and not listed else None


def is_row(line: str) -> bool:
    """Whether a line may be the one between the head and the body of a table."""
    return "-" in line and _ROW.match(line) is not None and line.strip(" \t-") != ""
