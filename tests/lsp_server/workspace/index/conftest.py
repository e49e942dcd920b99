"""A workspace with an index in front, as the server has it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from index_support import PATIENCE, Space

from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path


@pytest.fixture
def fresh(tmp_path: Path) -> Space:
    """A fresh workspace; made outside of the event loop, which must not wait for a disk."""
    root = tmp_path / "project"
    root.mkdir()
    return Space(root, tmp_path / "cache" / "index")


@pytest.fixture
async def space(fresh: Space) -> AsyncGenerator[Space]:
    """The same, with its servers closed in the end."""
    yield fresh
    for index in fresh.opened:
        await index.aclose()


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Waits, within a bound, until what is asked again and again is true."""

    async def wait(true: Callable[[], Awaitable[object]], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        # What is asked is of another process (its end, what it has written): nothing tells us.
        while not await true():
            assert time.monotonic() < end, "it did not come to be"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def uri() -> Callable[[str], str]:
    """The URI of a path."""
    return uri_of
