"""Plain values that cross the border between Polypilot and a model supplier.

Nothing here does I/O or knows a wire format. All values are frozen; texts are
Python strings (code points), token counts are the supplier's own tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Visible text of a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtPart:
    """Reasoning text of an earlier answer, kept because some wires demand it back."""

    text: str
    signature: str | None = None
    """Opaque proof the supplier attached (Anthropic); sent back unchanged."""
    redacted: str | None = None
    """Encrypted reasoning the supplier sent in place of text; sent back unchanged."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A tool call the model made in an earlier answer."""

    id: str
    name: str
    arguments: str
    """The arguments as the JSON text the model wrote."""


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What a tool answered; lives in a user message."""

    call_id: str
    text: str
    is_error: bool = False


Part = TextPart | ThoughtPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. The system prompt is not a message: see ChatRequest."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The visible text, without reasoning and tool traffic."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def user(text: str) -> Message:
    """A user message of one text part."""
    return Message("user", (TextPart(text),))


def assistant(text: str) -> Message:
    """An assistant message of one text part."""
    return Message("assistant", (TextPart(text),))


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool offered to the model."""

    name: str
    description: str
    parameters: dict[str, object] = field(default_factory=dict[str, object])
    """JSON Schema of the arguments."""


Effort = Literal["none", "minimal", "low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to continue by one assistant message."""

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    max_tokens: int | None = None
    """Upper bound of answer tokens; None takes the model row's default."""
    stop: tuple[str, ...] = ()
    """Stop sequences. A wire sends as many as its supplier takes; the caller still cuts."""
    temperature: float | None = None
    effort: Effort | None = None
    """Reasoning effort wanted; a wire sends the nearest its model row allows, or nothing."""
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A piece of another file sent along with a completion request."""

    path: str
    """Path relative to its workspace root, with forward slashes."""
    text: str


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Text to continue at a point (fill in the middle, FIM).

    ``prefix`` may be a prompt already rendered with a family's FIM tokens, in which
    case ``suffix`` is empty and ``raw`` is true: the wire must not add anything.
    """

    model: str
    prefix: str
    suffix: str = ""
    extra: tuple[ContextFile, ...] = ()
    max_tokens: int = 128
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    raw: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the visible answer. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """More of the model's reasoning; ``signature``/``redacted`` may arrive with empty text."""

    text: str
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call, its streamed arguments assembled."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The supplier declined; ``text`` is its explanation, possibly empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, normalised over suppliers; None where the supplier does not say.

    ``input_tokens`` counts the whole prompt, cached part included; ``output_tokens``
    the whole answer, reasoning included.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class StopReason(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Stop:
    """End of a whole answer. Always the last event; a stream without it is interrupted."""

    reason: StopReason
    model: str | None = None
    """The model that really answered, where the supplier names it."""


Event = TextDelta | ThoughtDelta | ToolCall | Refusal | Usage | Stop


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its supplier lists it."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    shutdown_date: str | None = None
    """ISO date after which the supplier stops serving it."""
