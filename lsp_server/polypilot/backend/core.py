"""The composition root: one object per face, made of settings, ground, providers and engines.

Opening it is cheap and touches neither network nor keyring; both wait for the first request of
the user. It belongs to one event loop, and to one thread once work has begun.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polypilot.backend import doctor
from polypilot.backend.completing import CompletionResult, Planner, Purpose, language_of
from polypilot.backend.pool import ProviderPool
from polypilot.backend.reloading import Reading, Sources, read
from polypilot.backend.status import Choice, Status, StatusBoard
from polypilot.backend.watching import WatchedChat, Watcher
from polypilot.completion.engine import CompletionEngine
from polypilot.completion.staleness import still_agrees
from polypilot.completion.values import (
    SNAPSHOT_AFTER,
    SNAPSHOT_BEFORE,
    Answer,
    Ask,
    Plan,
    Policy,
    Suggestion,
    Trigger,
    Why,
)
from polypilot.credentials import CredentialError, Credentials
from polypilot.embedded.catalog import choose
from polypilot.embedded.store import ModelStore
from polypilot.errors import Problem, UserError, describe
from polypilot.settings import EMBEDDED, SettingsError, WorkspaceFile, update_user_file
from polypilot.tasks import Tasks, run_blocking
from polypilot.workspace.documents import DocumentStore, Position, Snapshot
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots, uri_of
from polypilot.workspace.trust import TrustStore
from polypilot_providers.errors import ConfigurationError, ProviderError
from polypilot_providers.router import Router, Target
from polypilot_providers.types import ModelInfo, StopReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polypilot.chat.service import ChatPlan, ChatService
    from polypilot.embedded.catalog import Model
    from polypilot.embedded.runtime import Runtime, Stage
    from polypilot.settings import Loaded, Settings
    from polypilot_providers.base import Provider
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.origin import Origin

    Step = Stage | Literal["failed"]
    """How far the embedded model's process has come up."""

log = logging.getLogger(__name__)

FILES_S = 10.0
"""Small files on a slow disk. Longer than that is a network disk that hangs."""


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider as a picker shows it."""

    id: str
    name: str
    local: bool
    free: bool
    auth: str
    key_stored: bool | None
    """None where no key is needed, or the keyring could not be read."""
    selected_for: tuple[Purpose, ...]
    key_page: str | None = None
    completion_model: str | None = None
    chat_model: str | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """A choice that was written to the user's file."""

    provider: str
    model: str
    for_: str
    file: Path


