"""Servers of the Model Context Protocol that do not behave; a program.

python mcp_misbehaving.py MODE
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

out = sys.stdout.buffer
TOOL = {"name": "t", "description": "A tool.", "inputSchema": {"type": "object"}}


def say(value: object) -> None:
    out.write(json.dumps(value).encode() + b"\n")
    out.flush()


def for_ever(data: bytes) -> None:
    while True:
        out.write(data)
        out.flush()


def tools(mode: str) -> Any:
    if mode == "named":
        return {"tools": [{**TOOL, "name": sys.argv[2]}]}
    if mode == "wrong":
        return {"tools": "none"}
    if mode == "pages":
        return {"tools": [TOOL], "nextCursor": "again"}
    if mode == "many":
        return {"tools": [{**TOOL, "name": f"t{n}"} for n in range(5_000)]}
    if mode == "big":
        deep: dict[str, Any] = {"type": "object"}
        for _ in range(60):
            deep = {"type": "object", "properties": {"a": deep}}
        wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5_000)}}
        return {
            "tools": [
                {**TOOL, "name": "deep", "inputSchema": deep},
                {**TOOL, "name": "wide", "inputSchema": wide},
                {**TOOL, "name": "long", "description": "x" * 100_000},
            ]
        }
    return {"tools": [TOOL]}


def answer(mode: str, request: dict[str, Any]) -> Any:
    method = request["method"]
    if method == "initialize":
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "bad", "version": "1"},
        }
    if method == "tools/list":
        return tools(mode)
    if method == "tools/call":
        if mode == "endless":
            for_ever(b"x" * 65_536)
        if mode == "flood":
            note = {
                "jsonrpc": "2.0",
                "method": "notifications/message",
                "params": {"level": "info", "data": "x"},
            }
            for_ever(json.dumps(note).encode() + b"\n")
        if mode == "shape":
            return {"content": [{"type": "hologram"}]}
    return None


def main(mode: str) -> None:
    if mode == "exits":
        sys.stderr.write("canary on stderr\n")
        sys.exit(1)
    if mode == "rubbish":
        for_ever(os.urandom(4_096))
    if mode in {"silent", "stubborn"}:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "silent":
        Path(sys.argv[2]).write_text(str(os.getpid()))
        while True:
            signal.pause()
    if mode == "noisy":
        out.write(b"Welcome to the server!\n{not json}\n\xff\xfe\n[]\n\n")
        sys.stderr.write("canary on stderr\n" * 10_000)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "id" not in request:
            continue
        result = answer(mode, request)
        if result is None:
            error = {"code": -32601, "message": "canary\x07 unknown " + "y" * 1_000}
            say({"jsonrpc": "2.0", "id": request["id"], "error": error})
        else:
            say({"jsonrpc": "2.0", "id": request["id"], "result": result})
    while mode == "stubborn":
        signal.pause()


main(sys.argv[1])
