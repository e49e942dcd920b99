"""JSON-RPC, hardened: whatever the client sends is answered as the specification says.

pygls supplies the types, the requests to the client, progress and capabilities. Everything
that arrives goes through `PolypilotProtocol.receive` instead of pygls' own path, which leaves
invalid messages unanswered, structures any nested object that has a ``jsonrpc`` key, puts
tracebacks and exception texts into replies, and dies of a handler's ``SystemExit``.

Handlers are coroutine functions of one argument, the params. A request's handler runs as a
task of its own. It takes its first step before the next message is read, so what it looks at
first (a document, say) is what the client meant.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

from polypilot.errors import trace
from polypilot.lsp.calls import Call, Calls, Failed, MsgId, Stats, guarded, is_id
from polypilot.lsp.conversion import (
    InvalidParamsError,
    message_type,
    params_type,
    result_type,
    structure,
    to_json,
)
from polypilot.lsp.faults import Code, ReplyError, reply_for
from polypilot.stdio.jsontext import decode, encode
from polypilot.stdio.messages import take

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future as ThreadFuture

    from cattrs import Converter

    from polypilot.lsp.framing import Frame
    from polypilot.lsp.server import PolypilotServer
    from polypilot.stdio.faults import RpcError
    from polypilot.stdio.writing import Sink

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 1000
"""Requests that may be running at once; more are refused."""
SHUTDOWN_GRACE = 0.1
"""Seconds that running requests have to end by themselves at ``shutdown``."""
_SYNC_PREFIXES = ("textDocument/did", "notebookDocument/did")


class PolypilotProtocol(LanguageServerProtocol):
    """One connection's state. ``sink`` is set before the first message."""

    # The base class declares the class of servers that it was written for.
    _server: PolypilotServer[Any]  # pyright: ignore[reportIncompatibleVariableOverride] - narrower than pygls's own on purpose

    def __init__(self, server: PolypilotServer[Any], converter: Converter) -> None:
        super().__init__(server, converter)
        self.sink: Sink | None = None
        self.stats = Stats()
        self.calls = Calls(self._answer)
        self._to_json = to_json(converter)
        self._initialized = False
        self._exiting = False
        self._sent = 0

    @property
    def shutting_down(self) -> bool:
        """Whether ``shutdown`` has come."""
        return self._shutdown

    # -- what arrives --------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """Takes a message of ordinary size; never raises."""
        try:
            message = self.decode(frame)
        except ReplyError as error:
            self.refuse(None, error)
        else:
            self.handle(message)

    def decode(self, frame: Frame) -> object:
        """A message's value.

        Raises:
            ReplyError: it is no JSON in UTF-8.
        """
        try:
            if frame.utf8:
                return decode(frame.body)
        except ValueError:
            pass
        raise ReplyError(Code.PARSE_ERROR, "the message is not JSON in UTF-8")

    def handle(self, message: object) -> None:
        """Takes a decoded message; never raises."""
        try:
            take(self, message, is_id)
        except Exception as exc:  # noqa: BLE001 -- a defect of ours must not end the connection
            log.error("a message could not be handled: %s", trace(exc))  # noqa: TRY400 -- no text

    # -- requests ------------------------------------------------------------------------

    def requested(self, msg_id: MsgId, method: str, raw: object) -> None:
        """Takes a request."""
        self.stats.requests += 1
        try:
            self._check_state(msg_id, method)
            params = structure(self._converter, raw, params_type(method))
            if method == types.INITIALIZE:
                result = self._server.initialize(params)
                self._initialized = True
                self._answer(msg_id, result)
            else:
                self._start(Call(msg_id, method, self._server.cancel_grace(method)), params)
        except InvalidParamsError as error:
            self.refuse(msg_id, ReplyError(Code.INVALID_PARAMS, str(error)))
        except ReplyError as error:
            self.refuse(msg_id, error)
        except Exception as exc:  # noqa: BLE001 -- every request gets its reply
            log.error("request %r failed: %s", method, trace(exc))  # noqa: TRY400 -- no text
            self.refuse(msg_id, reply_for(exc))

    def _check_state(self, msg_id: MsgId, method: str) -> None:
        if self._shutdown or self._exiting:
            raise ReplyError(Code.INVALID_REQUEST, "the server has been shut down")
        if self._initialized == (method == types.INITIALIZE):
            if self._initialized:
                raise ReplyError(Code.INVALID_REQUEST, "initialize was already answered")
            raise ReplyError(Code.NOT_INITIALIZED, "initialize comes first")
        if msg_id in self.calls:
            raise ReplyError(Code.INVALID_REQUEST, "a request with this id is still running")
        if method != types.INITIALIZE and self._server.request_handler(method) is None:
            raise ReplyError(Code.METHOD_NOT_FOUND, "the method is not known")
        if len(self.calls) >= MAX_IN_FLIGHT and method != types.SHUTDOWN:
            raise ReplyError(Code.REQUEST_FAILED, "too many requests", {"code": "overloaded"})

    def _start(self, call: Call, params: object) -> None:
        handler = self._server.request_handler(call.method)
        assert handler is not None, call.method  # noqa: S101 -- _check_state has seen it
        if call.method == types.SHUTDOWN:
            self._shutdown = True
            self.calls.cancel_all(SHUTDOWN_GRACE)
        self.calls.start(call, handler, params)

    async def finish(self, within: float) -> None:
        """Cancels everything; when it returns, every request has been answered."""
        self._exiting = True
        await self.calls.finish(within)

    # -- notifications -------------------------------------------------------------------

    def notified(self, method: str, raw: object) -> None:
        """Takes a notification."""
        if method == types.CANCEL_REQUEST:
            if isinstance(raw, dict):
                self.calls.cancel(cast("dict[str, object]", raw).get("id"))
        elif method == types.EXIT:
            self._server.finish(0 if self._shutdown else 1)
        elif not self._initialized or self._shutdown:
            log.info("ignored notification %r outside of the session", method)
        else:
            self._session_notification(method, raw)

    def _session_notification(self, method: str, raw: object) -> None:
        builtin, handlers = self._server.notification_handlers(method)
        if builtin is None and not handlers:
            log.info("ignored unknown notification %r", method)
            return
        try:
            params = structure(self._converter, raw, params_type(method))
            if builtin is not None:
                builtin(params)
        except Exception as exc:  # noqa: BLE001 -- there is nobody to answer
            log.warning("notification %r failed: %s", method, trace(exc))
            # Not for those that only look like it: they change no document.
            if builtin is not None and method.startswith(_SYNC_PREFIXES):
                self._server.sync.lost(raw)
            return
        for handler in handlers:
            self.calls.spawn(guarded(method, handler, params), method)

    # -- responses to our own requests -----------------------------------------------------

    def answered(self, msg_id: MsgId, fields: dict[str, Any]) -> None:
        """Takes the answer to a request of ours."""
        future = self._request_futures.pop(msg_id, None)
        kind = self._result_types.pop(msg_id, None)
        if future is None or not future.set_running_or_notify_cancel():
            log.info("ignored an answer that nobody waits for")
            return
        error = fields.get("error")
        if error is not None:
            code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
            failure = JsonRpcException("the client refused", code if type(code) is int else None)
            future.set_exception(failure)
            return
        try:
            result = fields.get("result")
            if kind is not None:
                message = {"id": msg_id, "jsonrpc": self.VERSION, "result": result}
                result = structure(self._converter, message, kind).result
        except InvalidParamsError:
            future.set_exception(JsonRpcException("the client's answer has the wrong type"))
        else:
            future.set_result(result)

    def send_request(
        self,
        method: str,
        params: Any | None = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: MsgId | None = None,
    ) -> ThreadFuture[Any]:
        """Asks the client. Cancelling the future tells the client and forgets the answer."""
        self._sent += 1
        sent_id = f"polypilot-{self._sent}" if msg_id is None else msg_id
        future = super().send_request(method, params, callback, sent_id)

        def forget(done: ThreadFuture[Any]) -> None:
            if done.cancelled() and self._request_futures.pop(sent_id, None) is not None:
                self._result_types.pop(sent_id, None)
                self.notify(types.CANCEL_REQUEST, types.CancelParams(id=sent_id))

        future.add_done_callback(forget)
        return future

    # -- what is sent --------------------------------------------------------------------

    def refuse(self, msg_id: MsgId | None, error: RpcError) -> None:
        """Answers with an error; without an id if the message had none that could be read."""
        refused = self.stats.refused
        refused[error.code] = refused.get(error.code, 0) + 1
        if msg_id is not None:
            self.stats.replies += 1
        self._put({"jsonrpc": self.VERSION, "id": msg_id, "error": error.as_error()})

    def _answer(self, msg_id: MsgId, outcome: object) -> None:
        if isinstance(outcome, Failed):
            self.refuse(msg_id, outcome.error)
            return
        try:
            self._put({"jsonrpc": self.VERSION, "id": msg_id, "result": outcome})
            self.stats.replies += 1
        except Exception as exc:  # noqa: BLE001 -- every request gets its reply
            log.error("a result can't be sent: %s", trace(exc))  # noqa: TRY400 -- no text
            self.refuse(msg_id, reply_for(exc))

    def _put(self, message: object) -> None:
        body = encode(message, self._to_json)
        if self.sink is not None:
            self.sink.put(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def _send_data(self, data: Any) -> None:
        """Where pygls sends its requests.

        Raises:
            TypeError, ValueError: the params can't be expressed in JSON.
        """
        self._put(data)

    def notify(self, method: str, params: Any | None = None) -> None:
        """Sends a notification; after ``exit`` into the void.

        Raises:
            TypeError, ValueError: the params can't be expressed in JSON.
        """
        if not self._exiting:
            message: dict[str, Any] = {"jsonrpc": self.VERSION, "method": method}
            if params is not None:
                message["params"] = params
            self._put(message)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        """Runs a coroutine until the connection ends; returns its task."""
        return self.calls.spawn(work, name)

    # The base class keeps what these give in caches that keep the connection as well.

    def get_message_type(self, method: str) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride] -- a cached function there
        """The type of a standard method's message."""
        return message_type(method)

    def get_result_type(self, method: str) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride] -- likewise
        """The type of the response to a standard request."""
        return result_type(method)

    def _register_builtin_features(self) -> None:
        """What pygls would find by looking at every attribute is in the server's table."""
