"""What an answer took, in words and as JSON: tokens, cache hits, money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.backend.pricing import dollars
from polypilot_providers.types import Usage, usage_fields

if TYPE_CHECKING:
    from polypilot_providers.types import Cost


def usage_line(usage: Usage | None, cost: Cost | None) -> dict[str, object]:
    """The ``usage`` event of ``--json``."""
    return {"type": "usage", **usage_fields(usage or Usage(), cost)}


def usage_words(usage: Usage | None, cost: Cost | None) -> list[str]:
    """What a person may want to know, one thing a piece."""
    usage = usage or Usage()
    counts = [
        f"{count:,} {what}"
        for count, what in ((usage.input_tokens, "in"), (usage.output_tokens, "out"))
        if count is not None
    ]
    words = [f"{', '.join(counts)} tokens"] if counts else []
    if usage.cache_read_tokens and usage.input_tokens:
        words.append(
            f"{usage.cache_read_tokens:,} of {usage.input_tokens:,} input tokens from the cache"
        )
    if usage.reasoning_tokens and usage.output_tokens:
        words.append(
            f"{usage.reasoning_tokens:,} of {usage.output_tokens:,} output tokens for reasoning"
        )
    return [*words, money(cost)]


def money(cost: Cost | None) -> str:
    """A cost in a sentence."""
    if cost is None:
        return "cost unknown"
    return dollars(cost) if cost.dollars else "no cost"
