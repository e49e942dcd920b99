"""The catalog: one row of data per supplier makes a provider of a wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

if TYPE_CHECKING:
    from collections.abc import Mapping

Wire = Literal["openai-chat", "anthropic-messages", "llama-cpp", "plugin"]
"""Wire formats this version speaks; the design's other wires join this list with their code.
``plugin``: the provider is made by an installed package, see ``factory``."""

CompletionMode = Annotated[
    str,
    StringConstraints(
        pattern=r"^(openai-completions|llama-infill|chat|prefix|template:[a-z0-9-]+)$"
    ),
]
"""How a completion goes out: ``openai-completions`` (native ``suffix``), ``llama-infill``
(native), ``chat`` (a chat prompt that returns only the missing text), ``prefix`` (left to
right, the suffix is not sent), ``template:FAMILY`` (the family's FIM tokens, raw)."""

Auth = Literal["none", "keyring", "command"]

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")


class _Row(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: (
            name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:])
        ),
        populate_by_name=True,
    )


class ModelRow(_Row):
    """What is known of one model, over and above its provider's row."""

    id: str
    name: str | None = None
    completion: CompletionMode | None = None
    """Overrides the provider's completion mode for this model."""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    efforts: tuple[ReasoningEffort, ...] = ()
    """Reasoning efforts the model takes, lowest first; empty: it has no such field."""
    thinking: Literal["none", "optional", "always", "between_tools"] = "none"
    """Whether it reasons before it answers, and whether that can be switched off;
    ``between_tools``: not wholly, but down to reasoning between tool calls."""
    sampling: bool = True
    """Takes a temperature."""
    stop_limit: int | None = None
    """Overrides the provider's."""
    notes: str = ""

    def nearest_effort(self, wanted: str) -> str:
        """The effort to ask for: the lowest one taken that is at least ``wanted``."""
        order = _EFFORTS.index
        enough = [effort for effort in self.efforts if order(effort) >= order(wanted)]
        return enough[0] if enough else self.efforts[-1]


class ProviderRow(_Row):
    """One supplier. The user's own rows in ``[providers.NAME]`` have the same fields."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: str = ""
    wire: Wire
    completion: CompletionMode = "chat"
    base_url: str
    """Where the wire's paths begin, e.g. ``https://api.openai.com/v1``. Empty in the row of
    the embedded runtime, whose port is known when it runs."""
    auth: Auth = "keyring"
    key_env: tuple[str, ...] = ()
    """Environment variables the supplier documents for its key, first found wins."""
    key_page: str = ""
    """Where the user gets a key."""
    command: tuple[str, ...] = ()
    """With ``auth = "command"``: prints a token on stdout."""
    completion_model: str = ""
    chat_model: str = ""
    models: tuple[ModelRow, ...] = ()
    free: bool = False
    """Costs nothing per token: may be prefetched and hedged."""
    stop_limit: int = 4
    """How many stop sequences the supplier takes; the rest are applied here."""
    max_tokens_field: str = "max_tokens"
    effort_field: Literal["", "reasoning_effort"] = ""
    """The wire's field for the reasoning effort, if the supplier has one (openai-chat)."""
    stream_usage: bool = True
    """Ask for token counts by ``stream_options`` (openai-chat)."""
    reasoning_back: bool = False
    """Tool calls are sent back together with the reasoning that led to them (openai-chat)."""
    api_version: str = ""
    """Version header (anthropic-messages); empty: 2023-06-01."""
    id_slot: int | None = None
    """The server's slot for completions, so that its cache is not shared (llama-cpp)."""
    chat_slot: int | None = None
    """The server's slot for chat, which is to be another one than ``id_slot`` (llama-cpp)."""
    prompt_tokens: int = 8000
    """Budget of a completion prompt, in tokens (estimated at 3 characters each)."""
    tried_live: bool = False
    notes: str = ""

    def model(self, model_id: str) -> ModelRow:
        """The row of ``model_id``, or an empty one for a model the catalog does not list.

        A dated id (``-20251001``, ``-2026-03-01``) has the row of its undated one.
        """
        by_id = {row.id: row for row in self.models}
        undated = _DATE.sub("", model_id)
        return by_id.get(model_id) or by_id.get(undated) or ModelRow(id=model_id)

    def lists(self, model_id: str) -> bool:
        """Whether the catalog knows ``model_id``."""
        undated = _DATE.sub("", model_id)
        return any(row.id in (model_id, undated) for row in self.models)


def rows(user_rows: Mapping[str, ProviderRow]) -> dict[str, ProviderRow]:
    """All providers by id: the catalog's, and the user's, which replace those of the same id."""
    # The rows are built when first asked for, not when a type is imported.
    from polypilot_providers.suppliers import SUPPLIERS  # noqa: PLC0415

    return {row.id: row for row in SUPPLIERS} | dict(user_rows)
