"""What is known of the user's targets: who is unwell, who asked for time, who has had enough.

Pure: all times are monotonic seconds and passed in.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers.decisions import (
    EMPTY_PAUSE,
    MAX_EMPTY_PAUSE,
    Breaker,
    Pause,
    asked_pause,
    counts_against,
)
from polypilot_providers.errors import (
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Unavailable,
)
from polypilot_providers.limits import Allowance, Need, Window, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot_providers.action import Target
    from polypilot_providers.rate import Left


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider's row says of asking it."""

    account: str = ""
    """Which of the user's accounts: limits are an account's."""
    requests_per_minute: int | None = None
    free: bool = False
    """Costs nothing per token."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no request may go to a target now."""

    reason: str
    """``paused`` or ``circuit_open``."""
    seconds: float
    error: ProviderError


@dataclass(slots=True)
class _Account:
    """An account at a supplier."""

    pause: Pause = field(default_factory=Pause)
    empty: Pause = field(default_factory=lambda: Pause(MAX_EMPTY_PAUSE))
    """No credit is left: for completions only, since who asks in chat may have added some."""
    window: Window = field(default_factory=Window)
    allowances: dict[str, Allowance] = field(default_factory=dict[str, Allowance])
    """By model: suppliers count each by itself."""

    def wait(self, model: str, now: float, need: Need) -> float:
        """Seconds until the supplier will have room; an empty model may be any."""
        known = self.allowances
        rooms = list(known.values()) if not model else [known[model]] if model in known else []
        return max((room.wait(now, need) for room in rooms), default=0.0)


class Health:
    """Remembers how targets have been doing, and says whether one may be asked."""

    def __init__(self, terms: Callable[[str], Terms]) -> None:
        self._terms = terms
        self._breakers: defaultdict[Target, Breaker] = defaultdict(Breaker)
        self._accounts: defaultdict[tuple[str, str], _Account] = defaultdict(_Account)

    def breaker(self, target: Target) -> Breaker:
        """The target's circuit breaker."""
        return self._breakers[target]

    def hold(
        self,
        target: Target,
        now: float,
        *,
        chat: bool,
        last_resort: bool = False,
    ) -> Hold | None:
        """Why ``target`` may not be asked now; None if it may.

        As a last resort, when nobody else may be asked either, one that is unwell is asked sooner.
        """
        name = target.provider_id
        if held := self.limited(target, now, chat=chat):
            return held
        if wait := self._breakers[target].wait(now, last_resort=last_resort):
            message = f"{name} failed several times in a row and is left alone for a moment"
            after = None if wait == math.inf else wait
            error = Unavailable(message, provider=name, retry_after=after)
            return Hold("circuit_open", wait, error)
        return None

    def limited(
        self,
        target: Target,
        now: float,
        *,
        chat: bool,
        need: Need = Need(),  # noqa: B008 - frozen
    ) -> Hold | None:
        """Which limit keeps a request from going out now, if one does.

        Chat, for whose answer a person waits, has the last requests of the minute for itself, and
        asks where no credit was left.
        """
        name = target.provider_id
        terms = self._terms(name)
        account = self._account(name)
        if wait := account.pause.wait(now):
            message = f"{name} asked for a pause"
        elif wait := account.wait(target.model, now, need):
            message = f"{name} takes no more requests for the moment"
        elif terms.requests_per_minute is not None and (
            wait := account.window.wait(now, share(terms.requests_per_minute, chat=chat))
        ):
            message = f"your settings allow {terms.requests_per_minute} requests a minute to {name}"
        elif not chat and (wait := account.empty.wait(now)):
            message = f"{name} says that no credit or quota is left"
            cure = "Add credit at the supplier, or select another provider."
            told = f"{message}; it is asked again in {math.ceil(wait)} s"
            return Hold("paused", wait, QuotaExhausted(told, provider=name, cure=cure))
        else:
            return None
        told = f"{message}; the next request goes out in {math.ceil(wait)} s"
        return Hold("paused", wait, RateLimited(told, provider=name, retry_after=wait))

    def sent(self, target: Target, now: float, need: Need) -> None:
        """A request goes out."""
        account = self._account(target.provider_id)
        account.window.take(now)
        if target.model in account.allowances:
            account.allowances[target.model].spend(need)

    def heard(self, provider: str, model: str, lefts: Iterable[Left], now: float) -> None:
        """A supplier has said what is left of its limits."""
        if lefts := tuple(lefts):
            known = self._account(provider).allowances
            known.setdefault(model, Allowance()).told(lefts, now)

    def answered(self, target: Target, now: float, sent: float) -> None:
        """A request of the time ``sent`` is being answered."""
        account = self._account(target.provider_id)
        account.pause.answered(sent)
        account.empty.answered(sent)
        self._breakers[target].answered(now)

    def failed(
        self, target: Target, error: ProviderError, now: float, sent: float, *, answered: bool
    ) -> None:
        """A request of the time ``sent`` failed, perhaps after its answer had begun."""
        account = self._account(target.provider_id)
        asked = asked_pause(error)
        if isinstance(error, QuotaExhausted):
            account.empty.refused(now, EMPTY_PAUSE, sent)
        elif asked is not None and isinstance(error, RateLimited):
            account.pause.refused(now, asked, sent)
        elif asked is not None:
            account.pause.wished(now, asked)
        if counts_against(error):
            self._breakers[target].failed(now)
        elif not answered:
            self._breakers[target].answered(now)

    def forgive(self) -> None:
        """The user has changed something: who could not be had may be now."""
        self._breakers.clear()
        for account in self._accounts.values():
            account.empty = Pause(MAX_EMPTY_PAUSE)

    def free(self, target: Target) -> bool:
        """Whether a request to ``target`` costs nothing."""
        return self._terms(target.provider_id).free

    def _account(self, provider: str) -> _Account:
        return self._accounts[provider, self._terms(provider).account]
