"""Sends requests for a document, within its seats, and asks ahead where that is wanted."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.completion.flight import Flight, Hooks, Origin
from polypilot.completion.prefetch import taken
from polypilot.completion.values import Ask, Grown, Trigger
from polypilot.tasks import run_blocking
from polypilot_prompts.syntax_grammars import GRAMMARS, grammar_name, parser_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from polypilot.completion.cache import Entry, SuggestionCache
    from polypilot.completion.lanes import Lane
    from polypilot.completion.pacing import Pace, RateCap
    from polypilot.completion.prompting import PromptMaker
    from polypilot.completion.values import Observer, Plan
    from polypilot.tasks import Tasks
    from polypilot.workspace.documents import Snapshot
    from polypilot_prompts.completion import Prompt
    from polypilot_prompts.context import Snippet
    from polypilot_providers.router import Router, Target

    Context = Callable[[Ask], Awaitable[Sequence[Snippet]]]
    """Pieces of other files that help at an ask's place, best first; quick, never raises."""


IMPORT_S = 10.0
"""A grammar's import takes some 30 ms; this is for a disk that hangs."""


async def no_look(_uri: str) -> None:
    """The gate looks by itself when it is asked."""


async def no_context(_ask: Ask) -> Sequence[Snippet]:
    """No pieces of other files."""
    return ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What requests are made with."""

    router: Router
    prompts: PromptMaker
    cache: SuggestionCache
    pace: Pace
    cap: RateCap
    tasks: Tasks
    clock: Callable[[], float]
    observe: Observer
    agrees: Callable[[Snapshot], bool]
    context: Context
    look: Callable[[str], Awaitable[None]]
    """Has the gate look at a document's rules as they are now, right before text of it leaves."""
    ahead: Callable[[], Plan | None]
    """Whom to ask ahead by the settings of this moment; None: nobody."""


class Launcher:
    """Starts requests and takes them off their document's list when they have ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ids = itertools.count(1)
        self._grammars: set[str] = set()

    def has_seat(self, lane: Lane, plan: Plan) -> bool:
        """Whether another request may run for this document."""
        return len(lane.flights) < plan.seats

    def send(
        self,
        lane: Lane,
        origin: Origin,
        *,
        keep: Callable[[Entry], None] | None = None,
        temperature: float = 0.0,
    ) -> Flight | None:
        """Send a request; None if there have been too many.

        ``keep`` takes the parts in place of the cache.
        """
        parts = self._parts
        now = parts.clock()
        if not parts.cap.take(now, spare=bool(origin.lead)):
            return None
        streak = 0 if keep else origin.plan.streak
        self._load_grammar(origin.ask.snapshot.language_id)

        async def prompts() -> Callable[[Target], Prompt]:
            ask = origin.ask
            await parts.look(ask.snapshot.uri)
            if origin.lead:
                there = taken(ask.snapshot, origin.lead)
                ask = Ask(there, ask.position, Trigger.AUTOMATIC)
            snippets = await self._snippets(ask, origin.plan)
            return parts.prompts.prepare(
                ask, origin.plan, snippets=snippets, streak=streak, temperature=temperature
            )

        def kept(entry: Entry) -> None:
            if lane.closed:  # what was known of the document is forgotten
                return
            (keep or parts.cache.add)(entry)
            self._grown(lane, flight)

        hooks = Hooks(prompts, parts.clock, lane.wake, kept, parts.observe)
        flight = Flight(origin, f"s{next(self._ids)}", hooks)
        lane.flights.append(flight)
        flight.task = parts.tasks.spawn(flight.run(parts.router), name="completion-request")
        # Not in a `finally` of the task's own: one that is cancelled before its first step
        # never gets there, and its document would wait for it for ever.
        flight.task.add_done_callback(lambda _: self._landed(lane, flight, now))
        return flight

    def _load_grammar(self, language: str) -> None:
        """Import a language's grammar, if it is installed: now, and not on the loop later."""
        name = grammar_name(language)
        if name in GRAMMARS and name not in self._grammars:
            self._grammars.add(name)
            work = run_blocking(parser_for, language, timeout=IMPORT_S, name="grammar")
            self._parts.tasks.spawn(work, name="completion-grammar")

    async def prompt(self, ask: Ask, plan: Plan) -> Prompt:
        """What the first choice would be sent for an ask now; nothing is sent.

        Raises:
            ExcludedError: the document may not be sent, or the cursor stands in a secret.
        """
        parts = self._parts
        snippets = await self._snippets(ask, plan)
        streak = plan.streak
        prompts = parts.prompts.prepare(ask, plan, snippets, streak=streak, keep=False)
        return prompts(plan.choices[0].target)

    async def _snippets(self, ask: Ask, plan: Plan) -> Sequence[Snippet]:
        """Pieces of other files, where they can be sent along."""
        parts = self._parts
        return await parts.context(ask) if parts.prompts.takes_files(plan) else ()

    def ahead(self, lane: Lane) -> None:
        """Ask for what follows the suggestion on the screen, unless that is known or on its way."""
        shown, last = lane.shown, lane.last
        if shown is None or last is None or lane.closed or lane.asked_ahead == shown.entry.id:
            return
        ask, key = last.ask, last.key
        if not last.plan.prefetch or key.rest or lane.flights:
            return
        rest = shown.rest(key, ask)
        if not rest or not self._parts.agrees(ask.snapshot):
            return
        plan = self._parts.ahead()
        if plan is None or plan.choices[0].target != last.plan.choices[0].target:
            return
        lane.asked_ahead = shown.entry.id
        if not self._parts.cache.find(key, ask.snapshot.prefix + rest):
            self.send(lane, replace(last, lead=rest, plan=plan))

    def _grown(self, lane: Lane, flight: Flight) -> None:
        """A part is certain: tell, if its beginning was given to an ask that is still the newest.

        Nothing is told of while another ask waits, or of text that was given up.
        """
        if lane.partial is not flight:
            return
        lane.partial = None
        last = None if lane.waiter is not None or flight.cancelled else lane.last
        if last is not None and self._parts.agrees(last.ask.snapshot):
            self._parts.observe(Grown(last.ask.snapshot.uri))

    def _landed(self, lane: Lane, flight: Flight, counted: float) -> None:
        """A request has ended, however it did; ``counted`` is when it was, by the cap."""
        parts = self._parts
        flight.ended = True
        lane.flights.remove(flight)
        if not flight.asked:
            parts.cap.give_back(counted)
        if flight.first_text is not None:
            parts.pace.first_text(flight.first_text)
        if not flight.ahead and not flight.useful:
            parts.pace.outcome(useful=False)
        lane.wake()
        self.ahead(lane)
