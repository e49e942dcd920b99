"""What tests of providers do again and again: a key, all events of an answer, a request's body."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from polypilot_providers.base import Secret
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.call import StreamParser
    from polypilot_providers.scripted import ScriptedServer
    from polypilot_providers.types import CompletionRequest, Event

E = TypeVar("E")


def key_of(text: str) -> KeySource:
    """A source that always has the key ``text``."""

    async def source() -> Secret | None:
        return Secret(text)

    return source


def read(parser: StreamParser, *pieces: bytes) -> list[Event]:
    """All events of an answer that comes in ``pieces``, to its end."""
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + list(parser.close())


async def outcome(stream: AsyncGenerator[E, None]) -> tuple[list[E], ProviderError | None]:
    """The events of ``stream``, and the error that ended it, if one did."""
    got: list[E] = []
    try:
        async with aclosing(stream) as events:
            async for event in events:
                got.append(event)  # noqa: PERF401 - what came before an error counts
    except ProviderError as error:
        return got, error
    return got, None


async def body_of(
    server: ScriptedServer, provider: Provider, request: ChatRequest | CompletionRequest
) -> dict[str, object]:
    """What ``provider`` sends to ``server`` for ``request``; raises as its stream does."""
    chat = isinstance(request, ChatRequest)
    async with aclosing(provider.chat(request) if chat else provider.complete(request)) as events:
        async for _ in events:
            pass
    return server.requests[-1].json
