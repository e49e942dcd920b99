"""Two answers to one request: the one that says something first is kept."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_providers.errors import ProviderError
from polypilot_providers.types import Event, Refusal, Stop, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


@dataclass(frozen=True, slots=True)
class RivalWon:
    """What follows is the rival's."""

    error: ProviderError | None
    """Why the first did not answer; None if it was slower."""


async def race(
    first: AsyncGenerator[Event, None],
    rival: AsyncGenerator[Event, None],
    asked: Callable[[], bool],
) -> AsyncGenerator[Event | RivalWon, None]:
    """Events of ``first``; or, if it has text before, RivalWon and the events of ``rival``.

    The loser is closed as soon as there is a winner; closing this closes both.

    Args:
        first: the answer of who was asked first. Its failure is raised, unless the rival answers.
        rival: waits before it asks, and ends without an event if it may not.
        asked: whether the rival was asked: nobody waits for one that was not.
    """
    one, two = _Runner(first), _Runner(rival)
    try:
        winner = await _winner(one, two, asked)
        await (two if winner is one else one).aclose()
        if winner is two:
            yield RivalWon(one.error)
        async with aclosing(winner.events()) as events:
            async for event in events:
                yield event
    finally:
        # Should we be cancelled once more while one is being closed, the other ends all the same.
        two.task.cancel()
        try:
            await one.aclose()
        finally:
            await two.aclose()


async def _winner(one: _Runner, two: _Runner, asked: Callable[[], bool]) -> _Runner:
    """Who has something to say; the first if neither has.

    What only the user can mend (a refused key) is told, and not hidden by the rival's answer.
    """
    while True:
        failed = one.error is not None and not (one.error.failover and asked())
        if one.answered or failed:
            return one
        if two.answered:
            return two
        running = [runner.task for runner in (one, two) if not runner.task.done()]
        if not running:
            return one
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


class _Runner:
    """A stream that is read ahead up to its first text."""

    def __init__(self, stream: AsyncGenerator[Event, None]) -> None:
        self.task = asyncio.ensure_future(self._read())
        self.error: ProviderError | None = None
        self._stream = stream
        self._held: list[Event] = []

    @property
    def answered(self) -> bool:
        """Whether it has said something that counts as an answer."""
        return self.task.done() and self.task.exception() is None and bool(self._held)

    async def events(self) -> AsyncGenerator[Event, None]:
        """All its events; raises what the stream has raised."""
        await self.task
        for event in self._held:
            yield event
        if self.error is not None:
            raise self.error
        async for event in self._stream:
            yield event

    async def aclose(self) -> None:
        """Close the stream, wherever it is."""
        self.task.cancel()
        try:
            await asyncio.wait([self.task])
        finally:
            if self.task.done():  # else it closes the stream itself as it ends
                await self._stream.aclose()

    async def _read(self) -> None:
        try:
            async for event in self._stream:
                self._held.append(event)
                if isinstance(event, TextDelta | Refusal | Stop):
                    return
        except ProviderError as error:
            self._held.clear()
            self.error = error
