"""What the doctor looks at for the chat: the user's commands, MCP servers, the search index."""

from __future__ import annotations

import importlib.util
from collections import Counter
from typing import TYPE_CHECKING

from polypilot.backend.doctor_check import Check, looked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from polypilot.backend.core import Backend


async def checks(backend: Backend, *, online: bool) -> AsyncIterator[Check]:
    """One line for each part that there is. With ``online`` the MCP servers are started."""
    yield await looked("chat commands", _commands(backend))
    servers = sorted(name for name, row in backend.settings.mcp.items() if row.enabled)
    tools: Counter[str] = Counter()
    if online and servers and _has_mcp():
        tools.update(each.server for each in await backend.chatting.servers.tools())
    for name in servers:
        yield _server(backend, name, tools[name] if online else None)
    yield await looked("search", _index(backend))


async def _commands(backend: Backend) -> Check:
    commands = backend.chatting.commands
    own, problems = set[str](), dict[str, None]()
    for root in [each.path for each in backend.gate.roots] or [None]:
        own |= {each.name for each in await commands.listing(root) if each.source != "builtin"}
        problems |= dict.fromkeys(map(str, await commands.problems(root)))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Check(
            "chat commands",
            ok=False,
            detail=f"{next(iter(problems))}{more}",
            cure="Mend the file, or remove it; docs/commands.md says what it may hold.",
        )
    return Check("chat commands", ok=True, detail=f"{len(own)} of your own")


def _has_mcp() -> bool:
    return importlib.util.find_spec("mcp") is not None


def _server(backend: Backend, name: str, tools: int | None) -> Check:
    """A server and the number of its tools; None: it was not started."""
    check = f"MCP server {name}"
    if not _has_mcp():
        cure = 'Install it: pip install "polypilot[mcp]"'
        return Check(check, ok=False, detail="the package for MCP servers is missing", cure=cure)
    if tools is None:
        cure = "To start it and ask for its tools: polypilot doctor --online"
        return Check(check, ok=None, detail="not tried", cure=cure)
    problem = backend.chatting.servers.problem(name)
    if problem is not None:
        return Check(check, ok=False, detail=problem.message, cure=problem.cure)
    return Check(check, ok=True, detail=f"offers {tools} tools")


async def _index(backend: Backend) -> Check:
    index, told = backend.chatting.index, list[str]()
    for root in [each.path for each in backend.gate.roots]:
        state = index.state(root)
        if state.problem:
            return Check("search", ok=False, detail=state.problem)
        files = await index.kept(root)
        if files is not None:
            told.append(f"{root}: {state.remark if state.working else 'indexed'}, {files:,} files")
    return Check("search", ok=True, detail="; ".join(told) or "indexed when you first search")
