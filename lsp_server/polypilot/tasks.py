"""Tasks with an owner, and blocking calls that can't keep the process alive."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import traceback
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Tasks:
    """Holds every task it started until the task ends, and ends them all at shutdown.

    The event loop itself keeps only weak references: a task that nobody holds may vanish
    half done.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._latest: dict[Hashable, asyncio.Task[object]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coro: Coroutine[object, object, _T], *, name: str) -> asyncio.Task[_T]:
        """Start ``coro``. Its failure is logged by type and place, never with its text.

        After ``aclose`` the task is cancelled before its first step.
        """
        task = asyncio.create_task(coro, name=name)  # noqa: TID251  (this is the owner)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if self._closed:
            task.cancel()
        return task

    def latest(
        self, key: Hashable, coro: Coroutine[object, object, _T], *, name: str = ""
    ) -> asyncio.Task[_T]:
        """Start ``coro`` in place of the one started before under ``key``, which is cancelled."""
        previous = self._latest.pop(key, None)
        if previous is not None:
            previous.cancel()
        task = self.spawn(coro, name=name or str(key))
        self._latest[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))
        return task

    def cancel(self, key: Hashable) -> None:
        """Cancel what ``latest`` started under ``key``, if it still runs."""
        task = self._latest.pop(key, None)
        if task is not None:
            task.cancel()

    async def aclose(self, timeout: float = 1.0) -> tuple[str, ...]:  # noqa: ASYNC109  (a budget)
        """Cancel every task and wait at most ``timeout`` seconds for them to end.

        Returns the names of those that did not. Safe to call twice.
        """
        self._closed = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while pending := self._others():
            for task in pending:
                task.cancel()
            left = deadline - loop.time()
            if left <= 0:
                break
            await asyncio.wait(pending, timeout=left)
        stuck = tuple(sorted(task.get_name() for task in self._others()))
        if stuck:
            log.warning("%d tasks did not end in %g s: %r", len(stuck), timeout, stuck)
        return stuck

    def _others(self) -> set[asyncio.Task[object]]:
        """All but the calling task, which can't wait for itself."""
        return {task for task in self._tasks if not task.done()} - {asyncio.current_task()}

    def _forget(self, key: Hashable, done: asyncio.Task[_T]) -> None:
        if self._latest.get(key) is done:
            del self._latest[key]

    def _done(self, task: asyncio.Task[_T]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        exc = task.exception()
        if exc is not None:
            log.warning("task %r failed: %s", task.get_name(), _where(exc))


def start_blocking(fn: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Future[_T]:
    """Run ``fn`` on a daemon thread of its own; the future yields what it returns or raises.

    A pool is no place for calls that may hang for ever: the interpreter joins a pool's
    threads at exit, daemon threads it leaves behind. Cancelling the future does not stop the
    thread; what it yields is then dropped. A SystemExit in the thread arrives as
    RuntimeError, so that a library can't end the process.

    Raises:
        RuntimeError: the system gives no more threads.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: _T | None, exc: BaseException | None) -> None:
        if future.done():
            return
        if exc is None:
            future.set_result(result)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (None only beside an exception)
        else:
            future.set_exception(exc)

    def work() -> None:
        result: _T | None = None
        failure: BaseException | None = None
        try:
            result = context.run(fn, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001  (handed to whoever awaits)
            failure = RuntimeError("StopIteration") if isinstance(exc, StopIteration) else exc
        except BaseException as exc:  # noqa: BLE001  (likewise, in a form that ends nothing)
            failure = RuntimeError(f"{type(exc).__name__} in a worker thread")
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    name = getattr(fn, "__qualname__", "call")
    threading.Thread(target=work, name=f"polypilot:{name}", daemon=True).start()
    return future


async def run_blocking(
    fn: Callable[..., _T],
    *args: object,
    timeout: float,  # noqa: ASYNC109  (the thread can't be cancelled, only left behind)
    name: str = "",
) -> _T:
    """Run ``fn(*args)`` on a fresh daemon thread and wait at most ``timeout`` seconds.

    Raises:
        TimeoutError: it did not return in time; the thread goes on, its result is dropped.
    """
    future = start_blocking(fn, *args)
    try:
        done, _ = await asyncio.wait({future}, timeout=timeout)
        if not done:
            raise TimeoutError(f"{name or 'a blocking call'} did not return in {timeout:g} s")
        return future.result()
    finally:
        future.cancel()  # a failure that arrives later is nobody's


def _where(exc: BaseException) -> str:
    """Type and innermost place of ``exc``. Its text may hold a key or the user's code."""
    frames = traceback.extract_tb(exc.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(exc).__name__}{place}"
