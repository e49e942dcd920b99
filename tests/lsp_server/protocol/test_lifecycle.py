"""How the process ends, and that it does."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING

import pytest
from protocol_support import (
    PATIENCE,
    SERVER,
    Message,
    Process,
    Session,
    frame,
    initialize_params,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Spawn = Callable[..., Awaitable[Process]]

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

SOON = 4.0
"""Seconds: far less than what hangs would hang, far more than what ending takes; the exact
figures are bench/protocol.py's."""

MIXES = {
    "idle": [],
    "one": [("test/slow", 1)],
    "fifty": [("test/slow", 50)],
    "blocked threads": [("test/blocking", 20)],
    "a blocked pool": [("test/executor", 8)],
    "stubborn": [("test/stubborn", 3), ("test/partial", 2)],
    "all": [("test/slow", 20), ("test/blocking", 10), ("test/executor", 8), ("test/stubborn", 5)],
}


async def begin(process: Process, mix: str) -> list[int | str]:
    started = [process.start(method) for method, count in MIXES[mix] for _ in range(count)]
    await process.result("test/echo", ["all of them run"])
    return started


@pytest.mark.parametrize("mix", MIXES)
async def test_shutdown_and_exit_answer_everything_and_end(process: Process, mix: str):
    started = await begin(process, mix)
    shutdown = process.start("shutdown")
    process.notify("exit")
    code, _ = await process.ends_within(SOON)
    await process.exit_code()
    assert code == 0
    for each in [*started, shutdown]:
        assert len(process.replies.to(each)) == 1
    assert process.replies.to(shutdown)[0]["result"] is None
    for each in started:
        reply = process.replies.to(each)[0]
        assert reply.get("result") == "stopped" or reply["error"]["code"] == -32800


@pytest.mark.parametrize(
    "ending", ["exit", pytest.param("SIGTERM", marks=posix), "a message that is none"]
)
async def test_what_waits_for_a_large_document_is_answered_at_the_end(
    process: Process, ending: str
):
    uri = "file:///w/large.py"
    process.open(uri, "é\n" * 6_000_000)
    waiting = [process.start("test/document", {"uri": uri}) for _ in range(3)]
    answered = process.start("shutdown") if ending == "exit" else process.start("test/echo", [])
    if ending == "exit":
        process.notify("exit")
    await process.reply(answered)  # it overtakes them
    if ending == "SIGTERM":
        process.process.send_signal(signal.SIGTERM)
    elif ending != "exit":
        process.write(b"Content-Length: many\r\n\r\n")
    assert (await process.ends_within(SOON))[0] == (0 if ending == "exit" else 1)
    await process.exit_code()
    for each in waiting:
        (reply,) = process.replies.to(each)
        assert reply["error"]["code"] == -32800
    assert len(process.replies.to(answered)) == 1


async def test_shutdown_is_answered_after_what_was_running(process: Process):
    slow, partial = process.start("test/slow"), process.start("test/partial")
    await process.result("test/echo", [])
    shutdown = process.start("shutdown")
    await process.reply(shutdown)
    order = [each["id"] for each in process.replies.all if "id" in each]
    assert order.index(shutdown) > max(order.index(slow), order.index(partial))
    assert process.replies.to(partial)[0]["result"] == "stopped"
    process.notify("exit")
    assert (await process.ends_within(SOON))[0] == 0


@pytest.mark.parametrize("mix", ["idle", "blocked threads", "all"])
async def test_the_end_of_input_is_the_end(process: Process, mix: str):
    await begin(process, mix)
    process.close_input()
    assert (await process.ends_within(SOON))[0] == 1


async def test_the_end_of_input_after_shutdown_is_a_good_end(process: Process):
    await process.result("shutdown")
    process.close_input()
    assert (await process.ends_within(SOON))[0] == 0


async def test_the_end_of_input_before_anything(spawn: Spawn):
    process = await spawn()
    process.close_input()
    assert (await process.ends_within(PATIENCE))[0] == 1


async def test_a_slow_backend_does_not_delay_the_end(spawn: Spawn):
    process = await spawn(env={"TEST_BACKEND_CLOSE": "60"})
    await process.initialize()
    await process.result("test/start")
    process.start("shutdown")
    process.notify("exit")
    assert (await process.ends_within(SOON))[0] == 0


@posix
@pytest.mark.parametrize(
    ("name", "mix"),
    [("SIGTERM", "idle"), ("SIGTERM", "all"), ("SIGINT", "all"), ("SIGHUP", "all")],
)
async def test_signals_end_it(process: Process, name: str, mix: str):
    started = await begin(process, mix)
    process.process.send_signal(getattr(signal, name))
    assert (await process.ends_within(SOON))[0] == 1
    await process.exit_code()
    assert all(len(process.replies.to(each)) == 1 for each in started)


@posix
async def test_a_signal_after_shutdown_is_a_good_end(process: Process):
    await process.result("shutdown")
    process.process.send_signal(signal.SIGTERM)
    assert (await process.ends_within(SOON))[0] == 0


@posix
async def test_hangup_is_ignored_under_nohup(spawn: Spawn):
    process = await spawn("nohup", sys.executable, str(SERVER))
    await process.initialize()
    process.process.send_signal(signal.SIGHUP)
    assert await process.result("test/echo", ["alive"]) == ["alive"]


