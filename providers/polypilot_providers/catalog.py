"""The catalog: one row of data per supplier makes a provider of a wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.families import family
from polypilot_providers.model_rows import (
    CompletionMode,
    ModelRow,
    ReasoningEffort,
    RetiredModel,
    Row,
    Wire,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Auth",
    "AuthHeader",
    "CompletionMode",
    "ModelRow",
    "ProviderRow",
    "ReasoningEffort",
    "RetiredModel",
    "Wire",
    "example",
    "rows",
]

Auth = Literal["none", "keyring", "command", "aws"]
"""Where the key comes from. ``aws``: the machine's AWS credentials sign each request
(bedrock-converse, with the extra ``bedrock``)."""

AuthHeader = Literal["", "bearer", "x-api-key", "api-key", "x-goog-api-key", "x-portkey-api-key"]
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

_PLACE = re.compile(r"\{([a-z_]+)\}")
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")


class ProviderRow(Row):
    """One supplier. The user's own rows in ``[providers.NAME]`` have the same fields."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: str = ""
    wire: Wire
    completion: CompletionMode = "chat"
    raw_tokens: bool = False
    """Takes prompts as they are at ``/completions``: an unlisted model whose name is of a family
    with fill-in-the-middle tokens is asked in those, whatever ``completion`` says."""
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
    account: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    """The name of the key to use, where the user has several (``work``); with ``auth = "aws"``
    the AWS profile. Empty: the one without a name."""
    client_cert: str = ""
    """PEM file (absolute path) of the certificate that shows this provider, and no other, who
    the user is, for gateways that ask for one."""
    client_key: str = ""
    """PEM file of that certificate's key, where it is a file of its own."""
    key_env: tuple[str, ...] = ()
    """Environment variables the supplier documents for its key, first found wins."""
    key_page: str = ""
    """Where the user gets a key."""
    command: tuple[str, ...] = ()
    """With ``auth = "command"``: prints a token on stdout."""
    check: str = Field(default="", pattern=r"^(|completion|chat|GET /[A-Za-z0-9/_.-]*)$")
    """What proves the key: empty, the list of models; ``GET /key``, an answer from that path;
    ``completion`` or ``chat``, one token of an answer, where nothing cheaper does."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """The most requests that are sent in a minute; None: as many as the supplier takes."""
    completion_model: str = ""
    chat_model: str = ""
    models: tuple[ModelRow, ...] = ()
    free: bool = False
    """Costs nothing per token: may be prefetched and hedged."""
    forwards: bool = False
    """Hands what it is sent on to other machines, though it may run on this one (a gateway):
    nothing sent to it counts as staying here."""
    prices: str = Field(default="", pattern=r"^[a-z0-9._-]*$")
    """Whose prices apply, by the name that genai-prices has for that supplier (``aws``); empty:
    told from the address, and unknown where that says nothing; ``none``: no price per token
    applies."""
    stop_limit: int = 4
    """How many stop sequences the supplier takes; the rest are applied here."""
    max_tokens_field: str = "max_tokens"
    effort_field: Literal["", "reasoning_effort", "thinking"] = ""
    """The wire's field for the reasoning effort, if the supplier has one (openai-chat);
    ``thinking``: ``reasoning_effort`` too, but ``thinking: {type: disabled}`` for none."""
    stream_usage: bool = True
    """Ask for token counts by ``stream_options`` (openai-chat)."""
    logprobs: bool = False
    """Whether it tells its tokens' probabilities when asked, at no price."""
    reasoning_back: bool = False
    """Tool calls are sent back together with the reasoning that led to them (openai-chat)."""
    api_version: str = ""
    """Version of the API (anthropic-messages); empty: 2023-06-01. One that begins with
    ``vertex-`` is sent in the body, and the model in the address."""
    id_slot: int | None = None
    """The server's slot for completions, so that its cache is not shared (llama-cpp)."""
    chat_slot: int | None = None
    """The server's slot for chat, which is to be another one than ``id_slot`` (llama-cpp)."""
    prompt_tokens: int = 8000
    """Budget of a completion prompt, in tokens (estimated at 3 characters each)."""
    suffix_share: float = Field(default=0.15, ge=0, le=0.5)
    """Of that budget, at most, for the text after the cursor."""
    context_share: float = Field(default=0.25, ge=0, le=0.5)
    """Of that budget, at most, for pieces of other files; 0: none are sent."""
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
        names = dict.fromkeys(_PLACE.findall(self.base_url))
        return tuple(name for name in names if not self.variables.get(name))

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
                cure="Run `polypilot providers set "
                f"{self.id} {' '.join(f'{name}=...' for name in missing)}`.",
            )
        for name in _PLACE.findall(self.base_url):
            if not _VALUE.fullmatch(self.variables[name]):
                raise ConfigurationError(
                    f"{name} of {self.name or self.id} may have letters, digits, dots and dashes",
                    provider=self.id,
                    cure=f"Correct it with `polypilot providers set {self.id} {name}=...`.",
                )
        return _PLACE.sub(lambda match: self.variables[match.group(1)], self.base_url)

    def retirement(self, model_id: str) -> RetiredModel | None:
        """What is known of the end of a model that is no longer served.

        Found with its date and Google's ``models/`` before it as well. A date that is still
        served has a row of its own.
        """
        bare = model_id.removeprefix("models/")
        gone = {model.id: model for model in self.retired}
        if bare in gone:
            return gone[bare]
        listed = any(row.id == bare for row in self.models)
        return None if listed else gone.get(_DATE.sub("", bare))

    def model(self, model_id: str) -> ModelRow:
        """The row of ``model_id``, or an empty one for a model the catalog does not list.

        A dated id (``-20251001``, ``-2026-03-01``) has the row of its undated one. With
        ``raw_tokens``, an unlisted model's name tells how it completes.
        """
        by_id = {row.id: row for row in self.models}
        undated = _DATE.sub("", model_id)
        if row := by_id.get(model_id) or by_id.get(undated):
            return row
        if self.raw_tokens and (tokens := family(model_id)):
            return ModelRow(id=model_id, completion=f"template:{tokens}")
        return ModelRow(id=model_id)

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
