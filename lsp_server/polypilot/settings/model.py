"""The settings tree: names, types, defaults, meaning, and who may set what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo  # noqa: TC002  (a name of this module's interface)

from polypilot.settings.mcp import McpServer
from polypilot_providers.catalog import ProviderRow


class Tighten(StrEnum):
    """The one way in which a less trusted source may change a value."""

    CHOOSE = "choose"
    """Pick among the providers that the user listed for the same purpose."""
    ONLY_TRUE = "only_true"
    ONLY_FALSE = "only_false"
    ADD = "add"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Reach:
    """Who may set a value besides the user's own file."""

    editor: Literal["no", "tighten", "free"] = "no"
    workspace: Tighten | None = None


_USER = Reach()
_EDITOR = Reach("free")


class _Section(BaseModel):
    # Values never appear in validation errors: one of them may be a key pasted in the wrong place.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CompletionSettings(_Section):
    """Inline completion."""

    provider: Annotated[str, Reach("free", Tighten.CHOOSE)] = Field(
        default="embedded",
        description="Id of the provider that completes, from the catalog or your rows.",
    )
    model: Annotated[str, _EDITOR] = Field(
        default="", description="Model to ask; empty takes the default of the provider's row."
    )
    fallback: Annotated[tuple[str, ...], Reach("free", Tighten.CHOOSE)] = Field(
        default=(),
        description="Providers to try in this order when the first can't be reached, is "
        "overloaded or limits the rate; ID or ID/MODEL. Nothing is sent to a provider not listed.",
    )
    enabled: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=True, description="Whether to complete at all."
    )
    disabled_languages: Annotated[tuple[str, ...], Reach("free", Tighten.ADD)] = Field(
        default=(),
        description="Language ids, as the editor names them, in which nothing is completed.",
    )
    max_file_bytes: Annotated[int, Reach("free", Tighten.LOWER)] = Field(
        default=2_000_000, ge=0, le=100_000_000, description="Larger documents are not completed."
    )
    debounce_ms: Annotated[int, _EDITOR] = Field(
        default=75,
        ge=0,
        le=5000,
        description="The longest that a keystroke waits for the next one before a provider is "
        "asked, in milliseconds; usually it is less.",
    )
    prefetch: Annotated[Literal["auto", "on", "off"], _EDITOR] = Field(
        default="auto",
        description="Whether to ask ahead for what follows a suggestion that is shown: `auto` "
        "does where it costs nothing (on this machine, or `free = true` in the provider's row), "
        "`on` with every provider, `off` never, nor does it go on behind a suggestion then.",
    )
    context: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=True,
        description="Whether pieces of other open files, recent edits and imported definitions "
        "are sent along. Each passes the rules of [privacy].",
    )
    menu: Annotated[bool, _EDITOR] = Field(
        default=False,
        description="Offer suggestions in the editor's completion menu as well "
        "(textDocument/completion), for editors that have no inline completion.",
    )
    hedge: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=False,
        description="Ask the next of your providers as well when the first is slow, if neither "
        "costs anything (`free = true` in both rows). Whoever answers first is taken.",
    )


Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]
Mode = Literal["plain", "ask", "edit"]


class ChatSettings(_Section):
    """Chat."""

    provider: Annotated[str, Reach("free", Tighten.CHOOSE)] = Field(
        default="embedded",
        description="Id of the provider that chats, from the catalog or your rows.",
    )
    model: Annotated[str, _EDITOR] = Field(
        default="", description="Model to ask; empty takes the default of the provider's row."
    )
    fallback: Annotated[tuple[str, ...], Reach("free", Tighten.CHOOSE)] = Field(
        default=(),
        description="Providers to try in this order when the first can't be reached, is "
        "overloaded or limits the rate; ID or ID/MODEL. Nothing is sent to a provider not listed.",
    )
    system: Annotated[str, _EDITOR] = Field(
        default="", description="Your own instructions, added to the system prompt of every chat."
    )
    effort: Annotated[Effort, _EDITOR] = Field(
        default="",
        description="How much a model is to reason before it answers; each takes the nearest of "
        "its own levels. Empty leaves it to the model.",
    )
    mode: Annotated[Mode, _EDITOR] = Field(
        default="ask",
        description="What a model may use in a new conversation: `plain` nothing, `ask` tools that "
        "only read the workspace, `edit` also tools that propose edits or leave the workspace; "
        "each of those asks first.",
    )
    disabled_tools: Annotated[tuple[str, ...], Reach("free", Tighten.ADD)] = Field(
        default=(), description="Names of tools that are never offered to a model."
    )
    max_steps: Annotated[int, Reach("free", Tighten.LOWER)] = Field(
        default=25,
        ge=1,
        le=500,
        description="Requests that one answer may take: one, and one more after each use of tools.",
    )
    daily_budget: Annotated[float, _EDITOR] = Field(
        default=0,
        ge=0,
        description="US dollars that a day's requests may cost, completions included, as far as "
        "prices are known; then the chat stops with a message. 0 is no limit.",
    )
    history: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=True,
        description="Whether conversations are kept on this machine, in the data folder.",
    )
    instructions: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=True,
        description="Whether your instructions.md, and the AGENTS.md of trusted workspaces, go "
        "along with each message.",
    )
    retrieve: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=False,
        description="Whether the workspace is searched for what a question is about, and excerpts "
        "go along, when nothing is attached to it.",
    )


