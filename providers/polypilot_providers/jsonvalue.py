"""Reading JSON that somebody else wrote: the wrong type counts as not there."""

from __future__ import annotations

import json
from typing import cast


def parse(text: str | bytes) -> object:
    """The JSON value of ``text``.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be meant seriously.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def as_dict(value: object) -> dict[str, object]:
    """``value`` if it is an object, else an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """``value`` if it is an array, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def as_str(value: object) -> str:
    """``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


_MOST = 2**53


def as_int(value: object) -> int | None:
    """``value`` if it is a whole number from 0 to 2^53, else None: JSON says no more exactly."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        return None
    return value
