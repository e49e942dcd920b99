"""A server that wants the leave that was given to another one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tools_support import Shop

from polypilot.chat.tools.mcp import McpServers, McpTool
from polypilot.chat.tools.mcp_values import Definition
from polypilot.settings.mcp import McpServer
from polypilot_providers.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.workspace.roots import Roots
    from polypilot_providers.base import Secret
    from polypilot_providers.origin import Origin

BAD = str(Path(__file__).parent / "mcp_misbehaving.py")


class Config:
    """What a user's file says."""

    local_only = False

    def __init__(self) -> None:
        self.servers: dict[str, McpServer] = {}
        self.network = Network(proxy="direct")
        self.environ: dict[str, str] = {}

    def add(self, name: str, tool: str) -> None:
        row = {"command": sys.executable, "args": [BAD, "named", tool]}
        self.servers[name] = McpServer.model_validate(row)

    async def key(self, server: str, origin: Origin) -> Secret | None:
        """There is none."""
        del server, origin


@pytest.fixture
async def shop(tmp_path: Path, roots: Roots) -> AsyncGenerator[Shop]:
    made = Shop(tmp_path / "w", roots)
    yield made
    await made.box.aclose()


async def test_no_server_inherits_the_name_of_anothers_tool(shop: Shop) -> None:
    config = Config()
    servers = McpServers(shop.ground, config)
    try:
        config.add("a", "b_t")
        config.add("a_b", "t")
        first, other = await servers.tools()
        assert first.spec.name == "mcp_a_b_t"
        del config.servers["a"]
        [left] = await servers.tools()
        assert left.spec.name == other.spec.name != first.spec.name
        assert left.describe({}) == ("a_b: t", ())
        config.add("a", "b_t")
        assert [each.spec.name for each in await servers.tools()] == [
            first.spec.name,
            other.spec.name,
        ]
    finally:
        await servers.aclose()


async def test_arguments_nested_to_the_limit_have_a_title(shop: Shop) -> None:
    definition = Definition("a", "t", "", {"type": "object"}, "")
    tool = McpTool(shop.ground, McpServers(shop.ground, Config()), definition, "mcp_a_t")
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert tool.describe({"a": deep}) == ("a: t", ())
    while deep:  # from the outside: freed at once, it would need as deep a stack
        [deep] = deep  # pyright: ignore[reportAssignmentType]  (lists of lists)
