"""The catalog: one row of data per supplier makes a provider of a wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from polypilot_providers.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

Wire = Literal[
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
    "bedrock-converse",
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

Auth = Literal["none", "keyring", "command", "aws"]
"""Where the key comes from. ``aws``: the machine's AWS credentials sign each request
(bedrock-converse, with the extra ``bedrock``)."""

AuthHeader = Literal["", "bearer", "x-api-key", "api-key", "x-goog-api-key"]
"""How the key is sent; empty: as the wire does."""

_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HEADER_VALUE = re.compile(r"[ -~]{0,1000}")
_RESERVED_HEADER = re.compile(
    r".*(auth|key|token|session|secret|password|credential|signature).*|cookie|host|connection"
    r"|(content|transfer)-.*",
    re.IGNORECASE,
)
"""Those that hold keys are the keyring's, those that frame the message the client's."""
_RESERVED_QUERY = re.compile(
    r".*(auth|key|token|session|secret|password|credential|sign).*|sig|code", re.IGNORECASE
)

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
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
    thinking_budget: bool = False
    """Its reasoning is limited in tokens, not by a level (Gemini 2.5)."""
    max_tokens_field: str | None = None
    """Overrides the provider's."""
    images: bool | None = None
    """Takes pictures; None: not known, so it is tried."""
    tools: bool = True
    wire: Wire | None = None
    """Overrides the provider's, for a model that is served over another one only."""
    shutdown_date: str | None = None
    """ISO date after which the supplier stops serving it."""
    notes: str = ""

    def nearest_effort(self, wanted: str) -> str:
        """The effort to ask for: the lowest one taken that is at least ``wanted``."""
        order = _EFFORTS.index
        enough = [effort for effort in self.efforts if order(effort) >= order(wanted)]
        return enough[0] if enough else self.efforts[-1]


class RetiredModel(_Row):
    """A model that its supplier no longer serves."""

    id: str
    date: str = ""
    """ISO date of its end, where it is known."""
    instead: str = ""
    """The model to use in its place."""


class ProviderRow(_Row):
    """One supplier. The user's own rows in ``[providers.NAME]`` have the same fields."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: str = ""
    wire: Wire
    completion: CompletionMode = "chat"
    completion_wire: Wire | None = None
    """The wire of completions, if it is another one than chat's (OpenAI: Chat Completions,
    which have stop sequences, beside Responses, which have none)."""
    base_url: str
    """Where the wire's paths begin, e.g. ``https://api.openai.com/v1``. May have ``{name}`` for
    what differs from user to user, see ``variables``. Empty in the row of the embedded
    runtime, whose port is known when it runs."""
    variables: dict[str, str] = Field(default_factory=dict[str, str])
    """Values of the names in ``base_url`` (``resource``, ``region``, ``project``...); letters,
    digits, dots and dashes only. An empty value is one that the user has to give."""
    query: dict[str, str] = Field(default_factory=dict[str, str])
    """Added to every request's address (Azure's ``api-version``)."""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """Added to every request; never a key."""
    auth: Auth = "keyring"
    auth_header: AuthHeader = ""
    account: str = ""
    """The AWS profile to use, with ``auth = "aws"``."""
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
    effort_field: Literal["", "reasoning_effort", "thinking"] = ""
    """The wire's field for the reasoning effort, if the supplier has one (openai-chat);
    ``thinking``: ``reasoning_effort`` too, but ``thinking: {type: disabled}`` for none."""
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
    cache: Literal["", "key", "marks"] = ""
    """How prompt caching is asked for, if it has to be: by ``prompt_cache_key``, or by marks
    in the prompt."""
    retired: tuple[RetiredModel, ...] = ()
    as_of: str = ""
    """ISO date at which the facts of this row were gathered."""
    source: str = ""
    """Where from."""
    tried_live: bool = False
    notes: str = ""

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                message = "must be names and values of HTTP headers"
                raise ValueError(message)
            if _RESERVED_HEADER.fullmatch(name):
                message = "must not hold keys, nor what belongs to the connection"
                raise ValueError(message)
        return headers

    @field_validator("query")
    @classmethod
    def _check_query(cls, query: dict[str, str]) -> dict[str, str]:
        if any(_RESERVED_QUERY.fullmatch(name) for name in query):
            message = "must not hold keys"
            raise ValueError(message)
        return query

    @property
    def missing(self) -> tuple[str, ...]:
        """The names in ``base_url`` that have no value yet."""
        return tuple(name for name in _PLACE.findall(self.base_url) if not self.variables.get(name))

    def address(self) -> str:
        """``base_url`` with its names filled in.

        Raises:
            ConfigurationError: one has no value, or a value that could lead elsewhere.
        """
        if missing := self.missing:
            names = ", ".join(missing)
            raise ConfigurationError(
                f"{self.name or self.id} needs to know your {names}",
                provider=self.id,
                cure=f"Write it under [providers.{self.id}.variables] in your config.toml: "
                f'{missing[0]} = "...".',
            )
        for name in _PLACE.findall(self.base_url):
            if not _VALUE.fullmatch(self.variables[name]):
                raise ConfigurationError(
                    f"{name} of {self.name or self.id} may have letters, digits, dots and dashes",
                    provider=self.id,
                    cure=f"Correct it under [providers.{self.id}.variables] in your config.toml.",
                )
        return _PLACE.sub(lambda match: self.variables[match.group(1)], self.base_url)

    def retirement(self, model_id: str) -> RetiredModel | None:
        """What is known of the end of a model that is no longer served."""
        return next((model for model in self.retired if model.id == model_id), None)

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


def example(base_url: str) -> str:
    """``base_url`` with its names in place of their values: whether it can be an address."""
    return _PLACE.sub(lambda match: f"x-{match.group(1).replace('_', '-')}-x", base_url)


def rows(user_rows: Mapping[str, ProviderRow]) -> dict[str, ProviderRow]:
    """All providers by id: the catalog's, and the user's, which replace those of the same id."""
    # The rows are built when first asked for, not when a type is imported.
    from polypilot_providers.suppliers import SUPPLIERS  # noqa: PLC0415 - see above

    return {row.id: row for row in SUPPLIERS} | dict(user_rows)
