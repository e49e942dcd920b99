"""The official schema, and clients whose every frame is held against it."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acp_support import Client, Record, Schema, UnavailableError, fetch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


@pytest.fixture(scope="session")
def acp_schema() -> Schema:
    """The protocol's own schema, out of its authors' package."""
    named = os.environ.get("POLYPILOT_TEST_CACHE")
    cache = Path(named) if named else Path.home() / ".cache" / "polypilot-tests"
    try:
        return Schema(fetch(cache))
    except UnavailableError as error:
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
async def connect(
    tmp_path: Path, acp_schema: Schema, capsys: pytest.CaptureFixture[str]
) -> AsyncGenerator[Callable[[], Client]]:
    """Makes clients that share a home; at the end all their frames must be what the schema says."""
    clients: list[Client] = []
    async with AsyncExitStack() as running:

        def made() -> Client:
            client = Client(tmp_path, Record())
            clients.append(client)
            running.push_async_callback(client.kill)
            return client

        yield made
    frames = [each for client in clients for each in client.record.frames]
    violations = [
        each for client in clients for each in acp_schema.violations(client.record.frames)
    ]
    with capsys.disabled():
        print(f" [{len(frames)} frames, {len(violations)} violations]", end="")  # noqa: T201 - the figure
    assert not violations
    for client in clients:
        assert b"Traceback" not in client.stderr