@posix
async def test_the_death_of_the_client_is_the_end_though_the_pipe_stays_open(spawn: Spawn):
    # Another process, standing for a helper of the editor's, holds the pipe's other end.
    client = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220 -- no output to wait for
    process = await spawn()
    await process.result("initialize", initialize_params(processId=client.pid))
    process.notify("initialized", {})
    assert await process.result("test/echo", ["alive"]) == ["alive"]
    client.kill()
    client.wait()
    assert (await process.ends_within(SOON))[0] == 1


@posix
async def test_a_dead_client_that_nobody_waits_for_is_dead(spawn: Spawn):
    client = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220 -- no output to wait for
    process = await spawn()
    await process.result("initialize", initialize_params(processId=client.pid))
    client.kill()  # a zombie until the end of this test
    try:
        assert (await process.ends_within(SOON))[0] == 1
    finally:
        client.wait()


@posix
@pytest.mark.parametrize("pid", [2**22 + 1, 0, -1, None])
async def test_a_client_that_cannot_be_seen_is_not_missed(spawn: Spawn, pid: int | None):
    process = await spawn()
    await process.result("initialize", initialize_params(processId=pid))
    assert await process.result("test/echo", ["alive"]) == ["alive"]
    process.close_input()
    assert (await process.ends_within(SOON))[0] == 1


@posix
async def test_a_client_that_does_not_read_blocks_nobody(process: Process):
    process.pause_reading()
    process.start("test/big", {"bytes": 20_000_000})
    slow = process.start("test/slow")
    process.notify("$/cancelRequest", {"id": slow})
    stats = process.start("test/stats")
    process.resume_reading()
    assert (await process.reply(slow))["error"]["code"] == -32800
    assert (await process.reply(stats))["result"]["inFlight"] == 1  # only itself


@posix
async def test_an_exit_is_heard_by_a_server_whose_answers_nobody_reads(process: Process):
    process.pause_reading()
    process.start("test/big", {"bytes": 20_000_000})
    process.start("shutdown")
    process.notify("exit")
    assert (await process.ends_within(SOON))[0] == 0


@posix
async def test_streams_wait_for_a_slow_reader(process: Process):
    process.pause_reading()
    stream = process.start("test/stream", {"count": 3000, "size": 1000})
    process.start("test/echo", ["still there"], msg_id="echo")
    await asyncio.sleep(0)
    process.resume_reading()
    assert (await process.reply("echo"))["result"] == ["still there"]
    assert (await process.reply(stream))["result"] == 3000
    received = process.replies.notifications("$/progress")
    assert [each["params"]["value"]["text"][-1] for each in received[:5]] == list("01234")
    assert len(received) == 3000
    assert (await process.result("test/stats"))["mostQueued"] < 1000


@posix
@pytest.mark.parametrize("busy", [False, True])
async def test_a_client_that_closes_its_end_of_our_output_is_gone(process: Process, *, busy: bool):
    if busy:
        process.start("test/stream", {"count": 10**9})
        await process.replies.until(lambda: process.replies.notifications("$/progress"))
    process.close_output()
    assert (await process.ends_within(SOON))[0] == 1


@posix
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&- 2>&-"])
async def test_closed_standard_streams_are_told(spawn: Spawn, closed: str):
    process = await spawn("sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, str(SERVER))
    assert await process.exit_code() == 2
    if "2>&-" not in closed:
        assert b"is started by an editor" in process.stderr


@posix
async def test_closed_standard_error_is_no_matter(spawn: Spawn):
    process = await spawn("sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, str(SERVER))
    await process.initialize()
    assert await process.result("test/noise") == "quiet"
    assert process.stray == b""


@posix
async def test_input_from_a_file_is_read_to_its_end(spawn: Spawn, tmp_path: Path):
    messages: list[Message] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize_params()},
        {"jsonrpc": "2.0", "id": 2, "method": "test/echo", "params": ["from a file"]},
    ]
    path = tmp_path / "session"
    path.write_bytes(b"".join(map(frame, messages)))
    with path.open("rb") as file:
        process = await spawn(stdin=file.fileno())
        assert (await process.reply(2))["result"] == ["from a file"]
        assert await process.exit_code() == 1


@posix
async def test_a_hundred_blocked_threads_are_not_in_the_readers_way(process: Process):
    for _ in range(100):
        process.start("test/blocking", {"seconds": 60})
    for number in range(20):
        assert await process.result("test/echo", [number]) == [number]
    stats = await process.result("test/stats")
    assert stats["inFlight"] == 101
    assert stats["threads"] >= 100
    process.close_input()
    assert (await process.ends_within(SOON))[0] == 1


async def test_a_connection_that_has_ended_is_forgotten():
    async def hold() -> weakref.ref[object]:
        session = Session()
        await session.initialize()
        session.start("test/ask")  # a request of the server's own, never answered
        asked = session.replies.notifications
        await session.replies.until(lambda: asked("workspace/configuration"))
        await session.aclose()
        return weakref.ref(session.server.protocol)

    protocol = await hold()
    async with asyncio.timeout(PATIENCE):
        while protocol() is not None:  # timers of some milliseconds still hold it
            gc.collect()
            await asyncio.sleep(0)
