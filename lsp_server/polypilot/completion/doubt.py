"""What a model itself thinks of its answer, and what is wrong with one that can't be shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polypilot.completion.values import Fault
from polypilot_prompts.postprocess import End

if TYPE_CHECKING:
    from polypilot_prompts.postprocess import Filtered
    from polypilot_providers.types import TextDelta

_PROSE = 20
"""Characters: an answer that is only a stop sequence has fewer."""


class Doubt:
    """The probability of an answer's first line with text, on which the others hang.

    Measured on held-out code, the product of its tokens' probabilities tells right from wrong
    better than their mean, which a long line of easy tokens hides behind (docs/quality.md).
    """

    def __init__(self) -> None:
        self._logprob = 0.0
        self._tokens = 0
        self._line = ""
        self.whole = False
        """The line is complete: no later token changes its probability."""

    def weigh(self, delta: TextDelta) -> None:
        """More of the answer."""
        if self.whole:
            return
        if delta.logprob is not None:
            self._logprob += delta.logprob
            self._tokens += delta.tokens
        self._line += delta.text
        self.whole = "\n" in self._line.lstrip()

    def below(self, least: float | None) -> bool:
        """Whether it is less probable than that; nothing is known of tokens without any."""
        return least is not None and self._tokens > 0 and math.exp(self._logprob) < least


def fault_of(result: Filtered, read: int) -> Fault | None:
    """Why nothing of an answer of ``read`` characters is shown, if that is the answer's fault."""
    if result.end in {End.TOO_LONG, End.REPETITION}:
        return Fault.ENDLESS
    return Fault.PROSE if result.end is End.STOP and read >= _PROSE else None
