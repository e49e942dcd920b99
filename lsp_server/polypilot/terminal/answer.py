"""One answer: from the chat service's events to what a person, or a program, reads."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from polypilot.chat import events
from polypilot.errors import describe
from polypilot.terminal.output import Output, error_fields
from polypilot.terminal.program import OK, status_of
from polypilot.terminal.stream import AnswerView
from polypilot.terminal.usage import usage_line, usage_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend
    from polypilot.chat.events import ChatEvent, EndReason
    from polypilot.chat.values import Client, Question
    from polypilot_providers.types import Cost, Usage


class Sink(Protocol):
    """Takes one answer's events, in order; ``end`` comes once, however the answer ended."""

    def begin(self) -> None:
        """An answer is about to come."""
        ...

    def take(self, event: ChatEvent) -> None:
        """The next event."""
        ...

    def end(self, outcome: Outcome) -> None:
        """No more events come."""
        ...


class Outcome:
    """What is known of an answer when it has ended."""

    def __init__(self) -> None:
        self.provider = ""
        self.model = ""
        self.session_id = ""
        self.message_id = ""
        self.usage: Usage | None = None
        self.cost: Cost | None = None
        self.stop_reason: EndReason = "cancelled"
        self.error: events.Error | None = None

    def learn(self, event: ChatEvent) -> None:
        """Keep what matters at the end."""
        match event:
            case events.Session():
                self.session_id, self.message_id = event.session_id, event.message_id
                self.provider, self.model = event.provider, event.model
            case events.Usage():
                self.usage, self.cost = event.usage, event.cost
            case events.End():
                self.provider, self.model = event.provider, event.model
                self.usage, self.cost = event.usage or self.usage, event.cost or self.cost
                self.stop_reason, self.error = event.stop_reason, event.error
            case _:
                pass


class Answer:
    """Asks within one conversation: the first question opens it, later ones go on in it."""

    def __init__(self, backend: Backend, sink: Sink, client: Client) -> None:
        self._backend = backend
        self._sink = sink
        self._client = client
        self.session_id: str | None = None
        """The conversation; may be set, to go on with another one."""
        self.message_id: str | None = None
        """The answer given last."""
        self.proposals: list[events.Proposal] = []
        """The edits that the last answer proposes."""

    async def to(self, question: Question) -> int:
        """Ask, show the answer while it arrives; the exit status."""
        outcome = Outcome()
        self.proposals = []
        if question.session_id is None and self.session_id is not None:
            question = replace(question, session_id=self.session_id)
        stream = self._backend.chat.send(question, self._client)
        self._sink.begin()
        try:
            async with aclosing(stream):
                async for event in stream:
                    outcome.learn(event)
                    if isinstance(event, events.Proposal):
                        self.proposals.append(event)
                    self._sink.take(event)
        except Exception as error:  # noqa: BLE001 - shown with its cure, like one in the stream
            problem = describe(error)
            outcome.stop_reason = "error"
            outcome.error = events.Error(problem.code, problem.message, problem.cure)
        finally:
            self.session_id = outcome.session_id or self.session_id
            self.message_id = outcome.message_id or self.message_id
            self._sink.end(outcome)
        return OK if outcome.error is None else status_of(outcome.error.code)


