"""Whom a conversation asks, and how; and who keeps the accounts of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from polypilot.errors import UserError
from polypilot_providers.base import CHAT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.chat.values import Mode
    from polypilot.errors import Problem
    from polypilot.usage.values import Asked
    from polypilot_providers.router import Target
    from polypilot_providers.types import Cost, Effort, Usage

MAX_MESSAGE_CHARS = 2_000_000
"""One message with its attachments, and one answer."""
MAX_SESSION_CHARS = 8_000_000
MAX_STEPS = 25


class ChatError(UserError):
    """The message was not sent: ``busy``, ``unknown_session``, ``unknown_message``, ``empty``,
    ``too_long`` or ``budget``.
    """  # noqa: D205 - one sentence

    code = "chat"


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """Whom to ask, and how."""

    targets: tuple[Target, ...]
    limits: Limits = CHAT_LIMITS
    system: str = ""
    """What the user adds to our instructions."""
    effort: Effort | None = None
    """How much to reason; None leaves it to the model."""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """The user's own templates, in place of ours."""
    window: int | None = None
    """Tokens that the model asked first takes; None: not known."""
    tools: bool = True
    """Whether it can call tools."""
    mode: Mode = "ask"
    max_steps: int = MAX_STEPS
    """Requests that one answer may take."""
    instructions: bool = True
    """Whether instruction files go along."""
    retrieve: bool = False
    """Whether the workspace is searched for each question."""

    @property
    def providers(self) -> tuple[str, ...]:
        """All that may be asked."""
        return tuple(each.provider_id for each in self.targets)


class Accounts(Protocol):
    """Counts requests and money, and tells the status."""

    async def check(self, *providers: str) -> None:
        """Raises ChatError ``budget`` if the user's limit for today is used up.

        Not if those that may be asked are known, and none of them costs anything.
        """
        ...

    async def cost(self, provider: str, models: Sequence[str], usage: Usage | None) -> Cost | None:
        """What a request cost; it is not counted."""
        ...

    def count(self, provider: str, usage: Usage | None, cost: Cost | None) -> None:
        """Count a request."""
        ...

    def asked(self, asked: Asked) -> None:
        """A request has ended, in one way or another; for the record of times and errors."""
        ...

    def answered(self, provider: str) -> None:
        """A provider has answered."""
        ...

    def began(self) -> None:
        """A message is being answered."""
        ...

    def ended(self, problem: Problem | None, *, answered: bool) -> None:
        """It is answered, has failed, or was stopped."""
        ...


class NoAccounts:
    """Counts nothing; every request is free."""

    async def check(self, *providers: str) -> None:
        """There is no limit."""

    async def cost(self, provider: str, models: Sequence[str], usage: Usage | None) -> Cost | None:
        """Not known."""
        del provider, models, usage
        return None

    def count(self, provider: str, usage: Usage | None, cost: Cost | None) -> None:
        """Nothing."""

    def asked(self, asked: Asked) -> None:
        """Nothing."""

    def answered(self, provider: str) -> None:
        """Nothing."""

    def began(self) -> None:
        """Nothing."""

    def ended(self, problem: Problem | None, *, answered: bool) -> None:
        """Nothing."""
