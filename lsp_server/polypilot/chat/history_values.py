"""What the history keeps: plain records, of which it knows nothing but their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A conversation."""

    id: str
    title: str
    provider: str
    model: str
    effort: str
    """Empty: none chosen."""
    mode: str
    root: str
    """Path of the workspace root that it is about; empty: none."""
    created: float
    """Seconds since the epoch, like ``updated``."""
    updated: float
    head: str
    """Id of the last message of the branch in use; empty: there is none."""


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message of a conversation."""

    id: str
    """Unique in its conversation."""
    session_id: str
    parent: str
    """Id of the message that it follows; empty: it is a first one."""
    role: str
    provider: str
    model: str
    reason: str
    """How an answer ended."""
    created: float
    body: str
    """JSON text of whoever saves it."""
    text: str
    """What is searched."""
    cost: Decimal | None = None
    """US dollars; None: not known."""
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A conversation in a list."""

    session: SessionRecord
    messages: int
    """How many are kept of it, on all branches."""
    excerpt: str = ""
    """On one line, where the words that were searched for stand; empty: in a list."""
