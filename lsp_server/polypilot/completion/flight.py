"""One request on its way, and what of it is certain."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from polypilot.completion.cache import ANCHOR_CHARS, Entry, Key
from polypilot.completion.values import Ended, Moved, Requested
from polypilot_prompts.postprocess import Filter, FilterSpec
from polypilot_providers.errors import ProviderError
from polypilot_providers.router import Switched, Target
from polypilot_providers.types import Refusal, Stop, TextDelta, Usage

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Callable, Sequence

    from polypilot.completion.values import Ask, Observer
    from polypilot_prompts.completion import Prompt
    from polypilot_providers.base import Limits
    from polypilot_providers.router import AnyRequest, Router, RouterEvent

log = logging.getLogger(__name__)


class Flight:
    """Streams one completion through its filter. Made for one ask, joined by later ones."""

    def __init__(
        self,
        ask: Ask,
        key: Key,
        identity: str,
        *,
        prompt_for: Callable[[Target], Prompt],
        clock: Callable[[], float],
        on_progress: Callable[[], None],
        observe: Observer,
    ) -> None:
        self.ask = ask
        self.key = key
        self.anchor = ask.snapshot.prefix[-ANCHOR_CHARS:]
        self.task: asyncio.Task[None] | None = None
        self.ended = False
        self.cancelled = False
        self.error: ProviderError | None = None
        self.entry: Entry | None = None
        """The result, once it has ended well."""
        self.first_text: float | None = None
        self._identity = identity
        self._prompt_for = prompt_for
        self._clock = clock
        self._on_progress = on_progress
        self._observe = observe
        self._filter = Filter(FilterSpec())
        self._target = Target("")
        self._prompts: dict[Target, Prompt] = {}
        self._usage: Usage | None = None
        self._told = False
        self._sent = 0.0

    @property
    def asked(self) -> bool:
        """Whether any provider was asked: all may be paused, for instance."""
        return self._told

    def typed_since(self, ask: Ask) -> str | None:
        """What was typed at the cursor since the request; None if something else changed."""
        count = ask.snapshot.total_chars - self.ask.snapshot.total_chars
        prefix = ask.snapshot.prefix
        at = len(prefix) - count
        if count < 0 or at < 0 or not prefix.endswith(self.anchor, 0, at):
            return None
        return prefix[at:]

    def agrees(self, key: Key, ask: Ask) -> bool:
        """Whether what has arrived so far still is what the user is typing."""
        if key != self.key or self.cancelled:
            return False
        typed = self.typed_since(ask)
        if typed is None:
            return False
        text = self._filter.text
        return text.startswith(typed) or (typed.startswith(text) and not self._filter.done)

    def early(self, ask: Ask) -> Entry | None:
        """What may be shown before the end: the whole lines so far, beyond what was typed."""
        typed = self.typed_since(ask)
        if typed is None:
            return None
        text = self._filter.preview()
        if not text.startswith(typed) or not text[len(typed) :].strip():
            return None
        return self._entry(text)

    def cancel(self) -> None:
        """Give up; ``ended`` follows when the socket is closed."""
        if not self.cancelled:
            self.cancelled = True
            if self.task is not None:
                self.task.cancel()

    async def run(self, router: Router, targets: Sequence[Target], limits: Limits) -> None:
        """Send the request and take its stream to the end, or to where it need not go on."""
        self._sent = self._clock()
        try:
            await self._stream(router.stream_completion(targets, self._request_for, limits))
            self.entry = self._entry(self._filter.finish().text)
        except ProviderError as error:
            self.error = error
            log.info("completion failed: %s", error.code)
        finally:
            self._report()

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
                    self.first_text = self._clock() - self._sent
                done = self._filter.feed(event.text)
                self._on_progress()
                return done
            case Usage():
                self._usage = event
            case Switched():
                self._turn_to(event.to)
                self._observe(Moved(event))
            case Refusal() | Stop():
                return isinstance(event, Refusal)
            case _:
                pass
        return False

    def _request_for(self, target: Target) -> AnyRequest:
        prompt = self._prompts[target] = self._prompt_for(target)
        # One that is asked beside another does not answer before the router says so.
        if not self._told or target == self._target:
            self._turn_to(target)
        if not self._told:
            self._told = True
            self._observe(Requested(target.provider_id, target.model))
        return prompt.request

    def _turn_to(self, target: Target) -> None:
        """What comes next is this target's."""
        self._target = target
        if target in self._prompts:
            self._filter = Filter(self._prompts[target].filter)

    def _entry(self, text: str) -> Entry:
        target = self._target
        return Entry(self._identity, self.key, self.anchor, text, target.provider_id, target.model)

    def _report(self) -> None:
        self._observe(
            Ended(
                provider=self._target.provider_id,
                model=self._target.model,
                seconds=self._clock() - self._sent,
                first_text=self.first_text,
                cancelled=self.entry is None and self.error is None,
                usage=self._usage,
                error=self.error,
            )
        )
