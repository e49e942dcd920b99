"""Fixtures of the protocol's tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# In pytest's importlib mode a test can't import its neighbours by name; so they are loaded
# here, under the names that the tests and the server's script use.
for _name in ("protocol_features", "protocol_support"):
    if _name not in sys.modules:
        _spec = importlib.util.spec_from_file_location(
            _name, Path(__file__).with_name(f"{_name}.py")
        )
        assert _spec is not None
        assert _spec.loader is not None
        sys.modules[_name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules[_name])

from protocol_support import Process, Session  # noqa: E402 -- loaded above

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
