"""One answer on its way to the client, and the client's part in it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from polypilot.acp import translate
from polypilot.acp.faults import RpcError
from polypilot.chat import events
from polypilot.chat.values import Scene
from polypilot.errors import printable
from polypilot_prompts.neutral import Neutral, neutral

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from polypilot.chat.values import Decision, PermissionRequest

log = logging.getLogger(__name__)

FLUSH_S = 0.03
"""Text that arrives within this many seconds travels together."""
_BREAK, _PARAGRAPH = "\n", "\n\n"
_KINDS = {"thought": "thought", "refusal": "agent"}
_OVER = ("completed", "failed")


class Line(Protocol):
    """The way to the client."""

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        """Send a notification."""
        ...

    async def request(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        """Ask the client; raises RpcError."""
        ...

    @property
    def congested(self) -> bool:
        """Whether streams should pause."""
        ...

    async def drained(self) -> None:
        """Return when streams may go on."""
        ...


class Shows(Protocol):
    """What a client says it can show besides messages."""

    @property
    def notices(self) -> bool:
        """Notices."""
        ...

    @property
    def compactions(self) -> bool:
        """That a conversation was summed up."""
        ...


class Turn:
    """Passes an answer's events on. It is the answer's `Client` as well."""

    def __init__(self, line: Line, shows: Shows, session_id: str) -> None:
        self._line = line
        self._shows = shows
        self._session_id = session_id
        self._message_id = ""
        self._waiting: list[tuple[str, str]] = []
        self._flush: asyncio.TimerHandle | None = None
        self._last = _BREAK
        """The last character that was shown of the message."""
        self._filters: dict[str, Neutral] = {}
        """Of what the chat has not made harmless, since others show it as plain text."""
        self._citations: list[events.Citation] = []
        self._open: dict[str, None] = {}
        """Calls that have begun and not ended, in order."""
        self.proposals: list[events.Proposal] = []
        """The edits that it proposes."""

    @property
    def scene(self) -> Scene:
        """The protocol does not tell what the user looks at."""
        return Scene()

    async def run(
        self,
        stream: AsyncGenerator[events.ChatEvent, None],
        edited: Callable[[Sequence[str], str], Awaitable[None]],
    ) -> events.End | None:
        """Pass the events on until the end, which is returned.

        ``edited`` is told of the edits that a tool proposes, and of the call's id.
        """
        end: events.End | None = None
        try:
            async with aclosing(stream):
                async for event in stream:
                    if isinstance(event, events.End):
                        end = event
                    self.take(event)
                    if isinstance(event, events.ToolUpdate) and event.proposals:
                        await edited(event.proposals, self._call_id(event.id))
                    if self._line.congested:
                        await self._line.drained()
        finally:
            self.finish()
        return end

    def begin(self, message_id: str) -> None:
        """The answer has this id; what came before has ended."""
        self.finish()
        self._filters = {}
        self._message_id, self._last = message_id, _BREAK

    def take(self, event: events.ChatEvent) -> None:
        """Show one event."""
        self._pause(event.kind)
        match event:
            case events.Text():
                self._text("agent", event.text)
            case events.Thought() | events.Refusal():
                passing = self._filters.setdefault(event.kind, Neutral())
                self._text(_KINDS[event.kind], passing.feed(event.text))
            case events.ToolCall():
                self._open[self._call_id(event.id)] = None
                self.send(translate.tool_call(event, self._call_id(event.id)))
            case events.ToolUpdate():
                if event.status in _OVER:
                    self._open.pop(self._call_id(event.id), None)
                self.send(translate.tool_update(event, self._call_id(event.id)))
            case events.Citation():
                self._citations.append(event)
            case events.Proposal():
                self.proposals.append(event)
            case _:
                self._around(event)

    def _around(
        self,
        event: events.Session
        | events.Title
        | events.Context
        | events.Compacted
        | events.Plan
        | events.Usage
        | events.Notice
        | events.Error
        | events.End,
    ) -> None:
        """What is not of the model's own making."""
        match event:
            case events.Session():
                self.begin(event.message_id)
            case events.Title():
                self.send(translate.info(event.title))
            case events.Context():
                self._context(event)
            case events.Compacted():
                self._compacted(event)
            case events.Plan():
                self.send(translate.plan(event.entries))
            case events.Usage():
                if (update := translate.usage(event)) is not None:
                    self.send(update)
            case events.Notice():
                self.tell(event.message)
            case events.Error() | events.End():
                pass  # they are the request's answer

    def _pause(self, following: str) -> None:
        """Give out what was held of the texts that something else follows."""
        for kind, passing in self._filters.items():
            if kind != following:
                self._text(_KINDS[kind], passing.pause())

    def finish(self) -> None:
        """No more events of this answer come: say what is left to say."""
        self._pause("")
        if sources := translate.sources(self._citations):
            self._text("agent", sources)
        self._citations = []
        for call_id in self._open:  # the answer was stopped before they had run
            self.send(translate.settled(call_id, "failed"))
        self._open = {}
        self.flush()

    def _call_id(self, call_id: str) -> str:
        """A call's id is the supplier's, and may come again in the next answer."""
        return f"{self._message_id}:{call_id}" if self._message_id else call_id

    # -- what the user should know -------------------------------------------------------

    def tell(self, message: str) -> None:
        """Something that is no part of the answer; in it, if the client has no other place."""
        line = neutral(printable(message))
        if self._shows.notices:
            self.send(translate.notice(line))
        else:
            self._text("agent", f"{'' if self._last == _BREAK else _PARAGRAPH}> {line}{_PARAGRAPH}")

    def _context(self, event: events.Context) -> None:
        """What was not sent, or not whole, is never silent."""
        for each in event.items:
            name = each.name or each.uri
            if each.refused:
                self.tell(f"{name} was not sent: {each.refused}")
                continue
            if each.cut:
                self.tell(f"{name}: {each.cut}")
            if each.redacted:
                self.tell(f"{name}: {each.redacted} hidden because they look like secrets")

    def _compacted(self, event: events.Compacted) -> None:
        if self._shows.compactions:
            self.send(translate.compaction(event, f"{self._message_id}:summary"))
        else:
            self.tell(
                f"The oldest {event.messages} messages are sent as a summary from now on: "
                f"{event.after:,} tokens instead of {event.before:,}."
            )

    # -- permission ----------------------------------------------------------------------

    async def permission(self, request: PermissionRequest) -> Decision:
        """Ask the user. Without a clear answer it is a no."""
        self.flush()
        params = translate.permission(request, self._call_id(request.call_id))
        return await self.ask(params)

    async def ask(self, params: Mapping[str, object]) -> Decision:
        """Likewise, with params of one's own."""
        try:
            answer = await self._line.request("session/request_permission", params)
        except RpcError as error:
            log.info("no permission: %s", error.message)
            return "reject_once"
        return translate.decision(answer.get("outcome"))

    # -- updates -------------------------------------------------------------------------

    def _text(self, kind: str, text: str) -> None:
        """Text waits for what follows it closely; the first piece goes at once."""
        if not text:
            return
        if kind == "agent":
            self._last = text[-1]
        self._waiting.append((kind, text))
        if self._flush is None:
            self._send_waiting()
            self._again_later()

    def _again_later(self) -> None:
        self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._again)

    def _again(self) -> None:
        self._flush = None
        if self._waiting:
            self._send_waiting()
            self._again_later()

    def flush(self) -> None:
        """Send what waits."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._send_waiting()

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            kind = waiting[0][0]
            same = next((at for at, each in enumerate(waiting) if each[0] != kind), len(waiting))
            text = "".join(each for _, each in waiting[:same])
            waiting = waiting[same:]
            self._put(translate.chunk(kind, text, self._message_id))

    def send(self, update: Mapping[str, object]) -> None:
        """Send an update, after the text before it."""
        self._send_waiting()
        self._put(update)

    def _put(self, update: Mapping[str, object]) -> None:
        params = {"sessionId": self._session_id, "update": update}
        self._line.notify("session/update", params)
