"""How much a developer asks on a day of typical use: an assumption, stated so it can be judged.

The requests that reach a supplier are counted, not suggestions that are seen: the editor answers
most keys from what it has. In four hours of writing, about a hundred requests an hour remain after
pacing and the cache, which makes 400. Conversations: a question and a follow-up each half hour of
an eight-hour day make about 30 answers. Who uses it otherwise scales the figure: it is in
proportion to the number of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polypilot.compare.values import Purpose

TYPICAL_DAY: Final[dict[Purpose, int]] = {"completion": 400, "chat": 30}
"""Requests that are answered, for each purpose."""
