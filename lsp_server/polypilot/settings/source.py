"""Where values came from, what was wrong with them, and the result of loading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from polypilot.errors import UserError
from polypilot_providers import retired
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.settings.model import Settings
    from polypilot_providers.catalog import ProviderRow

EMBEDDED = "embedded"
"""Id of the provider that runs on this machine; always there."""

WORKSPACE_FILE = ".polypilot.toml"

SourceKind = Literal["default", "user", "editor", "workspace", "environment"]
ProblemCode = Literal[
    "unreadable",  # the file can't be opened, is no file, too big, or not UTF-8
    "syntax",  # it is not TOML
    "bad_value",
    "unknown_key",
    "duplicate_key",
    "unknown_provider",
    "plaintext_key",
    "user_scope",  # only the user's own file may set it
    "not_listed",  # a provider the user has not listed
    "loosens",  # a workspace, or the editor, would allow more than the user does
    "ignored_variable",
    "more",  # so many problems that the rest is counted only
]


class SettingsError(UserError):
    """Settings can't be used or written."""

    code = "settings"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from. ``file`` is None for defaults and the editor."""

    kind: SourceKind
    file: str | None = None
    line: int | None = None


DEFAULT = Source("default")


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """One thing wrong with a source. Never quotes a value, only names of keys.

    ``file`` is a path, ``editor settings`` or ``environment``; ``line`` counts from 1; ``key``
    is dotted, empty if the whole file is meant. ``severity`` is ``error`` if something that
    the user asked for does not hold, ``warning`` otherwise.
    """

    file: str
    line: int | None
    key: str
    message: str
    cure: str
    severity: Literal["error", "warning"] = "error"
    code: ProblemCode = "bad_value"

    def __str__(self) -> str:
        end = "" if self.cure.endswith((".", "?", "!")) else "."
        return f"{self.told}. {self.cure}{end}"

    @property
    def told(self) -> str:
        """Where and what, for places that have the cure beside it."""
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} {self.message}"


@dataclass(frozen=True, slots=True)
class WorkspaceFile:
    """What a workspace's file asked for, for the user to see."""

    file: str
    digest: str
    """SHA-256 of the file's bytes, hexadecimal; empty if it could not be read."""
    applied: tuple[str, ...] = ()
    """Dotted keys that took effect."""
    refused: tuple[str, ...] = ()
    """Dotted keys that did not."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and everything worth knowing about how they came to be."""

    settings: Settings
    problems: tuple[SettingsProblem, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    """Source of every dotted key, ``providers.ID`` and ``providers.ID.FIELD`` included."""
    blocked: Mapping[str, SettingsProblem] = field(default_factory=dict[str, SettingsProblem])
    """Providers whose row can't be used: nothing may be sent to them."""
    workspace_files: tuple[WorkspaceFile, ...] = ()
    user_ok: bool = True
    """False if the user's file exists and could not be read at all. ``local_only`` is then
    on, since what the user excluded is not known; a running server may rather keep the
    settings it had."""

    def row(self, provider_id: str) -> ProviderRow:
        """The row of a provider.

        Raises:
            SettingsError: there is none, or it must not be used; says why and what to do.
        """
        problem = self.blocked.get(provider_id)
        if problem is not None:
            raise SettingsError(f"{provider_id}: {problem.message}", cure=problem.cure)
        row = self.settings.providers.get(provider_id)
        if row is None:
            if gone := retired.by_id(provider_id):
                raise SettingsError(gone.message, cure=gone.cure)
            raise SettingsError(
                f"there is no provider {provider_id!r}",
                cure="`polypilot providers` lists them; add your own to config.toml",
            )
        return row

    def is_local(self, provider_id: str) -> bool:
        """Whether text given to this provider stays on this machine."""
        if provider_id == EMBEDDED:
            return True
        row = self.settings.providers.get(provider_id)
        if row is None or row.forwards:
            return False
        try:
            return Origin.parse(row.address()).is_loopback
        except ConfigurationError:
            return False

    def targets(self, purpose: Literal["completion", "chat"]) -> tuple[tuple[str, str], ...]:
        """Provider and model ids to try, in order; ``local_only`` applied, each once.

        The model chosen belongs to the first; a fallback has the one it is written with, or
        "", which is its row's default.
        """
        section = self.settings.completion if purpose == "completion" else self.settings.chat
        ordered = {section.provider: section.model}
        for target in section.fallback:
            provider_id, _, model = target.partition("/")
            ordered.setdefault(provider_id, model)
        return tuple(
            (provider_id, model)
            for provider_id, model in ordered.items()
            if not self.settings.privacy.local_only or self.is_local(provider_id)
        )
