"""Plain values that cross the border between Polypilot and a model supplier.

Nothing here does I/O or knows a wire format. All values are frozen; texts are
Python strings (code points), token counts are the supplier's own tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from decimal import Decimal

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Visible text of a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture the user attached. Lives in a user message."""

    media_type: str
    """``image/png``, ``image/jpeg``, ``image/gif`` or ``image/webp``."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document the user attached, such as a PDF. Lives in a user message."""

    media_type: str
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ThoughtPart:
    """Reasoning text of an earlier answer, kept because some wires demand it back."""

    text: str
    signature: str | None = None
    """Opaque proof the supplier attached (Anthropic, Bedrock); sent back unchanged."""
    redacted: str | None = None
    """Encrypted reasoning the supplier sent in place of text, or beside it (Responses); sent
    back unchanged."""
    provider: str = ""
    """Id of the provider whose ``signature`` or ``redacted`` this is. No other gets them."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A tool call the model made in an earlier answer."""

    id: str
    name: str
    arguments: str
    """The arguments as the JSON text the model wrote."""
    signature: str | None = None
    """Opaque proof the supplier attached (Gemini); sent back unchanged."""
    provider: str = ""
    """Id of the provider whose ``signature`` this is. No other gets it."""


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What a tool answered; lives in a user message."""

    call_id: str
    text: str
    is_error: bool = False


Part = TextPart | ImagePart | FilePart | ThoughtPart | ToolCallPart | ToolResultPart


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


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


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
    must_call: bool = False
    """The answer has to be a call; left to the model where the wire can't say so."""
    completion: bool = False
    """The prompt asks for missing code, not for an answer: reasoning is kept to the least, and
    a row may name another wire for it."""
    cache_key: str = ""
    """The same for all requests of a conversation; says nothing about the user. Suppliers
    that route by such a key find the prompt's beginning in their cache."""
    logprobs: bool = False
    """The tokens' probabilities are wanted too; only suppliers known to tell are asked."""


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
    logprobs: bool = False
    """As in ChatRequest."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the visible answer. Never empty."""

    text: str
    logprob: float | None = None
    """Sum of the natural-log probabilities of ``tokens`` tokens of it; None: not said."""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """More of the model's reasoning; ``signature``/``redacted`` may arrive with empty text."""

    text: str
    signature: str | None = None
    redacted: str | None = None
    provider: str = ""
    """Id of the provider that sent ``signature`` or ``redacted``; empty without them."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call, its streamed arguments assembled; ``signature`` as in ToolCallPart."""

    id: str
    name: str
    arguments: str
    signature: str | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the answer so far rests on."""

    url: str
    """Where it is; empty for a document that the user attached."""
    title: str = ""
    text: str = ""
    """The words that are cited, where the supplier gives them."""


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
    cost: Decimal | None = None
    """US dollars, where the supplier itself says what the request cost."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request cost, in US dollars."""

    dollars: Decimal
    source: Literal["supplier", "prices"]
    """Who says so: the supplier in its answer, or the price of the tokens it counted."""


def usage_fields(usage: Usage, cost: Cost | None = None) -> dict[str, Any]:
    """``usage`` as JSON has it, its cost (else the supplier's own) a decimal number as text."""
    counts = {name: getattr(usage, name) for name in usage.__slots__ if name != "cost"}
    if cost is None and usage.cost is not None:
        cost = Cost(usage.cost, "supplier")
    return counts | {
        "cost": None if cost is None else f"{cost.dollars:f}",
        "cost_source": None if cost is None else cost.source,
    }


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


Event = TextDelta | ThoughtDelta | ToolCall | Citation | Refusal | Usage | Stop


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its supplier lists it."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    shutdown_date: str | None = None
    """ISO date after which the supplier stops serving it."""
    fim: bool | None = None
    """Whether it completes between a prefix and a suffix by itself; None: not said."""
    images: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    """Whether it can reason before it answers."""
