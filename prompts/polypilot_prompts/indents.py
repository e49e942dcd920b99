"""Tabs and spaces at the beginning of an answer's lines, as the document has them.

Only where the document itself is plain: all its indented lines begin with blanks, or all with
tabs. Lines inside a text of several lines stay as they are, and so does what follows a tab in
a document with tabs: it aligns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot_prompts.context import indent_width, last_line, opens_block

if TYPE_CHECKING:
    from polypilot_prompts.filter_spec import FilterSpec
    from polypilot_prompts.quoting import Quotes

_TABS = re.compile(r"^\t", re.MULTILINE)
_SPACES = re.compile(r"^ {2}", re.MULTILINE)
_UNITS = (2, 3, 4, 8)


class Indents:
    """Rewrites the indentation of each line of an answer."""

    def __init__(self, spec: FilterSpec, quotes: Quotes) -> None:
        self._quotes = quotes
        self._tab_size = max(1, spec.tab_size)
        self._spaces = self._wanted(spec)
        self._line_prefix = last_line(spec.prefix)
        self._before = self._line_prefix
        self._first = True
        self._unit = 0
        """How many spaces of the answer stand for a tab; 0: not known yet."""

    def begun(self, line: str) -> str:
        """A line of which more may come, with the document's indentation."""
        if self._spaces is None or self._quotes.inside or not line.startswith((" ", "\t")):
            return line
        body = line.lstrip(" \t")
        if not body or (self._first and self._line_prefix.strip()):
            return line
        blanks = line[: len(line) - len(body)]
        return (self._with_spaces if self._spaces else self._with_tabs)(blanks) + body

    def whole(self, line: str) -> str:
        """A whole line, with the document's indentation; it is the next one's line above."""
        written = self.begun(line)
        if written != line and not self._unit:
            self._unit = self._guess(len(line) - len(line.lstrip(" \t")))
        if written.strip():
            self._before = self._line_prefix + written if self._first else written
        self._first = False
        return written

    def _with_spaces(self, blanks: str) -> str:
        if " " in blanks:
            return blanks  # tabs of eight columns that only align
        before = indent_width(self._line_prefix, self._tab_size) if self._first else 0
        return (" " * before + blanks).expandtabs(self._tab_size)[before:]

    def _with_tabs(self, blanks: str) -> str:
        if blanks.startswith("\t") or (self._first and self._line_prefix):
            return blanks
        width = indent_width(blanks, self._tab_size)
        tabs, rest = divmod(width, self._unit or self._guess(width))
        return "\t" * tabs + " " * rest

    def _guess(self, width: int) -> int:
        """The answer's own unit, by how deep its first indented line has to be."""
        depth = indent_width(self._before, 1) + opens_block(self._before)
        unit, rest = divmod(width, depth) if depth else (0, 1)
        return unit if not rest and unit in _UNITS else self._tab_size

    def _wanted(self, spec: FilterSpec) -> bool | None:
        """True for spaces, False for tabs, None to leave all as it is."""
        if spec.insert_spaces is None or spec.prose:
            return None
        around = f"{spec.prefix}\0{spec.suffix}"
        tabs, spaces = _TABS.search(around), _SPACES.search(around)
        if spec.insert_spaces:
            return True if spaces and not tabs else None
        return False if tabs and not spaces else None
