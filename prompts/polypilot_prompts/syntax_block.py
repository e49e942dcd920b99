"""Where a block of code ends, by indentation, corrected by the grammar where it knows better.

Indentation ends a block too early at a line at the margin that belongs to a string or to
brackets.
"""

from __future__ import annotations

from polypilot_prompts.blocks import Block, BlockSpec
from polypilot_prompts.context import last_line
from polypilot_prompts.quoting import Quotes
from polypilot_prompts.syntax import unfinished

_WINDOW = 4000
"""So long a prefix may be cut from a longer one, and may begin in a string."""
_DOUBTS = 12
"""So many lines are taken beyond what indentation says; then it was right, and the text broken."""


class SyntaxBlock:
    """Judges lines as ``Block`` does, and asks the grammar before it believes that it ends.

    Without a grammar it is ``Block``. What it says of a line depends on the whole lines before
    it and on the line's first word.
    """

    def __init__(self, language: str, spec: BlockSpec, suffix: str = "") -> None:
        """``suffix``: what follows the cursor and may close what is open at it."""
        self._language = "" if _in_text(spec.prefix) else language
        self._suffix = suffix
        self._prefix = spec.prefix
        self._indented = Block(spec)
        self._lines: list[str] = []
        self._open: tuple[int, bool] | None = None
        self.doubted: int | None = None
        """How many lines the block has for indentation, while the grammar says that it goes on.

        Only they are certain: if the stream ends or the doubt lasts too long, they are the block.
        """

    def ends_before(self, line: str, *, whole: bool) -> bool:
        """Whether the block ended before this line, see ``Block.ends_before``."""
        return self._indented.ends_before(line, whole=whole) and self._believes()

    def took(self, line: str) -> bool:
        """Note an accepted line; true if the block ends with it."""
        closes = self._indented.took(line)
        self._lines.append(line)
        if self.doubted is not None and not self._is_open():
            self.doubted = None
        return closes and self._believes()

    def reopens(self, line: str) -> None:
        """Note a line that ended the block and goes on with the statement."""
        self._indented.reopens(line)

    def _believes(self) -> bool:
        """Whether the end that indentation sees is one."""
        if not self._is_open():
            return True
        if self.doubted is None:
            self.doubted = len(self._lines)
        return len(self._lines) - self.doubted >= _DOUBTS

    def _is_open(self) -> bool:
        """Whether the lines taken end inside brackets or a string; parses once per line."""
        if self._open is None or self._open[0] != len(self._lines):
            text = "\n".join(self._lines)
            known = unfinished(self._language, self._prefix, text, self._suffix)
            self._open = len(self._lines), known
        return self._open[1]


def _in_text(prefix: str) -> bool:
    """Whether the cursor's line begins in a string or comment: apostrophes there open nothing."""
    above = prefix[: len(prefix) - len(last_line(prefix))]
    if len(prefix) >= _WINDOW:
        above = above.replace("`", "")  # which of them open one can't be told
    return Quotes(above).inside
