"""What an editor's own chat uses our providers with; see ``methods`` for the form."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time

from polypilot.lsp.chat_methods import Effort, Usage  # noqa: TC001 -- likewise
from polypilot.lsp.methods import Problem  # noqa: TC001 -- likewise


@attrs.frozen(eq=False, slots=False)
class LmModelsParams:
    """Which models to list: those of one provider, or of all that can be used now."""

    provider: str | None = None


@attrs.frozen(eq=False, slots=False)
class LmModel:
    """A model that can be used now. Absent: not known."""

    id: str
    name: str
    provider: str
    provider_name: str
    local: bool
    selected: bool
    """Whether it is the one that the settings choose for chat."""
    context_tokens: int | None = None
    output_tokens: int | None = None
    tools: bool | None = None
    images: bool | None = None
    thinking: bool | None = None
    efforts: tuple[str, ...] | None = None


@attrs.frozen(eq=False, slots=False)
class LmPart:
    """A part of a message; which fields it has depends on ``type``."""

    type: Literal["text", "image", "thought", "toolCall", "toolResult"]
    text: str | None = None
    """Of a text, a thought or a result."""
    media_type: str | None = None
    data: str | None = None
    """Of an image, in base64."""
    id: str | None = None
    """Of a call and of its result."""
    name: str | None = None
    arguments: str | None = None
    """Of a call, as JSON text."""
    is_error: bool | None = None
    signature: str | None = None
    """As it came, with ``redacted`` and ``provider``: the supplier's proof, which it wants back."""
    redacted: str | None = None
    provider: str | None = None


@attrs.frozen(eq=False, slots=False)
class LmMessage:
    """A message."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[LmPart, ...]


@attrs.frozen(eq=False, slots=False)
class LmTool:
    """A tool that the editor runs."""

    name: str
    description: str = ""
    input_schema: dict[str, Any] | None = None


@attrs.frozen(eq=False, slots=False)
class LmRespondParams:
    """What to answer, with all that came before it."""

    provider: str
    model: str
    messages: tuple[LmMessage, ...]
    tools: tuple[LmTool, ...] = ()
    tool_mode: Literal["auto", "required"] = "auto"
    effort: Effort | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    partial_result_token: types.ProgressToken | None = None
    work_done_token: types.ProgressToken | None = None


@attrs.frozen(eq=False, slots=False)
class LmRespondResult:
    """How it ended; with ``parts`` only if nothing was streamed."""

    stop_reason: str
    provider: str
    model: str
    usage: Usage | None = None
    error: Problem | None = None
    parts: tuple[Any, ...] | None = None
    redacted: int = 0
    """Secrets that were hidden in what was sent."""


@attrs.frozen(eq=False, slots=False)
class LmCallDelta:
    """The model calls a tool."""

    id: str
    name: str
    arguments: str
    signature: str | None = None
    provider: str | None = None
    kind: Literal["toolCall"] = "toolCall"


@attrs.frozen(eq=False, slots=False)
class LmProofDelta:
    """A supplier's proof of the thoughts before it, to be sent back with them."""

    signature: str | None = None
    redacted: str | None = None
    provider: str | None = None
    kind: Literal["proof"] = "proof"


@attrs.frozen(eq=False, slots=False)
class LmCountParams:
    """A text or a message, for a model."""

    provider: str
    model: str
    text: str | None = None
    message: LmMessage | None = None


@attrs.frozen(eq=False, slots=False)
class LmCountResult:
    """How many tokens it is."""

    tokens: int
    estimated: bool = True