class TerminalSink:
    """Shows an answer to a person: the text streamed, what else matters around it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._view: AnswerView | None = None

    def begin(self) -> None:
        """Open the view."""
        style = "live" if self._output.interactive else "plain"
        self._view = AnswerView(self._output.out, style)
        self._view.__enter__()

    def take(self, event: ChatEvent) -> None:
        """Show one event."""
        view = self._view
        if view is None:
            return
        match event:
            case events.Text():
                view.text(event.text)
            case events.Thought():
                view.thought()
            case events.Refusal():
                view.text(event.text)
            case _:
                note = note_of(event)
                if note:
                    # What is on the screen stays above the note.
                    self._begun_anew(note)

    def _begun_anew(self, note: str) -> None:
        if self._view is not None:
            self._view.__exit__(None, None, None)
        self._output.note(note)
        self.begin()

    def end(self, outcome: Outcome) -> None:
        """Close the view; say how it ended, if not well."""
        if self._view is not None:
            self._view.__exit__(None, None, None)
            self._view = None
        if outcome.error is not None:
            self._output.failure(outcome.error.code, outcome.error.message, outcome.error.cure)
        elif outcome.stop_reason == "length":
            self._output.note("The answer was cut at the model's limit.")
        elif self._output.interactive and outcome.stop_reason != "cancelled":
            self._output.print(summary(outcome), "dim")


class TextSink:
    """Prints the whole answer when it is there, as ``made`` makes it; for scripts."""

    def __init__(self, output: Output, made: Callable[[str], str]) -> None:
        self._output = output
        self._made = made
        self._text: list[str] = []

    def begin(self) -> None:
        """Nothing precedes the answer."""

    def take(self, event: ChatEvent) -> None:
        """Keep its text."""
        if isinstance(event, events.Text):
            self._text.append(event.text)
        elif note := note_of(event):
            self._output.note(note)

    def end(self, outcome: Outcome) -> None:
        """Print it, if it is whole."""
        if outcome.error is not None:
            self._output.failure(outcome.error.code, outcome.error.message, outcome.error.cure)
        elif outcome.stop_reason == "end":
            self._output.print(self._made("".join(self._text)))


class JsonSink:
    """One JSON line per event; ``usage`` and ``stop`` come last, however the answer ended."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self) -> None:
        """Nothing precedes the first event."""

    def take(self, event: ChatEvent) -> None:
        """Print what belongs to the answer on stdout, notices on stderr."""
        match event:
            case events.Text():
                self._output.json({"type": "text", "text": event.text})
            case events.Thought():
                self._output.json({"type": "thought", "text": event.text})
            case events.ToolCall():
                fields = {"id": event.id, "name": event.name, "arguments": event.arguments}
                self._output.json({"type": "tool_call", **fields})
            case events.ToolUpdate() if event.status in {"completed", "failed"}:
                found = {"id": event.id, "status": event.status, "text": event.text}
                self._output.json({"type": "tool_result", **found})
            case events.Plan():
                entries = [
                    {"content": each.content, "status": each.status} for each in event.entries
                ]
                self._output.json({"type": "plan", "entries": entries})
            case events.Proposal():
                edit = {"id": event.id, "path": event.path, "diff": event.diff}
                self._output.json({"type": "edit", **edit, "refused": event.refused})
            case events.Citation():
                fields = {"url": event.url, "title": event.title, "text": event.text}
                self._output.json({"type": "citation", **fields})
            case events.Refusal():
                self._output.json({"type": "refusal", "text": event.text})
            case _:
                note = note_of(event)
                if note:
                    self._output.note(note)

    def end(self, outcome: Outcome) -> None:
        """Print the error, if any, then ``usage`` and ``stop``."""
        if outcome.error is not None:
            error = outcome.error
            self._output.json(error_fields(error.code, error.message, error.cure))
            self._output.failure(error.code, error.message, error.cure)
        self._output.json(usage_line(outcome.usage, outcome.cost))
        self._output.json(
            {
                "type": "stop",
                "reason": outcome.stop_reason,
                "provider": outcome.provider,
                "model": outcome.model,
                "session_id": outcome.session_id,
            }
        )


def note_of(event: ChatEvent) -> str:  # noqa: PLR0911 - one case for each kind
    """What a person should know of an event that is no part of the answer; may be empty."""
    match event:
        case events.Notice():
            return event.message
        case events.Citation():
            return f"Source: {event.title or event.text} {event.url}".rstrip()
        case events.Context():
            refused = [
                f"{item.name or item.uri} was not attached: {item.refused}"
                for item in event.items
                if item.refused
            ]
            cut = [f"{item.name or item.uri}: {item.cut}" for item in event.items if item.cut]
            return "\n".join((*refused, *cut))
        case events.Compacted():
            return f"{event.messages} earlier messages are sent as a summary from now on."
        case events.ToolCall():
            return f"→ {event.title or event.name}"
        case events.ToolUpdate() if event.status == "failed":
            return f"  {event.text}"
        case events.Plan():
            marks = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]"}
            return "\n".join(f"{marks[each.status]} {each.content}" for each in event.entries)
        case events.Proposal():
            return event.refused and f"{event.path}: {event.refused}"
        case _:
            return ""


def summary(outcome: Outcome) -> str:
    """Who answered, what it took and what it cost."""
    words = usage_words(outcome.usage, outcome.cost)
    return " · ".join((outcome.provider, outcome.model, *words))
