"""Plain values of the completion engine: what goes in, what comes out, what is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from polypilot.workspace.gate import MARGIN
from polypilot_prompts.overrides import OURS

if TYPE_CHECKING:
    from polypilot.workspace.documents import Position, Snapshot
    from polypilot_prompts.overrides import Overrides
    from polypilot_providers.base import Limits
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.router import Switched, Target
    from polypilot_providers.types import Usage

PREFIX_CHARS = 30_000
SUFFIX_CHARS = 8_000
"""How much of a document around the cursor may go into a prompt, in characters."""
SNAPSHOT_BEFORE = PREFIX_CHARS + MARGIN
SNAPSHOT_AFTER = SUFFIX_CHARS + MARGIN
"""How much an ask's snapshot should hold, so that secrets at its edges are recognised."""


class Trigger(StrEnum):
    """Why the editor asks."""

    INVOKED = "invoked"
    """The user asked: most reasons not to ask do not count."""
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for completions at a cursor."""

    snapshot: Snapshot
    position: Position
    """The cursor as the editor gave it; suggestions are placed there."""
    trigger: Trigger = Trigger.AUTOMATIC
    several: bool = True
    """Whether a user who asks is offered more than one to choose from."""
    ahead: bool = True
    """Whether what follows may be asked for, since the user may go on there."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text offered at a position: inserted at the cursor, in place of ``start`` to ``end``."""

    id: str
    text: str
    start: Position
    end: Position
    provider: str
    model: str
    from_cache: bool


class Source(StrEnum):
    """Where an answer came from."""

    SHOWN = "shown"
    CACHE = "cache"
    FLIGHT = "flight"
    """A request that had been sent for an earlier key."""
    NETWORK = "network"


class Why(StrEnum):
    """Why an answer holds no suggestion."""

    DISABLED = "disabled"
    PAUSED = "paused"
    LANGUAGE = "language"
    TOO_LARGE = "too_large"
    WORD_AFTER = "word_after"
    EXCLUDED = "excluded"
    NO_PROVIDER = "no_provider"
    RATE_CAP = "rate_cap"
    ACCEPTED = "accepted"
    """A suggestion of one line has just been taken: nothing is asked before the next key."""
    UNSURE = "unsure"
    """The model itself gave its text too low a probability."""
    SUPERSEDED = "superseded"
    STALE = "stale"
    NOTHING = "nothing"
    """The model had nothing to add."""
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an ask led to. Either suggestions and a source, or the reason for none."""

    suggestions: tuple[Suggestion, ...] = ()
    source: Source | None = None
    why: Why | None = None
    detail: str = ""
    """With EXCLUDED, the gate's reason."""
    error: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A target with what is known about it."""

    target: Target
    row: ProviderRow
    model: ModelRow
    ahead: bool = True
    """Whether it may be asked for what follows a suggestion, which may be in vain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask for completions: the user's provider, then the listed fallbacks."""

    choices: tuple[Choice, ...]
    limits: Limits
    embedded: bool = False
    """The first choice runs on this machine's processor: slower, but costs nothing."""
    streak: int = 0
    """Lines to go on for behind a suggestion, in the same stream."""
    prefetch: bool = False
    """Whether what follows a suggestion is asked for while it is shown."""
    context: bool = True
    """Whether pieces of other files are sent along."""
    overrides: Overrides = OURS
    """The user's own templates."""

    @property
    def seats(self) -> int:
        """Requests that may run at once for one document."""
        return 1 if self.embedded else 2


@dataclass(frozen=True, slots=True)
class Policy:
    """The user's settings that decide whether to ask at all."""

    enabled: bool = True
    paused: bool = False
    disabled_languages: tuple[str, ...] = ()
    max_chars: int = 2_000_000


# --- what is counted; none of it holds any text of the user's, except what was taken


ANCHOR = 48
"""Characters before a text that was taken which say where it is."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A text that was taken, to see later how much of it is left. In memory only."""

    uri: str = field(repr=False)
    position: Position
    """Where it was inserted."""
    anchor: str = field(repr=False)
    """What stands before it."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Requested:
    """A completion's first request went out. Told once, whoever else is asked after it."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A completion ended. Told once, also when no request of it could go out."""

    provider: str
    """Who was asked last; empty if nobody was."""
    model: str
    seconds: float
    first_text: float | None
    """Seconds to the first text; None if there was none."""
    cancelled: bool
    usage: Usage | None
    error: ProviderError | None
    language: str = ""
    """The document's, like that of the other events."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer comes from another provider than the one asked first."""

    switched: Switched
    language: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A suggestion was given to the editor for the first time."""

    id: str
    provider: str
    model: str
    source: Source
    language: str = ""
    chars: int = 0
    """Its length."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The editor says that it has shown a suggestion."""

    id: str
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The user took a suggestion."""

    id: str
    provider: str
    model: str
    placed: Placed | None = None


@dataclass(frozen=True, slots=True)
class PartlyAccepted:
    """The user took the beginning of a suggestion; the rest is still offered."""

    id: str
    provider: str
    model: str
    chars: int
    """Code points taken so far."""
    placed: Placed | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The user typed something else."""

    id: str
    provider: str
    model: str


class Fault(StrEnum):
    """What is wrong with an answer of which nothing can be shown."""

    PROSE = "prose"
    """It says something about the code and writes none."""
    ENDLESS = "endless"
    """It goes on and on, in one line or in circles."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A whole answer was thrown away."""

    provider: str
    model: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Grown:
    """More can be shown now than was given: asking again at the same place gets it at once."""

    uri: str


EngineEvent = (
    Requested
    | Ended
    | Unusable
    | Moved
    | Shown
    | Seen
    | Grown
    | Accepted
    | PartlyAccepted
    | Rejected
)


class Observer(Protocol):
    """Is told what happens, for statistics and status."""

    def __call__(self, event: EngineEvent, /) -> None:
        """Must return quickly and not raise."""
        ...
