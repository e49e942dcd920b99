"""What an answer's head says of the limits of its supplier: how much is left, and until when.

Names and forms are those of recorded answers: OpenAI, Azure and Groq (``x-ratelimit-*`` with
durations such as ``6ms`` and ``1m2s``), Anthropic (``anthropic-ratelimit-*`` with RFC 3339
times), Mistral (``*-minute``), xAI (``x-ratelimit-*`` without a reset).
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RETRY_AFTER = 120.0
"""Longest wait in seconds that is believed; a supplier that says more is asked sooner."""

Kind = Literal["requests", "tokens", "input", "output"]

_MINUTE = 60.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_DURATION = re.compile(rf"(?:{_NUMBER}(?:h|ms|m|s))+")
_STEP = re.compile(rf"({_NUMBER})(h|ms|m|s)")
_FORMS: tuple[tuple[Kind, str, float | None], ...] = (
    ("requests", "x-ratelimit-{}-requests", None),
    ("tokens", "x-ratelimit-{}-tokens", None),
    ("requests", "anthropic-ratelimit-requests-{}", None),
    ("tokens", "anthropic-ratelimit-tokens-{}", None),
    ("input", "anthropic-ratelimit-input-tokens-{}", None),
    ("output", "anthropic-ratelimit-output-tokens-{}", None),
    ("requests", "x-ratelimit-{}-req-minute", _MINUTE),
    ("tokens", "x-ratelimit-{}-tokens-minute", _MINUTE),
)
"""What each form counts, its headers (``remaining``, ``reset``, ``limit``), and the seconds of its
window where its name tells them."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one limit."""

    kind: Kind
    amount: int
    seconds: float | None = None
    """Until it is whole again; None: not said."""
    limit: int | None = None


def read(headers: Mapping[str, str], now: float | None = None) -> tuple[Left, ...]:
    """The limits that an answer's head tells of; those that make no sense are left out.

    ``headers`` must look names up without regard to case. ``now`` is this machine's time, which
    counts only where the answer has no ``date`` of its own.
    """
    found: list[Left] = []
    for kind, name, window in _FORMS:
        amount = _count(headers.get(name.format("remaining"), ""))
        if amount is not None:
            seconds = _seconds(headers.get(name.format("reset"), ""), headers, now)
            limit = _count(headers.get(name.format("limit"), ""))
            found.append(Left(kind, amount, window if seconds is None else seconds, limit))
    return tuple(found)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds until a retry is welcome: ``retry-after-ms``, or ``retry-after`` as seconds or date.

    Nothing for what is no time or not after now; never more than 120. A date is measured
    from the answer's own ``date`` header where there is one, so that a wrong clock here
    does no harm.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds > 0:
            return min(seconds, MAX_RETRY_AFTER)
    until = _date(headers.get("retry-after", ""))
    if until is None:
        return None
    then = _answered_at(headers, now)
    return min(until - then, MAX_RETRY_AFTER) if until > then else None


def _count(text: str) -> int | None:
    """A count as a header has it; some proxies write ``12.0`` and ``-1``."""
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0, int(number)) if math.isfinite(number) else None


def _seconds(text: str, headers: Mapping[str, str], now: float | None) -> float | None:
    """Seconds until a limit is whole again: ``6ms``, ``1m2s``, ``12``, an RFC 3339 time."""
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if _DURATION.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in _STEP.findall(text))
    try:
        until = datetime.fromisoformat(text)
        moment = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - _answered_at(headers, now))
    except (ValueError, OverflowError):
        return None


def _answered_at(headers: Mapping[str, str], now: float | None) -> float:
    then = _date(headers.get("date", ""))
    if then is not None:
        return then
    return time.time() if now is None else now


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
