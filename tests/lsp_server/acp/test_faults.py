"""Whatever a client sends: it is answered, nothing of it is repeated, and the agent goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from acp_support import PATIENCE, PROGRAM, Client, RpcFault, chunks

from polypilot_providers.testing import ScriptedServer, Wait, stream

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, Any]


@pytest.fixture
async def client(connect: Callable[[], Client]) -> Client:
    """A client whose agent runs; nothing has been said."""
    made = connect()
    await made.start()
    return made


def errors(client: Client) -> list[tuple[object, int]]:
    """Ids and codes of the errors that it was told, in order."""
    said = [each.message for each in client.record.frames if each.ours]
    return [(each["id"], each["error"]["code"]) for each in said if "error" in each]


async def told(client: Client, count: int = 1) -> list[tuple[object, int]]:
    """Likewise, once there are that many."""
    await client.until(lambda: len(errors(client)) >= count)
    return errors(client)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage\n", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"initialize"\n', -32700),
        (b"\xff\xfe\n", -32700),
        (b"[" * 200_000 + b"]" * 200_000 + b"\n", -32700),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":NaN}}\n', -32700),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"x"}\n', -32700),
        (b"[]\n", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"initialize"}]\n', -32600),
        (b"7\n", -32600),
        (b'"secret"\n', -32600),
        (b"{}\n", -32600),
        (b'{"id":null,"method":"initialize","jsonrpc":"2.0"}\n', -32600),
        (b'{"id":1.5,"method":"initialize","jsonrpc":"2.0"}\n', -32600),
        (b'{"id":true,"method":"initialize","jsonrpc":"2.0"}\n', -32600),
        (b'{"id":99999999999999999999,"method":"initialize","jsonrpc":"2.0"}\n', -32600),
        (b'{"id":{},"result":{},"jsonrpc":"2.0"}\n', -32600),
    ],
)
async def test_a_line_that_is_no_message(client: Client, line: bytes, code: int) -> None:
    client.send_bytes(line)
    assert await told(client) == [(None, code)]
    assert b"secret" not in json.dumps(client.record.frames[0].message).encode()
    await client.initialize()
    assert await client.end() == 0


async def test_a_message_of_no_known_form_is_answered_by_its_id(client: Client) -> None:
    client.send({"id": 7, "method": "initialize", "jsonrpc": "1.0"}, bad=True)
    client.send({"id": 8, "method": 3}, bad=True)
    client.send({"id": 9, "method": "session/fly", "params": {}}, bad=True)
    client.send({"id": 10, "method": "initialize", "params": [1]}, bad=True)
    client.send({"id": 11, "method": "initialize", "params": {"protocolVersion": "1"}}, bad=True)
    client.send({"id": 12, "method": "session/new", "params": {}}, bad=True)
    assert await told(client, 6) == [
        (7, -32600),
        (8, -32600),
        (9, -32601),
        (10, -32602),
        (11, -32602),
        (12, -32600),
    ]
    await client.initialize()
    with pytest.raises(RpcFault, match="already"):
        await client.initialize()


async def test_blanks_and_crlf_are_taken(client: Client) -> None:
    line = json.dumps(
        {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {"protocolVersion": 1}}
    )
    client.send_bytes(b"\n\r\n  \n" + line.encode() + b"\r\n")
    await client.until(lambda: client.record.frames)
    answer = client.record.frames.pop().message
    assert (answer["id"], answer["result"]["protocolVersion"]) == ("a", 1)


async def test_a_line_comes_in_pieces(client: Client) -> None:
    line = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": 1, "clientInfo": {"name": "é…𝄞", "version": "1"}},
        },
        ensure_ascii=False,
    ).encode()
    for index in range(len(line)):
        client.send_bytes(line[index : index + 1])
        if index % 16 == 0:
            await asyncio.sleep(0)
    assert not client.record.frames
    client.send_bytes(b"\n")
    await client.until(lambda: client.record.frames)
    assert client.record.frames.pop().message["id"] == 1


async def test_a_line_of_60_megabytes(client: Client) -> None:
    await client.initialize()
    session = await client.new()
    client.send_bytes(b'{"jsonrpc":"2.0","id":77,"method":"session/prompt","params":{"x":"')
    for _ in range(60):
        client.send_bytes(b"x" * 1_000_000)
        assert client.process is not None
        assert client.process.stdin is not None
        await client.process.stdin.drain()
    client.send_bytes(b'"}}\n')
    assert await told(client) == [(None, -32600)]
    await client.call("session/close", {"sessionId": session})


async def test_an_id_that_is_in_use(client: Client) -> None:
    await client.initialize()
    params: Message = {"cwd": str(client.workspace), "mcpServers": []}
    first = client.ask("session/new", params)
    client.send({"id": client.last_id, "method": "session/new", "params": params}, bad=True)
    with pytest.raises(RpcFault, match="still running"):
        await client.result(first)
    await client.until(lambda: client.of("available_commands_update"))
    assert len([f for f in client.record.frames if f.ours and "result" in f.message]) == 2


async def test_what_is_not_known_is_ignored(client: Client) -> None:
    await client.initialize()
    client.send({"method": "session/fly", "params": {}}, bad=True)
    client.send({"method": "$/whatever"}, bad=True)
    client.send({"method": "session/cancel", "params": {"sessionId": 7}}, bad=True)
    client.send({"method": "session/cancel", "params": {"sessionId": "none"}})
    client.send({"method": "$/cancel_request", "params": {"requestId": 4711}})
    client.send({"method": "$/cancel_request", "params": {"requestId": [1]}}, bad=True)
    client.send({"id": 4711, "result": {}}, bad=True)
    client.send({"id": "x", "error": {"code": 1, "message": "no"}}, bad=True)
    params: Message = {"cwd": str(client.workspace), "mcpServers": [], "colour": "red"}
    await client.call("session/new", {**params, "_meta": {"a": {"b": 1}}}, bad=True)
    assert errors(client) == []


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("session/new", {"cwd": "/w"}, "mcpServers"),
        ("session/new", {"cwd": "/w", "mcpServers": ["x"]}, "mcpServers[0]"),
        (
            "session/new",
            {"cwd": "/w", "mcpServers": [], "additionalDirectories": ["x"]},
            "additionalDirectories[0]",
        ),
        ("session/prompt", {"prompt": []}, "sessionId"),
        ("session/load", {"sessionId": 4, "cwd": "/w", "mcpServers": []}, "sessionId"),
        ("session/list", {"cwd": "secret"}, "cwd"),
        ("session/delete", {}, "sessionId"),
        ("authenticate", {"methodId": ["secret"]}, "methodId"),
    ],
)
async def test_params_are_named_and_never_repeated(
    client: Client, method: str, params: Message, field: str
) -> None:
    await client.initialize()
    with pytest.raises(RpcFault) as fault:
        await client.call(method, params, bad=True)
    assert fault.value.code == -32602
    assert fault.value.error["data"]["field"] == field
    assert "secret" not in json.dumps(fault.value.error)


async def test_a_prompt_without_blocks(client: Client) -> None:
    await client.initialize()
    with pytest.raises(RpcFault) as fault:
        await client.call("session/prompt", {"sessionId": await client.new()}, bad=True)
    assert fault.value.error["data"]["field"] == "prompt"
    with pytest.raises(RpcFault, match="empty"):
        await client.say(await client.new(), "  ")


async def test_the_input_ends_within_a_request(connect: Callable[[], Client]) -> None:
    client = connect()
    async with ScriptedServer(stream(chunks("One")[0], Wait(asyncio.Event()))) as supplier:
        client.team(supplier.url)
        await client.start()
        await client.initialize()
        session = await client.new()
        prompt = [{"type": "text", "text": "Count"}]
        asked = client.ask("session/prompt", {"sessionId": session, "prompt": prompt})
        await client.until(lambda: client.text() == "One")
        assert await client.end() == 0
        assert await client.result(asked) == {"stopReason": "cancelled"}
        async with asyncio.timeout(PATIENCE):
            await supplier.requests[0].gone.wait()


async def test_half_a_line_at_the_end(client: Client) -> None:
    await client.initialize()
    client.send_bytes(b'{"jsonrpc":"2.0","id":5,"met')
    assert await client.end() == 0
    assert errors(client) == [(None, -32700)]


async def test_a_last_line_without_its_end(client: Client) -> None:
    line = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 1}}
    client.send_bytes(json.dumps(line).encode())
    assert await client.end() == 0
    assert client.record.frames.pop().message["result"]["protocolVersion"] == 1


async def test_the_input_ends_at_once(client: Client) -> None:
    assert await client.end() == 0
    assert client.stderr == b""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
async def test_a_signal_ends_it(client: Client, name: str) -> None:
    await client.initialize()
    assert client.process is not None
    client.process.send_signal(signal.Signals[name])
    async with asyncio.timeout(PATIENCE):
        assert await client.process.wait() == 0


async def test_a_client_that_stops_reading(connect: Callable[[], Client]) -> None:
    """It can still stop the answer, which would otherwise fill all memory."""
    client = connect()
    piece = chunks("x" * 20_000)[0]
    async with ScriptedServer(stream(*[piece] * 2000, Wait(asyncio.Event()))) as supplier:
        client.team(supplier.url)
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            env=client.env,
            cwd=client.workspace,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1024,
        )
        assert process.stdin is not None
        assert process.stdout is not None

        def send(ident: int | None, method: str, params: Message) -> None:
            message: Message = {"jsonrpc": "2.0", "method": method, "params": params}
            message |= {} if ident is None else {"id": ident}
            assert process.stdin is not None
            process.stdin.write(json.dumps(message).encode() + b"\n")

        send(1, "initialize", {"protocolVersion": 1})
        send(2, "session/new", {"cwd": str(client.workspace), "mcpServers": []})
        buffer = b""
        async with asyncio.timeout(PATIENCE):
            while b'"sessionId"' not in buffer:
                buffer += await process.stdout.read(256)
        session = buffer.partition(b'"sessionId":"')[2].partition(b'"')[0].decode()
        prompt = {"sessionId": session, "prompt": [{"type": "text", "text": "Count"}]}
        send(3, "session/prompt", prompt)
        request = (await supplier.wait_for_requests(1, PATIENCE))[0]
        # What the supplier sends stands still, since nobody takes it; and it can be stopped.
        # Nothing tells that another process waits, and for whom: its memory can only be watched.
        before = -1
        async with asyncio.timeout(PATIENCE):
            while (now := _resident(process.pid)) != before:
                before = now
                await asyncio.sleep(0.5)
        assert not request.gone.is_set()
        send(None, "session/cancel", {"sessionId": session})
        async with asyncio.timeout(PATIENCE):
            await request.gone.wait()
        assert before < 200_000_000
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            while await process.stdout.read(65536):
                pass
            assert await process.wait() == 0


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def test_nobody_but_the_protocol_writes(client: Client) -> None:
    """Descriptor 1 of the process is its standard error."""
    await client.initialize()
    assert client.process is not None
    folder = Path(f"/proc/{client.process.pid}/fd")
    assert (folder / "1").readlink() == (folder / "2").readlink()
    assert str((folder / "0").readlink()) == os.devnull


async def test_the_parent_ends_and_the_pipe_stays_open(connect: Callable[[], Client]) -> None:
    """As when the editor is killed while another of its children has its end of the pipe."""
    client = connect()
    reading, writing = os.pipe()
    done, ours = os.pipe()
    # The agent's parent is a shell that is killed; this test holds the pipes.
    command = ["sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh", *PROGRAM]
    parent = await asyncio.create_subprocess_exec(
        *command, env=client.env, cwd=client.workspace, stdin=reading, stdout=ours
    )
    os.close(reading)
    os.close(ours)
    line = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 1}}
    loop = asyncio.get_running_loop()
    os.write(writing, json.dumps(line).encode() + b"\n")
    assert b"protocolVersion" in await loop.run_in_executor(None, os.read, done, 65536)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(PATIENCE):
        assert await loop.run_in_executor(None, os.read, done, 65536) == b""
    os.close(writing)
    os.close(done)


async def test_standard_input_is_closed(client: Client) -> None:
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        'exec "$@" <&-',
        "sh",
        *PROGRAM,
        env=client.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"started by an editor" in err
