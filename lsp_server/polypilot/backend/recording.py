"""From what the engines report to the record of usage."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from polypilot.backend.staying import Stays
from polypilot.chat.timing import NO_FAULT
from polypilot.completion.values import (
    Accepted,
    EngineEvent,
    Moved,
    PartlyAccepted,
    Placed,
    Rejected,
    Seen,
    Shown,
)
from polypilot.usage.values import (
    Asked,
    Entry,
    language,
    milliseconds,
    name,
    nanos,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.tasks import Tasks
    from polypilot.usage import Stay, Writer
    from polypilot.workspace.documents import DocumentStore

_MOST_LIVE: Final = 512
"""Suggestions of which something may still be told."""


@dataclass(slots=True)
class _Live:
    """A suggestion, its entry, and what has been taken of it so far."""

    entry: Entry
    placed: Placed | None = None
    """All that has been taken, where it began."""
    last: Placed | None = None
    """What was taken last, of the text as it was offered last."""

    def take(self, placed: Placed) -> Placed:
        """Add what was taken now. Of a text that is offered anew it is the next part."""
        if self.placed is None or self.last is None:
            whole_text = placed
        elif self.last.position == placed.position:
            kept = self.placed.text[: len(self.placed.text) - len(self.last.text)]
            whole_text = replace(self.placed, text=kept + placed.text)
        else:
            whole_text = replace(self.placed, text=self.placed.text + placed.text)
        self.placed, self.last = whole_text, placed
        return whole_text


class Recorder:
    """Listens to both engines.

    Args:
        writer: takes entries.
        documents: in which taken texts are looked for later.
        tasks: owns the timers.
        enabled: whether the user wants a record.
        today: the date by the user's clock.
        clock, sleep: monotonic seconds, and waiting for some.
    """

    def __init__(
        self,
        writer: Writer,
        documents: DocumentStore,
        tasks: Tasks,
        *,
        enabled: Callable[[], bool],
        today: Callable[[], date] = date.today,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._documents = documents
        self._enabled = enabled
        self._today = today
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._stays = Stays(documents, tasks, self._settled, clock=clock, sleep=sleep)
        documents.tell(self._stays)

    def observe(self, event: EngineEvent) -> None:
        """The completion engine's observer."""
        if not self._enabled():
            return
        match event:
            case Shown():
                self._shown(event)
            case Seen() | Rejected() | Accepted() | PartlyAccepted():
                self._outcome(event)
            case Moved():
                self._moved(event)
            case _:
                pass

    def asked(self, asked: Asked) -> None:
        """A request has ended."""
        if not self._enabled() or not asked.provider:
            return
        usage = asked.usage
        self._writer.put(
            Entry(
                day=self._today().isoformat(),
                purpose=asked.purpose,
                provider=name(asked.provider),
                model=name(asked.model),
                language=language(asked.language),
                first_ms=milliseconds(asked.first_text),
                total_ms=None if asked.cancelled else milliseconds(asked.seconds),
                cancelled=asked.cancelled,
                error=name(asked.error),
                input=usage and whole(usage.input_tokens),
                output=usage and whole(usage.output_tokens),
                cached=usage and whole(usage.cache_read_tokens),
                reasoning=usage and whole(usage.reasoning_tokens),
                nanos=nanos(asked.dollars),
            ),
            new=True,
        )

    async def aclose(self) -> None:
        """Judge what is watched, and write what waits. Safe to call twice."""
        await self._stays.aclose()
        await self._writer.aclose()

    def _moved(self, event: Moved) -> None:
        left, reason = event.switched.from_, event.switched.reason
        if reason not in NO_FAULT:
            asked = Asked("completion", left.provider_id, left.model, 0.0, None, reason)
            self.asked(replace(asked, language=event.language))

    def _shown(self, event: Shown) -> None:
        entry = self._entry(event, event.language)
        self._keep(event.id, replace(entry, source=event.source.value, suggested=event.chars))

    def _entry(
        self, event: Shown | Seen | Rejected | Accepted | PartlyAccepted, lang: str
    ) -> Entry:
        return Entry(
            day=self._today().isoformat(),
            purpose="completion",
            provider=name(event.provider),
            model=name(event.model),
            language=language(lang),
        )

    def _keep(self, ident: str, entry: Entry) -> None:
        self._live[ident] = _Live(entry)
        while len(self._live) > _MOST_LIVE:
            self._live.popitem(last=False)
        self._writer.put(entry, new=True)

    def _outcome(self, event: Seen | Rejected | Accepted | PartlyAccepted) -> None:
        live = self._live.get(event.id)
        if live is None:
            if not isinstance(event, Accepted | PartlyAccepted):
                return  # one of several to choose from: the first stands for all of them
            live = self._of_several(event)
        entry = live.entry
        match event:
            case Seen():
                entry = replace(entry, seen=True)
            case Rejected():
                entry = replace(entry, rejected=not (entry.accepted or entry.partly))
            case Accepted():
                entry = replace(entry, accepted=True, rejected=False)
                entry = self._taken(event.id, live, entry, event.placed)
            case PartlyAccepted():
                entry = self._taken(event.id, live, entry, event.placed)
                entry = replace(entry, partly=entry.saved)
        self._put(live, entry)

    def _of_several(self, event: Accepted | PartlyAccepted) -> _Live:
        placed = event.placed
        document = self._documents.get(placed.uri) if placed else None
        entry = self._entry(event, document.language_id if document else "")
        chars = len(placed.text) if placed else 0
        self._keep(event.id, replace(entry, source="network", suggested=chars))
        return self._live[event.id]

    def _taken(self, ident: str, live: _Live, entry: Entry, placed: Placed | None) -> Entry:
        if placed is None:
            return entry
        taken = live.take(placed)
        self._stays.watch(ident, taken)
        return replace(entry, saved=len(taken.text))

    def _settled(self, ident: str, moment: int, left: Stay, share: float) -> None:
        live = self._live.get(ident)
        if live is None or not self._enabled():
            return
        kept = round(live.entry.saved * share)
        self._put(live, replace(live.entry, kept=kept, **{f"stay{moment}": left}))

    def _put(self, live: _Live, entry: Entry) -> None:
        if entry != live.entry:
            live.entry = entry
            self._writer.put(entry)
