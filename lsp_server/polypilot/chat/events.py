"""What a chat answer is made of, in the order it happens. ``kind`` is the protocol's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from polypilot_providers import types

EndReason = Literal["end", "length", "stop_sequence", "tool_calls", "refusal", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Session:
    """First, once: where the answer belongs and who is asked."""

    kind: ClassVar[Literal["session"]] = "session"
    session_id: str
    message_id: str
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class ContextItem:
    """An attachment as it went out, or why it did not."""

    uri: str
    tokens: int = 0
    """Estimated."""
    redacted: int = 0
    """Secrets hidden in it."""
    refused: str = ""
    """Why it was not sent; empty if it was."""
    media_type: str = ""
    """Of a picture or a PDF; empty: it is text."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was attached. Second, if anything was to be attached."""

    kind: ClassVar[Literal["context"]] = "context"
    items: tuple[ContextItem, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """More of the answer. Never empty."""

    kind: ClassVar[Literal["text"]] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """More of the model's reasoning. Never empty."""

    kind: ClassVar[Literal["thought"]] = "thought"
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call."""

    kind: ClassVar[Literal["toolCall"]] = "toolCall"
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the answer so far rests on."""

    kind: ClassVar[Literal["citation"]] = "citation"
    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declined."""

    kind: ClassVar[Literal["refusal"]] = "refusal"
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts so far."""

    kind: ClassVar[Literal["usage"]] = "usage"
    usage: types.Usage
    provider: str = ""
    model: str = ""
    """Who counted them: not the one asked first, if another took its place."""
    cost: types.Cost | None = None
    """What it cost, if that is known."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know, e.g. a switch to a fallback provider."""

    kind: ClassVar[Literal["notice"]] = "notice"
    message: str


@dataclass(frozen=True, slots=True)
class Error:
    """The answer failed; what had arrived was given and is kept. An End follows."""

    kind: ClassVar[Literal["error"]] = "error"
    code: str
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Last, once, unless the consumer stopped the answer itself."""

    kind: ClassVar[Literal["end"]] = "end"
    stop_reason: EndReason
    session_id: str
    message_id: str
    provider: str
    model: str
    text: str
    """The whole visible answer."""
    usage: types.Usage | None = None
    error: Error | None = None
    """With stop reason ``error``."""
    cost: types.Cost | None = None


ChatEvent = (
    Session
    | Context
    | Text
    | Thought
    | ToolCall
    | Citation
    | Refusal
    | Usage
    | Notice
    | Error
    | End
)
