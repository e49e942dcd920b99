"""One request on its way, and what of it is certain."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.completion.cache import ANCHOR_CHARS, Entry, Key, follows
from polypilot.completion.doubt import Doubt, fault_of
from polypilot.completion.values import Ended, Moved, Requested, Trigger, Unusable
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.postprocess import Filter, FilterSpec
from polypilot_providers.errors import ProviderError
from polypilot_providers.router import Switched, Target
from polypilot_providers.types import Refusal, Stop, StopReason, TextDelta, Usage

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from polypilot.completion.places import Place
    from polypilot.completion.values import Ask, Observer, Plan
    from polypilot_prompts.completion import Prompt
    from polypilot_providers.router import AnyRequest, Router, RouterEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request belongs.

    ``lead`` is a suggestion that is taken for accepted: what the model is asked for stands
    behind it. Empty for what is asked at the cursor.
    """

    ask: Ask
    key: Key
    plan: Plan
    places: tuple[Place, ...] = ()
    """The ways to see where the ask stands, the plain one first."""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A suggestion that fits a place, and what of its text has not been typed."""

    place: Place
    entry: Entry
    rest: str


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a request needs and whom it tells."""

    prompts: Callable[[], Awaitable[Callable[[Target], Prompt]]]
    """Gathers the context and makes what makes the prompts; may raise ExcludedError."""
    clock: Callable[[], float]
    progress: Callable[[], None]
    """Something has arrived."""
    keep: Callable[[Entry], None]
    """Takes each part as soon as it is certain."""
    observe: Observer


