"""From a key to ghost text: looks up before it waits, waits before it asks, asks once.

Order: the suggestion being shown, the cache, the request in flight, the network. At most one
request is in flight per document. An ask that a newer one replaces is answered at once, and
its request is ended (its socket closed) as soon as the text no longer agrees with it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

from polypilot.completion.cache import Key, SuggestionCache, key_for
from polypilot.completion.flight import Flight
from polypilot.completion.lanes import Lane, Lanes, Waiter
from polypilot.completion.offering import Offers
from polypilot.completion.pacing import AdaptivePace, Pace, RateCap, moment_of
from polypilot.completion.prompting import PromptMaker
from polypilot.completion.rules import refusal
from polypilot.completion.values import (
    Accepted,
    Answer,
    Ask,
    EngineEvent,
    Observer,
    Plan,
    Policy,
    Rejected,
    Source,
    Suggestion,
    Trigger,
    Why,
)
from polypilot.tasks import Tasks
from polypilot.workspace.gate import ExcludedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.workspace.documents import Snapshot
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Router

LINGER = 0.05
"""Seconds a request whose ask was cancelled may go on: editors cancel and ask anew in one
breath, and the new ask may want it."""


def _unobserved(_event: EngineEvent) -> None:
    return


class CompletionEngine:
    """Answers asks. Use it from one event loop; never raises for a provider's failure.

    Args:
        router: sends requests.
        gate: decides what text may leave; asked before anything is sent.
        agrees: whether a snapshot's document still is the same, see ``staleness.still_agrees``.
        plan: whom to ask now; None if the user has selected nobody.
        policy: the user's switches.
        observe: told what happens, for statistics and status.
        clock, sleep: monotonic seconds, and waiting for some.
    """

    def __init__(
        self,
        *,
        router: Router,
        gate: Gate,
        agrees: Callable[[Snapshot], bool],
        plan: Callable[[], Plan | None],
        policy: Callable[[], Policy] = Policy,
        observe: Observer = _unobserved,
        pace: Pace | None = None,
        cap: RateCap | None = None,
        cache: SuggestionCache | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        linger: float = LINGER,
    ) -> None:
        self._router = router
        self._gate = gate
        self._plan = plan
        self._policy = policy
        self._observe = observe
        self._pace: Pace = pace or AdaptivePace()
        self._cap = cap or RateCap()
        self._cache = SuggestionCache() if cache is None else cache
        self._offers = Offers(self._cache, agrees, observe)
        self._clock = clock
        self._sleep = sleep
        self._linger = linger
        self._prompts = PromptMaker(gate)
        self._lanes = Lanes()
        self._ids = itertools.count(1)
        self._tasks = Tasks()
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return self._lanes.in_flight

    @property
    def documents(self) -> int:
        """Documents it holds something about, besides suggestions."""
        return len(self._lanes)

    async def complete(self, ask: Ask) -> list[Suggestion]:
        """The suggestions for an ask; empty also when it was superseded or failed."""
        return list((await self.answer(ask)).suggestions)

    async def answer(self, ask: Ask) -> Answer:
        """As ``complete``, with the source, or the reason for having nothing.

        Cancelling it leaves the request on its way for a moment, because editors cancel
        before every next key, and that key may agree with it.
        """
        if self._closed:
            return Answer(why=Why.CLOSED)
        uri = ask.snapshot.uri
        lane = self._lanes.of(uri)
        waiter = lane.replace_waiter()
        try:
            return await self._answer(lane, waiter, ask)
        except asyncio.CancelledError:
            if lane.waiter is waiter and lane.flight is not None:
                task = self._drop_unwanted(lane, lane.flight)
                self._tasks.latest(uri, task, name="completion-linger")
            raise
        finally:
            if lane.waiter is waiter:
                lane.waiter = None

    def accepted(self, suggestion_id: str) -> None:
        """The user took a suggestion."""
        if lane := self._lanes.showing(suggestion_id):
            self._offers.settle(lane, Accepted)

    def dismissed(self, suggestion_id: str) -> None:
        """The user turned a suggestion down."""
        if lane := self._lanes.showing(suggestion_id):
            self._offers.settle(lane, Rejected)

    def close(self, uri: str) -> None:
        """A document was closed: end its request, answer its ask, forget its suggestions."""
        self._lanes.close(uri)
        self._cache.forget(uri)

    async def aclose(self) -> None:
        """End every request. Asks that still wait are answered with nothing."""
        self._closed = True
        for uri in self._lanes:
            self.close(uri)
        await self._tasks.aclose()

    # --- one ask

    async def _answer(self, lane: Lane, waiter: Waiter, ask: Ask) -> Answer:
        self._pace.key(self._clock())
        if why := refusal(ask, self._policy()):
            return Answer(why=why)
        plan = self._plan()
        if plan is None or not plan.choices:
            return Answer(why=Why.NO_PROVIDER)
        first = plan.choices[0].target
        key = key_for(
            ask.snapshot,
            self._prompts.policy_of(ask.snapshot.uri),
            f"{first.provider_id}/{first.model}",
        )
        self._offers.reject_if_left(lane, key, ask)
        return await self._live(lane, waiter, ask, key, plan)

    async def _live(self, lane: Lane, waiter: Waiter, ask: Ask, key: Key, plan: Plan) -> Answer:
        """Look, act, wait for news, look again: until there is an answer."""
        joined: Flight | None = None
        own: Flight | None = None
        while not waiter.superseded:
            known = self._offers.known(lane, ask, key, _source(joined, own))
            if known and (known.why is not Why.NOTHING or _believed(ask, joined)):
                return known
            if joined is not None and joined.ended and (joined is own or joined.error):
                return _without(joined)
            flight = lane.flight
            if flight is not None and flight.agrees(key, ask):
                joined = flight
                if flight is not own and (entry := flight.early(ask)):
                    rest = entry.text[len(flight.typed_since(ask) or "") :]
                    return self._offers.give(lane, ask, entry, rest, Source.FLIGHT)
            else:
                lane.abandon_flight()
                if self._paced(waiter, ask, plan) and lane.flight is None:
                    started = self._start(lane, ask, key, plan)
                    if isinstance(started, Answer):
                        return started
                    own = joined = started
            await waiter.wait()
        return Answer(why=Why.SUPERSEDED)

    def _paced(self, waiter: Waiter, ask: Ask, plan: Plan) -> bool:
        """Whether the ask has waited for a newer key long enough; starts the wait."""
        if not waiter.pacing:
            waiter.pacing = True
            delay = self._pace.delay(moment_of(ask, embedded=plan.embedded))
            waiter.paced = delay <= 0
            if not waiter.paced:
                self._tasks.spawn(self._wake_after(delay, waiter), name="completion-pace")
        return waiter.paced

    async def _wake_after(self, delay: float, waiter: Waiter) -> None:
        await self._sleep(delay)
        waiter.paced = True
        waiter.wake()

    # --- one request

    def _start(self, lane: Lane, ask: Ask, key: Key, plan: Plan) -> Flight | Answer:
        """Send a request for an ask, or say why not."""
        try:
            prompt_for = self._prompts.prepare(ask, plan)
        except ExcludedError as error:
            return Answer(why=Why.EXCLUDED, detail=error.message)
        if not self._cap.take(self._clock()):
            return Answer(why=Why.RATE_CAP)
        flight = Flight(
            ask,
            key,
            f"s{next(self._ids)}",
            prompt_for=prompt_for,
            clock=self._clock,
            on_progress=lane.wake,
            observe=self._observe,
        )
        lane.flight = flight
        targets = [choice.target for choice in plan.choices]
        work = flight.run(self._router, targets, plan.limits)
        flight.task = self._tasks.spawn(work, name="completion-request")
        # Not in a `finally` of the task's own: one that is cancelled before its first step
        # never gets there, and its document would wait for it for ever.
        flight.task.add_done_callback(lambda _: self._landed(lane, flight))
        return flight

    def _landed(self, lane: Lane, flight: Flight) -> None:
        """A request has ended, however it did."""
        flight.ended = True
        if not flight.asked:
            self._cap.give_back()
        if flight.entry is not None:
            self._cache.add(flight.entry)
        if flight.first_text is not None:
            self._pace.first_text(flight.first_text)
        if lane.flight is flight:
            lane.flight = None
        lane.wake()

    async def _drop_unwanted(self, lane: Lane, flight: Flight) -> None:
        """End a request whose ask was cancelled, unless a newer one has joined it meanwhile."""
        await self._sleep(self._linger)
        if lane.waiter is None and lane.flight is flight:
            lane.abandon_flight()


def _believed(ask: Ask, joined: Flight | None) -> bool:
    """Whether an earlier "nothing to add" settles an ask: not while the user insists."""
    if joined is None:
        return ask.trigger is not Trigger.INVOKED
    return joined.ended


def _source(joined: Flight | None, own: Flight | None) -> Source | None:
    """Where an answer found after waiting for a request came from."""
    if joined is None:
        return None
    return Source.NETWORK if joined is own else Source.FLIGHT


def _without(flight: Flight) -> Answer:
    """The answer when the request that was waited for gave nothing."""
    if flight.error is not None:
        return Answer(why=Why.FAILED, error=flight.error)
    return Answer(why=Why.SUPERSEDED if flight.cancelled else Why.NOTHING)
