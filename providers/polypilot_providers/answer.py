"""A whole answer as it came, for whoever wants to judge it and not just use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers.jsonvalue import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot_providers.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body, of a refusal too."""

    status: int = 0
    """0: no answer came; ``error`` says why."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Looks names up without regard to case."""
    body: bytes = field(default=b"", repr=False)
    error: ProviderError | None = None
    """What an answer of 400 or more stands for, or why there is none."""

    @property
    def ok(self) -> bool:
        """Whether the request was taken."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's successes

    @property
    def json(self) -> object:
        """The body's JSON value, None if it is not JSON."""
        try:
            return parse(self.body)
        except ValueError:
            return None
