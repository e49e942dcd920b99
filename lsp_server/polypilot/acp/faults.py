"""Errors as they are answered: the codes of JSON-RPC and of the protocol."""

from __future__ import annotations

from enum import IntEnum

from polypilot.errors import describe
from polypilot.stdio.faults import RpcError

_NEEDS_A_KEY = frozenset({"auth"})
_UNKNOWN = frozenset({"unknown_session", "unknown_message"})
_WRONG = frozenset({"empty", "too_long", "busy"})


class Code(IntEnum):
    """What went wrong, for programs."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL = -32603
    CANCELLED = -32800
    AUTH_REQUIRED = -32000
    NOT_FOUND = -32002


def cancelled() -> RpcError:
    """The answer to a request that was withdrawn."""
    return RpcError(Code.CANCELLED, "cancelled")


def invalid(name: str, what: str) -> RpcError:
    """A param that can't be taken, by its name; never with its value."""
    return RpcError(Code.INVALID_PARAMS, f"{name} {what}", {"field": name})


def fault_of(error: BaseException) -> RpcError:
    """What a client is told of an exception."""
    if isinstance(error, RpcError):
        return error
    problem = describe(error)
    return told(problem.code, problem.message, problem.cure)


def told(code: str, message: str, cure: str) -> RpcError:
    """An error of ours. Clients show the message alone, so the cure is part of it."""
    text = f"{message.rstrip('.')}. {cure}" if cure else message
    data = {"code": code, "message": message, "cure": cure}
    if code in _NEEDS_A_KEY:
        return RpcError(Code.AUTH_REQUIRED, text, data)
    if code in _UNKNOWN:
        return RpcError(Code.NOT_FOUND, text, data)
    return RpcError(Code.INVALID_REQUEST if code in _WRONG else Code.INTERNAL, text, data)
