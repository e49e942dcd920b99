"""What a face may do: the settings' choices, trust, chat and completion over the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polypilot.backend import doctor, explaining, file_completion, providers_view, selecting
from polypilot.backend.composition import Composition
from polypilot.backend.trusting import files_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend.explaining import Explained
    from polypilot.backend.file_completion import CompletionResult
    from polypilot.backend.lm import LanguageModels
    from polypilot.backend.own_rows import OwnRows
    from polypilot.backend.providers_view import ProviderState
    from polypilot.backend.selecting import Selected
    from polypilot.backend.status import Status
    from polypilot.backend.usage_view import UsageView
    from polypilot.chat.edits import Edits
    from polypilot.chat.service import ChatService
    from polypilot.completion.values import Answer, Ended, EngineEvent, Suggestion
    from polypilot.settings import WorkspaceFile
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import Position, Snapshot
    from polypilot_providers.action import Failed


class Backend(Composition):
    """Everything a face may ask for. Make it with :meth:`open`."""

    @property
    def status(self) -> Status:
        """What the user should see now."""
        return self.board.current

    async def doctor(self, *, online: bool = False, nearby: bool = False) -> list[doctor.Check]:
        """Look at each link of the chain; see :func:`doctor.examine`."""
        return await doctor.examine(self, online=online, nearby=nearby)

    # -- choices -------------------------------------------------------------------------

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

    @property
    def own_rows(self) -> OwnRows:
        """The user's rows: adding, changing and removing them; and what runs on this machine."""
        from polypilot.backend.own_rows import OwnRows  # noqa: PLC0415 - few sessions need it

        return OwnRows(self, self._sources, self._pool.client)

    async def provider_states(self) -> list[ProviderState]:
        """Every provider, the selected ones first; reads the list of keys, not the keys."""
        return await providers_view.provider_states(self)

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

    # -- chat ----------------------------------------------------------------------------

    @property
    def chat(self) -> ChatService:
        """The conversations."""
        return self.chatting.service

    @property
    def edits(self) -> Edits:
        """The edits that answers propose."""
        return self.chatting.edits

    @property
    def lm(self) -> LanguageModels:
        """Our providers for an editor's own chat."""
        from polypilot.backend.lm import LanguageModels  # noqa: PLC0415 - few sessions need it

        return LanguageModels(self, self._now.chat_plan, self._answering.accounts)

    @property
    def usage(self) -> UsageView:
        """The record of what was suggested, taken and spent."""
        from polypilot.backend.usage_view import UsageView  # noqa: PLC0415 - few sessions need it

        return UsageView(self._ledger, lambda: self.settings, problems=self.board.problem)

    # -- completion ----------------------------------------------------------------------

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
        self,
        uri: str,
        position: Position,
        *,
        invoked: bool,
        several: bool = True,
        ahead: bool = True,
    ) -> Answer:
        """Suggestions with their source, or why there is none.

        ``several`` to choose from; ``ahead``: what follows may be asked for, too.
        """
        return await self._answering.answer(
            uri, position, invoked=invoked, several=several, ahead=ahead
        )

    async def settle(self, uri: str, position: Position, within: float) -> None:
        """Wait for what is collected from other documents for a place, at most so many seconds."""
        await self._answering.settle(uri, position, within)

    def listen(self, listener: Callable[[EngineEvent | Failed], None]) -> None:
        """Call ``listener`` with what the completion engine tells, and each failed request.

        It is called in the context of the task that asks, must return quickly and not raise.
        """
        self._answering.listen(listener)
        self.router.on_failed(listener)

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
    def last_ended(self) -> Ended | None:
        """The completion that ended last: who was asked last, and what that took."""
        return self._answering.last_ended