class Flight:
    """Streams one completion through its filter. Made for one ask, joined by later ones."""

    def __init__(self, origin: Origin, identity: str, hooks: Hooks) -> None:
        self.origin = origin
        self.task: asyncio.Task[None] | None = None
        self.ended = False
        self.cancelled = False
        self.useful = False
        """Something of it was offered."""
        self.wanted = origin.ask.trigger is not Trigger.AUTOMATIC
        """A user who asks for suggestions waits for it, however little the model thinks of it."""
        self.error: ProviderError | None = None
        self.excluded: ExcludedError | None = None
        self.first_text: float | None = None
        self._identity = identity
        self._hooks = hooks
        self._prefix = origin.ask.snapshot.prefix
        self._anchor = self._prefix[-ANCHOR_CHARS:]
        self._filter = Filter(FilterSpec())
        self._target = Target("")
        self._prompts: dict[Target, Prompt] = {}
        self._kept: list[str] = []
        """The parts that were handed on."""
        self._doubt = Doubt()
        self._usage: Usage | None = None
        self._read = 0
        """Characters of the answer so far."""
        self._cut = False
        """The model was not done when its answer ended."""
        self._given_up = False
        self._told = False
        self._sent = 0.0

    @property
    def asked(self) -> bool:
        """Whether any provider was asked: all may be paused, for instance."""
        return self._told

    @property
    def ahead(self) -> bool:
        """Whether it asks for what follows a suggestion that is only shown."""
        return bool(self.origin.lead)

    @property
    def settled(self) -> bool:
        """Whether what is offered at the request's own place is known, if only that it is nothing.

        An empty first part is no answer while lines behind it may still come.
        """
        return self.ended or bool(self._kept and any(self._kept))

    def made(self, suggestion_id: str) -> bool:
        """Whether a suggestion is one of its parts."""
        return suggestion_id.partition(".")[0] == self._identity

    def typed_since(self, ask: Ask) -> str | None:
        """What was typed at the cursor since the request; None if something else changed."""
        count = ask.snapshot.total_chars - self.origin.ask.snapshot.total_chars
        prefix = ask.snapshot.prefix
        at = len(prefix) - count
        if count < 0 or at < 0 or not follows(self._anchor, prefix, at):
            return None
        return prefix[at:]

    def agrees(self, key: Key, ask: Ask) -> bool:
        """Whether what has arrived so far still is what the user is typing."""
        if key != self.origin.key or self.cancelled:
            return False
        typed = self.typed_since(ask)
        if typed is None:
            return False
        text = self.origin.lead + self._filter.text
        return text.startswith(typed) or (typed.startswith(text) and not self._filter.done)

    def early(self, place: Place, *, whole_lines: bool) -> Found | None:
        """What may be shown before the end.

        That is the whole lines so far, or else the whole words of the line that is still coming.
        """
        typed = self.typed_since(place.ask)
        lead = self.origin.lead
        if typed is None or len(typed) < len(lead) or self._filter.settled:
            return None
        if place.ask.trigger is Trigger.AUTOMATIC and self._unsure():
            return None
        for text in (self._filter.preview(), "" if whole_lines else self._filter.partial()):
            whole = lead + text
            if whole.startswith(typed) and place.fit(whole[len(typed) :]).strip():
                return Found(place, self._entry(text, 0), whole[len(typed) :])
        return None

    def cancel(self) -> None:
        """Give up; ``ended`` follows when the socket is closed."""
        if not self.cancelled:
            self.cancelled = True
            if self.task is not None:
                self.task.cancel()

    async def run(self, router: Router) -> None:
        """Send the request and take its stream to the end, or to where it need not go on."""
        self._sent = self._hooks.clock()
        plan = self.origin.plan
        finished = False
        try:
            self._make = await self._hooks.prompts()
            self._sent = self._hooks.clock()
            targets = [choice.target for choice in plan.choices]
            await self._stream(router.stream_completion(targets, self._request_for, plan.limits))
            result = self._filter.finish(cut=self._cut)
            self._keep_parts()
            if not any(self._kept) and (fault := fault_of(result, self._read)):
                self._hooks.observe(Unusable(self._target.provider_id, self._target.model, fault))
            finished = True
        except ExcludedError as error:
            self.excluded = error
        except ProviderError as error:
            self.error = error
            log.info("completion failed: %s", error.code)
        finally:
            if not finished and not self._kept and (lines := self._filter.preview()):
                self._keep(lines)  # the user may come back to it
            if self.excluded is None:
                self._report(cancelled=not finished and self.error is None)

    async def _stream(self, stream: AsyncGenerator[RouterEvent, None]) -> None:
        async with aclosing(stream) as events:
            async for event in events:
                if self._take(event):
                    return

    def _take(self, event: RouterEvent) -> bool:
        """Note an event; true if no more are needed."""
        match event:
            case TextDelta():
                if self.first_text is None:
                    self.first_text = self._hooks.clock() - self._sent
                self._doubt.weigh(event)
                self._read += len(event.text)
                done = self._filter.feed(event.text)
                self._keep_parts()
                self._hooks.progress()
                return done or self._vain()
            case Usage():
                self._usage = event
            case Switched():
                self._turn_to(event.to)
                self._hooks.observe(Moved(event, self.origin.ask.snapshot.language_id))
            case Stop():
                self._cut = event.reason is StopReason.LENGTH
            case Refusal():
                return True
            case _:
                pass
        return False

    def _request_for(self, target: Target) -> AnyRequest:
        prompt = self._prompts[target] = self._make(target)
        # One that is asked beside another does not answer before the router says so.
        if not self._told or target == self._target:
            self._turn_to(target)
        if not self._told:
            self._told = True
            self._hooks.observe(Requested(target.provider_id, target.model))
        return prompt.request

    def _turn_to(self, target: Target) -> None:
        """What comes next is this target's."""
        self._target = target
        self._doubt = Doubt()
        if target in self._prompts:
            self._filter = Filter(self._prompts[target].filter)

    def _keep_parts(self) -> None:
        """Hand on the parts that have become certain, each where those before it end."""
        for part in self._filter.parts()[len(self._kept) :]:
            self._keep(part)

    def _keep(self, part: str) -> None:
        entry = self._entry(part, len(self._kept))
        self._kept.append(part)
        self._hooks.keep(entry)

    def _entry(self, text: str, number: int) -> Entry:
        origin, target = self.origin, self._target
        before = origin.lead + "".join(self._kept[:number])
        return Entry(
            f"{self._identity}.{number}" if number else self._identity,
            origin.key,
            (self._prefix[-ANCHOR_CHARS:] + before)[-ANCHOR_CHARS:] if before else self._anchor,
            text,
            target.provider_id,
            target.model,
            self._unsure(),
            self._given_up,
        )

    def _unsure(self) -> bool:
        """Whether the model itself thinks less of the first line than its row wants."""
        chosen = (c.model for c in self.origin.plan.choices if c.target == self._target)
        model = next(chosen, None)
        return model is not None and self._doubt.below(model.min_confidence)

    def _vain(self) -> bool:
        """Whether nobody will be shown it: its first line is whole, and the model doubts it.

        The lines behind it would only keep the machine busy, or cost money.
        """
        if self.wanted or self.useful or not (self._doubt.whole and self._unsure()):
            return False
        self._cut = self._given_up = True
        return True

    def _report(self, *, cancelled: bool) -> None:
        self._hooks.observe(
            Ended(
                provider=self._target.provider_id,
                model=self._target.model,
                seconds=self._hooks.clock() - self._sent,
                first_text=self.first_text,
                cancelled=cancelled,
                usage=self._usage,
                error=self.error,
                language=self.origin.ask.snapshot.language_id,
            )
        )
