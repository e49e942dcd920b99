"""What a wire hands to the HTTP layer: a request, and a reader of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from polypilot_providers.errors import AuthError
from polypilot_providers.failures import Peer
from polypilot_providers.sanitise import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot_providers.base import KeySource
    from polypilot_providers.origin import Origin
    from polypilot_providers.types import Event

AuthHeader = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "x-portkey-api-key"]


class Sign(Protocol):
    """Signs one request with something else than a key in a header (AWS)."""

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Mapping[str, str]:
        """The headers to add.

        Raises:
            AuthError: there is nothing to sign with.
        """
        ...


class StreamParser(Protocol):
    """A wire's sans-IO reader of one streamed answer: it is fed the body's bytes as they come."""

    @property
    def accept(self) -> str:
        """The media type it reads, which the request asks for."""
        ...

    @property
    def progress(self) -> int:
        """Grows with every piece of content, whether or not it makes an event; not with pings."""
        ...

    @property
    def reasoning(self) -> bool:
        """The supplier has said that the model reasons, and not yet that it is done with it."""
        ...

    @property
    def complete(self) -> bool:
        """The answer is whole; token counts and an end marker may still come."""
        ...

    @property
    def done(self) -> bool:
        """The end marker has come: nothing else is to be read."""
        ...

    def feed(self, data: bytes) -> Iterable[Event]:
        """Events that ``data`` completes; raises ProviderError for an error among them."""
        ...

    def close(self) -> Iterable[Event]:
        """The closing events (Usage, Stop); raises StreamBroken if the answer is not whole."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request. It can only go to ``origin``, which the key belongs to."""

    provider: str
    origin: Origin
    path: str
    """Path and query, beginning with a slash."""
    body: Mapping[str, object] | None = field(default=None, repr=False)
    """Sent as JSON by POST; without it the request is a GET."""
    key: KeySource | None = None
    needs_key: bool = True
    """Send nothing if ``key`` yields none."""
    auth: AuthHeader = "bearer"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    sign: Sign | None = None
    model: str = ""
    """The model that is asked for, where the body does not name it."""
    own_text: tuple[str, ...] = field(default=(), repr=False)
    """The user's text in ``body``, which no error message may repeat."""

    @property
    def peer(self) -> Peer:
        """Who is called, for error messages."""
        return Peer(self.provider, self.origin.authority, Hidden(self.own_text))

    async def reveal_key(self) -> str | None:
        """The key to send, or None if there is none and none is needed.

        Raises:
            AuthError: there has to be a key and there is none, or it can't be one.
        """
        secret = None if self.key is None else await self.key()
        if secret is None:
            if not self.needs_key:
                return None
            raise self._key_error("no key is stored", "Run")
        key = secret.reveal()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise self._key_error("the stored key has characters that no key has", "Run again")
        return key

    def _key_error(self, what: str, do: str) -> AuthError:
        return AuthError(
            f"{what} for {self.provider}",
            provider=self.provider,
            host=self.origin.authority,
            cure=f"{do} `polypilot auth set {self.provider}`.",
        )
