"""Tools of the servers that the user's own configuration names; see `settings.mcp`.

Nothing is imported and no process started until a conversation in mode ``edit`` needs them.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from typing import TYPE_CHECKING, Protocol

from polypilot.chat.hidden import strip
from polypilot.chat.tools.arguments import ToolError
from polypilot.chat.tools.ground import one_line
from polypilot.chat.tools.mcp_values import Definition, McpError, name_of
from polypilot.chat.values import ToolKind, ToolResult
from polypilot.errors import UserError, describe
from polypilot.tasks import run_blocking
from polypilot.workspace.gate_outgoing import assemble
from polypilot.workspace.secrets import MARGIN
from polypilot_prompts.budget import BYTES_PER_TOKEN
from polypilot_providers.origin import Origin
from polypilot_providers.types import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot.chat.tools.ground import Ground
    from polypilot.chat.tools.mcp_client import Connection
    from polypilot.chat.values import FileDiff, Location, ToolContext
    from polypilot.settings.mcp import McpServer
    from polypilot.workspace.gate_outgoing import Outgoing
    from polypilot_providers.base import Secret
    from polypilot_providers.network import Network

log = logging.getLogger(__name__)

EXTRA_CURE = "install it with: pip install 'polypilot[mcp]'"
ALL_TOOLS = 128
"""Of all servers, that are offered."""
_PACKAGE = "polypilot.chat.tools.mcp_client"
_IMPORT_S = 30.0
_AGAIN_S = 60.0
"""Seconds for which a server that could not be used is left alone."""
_ARGUMENTS_CHARS = 1_000_000


class McpConfig(Protocol):
    """What is in force now."""

    @property
    def servers(self) -> Mapping[str, McpServer]:
        """The user's, by name."""
        ...

    @property
    def local_only(self) -> bool:
        """Whether nothing may leave this machine."""
        ...

    @property
    def network(self) -> Network:
        """How addresses are reached."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Where variables are looked up."""
        ...

    async def key(self, server: str, origin: Origin) -> Secret | None:
        """A server's key for an origin, from the keyring."""
        ...


