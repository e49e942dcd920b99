"""Work that goes on after the command that began it was answered.

The editor's user sees how far it is (work-done progress) and can stop it: by that progress, or,
since many editors show no button for it, by a code action.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.errors import UserError, describe, trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from polypilot.backend import Backend
    from polypilot.errors import Problem
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

MOST = 8
REPORT_S = 0.25
"""Between two reports of one piece of work."""


class Work:
    """One piece of work."""

    def __init__(self, server: PolypilotServer[Backend], number: int, title: str, uri: str) -> None:
        self.number = number
        self.title = title
        self.uri = uri
        """The document that it is about."""
        self.token = f"polypilot-work-{number}"
        self._server = server
        self._shown = False
        self._ended = False
        self._message = ""
        self._reported = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stop: Callable[[], object] | None = None

    def say(self, message: str) -> None:
        """Show how far it is; of messages that follow each other closely, the last."""
        self._message = message
        if self._shown and self._timer is None:
            loop = asyncio.get_running_loop()
            due = max(self._reported + REPORT_S, loop.time())
            self._timer = loop.call_at(due, self._report)

    def _report(self) -> None:
        self._timer = None
        self._reported = asyncio.get_running_loop().time()
        self._send(types.WorkDoneProgressReport(message=self._message, cancellable=True))

    def on_stop(self, stop: Callable[[], object]) -> None:
        """Have this called when it is to stop, instead of being cancelled as a whole."""
        self._stop = stop

    def stop(self) -> bool:
        """Stop what goes on inside; False: there is nothing of the kind."""
        if self._stop is None:
            return False
        self._stop()
        return True

    def begin(self) -> None:
        """Ask the editor for a place to show it; nothing waits for that."""
        window = self._server.client_capabilities.window
        if window is not None and window.work_done_progress:
            params = types.WorkDoneProgressCreateParams(self.token)
            self._server.window_work_done_progress_create(params).add_done_callback(self._created)

    def end(self, message: str = "") -> None:
        """It is over."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._shown:
            self._send(types.WorkDoneProgressEnd(message=message or None))

    def _created(self, created: Future[None]) -> None:
        refused = created.cancelled() or created.exception() is not None
        if not refused and not self._ended:
            self._shown = True
            self._send(
                types.WorkDoneProgressBegin(
                    f"Polypilot: {self.title}", cancellable=True, message=self._message or None
                )
            )

    def _send(self, value: object) -> None:
        self._server.progress(types.ProgressParams(self.token, value))


class Works:
    """What is being worked on for one connection."""

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._running: dict[int, tuple[Work, asyncio.Task[None]]] = {}

    def start(
        self,
        title: str,
        uri: str,
        do: Callable[[Work], Awaitable[str]],
        over: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin; ``do`` returns a line on how it ended, for the progress.

        ``over`` is called when it has ended, however it does.

        Raises:
            UserError: ``busy``, there is enough going on already.
        """
        if len(self._running) >= MOST:
            raise UserError(
                f"{MOST} other requests are still being worked on",
                code="busy",
                cure="Wait for one, or stop it.",
            )
        work = Work(self._server, next(self._numbers), title, uri)
        task: asyncio.Task[None] = self._server.protocol.spawn(self._run(work, do), title)
        self._running[work.number] = (work, task)

        # A task that is cancelled before its first step runs no `finally`.
        def ended(_: object) -> None:
            del self._running[work.number]
            over()

        task.add_done_callback(ended)

    def on(self, uri: str) -> list[Work]:
        """What is being worked on for a document."""
        return [work for work, _ in self._running.values() if work.uri == uri]

    def stop(self, token: int | str) -> None:
        """Stop the work that has this token, if there is one."""
        for work, task in self._running.values():
            if token == work.token and not work.stop():
                task.cancel()

    async def _run(self, work: Work, do: Callable[[Work], Awaitable[str]]) -> None:
        ending = "stopped"
        work.begin()
        try:
            ending = await do(work)
        except Exception as error:  # noqa: BLE001 - the user is told, whatever it is
            problem = describe(error)
            ending = problem.message
            level = logging.WARNING if problem.code == "internal" else logging.INFO
            log.log(level, "%r ended: %s", work.title, trace(error))
            self.fail(work.title, problem)
        finally:
            work.end(ending)

    def fail(self, title: str, problem: Problem) -> None:
        """Tell the user why something was not done."""
        text = f"Polypilot, {title}: {problem.message}"
        self.tell(f"{text}. {problem.cure}" if problem.cure else text, types.MessageType.Error)

    def tell(self, text: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Show the user a message."""
        self._server.window_show_message(types.ShowMessageParams(kind, text))

    async def choose(self, text: str, options: list[str]) -> str:
        """The option that the user takes; empty: none."""
        items = [types.MessageActionItem(option) for option in options]
        params = types.ShowMessageRequestParams(types.MessageType.Info, text, items)
        answer = await self._server.window_show_message_request_async(params)
        return answer.title if answer is not None and answer.title in options else ""
