"""A user action on its way through the user's targets; the router carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import Limits
    from polypilot_providers.decisions import Breaker
    from polypilot_providers.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Target:
    """A model at a provider; an empty model is the provider's default."""

    provider_id: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Switched:
    """The answer comes from another target than the one before it in the user's list."""

    from_: Target
    to: Target
    reason: str
    """The error's code, ``circuit_open``, ``paused`` or ``local_only``."""
    message: str = ""


AnyRequest = CompletionRequest | ChatRequest


@dataclass(slots=True)
class Action:
    """One user action on its way through the targets."""

    request_for: Callable[[Target], AnyRequest]
    limits: Limits
    retries: int
    """Retries allowed at each target."""
    deadline: float | None
    """When the whole action has to end, monotonic seconds."""
    more: bool = False
    """Another target that may be asked now is listed after the current one."""
    started: bool = False
    """Something of the answer has been handed on."""
    error: ProviderError | None = None
    """Why the target tried last did not answer."""
    _left: Target | None = None
    _reason: str = ""
    _probe: Breaker | None = None

    def leave(self, target: Target, reason: str, error: ProviderError) -> None:
        """Note why ``target`` does not answer; the first one left names the next switch."""
        if self._left is None:
            self._left, self._reason = target, reason
        self.error = error

    def arrive(self, target: Target) -> Switched | None:
        """Turn to ``target``; the switch to announce, if targets were left for it."""
        left, error, self._left, self.error = self._left, self.error, None, None
        if left is None:
            return None
        return Switched(left, target, self._reason, error.message if error else "")

    def take(self, breaker: Breaker) -> None:
        """A request goes out under ``breaker``."""
        self.release()
        if breaker.take():
            self._probe = breaker

    def release(self) -> None:
        """Whatever request went out has ended."""
        if self._probe is not None:
            self._probe.release()
            self._probe = None

    def limits_at(self, now: float) -> Limits:
        """The time limits of an attempt that begins now."""
        if self.deadline is None:
            return self.limits
        rest = max(0.0, self.deadline - now)
        total = self.limits.total
        return replace(self.limits, total=rest if total is None else min(total, rest))
