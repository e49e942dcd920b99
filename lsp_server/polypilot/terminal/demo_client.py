"""A minimal language client: the demo talks to the real server the way an editor does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
from typing import TYPE_CHECKING, Any, Self

from polypilot.errors import UserError
from polypilot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_CURE = "run `polypilot doctor`"


class ServerError(UserError):
    """The language server refused a request or ended."""

    code = "server"


class EditorClient:
    """Starts ``polypilot --stdio`` and speaks LSP with it.

    ``async with`` starts the process and shuts it down. ``on_notification`` is called with
    every notification's method and params, in order.
    """

    def __init__(self, on_notification: Callable[[str, Any], None]) -> None:
        self._notify = on_notification
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._tasks = Tasks()

    async def __aenter__(self) -> Self:
        # -P: nothing in the folder the user happens to be in may stand in for a module.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "polypilot.cli", "--stdio"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._tasks.spawn(self._read(self._process), name="demo: read the server")
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                with contextlib.suppress(ServerError):
                    await self.request("shutdown", None)
                    self.notify("exit", None)
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        finally:
            await self._tasks.aclose()

    async def initialize(self, root_uri: str, settings: Mapping[str, object]) -> Mapping[str, Any]:
        """The handshake; ``settings`` is the tree of config.toml. Returns the server's result."""
        async with asyncio.timeout(_START_SECONDS):
            result: Mapping[str, Any] = await self.request(
                "initialize",
                {
                    "processId": None,
                    "clientInfo": {"name": "polypilot demo"},
                    "rootUri": root_uri,
                    "workspaceFolders": [{"uri": root_uri, "name": "demo"}],
                    "capabilities": {"textDocument": {"inlineCompletion": {}}},
                    "initializationOptions": {"polypilot": settings},
                },
            )
        self.notify("initialized", {})
        return result

    async def request(self, method: str, params: object) -> Any:
        """Send a request and wait for its result.

        Raises:
            ServerError: the server answered with an error, or ended.
        """
        number = next(self._ids)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._send({"id": number, "method": method, "params": params})
            return await future
        except asyncio.CancelledError:
            self.notify("$/cancelRequest", {"id": number})
            raise
        finally:
            del self._waiting[number]

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, object]) -> None:
        if self._process is None or self._process.stdin is None or self._process.stdin.is_closing():
            raise ServerError("The language server is not running.", cure=_CURE)
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        stdout = process.stdout
        if stdout is None:
            return
        try:
            while True:
                header = await stdout.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in header.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                self._take(json.loads(await stdout.readexactly(length)))
        except asyncio.IncompleteReadError:
            pass
        finally:
            if process.stdin is not None:
                process.stdin.close()
            ended = ServerError("The language server ended.", cure=_CURE)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ended)

    def _take(self, message: Mapping[str, Any]) -> None:
        if "method" not in message:
            self._settle(message)
        elif "id" in message:
            # Nothing that the server asks an editor for is needed here; null is an answer to
            # all of it, and one null per item to a pull of the configuration.
            params: dict[str, Any] = message.get("params") or {}
            items: list[object] | None = params.get("items")
            result = None if items is None else [None] * len(items)
            self._send({"id": message["id"], "result": result})
        else:
            self._notify(message["method"], message.get("params"))

    def _settle(self, message: Mapping[str, Any]) -> None:
        future = self._waiting.get(message.get("id", 0))
        if future is None or future.done():
            return
        error = message.get("error")
        if error is None:
            future.set_result(message.get("result"))
            return
        data: dict[str, str] = error.get("data") or {}
        future.set_exception(
            ServerError(
                str(error.get("message", "")),
                code=data.get("code", ""),
                cure=data.get("cure", ""),
            )
        )
