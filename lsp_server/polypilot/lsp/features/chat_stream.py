"""One stream on its way to the editor: deltas in order, text joined, never the whole again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.lsp.chat_methods import TextDelta

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.chat_methods import Saying
    from polypilot.lsp.server import PolypilotServer

FLUSH_S = 0.04
"""Deltas that arrive within this many seconds travel together: a model's tokens may come
faster than an editor draws."""
TURN_S = 0.002
"""Seconds that a stream may keep the event loop to itself."""


class Deltas:
    """Sends what it is given under ``token``; without one, into the void.

    Text travels with what follows it closely; the first piece goes at once. Whoever feeds it
    awaits :meth:`room` after each event: then what waits here is what arrives in ``FLUSH_S``.
    """

    def __init__(self, server: PolypilotServer[Backend], token: types.ProgressToken | None) -> None:
        self._server = server
        self._token = token
        self._runs: list[tuple[Saying, list[str]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._yielded = 0.0
        """When others last had their turn, by the loop's clock."""

    def say(self, text: str, kind: Saying = "text") -> None:
        """A piece of text."""
        if self._token is None:
            return
        if self._runs and self._runs[-1][0] == kind:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((kind, [text]))
        if self._timer is None:
            self._again()

    def send(self, delta: object) -> None:
        """Anything else, after the text before it."""
        self._flush()
        self._report(delta)

    async def room(self) -> None:
        """Returns when the editor has read enough of what was sent.

        What a provider has sent already arrives without a wait in between: then others get
        their turn here.
        """
        if self._server.congested:
            await self._server.drained()
        now = asyncio.get_running_loop().time()
        if now - self._yielded > TURN_S:
            await asyncio.sleep(0)
            self._yielded = now

    def close(self) -> None:
        """Send what waits. Nothing follows."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    def _again(self) -> None:
        self._timer = None
        if self._runs:
            self._flush()
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._again)

    def _flush(self) -> None:
        runs, self._runs = self._runs, []
        for kind, pieces in runs:
            self._report(TextDelta("".join(pieces), kind))

    def _report(self, delta: object) -> None:
        if self._token is not None:
            self._server.progress(types.ProgressParams(self._token, delta))


class Work:
    """Work-done progress with a button that stops the work, and the way to be stopped by it."""

    def __init__(
        self,
        server: PolypilotServer[Backend],
        token: types.ProgressToken | None,
        running: dict[int | str, asyncio.Task[object]],
    ) -> None:
        self._server = server
        self._token = token
        self._running = running
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> None:
        """From now on the running task may be stopped."""
        self._task = asyncio.current_task()
        if self._token is not None and self._task is not None:
            self._running[self._token] = self._task
            self._report(types.WorkDoneProgressBegin("Polypilot", cancellable=True))

    def __exit__(self, *_: object) -> None:
        """It has ended."""
        if self._token is None:
            return
        if self._running.get(self._token) is self._task:
            del self._running[self._token]
        self._report(types.WorkDoneProgressEnd())

    def _report(self, value: object) -> None:
        if self._token is not None:
            self._server.progress(types.ProgressParams(self._token, value))
