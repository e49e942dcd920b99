"""``polypilot/lm/*``: the editor's own chat, answered by our providers."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polypilot.backend.lm import Began, Counted, LmRequest
from polypilot.backend.lm import count as tokens_of
from polypilot.errors import UserError, describe
from polypilot.lsp import chat_methods, methods
from polypilot.lsp import lm_methods as values
from polypilot.lsp.faults import Code, ReplyError
from polypilot.lsp.features.chat_stream import Deltas, Work
from polypilot_providers import types
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import usage_fields

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.backend import Backend
    from polypilot.backend.lm_models import LmModel
    from polypilot.lsp.features.chat import Running
    from polypilot.lsp.server import PolypilotServer

    Server = PolypilotServer[Backend]

MAX_PICTURE = 5_000_000
"""Bytes, as for a picture that is attached."""
_PICTURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
"""How each begins."""


async def models(server: Server, params: values.LmModelsParams) -> list[values.LmModel]:
    """The models that can be used now."""
    backend = await server.backend()
    await backend.refresh()
    return [_model(each) for each in await backend.lm.models(params.provider)]


def _model(found: LmModel) -> values.LmModel:
    model = found.model
    return values.LmModel(
        id=model.id,
        name=model.name or model.id,
        provider=found.provider,
        provider_name=found.provider_name,
        local=found.local,
        selected=found.selected,
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        tools=model.tools,
        images=model.images,
        thinking=model.thinking,
        efforts=model.efforts or None,
    )


async def count(server: Server, params: values.LmCountParams) -> values.LmCountResult:
    """An estimate, said to be one."""
    del server
    total = 0 if params.text is None else tokens_of([types.TextPart(params.text)], message=False)
    if params.message is not None:
        total += tokens_of(map(_part, params.message.parts))
    return values.LmCountResult(total)


async def respond(
    server: Server, params: values.LmRespondParams, running: Running
) -> values.LmRespondResult:
    """Answer messages of the editor's own chat."""
    request = _request(params)
    with Work(server, params.work_done_token, running):
        backend = await server.backend()
        await backend.refresh()
        answer = _Answer(Deltas(server, params.partial_result_token))
        answer.parts = [] if params.partial_result_token is None else None
        return await answer.run(backend.lm.respond(request))


# -- from the editor -------------------------------------------------------------------------


def _request(params: values.LmRespondParams) -> LmRequest:
    system = [part for each in params.messages if each.role == "system" for part in each.parts]
    return LmRequest(
        provider=params.provider,
        model=params.model,
        messages=tuple(
            types.Message(each.role, tuple(map(_part, each.parts)))
            for each in params.messages
            if each.role != "system"
        ),
        system="\n\n".join(_needed(part.text, "text") for part in system),
        tools=tuple(
            types.Tool(each.name, each.description, each.input_schema or {})
            for each in params.tools
        ),
        effort=params.effort,
        max_tokens=params.max_tokens,
        temperature=params.temperature,
        stop=params.stop,
        must_call=params.tool_mode == "required",
    )


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise ReplyError(Code.INVALID_PARAMS, f"invalid params: a part lacks its {name}")
    return value


def _part(part: values.LmPart) -> types.Part:
    """A part of a message.

    Raises:
        ReplyError: it is not one.
    """
    match part.type:
        case "text":
            return types.TextPart(_needed(part.text, "text"))
        case "image":
            return _picture(part)
        case "thought":
            return types.ThoughtPart(
                part.text or "", part.signature, part.redacted, part.provider or ""
            )
        case "toolCall":
            return types.ToolCallPart(
                _needed(part.id, "id"),
                _needed(part.name, "name"),
                part.arguments or "{}",
                part.signature,
                part.provider or "",
            )
        case "toolResult":
            return types.ToolResultPart(
                _needed(part.id, "id"), _needed(part.text, "text"), part.is_error or False
            )


def _picture(part: values.LmPart) -> types.ImagePart:
    kind, written = _needed(part.media_type, "mediaType"), _needed(part.data, "data")
    if len(written) > MAX_PICTURE * 4 // 3 + 4:
        raise UserError(f"a picture is bigger than {MAX_PICTURE:,} bytes", code="too_long")
    try:
        data = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise ReplyError(Code.INVALID_PARAMS, "invalid params: data is not base64") from None
    if kind not in _PICTURES or not data.startswith(_PICTURES[kind]):
        names = ", ".join(_PICTURES)
        raise ReplyError(Code.INVALID_PARAMS, f"invalid params: a picture is one of {names}")
    return types.ImagePart(kind, data)


# -- to the editor ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Answer:
    """One answer on its way to the editor."""

    deltas: Deltas
    parts: list[object] | None = None
    """Of an answer that is not streamed."""
    result: dict[str, Any] = field(default_factory=lambda: {"stop_reason": "cancelled"})

    async def run(
        self, stream: AsyncGenerator[Began | Counted | Any, None]
    ) -> values.LmRespondResult:
        """Pass the events on; the result. A cancelled answer has a result too, once begun."""
        try:
            async with aclosing(stream):
                async for event in stream:
                    self._take(event)
                    await self.deltas.room()
        except asyncio.CancelledError:
            if "provider" not in self.result:
                raise
        except ProviderError as error:
            if "provider" not in self.result:
                raise
            problem = describe(error)
            told = methods.Problem(problem.code, problem.message, problem.cure or None)
            self.result |= {"stop_reason": "error", "error": told}
        finally:
            self.deltas.close()
        parts = None if self.parts is None else tuple(self.parts)
        return values.LmRespondResult(**self.result, parts=parts)

    def _take(self, event: object) -> None:
        match event:
            case Began():
                self.result |= {"provider": event.provider, "model": event.model}
                self.result["redacted"] = event.redacted
            case types.TextDelta():
                self._say(event.text, "text")
            case types.ThoughtDelta():
                self._think(event)
            case types.Refusal():
                self._say(event.text, "refusal")
            case types.Stop():
                self.result["stop_reason"] = event.reason.value
                self.result["model"] = event.model or self.result["model"]
            case Counted():
                usage = usage_fields(event.usage, event.cost)
                self.result["usage"] = chat_methods.Usage(**usage)
                self.deltas.send(chat_methods.UsageDelta(**usage))
            case types.ToolCall():
                proof = (event.signature, event.provider or None)
                self._send(values.LmCallDelta(event.id, event.name, event.arguments, *proof))
            case types.Citation():
                self._send(chat_methods.CitationDelta(event.url, event.title, event.text))
            case _:
                if message := getattr(event, "message", ""):  # it waits for a limit to pass
                    self.deltas.send(chat_methods.NoticeDelta(message))

    def _think(self, event: types.ThoughtDelta) -> None:
        if event.text:
            self._say(event.text, "thought")
        if event.signature or event.redacted:
            self._send(values.LmProofDelta(event.signature, event.redacted, event.provider or None))

    def _say(self, text: str, kind: chat_methods.Saying) -> None:
        self.deltas.say(text, kind)
        if self.parts is None:
            return
        last = self.parts[-1] if self.parts else None
        if isinstance(last, chat_methods.TextDelta) and last.kind == kind:
            self.parts[-1] = chat_methods.TextDelta(last.text + text, kind)
        else:
            self.parts.append(chat_methods.TextDelta(text, kind))

    def _send(self, delta: object) -> None:
        self.deltas.send(delta)
        if self.parts is not None:
            self.parts.append(delta)
