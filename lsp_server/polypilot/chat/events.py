"""What a chat answer is made of, in the order it happens. ``kind`` is the protocol's name.

The kinds follow `session/update` of the Agent Client Protocol, so that a face only translates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from polypilot.chat.values import FileDiff, Location, PlanEntry, ToolKind, ToolStatus
    from polypilot_providers import types

EndReason = Literal[
    "end",
    "length",
    "stop_sequence",
    "tool_calls",
    "refusal",
    "cancelled",
    "error",
    "max_steps",
    "budget",
]
"""``tool_calls``: the model wants tools, but none were offered. ``max_steps``, ``budget``: the
user's limits stopped it; a further message goes on."""


@dataclass(frozen=True, slots=True)
class Session:
    """First, once: where the answer belongs and who is asked."""

    kind: ClassVar[Literal["session"]] = "session"
    session_id: str
    message_id: str
    provider: str
    model: str
    question_id: str = ""
    """Id of the user's message that is answered."""


@dataclass(frozen=True, slots=True)
class Title:
    """The conversation's title is new or has changed."""

    kind: ClassVar[Literal["title"]] = "title"
    title: str


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
    name: str = ""
    """As the model gets it, such as ``src/a.py`` or ``#diff``."""
    cut: str = ""
    """What of it is sent, if not all; empty: all of it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was attached. Second, if anything was to be attached."""

    kind: ClassVar[Literal["context"]] = "context"
    items: tuple[ContextItem, ...]


@dataclass(frozen=True, slots=True)
class Compacted:
    """The oldest messages are sent as a summary from now on, since the model's window is full."""

    kind: ClassVar[Literal["compacted"]] = "compacted"
    messages: int
    """How many."""
    before: int
    after: int
    """Tokens of the conversation, estimated."""
    summary: str


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
    """The model calls a tool. Its status is ``pending``; updates follow."""

    kind: ClassVar[Literal["toolCall"]] = "toolCall"
    id: str
    name: str
    arguments: str
    """JSON text."""
    title: str = ""
    """One line for the user."""
    tool_kind: ToolKind = "other"
    locations: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolUpdate:
    """What became of a call; the same id. What is empty has not changed."""

    kind: ClassVar[Literal["toolUpdate"]] = "toolUpdate"
    id: str
    status: ToolStatus
    text: str = ""
    """A line of progress, or with ``completed`` or ``failed`` what the model gets."""
    diffs: tuple[FileDiff, ...] = ()
    locations: tuple[Location, ...] = ()
    proposals: tuple[str, ...] = ()
    """Ids of edits that are proposed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that the model means to take; each takes the place of the one before."""

    kind: ClassVar[Literal["plan"]] = "plan"
    entries: tuple[PlanEntry, ...]


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
    """Of the request that runs; an answer with tools takes several."""
    provider: str = ""
    model: str = ""
    """Who counted them: not the one asked first, if another took its place."""
    cost: types.Cost | None = None
    """What it cost, if that is known."""
    used: int = 0
    """Tokens of the model's window that the conversation takes; 0: not known."""
    window: int | None = None
    """Tokens that the model takes; None: not known."""
    session_cost: Decimal | None = None
    """US dollars of the whole conversation, as far as known."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The answer proposes an edit; nothing changes until the user accepts it."""

    kind: ClassVar[Literal["edit"]] = "edit"
    id: str
    path: str
    """Absolute."""
    diff: str
    """Unified."""
    refused: str = ""
    """Why it can't be applied; then ``id`` is empty."""


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
    """Of all its requests."""
    error: Error | None = None
    """With stop reason ``error`` or ``budget``."""
    cost: types.Cost | None = None


ChatEvent = (
    Session
    | Title
    | Context
    | Compacted
    | Text
    | Thought
    | ToolCall
    | ToolUpdate
    | Plan
    | Citation
    | Refusal
    | Usage
    | Proposal
    | Notice
    | Error
    | End
)
