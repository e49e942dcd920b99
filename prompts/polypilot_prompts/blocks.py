"""Where a block of code ends, by indentation: true for every language, needs no grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from polypilot_prompts.context import indent_width, last_line, opens_block
from polypilot_prompts.overlap import net_brackets

_FIRST_TOKEN = re.compile(r"\s*(\w+(?=\W)|[^\w\s])")
_STATEMENT_LINES = 60
_ENDS = frozenset({")", "]", "}", "end", "fi", "done", "esac", "endif", "endfunction"})
_CONTINUES = _ENDS | {
    "case",
    "catch",
    "default",
    "elif",
    "else",
    "elsif",
    "ensure",
    "except",
    "finally",
    "rescue",
    "when",
}


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """Where the block begins."""

    prefix: str = ""
    r"""Before the cursor; line breaks as ``\n``. The last lines suffice."""
    prose: bool = False
    """Sentences: the block is a paragraph."""
    tab_size: int = 4


class Block:
    """Judges line by line whether the block that began at the cursor has ended.

    After a line that opens a block, the block is what is indented more, and the line that
    closes it. Elsewhere it is what is not indented less, up to a blank line after which
    something new begins at the same depth.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self._spec = spec
        self._line_prefix = last_line(spec.prefix)
        self._opened = not spec.prose and opens_block(self._line_prefix)
        blank = not self._line_prefix.strip()
        self._base = None if blank else _statement_indent(spec)
        self._lines = 0
        self._gap = False

    def ends_before(self, line: str, *, whole: bool) -> bool:
        """Whether the block ended before this line.

        With ``whole=False`` more of the line may come: false until its first word is known,
        and from then on the answer stays.
        """
        token = _FIRST_TOKEN.match(line + "\n" if whole else line)
        if token is None or self._lines == 0 or self._base is None:
            return False
        if self._spec.prose:
            return self._gap
        width = indent_width(line, self._spec.tab_size)
        if width != self._base:
            return width < self._base
        if token.group(1).lower() in _CONTINUES:
            return False
        return self._opened or self._gap

    def took(self, line: str) -> bool:
        """Note an accepted line; true if the block ends with it."""
        first = self._lines == 0
        self._lines += 1
        if not line.strip():
            self._gap = not first
            return False
        self._gap = False
        if self._base is None:
            begun = self._line_prefix + line if first else line
            self._base = indent_width(begun, self._spec.tab_size)
            return False
        return not first and self._closes(line)

    def _closes(self, line: str) -> bool:
        if not self._opened or indent_width(line, self._spec.tab_size) != self._base:
            return False
        token = _FIRST_TOKEN.match(line + "\n")
        return token is not None and token.group(1).lower() in _ENDS and not opens_block(line)


def _statement_indent(spec: BlockSpec) -> int:
    """Indentation of the line on which the statement at the cursor began.

    A line that closes more brackets than it opens continues one further up.
    """
    lines = spec.prefix.split("\n")[-_STATEMENT_LINES:]
    net = 0
    for line in reversed(lines):
        net += net_brackets(line)
        if net >= 0:
            return indent_width(line, spec.tab_size)
    return indent_width(lines[-1], spec.tab_size)
