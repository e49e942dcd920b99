"""From a provider's events to the chat's, and to the turn that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.errors import printable, redact
from polypilot_prompts.neutral import Neutral, neutral
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
    ToolCallPart,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.chat.turns import AnswerTurn
    from polypilot.chat.values import Location, ToolKind
    from polypilot_providers.router import RouterEvent

    Describe = Callable[[str, str], tuple[str, ToolKind, tuple[Location, ...]]]
    """From a tool's name and arguments: a line for the user, what it does, where."""


class Answering:
    """Fills an answer's step while it streams.

    What is shown is made harmless, by ``shown``, which is one for a whole answer: a face shows its
    steps as one text. What is kept, and goes back to the model, is as it came but
    for control characters.

    Args:
        turn: the answer.
        describe: tells what a call does.
        shown: see above.
        calls: ids of the conversation's calls. One that a supplier uses again, or that is made
            up again where a supplier has none, becomes another: faces tell calls apart by it, and
            suppliers refuse a history that has one twice.
    """

    def __init__(
        self, turn: AnswerTurn, describe: Describe, shown: Neutral, calls: set[str]
    ) -> None:
        self._turn = turn
        self._calls = calls
        self._describe = describe
        self._text = Sanitizer()
        self._harmless = shown
        self._thought = Sanitizer()
        self._thinking: list[str] = []

    def take(self, event: RouterEvent) -> Iterator[events.ChatEvent]:
        """What an event means to the user."""
        step = self._turn.step
        match event:
            case TextDelta():
                self._close_thought()
                yield from self._say(self._text.feed(event.text))
            case ThoughtDelta():
                yield from self._think(event)
            case ToolCall():
                yield from self.pause()
                name, arguments = strip_controls(event.name), strip_controls(event.arguments)
                call_id = self._new_id(event.id)
                call = ToolCallPart(call_id, name, arguments, event.signature, event.provider)
                self._turn.call(call)
                yield events.ToolCall(call_id, name, arguments, *self._describe(name, arguments))
            case Citation():
                yield events.Citation(
                    strip_controls(event.url),
                    strip_controls(event.title),
                    strip_controls(event.text),
                )
            case Refusal():
                yield from self.pause()
                yield events.Refusal(strip_controls(event.text))
            case Usage():
                step.usage = event
                yield events.Usage(event, step.provider, step.model)
            case Switched():
                step.provider, step.model = event.to.provider_id, event.to.model
                self._turn.provider, self._turn.model = step.provider, step.model
                yield events.Notice(_switch_message(event))
            case Waiting():
                yield events.Notice(_waiting_message(event))
            case Stop():
                step.reason = event.reason.value
                self._turn.model = event.model or self._turn.model

    def _new_id(self, call_id: str) -> str:
        number = len(self._calls)
        while call_id in self._calls:
            # As ids are made up for suppliers without any, who are not sent them then.
            call_id, number = f"call_{number}", number + 1
        self._calls.add(call_id)
        return call_id

    def pause(self) -> Iterator[events.ChatEvent]:
        """What was held back; a call is shown next, and more text may follow that."""
        yield from self._flush()
        if held := self._harmless.pause():
            yield events.Text(held)

    def finish(self) -> Iterator[events.ChatEvent]:
        """What was held back; nothing follows."""
        yield from self._flush()
        if held := self._harmless.finish():
            yield events.Text(held)

    def _flush(self) -> Iterator[events.ChatEvent]:
        if held := self._thought.finish():
            yield events.Thought(held)
        self._close_thought()
        yield from self._say(self._text.finish())

    def _say(self, text: str) -> Iterator[events.ChatEvent]:
        """What is kept is what the model said; what is shown is harmless."""
        if text:
            self._turn.say(text)
            if shown := self._harmless.feed(text):
                yield events.Text(shown)

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


def harmless(text: str) -> str:
    """A whole text of a model's, as it may be shown."""
    return neutral(text)


def _waiting_message(waiting: Waiting) -> str:
    message = printable(redact(waiting.message)).rstrip(".")
    return f"{message}. Waiting {waiting.seconds:.0f} s."


def _switch_message(switched: Switched) -> str:
    message = f"{switched.from_.provider_id} did not answer ({switched.reason})"
    if switched.message:
        message = f"{message}: {printable(redact(switched.message))}"
    return f"{message}. Answered by {switched.to.provider_id} {switched.to.model}".rstrip() + "."
