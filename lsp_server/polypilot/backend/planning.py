"""Whom the engines ask, made from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polypilot.chat.plan import ChatPlan
from polypilot.completion.values import Choice, Plan
from polypilot.settings import EMBEDDED
from polypilot_providers.base import CHAT_LIMITS, COMPLETION_LIMITS, Limits
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.router import Target

if TYPE_CHECKING:
    from polypilot.embedded.catalog import Model
    from polypilot.settings import Loaded

EMBEDDED_COMPLETION = Limits(connect=1.5, first_event=30.0, idle=15.0, total=45.0)
"""A cold prompt on a slow processor takes tens of seconds, and it costs nobody anything."""
EMBEDDED_CHAT = Limits(connect=5.0, first_event=120.0, idle=30.0)

STREAK = 5
"""Lines that a stream goes on for behind what is shown. They cost less than the request they
save, whose prompt would be sent again."""

Purpose = Literal["completion", "chat"]


class Planner:
    """Turns settings into plans. ``embedded`` is the model behind the provider ``embedded``."""

    def __init__(self, loaded: Loaded, embedded: Model | None) -> None:
        self._loaded = loaded
        self._embedded = embedded

    def target(self, purpose: Purpose) -> Target:
        """Whom the settings choose, local only or not."""
        settings = self._loaded.settings
        section = settings.completion if purpose == "completion" else settings.chat
        return self._named(purpose, section.provider, section.model)

    def completion(self) -> Plan | None:
        """Whom to ask for completions; None when nobody is left to ask."""
        targets = self._targets("completion")
        completion = self._loaded.settings.completion
        choices = tuple(
            Choice(target, row, self.model_row(row, target.model), self._ahead(row))
            for target in targets
            if (row := self._row(target.provider_id)) is not None
        )
        if not choices:
            return None
        embedded = choices[0].target.provider_id == EMBEDDED
        return Plan(
            choices,
            EMBEDDED_COMPLETION if embedded else COMPLETION_LIMITS,
            embedded,
            streak=0 if completion.prefetch == "off" else STREAK,
            prefetch=choices[0].ahead,
            context=completion.context,
        )

    def chat(self, provider: str, model: str) -> ChatPlan:
        """Whom to ask in a conversation: the user's choice for it, or the settings'.

        Raises:
            ConfigurationError: nobody may be asked.
        """
        settings = self._loaded.settings
        targets = self._targets("chat")
        if provider:
            if self._row(provider) is None and provider not in self._loaded.blocked:
                raise ConfigurationError(
                    "there is no such provider",
                    provider=provider,
                    cure="`polypilot providers` lists those there are.",
                )
            chosen = self._named("chat", provider, model)
            targets = (chosen, *(each for each in targets if each.provider_id != provider))
        elif model and targets:
            targets = (Target(targets[0].provider_id, model), *targets[1:])
        allowed = tuple(
            target
            for target in targets
            if not settings.privacy.local_only or self._loaded.is_local(target.provider_id)
        )
        if not allowed or (provider and allowed[0].provider_id != provider):
            wanted = provider or settings.chat.provider
            raise ConfigurationError(
                f"{wanted} is not on this machine, and only local providers are allowed",
                provider=wanted,
                cure="Choose a local provider, or switch `privacy.local_only` off.",
            )
        embedded = allowed[0].provider_id == EMBEDDED
        limits = EMBEDDED_CHAT if embedded else CHAT_LIMITS
        row = self._row(allowed[0].provider_id)
        model_row = None if row is None else self.model_row(row, allowed[0].model)
        chat = settings.chat
        return ChatPlan(
            allowed,
            limits,
            chat.system,
            chat.effort or None,
            window=model_row and model_row.context_tokens,
            tools=model_row is None or model_row.tools,
            mode=chat.mode,
            max_steps=chat.max_steps,
            instructions=chat.instructions,
            retrieve=chat.retrieve,
        )

    def model_row(self, row: ProviderRow, model: str) -> ModelRow:
        """What is known of a model; the embedded one's facts come from its file's row."""
        if row.id != EMBEDDED or self._embedded is None:
            return row.model(model)
        return ModelRow(
            id=self._embedded.id,
            name=self._embedded.name,
            completion=self._embedded.completion,
            context_tokens=self._embedded.context_tokens,
            tools=False,
            min_confidence=self._embedded.min_confidence,
        )

    def _targets(self, purpose: Purpose) -> tuple[Target, ...]:
        return tuple(
            self._named(purpose, provider_id, model)
            for provider_id, model in self._loaded.targets(purpose)
        )

    def _named(self, purpose: Purpose, provider_id: str, model: str) -> Target:
        """A target with its model spelled out: caches and statistics are kept by it."""
        row = self._row(provider_id)
        if provider_id == EMBEDDED and self._embedded is not None:
            return Target(provider_id, self._embedded.id)
        if model or row is None:
            return Target(provider_id, model)
        default = row.completion_model if purpose == "completion" else row.chat_model
        return Target(provider_id, default or row.chat_model or row.completion_model)

    def _ahead(self, row: ProviderRow) -> bool:
        """Whether what follows a suggestion is asked of it: where it costs something, only if
        the user says so, and also when it is asked in place of another.
        """  # noqa: D205 - one sentence
        wanted = self._loaded.settings.completion.prefetch
        costs_nothing = row.free or self._loaded.is_local(row.id)
        return wanted == "on" or (wanted == "auto" and costs_nothing)

    def _row(self, provider_id: str) -> ProviderRow | None:
        return self._loaded.settings.providers.get(provider_id)
