"""What follows the backend's coming up: configuration, folders, closed documents, progress."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, cast

from lsprotocol import types

from polypilot.errors import describe
from polypilot.lsp import copilot_names, methods
from polypilot.lsp.features.control import to_wire
from polypilot.lsp.features.registering import register_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.backend import Backend, Status
    from polypilot.backend.embedding import Step
    from polypilot.lsp.copilot_methods import ConfigurationParams
    from polypilot.lsp.server import PolypilotServer, Start

log = logging.getLogger(__name__)

SECTION = "polypilot"
CONFIGURATION = types.WORKSPACE_DID_CHANGE_CONFIGURATION
PULL_S = 10.0
"""Seconds an editor has to answer what its settings are; the start goes on without them."""


def register(server: PolypilotServer[Backend]) -> None:
    """Add the handlers."""

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        backend = await server.backend()
        backend.board.listen(lambda status: _announce(server, status))
        backend.on_stage(_Loading(server).stage)
        _ask_for_changes(server)
        try:
            await _pull(server, backend)
            await backend.look_at_trust()
            await backend.warm()
        except Exception as error:  # noqa: BLE001 - a disk that hangs, for one; the user reads it
            backend.board.problem(describe(error))
        finally:
            server.configured(backend)
            backend.board.settle()

    @server.feature(copilot_names.CHANGE_CONFIGURATION)
    @server.feature(CONFIGURATION)
    async def configuration(
        params: types.DidChangeConfigurationParams | ConfigurationParams,
    ) -> None:
        backend = await server.backend()
        ours = _ours(params.settings)
        if ours is not None:
            server.editor_settings = ours
        section = copilot_names.with_model(params.settings, ours, server.editor_settings)
        if section is None:
            await _pull(server, backend)
        else:
            await backend.configure(editor_settings=section)
        server.configured(backend)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(_params: types.DidChangeWorkspaceFoldersParams) -> None:
        backend = await server.backend()
        await backend.configure(roots=tuple(server.folders))
        await backend.look_at_trust()

    _saving(server)
    _closing(server)


def _saving(server: PolypilotServer[Backend]) -> None:
    """Ignore files count from the next request on, even if the disk does not answer then."""

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        (await server.backend()).saved(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def changed(params: types.DidChangeWatchedFilesParams) -> None:
        from polypilot.settings import WORKSPACE_FILE  # noqa: PLC0415 - with the backend

        backend = await server.backend()
        for change in params.changes:
            backend.saved(change.uri)
        if any(change.uri.endswith(f"/{WORKSPACE_FILE}") for change in params.changes):
            await backend.reload()
            server.configured(backend)


def _closing(server: PolypilotServer[Backend]) -> None:
    """Documents and cells that the engine may forget."""

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        (await server.backend()).engine.close(params.text_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def cells(params: types.DidChangeNotebookDocumentParams) -> None:
        change = params.change.cells
        gone = change.structure.did_close if change and change.structure else None
        for cell in gone or ():
            (await server.backend()).engine.close(cell.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def notebook(params: types.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            (await server.backend()).engine.close(cell.uri)


async def make_backend(start: Start) -> Backend:
    """Make the backend, off the loop: its imports take longer than answering ``initialize``."""
    from polypilot.tasks import run_blocking  # noqa: PLC0415 - as the backend itself

    return await run_blocking(_open, start, timeout=60, name="backend")


def _open(start: Start) -> Backend:
    from polypilot.backend import Backend  # noqa: PLC0415 - see make_backend
    from polypilot.lsp.features.chat import load  # noqa: PLC0415 - likewise
    from polypilot_prompts.chat import system_prompt  # noqa: PLC0415 - likewise

    system_prompt("")  # reads its template now: the first answer would, in the event loop
    load()  # likewise
    backend = Backend.open(
        editor_settings=start.options, roots=tuple(start.folders), documents=start.documents
    )
    logging.getLogger().setLevel(backend.settings.log.level.upper())
    return backend


def _ask_for_changes(server: PolypilotServer[Backend]) -> None:
    """Register for changes of what decides, with an editor that tells only those who ask.

    Files are changed by a checkout or another program too.
    """
    workspace = server.client_capabilities.workspace
    settings = workspace.did_change_configuration if workspace else None
    if settings is not None and settings.dynamic_registration:
        section = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
        register_method(server, CONFIGURATION, section)
    files = workspace.did_change_watched_files if workspace else None
    if files is not None and files.dynamic_registration:
        register_method(server, types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _watched())


def _watched() -> types.DidChangeWatchedFilesRegistrationOptions:
    from polypilot.settings import WORKSPACE_FILE  # noqa: PLC0415 - with the backend
    from polypilot.workspace.ignore_state import IGNORE_NAMES  # noqa: PLC0415 - likewise

    names = ",".join((*sorted(IGNORE_NAMES), WORKSPACE_FILE))
    return types.DidChangeWatchedFilesRegistrationOptions(
        [types.FileSystemWatcher(f"**/{{{names}}}")]
    )


async def _pull(server: PolypilotServer[Backend], backend: Backend) -> None:
    """Ask the editor for our section, if it can be asked."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return
    params = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    try:
        async with asyncio.timeout(PULL_S):
            answer = await server.workspace_configuration_async(params)
    except Exception as error:  # noqa: BLE001 - a client's error answer, of whatever kind
        log.info("the editor gave no configuration: %s", type(error).__name__)
        return
    section = answer[0] if answer else None
    if isinstance(section, dict):
        server.editor_settings = cast("Mapping[str, object]", section)
        await backend.configure(editor_settings=server.editor_settings)


def _ours(settings: object) -> Mapping[str, object] | None:
    tree = cast("dict[str, object]", settings) if isinstance(settings, dict) else {}
    section = tree.get(SECTION)
    return cast("dict[str, object]", section) if isinstance(section, dict) else None


def _announce(server: PolypilotServer[Backend], status: Status) -> None:
    server.protocol.notify(methods.STATUS, to_wire(status))


class _Loading:
    """Work-done progress while the embedded model is loaded; it takes seconds."""

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._token = ""
        """Of the report that is shown; a token must not be used for two."""
        self._said = ""

    def stage(self, stage: Step) -> None:
        """Tell the editor how far the start is."""
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            return
        if stage in {"ready", "failed"}:
            if self._token:
                self._report(types.WorkDoneProgressEnd(message=stage))
            self._token = ""
        elif not self._token:
            self._token = f"polypilot-embedded-{next(self._numbers)}"
            self._server.window_work_done_progress_create(
                types.WorkDoneProgressCreateParams(self._token)
            )
            self._report(types.WorkDoneProgressBegin("Polypilot: embedded model", message=stage))
        elif stage != self._said:  # each request that waits for the start is told of it
            self._report(types.WorkDoneProgressReport(message=stage))
        self._said = stage

    def _report(self, value: object) -> None:
        self._server.progress(types.ProgressParams(self._token, value))
