"""From a provider's events to the chat's, and to the turn that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.errors import printable, redact
from polypilot_prompts.sanitize import Sanitizer, strip_controls
from polypilot_providers.router import Switched, Waiting
from polypilot_providers.types import (
    Citation,
    Refusal,
    Stop,
    TextDelta,
    ThoughtDelta,
    ThoughtPart,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.chat.session import AnswerTurn
    from polypilot_providers.router import RouterEvent


class Answering:
    """Fills a turn while its answer streams; control characters are taken out of all text."""

    def __init__(self, turn: AnswerTurn) -> None:
        self._turn = turn
        self._text = Sanitizer()
        self._thought = Sanitizer()
        self._thinking: list[str] = []

    def take(self, event: RouterEvent) -> Iterator[events.ChatEvent]:
        """What an event means to the user."""
        match event:
            case TextDelta():
                self._close_thought()
                yield from self._say(self._text.feed(event.text))
            case ThoughtDelta():
                yield from self._think(event)
            case ToolCall():
                yield from self.finish()
                yield events.ToolCall(
                    event.id, strip_controls(event.name), strip_controls(event.arguments)
                )
            case Citation():
                yield events.Citation(
                    strip_controls(event.url),
                    strip_controls(event.title),
                    strip_controls(event.text),
                )
            case Refusal():
                yield from self.finish()
                yield events.Refusal(strip_controls(event.text))
            case Usage():
                self._turn.usage = event
                yield events.Usage(event, self._turn.provider, self._turn.model)
            case Switched():
                self._turn.provider = event.to.provider_id
                self._turn.model = event.to.model
                yield events.Notice(_switch_message(event))
            case Waiting():
                yield events.Notice(_waiting_message(event))
            case Stop():
                self._turn.reason = event.reason.value
                self._turn.model = event.model or self._turn.model

    def finish(self) -> Iterator[events.ChatEvent]:
        """What was held back."""
        if held := self._thought.finish():
            yield events.Thought(held)
        self._close_thought()
        yield from self._say(self._text.finish())

    def _say(self, text: str) -> Iterator[events.ChatEvent]:
        if text:
            self._turn.say(text)
            yield events.Text(text)

    def _think(self, event: ThoughtDelta) -> Iterator[events.ChatEvent]:
        """Reasoning is shown clean and kept as it came: its signature covers every character."""
        self._thinking.append(event.text)
        self._turn.size += len(event.text)
        if event.signature or event.redacted:
            self._close_thought(event.signature, event.redacted, event.provider)
        if text := self._thought.feed(event.text):
            yield events.Thought(text)

    def _close_thought(
        self, signature: str | None = None, redacted: str | None = None, provider: str = ""
    ) -> None:
        text = "".join(self._thinking)
        self._thinking.clear()
        if text or signature or redacted:
            self._turn.thought(ThoughtPart(text, signature, redacted, provider))


def _waiting_message(waiting: Waiting) -> str:
    message = printable(redact(waiting.message)).rstrip(".")
    return f"{message}. Waiting {waiting.seconds:.0f} s."


def _switch_message(switched: Switched) -> str:
    message = f"{switched.from_.provider_id} did not answer ({switched.reason})"
    if switched.message:
        message = f"{message}: {printable(redact(switched.message))}"
    return f"{message}. Answered by {switched.to.provider_id} {switched.to.model}".rstrip() + "."
