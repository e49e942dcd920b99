r"""What a stream says behind the first part: the next lines, each offered in its turn.

A part is one line with text, the blank lines before it included, and if it opens a block the
lines of that block. It begins with the line break that ends the part before it. Parts that
have been named stay: what comes later can end the streak, not change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_prompts.blocks import Block, BlockSpec
from polypilot_prompts.context import opens_block
from polypilot_prompts.filter_spec import End
from polypilot_prompts.overlap import net_brackets
from polypilot_prompts.repetition import repeated_lines, repeated_tokens, repeated_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.surroundings import Surroundings

_MOST_BLANK = 3
"""Blank lines in a row: beyond them something else begins."""


class Streak:
    """Takes whole lines until as many as wanted, or one that ends it."""

    def __init__(self, around: Surroundings, before: Sequence[str]) -> None:
        self.parts: list[str] = []
        self._around = around
        self._left = around.spec.streak
        blanks = 0
        while blanks < len(before) and not before[len(before) - blanks - 1].strip():
            blanks += 1
        self._said = list(before[: len(before) - blanks])
        # An answer that begins with a line break has an empty line first, which is the
        # cursor's own: the breaks are one fewer than the lines.
        self._blanks = blanks if self._said else max(0, blanks - 1)
        self._open: list[str] = []
        self._block: Block | None = None

    @property
    def text(self) -> str:
        """All lines taken, each behind its line break."""
        return "".join(self.parts) + _joined(self._open) + "\n" * self._blanks

    def peek(self, line: str) -> End | None:
        """End the streak, or its open part, as soon as the line that has begun shows it."""
        if self._around.fence(line, first=False):
            self._seal()
            return End.STOP
        if self._block is not None and self._block.ends_before(line, whole=False):
            self._seal()
        return None

    def take(self, line: str) -> End | None:
        """Judge a whole line; the streak's end, if it ends here."""
        line = line.rstrip()
        if not line:
            self._blanks += 1
            return self._ended(End.BLOCK) if self._blanks >= _MOST_BLANK else None
        if end := self._unwanted(line):
            return self._ended(end)
        if self._block is not None and self._block.ends_before(line, whole=True):
            self._seal()
        self._keep(line)
        self._left -= 1
        if self._left:
            return None
        self._cut()
        return End.TOO_LONG

    def finish(self, line: str, *, cut: bool) -> None:
        """The stream has ended within this line; with ``cut`` before the model was done."""
        unwanted = bool(line.strip()) and (cut or self._around.may_stand_below(line, first=False))
        if unwanted or self.take(line) is None:
            self._seal()

    def _unwanted(self, line: str) -> End | None:
        if self._around.fence(line, first=False) or self._around.remark(line, first=False):
            return End.STOP
        if self._around.stands_below(line, first=False):
            return End.SUFFIX
        said = [*self._said, line]
        if self._around.said_below(said):
            return End.SUFFIX
        if repeated_unit(line) or repeated_lines(said) or repeated_tokens("\n".join(said)):
            return End.REPETITION
        return None

    def _keep(self, line: str) -> None:
        blanks = [""] * self._blanks
        self._blanks = 0
        self._said += [*blanks, line]
        starts = not self._open
        self._open += [*blanks, line]
        if starts and opens_block(line) and not self._around.spec.prose:
            said = "\n".join(self._said)
            self._block = Block(BlockSpec(said, tab_size=self._around.spec.tab_size))
            self._block.took("")  # the rest of the line that opens it
        elif self._block is None or self._block.took(line):
            self._seal()

    def _seal(self) -> None:
        if self._open:
            self.parts.append(_joined(self._open))
        self._open = []
        self._block = None

    def _cut(self) -> None:
        """The last line is taken. A block that is not closed is offered no further than begun."""
        if net_brackets("\n".join(self._open)) > 0:
            begun = next(at for at, line in enumerate(self._open) if line) + 1
            self.parts.append(_joined(self._open[:begun]))
            self._open = []
        self._seal()

    def _ended(self, end: End) -> End:
        self._seal()
        return end


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"\n{line}" for line in lines)
