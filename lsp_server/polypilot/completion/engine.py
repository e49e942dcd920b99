"""From a key to ghost text: looks up before it waits, waits before it asks, asks once.

Order: the suggestion being shown, the cache, the requests in flight, the network. An ask that
a newer one replaces is answered at once; a request is ended (its socket closed) as soon as the
text no longer agrees with it, and only then.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.completion.alternatives import Alternatives
from polypilot.completion.cache import SuggestionCache, key_for
from polypilot.completion.flight import Flight, Origin
from polypilot.completion.lanes import Lane, Lanes, Waiter
from polypilot.completion.launch import Launcher, Parts, no_context, no_look
from polypilot.completion.offering import Offers, failed, without
from polypilot.completion.pacing import AdaptivePace, Pace, RateCap
from polypilot.completion.places import places
from polypilot.completion.prompting import PromptMaker
from polypilot.completion.rules import refusal
from polypilot.completion.values import (
    Accepted,
    Answer,
    Ask,
    Choice,
    EngineEvent,
    Observer,
    PartlyAccepted,
    Plan,
    Policy,
    Rejected,
    Seen,
    Source,
    Suggestion,
    Trigger,
    Why,
)
from polypilot.completion.waits import Waits
from polypilot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.completion.launch import Context
    from polypilot.workspace.documents import Snapshot
    from polypilot.workspace.gate import Gate
    from polypilot_prompts.completion import Prompt
    from polypilot_providers.router import Router


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
        context: finds pieces of other files.
        look: has the gate look at a document's rules once more, right before text is sent.
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
        context: Context = no_context,
        look: Callable[[str], Awaitable[None]] = no_look,
        pace: Pace | None = None,
        cap: RateCap | None = None,
        cache: SuggestionCache | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._observe = observe
        self._agrees = agrees
        self._pace: Pace = pace or AdaptivePace()
        self._cache = SuggestionCache() if cache is None else cache
        self._offers = Offers(self._cache, agrees, observe)
        self._clock = clock
        self._prompts = PromptMaker(gate)
        self._lanes = Lanes()
        self._tasks = Tasks()
        self._waits = Waits(self._pace, self._tasks, clock, sleep)
        self._launcher = Launcher(
            Parts(
                router,
                self._prompts,
                self._cache,
                self._pace,
                cap or RateCap(),
                self._tasks,
                clock,
                observe,
                agrees,
                context,
                look,
                self._ahead,
            )
        )
        self._alternatives = Alternatives(self._launcher, self._offers, self._tasks, sleep)
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

        An invoked ask may get up to three different suggestions, an automatic one gets one.

        Cancelling it leaves its request on its way for a moment, because editors cancel
        before every next key, and that key may agree with it.
        """
        if self._closed:
            return Answer(why=Why.CLOSED)
        if not self._agrees(ask.snapshot):  # it comes late: a newer one may be waiting
            return Answer(why=Why.STALE)
        uri = ask.snapshot.uri
        lane = self._lanes.of(uri)
        waiter = lane.replace_waiter()
        try:
            return await self._answer(lane, waiter, ask)
        except asyncio.CancelledError:
            if lane.waiter is waiter and lane.flights:
                self._waits.for_another(lane, uri)
            raise
        finally:
            if lane.waiter is waiter:
                lane.waiter = None

    async def prompt(self, ask: Ask) -> tuple[Choice, Prompt] | None:
        """Whom an ask would be sent to now, and what; None if there is nobody. Sends nothing.

        Raises:
            ExcludedError: the document may not be sent, or the cursor stands in a secret.
            ConfigurationError: the row's mode of completion is none.
        """
        plan = self._plan()
        if plan is None or not plan.choices:
            return None
        return plan.choices[0], await self._launcher.prompt(ask, plan)

    def shown(self, suggestion_id: str) -> None:
        """The editor says that the user sees a suggestion."""
        if found := self._lanes.showing(suggestion_id):
            entry = found[1].entry
            self._observe(Seen(entry.id, entry.provider, entry.model))

    def accepted(self, suggestion_id: str) -> None:
        """The user took a suggestion."""
        if found := self._lanes.showing(suggestion_id):
            self._offers.settle(*found, Accepted)

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """The user took the first ``chars`` code points of it; the rest is still offered."""
        if found := self._lanes.showing(suggestion_id):
            entry, placed = found[1].entry, found[1].placed(chars)
            self._observe(PartlyAccepted(entry.id, entry.provider, entry.model, chars, placed))

    def dismissed(self, suggestion_id: str) -> None:
        """The user turned a suggestion down."""
        if found := self._lanes.showing(suggestion_id):
            self._offers.settle(*found, Rejected)

    def close(self, uri: str) -> None:
        """A document was closed: end its requests, answer its ask, forget its suggestions."""
        self._lanes.close(uri)
        self._cache.forget(uri)
        self._prompts.forget(uri)

    async def aclose(self) -> None:
        """End every request. Asks that still wait are answered with nothing."""
        self._closed = True
        for uri in self._lanes:
            self.close(uri)
        await self._tasks.aclose()

    # --- one ask

    def _ahead(self) -> Plan | None:
        """Whom to ask ahead now, though the last ask may have been under other settings."""
        policy, plan = self._policy(), self._plan()
        if not policy.enabled or policy.paused or plan is None or not plan.prefetch:
            return None
        choices = tuple(choice for choice in plan.choices if choice.ahead)
        return replace(plan, choices=choices) if choices else None

    async def _answer(self, lane: Lane, waiter: Waiter, ask: Ask) -> Answer:
        self._pace.key(self._clock())
        if why := refusal(ask, self._policy()):
            lane.abandon()  # nobody waits for what is on its way
            return Answer(why=why)
        plan = self._plan()
        if plan is None or not plan.choices:
            return Answer(why=Why.NO_PROVIDER)
        first = plan.choices[0].target
        policy = self._prompts.policy_of(ask.snapshot.uri)
        key = key_for(ask.snapshot, policy, f"{first.provider_id}/{first.model}")
        origin = lane.last = Origin(ask, key, plan, places(ask, key))
        lane.partial = None
        if lane.taken is not None and not lane.taken.at(ask):
            lane.taken = None
        self._offers.reject_if_left(lane, origin)
        invoked = ask.trigger is Trigger.INVOKED
        if invoked and ask.several and (again := self._offers.again(lane, ask, key)):
            return again
        answer = await self._live(lane, waiter, origin)
        if answer.suggestions:
            lane.unserved = None
            self._pace.outcome(useful=True)
            if invoked and ask.several:
                return await self._alternatives.beside(lane, waiter, origin, answer)
            self._launcher.ahead(lane)
        return answer

    async def _live(self, lane: Lane, waiter: Waiter, origin: Origin) -> Answer:
        """Look, act, wait for news, look again: until there is an answer."""
        ask = origin.ask
        joined: Flight | None = None
        own: Flight | None = None
        while not waiter.superseded:
            riding = lane.riding(origin)
            known = self._offers.known(lane, origin, _source(joined, own))
            if known and (known.suggestions or _believed(ask, joined, riding is not None)):
                return _used(lane, known)
            if joined is not None and joined.ended and (joined is own or failed(joined)):
                return without(joined)
            if riding is not None:
                joined, place = riding
                if joined.first_text is not None:
                    self._waits.for_the_whole(waiter)
                if (joined is not own or not waiter.patient) and (
                    found := joined.early(place, whole_lines=joined is own)
                ):
                    lane.partial = joined
                    source = Source.NETWORK if joined is own else Source.FLIGHT
                    return _used(lane, self._offers.give(lane, ask, found, source))
            elif lane.taken is not None and ask.trigger is not Trigger.INVOKED:
                return Answer(why=Why.ACCEPTED)
            elif self._waits.paced(lane, waiter, origin) and self._launcher.has_seat(
                lane, origin.plan
            ):
                own = joined = self._launcher.send(lane, origin)
                if own is None:
                    return Answer(why=Why.RATE_CAP)
                lane.unserved = None
            await waiter.wait()
        return Answer(why=Why.SUPERSEDED)


def _believed(ask: Ask, joined: Flight | None, riding: bool) -> bool:  # noqa: FBT001  one of three facts
    """Whether an earlier "nothing to add" settles an ask: not while the user insists."""
    if joined is None:
        return not riding and ask.trigger is not Trigger.INVOKED
    return joined.ended


def _source(joined: Flight | None, own: Flight | None) -> Source | None:
    """Where an answer found after waiting for a request came from."""
    if joined is None:
        return None
    return Source.NETWORK if joined is own else Source.FLIGHT


def _used(lane: Lane, answer: Answer) -> Answer:
    """The answer; the request that it is from has not been in vain."""
    for suggestion in answer.suggestions:
        for flight in lane.flights:
            flight.useful = flight.useful or flight.made(suggestion.id)
    return answer