class PrivacySettings(_Section):
    """What may leave this machine."""

    exclude: Annotated[tuple[str, ...], Reach("tighten", Tighten.ADD)] = Field(
        default=(),
        description="Patterns in .gitignore syntax of files that are never sent, besides the "
        "built-in list of files that hold secrets.",
    )
    use_gitignore: Annotated[bool, Reach("tighten", Tighten.ONLY_TRUE)] = Field(
        default=True, description="Whether files that .gitignore names are kept back as well."
    )
    redact_secrets: Annotated[bool, Reach("tighten", Tighten.ONLY_TRUE)] = Field(
        default=True, description="Whether keys found in outgoing text are masked."
    )
    local_only: Annotated[bool, Reach("tighten", Tighten.ONLY_TRUE)] = Field(
        default=False,
        description="Use only providers on this machine, whatever else is selected.",
    )


class NetworkSettings(_Section):
    """How providers are reached."""

    proxy: Annotated[str, _USER] = Field(
        default="",
        description="URL of the proxy, without user name and password; empty takes the "
        "system's (HTTPS_PROXY).",
    )
    ca_file: Annotated[str, _USER] = Field(
        default="",
        description="PEM file (absolute path) of certificate authorities to trust besides the "
        "system's.",
    )


class EmbeddedSettings(_Section):
    """The model that runs on this machine."""

    model: Annotated[str, _EDITOR] = Field(
        default="qwen2.5-coder-0.5b", description="Id of the embedded model."
    )
    model_file: Annotated[str, _USER] = Field(
        default="",
        description="A GGUF file (absolute path) of your own to run in place of the catalog's.",
    )
    threads: Annotated[int, _EDITOR] = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads to compute with; 0 is the number of cores less one.",
    )
    idle_minutes: Annotated[float, _EDITOR] = Field(
        default=15,
        gt=0,
        le=1440,
        description="Minutes without a request until the model is unloaded.",
    )
    mirror: Annotated[str, _USER] = Field(
        default="",
        description="Folder (absolute path) or https URL to fetch model files from first.",
    )


class KeyringSettings(_Section):
    """Where keys are kept."""

    allow_insecure: Annotated[bool, _USER] = Field(
        default=False,
        description="Store keys even if the only keyring keeps them unencrypted on the disk.",
    )


class UsageSettings(_Section):
    """The record of what was suggested, taken and spent."""

    enabled: Annotated[bool, Reach("free", Tighten.ONLY_FALSE)] = Field(
        default=True,
        description="Whether a record without any text is kept on this machine of suggestions and "
        "requests. What a day has cost is kept in any case, for `chat.daily_budget`.",
    )
    keep_days: Annotated[int, _EDITOR] = Field(
        default=400, ge=1, le=3650, description="Days for which the record is kept."
    )


class LogSettings(_Section):
    """The log."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _USER] = Field(
        default="warning", description="How much is logged. No level logs keys, code or answers."
    )


class Settings(BaseModel):
    """Every setting. Holds no key, ever: keys are in the keyring."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    completion: CompletionSettings = Field(default_factory=CompletionSettings)
    chat: ChatSettings = Field(default_factory=ChatSettings)
    providers: dict[str, ProviderRow] = Field(default_factory=dict[str, ProviderRow])
    """Every usable row by id: the catalog's, with the user's merged over them, each with the
    account that holds in the open folder."""
    accounts: dict[str, dict[str, str]] = Field(default_factory=dict[str, dict[str, str]])
    """Names of keys by folder, as the user's file has it, and provider."""
    mcp: dict[str, McpServer] = Field(default_factory=dict[str, McpServer])
    """Servers whose tools may be offered to a model, by name; from the user's file alone."""
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    keyring: KeyringSettings = Field(default_factory=KeyringSettings)
    usage: UsageSettings = Field(default_factory=UsageSettings)
    log: LogSettings = Field(default_factory=LogSettings)


SECTIONS: dict[str, type[_Section]] = {
    "completion": CompletionSettings,
    "chat": ChatSettings,
    "privacy": PrivacySettings,
    "network": NetworkSettings,
    "embedded": EmbeddedSettings,
    "keyring": KeyringSettings,
    "usage": UsageSettings,
    "log": LogSettings,
}


def reach(info: FieldInfo) -> Reach:
    """Who may set the field besides the user's own file."""
    return next((item for item in info.metadata if isinstance(item, Reach)), _USER)


KEYS: dict[str, tuple[str, str, FieldInfo]] = {
    f"{section}.{name}": (section, name, info)
    for section, model in SECTIONS.items()
    for name, info in model.model_fields.items()
}
"""Dotted name of every setting outside ``[providers]``: its section, name and field."""
