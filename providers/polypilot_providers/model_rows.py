"""What is known of single models, as data: a part of each supplier's row."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Wire = Literal[
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
    "bedrock-converse",
    "bedrock-invoke",
    "ollama",
    "llama-cpp",
    "plugin",
]
"""Wire formats. ``plugin``: the provider is made by an installed package, see ``factory``."""

CompletionMode = Annotated[
    str,
    StringConstraints(
        pattern=r"^(openai-completions|mistral-fim|deepseek-fim|llama-infill|ollama-generate"
        r"|chat|prefix|template:[a-z0-9-]+)$"
    ),
]
"""How a completion goes out: ``openai-completions`` (native ``suffix``), ``mistral-fim``
(``/fim/completions``: Mistral, Codestral, Inception), ``deepseek-fim`` (``/beta/completions``),
``llama-infill``, ``ollama-generate`` (native too), ``chat`` (a chat prompt that returns only the
missing text), ``prefix`` (left to right, the suffix is not sent), ``template:FAMILY`` (the
family's FIM tokens, raw)."""

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Row(BaseModel):
    """A row of data: takes camelCase too, and nothing unknown."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: (
            name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:])
        ),
        populate_by_name=True,
    )


class ModelRow(Row):
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
    thinks_unasked: bool = False
    """Reasons unless it is told not to (anthropic-messages)."""
    sampling: bool = True
    """Takes a temperature."""
    prefill: bool = False
    """Goes on from an answer's beginning that the request ends with."""
    stop_limit: int | None = None
    """Overrides the provider's."""
    thinking_budget: bool = False
    """Its reasoning is limited in tokens, not by a level (Gemini 2.5, Claude 4.5)."""
    max_tokens_field: str | None = None
    """Overrides the provider's."""
    images: bool | None = None
    """Takes pictures; None: not known, so it is tried."""
    tools: bool = True
    wire: Wire | None = None
    """Overrides the provider's, for a model that is served over another one only."""
    shutdown_date: str | None = None
    """ISO date after which the supplier stops serving it."""
    instead: str = ""
    """The model to use when it is no longer served."""
    logprobs: bool | None = None
    """Whether it tells its tokens' probabilities when asked; left out, as its supplier's row."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """A suggestion whose first line is less probable than this, by the product of its tokens'
    probabilities, is not shown unasked."""
    trained_on: bool = False
    """The supplier may train models on what it is sent."""
    notes: str = ""

    @property
    def slow(self) -> bool:
        """Whether it can't be kept from reasoning: unfit for completion while one types."""
        return self.thinking == "always"

    def nearest_effort(self, wanted: str) -> str:
        """The effort to ask for: the lowest one taken that is at least ``wanted``."""
        order = _EFFORTS.index
        enough = [effort for effort in self.efforts if order(effort) >= order(wanted)]
        return enough[0] if enough else self.efforts[-1]


class RetiredModel(Row):
    """A model that its supplier no longer serves."""

    id: str
    date: str = ""
    """ISO date of its end, where it is known."""
    instead: str = ""
    """The model to use in its place."""
