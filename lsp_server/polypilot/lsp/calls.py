"""Running requests: each is answered exactly once, whatever its handler does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from polypilot.errors import trace
from polypilot.lsp.faults import CANCELLED, Code, ReplyError, reply_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import TypeGuard

    Handler = Callable[[Any], Awaitable[Any]]

log = logging.getLogger(__name__)

MsgId = int | str


def is_id(value: object) -> TypeGuard[MsgId]:
    """Whether it is a request's id. To Python, ``True`` and ``1.0`` are the same as ``1``."""
    return type(value) is int or type(value) is str


CANCEL_GRACE = 0.03
"""Seconds a cancelled handler has to end by itself before its request is answered for it."""


@dataclass(slots=True)
class Call:
    """A request that has not been answered yet."""

    id: MsgId
    method: str
    grace: float
    answered: bool = False
    task: asyncio.Task[Any] | None = None


@dataclass(slots=True)
class Stats:
    """Counters for tests and measurements."""

    requests: int = 0
    replies: int = 0
    refused: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(slots=True)
class Failed:
    """What a handler's task returns instead of raising: no exception may reach the loop."""

    error: ReplyError


class Calls:
    """The requests of one connection that are being worked on.

    ``answer`` is called once for each, with its result or with `Failed`.
    """

    def __init__(self, answer: Callable[[MsgId, object], None]) -> None:
        self._answer = answer
        self._calls: dict[MsgId, Call] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._behind: dict[MsgId, asyncio.Task[Any]] = {}
        """Work that goes on behind a request that was answered, by the request's id."""
        self._changed = asyncio.Event()
        self.most = 0
        """The most that ever ran at once."""

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def running(self) -> int:
        """Handlers that have not ended; one that would not be cancelled goes on unanswered."""
        return len(self._tasks)

    def __contains__(self, msg_id: object) -> bool:
        return is_id(msg_id) and msg_id in self._calls

    def start(self, call: Call, handler: Handler, params: object) -> None:
        """Runs a handler."""
        self._calls[call.id] = call
        self.most = max(self.most, len(self._calls))
        call.task = self.spawn(guarded(call.method, handler, params), call.method)
        call.task.add_done_callback(lambda task: self._done(call, task))

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Runs a coroutine and keeps hold of it; for those that raise nothing."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self, msg_id: object, within: float | None = None) -> None:
        """Cancels a request's handler, and answers for it after its grace, or ``within`` s."""
        call = self._calls.get(msg_id) if is_id(msg_id) else None
        if call is None or call.task is None:
            work = self._behind.get(msg_id) if is_id(msg_id) else None
            if work is not None:
                work.cancel()
            log.debug("cancel of a request that is not running")
            return
        call.task.cancel()
        grace = call.grace if within is None else min(call.grace, within)
        asyncio.get_running_loop().call_later(grace, self._settle, call, Failed(CANCELLED))

    def go_on_behind(self, work: asyncio.Task[Any]) -> None:
        """Let cancelling the running request end ``work`` even when it has been answered."""
        running = asyncio.current_task()
        for call in self._calls.values():
            if call.task is running:
                self._behind[call.id] = work
                work.add_done_callback(lambda _, msg_id=call.id: self._behind.pop(msg_id, None))

    def cancel_all(self, within: float) -> None:
        """Cancels every request but ``shutdown``."""
        for call in list(self._calls.values()):
            if call.method != types.SHUTDOWN:
                self.cancel(call.id, within)

    async def settled(self) -> None:
        """Returns when every request but ``shutdown`` has been answered."""
        while any(call.method != types.SHUTDOWN for call in self._calls.values()):
            self._changed.clear()
            await self._changed.wait()

    async def finish(self, within: float) -> None:
        """Cancels everything; returns when every request has been answered."""
        self.cancel_all(within)
        await self.settled()
        shutdowns = list(self._calls.values())
        if shutdowns:
            await asyncio.wait([call.task for call in shutdowns if call.task], timeout=within)
            await asyncio.sleep(0)  # for the callbacks that answer
        for call in shutdowns:
            self._settle(call, None)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    def _done(self, call: Call, task: asyncio.Task[Any]) -> None:
        self._settle(call, Failed(CANCELLED) if task.cancelled() else task.result())

    def _settle(self, call: Call, outcome: object) -> None:
        if not call.answered:
            call.answered = True
            if self._calls.get(call.id) is call:
                del self._calls[call.id]
            self._answer(call.id, outcome)
            self._changed.set()


async def guarded(method: str, handler: Handler, params: object) -> object:
    """A handler's result or failure. Nothing but its being cancelled gets out.

    ``SystemExit`` and ``KeyboardInterrupt`` raised in a task would end the event loop.
    """
    try:
        return await handler(params)
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # noqa: BLE001 -- see above
        with contextlib.suppress(Exception):  # telling about it must not fail, least of all now
            if not isinstance(exc, ReplyError):
                log.warning("%r failed: %s", method, trace(exc))
        try:
            return Failed(reply_for(exc))
        except Exception:  # noqa: BLE001 -- out of memory or stack, once more
            return Failed(ReplyError(Code.INTERNAL_ERROR, "internal error"))
