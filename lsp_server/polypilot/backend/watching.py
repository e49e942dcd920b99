"""From what the engines report to what the status says."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from polypilot.backend.absences import Absences
from polypilot.completion.values import Ended, EngineEvent, Fault, Moved, Requested, Unusable
from polypilot.errors import Problem, describe, printable, redact
from polypilot_providers.errors import QuotaExhausted
from polypilot_providers.router import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend.status import StatusBoard
    from polypilot.workspace.gate import Gate
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.router import Switched


_FAULTS = {
    Fault.PROSE: "answered a completion with words in place of code; nothing of it is shown. If "
    "that goes on, choose another model for completion.",
    Fault.ENDLESS: "wrote on without an end; nothing of it is shown. If that goes on, choose "
    "another model for completion.",
}


class Watcher:
    """Listens to both engines. ``keyring`` names the one in use; empty if none was used yet."""

    def __init__(
        self,
        board: StatusBoard,
        gate: Gate,
        keyring: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._gate = gate
        self._keyring = keyring
        self._asking: set[asyncio.Task[object] | None] = set()
        self._absences = Absences(clock)
        self._known: dict[tuple[str, str], Problem] = {}
        """Troubles the user knows of, by provider and code, until the provider answers."""
        self._told: set[Unusable] = set()
        self.last_ended: Ended | None = None
        """Token counts of the completion that ended last."""

    def observe(self, event: EngineEvent) -> None:
        """The completion engine's observer."""
        match event:
            case Requested():
                self._requested()
            case Ended():
                self._ended(event)
            case Moved():
                self._switched(event.switched)
            case Unusable():
                self._unusable(event)
            case _:
                pass

    def began(self) -> None:
        """A chat message is being answered."""
        self._board.began()

    def ended(self, problem: Problem | None, *, answered: bool) -> None:
        """It is answered, has failed, or was stopped."""
        self._board.ended(problem, answered=answered)
        self._facts()

    def _requested(self) -> None:
        # One completion tells of one request and one end, or of an end alone. Its events come
        # from its own task, which is what tells it from another's.
        task = asyncio.current_task()
        if task not in self._asking:
            self._asking.add(task)
            self._board.began()

    def _ended(self, event: Ended) -> None:
        self.last_ended = event
        problem = None if event.error is None else self._problem(event.error, event.provider)
        answered = problem is None and not event.cancelled
        back = ""
        if answered:
            self._known = {
                key: each for key, each in self._known.items() if key[0] != event.provider
            }
            back = self._absences.answered(Target(event.provider, event.model))
        task = asyncio.current_task()
        if task in self._asking:
            self._asking.discard(task)
            self._board.ended(problem, answered=answered)
        else:  # no provider could be asked, for want of a model file for instance
            self._board.outcome(problem, answered=answered)
        self._facts()
        if back:
            self._board.notice(back)

    def _problem(self, error: ProviderError, asked: str) -> Problem:
        """What to show: the same words for the same trouble of the same provider, not new ones
        at every key.
        """  # noqa: D205 - one sentence
        if not (error.failover or isinstance(error, QuotaExhausted)):
            return describe(error)
        standing = self._board.current.error
        if not asked and standing is not None:
            return standing  # the user knows why nobody could be asked
        return self._known.setdefault((error.provider, error.code), describe(error))

    def _switched(self, switched: Switched) -> None:
        """Tell of a switch once, not at every key while the first provider is out."""
        if what := self._absences.switched(switched):
            why = printable(redact(switched.message)) or switched.reason
            self._board.notice(f"{what}: {why}")

    def _unusable(self, event: Unusable) -> None:
        """Tell once what a model does, not at every key that it does it at."""
        if event not in self._told:
            self._told.add(event)
            name = f"{event.model or 'the model'} of {event.provider}"
            self._board.notice(f"{name} {_FAULTS[event.fault]}")

    def _facts(self) -> None:
        self._board.update(redactions=self._gate.redactions, keyring=self._keyring() or None)
