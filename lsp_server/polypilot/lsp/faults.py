"""JSON-RPC errors: their numbers, and which exception becomes which."""

from __future__ import annotations

from enum import IntEnum

from polypilot.errors import UserError, describe
from polypilot.stdio.faults import RpcError
from polypilot_providers.errors import ProviderError


class Code(IntEnum):
    """The error codes that this server uses."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    NOT_INITIALIZED = -32002
    CANCELLED = -32800
    CONTENT_MODIFIED = -32801
    REQUEST_FAILED = -32803


class ReplyError(RpcError):
    """Raised by a handler to answer with exactly this error. The text goes to the client."""


CANCELLED = ReplyError(Code.CANCELLED, "cancelled")


def reply_for(exc: BaseException) -> ReplyError:
    """What the client gets to see of an exception: a code and our own words, never its text."""
    if isinstance(exc, ReplyError):
        return exc
    problem = describe(exc)
    told = isinstance(exc, (UserError, ProviderError)) or (
        isinstance(exc, BaseExceptionGroup) and problem.code not in {"internal", "system"}
    )
    data = {"code": problem.code}
    if problem.cure:
        data["cure"] = problem.cure
    code = Code.REQUEST_FAILED if told else Code.INTERNAL_ERROR
    return ReplyError(code, problem.message, data)
