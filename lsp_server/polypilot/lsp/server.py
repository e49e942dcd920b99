"""The language server: state of a session; what features add to it is in `registry`.

The backend is made after ``initialize`` has been answered, so that nothing heavy delays the
answer; the first who asks for it waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from polypilot.errors import trace
from polypilot.lsp.calls import CANCEL_GRACE
from polypilot.lsp.conversion import shared_converter
from polypilot.lsp.copilot_names import is_copilot_client
from polypilot.lsp.faults import Code, ReplyError
from polypilot.lsp.handshake import Start, choose_encoding, section
from polypilot.lsp.moments import EditorDocuments
from polypilot.lsp.protocol import PolypilotProtocol
from polypilot.lsp.registry import NOTEBOOK_SYNC, SYNC, Registry
from polypilot.lsp.sync import Synchroniser

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Future

    from polypilot.lsp.calls import Handler

    AsyncHandler = TypeVar("AsyncHandler", bound=Callable[..., Awaitable[Any]])

log = logging.getLogger(__name__)

# A library's log of a message holds the user's code, at any level.
logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)


class Backend(Protocol):
    """What the server needs to know of the backend that its features use."""

    async def aclose(self) -> None:
        """Ends everything; called once, with a time limit."""
        ...


B = TypeVar("B", bound=Backend)


class PolypilotServer(LanguageServer, Generic[B]):
    """One editor's language server.

    ``finish`` is called with the exit code when the connection is to end, ``connected``
    with the client's process id at ``initialize``, ``make_backend`` once, after it.
    """

    # The base class declares the class of protocol that it was written for.
    protocol: PolypilotProtocol  # pyright: ignore[reportIncompatibleVariableOverride] - narrower than pygls's own on purpose

    def __init__(
        self,
        make_backend: Callable[[Start], Awaitable[B]],
        finish: Callable[[int], None],
        *,
        connected: Callable[[int | None], None] = lambda _: None,
        version: str = "",
    ) -> None:
        self.documents = EditorDocuments()
        self.sync = Synchroniser(self.documents)
        self.folders: dict[str, str] = {}
        """Workspace folders, name by URI."""
        self.editor_settings: Mapping[str, object] = {}
        """Our section of the editor's settings, as it was told last after the start."""
        self.copilot_client = False
        """Whether the client is one of GitHub's Copilot server."""
        self.finish = finish
        self._connected = connected
        self._make_backend = make_backend
        self._backend: asyncio.Task[B] | None = None
        self._start: Start | None = None
        self._registry = Registry()
        self._when_configured: list[Callable[[B], None]] = []
        super().__init__(  # pyright: ignore[reportUnknownMemberType] -- it ends in *args, **kwargs
            "polypilot",
            version,
            SYNC,
            NOTEBOOK_SYNC,
            protocol_cls=PolypilotProtocol,
            converter_factory=shared_converter,
        )
        self._requests: dict[str, Handler] = {
            types.INITIALIZE: _never,
            types.SHUTDOWN: self._shut_down,
            types.WORKSPACE_EXECUTE_COMMAND: self._registry.execute,
        }
        self._notifications: dict[str, Callable[[Any], None]] = {
            types.INITIALIZED: self._initialized,
            types.SET_TRACE: lambda _: None,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._folders_changed,
            types.WINDOW_WORK_DONE_PROGRESS_CANCEL: self._progress_cancelled,
            **self.sync.handlers,
        }

    # -- the seam --------------------------------------------------------------------------

    def feature(  # pyright: ignore[reportIncompatibleMethodOverride] -- narrower on purpose
        self,
        feature_name: str,
        options: Any | None = None,
        *,
        cancel_grace: float = CANCEL_GRACE,
        advertise: Callable[[types.InitializeParams], bool] | None = None,
    ) -> Callable[[AsyncHandler], AsyncHandler]:
        """Registers a coroutine function of one argument, the params, for a method.

        ``cancel_grace`` is how many seconds it has, once cancelled, to return a result of
        its own (or to end) before the request is answered with "cancelled" for it. With
        ``advertise``, only clients for which it is true are told of the feature. Handlers
        of notifications that the server handles itself run after it has done so. A
        notification may have several handlers, a request one.

        Raises:
            TypeError: the handler is not a coroutine function; it would block everyone.
            ValueError: the request has a handler already.
        """
        return self._registry.feature(feature_name, options, cancel_grace, advertise)

    def command(self, command_name: str) -> Callable[[AsyncHandler], AsyncHandler]:
        """Registers a coroutine function for ``workspace/executeCommand``; its arguments are the
        command's, as they came.

        Raises:
            TypeError: the handler is not a coroutine function.
        """  # noqa: D205 -- one sentence
        return self._registry.command(command_name)

    def when_configured(self, look: Callable[[B], None]) -> None:
        """Have ``look`` called whenever the settings may be others than before."""
        self._when_configured.append(look)

    def configured(self, backend: B) -> None:
        """The settings may be others than before."""
        for look in self._when_configured:
            look(backend)

    async def backend(self) -> B:
        """The backend, as soon as it is there.

        Raises:
            Exception: whatever making it failed with, to everyone who asks.
        """
        return await asyncio.shield(self._making())

    @property
    def congested(self) -> bool:
        """Whether the client reads more slowly than we send, so that streams should pause."""
        return self.protocol.sink is not None and self.protocol.sink.congested

    async def drained(self) -> None:
        """Returns when streams may go on."""
        if self.protocol.sink is not None:
            await self.protocol.sink.drained()

    def progress(self, params: types.ProgressParams) -> None:
        """Sends a piece of a stream or of a progress report.

        It is never dropped here: whoever sends many asks `congested` first and then joins or
        leaves out, or awaits `drained`.
        """
        self.protocol.notify(types.PROGRESS, params)

    # -- what the protocol asks ------------------------------------------------------------

    def request_handler(self, method: str) -> Handler | None:
        """The handler of a request; None for an unknown method and for notifications."""
        if method in self._requests:
            return self._requests[method]
        return self._registry.request(method)

    def notification_handlers(
        self, method: str
    ) -> tuple[Callable[[Any], None] | None, Sequence[Handler]]:
        """Our own handler of a notification, called at once, and the features' ones."""
        return self._notifications.get(method), self._registry.notification(method)

    def cancel_grace(self, method: str) -> float:
        """Seconds that a cancelled request's handler has to end by itself."""
        return self._registry.cancel_grace(method)

    def initialize(self, params: types.InitializeParams) -> types.InitializeResult:
        """Answers ``initialize``."""
        self.process_id = params.process_id
        self._connected(params.process_id)
        self.protocol.client_capabilities = params.capabilities
        self.copilot_client = is_copilot_client(params.initialization_options)
        # Such a client counts in UTF-16 whatever its editor says that it knows.
        encoding = "utf-16" if self.copilot_client else choose_encoding(params.capabilities)
        self.documents.encoding = encoding
        for folder in params.workspace_folders or ():
            self.folders[folder.uri] = folder.name
        if not self.folders and params.root_uri:
            self.folders[params.root_uri] = ""
        client = params.client_info
        self._start = Start(
            documents=self.documents,
            folders=self.folders,
            options=section(params.initialization_options),
            client_name=client.name if client else "",
            client_version=(client.version or "") if client else "",
            process_id=params.process_id,
        )
        ours = (*self._requests, *self._notifications)
        capabilities = self._registry.capabilities(params, encoding, ours)
        self.protocol.server_capabilities = capabilities
        return types.InitializeResult(capabilities, self.protocol.server_info)

    def input_ended(self) -> None:
        """The client closed its end of the wire."""
        self.finish(0 if self.protocol.shutting_down else 1)

    async def aclose(self, timeout: float) -> None:  # noqa: ASYNC109 -- a budget, not an error
        """Ends the backend, as far as ``timeout`` seconds suffice."""
        if self._backend is None:
            return
        if not self._backend.done():
            self._backend.cancel()
            return
        if self._backend.cancelled() or self._backend.exception() is not None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._backend.result().aclose()
        except Exception as exc:  # noqa: BLE001 -- we are going anyway
            log.warning("the backend did not end well: %s", trace(exc))

    # -- our own handlers --------------------------------------------------------------------

    def _initialized(self, _params: types.InitializedParams) -> None:
        self._making()

    def _making(self) -> asyncio.Task[B]:
        if self._backend is None:
            if self._start is None:
                raise ReplyError(Code.NOT_INITIALIZED, "initialize comes first")
            backend: asyncio.Task[B] = self.protocol.spawn(self._make(self._start), "backend")
            backend.add_done_callback(_log_failure)
            self._backend = backend
        return self._backend

    async def _make(self, start: Start) -> B:
        return await self._make_backend(start)

    async def _shut_down(self, _params: None) -> None:
        await self.protocol.calls.settled()

    def _folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            self.folders.pop(folder.uri, None)
        for folder in params.event.added:
            self.folders[folder.uri] = folder.name

    def _progress_cancelled(self, params: types.WorkDoneProgressCancelParams) -> None:
        progress: Any = self.protocol.progress
        tokens: Mapping[int | str, Future[Any]] = progress.tokens
        future = tokens.get(params.token)
        if future is not None:
            future.cancel()


async def _never(_params: object) -> None:
    """``initialize`` is answered at once, not by a task."""


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (exc := task.exception()) is not None:
        log.error("the backend could not be made: %s", trace(exc))
