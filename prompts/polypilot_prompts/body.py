"""The first part of an answer: the rest of the line, or the block that begins at the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_prompts.blocks import BlockSpec
from polypilot_prompts.context import opens_block
from polypilot_prompts.filter_spec import End
from polypilot_prompts.repetition import repeated_lines, repeated_tokens, repeated_unit
from polypilot_prompts.syntax_block import SyntaxBlock

if TYPE_CHECKING:
    from polypilot_prompts.surroundings import Surroundings

_TAIL_LINES = 120
"""Twice as many as the tokens that are looked at."""


class Body:
    """Takes lines until one shows that the part has ended."""

    def __init__(self, around: Surroundings) -> None:
        spec = around.spec
        self.lines: list[str] = []
        self.end: End | None = None
        self._around = around
        self._block: SyntaxBlock | None = None
        if spec.block:
            where = BlockSpec(spec.prefix, spec.prose, spec.tab_size)
            self._block = SyntaxBlock(spec.language, where, spec.suffix)

    @property
    def doubted(self) -> bool:
        """Whether the block ended further up for indentation, and for the grammar not yet."""
        return self._block is not None and self._block.doubted is not None

    @property
    def kept(self) -> list[str]:
        """The whole lines that nobody doubts, which are all that is shown."""
        return self.lines if self._block is None else self.lines[: self._block.doubted]

    @property
    def certain(self) -> list[str]:
        """Those, but for what may turn out to repeat the lines above the cursor."""
        return [] if self.end is None and self._around.restated.may(self.lines) else self.kept

    def peek(self, line: str) -> bool:
        """End the part as soon as the line that has begun certainly is not of it."""
        self.end = self._unwanted(line, whole=False)
        return self.end is not None

    def take(self, line: str, *, more: bool) -> bool:
        """Judge a whole line, with ``more`` behind its line break; false: it is not of the part."""
        if end := self._unwanted(line, whole=True):
            self.end = end
            return False
        if self._around.stands_below(line, first=not self.lines):
            self.end = End.SUFFIX
            return False
        self._keep(line)
        if self._block is None and more:
            self.end = self.end or End.LINE
        return True

    def _unwanted(self, line: str, *, whole: bool) -> End | None:
        first = not self.lines
        if self._around.fence(line, first=first):
            return End.STOP
        if not whole and line in {"`", "``"}:
            return None
        if self._block is not None and self._block.ends_before(line, whole=whole):
            return None if self._around.wants(self.lines, line) else End.BLOCK
        return End.STOP if whole and self._around.remark(line, first=first) else None

    def _keep(self, line: str) -> None:
        if self._block is not None and self._block.ends_before(line, whole=True):
            self._close_with(line, self._block)
        if extra := repeated_unit(line):
            line = line[:-extra]
            self.end = End.REPETITION
        self.lines.append(line)
        self._drop_repeated()
        if self._block is not None and self._block.took(line):
            self.end = self.end or End.BLOCK
        if len(self.lines) >= self._around.spec.max_lines:
            self.end = self.end or End.TOO_LONG

    def _close_with(self, line: str, block: SyntaxBlock) -> None:
        if opens_block(line):
            block.reopens(line)
        else:
            self.end = End.BLOCK

    def _drop_repeated(self) -> None:
        """Take off what has been said before, by the answer itself or by the document."""
        if self._around.restated.by(self.lines):
            self.lines.clear()
            self.end = End.REPETITION
        if extra := repeated_lines(self.lines):
            del self.lines[-extra:]
            self.end = End.REPETITION
        text = "\n".join(self.lines[-_TAIL_LINES:])
        if extra := repeated_tokens(text):
            self.lines[-_TAIL_LINES:] = text[:-extra].split("\n")
            self.end = End.REPETITION
        if extra := self._around.said_below(self.lines):
            del self.lines[-extra:]
            self.end = End.SUFFIX
