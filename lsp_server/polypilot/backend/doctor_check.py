"""What one look of the doctor comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.errors import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable

LOOK_S = 5.0
"""Seconds for one look at the disk."""


@dataclass(frozen=True, slots=True)
class Check:
    """One link: ``ok`` is None where it was not looked at."""

    check: str
    ok: bool | None
    detail: str
    cure: str = ""


async def looked(name: str, look: Awaitable[Check]) -> Check:
    """What a look found; a look that fails is a finding, too."""
    try:
        return await look
    except Exception as error:  # noqa: BLE001 - whatever it is, the user reads it here
        problem = describe(error)
        return Check(name, ok=False, detail=problem.message, cure=problem.cure)
