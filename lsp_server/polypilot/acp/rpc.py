"""JSON-RPC 2.0 over lines, for both sides of one connection. Knows no method of the protocol.

Each message is handled in a turn of the event loop of its own, and a request's handler takes
its first step before the next message is looked at; so what follows a request (a cancellation,
say) finds it begun. Every request is answered exactly once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard, cast

from polypilot.acp.faults import Code, cancelled, fault_of
from polypilot.acp.lines import Line, Lines, encode
from polypilot.errors import trace
from polypilot.stdio.faults import RpcError
from polypilot.stdio.jsontext import decode
from polypilot.stdio.messages import VERSION, take

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from polypilot.acp.checks import Params

log = logging.getLogger(__name__)

CANCEL = "$/cancel_request"
MAX_RUNNING = 1000
"""Requests that may be running at once; more are refused."""
GRACE_S = 1.0
"""Seconds that a cancelled handler has to end by itself before it is answered for."""

Id = int | str
_LONGEST_INTEGER = 63  # bits; the schema's ids are int64


@dataclass(frozen=True, slots=True)
class Reply:
    """A result, and what is to be done once it has been sent."""

    result: Mapping[str, object]
    then: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Method:
    """How a request is handled."""

    run: Callable[[Params], Awaitable[Mapping[str, object] | Reply]]
    cancelled: Mapping[str, object] | None = None
    """The result of one that was cancelled; None: an error says so."""


@dataclass(slots=True)
class _Call:
    id: Id
    method: Method
    task: asyncio.Task[Mapping[str, object] | Reply | RpcError] | None = None
    answered: bool = False


class Peer:
    """One connection.

    Args:
        send: takes a line; never blocks.
        ended: called when the input has ended and what came before it was handled.
    """

    def __init__(self, send: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._send = send
        self._ended = ended
        self._methods: Mapping[str, Method] = {}
        self._notifications: Mapping[str, Callable[[Params], None]] = {}
        self._lines = Lines()
        self._waiting: deque[Line] = deque()
        self._scheduled = self._over = self._closed = False
        self._calls: dict[Id, _Call] = {}
        self._asked: dict[Id, asyncio.Future[object]] = {}
        self._last = 0

    def handle(
        self,
        methods: Mapping[str, Method],
        notifications: Mapping[str, Callable[[Params], None]],
    ) -> None:
        """Say what is done with the client's requests and notifications, before the first one.

        Notifications are functions, done before the next message is looked at.
        """
        self._methods, self._notifications = methods, {**notifications, CANCEL: self._cancel}

    # -- bytes in ------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._waiting.extend(self._lines.feed(data))
        self._schedule()

    def end(self) -> None:
        """There will be no more bytes. A last line without an end counts."""
        self._waiting.extend(self._lines.end())
        self._over = True
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        if self._waiting:
            line = self._waiting.popleft()
            try:
                self._take(line)
            except Exception as error:  # noqa: BLE001 -- a defect must not end the connection
                log.error("a message could not be handled: %s", trace(error))  # noqa: TRY400 -- no text
            self._schedule()
        elif self._over:
            self._closed = True
            self._ended()

    def _take(self, line: Line) -> None:
        if line.too_long:
            self.refuse(None, RpcError(Code.INVALID_REQUEST, "the message is too long"))
            return
        try:
            message = decode(line.data)
        except ValueError:
            self.refuse(None, RpcError(Code.PARSE_ERROR, "the line is not JSON in UTF-8"))
            return
        take(self, message, _is_id)

    # -- the client's requests -----------------------------------------------------------

    def requested(self, call_id: Id, name: str, raw: object) -> None:
        """Take a request."""
        method = self._methods.get(name)
        if method is None:
            self.refuse(call_id, RpcError(Code.METHOD_NOT_FOUND, "the method is not known"))
        elif call_id in self._calls:
            fault = RpcError(Code.INVALID_REQUEST, "a request with this id is still running")
            self.refuse(call_id, fault)
        elif len(self._calls) >= MAX_RUNNING:
            self.refuse(call_id, RpcError(Code.INTERNAL, "too many requests are running"))
        elif (params := _params(raw)) is None:
            self.refuse(call_id, RpcError(Code.INVALID_PARAMS, "params is not an object"))
        else:
            call = self._calls[call_id] = _Call(call_id, method)
            loop = asyncio.get_running_loop()
            call.task = loop.create_task(_guarded(name, method, params), name=name)
            call.task.add_done_callback(lambda task: self._done(call, task))

    def _done(
        self, call: _Call, task: asyncio.Task[Mapping[str, object] | Reply | RpcError]
    ) -> None:
        outcome = _withdrawn(call) if task.cancelled() else task.result()
        self._settle(call, outcome)

    def _settle(self, call: _Call, outcome: Mapping[str, object] | Reply | RpcError) -> None:
        if call.answered:
            return
        call.answered = True
        del self._calls[call.id]
        if isinstance(outcome, RpcError):
            self.refuse(call.id, outcome)
            return
        result = outcome.result if isinstance(outcome, Reply) else outcome
        self._put({"id": call.id, "result": result})
        if isinstance(outcome, Reply):
            outcome.then()

    def _cancel(self, params: Params) -> None:
        wanted = params.get("requestId")
        call = self._calls.get(wanted) if _is_id(wanted) else None
        if call is not None and call.task is not None:
            call.task.cancel()
            loop = asyncio.get_running_loop()
            loop.call_later(GRACE_S, lambda: self._settle(call, _withdrawn(call)))

    async def finish(self, within: float) -> None:
        """Take nothing more, cancel what runs; when it returns, every request is answered."""
        self._closed = True
        for future in self._asked.values():
            future.cancel()
        tasks = [call.task for call in self._calls.values() if call.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)
            await asyncio.sleep(0)  # for the callbacks that answer
        for call in list(self._calls.values()):
            self._settle(call, _withdrawn(call))

    # -- notifications -------------------------------------------------------------------

    def notified(self, name: str, raw: object) -> None:
        """Take a notification."""
        handler, params = self._notifications.get(name), _params(raw)
        if handler is None or params is None:
            log.info("ignored notification %r", name[:80])
            return
        try:
            handler(params)
        except RpcError as error:  # there is nobody to answer
            log.info("notification %r: %s", name, error.message)

    # -- what we send --------------------------------------------------------------------

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        """Send a notification."""
        self._put({"method": method, "params": params})

    async def request(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        """Ask the client. Cancelling tells it so.

        Raises:
            RpcError: the client refused, or its answer is no object.
        """
        self._last += 1
        mine = self._last
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._asked[mine] = future
        self._put({"id": mine, "method": method, "params": params})
        try:
            result = await future
        except asyncio.CancelledError:
            self.notify(CANCEL, {"requestId": mine})
            raise
        finally:
            del self._asked[mine]
        if isinstance(result, RpcError):
            raise result
        if not isinstance(result, dict):
            raise RpcError(Code.INTERNAL, "the client's answer is no object")
        return cast("dict[str, object]", result)

    def answered(self, call_id: Id, fields: dict[str, object]) -> None:
        """Take the answer to a request of ours."""
        future = self._asked.get(call_id)
        if future is None or future.done():
            log.info("ignored an answer that nobody waits for")
        elif fields.get("error") is not None:
            future.set_result(RpcError(Code.INTERNAL, "the client refused"))
        else:
            future.set_result(fields.get("result"))

    def refuse(self, call_id: Id | None, fault: RpcError) -> None:
        """Answer with an error; without an id if the message had none that could be read."""
        self._put({"id": call_id, "error": fault.as_error()})

    def _put(self, message: dict[str, object]) -> None:
        self._send(encode({"jsonrpc": VERSION, **message}))


async def _guarded(
    name: str, method: Method, params: Params
) -> Mapping[str, object] | Reply | RpcError:
    """Run a handler; what it raises is an answer, but for its being cancelled."""
    try:
        return await method.run(params)
    except Exception as error:  # noqa: BLE001 -- every request gets its answer
        fault = fault_of(error)
        if fault.code == Code.INTERNAL:
            log.warning("request %r failed: %s", name, trace(error))
        return fault
    except (KeyboardInterrupt, SystemExit) as error:  # a library's; ours come as signals
        log.error("request %r failed: %s", name, trace(error))  # noqa: TRY400 -- no text
        return RpcError(Code.INTERNAL, f"Polypilot failed inside ({type(error).__name__})")


def _withdrawn(call: _Call) -> Mapping[str, object] | RpcError:
    return cancelled() if call.method.cancelled is None else call.method.cancelled


def _is_id(value: object) -> TypeGuard[Id]:
    """Whether it is a request's id. To Python, ``True`` and ``1.0`` are the same as ``1``."""
    if type(value) is int:
        return value.bit_length() <= _LONGEST_INTEGER
    return type(value) is str


def _params(raw: object) -> Params | None:
    """Params by name; what is left out is none. A list can't be one."""
    if raw is None:
        return {}
    return cast("Params", raw) if isinstance(raw, dict) else None
