"""The parts put together: settings in force, ground, providers, engines, and their life.

Opening them is cheap and touches neither network nor keyring; both wait for the first request
of the user. They belong to one event loop, and to one thread once work has begun.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from polypilot.backend import doctor
from polypilot.backend.answering import Answering
from polypilot.backend.catalogue import Catalogue
from polypilot.backend.folders import Folders
from polypilot.backend.in_force import InForce
from polypilot.backend.keys import Keys
from polypilot.backend.pricing import Prices
from polypilot.backend.recording import Recorder
from polypilot.backend.refreshing import FILES_S, Refresher
from polypilot.backend.reloading import Reading, Sources, read
from polypilot.backend.spending import Spending
from polypilot.backend.trusting import Trusting
from polypilot.errors import UserError
from polypilot.settings import EMBEDDED
from polypilot.tasks import Tasks, run_blocking
from polypilot.usage import Ledger, Writer
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.trust import TrustStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from polypilot.backend.chatting import Chatting
    from polypilot.backend.embedding import Step
    from polypilot.backend.planning import Purpose
    from polypilot.credentials import Credentials
    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore
    from polypilot.settings import Loaded, Settings
    from polypilot_providers.base import Provider
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.origin import Origin
    from polypilot_providers.router import Target
    from polypilot_providers.types import ModelInfo


class Composition:
    """What there is. What a face may do with it is in :class:`~polypilot.backend.core.Backend`."""

    def __init__(
        self,
        sources: Sources,
        loaded: Loaded,
        documents: DocumentStore,
        *,
        folders: Folders | None = None,
    ) -> None:
        self._sources = sources
        self._tasks = Tasks()
        self.documents = documents
        self._folders = folders = Folders(sources) if folders is None else folders
        self.workspace = folders.roots
        self.trust = TrustStore()
        self.gate = Gate(self.workspace, loaded.settings.privacy, documents)
        self._now = now = InForce(sources, loaded, self.gate)
        self._pool, self._embedding = now.pool, now.embedding
        self.router, self.board = now.router, now.board
        self.keys = Keys(self, now.pool)
        self._trusting = Trusting(self.trust, self.board, lambda: self.roots)
        self._refresher = Refresher(sources, folders, self._tasks, self._put_in_force, self.board)
        self.prices = Prices()
        self.catalogue = Catalogue(self, self._tasks)
        self._ledger = Ledger(problems=now.board.problem)
        self._recorder = Recorder(
            Writer(
                self._ledger.database,
                self._tasks,
                keep_days=lambda: self.settings.usage.keep_days,
                problems=now.board.problem,
                solved=now.board.solved,
                notice=now.board.notice,
            ),
            documents,
            self._tasks,
            enabled=lambda: self.settings.usage.enabled,
        )
        self.spending = Spending(
            self.prices,
            self.row,
            now.board,
            self._tasks,
            answered=self.catalogue.answered,
            ledger=self._ledger,
            record=self._recorder.asked,
        )
        self._answering = Answering(
            now, self.gate, documents, self.spending, self._recorder.observe
        )
        self.engine = self._answering.engine

    @classmethod
    def open(
        cls,
        *,
        editor_settings: Mapping[str, object] | None = None,
        roots: Sequence[Path | str] = (),
        env: Mapping[str, str] | None = None,
        documents: DocumentStore | None = None,
        embedded: Model | None = None,
    ) -> Self:
        """Read the settings and put the parts together. Blocks on files only.

        Nothing in any file can make it fail: what is wrong with settings is in
        ``loaded.problems``. ``embedded`` takes the place of the settings' model until they are
        read again.
        """
        sources = Sources(
            launch=dict(editor_settings or {}),
            roots=tuple(str(root) for root in roots),
            env=os.environ if env is None else env,
        )
        reading = read(sources)
        if embedded is not None:
            reading = replace(reading, embedded=embedded, no_model=None)
        sources.take(reading)
        store = DocumentStore(encoding="utf-32") if documents is None else documents
        return cls(sources, reading.loaded, store)

    async def warm(self) -> None:
        """Do ahead, off the loop, what the first request would otherwise wait for."""
        await run_blocking(self.gate.warm, timeout=FILES_S, name="warm")
        self._answering.warm()
        await self._now.warm()
        await self.catalogue.watch()
        with suppress(UserError):  # told to who asks for a budget's sake
            await self.spending.look()

    async def aclose(self) -> None:
        """End every request and close every connection. The embedded process ends by itself."""
        await self._tasks.aclose()
        await self._answering.aclose()
        if "chatting" in self.__dict__:
            await self.chatting.aclose()
        await self._recorder.aclose()
        await self._ledger.aclose()
        await self._now.aclose()

    async def _put_in_force(self, reading: Reading) -> None:
        # First, since a disk that hangs must leave the settings as they were.
        await self._trusting.look()
        await self._now.put(reading)
        self._tasks.spawn(self.catalogue.look(), name="models")

    # -- settings ------------------------------------------------------------------------

    @property
    def loaded(self) -> Loaded:
        """The settings in force, where they came from and what was wrong with them."""
        return self._now.loaded

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._now.loaded.settings

    @property
    def credentials(self) -> Credentials:
        """The user's keys. Not to be kept: settings may bring another."""
        return self._now.credentials

    @property
    def roots(self) -> tuple[str, ...]:
        """The workspace folders, as paths or URIs."""
        return self._sources.roots

    async def configure(
        self,
        *,
        editor_settings: Mapping[str, object] | None = None,
        roots: Sequence[Path | str] | None = None,
    ) -> None:
        """Take what the editor says now; None leaves it as it was.

        What is in a folder that it does not name any more is not sent from this moment on.

        Raises:
            TimeoutError: a disk hangs; the settings are as they were, and folders that are new
                stay out. Both are tried again with the next reload or refresh.
        """
        if editor_settings is not None:
            self._sources.editor = dict(editor_settings)
        if roots is not None:
            self._folders.want(tuple(str(root) for root in roots))
        # An editor also says so after its user has stored a key.
        self.credentials.refresh()
        await self.reload()

    async def refresh(self, within: float = FILES_S) -> None:
        """Reload if a settings file was changed; looks at most once a second.

        Waits at most ``within`` seconds; the look goes on behind it. A failure is shown in the
        status: what asked for the look goes on with the settings in force.
        """
        await self._refresher.refresh(within)

    async def reload(self) -> None:
        """Read every source again and put it in force.

        Raises:
            TimeoutError: a disk hangs; the settings are as they were.
        """
        await self._refresher.reload()

    # -- providers -----------------------------------------------------------------------

    def rows(self) -> Mapping[str, ProviderRow]:
        """Every provider there is, by id."""
        return self.settings.providers

    def row(self, provider_id: str) -> ProviderRow:
        """One provider's row; raises ConfigurationError if there is none to use."""
        return self._pool.row(provider_id)

    def origin(self, provider_id: str) -> Origin:
        """Where a provider's text and key go; raises ConfigurationError."""
        return self._pool.origin(provider_id)

    def target(self, purpose: Purpose) -> Target:
        """Whom the settings choose."""
        return self._now.planner.target(purpose)

    async def provider(self, provider_id: str) -> Provider:
        """A provider that can be asked; raises ProviderError."""
        return await self._pool.provider(provider_id)

    async def list_models(self, provider_id: str) -> list[ModelInfo]:
        """The models a provider offers; the embedded one's are those it could run.

        Raises:
            ProviderError: the provider can't be asked.
        """
        if provider_id == EMBEDDED:
            return doctor.embedded_models(self._sources.embedded)
        return await (await self._pool.provider(provider_id)).models()

    # -- the embedded model --------------------------------------------------------------

    def on_stage(self, listener: Callable[[Step], None]) -> None:
        """Call ``listener`` as the embedded model's process comes up, or does not."""
        self._embedding.on_stage(listener)

    @property
    def embedded_model(self) -> Model:
        """The model behind the provider ``embedded``; raises EmbeddedError."""
        return self._sources.model()

    @property
    def models_store(self) -> ModelStore:
        """The embedded models' files."""
        return self._embedding.store

    # -- chat ----------------------------------------------------------------------------

    @cached_property
    def chatting(self) -> Chatting:
        """The chat's parts; made when somebody chats."""
        from polypilot.backend.chatting import Chatting  # noqa: PLC0415 - few keys need it

        answering = self._answering
        return Chatting(
            self._now,
            self.gate,
            self.documents,
            answering.context.diagnostics,
            self.trust,
            answering.accounts,
        )

    def saved(self, uri: str) -> None:
        """A file was saved, or has changed on the disk."""
        self.gate.saved(uri)
        if "chatting" in self.__dict__:
            self.chatting.index.saved(uri)

    def focused(self, uri: str) -> None:
        """An open document came to the front."""
        self._answering.context.visited(uri)
