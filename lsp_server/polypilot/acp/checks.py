"""Params are checked by hand: few fields are taken, and validators would cost half the start.

Every function raises RpcError with the field's name, and never its value. Fields that are not
known, ``_meta`` among them, are ignored, as the protocol wants it.
"""

from __future__ import annotations

import os
from typing import cast

from polypilot.acp.faults import invalid

Params = dict[str, object]

_LONGEST_PATH = 32_768


def text(params: Params, name: str, *, where: str = "") -> str:
    """A string that has to be there."""
    value = params.get(name)
    if not isinstance(value, str):
        raise invalid(where + name, "must be a string")
    return value


def maybe_text(params: Params, name: str, *, where: str = "") -> str | None:
    """A string, if it is there."""
    return None if params.get(name) is None else text(params, name, where=where)


def thing(params: Params, name: str, *, where: str = "") -> Params:
    """An object; left out or null, it is an empty one."""
    value = params.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(where + name, "must be an object")
    return cast("Params", value)


def things(params: Params, name: str, *, needed: bool = False) -> list[Params]:
    """An array of objects."""
    value = params.get(name)
    if value is None and not needed:
        return []
    if not isinstance(value, list):
        raise invalid(name, "must be an array")
    items = cast("list[object]", value)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise invalid(f"{name}[{index}]", "must be an object")
    return cast("list[Params]", items)


def folder(params: Params, name: str) -> str:
    """An absolute path, as the client wrote it."""
    return _absolute(text(params, name), name)


def maybe_folder(params: Params, name: str) -> str | None:
    """An absolute path, if it is there."""
    return None if params.get(name) is None else folder(params, name)


def folders(params: Params, name: str) -> tuple[str, ...]:
    """An array of absolute paths; left out, it is empty."""
    value = params.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid(name, "must be an array")
    paths: list[str] = []
    for index, item in enumerate(cast("list[object]", value)):
        if not isinstance(item, str):
            raise invalid(f"{name}[{index}]", "must be a string")
        paths.append(_absolute(item, f"{name}[{index}]"))
    return tuple(dict.fromkeys(paths))


def flag(params: Params, name: str) -> bool:
    """A switch that is off unless it is ``true``."""
    return params.get(name) is True


def _absolute(path: str, name: str) -> str:
    if not os.path.isabs(path) or "\0" in path or len(path) > _LONGEST_PATH:  # noqa: PTH117 -- no Path wanted
        raise invalid(name, "must be an absolute path")
    return os.path.normpath(path)
