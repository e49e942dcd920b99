"""Conversations that are kept, their edits, previews and permissions; see ``methods``."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from polypilot.lsp.chat_methods import (  # noqa: TC001 -- cattrs reads the annotations at run time
    ContextItem,
    Effort,
    EffortChange,
    FileDiff,
    Mode,
    Place,
    Scene,
    ToolKind,
)


@attrs.frozen(eq=False, slots=False)
class SessionsParams:
    """Which conversations to list, the one used last first."""

    query: str = ""
    root: str | None = None
    limit: int = 50
    before: float | None = None
    """``updated`` of the last one of the page before."""


@attrs.frozen(eq=False, slots=False)
class ChatSession:
    """A conversation in a list."""

    session_id: str
    title: str
    provider: str
    model: str
    messages: int
    created: float
    """Seconds since the epoch, like ``updated``."""
    updated: float
    mode: Mode
    root: str | None = None
    """URI of the folder that it is about."""
    effort: Effort | None = None
    excerpt: str | None = None


@attrs.frozen(eq=False, slots=False)
class CreateParams:
    """What a new conversation is about, and who answers in it."""

    root: str | None = None
    provider: str | None = None
    model: str | None = None
    effort: EffortChange | None = None
    mode: Mode | None = None


@attrs.frozen(eq=False, slots=False)
class SessionParams:
    """A conversation."""

    session_id: str


@attrs.frozen(eq=False, slots=False)
class RenameParams:
    """A conversation's title from now on."""

    session_id: str
    title: str


@attrs.frozen(eq=False, slots=False)
class ConfigureParams:
    """Who answers from now on; what is absent stays."""

    session_id: str
    provider: str | None = None
    model: str | None = None
    effort: EffortChange | None = None
    mode: Mode | None = None


@attrs.frozen(eq=False, slots=False)
class SelectParams:
    """A message on another branch."""

    session_id: str
    message_id: str


@attrs.frozen(eq=False, slots=False)
class ShownMessage:
    """A message of a conversation that is opened again."""

    id: str
    role: Literal["user", "assistant", "summary"]
    text: str
    created: float
    events: tuple[Any, ...] | None = None  # the deltas that an answer was made of
    context: tuple[ContextItem, ...] | None = None
    provider: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    branches: tuple[str, ...] | None = None
    """Ids of the messages in its place on all branches, if there are several."""


@attrs.frozen(eq=False, slots=False)
class Conversation:
    """A conversation: the branch in use."""

    session: ChatSession
    messages: tuple[ShownMessage, ...]
    used: int | None = None
    window: int | None = None
    session_cost: str | None = None


@attrs.frozen(eq=False, slots=False)
class Exported:
    """A conversation as a text."""

    markdown: str


@attrs.frozen(eq=False, slots=False)
class RootParams:
    """The folder whose commands are wanted."""

    root: str | None = None


@attrs.frozen(eq=False, slots=False)
class Command:
    """A slash command."""

    name: str
    """Without the slash."""
    description: str
    source: Literal["builtin", "user", "workspace"]
    hint: str | None = None
    """What may be typed behind it."""


@attrs.frozen(eq=False, slots=False)
class MentionsParams:
    """What is typed of a mention, from its `#` on."""

    typed: str = ""
    root: str | None = None


@attrs.frozen(eq=False, slots=False)
class Mention:
    """What a mention may become."""

    label: str
    insert: str
    """Takes the place of what was typed, from its `#` on."""
    detail: str | None = None


@attrs.frozen(eq=False, slots=False)
class PreviewPart:
    """A part of what would be sent, in the order sent."""

    name: str
    text: str
    tokens: int
    redacted: int = 0
    refused: str | None = None


@attrs.frozen(eq=False, slots=False)
class Preview:
    """What a question would send, to whom."""

    provider: str
    model: str
    tokens: int
    parts: tuple[PreviewPart, ...]
    notices: tuple[str, ...] = ()
    window: int | None = None


# -- edits ---------------------------------------------------------------------------------


@attrs.frozen(eq=False, slots=False)
class EditParams:
    """A proposed edit."""

    id: str


@attrs.frozen(eq=False, slots=False)
class ProposeParams:
    """Code of an answer that is to become an edit."""

    code: str
    language: str = ""
    scene: Scene | None = None
    """Which document, and what of it: the selection, else the one in front."""
    session_id: str = ""
    root: str | None = None


@attrs.frozen(eq=False, slots=False)
class AcceptParams:
    """A proposed edit, and which of its hunks to apply; all without ``hunks``."""

    id: str
    hunks: tuple[int, ...] | None = None


@attrs.frozen(eq=False, slots=False)
class Hunk:
    """A part of an edit that can be accepted by itself."""

    index: int
    header: str
    """`@@ -a,b +c,d @@`"""
    diff: str
    """Its lines, each with its sign."""
    applied: bool


@attrs.frozen(eq=False, slots=False)
class Edit:
    """A proposed edit."""

    id: str
    uri: str
    diff: str
    """Unified."""
    hunks: tuple[Hunk, ...]
    state: Literal["open", "applied", "rejected"]
    new_text: str
    old_text: str | None = None
    """Absent: there is no such file yet."""


@attrs.frozen(eq=False, slots=False)
class Applied:
    """What became of an edit that was accepted."""

    applied: bool
    state: Literal["open", "applied", "rejected"] | None = None
    """Of the edit by now: hunks may be left."""
    reason: str | None = None
    """The client's, if it did not apply it."""


# -- permission (server to client) -----------------------------------------------------------


@attrs.frozen(eq=False, slots=False)
class AskedCall:
    """The call that wants to be allowed."""

    id: str
    name: str
    title: str
    tool_kind: ToolKind
    arguments: str
    diffs: tuple[FileDiff, ...] = ()
    locations: tuple[Place, ...] = ()
    status: Literal["pending"] = "pending"


@attrs.frozen(eq=False, slots=False)
class PermissionOption:
    """An answer that the user may give."""

    option_id: str
    name: str
    kind: Literal["allow_once", "allow_always", "reject_once", "reject_always"]


@attrs.frozen(eq=False, slots=False)
class PermissionParams:
    """A tool wants to do something that the user has to allow."""

    session_id: str
    tool_call: AskedCall
    options: tuple[PermissionOption, ...]
