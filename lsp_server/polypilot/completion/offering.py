"""What is offered in a document: from the screen, the cache or a request, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.completion.flight import Found
from polypilot.completion.lanes import OnScreen, Taken
from polypilot.completion.values import (
    ANCHOR,
    Accepted,
    Answer,
    Ask,
    Observer,
    Rejected,
    Shown,
    Source,
    Suggestion,
    Trigger,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polypilot.completion.cache import Entry, Key, SuggestionCache
    from polypilot.completion.flight import Flight, Origin
    from polypilot.completion.lanes import Lane
    from polypilot.completion.places import Place
    from polypilot.workspace.documents import Snapshot


class Offers:
    """Offers suggestions, and tells when one is first shown, taken or turned down."""

    def __init__(
        self, cache: SuggestionCache, agrees: Callable[[Snapshot], bool], observe: Observer
    ) -> None:
        self._cache = cache
        self._agrees = agrees
        self._observe = observe

    def known(self, lane: Lane, origin: Origin, source: Source | None) -> Answer | None:
        """An answer from what is shown or cached; the longer of the two if one extends it."""
        nothing: Answer | None = None
        for place in origin.places:
            cached = self._cache.find(place.key, place.ask.snapshot.prefix)
            if found := _on_screen(lane, place, cached):
                return self.give(lane, origin.ask, found, source or Source.SHOWN)
            if cached is None:
                continue
            entry, rest = cached
            unasked = origin.ask.trigger is Trigger.AUTOMATIC
            if entry.given_up and not unasked:
                continue
            if place.fit(rest).strip():
                if entry.unsure and unasked:
                    return Answer(why=Why.UNSURE)
                found = Found(place, entry, rest)
                return self.give(lane, origin.ask, found, source or Source.CACHE)
            if not place.left_out or rest.startswith(place.left_out):
                nothing = Answer(why=Why.NOTHING)  # what comes next stands there already
        return nothing

    def give(self, lane: Lane, ask: Ask, found: Found, source: Source) -> Answer:
        """Offer what is left of an entry, if the document still is what it was made for."""
        if not self._agrees(ask.snapshot):
            return Answer(why=Why.STALE)
        entry, rest = found.entry, found.rest
        known = lane.shown is not None and lane.shown.entry.id == entry.id
        if not known:
            lane.before = lane.shown
        text = found.place.fit(rest)
        lane.shown = replace(_placed(found.place.ask, entry, rest), given=text)
        lane.others.pop(entry.id, None)
        if not known:
            language = ask.snapshot.language_id
            self._observe(Shown(entry.id, entry.provider, entry.model, source, language, len(text)))
        return Answer((_suggestion(ask, entry, text, source),), source)

    def beside(self, lane: Lane, ask: Ask, answer: Answer, others: Sequence[Entry]) -> Answer:
        """Add other texts for the same place to an answer given a while ago."""
        if not self._agrees(ask.snapshot):
            return Answer(why=Why.STALE)
        lane.others = {entry.id: _placed(ask, entry, entry.text) for entry in others}
        source = answer.source or Source.NETWORK
        more = tuple(_suggestion(ask, entry, entry.text, source) for entry in others)
        return Answer((*answer.suggestions, *more), source)

    def again(self, lane: Lane, ask: Ask, key: Key) -> Answer | None:
        """All that was offered when the user asked at this very place, if that was so."""
        if lane.shown is None or not lane.others:
            return None
        everything = (lane.shown, *lane.others.values())
        if any(each.rest(key, ask) != each.entry.text for each in everything):
            return None
        if not self._agrees(ask.snapshot):
            return Answer(why=Why.STALE)
        found = (_suggestion(ask, s.entry, s.entry.text, Source.SHOWN) for s in everything)
        return Answer(tuple(found), Source.SHOWN)

    def reject_if_left(self, lane: Lane, origin: Origin) -> None:
        """Note when something else was typed than what is shown."""
        if lane.shown is None and not lane.others:
            return
        seen = origin.places
        lane.others = {
            name: each
            for name, each in lane.others.items()
            if any(each.rest(place.key, place.ask) for place in seen)
        }
        shown = lane.shown
        if shown and all(shown.rest(place.key, place.ask) is None for place in seen):
            self.settle(lane, shown, Rejected)

    def settle(self, lane: Lane, shown: OnScreen, kind: type[Accepted | Rejected]) -> None:
        """The user has decided on what is shown, or was until the text behind it was."""
        if shown is lane.before:
            lane.before = None
        else:
            lane.shown = None
        if kind is Accepted and lane.shown is None:
            lane.others = {}
            lane.taken = Taken.of(shown)
        entry = shown.entry
        if kind is Accepted:
            self._observe(Accepted(entry.id, entry.provider, entry.model, shown.placed()))
        else:
            self._observe(Rejected(entry.id, entry.provider, entry.model))


def _on_screen(lane: Lane, place: Place, cached: tuple[Entry, str] | None) -> Found | None:
    """What is left of a suggestion that was offered, if it is what the user types.

    ``cached`` is what the cache has for the place; it may go on where the suggestion ends.
    """
    for shown in (lane.shown, *lane.others.values()):
        rest = None if shown is None else shown.rest(place.key, place.ask)
        if shown is None or not rest or not place.fit(rest):
            continue
        if cached is not None and cached[1].startswith(rest) and place.fit(cached[1]):
            unasked = place.ask.trigger is Trigger.AUTOMATIC and not shown.entry.unsure
            if not (unasked and cached[0].unsure):
                return Found(place, replace(cached[0], id=shown.entry.id), cached[1])
        return Found(place, shown.entry, rest)
    return None


def _placed(ask: Ask, entry: Entry, rest: str) -> OnScreen:
    snapshot = ask.snapshot
    chars = snapshot.total_chars - (len(entry.text) - len(rest))
    return OnScreen(entry, chars, rest, ask.position, snapshot.prefix[-ANCHOR:])


def _suggestion(ask: Ask, entry: Entry, rest: str, source: Source) -> Suggestion:
    return Suggestion(
        id=entry.id,
        text=rest,
        start=ask.position,
        end=ask.position,
        provider=entry.provider,
        model=entry.model,
        from_cache=source is not Source.NETWORK,
    )


def failed(flight: Flight) -> bool:
    """Whether a request has ended without saying anything about the place."""
    return flight.error is not None or flight.excluded is not None


def without(flight: Flight) -> Answer:
    """The answer when the request that was waited for gave nothing."""
    if flight.excluded is not None:
        return Answer(why=Why.EXCLUDED, detail=flight.excluded.message)
    if flight.error is not None:
        return Answer(why=Why.FAILED, error=flight.error)
    return Answer(why=Why.SUPERSEDED if flight.cancelled else Why.NOTHING)
