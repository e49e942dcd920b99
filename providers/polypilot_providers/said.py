"""What a supplier says in the body of a refusal, whatever the body's shape.

The shapes are those of recorded answers of the suppliers; where only a supplier's SDK or
documentation tells, the wire's tests say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers import aws_errors
from polypilot_providers.jsonvalue import as_dict, as_list, as_str, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 64_000
"""Most characters of a message that are looked at: the answer of a refusal has no more."""
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
"""A duration as protocol buffers write it in JSON."""


@dataclass(slots=True)
class Said:
    """What can be got out of an answer's body."""

    message: str = ""
    param: str = ""
    codes: set[str] = field(default_factory=set[str])
    status: int | None = None
    wait: float | None = None
    """Seconds until a retry is welcome, where the body says so (Google's RetryInfo)."""


def read(body: bytes) -> Said:
    """What an error's body says: JSON in any of the known shapes, or plain words."""
    text = body.decode("utf-8", "replace")
    try:
        value = parse(text)
    except ValueError:
        # Some servers answer in plain words; a web page says nothing worth showing.
        return Said() if "<" in text[:200] else Said(text)
    first = as_list(value)[:1]
    return gather(as_dict(first[0] if first else value))


def gather(payload: Mapping[str, object]) -> Said:
    """Collect message, codes and parameter from the shapes suppliers use."""
    said = Said()
    inner = payload.get("error")
    error = as_dict(inner)
    if isinstance(inner, str):
        said.message = inner
    for source in (error, payload):
        said.message = said.message or _words(source)
        said.param = said.param or as_str(source.get("param"))
        _codes(source, said)
    for entry in as_list(error.get("details")):
        detail = as_dict(entry)
        said.codes.add(as_str(detail.get("reason")).lower())
        if delay := _DELAY.fullmatch(as_str(detail.get("retryDelay"))):
            said.wait = float(delay[1])
        _spent(detail, said)
    said.codes.add(as_str(as_dict(error.get("details")).get("error_code")).lower())
    said.codes.discard("")
    said.message = said.message[:_LONGEST]
    return said


def _spent(detail: Mapping[str, object], said: Said) -> None:
    """Take note of a daily quota that is used up (Google's QuotaFailure): no short wait helps."""
    for violation in as_list(detail.get("violations")):
        if "PerDay" in as_str(as_dict(violation).get("quotaId")):
            said.codes.add("daily_quota")


def _words(source: Mapping[str, object]) -> str:
    detail = source.get("detail")
    problems = [as_dict(entry) for entry in as_list(detail)]
    if problems:
        # Pydantic's list; its `input` field would echo our request.
        return "; ".join(
            ".".join(str(step) for step in as_list(problem.get("loc"))[1:])
            + ": "
            + as_str(problem.get("msg"))
            for problem in problems
        )
    return as_str(source.get("message")) or as_str(source.get("Message")) or as_str(detail)


def _codes(source: Mapping[str, object], said: Said) -> None:
    said.codes.add(aws_errors.name(as_str(source.get("__type"))))
    for name in ("code", "type", "status", "status_code"):
        value = source.get(name)
        if isinstance(value, str) and value.isdecimal() and len(value) == 3:  # noqa: PLR2004 - a status
            value = int(value)
        if isinstance(value, str):
            said.codes.add(value.lower())
        elif isinstance(value, int) and 400 <= value <= 599:  # noqa: PLR2004 - the error statuses
            said.status = said.status or value
