"""From bytes to the protocol: one message per turn of the event loop, large ones in slices."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from polypilot.lsp.faults import Code, ReplyError
from polypilot.lsp.framing import Frame, Framer, FramingError
from polypilot.lsp.jsontext import LARGE, decode_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.lsp.server import PolypilotServer

STALL = 0.5
"""Seconds without a byte, in the middle of a message, after which it is looked at."""


class Connection:
    """Feeds what is read to a server's protocol.

    While a large message is being decoded, later requests are handled and later notifications
    wait, so that documents change in the order in which they were changed; until they have,
    the document store gives no snapshot.
    """

    def __init__(
        self, server: PolypilotServer[Any], broken: Callable[[str], None], *, stall: float = STALL
    ) -> None:
        self._protocol = server.protocol
        self._server = server
        self._broken = broken
        self._stall = stall
        self._framer = Framer()
        self._frames: deque[Frame] = deque()
        self._waiting: deque[object] = deque()  # messages, and frames that are large
        self._large = False
        self._scheduled = False
        self._ended = False
        self._over = False  # the end has been told
        self._failure = ""
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """Messages received and not handled."""
        return len(self._frames) + len(self._waiting)

    def feed(self, data: bytes) -> None:
        """Takes bytes."""
        if self._failure:
            return
        self._received += len(data)
        try:
            self._frames.extend(self._framer.feed(data))
        except FramingError as error:
            self._failure = str(error)
        self._schedule()
        if self._framer.inside and self._timer is None:
            self._watch_stall()

    def end(self) -> None:
        """There will be no more bytes."""
        self._ended = True
        self._schedule()

    # -- one message at a time -------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._scheduled = False
        if self._frames:
            self._take(self._frames.popleft())
            self._schedule()
        elif self._failure and not self._over:
            self._over = True
            self._broken(self._failure)
        elif self._ended and not self._large and not self._over:
            self._over = True
            self._server.input_ended()

    def _take(self, frame: Frame) -> None:
        if len(frame.body) > LARGE and frame.utf8:
            self._waiting.append(frame)
            if not self._large:
                self._large = True
                self._server.documents.suspend()
                self._protocol.spawn(self._drain(), "large message")
        elif self._large:
            try:
                message = self._protocol.decode(frame)
            except ReplyError as error:
                self._protocol.refuse(None, error)
                return
            if self._protocol.must_wait(message):
                self._waiting.append(message)
            else:
                self._protocol.handle(message)
        else:
            self._protocol.receive(frame)

    async def _drain(self) -> None:
        """Decodes large messages and handles what waits behind them, in order."""
        try:
            while self._waiting:
                item = self._waiting.popleft()
                if isinstance(item, Frame):
                    await self._take_large(item)
                else:
                    self._protocol.handle(item)
        finally:
            self._large = False
            self._server.documents.resume()
            self._schedule()

    async def _take_large(self, frame: Frame) -> None:
        try:
            message = await decode_large(frame.body)
        except ValueError:
            error = ReplyError(Code.PARSE_ERROR, "the message is not JSON in UTF-8")
            self._protocol.refuse(None, error)
        else:
            text = _longest_text(message)
            if len(text) > LARGE:
                await self._server.documents.prepare(text)
            self._protocol.handle(message)
            self._server.documents.drop_prepared()

    # -- messages that do not end ------------------------------------------------------------

    def _watch_stall(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stall, self._check_stall, self._received)

    def _check_stall(self, received: int) -> None:
        self._timer = None
        if not self._framer.inside or self._failure:
            return
        if received != self._received:
            self._watch_stall()
            return
        try:
            self._framer.check_stalled()
        except FramingError as error:
            self._failure = str(error)
            self._schedule()


def _longest_text(message: object) -> str:
    """The longest string in a message, which in a large one is a document's text."""
    longest, waiting = "", [message]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += cast("list[object]", value)
        elif isinstance(value, dict):
            waiting += cast("dict[str, object]", value).values()
        elif isinstance(value, str) and len(value) > len(longest):
            longest = value
    return longest
