"""What the doctor says of the chat's parts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend, Check

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
PROGRAM = Path(__file__).parents[1] / "chat" / "tools" / "mcp_program.py"


async def look(backend: Backend, *, online: bool = False) -> dict[str, Check]:
    return {each.check: each for each in await backend.doctor(online=online)}


async def test_a_command_that_is_none_is_named(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    configure()
    folder = paths.config_dir() / "commands"
    folder.mkdir()
    (folder / "good.md").write_text("Say hello.", "utf-8")
    backend = backends(roots=[tmp_path])
    found = (await look(backend))["chat commands"]
    assert (found.ok, found.detail) == (True, "1 of your own")
    (folder / "bad.md").write_text("---\nsurprise: 1\n---\nSay hello.", "utf-8")
    found = (await look(backend))["chat commands"]
    assert found.ok is False
    assert "bad.md" in found.detail
    assert "surprise" in found.detail
    assert found.cure


async def test_servers_are_started_only_when_asked_to(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(
        f"[mcp.shop]\ncommand = {sys.executable!r}\nargs = [{str(PROGRAM)!r}]\n"
        '[mcp.gone]\ncommand = "/no/such/program"\n'
        '[mcp.off]\ncommand = "/no/such/program"\nenabled = false\n'
    )
    backend = backends()
    offline = await look(backend)
    assert [offline[f"MCP server {name}"].ok for name in ("shop", "gone")] == [None, None]
    assert "--online" in offline["MCP server shop"].cure
    assert "MCP server off" not in offline
    online = await look(backend, online=True)
    assert online["MCP server shop"].ok is True
    assert online["MCP server shop"].detail.startswith("offers ")
    assert online["MCP server gone"].ok is False
    assert online["MCP server gone"].detail


async def test_the_state_of_the_index_is_told(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    configure()
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("tapir = 1\n", "utf-8")
    backend = backends(roots=[root])
    assert (await look(backend))["search"].detail == "indexed when you first search"
    assert await backend.chatting.index.ready()
    another = backends(roots=[root])  # as the command line, which searches for nothing
    for each in (backend, another):
        assert (await look(each))["search"].detail == f"{root}: indexed, 1 files"
    (database,) = (paths.cache_dir() / "index").glob("*.db")
    whole = database.read_bytes()
    database.write_bytes(b"rubbish " * 1000)
    found = (await look(another))["search"]
    assert found.ok is False
    assert found.cure
    database.write_bytes(whole)
    await backend.chatting.index.delete()
    folder = paths.cache_dir() / "index"
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    folder.write_text("in the way", "utf-8")
    assert not await backend.chatting.index.ready()
    found = (await look(backend))["search"]
    assert found.ok is False
    assert "could not be made" in found.detail
