"""What features have registered: the seam at which they are added, and how they are found.

A feature module has a function that takes the server and registers coroutine functions::

    def register(server: PolypilotServer[Backend]) -> None:
        @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
        async def complete(params: types.InlineCompletionParams) -> types.InlineCompletionList:
            backend = await server.backend()
            ...
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder

from polypilot.lsp.calls import CANCEL_GRACE
from polypilot.lsp.conversion import is_notification
from polypilot.lsp.faults import Code, ReplyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from polypilot.lsp.calls import Handler
    from polypilot.workspace.text_units import Encoding

    AsyncHandler = TypeVar("AsyncHandler", bound=Callable[..., Awaitable[Any]])

SYNC = types.TextDocumentSyncKind.Incremental
NOTEBOOK_SYNC = types.NotebookDocumentSyncOptions(
    [types.NotebookDocumentFilterWithNotebook(notebook="*")], save=True
)


class Registry:
    """Handlers by method and by command, and what a client is told of them."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}
        self._options: dict[str, Any] = {}
        self._commands: dict[str, Handler] = {}
        self._grace: dict[str, float] = {}
        self._advertise: dict[str, Callable[[types.InitializeParams], bool]] = {}

    def feature(
        self,
        name: str,
        options: Any | None,
        cancel_grace: float,
        advertise: Callable[[types.InitializeParams], bool] | None,
    ) -> Callable[[AsyncHandler], AsyncHandler]:
        """See :meth:`PolypilotServer.feature`."""

        def register(handler: AsyncHandler) -> AsyncHandler:
            _check_async(handler)
            handlers = self._handlers.setdefault(name, [])
            if handlers and not is_notification(name):
                raise ValueError(f"{name} has a handler already")
            handlers.append(handler)
            self._grace[name] = cancel_grace
            if options is not None:
                self._options[name] = options
            if advertise is not None:
                self._advertise[name] = advertise
            return handler

        return register

    def command(self, name: str) -> Callable[[AsyncHandler], AsyncHandler]:
        """See :meth:`PolypilotServer.command`."""

        def register(handler: AsyncHandler) -> AsyncHandler:
            _check_async(handler)
            self._commands[name] = handler
            return handler

        return register

    def request(self, method: str) -> Handler | None:
        """The handler of a request; None for an unknown method and for notifications."""
        handlers = () if is_notification(method) else self._handlers.get(method)
        return handlers[0] if handlers else None

    def notification(self, method: str) -> Sequence[Handler]:
        """The handlers of a notification."""
        return self._handlers.get(method, ()) if is_notification(method) else ()

    def cancel_grace(self, method: str) -> float:
        """Seconds that a cancelled request's handler has to end by itself."""
        return self._grace.get(method, CANCEL_GRACE)

    async def execute(self, params: types.ExecuteCommandParams) -> Any:
        """Runs a command.

        Raises:
            ReplyError: there is no such command, or it takes other arguments.
        """
        handler = self._commands.get(params.command)
        if handler is None:
            raise ReplyError(Code.INVALID_PARAMS, "the command is not known")
        arguments = params.arguments or ()
        try:
            inspect.signature(handler).bind(*arguments)
        except TypeError:
            raise ReplyError(Code.INVALID_PARAMS, "wrong number of arguments") from None
        return await handler(*arguments)

    def capabilities(
        self, params: types.InitializeParams, encoding: Encoding, ours: Iterable[str]
    ) -> types.ServerCapabilities:
        """What the client is told; ``ours`` are the methods that the server handles itself."""
        features = {*ours, *self._handlers}
        features -= {name for name, wanted in self._advertise.items() if not wanted(params)}
        built = ServerCapabilitiesBuilder(
            params.capabilities,
            features,
            self._options,
            list(self._commands),
            SYNC,
            NOTEBOOK_SYNC,
            encoding,
        ).build()
        if isinstance(built.text_document_sync, types.TextDocumentSyncOptions):
            # The text that comes with a save puts a document in sync again that was not.
            built.text_document_sync.save = types.SaveOptions(include_text=True)
        offered = dict.fromkeys(("chat", "edit", "lm", "select"), True)
        built.experimental = {"polypilot": {"version": 1, **offered}}
        return built


def _check_async(handler: Callable[..., object]) -> None:
    if not inspect.iscoroutinefunction(handler):
        raise TypeError(f"{handler!r} is not a coroutine function")