class Backend:
    """Everything a face may ask for. Make it with :meth:`open`."""

    def __init__(self, sources: Sources, loaded: Loaded, documents: DocumentStore) -> None:
        self._sources = sources
        self._tasks = Tasks()
        self._reloading = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self.loaded = loaded
        self.documents = documents
        self.workspace = Roots(sources.roots)
        self.trust = TrustStore()
        self.gate = Gate(self.workspace, loaded.settings.privacy, documents)
        self.credentials = Credentials(
            allow_insecure=loaded.settings.keyring.allow_insecure, env=sources.env
        )
        self._runtime: Runtime | None = None
        self._stage_listeners: list[Callable[[Step], None]] = []
        self._pool = ProviderPool(
            loaded,
            credentials=self.credentials,
            runtime=lambda: self.runtime,
            embedded=sources.model,
            on_stage=self._stage,
            gate=self.gate,
            env=sources.env,
            plugins=sources.plugins,
        )
        self.router = Router(self._resolve, local_only=loaded.settings.privacy.local_only)
        self._planner = Planner(loaded, sources.embedded)
        self._paused = False
        self.board = StatusBoard(self._choice("completion"), self._choice("chat"))
        self._watcher = Watcher(self.board, self.gate, lambda: self.credentials.known_backend)
        self.engine = CompletionEngine(
            router=self.router,
            gate=self.gate,
            agrees=still_agrees(documents),
            plan=self._completion_plan,
            policy=self._policy,
            observe=self._watcher.observe,
        )
        self.chat: ChatService = WatchedChat(
            self._watcher,
            router=self.router,
            gate=self.gate,
            documents=documents,
            plan=self._chat_plan,
        )
        self._tell_problems()

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

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

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
        """Take what the editor says now; None leaves it as it was."""
        if editor_settings is not None:
            self._sources.editor = dict(editor_settings)
        if roots is not None:
            self._sources.roots = tuple(str(root) for root in roots)
            self.workspace.replace(self._sources.roots)
        # An editor also says so after its user has stored a key.
        self.credentials.refresh()
        await self.reload()

    async def refresh(self, within: float = FILES_S) -> None:
        """Reload if a settings file was changed; looks at most once a second.

        Waits at most ``within`` seconds; the look goes on behind it. A failure is shown in the
        status: what asked for the look goes on with the settings in force.
        """
        if self._looking is None and self._sources.due():
            self._looking = self._tasks.spawn(self._look(), name="settings")
            self._looking.add_done_callback(self._looked)
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=within)

    async def _look(self) -> None:
        try:
            changed = self._sources.changed
            if await run_blocking(changed, timeout=FILES_S, name="settings"):
                await self._reload()
        except Exception as error:  # noqa: BLE001 - whatever it is, the user reads it here
            self.board.problem(describe(error))

    def _looked(self, _task: asyncio.Task[None]) -> None:
        self._looking = None

    async def reload(self) -> None:
        """Read every source again and put it in force.

        Raises:
            TimeoutError: a disk hangs; the settings are as they were.
        """
        # In a task of its own: who asked may be cancelled, and half of the parts must not be
        # left with the old settings.
        await asyncio.shield(self._tasks.spawn(self._reload(), name="reload"))

    async def _reload(self) -> None:
        # One after the other: what was read first must not be put in force last.
        async with self._reloading:
            reading = await run_blocking(read, self._sources, timeout=FILES_S, name="settings")
            await self._put_in_force(reading)

    async def _put_in_force(self, reading: Reading) -> None:
        self._sources.take(reading)
        loaded, before = reading.loaded, self.loaded
        if not loaded.user_ok and before.user_ok:
            # What the user excluded can't be read at the moment: what held before still holds.
            self.loaded = replace(before, problems=loaded.problems)
            self._tell_problems()
            return
        self.loaded = loaded
        settings = loaded.settings
        self.gate.update(settings.privacy)
        self.router.local_only = settings.privacy.local_only
        self._planner = Planner(loaded, self._sources.embedded)
        await self._pool.configure(loaded)
        if settings.embedded != before.settings.embedded and self._runtime is not None:
            runtime, self._runtime = self._runtime, None
            await runtime.aclose()
        choices = self._choice("completion"), self._choice("chat")
        told = self.board.current
        self.board.update(completion=choices[0], chat=choices[1])
        # Another choice takes the last error away, this one among them.
        if loaded.problems != before.problems or choices != (told.completion, told.chat):
            self._tell_problems()

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
        self._pool.row(provider_id)
        jobs: tuple[Purpose, ...] = ("completion", "chat") if purpose == "both" else (purpose,)
        changes: dict[str, object | None] = {}
        for job in jobs:
            changes[f"{job}.provider"] = provider_id
            changes[f"{job}.model"] = None if provider_id == EMBEDDED else (model or None)
        if provider_id == EMBEDDED and model:
            changes |= self._embedded_choice(model)
        file = await run_blocking(update_user_file, changes, timeout=FILES_S, name="settings")
        await self.reload()
        for job in jobs:
            if (stays := self._planner.target(job).provider_id) != provider_id:
                raise SettingsError(
                    f"saved in {file}, but {stays} is set elsewhere and stays",
                    cure=f"Change {job}.provider in your editor's settings.",
                )
        target = self._planner.target(jobs[0])
        return Selected(target.provider_id, target.model, purpose, file)

    def _embedded_choice(self, model: str) -> dict[str, object | None]:
        """What to write so that the embedded provider has this model."""
        now = self._sources.embedded
        if now is not None and now.id == model:
            return {}
        # A file of the user's own would win over the model.
        return {"embedded.model": choose(model).id, "embedded.model_file": None}

    def pause(self, *, paused: bool) -> None:
        """Automatic completions off or on."""
        self._paused = paused
        self.board.update(paused=paused)

    # -- trust ---------------------------------------------------------------------------

    @property
    def trusted(self) -> bool:
        """Whether every open folder is trusted as it is now."""
        return bool(self.roots) and all(self.trust.trusted(root) for root in self.roots)

    async def set_trust(self, root: str, *, trusted: bool) -> tuple[str, ...]:
        """Record the user's decision; what the folder's own file asks for.

        Raises:
            TrustError: the decision can't be kept.
        """
        if trusted:
            digest = await run_blocking(self.trust.digest, root, timeout=FILES_S, name="trust")
            await run_blocking(self.trust.trust, root, digest or "", timeout=FILES_S, name="trust")
        else:
            await run_blocking(self.trust.distrust, root, timeout=FILES_S, name="trust")
        await self.look_at_trust()
        return tuple(key for file in self.workspace_files(root) for key in file.applied)

    async def look_at_trust(self) -> None:
        """Put into the status whether the folders are trusted."""
        self.board.update(
            trusted=await run_blocking(lambda: self.trusted, timeout=FILES_S, name="trust")
        )

    def workspace_files(self, root: str = "") -> tuple[WorkspaceFile, ...]:
        """What workspace files asked for; those of one folder, or all."""
        if not root:
            return self.loaded.workspace_files
        folder = next((each.path for each in Roots([root])), root)
        return tuple(
            each for each in self.loaded.workspace_files if Path(each.file).is_relative_to(folder)
        )

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
        return self._planner.target(purpose)

    def environment_key(self, provider_id: str) -> str | None:
        """The environment variable that holds a provider's key, if one does."""
        return self._pool.environment_key(provider_id)

    async def provider(self, provider_id: str) -> Provider:
        """A provider that can be asked; raises ProviderError."""
        return await self._pool.provider(provider_id)

    async def check_token(self, provider_id: str) -> None:
        """Run a provider's token command; raises AuthError."""
        await self._pool.token(provider_id)

    async def list_models(self, provider_id: str) -> list[ModelInfo]:
        """The models a provider offers; the embedded one's are those it could run.

        Raises:
            ProviderError: the provider can't be asked.
        """
        if provider_id == EMBEDDED:
            return doctor.embedded_models(self._sources.embedded)
        return await (await self._pool.provider(provider_id)).models()

    async def provider_states(self) -> list[ProviderState]:
        """Every provider, the selected ones first; reads the list of keys, not the keys."""
        stored = await self._stored()
        chosen = {purpose: self.target(purpose).provider_id for purpose in ("completion", "chat")}
        states = [self._state(row, stored, chosen) for row in self.rows().values()]
        return sorted(states, key=lambda state: (not state.selected_for, not state.local))

    # -- answers -------------------------------------------------------------------------

    def snapshot(self, uri: str, position: Position) -> Snapshot | None:
        """What the engine needs to see of a document; None if it is out of sync."""
        return self.documents.snapshot(uri, position, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)

    async def complete(
        self, uri: str, position: Position, *, invoked: bool = True
    ) -> list[Suggestion]:
        """Suggestions at a place in an open document; empty when there are none."""
        return list((await self.answer(uri, position, invoked=invoked)).suggestions)

    async def answer(self, uri: str, position: Position, *, invoked: bool) -> Answer:
        """As :meth:`complete`, with the reason for having nothing."""
        snapshot = self.snapshot(uri, position)
        if snapshot is None:
            return Answer(why=Why.STALE)
        trigger = Trigger.INVOKED if invoked else Trigger.AUTOMATIC
        return await self.engine.answer(Ask(snapshot, position, trigger))

    async def complete_file(self, path: Path, line: int, column: int) -> CompletionResult:
        """Complete in a file on disk; line and column count from 1, in characters.

        A column beyond the line's end means its end. Bytes that are no UTF-8 are replaced.

        Raises:
            ProviderError: nobody answered, or nobody may be asked.
            ExcludedError: the file must not be sent.
            UserError: ``position``, the file has no such line.
            OSError: the file can't be read.
        """
        uri = uri_of(str(path))
        raw = await run_blocking(path.read_bytes, timeout=FILES_S, name="read")
        # Decoded here, not by a text file: that would make every line's end "\n".
        self.documents.open(uri, language_of(path), 1, raw.decode("utf-8-sig", "replace"))
        try:
            document = self.documents.current(uri)
            if document is not None and line > document.line_count:
                raise UserError(
                    f"there is no line {line}: the file has {document.line_count}", code="position"
                )
            answer = await self.answer(uri, Position(line - 1, column - 1), invoked=True)
            self._raise_refusal(uri, answer)
        finally:
            self.engine.close(uri)
            self.documents.close(uri)
        target = self.target("completion")
        best = answer.suggestions[0] if answer.suggestions else None
        return CompletionResult(
            text=best.text if best else "",
            provider=best.provider if best else target.provider_id,
            model=best.model if best else target.model,
            usage=self._watcher.last_usage,
            stop_reason=StopReason.END,
        )

    def _raise_refusal(self, uri: str, answer: Answer) -> None:
        """Raise why an answer holds nothing, where that is a failure."""
        if answer.error is not None:
            raise answer.error
        if answer.why is Why.EXCLUDED:
            self.gate.outgoing(uri, "", "prefix")
        if answer.why is Why.NO_PROVIDER:
            wanted = self._pool.row(self.target("completion").provider_id).id
            raise ConfigurationError(
                f"{wanted} is not on this machine, and only local providers are allowed",
                provider=wanted,
                cure="Choose a local provider, or switch `privacy.local_only` off.",
            )

    # -- the embedded model --------------------------------------------------------------

    @property
    def runtime(self) -> Runtime:
        """The way to the embedded model's process."""
        if self._runtime is None:
            # Its imports are wanted only by those who use it.
            from polypilot.embedded.runtime import Runtime  # noqa: PLC0415

            embedded = self.settings.embedded
            self._runtime = Runtime(
                self.models_store,
                threads=embedded.threads,
                idle_seconds=embedded.idle_minutes * 60,
            )
        return self._runtime

    def on_stage(self, listener: Callable[[Step], None]) -> None:
        """Call ``listener`` as the embedded model's process comes up, or does not."""
        self._stage_listeners.append(listener)

    @property
    def embedded_model(self) -> Model:
        """The model behind the provider ``embedded``; raises EmbeddedError."""
        return self._sources.model()

    @property
    def models_store(self) -> ModelStore:
        """The embedded models' files."""
        network = self.settings.network
        return ModelStore(
            mirror=self.settings.embedded.mirror, proxy=network.proxy, ca_file=network.ca_file
        )

    # -- state ---------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What the user should see now."""
        return self.board.current

    async def doctor(self, *, online: bool = False) -> list[doctor.Check]:
        """Look at each link of the chain; ``online`` also asks the selected providers."""
        return await doctor.examine(self, online=online)

    async def aclose(self) -> None:
        """End every request and close every connection. The embedded process ends by itself."""
        await self._tasks.aclose()
        await self.engine.aclose()
        await self._pool.aclose()
        if self._runtime is not None:
            await self._runtime.aclose()

    # -- inside --------------------------------------------------------------------------

    async def _resolve(self, provider_id: str) -> Provider:
        """The router's way to a provider."""
        try:
            return await self._pool.provider(provider_id)
        except ProviderError:
            if provider_id == EMBEDDED:
                self._stage("failed")
            raise

    def _stage(self, stage: Step) -> None:
        for listener in self._stage_listeners:
            listener(stage)

    def _completion_plan(self) -> Plan | None:
        return self._planner.completion()

    def _chat_plan(self, provider: str, model: str) -> ChatPlan:
        # Not the planner's own method: settings that change bring another planner.
        return self._planner.chat(provider, model)

    def _policy(self) -> Policy:
        completion = self.settings.completion
        return Policy(
            enabled=completion.enabled,
            paused=self._paused,
            disabled_languages=completion.disabled_languages,
            max_chars=completion.max_file_bytes,
        )

    def _choice(self, purpose: Purpose) -> Choice:
        target = self._planner.target(purpose)
        return Choice(target.provider_id, target.model)

    def _tell_problems(self) -> None:
        errors = [problem for problem in self.loaded.problems if problem.severity == "error"]
        if errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            self.board.problem(Problem("settings", f"{first}{more}", first.cure))
        else:
            self.board.solved("settings")

    async def _stored(self) -> set[str] | None:
        try:
            return set(await self.credentials.listing())
        except (CredentialError, OSError) as error:
            log.info("the list of keys can't be read: %s", describe(error).code)
            return None

    def _state(
        self, row: ProviderRow, stored: set[str] | None, chosen: Mapping[str, str]
    ) -> ProviderState:
        in_environment = self.environment_key(row.id) is not None
        key = None
        if row.auth == "keyring" and (stored is not None or in_environment):
            key = in_environment or row.id in (stored or ())
        selected: tuple[Purpose, ...] = tuple(
            purpose for purpose in ("completion", "chat") if chosen[purpose] == row.id
        )
        return ProviderState(
            id=row.id,
            name=row.name or row.id,
            local=self.loaded.is_local(row.id),
            free=row.free,
            auth=row.auth,
            key_stored=key,
            selected_for=selected,
            key_page=row.key_page or None,
            completion_model=row.completion_model or None,
            chat_model=row.chat_model or None,
        )
