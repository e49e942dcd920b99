"""What passes between a face, a conversation and its tools; plain values and protocols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from polypilot_providers.types import Effort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from polypilot.chat.events import ChatEvent, ContextItem
    from polypilot.workspace.documents import Position
    from polypilot.workspace.gate import Outgoing
    from polypilot_providers.types import Tool

Mode = Literal["plain", "ask", "edit"]
"""What a model may use: nothing, tools that only read, or also those that ask first."""

ToolKind = Literal["read", "edit", "delete", "move", "search", "execute", "think", "fetch", "other"]
"""As the Agent Client Protocol names them."""

EffortChange = Effort | Literal["default"]
"""``default``: what the settings say, again."""
ToolStatus = Literal["pending", "in_progress", "completed", "failed"]

Decision = Literal["allow_once", "allow_session", "reject_once", "reject_session", "cancelled"]
"""What a user says to a tool's call; ``cancelled`` stops the whole answer."""


@dataclass(frozen=True, slots=True)
class Attach:
    """What the user wants to go along: a document, or with ``start`` and ``end`` a part of it."""

    uri: str
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """Text that a face hands over itself, such as a buffer that only its editor has."""

    uri: str
    text: str
    language: str = ""
    media_type: str = ""
    """Of a picture or a PDF, which is ``data``; then ``text`` is empty, and ``uri`` may be."""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the user looks at while asking; what mentions such as ``#selection`` mean."""

    selection: Attach | None = None
    buffer: str | None = None
    """URI of the document in front."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place that a tool works on."""

    path: str
    """Absolute."""
    line: int | None = None
    """1-based."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file before and after."""

    path: str
    """Absolute."""
    old: str | None
    """None: there is no such file yet."""
    new: str


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One step that the model means to take."""

    content: str
    status: Literal["pending", "in_progress", "completed"] = "pending"
    priority: Literal["high", "medium", "low"] = "medium"


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """A tool wants to do something that the user has to allow."""

    session_id: str
    call_id: str
    tool: str
    title: str
    """One line for the user: what will happen."""
    kind: ToolKind
    arguments: str
    """JSON text, as the model wrote it, control characters taken out."""
    diffs: tuple[FileDiff, ...] = ()
    locations: tuple[Location, ...] = ()


class Client(Protocol):
    """What the user's side of a conversation can do. Each face has its own."""

    @property
    def scene(self) -> Scene:
        """What the user looks at now."""
        ...

    async def permission(self, request: PermissionRequest) -> Decision:
        """Ask the user. A face that can't ask answers ``reject_once``."""
        ...


@dataclass(frozen=True, slots=True)
class Unattended:
    """A client without a user who could be asked: nothing that asks is allowed."""

    scene: Scene = Scene()

    async def permission(self, request: PermissionRequest) -> Decision:
        """No."""
        del request
        return "reject_once"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool's run has come to."""

    text: Outgoing
    """For the model; it has passed the gate."""
    is_error: bool = False
    diffs: tuple[FileDiff, ...] = ()
    locations: tuple[Location, ...] = ()
    plan: tuple[PlanEntry, ...] | None = None
    proposals: tuple[str, ...] = ()
    """Ids of the edits it has proposed; see ``edits``."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Where a call is made."""

    session_id: str
    root: str | None
    """Path of the workspace root that the conversation is about; None: there is none."""
    scene: Scene
    progress: Callable[[str], None]
    """Shows a line of text while the tool runs."""


class ChatTool(Protocol):
    """A tool that a model may call."""

    @property
    def spec(self) -> Tool:
        """Name, description and the schema of its arguments, as the model gets them."""
        ...

    @property
    def kind(self) -> ToolKind:
        """What it does, for icons."""
        ...

    @property
    def asks(self) -> bool:
        """Whether it leaves the workspace or changes anything: then each call asks first."""
        ...

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """One line for the user, and the places it is about. Never raises."""
        ...

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        """What it would change, for the question whether it may. Raises UserError."""
        ...

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Do it.

        Raises:
            UserError: it can't be done; the message is for model and user.
        """
        ...


class Tools(Protocol):
    """All tools that may be offered."""

    async def offered(self, mode: Mode) -> tuple[ChatTool, ...]:
        """Those of a mode, in an order that does not change (prompt caches)."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A message of the user's."""

    text: str
    """With its mentions and its slash command, as typed."""
    attachments: tuple[Attach | Embedded, ...] = ()
    session_id: str | None = None
    """None: a new conversation."""
    replaces: str | None = None
    """Id of a message: of the user's, which this one replaces on a new branch; or of an answer,
    which is to be given again (then ``text`` is empty)."""
    root: str | None = None
    """For a new conversation: path of the root that it is about; None: the only or first one."""
    provider: str | None = None
    """What is given of these four holds from now on."""
    model: str | None = None
    effort: EffortChange | None = None
    mode: Mode | None = None
    keep: bool = True
    """Whether a new conversation is listed and kept on the disk."""


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A slash command in a list."""

    name: str
    """Without the slash."""
    description: str
    hint: str = ""
    """What may be typed behind it."""
    source: Literal["builtin", "user", "workspace"] = "builtin"


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A conversation in a list."""

    session_id: str
    title: str
    provider: str
    model: str
    messages: int
    created: float = 0.0
    """Seconds since the epoch, like ``updated``."""
    updated: float = 0.0
    root: str = ""
    """Path of the workspace root that it is about; empty: none."""
    effort: Effort | None = None
    mode: Mode = "ask"
    excerpt: str = ""
    """Where the words that were searched for stand in it."""


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message of a conversation that is opened again."""

    id: str
    role: Literal["user", "assistant", "summary"]
    text: str
    """As it was shown."""
    created: float
    events: tuple[ChatEvent, ...] = ()
    """What an answer was made of, in order: texts, thoughts, calls and their updates, usage."""
    context: tuple[ContextItem, ...] = ()
    """What went along with a user's message."""
    provider: str = ""
    model: str = ""
    stop_reason: str = ""
    """How an answer ended; empty: it still runs."""
    branches: tuple[str, ...] = ()
    """Ids of the messages that stand in its place on other branches, itself among them."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is shown when it is opened again: the branch in use."""

    info: SessionInfo
    messages: tuple[ShownMessage, ...]
    used: int = 0
    """Tokens that it takes, estimated or counted."""
    window: int | None = None
    session_cost: Decimal | None = None
