"""Which kind of JSON-RPC 2.0 message a value is, for one side of a connection to take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from polypilot.stdio.faults import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    Id = int | str

VERSION = "2.0"
_INVALID_REQUEST = -32600


class Side(Protocol):
    """One side of a connection. It raises nothing for what the other one sends."""

    def requested(self, call_id: Id, name: str, raw: object, /) -> None:
        """Takes a request."""
        ...

    def notified(self, name: str, raw: object, /) -> None:
        """Takes a notification."""
        ...

    def answered(self, call_id: Id, fields: dict[str, object], /) -> None:
        """Takes the answer to a request of its own."""
        ...

    def refuse(self, call_id: Id | None, fault: RpcError, /) -> None:
        """Answers with an error; without an id if the message had none that could be read."""
        ...


def take(side: Side, message: object, is_id: Callable[[object], TypeGuard[Id]]) -> None:
    """Hands a message to whoever takes its kind, or refuses it."""
    if not isinstance(message, dict):
        side.refuse(None, _invalid("the message is not an object"))
        return
    fields = cast("dict[str, object]", message)
    method, given = fields.get("method"), fields.get("id")
    known = given if is_id(given) else None
    if fields.get("jsonrpc") != VERSION:
        side.refuse(known, _invalid("jsonrpc is not 2.0"))
    elif isinstance(method, str):
        if "id" not in fields:
            side.notified(method, fields.get("params"))
        elif known is None:
            side.refuse(None, _invalid("the id is neither string nor integer"))
        else:
            side.requested(known, method, fields.get("params"))
    elif method is None and known is not None and fields.keys() & {"result", "error"}:
        side.answered(known, fields)
    else:
        side.refuse(known, _invalid("not a JSON-RPC message"))


def _invalid(what: str) -> RpcError:
    return RpcError(_INVALID_REQUEST, what)
