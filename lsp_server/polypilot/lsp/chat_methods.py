"""The chat's methods, as `docs/protocol.md` describes them; see ``methods`` for their form."""

from __future__ import annotations

from typing import Literal

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time


@attrs.frozen(eq=False, slots=False)
class Attachment:
    """What a message is about: an open document or a file, or a selection of it."""

    kind: Literal["document", "selection"]
    uri: str
    range: types.Range | None = None


@attrs.frozen(eq=False, slots=False)
class ChatSendParams:
    """A message of the user's, and where its answer is to be streamed."""

    text: str
    session_id: str | None = None
    provider: str | None = None
    model: str | None = None
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    context: tuple[Attachment, ...] = ()
    partial_result_token: types.ProgressToken | None = None
    work_done_token: types.ProgressToken | None = None


@attrs.frozen(eq=False, slots=False)
class Usage:
    """Tokens, as far as the provider told."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: str | None = None
    """US dollars, a decimal number."""
    cost_source: Literal["supplier", "prices"] | None = None


@attrs.frozen(eq=False, slots=False)
class Problem:
    """What went wrong and what to do about it."""

    code: str
    message: str
    cure: str | None = None


@attrs.frozen(eq=False, slots=False)
class ChatSendResult:
    """How an answer ended."""

    session_id: str
    message_id: str
    stop_reason: str
    provider: str
    model: str
    usage: Usage | None = None
    text: str | None = None
    error: Problem | None = None


@attrs.frozen(eq=False, slots=False)
class SessionDelta:
    """First in every stream."""

    session_id: str
    message_id: str
    provider: str
    model: str
    kind: Literal["session"] = "session"


@attrs.frozen(eq=False, slots=False)
class ContextItem:
    """What became of an attachment."""

    uri: str
    tokens: int
    redacted: int
    refused: str | None = None
    media_type: str | None = None


@attrs.frozen(eq=False, slots=False)
class ContextDelta:
    """What was attached, and what was refused and why."""

    items: tuple[ContextItem, ...]
    kind: Literal["context"] = "context"


@attrs.frozen(eq=False, slots=False)
class TextDelta:
    """A piece of the answer, of the model's thought, or of its refusal."""

    text: str
    kind: Literal["text", "thought", "refusal"] = "text"


@attrs.frozen(eq=False, slots=False)
class ToolCallDelta:
    """The model wants a tool to be run."""

    id: str
    name: str
    arguments: str
    kind: Literal["toolCall"] = "toolCall"


@attrs.frozen(eq=False, slots=False)
class CitationDelta:
    """A source the answer so far rests on."""

    url: str
    title: str = ""
    text: str = ""
    kind: Literal["citation"] = "citation"


@attrs.frozen(eq=False, slots=False)
class UsageDelta:
    """Tokens so far."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: str | None = None
    """US dollars, a decimal number."""
    cost_source: Literal["supplier", "prices"] | None = None
    kind: Literal["usage"] = "usage"


@attrs.frozen(eq=False, slots=False)
class NoticeDelta:
    """Something the user should know, such as a switch to a fallback."""

    message: str
    kind: Literal["notice"] = "notice"


@attrs.frozen(eq=False, slots=False)
class ChatSession:
    """One row of `polypilot/chat/sessions`."""

    session_id: str
    title: str
    provider: str
    model: str
    messages: int


@attrs.frozen(eq=False, slots=False)
class ChatCloseParams:
    """The session to forget."""

    session_id: str
