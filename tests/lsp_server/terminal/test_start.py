"""What starting costs: the server's start must not pay for libraries it does not need yet."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

NOT_BEFORE_INITIALIZE = {"click", "rich", "tomlkit", "keyring", "httpx", "httpx2", "re2"}


async def test_the_server_answers_initialize_without_the_terminals_and_the_providers_libraries(
    cli: Any,
):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "-P", "-m", "polypilot.cli", "--stdio"),
        env=cli.env,
        cwd=cli.folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    params: dict[str, object] = {"processId": None, "rootUri": None, "capabilities": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    body = json.dumps(message).encode()
    async with asyncio.timeout(60):
        # stderr is read along, or a full pipe would stop the server.
        process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))  # pyright: ignore[reportOptionalMemberAccess] - a pipe
        errors = asyncio.ensure_future(process.stderr.read())  # pyright: ignore[reportOptionalMemberAccess] - a pipe
        header = await process.stdout.readuntil(b"\r\n\r\n")  # pyright: ignore[reportOptionalMemberAccess] - a pipe
        length = int(header.split(b":")[1].split(b"\r\n")[0])
        answer = json.loads(await process.stdout.readexactly(length))  # pyright: ignore[reportOptionalMemberAccess] - a pipe
        process.kill()
        await process.wait()
        report = (await errors).decode()
    assert answer["result"]["capabilities"]
    imported = {line.rsplit("|", 1)[1].strip() for line in report.splitlines() if "|" in line}
    assert "pygls" in imported, "the report shows what was imported"
    assert {name.split(".")[0] for name in imported} & NOT_BEFORE_INITIALIZE == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stdio", "--clientProcessId=1"],
        ["--stdio", "--debug"],  # what copilot.el's manual advises
        ["--experimental-sqlite", "--stdio"],  # what copilot.lua gives to Node.js
    ],
)
async def test_what_language_clients_add_to_stdio_is_accepted(cli: Any, arguments: list[str]):
    done = await cli.run(*arguments, stdin="")
    assert done.out == ""
    assert "Usage" not in done.err
    assert "error: " not in done.err
    assert done.status != 2


async def test_stdio_with_words_is_a_usage_error(cli: Any):
    done = await cli.run("--stdio", "nosuch")
    assert (done.status, done.out) == (2, "")


async def test_a_closed_reader_ends_the_program_quietly(cli: Any):
    process = await cli.start("settings", "--schema")
    async with asyncio.timeout(60):
        process._transport.get_pipe_transport(1).close()
        error = await process.stderr.read()
        await process.wait()
    assert b"Traceback" not in error
    assert b"BrokenPipe" not in error
