"""A question and what its answer is made of, as `docs/protocol.md` describes them.

See ``methods`` for the form of these classes, ``chat_kept`` for conversations that are kept.
"""

from __future__ import annotations

from typing import Literal

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time

from polypilot.lsp.methods import Problem  # noqa: TC001 -- likewise

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EffortChange = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"]
Mode = Literal["plain", "ask", "edit"]
Saying = Literal["text", "thought", "refusal"]
ToolKind = Literal["read", "edit", "delete", "move", "search", "execute", "think", "fetch", "other"]
ToolStatus = Literal["pending", "in_progress", "completed", "failed"]


@attrs.frozen(eq=False, slots=False)
class Attachment:
    """What a message is about: an open document or a file, or a selection of it."""

    kind: Literal["document", "selection"]
    uri: str
    range: types.Range | None = None


@attrs.frozen(eq=False, slots=False)
class Selected:
    """What the user has selected."""

    uri: str
    range: types.Range


@attrs.frozen(eq=False, slots=False)
class Scene:
    """What the user looks at; what mentions such as `#selection` mean."""

    selection: Selected | None = None
    buffer: str | None = None
    """URI of the document in front."""


@attrs.frozen(eq=False, slots=False)
class ChatPreviewParams:
    """A message of the user's."""

    text: str
    """Empty to have an answer given again."""
    session_id: str | None = None
    replaces: str | None = None
    """Id of a message: of the user's, which this one replaces, or of an answer to give again."""
    provider: str | None = None
    model: str | None = None
    effort: EffortChange | None = None
    mode: Mode | None = None
    context: tuple[Attachment, ...] = ()
    scene: Scene | None = None
    root: str | None = None
    """URI of the folder that a new conversation is about."""


@attrs.frozen(eq=False, slots=False)
class ChatSendParams(ChatPreviewParams):
    """A message of the user's, and where its answer is to be streamed."""

    keep: bool = True
    """Whether a new conversation is listed and kept."""
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


# -- deltas: one value of `$/progress` each ------------------------------------------------


@attrs.frozen(eq=False, slots=False)
class SessionDelta:
    """First in every stream."""

    session_id: str
    message_id: str
    provider: str
    model: str
    question_id: str | None = None
    """Id of the user's message, to replace it later."""
    kind: Literal["session"] = "session"


@attrs.frozen(eq=False, slots=False)
class TitleDelta:
    """The conversation's title is new or has changed."""

    title: str
    kind: Literal["title"] = "title"


@attrs.frozen(eq=False, slots=False)
class ContextItem:
    """What became of an attachment."""

    uri: str
    tokens: int
    redacted: int
    refused: str | None = None
    media_type: str | None = None
    name: str | None = None
    cut: str | None = None


@attrs.frozen(eq=False, slots=False)
class ContextDelta:
    """What was attached, and what was refused and why."""

    items: tuple[ContextItem, ...]
    kind: Literal["context"] = "context"


@attrs.frozen(eq=False, slots=False)
class CompactedDelta:
    """The oldest messages are sent as a summary from now on."""

    messages: int
    before: int
    after: int
    summary: str
    kind: Literal["compacted"] = "compacted"


@attrs.frozen(eq=False, slots=False)
class TextDelta:
    """A piece of the answer, of the model's thought, or of its refusal."""

    text: str
    kind: Saying = "text"


@attrs.frozen(eq=False, slots=False)
class Place:
    """What a tool works on."""

    uri: str
    line: int | None = None
    """From 0."""


@attrs.frozen(eq=False, slots=False)
class FileDiff:
    """A file before and after."""

    uri: str
    new_text: str
    old_text: str | None = None
    """Absent: there is no such file yet."""


@attrs.frozen(eq=False, slots=False)
class ToolCallDelta:
    """The model calls a tool; what becomes of it follows."""

    id: str
    name: str
    arguments: str
    title: str | None = None
    tool_kind: ToolKind = "other"
    locations: tuple[Place, ...] | None = None
    kind: Literal["toolCall"] = "toolCall"


@attrs.frozen(eq=False, slots=False)
class ToolUpdateDelta:
    """What became of a call; what is absent has not changed."""

    id: str
    status: ToolStatus
    text: str | None = None
    diffs: tuple[FileDiff, ...] | None = None
    locations: tuple[Place, ...] | None = None
    proposals: tuple[str, ...] | None = None
    """Ids of edits, for `polypilot/edit/*`."""
    kind: Literal["toolUpdate"] = "toolUpdate"


@attrs.frozen(eq=False, slots=False)
class PlanEntry:
    """A step that the model means to take."""

    content: str
    status: Literal["pending", "in_progress", "completed"]
    priority: Literal["high", "medium", "low"]


@attrs.frozen(eq=False, slots=False)
class PlanDelta:
    """All steps; takes the place of the plan before."""

    entries: tuple[PlanEntry, ...]
    kind: Literal["plan"] = "plan"


@attrs.frozen(eq=False, slots=False)
class CitationDelta:
    """A source the answer so far rests on."""

    url: str
    title: str = ""
    text: str = ""
    kind: Literal["citation"] = "citation"


@attrs.frozen(eq=False, slots=False)
class UsageDelta(Usage):
    """Tokens so far, and how full the model's window is."""

    used: int | None = None
    window: int | None = None
    session_cost: str | None = None
    """US dollars of the conversation, a decimal number."""
    kind: Literal["usage"] = "usage"


@attrs.frozen(eq=False, slots=False)
class EditDelta:
    """The answer proposes an edit; nothing changes until it is accepted."""

    uri: str
    diff: str
    """Unified."""
    id: str | None = None
    refused: str | None = None
    kind: Literal["edit"] = "edit"


@attrs.frozen(eq=False, slots=False)
class NoticeDelta:
    """Something the user should know, such as a switch to a fallback."""

    message: str
    kind: Literal["notice"] = "notice"
