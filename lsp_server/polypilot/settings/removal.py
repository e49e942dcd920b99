"""Taking a provider's row out of a settings file's text, and nothing that stands around it."""

from __future__ import annotations

import re
import tomllib
from typing import Any, cast

_HEADER = re.compile(r"\s*\[")
_REMARK = re.compile(r"\s*(?:#.*)?")


def without_row(text: str, provider_id: str) -> str:
    """The text without the tables of ``[providers.ID]``; as it is if that can't be done by lines.

    Remarks and blank lines that end such a table stay: they may speak of what follows.
    """
    name = re.escape(provider_id)
    ours = re.compile(rf"""\s*\[\[?\s*providers\s*\.\s*(?:"{name}"|'{name}'|{name})\s*[.\]]""")
    kept: list[str] = []
    ending: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            inside = ours.match(line) is not None
        if not inside:
            kept += [*ending, line]
            ending = []
        elif _REMARK.fullmatch(line.rstrip()):
            ending.append(line)
        else:
            ending = []
    new = "".join(kept + ending)
    return new if _is_without(text, new, provider_id) else text


def _is_without(old: str, new: str, provider_id: str) -> bool:
    """Whether the row, and only the row, is gone. A line may look like a header and be none."""
    try:
        wanted, got = tomllib.loads(old), tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        return False
    rows = cast("dict[str, Any]", wanted.get("providers", {}))
    rows.pop(provider_id, None)
    if not rows:
        wanted.pop("providers", None)
    return wanted == got
