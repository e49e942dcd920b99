"""What is offered in a document: from the screen, the cache or a request, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.completion.lanes import OnScreen
from polypilot.completion.values import (
    Accepted,
    Answer,
    Ask,
    Observer,
    Rejected,
    Shown,
    Source,
    Suggestion,
    Why,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.completion.cache import Entry, Key, SuggestionCache
    from polypilot.completion.lanes import Lane
    from polypilot.workspace.documents import Snapshot


class Offers:
    """Offers suggestions, and tells when one is first shown, taken or turned down."""

    def __init__(
        self, cache: SuggestionCache, agrees: Callable[[Snapshot], bool], observe: Observer
    ) -> None:
        self._cache = cache
        self._agrees = agrees
        self._observe = observe

    def known(self, lane: Lane, ask: Ask, key: Key, source: Source | None) -> Answer | None:
        """An answer from what is shown or cached; the longer of the two if one extends it."""
        found = self._cache.find(key, ask.snapshot.prefix)
        shown = lane.shown
        if shown is not None and (rest := shown.rest(key, ask)):
            if found is not None and found[1].startswith(rest):
                rest = found[1]
            return self.give(lane, ask, shown.entry, rest, source or Source.SHOWN)
        if found is None:
            return None
        entry, rest = found
        if rest:
            return self.give(lane, ask, entry, rest, source or Source.CACHE)
        return Answer(why=Why.NOTHING)

    def give(self, lane: Lane, ask: Ask, entry: Entry, rest: str, source: Source) -> Answer:
        """Offer what is left of an entry, if the document still is what it was made for."""
        if not self._agrees(ask.snapshot):
            return Answer(why=Why.STALE)
        known = lane.shown is not None and lane.shown.entry.id == entry.id
        typed = len(entry.text) - len(rest) if entry.text.endswith(rest) else 0
        if not known:
            lane.shown = OnScreen(entry, ask.snapshot.total_chars - typed)
            self._observe(Shown(entry.id, entry.provider, entry.model, source))
        suggestion = Suggestion(
            id=entry.id,
            text=rest,
            start=ask.position,
            end=ask.position,
            provider=entry.provider,
            model=entry.model,
            from_cache=source is not Source.NETWORK,
        )
        return Answer((suggestion,), source)

    def reject_if_left(self, lane: Lane, key: Key, ask: Ask) -> None:
        """Note when something else was typed than what is shown."""
        if lane.shown is not None and lane.shown.rest(key, ask) is None:
            self.settle(lane, Rejected)

    def settle(self, lane: Lane, kind: type[Accepted | Rejected]) -> None:
        """The user has decided on what is shown."""
        if lane.shown is not None:
            entry = lane.shown.entry
            lane.shown = None
            self._observe(kind(entry.id, entry.provider, entry.model))
