"""Fixtures of the protocol's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol_support import Process, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A server in this process that has been initialized."""
    made = Session()
    await made.initialize()
    yield made
    await made.aclose()


@pytest.fixture
async def fresh() -> AsyncIterator[Session]:
    """A server in this process that waits for ``initialize``."""
    made = Session()
    yield made
    await made.aclose()


@pytest.fixture
async def spawn() -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    """Starts servers as processes; none outlives the test."""
    started: list[Process] = []

    async def start(*command: str, **options: object) -> Process:
        process = await Process.spawn(*command, **options)  # pyright: ignore[reportArgumentType] - fields of several types
        started.append(process)
        return process

    yield start
    for process in started:
        await process.aclose()


@pytest.fixture
async def process(spawn: Callable[..., Awaitable[Process]]) -> Process:
    """A server as a process, initialized."""
    made = await spawn()
    await made.initialize()
    return made
