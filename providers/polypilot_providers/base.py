"""The contract between Polypilot and whatever serves a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from polypilot_providers.types import ChatRequest, CompletionRequest, Event, ModelInfo


class Secret:
    """A key in memory. Prints, formats, pickles and compares as nothing at all.

    ``reveal`` is called in exactly one place, where a wire writes the header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "a Secret is never serialised"
        raise TypeError(message)


KeySource = Callable[[], Awaitable[Secret | None]]
"""Yields the key bound to the provider's origin, or None if there is none.

Called right before a request is sent; raises AuthError with a cure when a key is needed
and can't be read (keyring locked, hung or absent).
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one request, in seconds. Chat's and completion's differ."""

    connect: float = 5.0
    first_event: float = 30.0
    """From sending to the first content event (headers and pings do not count)."""
    idle: float = 20.0
    """Between content events; keep-alive pings do not count."""
    total: float | None = None
    reasoning: float = 180.0
    """In place of ``idle``, while the model has said that it reasons and shows nothing of it."""
    loading: bool = True
    """A server on this machine may take longer than all this if it has to load its model."""
    resent: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Told when the request goes out once more, changed, since its model refused a parameter."""


CHAT_LIMITS = Limits()
COMPLETION_LIMITS = Limits(connect=1.5, first_event=3.5, idle=5.0, total=7.0)


@runtime_checkable
class Provider(Protocol):
    """Serves models over one wire at one origin.

    The two streams yield events and end with exactly one Stop, or raise a ProviderError.
    Closing the generator (or cancelling the task that iterates it) closes the socket, so
    that the supplier stops generating; nothing is yielded after that.
    """

    @property
    def id(self) -> str:
        """The row's id, e.g. ``anthropic``."""
        ...

    @property
    def local(self) -> bool:
        """Whether text given to this provider stays on this machine (loopback origin)."""
        ...

    def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """Stream the text that belongs between prefix and suffix."""
        ...

    def chat(
        self, request: ChatRequest, limits: Limits = CHAT_LIMITS
    ) -> AsyncGenerator[Event, None]:
        """Stream the next assistant message."""
        ...

    async def models(self) -> list[ModelInfo]:
        """The models this key may use, newest knowledge first. Costs no tokens.

        Also serves as the cheap key check: a refused key raises AuthError.
        """
        ...

    async def aclose(self) -> None:
        """Give up connections. Safe to call twice."""
        ...
