"""A server of the Model Context Protocol, written with the official package; a program.

    python mcp_program.py [stdio | http PORT] [FILE with the description of `echo`]

Tests start it as a user's configuration would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

TAG = "\U000e0041"
server = MCPServer("honest", log_level="CRITICAL")
described = Path(sys.argv[-1])
description = described.read_text() if described.suffix == ".txt" else f"Says it{TAG} again."


@server.tool(description=description)
def echo(text: str) -> str:
    return text


@server.tool()
def become(text: str) -> str:
    """Describes `echo` otherwise from now on."""
    server.remove_tool("echo")
    server.add_tool(echo, description=text)
    return "done"


@server.tool()
def environment() -> list[str]:
    return sorted(os.environ)


@server.tool()
def where() -> str:
    return str(Path.cwd())


@server.tool(structured_output=False)
def picture() -> list[str | Image]:
    return ["before", Image(data=b"\x89PNG\r\n\x1a\n" + b"0" * 100_000, format="png"), "after"]


@server.tool()
def long(count: int) -> str:
    return "0123456789" * (count // 10)


@server.tool()
def refuse() -> str:
    raise ToolError("no\x1b[31m, and that is final")


@server.tool()
async def wait(ctx: Context) -> str:
    await ctx.report_progress(1, 2, "half")
    await anyio.sleep_forever()
    return ""


@server.tool()
def crash() -> str:
    os._exit(3)


@server.tool()
def child() -> int:
    """Starts a process that would live on."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return process.pid


@server.tool(name="odd name/with.dots and a length that no supplier takes" + "!" * 30)
def odd() -> str:
    return "odd"


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
