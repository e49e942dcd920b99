"""The composition root: one object per face, made of settings, ground, providers and engines.

Opening it is cheap and touches neither network nor keyring; both wait for the first request of
the user. It belongs to one event loop, and to one thread once work has begun.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from polypilot.backend import doctor, explaining, file_completion, providers_view, selecting
from polypilot.backend.answering import Answering
from polypilot.backend.catalogue import Catalogue
from polypilot.backend.folders import Folders
from polypilot.backend.in_force import InForce
from polypilot.backend.keys import Keys
from polypilot.backend.pricing import Prices
from polypilot.backend.refreshing import FILES_S, Refresher
from polypilot.backend.reloading import Reading, Sources, read
from polypilot.backend.spending import Spending
from polypilot.backend.trusting import Trusting, files_of
from polypilot.settings import EMBEDDED
from polypilot.tasks import Tasks, run_blocking
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.trust import TrustStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from polypilot.backend.embedding import Step
    from polypilot.backend.explaining import Explained
    from polypilot.backend.file_completion import CompletionResult
    from polypilot.backend.own_rows import OwnRows
    from polypilot.backend.planning import Purpose
    from polypilot.backend.providers_view import ProviderState
    from polypilot.backend.selecting import Selected
    from polypilot.backend.status import Status
    from polypilot.completion.values import Answer, Suggestion
    from polypilot.credentials import Credentials
    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore
    from polypilot.settings import Loaded, Settings, WorkspaceFile
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import Position, Snapshot
    from polypilot_providers.base import Provider
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.origin import Origin
    from polypilot_providers.router import Target
    from polypilot_providers.types import ModelInfo, Usage


class Backend:
    """Everything a face may ask for. Make it with :meth:`open`."""

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
        self.spending = Spending(
            self.prices, self.row, now.board, self._tasks, answered=self.catalogue.answered
        )
        self._answering = Answering(now, self.gate, documents, self.spending)
        self.engine, self.chat = self._answering.engine, self._answering.chat

    @classmethod
    def open(
        cls,
        *,
        editor_settings: Mapping[str, object] | None = None,
        roots: Sequence[Path | str] = (),
        env: Mapping[str, str] | None = None,
        documents: DocumentStore | None = None,
    ) -> Backend:
        """Read the settings and put the parts together. Blocks on files only.

        Nothing in any file can make it fail: what is wrong with settings is in
        ``loaded.problems``.
        """
        sources = Sources(
            launch=dict(editor_settings or {}),
            roots=tuple(str(root) for root in roots),
            env=os.environ if env is None else env,
        )
        reading = read(sources)
        sources.take(reading)
        store = DocumentStore(encoding="utf-32") if documents is None else documents
        return cls(sources, reading.loaded, store)

    # -- settings ------------------------------------------------------------------------

    async def warm(self) -> None:
        """Do ahead, off the loop, what the first request would otherwise wait for."""
        await run_blocking(self.gate.warm, timeout=FILES_S, name="warm")
        await self._now.warm()
        await self.catalogue.watch()

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

    async def select(
        self,
        purpose: Literal["completion", "chat", "both"],
        provider_id: str,
        model: str | None = None,
    ) -> Selected:
        """Write the choice to the user's file and put it in force.

        Raises:
            ConfigurationError: there is no such provider.
            EmbeddedError: there is no such embedded model.
            SettingsError: the file can't be written, or is one we would damage; or the choice
                was written and the editor's settings say otherwise.
        """
        return await selecting.select(self, purpose, provider_id, model)

    def pause(self, *, paused: bool) -> None:
        """Automatic completions off or on."""
        self._now.paused = paused
        self.board.update(paused=paused)

    # -- trust ---------------------------------------------------------------------------

    @property
    def trusted(self) -> bool:
        """Whether every open folder is trusted as it is now. Blocks."""
        return self._trusting.trusted

    async def set_trust(self, root: str, *, trusted: bool) -> tuple[str, ...]:
        """Record the user's decision; what the folder's own file asks for.

        Raises:
            TrustError: the decision can't be kept.
        """
        await self._trusting.decide(root, trusted=trusted)
        return tuple(key for file in self.workspace_files(root) for key in file.applied)

    async def look_at_trust(self) -> None:
        """Put into the status whether the folders are trusted."""
        await self._trusting.look()

    def workspace_files(self, root: str = "") -> tuple[WorkspaceFile, ...]:
        """What workspace files asked for; those of one folder, or all."""
        files = self.loaded.workspace_files
        return files_of(files, root) if root else files

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

    @property
    def own_rows(self) -> OwnRows:
        """The user's rows: adding, changing and removing them; and what runs on this machine."""
        from polypilot.backend.own_rows import OwnRows  # noqa: PLC0415 - few sessions need it

        return OwnRows(self, self._sources, self._pool.client)

    async def provider_states(self) -> list[ProviderState]:
        """Every provider, the selected ones first; reads the list of keys, not the keys."""
        return await providers_view.provider_states(self)

    # -- answers -------------------------------------------------------------------------

    def snapshot(self, uri: str, position: Position) -> Snapshot | None:
        """What the engine needs to see of a document; None if it is out of sync."""
        return self._answering.snapshot(uri, position)

    async def complete(
        self, uri: str, position: Position, *, invoked: bool = True
    ) -> list[Suggestion]:
        """The likeliest suggestion at a place in an open document; empty if there is none."""
        answer = await self.answer(uri, position, invoked=invoked, several=False)
        return list(answer.suggestions)

    async def answer(
        self, uri: str, position: Position, *, invoked: bool, several: bool = True
    ) -> Answer:
        """Suggestions with their source, or why there is none; ``several`` to choose from."""
        return await self._answering.answer(uri, position, invoked=invoked, several=several)

    @property
    def diagnostics(self) -> Diagnostics:
        """What editors report of problems in open documents."""
        return self._answering.context.diagnostics

    async def explain_completion(self, uri: str, position: Position) -> Explained:
        """What would be sent to complete at a place in an open document; sends nothing.

        Raises:
            ProviderError: nobody may be asked.
            ExcludedError: the document must not be sent.
            UserError: ``stale``, its text is not known for sure.
        """
        return await explaining.explain_completion(self, uri, position)

    async def complete_file(
        self,
        path: Path,
        line: int,
        column: int,
        on_prompt: Callable[[Explained], None] | None = None,
    ) -> CompletionResult:
        """Complete in a file on disk; line and column count from 1, in characters.

        A column beyond the line's end means its end. Bytes that are no UTF-8 are replaced.
        ``on_prompt`` is told what is sent before it is.

        Raises:
            ProviderError: nobody answered, or nobody may be asked.
            ExcludedError: the file must not be sent.
            UserError: ``position``, the file has no such line.
            OSError: the file can't be read.
        """
        return await file_completion.complete_file(self, path, line, column, on_prompt)

    def on_grown(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with a document's URI when more can be shown there than was given.

        Asking again at the same place gets it at once; nobody is told after a key.
        """
        self._answering.on_grown(listener)

    @property
    def last_usage(self) -> Usage | None:
        """Token counts of the completion that ended last, if its provider told them."""
        return self._answering.last_usage

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

    # -- state ---------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What the user should see now."""
        return self.board.current

    async def doctor(self, *, online: bool = False, nearby: bool = False) -> list[doctor.Check]:
        """Look at each link of the chain; see :func:`doctor.examine`."""
        return await doctor.examine(self, online=online, nearby=nearby)

    async def aclose(self) -> None:
        """End every request and close every connection. The embedded process ends by itself."""
        await self._tasks.aclose()
        await self._answering.aclose()
        await self._now.aclose()

    async def _put_in_force(self, reading: Reading) -> None:
        # First, since a disk that hangs must leave the settings as they were.
        await self._trusting.look()
        await self._now.put(reading)
        self._tasks.spawn(self.catalogue.look(), name="models")
