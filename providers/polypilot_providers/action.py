"""A user action on its way through the user's targets; the router carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """The error's code, ``circuit_open``, ``paused``, ``local_only`` or ``slow`` (hedged)."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chat's request goes out later, since its target has asked for time."""

    target: Target
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """One request failed; another may follow, to the same target or to the next."""

    target: Target
    error: ProviderError


AnyRequest = CompletionRequest | ChatRequest


@dataclass(slots=True)
class Action:
    """One user action on its way through the targets."""

    request_for: Callable[[Target], AnyRequest]
    limits: Limits
    chat: bool
    """A person waits for it: it may be tried again, and may wait."""
    deadline: float | None
    """When the whole action has to end, monotonic seconds."""
    rest: Sequence[Target] = ()
    """The targets listed after the current one."""
    more: bool = False
    """One of them may be asked now."""
    last_resort: bool = False
    """When it began, no target could be asked."""
    started: bool = False
    """Something of the answer has been handed on."""
    error: ProviderError | None = None
    """Why the target tried last did not answer."""
    hedged: set[Target] = field(default_factory=set[Target])
    """Asked beside another target."""
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
        # Nobody waits for a model to be loaded while somebody else may answer.
        return replace(
            self.limits,
            total=rest if total is None else min(total, rest),
            loading=self.limits.loading and not self.more,
        )
