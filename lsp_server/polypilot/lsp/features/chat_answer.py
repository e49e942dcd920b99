"""`polypilot/chat/send` and `polypilot/chat/preview`: a question, and its answer as it comes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.lsp import chat_methods as values
from polypilot.lsp.features import chat_wire
from polypilot.lsp.features.chat_client import EditorClient
from polypilot.lsp.features.chat_ready import chatting
from polypilot.lsp.features.chat_stream import Deltas, Work
from polypilot_providers.types import usage_fields

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.lsp import chat_kept as kept
    from polypilot.lsp.features.chat import Running
    from polypilot.lsp.server import PolypilotServer


async def send(
    server: PolypilotServer[Backend], params: values.ChatSendParams, running: Running
) -> values.ChatSendResult:
    """Answer a message."""
    # Before anything is waited for: it may be stopped from now on, and its ranges are of the
    # texts as they are now.
    with (
        Work(server, params.work_done_token, running),
        server.documents.keeping(chat_wire.documents_of(params)),
    ):
        backend = await chatting(server)
        await backend.refresh()
        client = EditorClient(server, chat_wire.scene(params.scene))
        stream = backend.chat.send(chat_wire.question(params, keep=params.keep), client)
        return await Answer(server, params.partial_result_token).run(stream)


async def preview(
    server: PolypilotServer[Backend], params: values.ChatPreviewParams
) -> kept.Preview:
    """What a message would send, to whom; sends nothing."""
    with server.documents.keeping(chat_wire.documents_of(params)):
        backend = await chatting(server)
        await backend.refresh()
        client = EditorClient(server, chat_wire.scene(params.scene))
        return chat_wire.preview(await backend.chat.preview(chat_wire.question(params), client))


@dataclass(slots=True)
class _Known:
    """What the result needs, gathered as the events pass."""

    session_id: str = ""
    message_id: str = ""
    provider: str = ""
    model: str = ""
    stop_reason: str = "cancelled"
    usage: values.Usage | None = None
    error: values.Problem | None = None


class Answer:
    """One answer on its way to the editor."""

    def __init__(
        self, server: PolypilotServer[Backend], token: values.types.ProgressToken | None
    ) -> None:
        self._deltas = Deltas(server, token)
        self._text: list[str] | None = [] if token is None else None
        """Of an answer that is not streamed."""
        self._known = _Known()

    async def run(self, stream: AsyncGenerator[events.ChatEvent, None]) -> values.ChatSendResult:
        """Pass the events on; the result. A cancelled answer has a result too."""
        try:
            async with aclosing(stream):
                async for event in stream:
                    self._take(event)
                    await self._deltas.room()
        except asyncio.CancelledError:
            # `$/cancelRequest` is how a user stops an answer; what arrived is kept.
            if not self._known.session_id:
                raise
        finally:
            self._deltas.close()
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
            text=None if self._text is None else "".join(self._text),
            error=known.error,
        )

    def _take(self, event: events.ChatEvent) -> None:
        match event.kind:
            case "text" | "thought" | "refusal":
                if self._text is not None and event.kind == "text":
                    self._text.append(event.text)
                self._deltas.say(event.text, event.kind)
                return
            case "session":
                known = self._known
                known.session_id, known.message_id = event.session_id, event.message_id
                known.provider, known.model = event.provider, event.model
            case "usage":
                self._known.usage = values.Usage(**usage_fields(event.usage, event.cost))
            case "end":
                self._end(event)
            case _:
                pass
        if (delta := chat_wire.delta(event)) is not None:
            self._deltas.send(delta)

    def _end(self, event: events.End) -> None:
        known = self._known
        known.stop_reason = event.stop_reason
        known.provider, known.model = event.provider, event.model
        known.error = chat_wire.problem(event.error)
        if event.usage is not None:
            known.usage = values.Usage(**usage_fields(event.usage, event.cost))
