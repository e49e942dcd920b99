"""JSON to values and back, strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def decode(body: bytes) -> object:
    """The value of a JSON text in UTF-8.

    Raises:
        ValueError: it is not JSON, not UTF-8, nested too deeply, or has a number of
            thousands of digits.
    """
    try:
        return cast("object", _DECODER.decode(body.decode()))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def encode(value: object, default: Callable[[object], object] | None = None) -> bytes:
    """Compact JSON, in ASCII, so that lone surrogates can be sent as they came.

    It is one line: neither a line break nor U+2028 can be in it.

    Raises:
        TypeError, ValueError: ``value`` has something in it that JSON can't express.
    """
    try:
        return json.dumps(value, default=default, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
