"""One server of the Model Context Protocol, through the official package.

This module and its neighbours import it, so they are imported when the first server is needed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from opentelemetry import trace
from pydantic import TypeAdapter, ValidationError

from polypilot import __version__
from polypilot.chat.tools.mcp_http import Door
from polypilot.chat.tools.mcp_result import text_of
from polypilot.chat.tools.mcp_stdio import Stdio
from polypilot.chat.tools.mcp_values import (
    TOOLS_OF_SERVER,
    Definition,
    McpError,
    definition,
    said,
)
from polypilot.errors import UserError, describe
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp.client._transport import Transport

    from polypilot.settings.mcp import McpServer
    from polypilot.tasks import Tasks
    from polypilot_providers.base import Secret
    from polypilot_providers.network import Network
    from polypilot_providers.origin import Origin

# It traces its calls, to wherever the environment may say; nothing is told of what is done here.
trace.set_tracer_provider(trace.NoOpTracerProvider())
# What it logs may repeat what a server wrote.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
log = logging.getLogger(__name__)

START_S = 10.0
CALL_S = 30.0
_LIST_S = 5.0
_END_S = 3.0
_PAGES = 10
_TIMED_OUT = -32001
"""The package's code for a request that was not answered in time."""
_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)


class Connection:
    """A server, connected from the first question to it on; in the event loop."""

    def __init__(
        self,
        name: str,
        server: McpServer,
        tasks: Tasks,
        *,
        environ: Mapping[str, str],
        outside: Callable[[], tuple[str, ...]],
        network: Network,
        key: Callable[[str, Origin], Awaitable[Secret | None]],
        start_s: float = START_S,
        call_s: float = CALL_S,
    ) -> None:
        self.name = name
        self.server = server
        self._tasks = tasks
        self._environ = environ
        self._outside = outside
        self._network = network
        self._key = key
        self._start_s = start_s
        self._call_s = call_s
        self._client: Client | None = None
        self._stdio: Stdio | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._opening = asyncio.Lock()
        self.tools: tuple[Definition, ...] = ()
        """As the server described them last."""

    async def refresh(self) -> None:
        """Connect if need be, and have the server name its tools.

        Raises:
            McpError: it can't be used.
        """
        try:
            await self._look(await self._connected())
        except TimeoutError:
            await self._drop()
            raise self._late(_LIST_S) from None
        except (MCPError, ValidationError) as error:
            await self._drop()
            raise self._failed(error) from None

    async def call(
        self,
        tool: Definition,
        arguments: Mapping[str, object],
        tell: Callable[[str], None],
    ) -> tuple[str, bool]:
        """Call a tool: what it answers, as text, and whether that is an error.

        Raises:
            McpError: the server refused, ended, or did not answer in time; or the tool is not
                what it was when it was offered.
        """

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            amount = f"{progress:g}" if total is None else f"{progress:g} of {total:g}"
            tell(said(message) if message else amount)

        request = types.CallToolRequest(
            params=types.CallToolRequestParams(name=tool.tool, arguments=dict(arguments))
        )
        try:
            client = await self._connected()
            # Asked each time: not every server says when its tools change, and this one may be new.
            await self._look(client)
            self._check(tool)
            # Not through the client's own method: that checks the answer against the server's
            # schema, whose patterns may take for ever.
            result = await asyncio.wait_for(
                client.session.send_request(request, _RESULT, progress_callback=heard),
                self._call_s,
            )
        except TimeoutError:
            await self._drop()  # who knows what it is doing
            raise self._late(self._call_s) from None
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                await self._drop()
            raise self._failed(error) from None
        except ValidationError as error:
            raise self._failed(error) from None
        if isinstance(result, types.InputRequiredResult):
            raise McpError(
                f"the MCP server {self.name} wants to ask you something, which can't be done here",
                code="mcp_refused",
            )
        return text_of(result), result.is_error

    def _check(self, tool: Definition) -> None:
        if tool not in self.tools:
            raise McpError(
                f"{tool.shown} has changed or gone since it was offered",
                code="mcp_changed",
                cure="ask again to see what there is now",
            )

    async def aclose(self) -> None:
        """End the connection, and the process if it is one. Safe to call twice."""
        await self._drop()

    # -- inside --------------------------------------------------------------------------

    async def _connected(self) -> Client:
        async with self._opening:
            if self._client is not None:
                return self._client
            await self._ended()
            self._stop = asyncio.Event()
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._serving = self._tasks.spawn(self._serve(ready), name=f"mcp: {self.name}")
            done, _ = await asyncio.wait({ready}, timeout=self._start_s)
            if not done:
                ready.cancel()
                await self._ended()
                raise self._late(self._start_s, code="mcp_start")
            self._client = ready.result()
            return self._client

    async def _serve(self, ready: asyncio.Future[Client]) -> None:
        """Hold the connection; the package wants it begun and ended by the same task."""
        try:
            transport = await self._transport()
            async with Client(
                transport,
                cache=None,
                read_timeout_seconds=self._call_s,
                client_info=types.Implementation(name="polypilot", version=__version__),
            ) as client:
                if not ready.done():
                    ready.set_result(client)
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001 - whatever the package raises, the user is told
            if ready.done():
                log.info("the MCP server %r ended: %s", self.name, type(error).__name__)
            else:
                ready.set_exception(self._failed(error))
        finally:
            self._client = None
            if not ready.done():
                ready.cancel()

    async def _transport(self) -> Transport:
        if self.server.command:
            self._stdio = Stdio(
                self.server,
                self._tasks,
                environ=self._environ,
                outside=self._outside(),
                start_s=self._start_s,
            )
            return self._stdio
        return Door(self.name, self.server, self._network, self._key, streamable_http_client)

    async def _look(self, client: Client) -> None:
        self.tools = await asyncio.wait_for(self._listed(client), _LIST_S)

    async def _listed(self, client: Client) -> tuple[Definition, ...]:
        found: dict[str, Definition] = {}
        cursor: str | None = None
        how = self.server.model_dump_json()
        for _ in range(_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
            page = await client.session.list_tools(params=params)
            for tool in page.tools:
                made = definition(
                    self.name, tool.name, tool.description or "", tool.input_schema, how=how
                )
                if made is not None:
                    found.setdefault(made.tool, made)
            cursor = page.next_cursor
            if not cursor or len(found) >= TOOLS_OF_SERVER:
                break
        return tuple(found.values())[:TOOLS_OF_SERVER]

    async def _drop(self) -> None:
        self._client = None
        self._stop.set()
        await self._ended()

    async def _ended(self) -> None:
        """Wait, not for long, until what held the connection has ended."""
        serving, self._serving = self._serving, None
        if serving is None or serving.done():
            return
        self._stop.set()
        await asyncio.wait({serving}, timeout=0.1)
        if not serving.done():
            serving.cancel()
            await asyncio.wait({serving}, timeout=_END_S)

    def _late(self, seconds: float, code: str = "mcp_timeout") -> McpError:
        return McpError(
            f"the MCP server {self.name} did not answer in {seconds:g} s",
            code=code,
            cure=self._cure,
        )

    def _failed(self, error: BaseException) -> McpError:
        if isinstance(error, BaseExceptionGroup):
            return self._failed(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
        fault = self._stdio.fault if self._stdio else ""
        if isinstance(error, UserError | ProviderError):
            problem = describe(error)
            return McpError(
                f"the MCP server {self.name}: {problem.message}",
                code=problem.code if isinstance(error, McpError) else "mcp_start",
                cure=problem.cure or self._cure,
            )
        if isinstance(error, MCPError):
            return self._answered(error, fault)
        if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
            why = f"it can't be started ({error.strerror})"
        else:
            why = fault or "what it says can't be understood"
        return McpError(f"the MCP server {self.name}: {why}", code="mcp_start", cure=self._cure)

    def _answered(self, error: MCPError, fault: str) -> McpError:
        if error.code == _TIMED_OUT:
            return self._late(self._call_s)
        if error.code == types.CONNECTION_CLOSED:
            why = fault or "it has ended the connection"
            return McpError(f"the MCP server {self.name}: {why}", code="mcp_ended", cure=self._cure)
        return McpError(
            f"the MCP server {self.name} refused: {said(error.message)}", code="mcp_refused"
        )

    @property
    def _cure(self) -> str:
        if self.server.url:
            return f"check url and key in [mcp.{self.name}]"
        return f"run the command of [mcp.{self.name}] in a terminal to see what it says"
