"""The last look at a whole request before it goes to a wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from polypilot.workspace.secrets import Finding, redact, redact_between
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Message,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Scan = Callable[[str], list[Finding]]


Request = TypeVar("Request", CompletionRequest, ChatRequest)


def checked(request: Request, scan: Scan) -> Request:
    """``request`` with the secrets in its texts hidden."""
    if isinstance(request, CompletionRequest):
        return _completion(request, scan)
    return _chat(request, scan)


def _completion(request: CompletionRequest, scan: Scan) -> CompletionRequest:
    text, cursor = request.prefix + request.suffix, len(request.prefix)
    findings = scan(text)
    if findings:
        request = replace(
            request,
            prefix=redact_between(text, 0, cursor, findings),
            suffix=redact_between(text, cursor, len(text), findings),
        )
    extra = tuple(
        replace(file, path=_clean(file.path, scan), text=_clean(file.text, scan))
        for file in request.extra
    )
    return request if extra == request.extra else replace(request, extra=extra)


def _chat(request: ChatRequest, scan: Scan) -> ChatRequest:
    return replace(
        request,
        system=_clean(request.system, scan),
        messages=tuple(_message(message, scan) for message in request.messages),
    )


def _message(message: Message, scan: Scan) -> Message:
    return replace(message, parts=tuple(_part(part, scan) for part in message.parts))


def _part(part: Part, scan: Scan) -> Part:
    """Reasoning goes back to its supplier unchanged: it is signed, and came from there."""
    if isinstance(part, TextPart | ToolResultPart):
        return replace(part, text=_clean(part.text, scan))
    if isinstance(part, ToolCallPart):
        return replace(part, arguments=_clean(part.arguments, scan))
    return part


def _clean(text: str, scan: Scan) -> str:
    findings = scan(text)
    return redact(text, findings) if findings else text
