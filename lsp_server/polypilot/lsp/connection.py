"""From bytes to the protocol: one message per turn of the event loop, large ones in slices."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types

from polypilot.lsp.faults import CANCELLED, Code, ReplyError
from polypilot.lsp.framing import Frame, Framer, FramingError
from polypilot.lsp.jsontext import LARGE, decode_large
from polypilot.lsp.waiting import Line, request_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.lsp.server import PolypilotServer

STALL = 0.5
"""Seconds without a byte, in the middle of a message, after which it is looked at."""

READ_AT_THE_END = 4 * LARGE
"""Bytes of messages that are decoded when it ends, for the requests among them: some 20 ms."""


class Connection:
    """Feeds what is read to a server's protocol.

    While a large message is being decoded, what speaks of the same documents waits for it,
    and the document store gives no snapshot of them; see `waiting`.
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
        self._line = Line(server.protocol.calls)
        self._large = False
        self._reading: object = None
        """The large message that is being read: its frame, or what is known of it already."""
        self._closed = False
        self._scheduled = False
        self._ended = False
        self._over = False  # the end has been told
        self._failure = ""
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """Messages received and not handled."""
        return len(self._frames) + len(self._line)

    def feed(self, data: bytes) -> None:
        """Takes bytes."""
        if self._failure or self._closed:
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

    def close(self) -> None:
        """Handles nothing more, and answers every request that was received and not begun.

        A large message of which nothing is known yet is looked into only as far as there is
        time to; nearly all of them are documents, and want no answer.
        """
        self._closed = True
        left = READ_AT_THE_END
        for item in (self._reading, *self._line.clear(), *self._frames):
            message = item
            if isinstance(item, Frame):
                if len(item.body) > left:
                    continue
                left -= len(item.body)
                try:
                    message = self._protocol.decode(item)
                except ReplyError:
                    continue
            if (msg_id := request_id(message)) is not None:
                self._protocol.refuse(msg_id, CANCELLED)
        self._frames.clear()

    # -- one message at a time -------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._scheduled = False
        if self._closed:
            return
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
            self._line.put(frame)
            if not self._large:
                self._large = True
                self._protocol.spawn(self._drain(), "large message")
        elif self._large:
            try:
                message = self._protocol.decode(frame)
            except ReplyError as error:
                self._protocol.refuse(None, error)
                return
            if not self._withdrawn(message) and not self._line.offer(message):
                self._protocol.handle(message)
        else:
            self._protocol.receive(frame)

    async def _drain(self) -> None:
        """Decodes large messages and handles what waits behind them, in order."""
        try:
            while self._line:
                item = self._line.take()
                if isinstance(item, Frame):
                    await self._take_large(item)
                else:
                    await self._handle(item)
        finally:
            self._large = False
            self._schedule()

    async def _handle(self, message: object) -> None:
        """Handles a message, and lets a request's handler take its first step before the next."""
        if not self._closed:
            self._protocol.handle(message)
            await asyncio.sleep(0)

    async def _take_large(self, frame: Frame) -> None:
        documents = self._server.documents
        about: list[str] = []

        async def early(message: object) -> None:
            if self._closed:
                return
            self._reading = message
            about.extend(self._line.learn(message))
            documents.suspend(about)
            while (released := self._line.release()) is not None:
                await self._handle(released)

        self._reading = frame
        try:
            message = await decode_large(frame.body, early)
            text = _longest_text(message)
            if len(text) > LARGE:
                await documents.prepare(text)
        except ValueError:
            error = ReplyError(Code.PARSE_ERROR, "the message is not JSON in UTF-8")
            self._protocol.refuse(None, error)
        else:
            documents.resume(about)
            about.clear()
            self._reading = None
            await self._handle(message)
        finally:
            self._reading = None
            documents.resume(about)
            documents.drop_prepared()

    def _withdrawn(self, message: object) -> bool:
        """Whether this cancels a request that waits; then it is answered."""
        if not isinstance(message, dict):
            return False
        fields = cast("dict[str, Any]", message)
        params = fields.get("params")
        if fields.get("method") != types.CANCEL_REQUEST or not isinstance(params, dict):
            return False
        withdrawn = self._line.withdraw(cast("dict[str, Any]", params).get("id"))
        if withdrawn is None:
            return False
        self._protocol.refuse(withdrawn, CANCELLED)
        return True

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