class McpServers:
    """The servers, their connections and their tools. For one event loop."""

    def __init__(
        self,
        ground: Ground,
        config: McpConfig,
        *,
        clock: Callable[[], float] | None = None,
        start_s: float = 10.0,
        call_s: float = 30.0,
    ) -> None:
        self._ground = ground
        self._config = config
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._limits = (start_s, call_s)
        self._connections: dict[str, Connection] = {}
        self._failed: dict[str, tuple[McpServer, float, UserError]] = {}
        self._pins: dict[tuple[str, str], str] = {}
        """What the first definition of each tool was."""
        self._owners: dict[str, Definition] = {}
        """Which tool each name was given to. It is never another's, also when that tool is gone."""
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def problems(self) -> tuple[UserError, ...]:
        """Why servers can't be used, for the user."""
        return tuple(error for _server, _when, error in self._failed.values())

    def problem(self, server: str) -> UserError | None:
        """Why one can't be used; None: nothing is known against it."""
        failed = self._failed.get(server)
        return failed[-1] if failed is not None else None

    async def tools(self) -> tuple[McpTool, ...]:
        """The tools of all servers that can be used, in a steady order. Never raises.

        Servers are started, and asked what they have now, all at the same time.
        """
        async with self._lock:
            wanted = {name: row for name, row in self._config.servers.items() if row.enabled}
            await self._retire(wanted)
            if not wanted or self._closed:
                return ()
            names = [name for name in sorted(wanted) if not self._is_left_alone(name, wanted[name])]
            await asyncio.gather(*(self._refresh(name, wanted[name]) for name in names))
            return self._made()

    async def call(
        self, definition: Definition, arguments: Mapping[str, object], tell: Callable[[str], None]
    ) -> tuple[str, bool]:
        """What a tool answers, and whether that is an error.

        Raises:
            McpError: it can't be called, or is not what it was when it was offered.
        """
        connection = self._connections.get(definition.server)
        if connection is None:
            raise McpError(f"the MCP server {definition.server} is not in use any more")
        return await connection.call(definition, arguments, tell)

    async def aclose(self) -> None:
        """End every connection and every process. Safe to call twice."""
        self._closed = True
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(each.aclose() for each in connections))

    # -- inside --------------------------------------------------------------------------

    async def _retire(self, wanted: Mapping[str, McpServer]) -> None:
        """End the connections to what is not configured so any more."""
        for name, connection in list(self._connections.items()):
            if wanted.get(name) != connection.server:
                del self._connections[name]
                await connection.aclose()
        for name, (row, _when, _error) in list(self._failed.items()):
            if wanted.get(name) != row:
                del self._failed[name]

    def _is_left_alone(self, name: str, row: McpServer) -> bool:
        if name not in self._failed:
            return False
        failed, when, _error = self._failed[name]
        return failed == row and self._clock() - when < _AGAIN_S

    async def _refresh(self, name: str, row: McpServer) -> None:
        try:
            connection = self._connections.get(name) or await self._connection(name, row)
            self._connections[name] = connection
            await connection.refresh()
        except Exception as error:  # noqa: BLE001 - one server must not take the others with it
            problem = error if isinstance(error, UserError) else McpError(describe(error).message)
            log.info("the MCP server %r can't be used: %s", name, problem.code)
            self._failed[name] = (row, self._clock(), problem)
            connection = self._connections.pop(name, None)
            if connection is not None:
                await connection.aclose()
        else:
            self._failed.pop(name, None)

    async def _connection(self, name: str, row: McpServer) -> Connection:
        if row.url and self._config.local_only and not Origin.parse(row.url).is_loopback:
            raise McpError(
                f"the MCP server {name} is not on this machine",
                code="mcp_refused",
                cure="privacy.local_only allows nothing else",
            )
        try:
            await run_blocking(
                importlib.import_module, _PACKAGE, timeout=_IMPORT_S, name="import mcp"
            )
            from polypilot.chat.tools.mcp_client import (  # noqa: PLC0415 - it is an extra, and slow
                Connection,
            )
        except ImportError:
            raise McpError(
                "the package for MCP servers (mcp) is not installed",
                code="mcp_extra",
                cure=EXTRA_CURE,
            ) from None
        start_s, call_s = self._limits
        return Connection(
            name,
            row,
            self._ground.tasks,
            environ=self._config.environ,
            outside=lambda: tuple(root.path for root in self._ground.gate.roots),
            network=self._config.network,
            key=self._config.key,
            start_s=start_s,
            call_s=call_s,
        )

    def _made(self) -> tuple[McpTool, ...]:
        made: list[McpTool] = []
        taken: set[str] = set()
        for name in sorted(self._connections):
            for definition in sorted(self._connections[name].tools, key=lambda each: each.tool):
                pinned = self._pins.setdefault((name, definition.tool), definition.fingerprint)
                marked = pinned != definition.fingerprint
                others = {
                    each for each, owner in self._owners.items() if not owner.is_like(definition)
                }
                shown = name_of(definition, frozenset(taken | others), marked=marked)
                if shown in taken or shown in others or len(made) >= ALL_TOOLS:
                    continue
                self._owners[shown] = definition
                taken.add(shown)
                made.append(McpTool(self._ground, self, definition, shown))
        return tuple(made)


class McpTool:
    """A tool of a server. It may do anything, so each call asks.

    A definition that changes after it was first offered gets another name, so that what the
    user has allowed for a conversation was allowed to the old one alone.
    """

    kind: ToolKind = "other"
    asks = True

    def __init__(
        self, ground: Ground, servers: McpServers, definition: Definition, name: str
    ) -> None:
        self._ground = ground
        self._servers = servers
        self._definition = definition
        self.server = definition.server
        self.spec = Tool(name, definition.description, definition.schema)

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        try:
            text = json.dumps(arguments, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            text = ""
        return one_line(f"{self._definition.shown} {'' if text == '{}' else text}"), ()

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        """What it would change is not known."""
        del arguments, context
        return ()

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """See ChatTool."""
        if len(json.dumps(arguments, default=str)) > _ARGUMENTS_CHARS:
            raise ToolError("the arguments are too long")
        text, is_error = await self._servers.call(self._definition, arguments, context.progress)
        return ToolResult(self._bounded(text), is_error=is_error)

    def _bounded(self, text: str) -> Outgoing:
        """The answer, cut to what fits; secrets are looked for before the cut."""
        gate, most = self._ground.gate, self._ground.max_tokens * BYTES_PER_TOKEN
        head = text[: most + MARGIN]
        whole = gate.typed(strip(head).text, "tool")
        fits = len(whole.text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore"))
        left = len(text) - len(head) + len(whole) - fits
        if left <= 0:
            return whole or gate.typed("(it answered with nothing)", "tool")
        note = gate.typed(f"\n… {left:,} more characters were left out", "tool")
        return assemble((whole.slice(0, fits), note))
