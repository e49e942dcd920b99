"""The methods of our own, as `docs/protocol.md` describes them; chat's are in ``chat_names``.

Field names are ``snake_case`` here and ``camelCase`` on the wire. A field whose default is
None is left out when it is None; unknown fields of a message are ignored.
"""

from __future__ import annotations

from typing import Literal

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time

from polypilot.lsp.told_methods import DiagnosticsParams, DidPartiallyAcceptParams, DidShowParams

PROVIDERS = "polypilot/providers"
MODELS = "polypilot/models"
SELECT = "polypilot/select"
TRUST = "polypilot/trust"
PAUSE = "polypilot/pause"
DISCOVER = "polypilot/discover"
DOCTOR = "polypilot/doctor"
STATUS = "polypilot/status"
EXPLAIN = "polypilot/explainCompletion"
DIAGNOSTICS = "polypilot/diagnostics"
GREW = "polypilot/completionGrew"
DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"

Job = Literal["completion", "chat"]


@attrs.frozen(eq=False, slots=False)
class Problem:
    """What went wrong and what to do about it."""

    code: str
    message: str
    cure: str | None = None


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
    account: str | None = None
    """Name of the key in use, of several."""


@attrs.frozen(eq=False, slots=False)
class LocalServer:
    """One row of `polypilot/discover`."""

    name: str
    url: str
    models: tuple[str, ...]
    wants_key: bool
    selected_for: tuple[str, ...]
    offer: str
    id: str | None = None


@attrs.frozen(eq=False, slots=False)
class ModelsParams:
    """Whose models to list; ``refresh``: however young the list is that is kept."""

    provider: str
    refresh: bool = False


@attrs.frozen(eq=False, slots=False)
class ModelInfo:
    """One row of `polypilot/models`. Prices: US dollars for a million tokens, decimal numbers."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    shutdown_date: str | None = None
    images: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    fim: bool | None = None
    efforts: tuple[str, ...] | None = None
    input_price: str | None = None
    output_price: str | None = None
    cache_read_price: str | None = None
    tiered: bool | None = None
    new: bool | None = None
    age: int | None = None
    """Seconds since the supplier gave the list."""
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
    warning: str | None = None


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
    account: str | None = None
    """Name of the key in use, of several."""


@attrs.frozen(eq=False, slots=False)
class Spent:
    """What a provider was asked today, in this session."""

    provider: str
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost: str
    """US dollars, a decimal number: of the requests whose cost is known."""
    unpriced: int
    """Requests whose cost is not known."""


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
    spent: tuple[Spent, ...] = ()
    spent_today: str | None = None
    """US dollars, a decimal number: in all of the user's editors, as far as it is known."""
    error: Problem | None = None


@attrs.frozen(eq=False, slots=False)
class ExplainParams:
    """The place whose prompt is to be shown."""

    text_document: types.TextDocumentIdentifier
    position: types.Position


@attrs.frozen(eq=False, slots=False)
class PromptPart:
    """A part of a prompt, in the order in which they are sent."""

    name: str
    tokens: int
    text: str


@attrs.frozen(eq=False, slots=False)
class Explanation:
    """What would be sent for a completion, without sending it."""

    provider: str
    model: str
    mode: str
    budget: int
    tokens: int
    parts: tuple[PromptPart, ...]


@attrs.frozen(eq=False, slots=False)
class CompletionGrew:
    """More can be shown in a document than was given; asking again gets it."""

    uri: str


PARAMS: dict[str, type | None] = {
    PROVIDERS: None,
    DISCOVER: None,
    MODELS: ModelsParams,
    SELECT: SelectParams,
    TRUST: TrustParams,
    PAUSE: PauseParams,
    DOCTOR: None,
    STATUS: None,
    EXPLAIN: ExplainParams,
    DIAGNOSTICS: DiagnosticsParams,
    DID_SHOW: DidShowParams,
    DID_PARTIALLY_ACCEPT: DidPartiallyAcceptParams,
}
"""The type of each method's params; None where it takes none."""

NOTIFICATIONS = frozenset({DIAGNOSTICS, DID_SHOW, DID_PARTIALLY_ACCEPT})
"""Those that a client does not wait for an answer to."""
