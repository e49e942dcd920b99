"""The report as JSON: its schema is in docs/compare-report.md."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, cast

from polypilot.compare.report import VERSION

if TYPE_CHECKING:
    from polypilot.compare.report import Report


def to_json(report: Report) -> str:
    """One object, indented; numbers are finite, and what could hide in a text is escaped."""
    tree = {"version": VERSION, **dataclasses.asdict(report)}
    return json.dumps(_plain(tree), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Lone surrogates have no UTF-8; what is no number is null; times to a microsecond."""
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
