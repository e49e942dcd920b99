"""How many requests an account takes: what its supplier tells, and what the user allows.

Pure: all times are monotonic seconds and passed in.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers.decisions import DEFAULT_PAUSE, MAX_PAUSE
from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot_providers.rate import Kind, Left

MINUTE = 60.0
RESERVE = 0.1
"""The part of the user's requests per minute that only chat may use."""
_CHARS_PER_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Need:
    """What a request takes of a limit, in tokens as far as they can be told beforehand."""

    input: int = 0
    output: int = 0

    def of(self, kind: Kind) -> int:
        """What it takes of one kind of limit; at least 1, for nothing goes through an empty one."""
        tokens = {"input": self.input, "output": self.output, "tokens": self.input + self.output}
        return max(1, tokens.get(kind, 1))


def need_of(request: CompletionRequest | ChatRequest) -> Need:
    """The need of a request, at three characters to a token."""
    if isinstance(request, CompletionRequest):
        chars = len(request.prefix) + len(request.suffix)
        chars += sum(len(file.text) for file in request.extra)
    else:
        chars = len(request.system) + sum(len(message.text) for message in request.messages)
    return Need(chars // _CHARS_PER_TOKEN, request.max_tokens or 0)


@dataclass(slots=True)
class _Count:
    """What is left of one limit by the supplier's last word and what was sent since."""

    amount: int
    told: float
    reset: float
    limit: float
    """The whole of it; infinite if it is not known."""

    def wait(self, now: float, need: float) -> float:
        # A need that is greater than the whole limit is for the supplier to refuse.
        need = min(need, self.limit)
        part = 1.0
        if self.amount >= need:
            return 0.0
        if 0 < self.amount < self.limit < math.inf:
            # Limits fill up steadily: what is missing is there before the limit is whole.
            part = (need - self.amount) / (self.limit - self.amount)
        return max(0.0, min(self.reset * part, MAX_PAUSE) - (now - self.told))


@dataclass(slots=True)
class Allowance:
    """What a supplier has said is left for a model."""

    _counts: dict[Kind, _Count] = field(default_factory=dict["Kind", _Count])

    def told(self, lefts: Iterable[Left], now: float) -> None:
        """The head of an answer has come."""
        for left in lefts:
            reset = DEFAULT_PAUSE if left.seconds is None else left.seconds
            limit = math.inf if left.limit is None else max(1, left.limit)
            self._counts[left.kind] = _Count(left.amount, now, reset, limit)

    def spend(self, need: Need) -> None:
        """A request goes out."""
        for kind, count in self._counts.items():
            count.amount -= need.of(kind)

    def wait(self, now: float, need: Need) -> float:
        """Seconds until there is enough for a request; 0 if there is or nothing is known."""
        return max(
            (count.wait(now, need.of(kind)) for kind, count in self._counts.items()), default=0.0
        )


@dataclass(slots=True)
class Window:
    """The requests of the last minute."""

    _sent: deque[float] = field(default_factory=deque[float])

    def take(self, now: float) -> None:
        """A request goes out."""
        self._sent.append(now)
        self._forget(now)

    def wait(self, now: float, most: int) -> float:
        """Seconds until fewer than ``most`` requests went out in the last minute."""
        self._forget(now)
        if len(self._sent) < most:
            return 0.0
        return self._sent[len(self._sent) - most] + MINUTE - now

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()


def share(per_minute: int, *, chat: bool) -> int:
    """How many of the requests per minute chat may use, and how many completions."""
    if chat or per_minute == 1:
        return per_minute
    return per_minute - math.ceil(per_minute * RESERVE)
