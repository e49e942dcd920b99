"""What a chat service is made of besides the router and the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from polypilot.chat import events
    from polypilot.chat.asking import Asking
    from polypilot.chat.history import History
    from polypilot.chat.plan import Accounts
    from polypilot.chat.values import Mode, Scene, Tools

    Proposals = Callable[[str, str, Scene, str | None], AsyncGenerator[events.Proposal, None]]
    """From a conversation's id and an answer's text to the edits that it proposes."""


@dataclass(slots=True)
class Parts:
    """What a service is made of besides the router and the gate; None: there is no such thing."""

    asking: Asking
    accounts: Accounts
    tools: Tools | None = None
    history: Callable[[], History | None] = lambda: None
    """None as long as the user wants nothing kept."""
    proposals: Proposals | None = None
    forget: Callable[[str], None] = lambda _session_id: None
    """A conversation is deleted; what it has proposed is as well."""
    mode: Callable[[], Mode] = lambda: "ask"
    """That of the settings, which a conversation has until the user chooses another."""
    roots: Callable[[], Sequence[str]] = lambda: ()
    """Paths of the workspace roots."""

    def root(self, wanted: str | None) -> str:
        """A root by its path, or the first one; empty if there is no such root."""
        roots = self.roots()
        if wanted is None:
            return roots[0] if roots else ""
        return wanted if wanted in roots else ""
