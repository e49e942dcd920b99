"""What the user is told about the state of things: one value, announced when it changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from polypilot.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from polypilot.backend.spending import Spent

MAX_UNTOLD = 20
"""Notices kept for the end of the start; a command line has none, and shows them elsewhere."""

State = Literal["starting", "ready", "busy", "paused", "needsKey", "needsModel", "error"]

_STATE_OF_CODE: dict[str, State] = {
    "auth": "needsKey",
    "keyring_absent": "needsKey",
    "keyring_locked": "needsKey",
    "needs_model": "needsModel",
    "needs_extra": "needsModel",
    "model_corrupt": "needsModel",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider and the model asked of it."""

    provider: str
    model: str
    account: str = ""
    """Name of the key in use, of several."""


@dataclass(frozen=True, slots=True)
class Status:
    """One announcement; equal values are announced once."""

    state: State
    paused: bool
    completion: Choice
    chat: Choice
    trusted: bool
    redactions: int
    keyring: str | None
    error: Problem | None
    notices: tuple[str, ...] = ()
    spent: tuple[Spent, ...] = ()
    """Today, in this session, by provider."""
    spent_today: Decimal | None = None
    """US dollars, in all of the user's editors; None: nobody has looked, or nothing was spent."""


_KEEP = object()
"""Leave the error as it is: None takes it away."""


class StatusBoard:
    """Keeps the current status and tells listeners when it changes.

    ``busy`` is counted, an error stays until something succeeds, and notices (a switch to
    a fallback provider, a setting that was refused) are part of exactly one announcement.
    Until :meth:`settle` nothing is announced, and a state with nothing to it is ``starting``.
    """

    def __init__(self, completion: Choice, chat: Choice) -> None:
        self._status = Status(
            state="starting",
            paused=False,
            completion=completion,
            chat=chat,
            trusted=False,
            redactions=0,
            keyring=None,
            error=None,
        )
        self._busy = 0
        self._settled = False
        self._untold: list[str] = []
        """Notices from before the start was over."""
        self._listeners: list[Callable[[Status], None]] = []

    @property
    def current(self) -> Status:
        """The status last announced, without its notices."""
        return self._status

    def listen(self, listener: Callable[[Status], None]) -> None:
        """Call ``listener`` with every later change."""
        self._listeners.append(listener)

    def settle(self) -> None:
        """The start is over: announce the status, and from now on its changes."""
        if self._settled:
            return
        self._settled = True
        self._status = replace(self._status, state=self._state(self._status.error))
        notices, self._untold = tuple(self._untold), []
        self._announce(replace(self._status, notices=notices))

    def began(self) -> None:
        """A request to a provider began."""
        self._busy += 1
        self._update()

    def ended(self, problem: Problem | None = None, *, answered: bool = False) -> None:
        """A request ended: with a problem, with an answer, or (neither) cancelled."""
        self._busy -= 1
        self.outcome(problem, answered=answered)

    def outcome(self, problem: Problem | None = None, *, answered: bool = False) -> None:
        """As :meth:`ended`, for what failed before any request began."""
        if problem is not None:
            self._update(error=problem)
        elif answered:
            self._update(error=None)
        else:
            self._update()

    def problem(self, problem: Problem) -> None:
        """Something failed outside a request."""
        self._update(error=problem)

    def solved(self, code: str) -> None:
        """What was told as a problem of this code is none any more."""
        if self._status.error is not None and self._status.error.code == code:
            self._update(error=None)

    def notice(self, *messages: str) -> None:
        """Say something once."""
        if not self._settled:
            self._untold = [*self._untold, *messages][-MAX_UNTOLD:]
        elif messages:
            self._announce(replace(self._status, notices=messages))

    def update(
        self,
        *,
        completion: Choice | None = None,
        chat: Choice | None = None,
        trusted: bool | None = None,
        redactions: int | None = None,
        keyring: str | None = None,
        paused: bool | None = None,
    ) -> None:
        """Change facts; None leaves a fact as it is."""
        now = self._status
        chosen = (completion or now.completion, chat or now.chat)
        # Another provider was chosen: the old one's error says nothing about it.
        error = now.error if chosen == (now.completion, now.chat) else None
        self._status = replace(
            now,
            completion=chosen[0],
            chat=chosen[1],
            trusted=now.trusted if trusted is None else trusted,
            redactions=now.redactions if redactions is None else redactions,
            keyring=now.keyring if keyring is None else keyring,
            paused=now.paused if paused is None else paused,
        )
        self._update(error=error, before=now)

    def tally(
        self, spent: tuple[Spent, ...], everywhere: Decimal | None, *, tell: bool = False
    ) -> None:
        """Put new totals in; they go out with the next change, or ``tell``."""
        before = self._status
        self._status = replace(before, spent=spent, spent_today=everywhere)
        if tell and self._settled and self._status != before:
            self._announce(self._status)

    def _update(
        self, *, error: Problem | object | None = _KEEP, before: Status | None = None
    ) -> None:
        before = before or self._status
        kept = self._status.error if error is _KEEP else error
        problem = kept if isinstance(kept, Problem) else None
        self._status = replace(self._status, error=problem, state=self._state(problem))
        if self._settled and self._status != before:
            self._announce(self._status)

    def _state(self, problem: Problem | None) -> State:
        if self._busy:
            return "busy"
        if problem is not None:
            return _STATE_OF_CODE.get(problem.code, "error")
        if self._status.paused:
            return "paused"
        return "ready" if self._settled else "starting"

    def _announce(self, status: Status) -> None:
        for listener in self._listeners:
            listener(status)
