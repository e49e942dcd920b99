"""What the settings in force make of the parts, and how other settings take their place."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.backend.embedding import Embedding
from polypilot.backend.planning import Planner, Purpose
from polypilot.backend.pool import ProviderPool
from polypilot.backend.status import Choice, StatusBoard
from polypilot.completion.values import Plan, Policy
from polypilot.credentials import Credentials
from polypilot.embedded.errors import EmbeddedError
from polypilot.errors import Problem, describe
from polypilot.settings import EMBEDDED
from polypilot_providers.errors import ProviderError
from polypilot_providers.network import Network
from polypilot_providers.router import Router, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.backend.reloading import Reading, Sources
    from polypilot.chat.service import ChatPlan
    from polypilot.settings import Loaded, Settings
    from polypilot.workspace.gate import Gate
    from polypilot_providers.base import Provider


class InForce:
    """The parts that depend on the settings, each with the same settings."""

    def __init__(self, sources: Sources, loaded: Loaded, gate: Gate) -> None:
        self._sources = sources
        self._gate = gate
        self.loaded = loaded
        self.paused = False
        self.credentials = self._open_credentials()
        self.embedding = Embedding(loaded.settings)
        self.pool = ProviderPool(
            loaded,
            credentials=lambda: self.credentials,
            runtime=self.embedding,
            embedded=sources.model,
            on_stage=self.embedding.stage,
            gate=gate,
            env=sources.env,
            plugins=sources.plugins,
            heard=self._heard,
        )
        self.router = Router(
            self._resolve,
            terms=self._terms,
            local_only=loaded.settings.privacy.local_only,
            hedge=loaded.settings.completion.hedge,
        )
        self.planner = Planner(loaded, sources.embedded)
        self.board = StatusBoard(self._choice("completion"), self._choice("chat"))
        self._tell_problems()

    async def put(self, reading: Reading) -> None:
        """Put other settings in force. Not to be called twice at a time."""
        self._sources.take(reading)
        loaded, before = reading.loaded, self.loaded
        if not loaded.user_ok and before.user_ok:
            # What the user excluded can't be read at the moment: what held before still holds.
            self.loaded = replace(before, problems=loaded.problems)
            self._tell_problems()
            return
        self.loaded = loaded
        await self._hand_on(before.settings, loaded.settings)
        choices = self._choice("completion"), self._choice("chat")
        told = self.board.current
        self.board.update(completion=choices[0], chat=choices[1])
        # Another choice takes the last error away, this one among them.
        if loaded.problems != before.problems or choices != (told.completion, told.chat):
            self._tell_problems()

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that the user's files may name variables of."""
        return self._sources.env

    @property
    def network(self) -> Network:
        """How addresses that are no provider's are reached."""
        network = self.loaded.settings.network
        return Network(proxy=network.proxy, ca_file=network.ca_file, env=self._sources.env)

    async def warm(self) -> None:
        """Make the provider that completes: its imports and certificates take a while.

        Asks for no key and connects to nobody. The embedded model is not started: it is told
        if it is not there.
        """
        chosen = self.planner.target("completion").provider_id
        if chosen != EMBEDDED:
            with suppress(ProviderError):  # told when it is asked for something
                await self.pool.warm(chosen)
            return
        try:
            with suppress(TimeoutError):  # likewise
                await self.embedding.look(self._sources.model())
        except EmbeddedError as error:
            if self.board.current.error is None:  # what is wrong with the settings comes first
                self.board.problem(describe(error))

    async def aclose(self) -> None:
        """Close every connection, and give up waiting for the embedded model."""
        await self.pool.aclose()
        await self.embedding.aclose()

    # What the engines ask for at each request.

    def completion_plan(self) -> Plan | None:
        """Whom to ask for completions."""
        plan = self.planner.completion()
        return None if plan is None else replace(plan, overrides=self._sources.prompts)

    def chat_plan(self, provider: str, model: str) -> ChatPlan:
        """Whom to ask in a conversation; raises ConfigurationError."""
        plan = self.planner.chat(provider, model)
        return replace(plan, templates=self._sources.prompts.templates)

    def policy(self) -> Policy:
        """Where and when to complete at all."""
        completion = self.loaded.settings.completion
        return Policy(
            enabled=completion.enabled,
            paused=self.paused,
            disabled_languages=completion.disabled_languages,
            max_chars=completion.max_file_bytes,
        )

    async def _resolve(self, provider_id: str) -> Provider:
        """The router's way to a provider."""
        try:
            return await self.pool.provider(provider_id)
        except ProviderError:
            if provider_id == EMBEDDED:
                self.embedding.stage("failed")
            raise

    def _terms(self, provider_id: str) -> Terms:
        """What the router minds of a provider's row."""
        row = self.loaded.settings.providers.get(provider_id)
        return Terms() if row is None else Terms(row.account, row.requests_per_minute, row.free)

    def _heard(self, provider: str, model: str, headers: Mapping[str, str]) -> None:
        """The head of an answer has come."""
        self.router.heard(provider, model, headers)

    async def _hand_on(self, before: Settings, now: Settings) -> None:
        """Give the settings to every part."""
        if now.log.level != before.log.level:
            logging.getLogger().setLevel(now.log.level.upper())
        if now.keyring != before.keyring:
            # Another one, not the same with another rule: a call that is still under way must
            # not bring back a keyring that is excluded now.
            self.credentials = self._open_credentials()
        self._gate.update(now.privacy)
        self.router.local_only = now.privacy.local_only
        self.router.hedge = now.completion.hedge
        self.router.forgive()
        self.planner = Planner(self.loaded, self._sources.embedded)
        await self.pool.configure(self.loaded)
        await self.embedding.configure(now)

    def _open_credentials(self) -> Credentials:
        insecure = self.loaded.settings.keyring.allow_insecure
        return Credentials(allow_insecure=insecure, env=self._sources.env)

    def _choice(self, purpose: Purpose) -> Choice:
        target = self.planner.target(purpose)
        row = self.loaded.settings.providers.get(target.provider_id)
        return Choice(target.provider_id, target.model, row.account if row is not None else "")

    def _tell_problems(self) -> None:
        """Put into the status what is wrong with the settings, or that nothing is any more."""
        errors = [problem for problem in self.loaded.problems if problem.severity == "error"]
        if not errors:
            self.board.solved("settings")
            return
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        self.board.problem(Problem("settings", f"{errors[0].told}{more}", errors[0].cure))
