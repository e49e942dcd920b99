"""``polypilot/chat/*``: chat over the language server's own connection."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, assert_never

from lsprotocol import types

from polypilot.lsp import chat_methods as values
from polypilot.lsp import methods
from polypilot.workspace.documents import Position
from polypilot_providers.types import usage_fields

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.backend import Backend
    from polypilot.chat import attachments, events
    from polypilot.lsp.server import PolypilotServer

STOP_GRACE = 1.0
"""Seconds a stopped answer has to report how it ended."""
LOOK_S = 3.0
"""Seconds that the disk has to show what may be sent."""
FLUSH_S = 0.03
"""Deltas that arrive within this many seconds travel together: a model's tokens may come
faster than an editor draws."""


def register(server: PolypilotServer[Backend]) -> None:
    """Add the feature."""
    running: dict[int | str, asyncio.Task[object]] = {}
    """Answers that can be stopped, by the token of their progress."""

    @server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    async def stop(params: types.WorkDoneProgressCancelParams) -> None:
        if (answering := running.get(params.token)) is not None:
            answering.cancel()

    @server.feature(methods.CHAT_SEND, cancel_grace=STOP_GRACE)
    async def send(params: values.ChatSendParams) -> values.ChatSendResult:
        # Before anything is waited for: it may be stopped from now on, and its ranges are of
        # the texts as they are now.
        token, task = params.work_done_token, asyncio.current_task()
        if token is not None and task is not None:
            running[token] = task
        try:
            with server.documents.keeping(each.uri for each in params.context):
                return await _answer(server, params)
        finally:
            if token is not None and running.get(token) is task:
                del running[token]

    @server.feature(methods.CHAT_SESSIONS)
    async def sessions(_params: None) -> list[values.ChatSession]:
        backend = await server.backend()
        return [values.ChatSession(**asdict(each)) for each in backend.chat.sessions()]

    @server.feature(methods.CHAT_CLOSE)
    async def close(params: values.ChatCloseParams) -> None:
        (await server.backend()).chat.close(params.session_id)


async def _answer(
    server: PolypilotServer[Backend], params: values.ChatSendParams
) -> values.ChatSendResult:
    backend = await server.backend()
    await backend.refresh()
    await backend.gate.look(_said_before(backend, params.session_id), LOOK_S)
    await backend.gate.look([each.uri for each in params.context], LOOK_S, read=True)
    stream = backend.chat.send(
        params.text,
        session_id=params.session_id,
        provider=params.provider,
        model=params.model,
        effort=params.effort,
        attachments=[_attach(each) for each in params.context],
    )
    return await _Answer(server, params).run(stream)


def _attach(wanted: values.Attachment) -> attachments.Attach:
    from polypilot.chat.attachments import Attach  # noqa: PLC0415 - with the backend, not before

    if wanted.kind == "document" or wanted.range is None:
        return Attach(wanted.uri)
    start, end = wanted.range.start, wanted.range.end
    return Attach(
        wanted.uri, Position(start.line, start.character), Position(end.line, end.character)
    )


def _said_before(backend: Backend, session_id: str | None) -> set[str]:
    """The documents that were attached to earlier messages; the gate is asked about them again."""
    from polypilot.chat.session import UserTurn  # noqa: PLC0415 - with the backend, not before

    turns = backend.chat.get(session_id).turns if session_id else ()
    sent = (each for turn in turns if isinstance(turn, UserTurn) for each in turn.attached)
    return {uri for each in sent for uri in each.text.sources}


@dataclass(slots=True)
class _Known:
    """What the result needs, gathered as the events pass."""

    session_id: str = ""
    message_id: str = ""
    provider: str = ""
    model: str = ""
    stop_reason: str = "cancelled"
    text: str = ""
    usage: values.Usage | None = None
    error: values.Problem | None = None


class _Answer:
    """One answer on its way to the editor."""

    def __init__(self, server: PolypilotServer[Backend], params: values.ChatSendParams) -> None:
        self._server = server
        self._token = params.partial_result_token
        self._work = params.work_done_token
        self._known = _Known()
        self._waiting: list[values.TextDelta] = []
        self._flush: asyncio.TimerHandle | None = None

    async def run(self, stream: AsyncGenerator[events.ChatEvent, None]) -> values.ChatSendResult:
        """Pass the events on; the result. A cancelled answer has a result too."""
        self._progress(types.WorkDoneProgressBegin("Polypilot", cancellable=True))
        try:
            async with aclosing(stream):
                async for event in stream:
                    self._take(event)
                    if self._server.congested:
                        await self._server.drained()
        except asyncio.CancelledError:
            # `$/cancelRequest` is how a user stops an answer; what arrived is kept.
            if not self._known.session_id:
                raise
        finally:
            if self._flush is not None:
                self._flush.cancel()
            self._send_waiting()
            self._progress(types.WorkDoneProgressEnd())
        return self._result()

    def _result(self) -> values.ChatSendResult:
        known = self._known
        return values.ChatSendResult(
            session_id=known.session_id,
            message_id=known.message_id,
            stop_reason=known.stop_reason,
            provider=known.provider,
            model=known.model,
            usage=known.usage,
            text=known.text if self._token is None else None,
            error=known.error,
        )

    def _take(self, event: events.ChatEvent) -> None:  # noqa: C901 - one case for each kind
        match event.kind:
            case "session":
                self._known.session_id = event.session_id
                self._known.message_id = event.message_id
                self._known.provider, self._known.model = event.provider, event.model
                self._send(
                    values.SessionDelta(
                        event.session_id, event.message_id, event.provider, event.model
                    )
                )
            case "context":
                items = tuple(
                    values.ContextItem(
                        each.uri,
                        each.tokens,
                        each.redacted,
                        each.refused or None,
                        each.media_type or None,
                    )
                    for each in event.items
                )
                self._send(values.ContextDelta(items))
            case "text":
                self._known.text += event.text
                self._text(values.TextDelta(event.text))
            case "thought":
                self._text(values.TextDelta(event.text, "thought"))
            case "toolCall":
                self._send(values.ToolCallDelta(event.id, event.name, event.arguments))
            case "citation":
                self._send(values.CitationDelta(event.url, event.title, event.text))
            case "refusal":
                self._text(values.TextDelta(event.text, "refusal"))
            case "usage":
                fields = usage_fields(event.usage, event.cost)
                self._known.usage = values.Usage(**fields)
                self._send(values.UsageDelta(**fields))
            case "notice":
                self._send(values.NoticeDelta(event.message))
            case "error":
                pass  # it is part of the end
            case "end":
                self._end(event)
            case _:
                assert_never(event)

    def _end(self, event: events.End) -> None:
        known = self._known
        known.stop_reason = event.stop_reason
        known.provider, known.model = event.provider, event.model
        if event.usage is not None:
            known.usage = values.Usage(**usage_fields(event.usage, event.cost))
        if event.error is not None:
            error = event.error
            known.error = values.Problem(error.code, error.message, error.cure or None)

    # -- deltas --------------------------------------------------------------------------

    def _text(self, delta: values.TextDelta) -> None:
        """Text travels with what follows it closely; the first piece goes at once."""
        if self._token is None:
            return
        self._waiting.append(delta)
        if self._flush is None:
            self._send_waiting()
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(FLUSH_S, self._again)

    def _again(self) -> None:
        self._flush = None
        if self._waiting:
            self._send_waiting()
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._again)

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        joined: list[values.TextDelta] = []
        for delta in waiting:
            if joined and joined[-1].kind == delta.kind:
                joined[-1] = values.TextDelta(joined[-1].text + delta.text, delta.kind)
            else:
                joined.append(delta)
        for delta in joined:
            self._report(delta)

    def _send(self, delta: object) -> None:
        self._send_waiting()
        self._report(delta)

    def _report(self, delta: object) -> None:
        if self._token is not None:
            self._server.progress(types.ProgressParams(self._token, delta))

    def _progress(self, value: object) -> None:
        if self._work is not None:
            self._server.progress(types.ProgressParams(self._work, value))
