"""The methods of our own, as `docs/protocol.md` describes them.

Field names are ``snake_case`` here and ``camelCase`` on the wire. A field whose default is
None is left out when it is None; unknown fields of a message are ignored.
"""

from __future__ import annotations

from typing import Literal

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time

CHAT_SEND = "polypilot/chat/send"
CHAT_SESSIONS = "polypilot/chat/sessions"
CHAT_CLOSE = "polypilot/chat/close"
PROVIDERS = "polypilot/providers"
MODELS = "polypilot/models"
SELECT = "polypilot/select"
TRUST = "polypilot/trust"
PAUSE = "polypilot/pause"
DOCTOR = "polypilot/doctor"
STATUS = "polypilot/status"

Job = Literal["completion", "chat"]


# -- chat --------------------------------------------------------------------------------


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
    cost: float | None = None


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
    cost: float | None = None
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


# -- providers, settings, state ------------------------------------------------------------


@attrs.frozen(eq=False, slots=False)
class ProviderInfo:
    """One row of `polypilot/providers`."""

    id: str
    name: str
    local: bool
    free: bool
    auth: str
    key_stored: bool | None
    """None: not known, the keyring has not been read."""
    selected_for: tuple[Job, ...]
    key_page: str | None = None
    completion_model: str | None = None
    chat_model: str | None = None


@attrs.frozen(eq=False, slots=False)
class ModelsParams:
    """Whose models to list."""

    provider: str


@attrs.frozen(eq=False, slots=False)
class ModelInfo:
    """One row of `polypilot/models`."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    shutdown_date: str | None = None
    default: bool | None = None


@attrs.frozen(eq=False, slots=False)
class SelectParams:
    """Which provider, and which of its models, is to do which job."""

    for_: Literal["completion", "chat", "both"]
    provider: str
    model: str | None = None


@attrs.frozen(eq=False, slots=False)
class SelectResult:
    """What was written where."""

    provider: str
    model: str
    for_: str
    file: str
    saved: bool = True


@attrs.frozen(eq=False, slots=False)
class TrustParams:
    """The user's decision about a workspace folder."""

    uri: str
    trusted: bool


@attrs.frozen(eq=False, slots=False)
class TrustResult:
    """The decision, and what the workspace's file asks for."""

    uri: str
    trusted: bool
    pending: tuple[str, ...]


@attrs.frozen(eq=False, slots=False)
class PauseParams:
    """Whether automatic completions are off."""

    paused: bool


@attrs.frozen(eq=False, slots=False)
class PauseResult:
    """Whether automatic completions are off."""

    paused: bool


@attrs.frozen(eq=False, slots=False)
class Check:
    """One row of `polypilot/doctor`."""

    check: str
    ok: bool | None
    detail: str
    cure: str | None = None


@attrs.frozen(eq=False, slots=False)
class Selected:
    """Who does a job."""

    provider: str
    model: str


@attrs.frozen(eq=False, slots=False)
class Status:
    """The server's state, sent when it changes."""

    state: Literal["starting", "ready", "busy", "paused", "needsKey", "needsModel", "error"]
    paused: bool
    completion: Selected
    chat: Selected
    trusted: bool
    redactions: int
    keyring: str | None
    notices: tuple[str, ...] = ()
    error: Problem | None = None


PARAMS: dict[str, type | None] = {
    CHAT_SEND: ChatSendParams,
    CHAT_SESSIONS: None,
    CHAT_CLOSE: ChatCloseParams,
    PROVIDERS: None,
    MODELS: ModelsParams,
    SELECT: SelectParams,
    TRUST: TrustParams,
    PAUSE: PauseParams,
    DOCTOR: None,
    STATUS: None,
}
"""The type of each request's params; None where it takes none."""
