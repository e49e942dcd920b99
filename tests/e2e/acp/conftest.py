"""Clients that others wrote, each in front of the real agent, with every frame on record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acp_desk_support import Desk
from acp_support import Schema, UnavailableError, chunks, fetch, team

from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture(scope="session")
def acp_clients() -> Path:
    """The folder of the programs from the npm registry."""
    named = os.environ.get("POLYPILOT_TEST_CACHE")
    cache = Path(named) if named else Path.home() / ".cache" / "polypilot-tests"
    try:
        return fetch(cache)
    except UnavailableError as error:
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def acp_schema(acp_clients: Path) -> Schema:
    """The protocol's own schema."""
    return Schema(acp_clients)


@pytest.fixture
async def supplier() -> AsyncGenerator[ScriptedServer]:
    """Says hello unless told otherwise."""
    aside = {"/v1/models": reply(200, {"object": "list", "data": []})}
    async with ScriptedServer(stream(*chunks("Hel", "lo")), aside=aside) as server:
        yield server


@pytest.fixture
async def desk(
    tmp_path: Path,
    acp_clients: Path,
    acp_schema: Schema,
    supplier: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
) -> AsyncGenerator[Desk]:
    """A home whose provider is ``supplier``; at the end the record must be what the schema says."""
    made = Desk(tmp_path / "home", acp_clients)
    made.configure(team(supplier.url))
    yield made
    await made.run(*made.acpx("sessions", "close"))  # and with it whatever acpx left running
    record = made.record
    violations = acp_schema.violations(record.frames)
    with capsys.disabled():
        print(f" [{len(record.frames)} frames, {len(violations)} violations]", end="")  # noqa: T201 - the figure
    assert record.frames
    assert not violations
