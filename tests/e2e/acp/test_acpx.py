"""acpx, a command line client of the Agent Client Protocol, in front of the real agent."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from acp_support import PATIENCE, chunks, tool_call

from polypilot_providers.testing import ScriptedServer, Wait, stream

if TYPE_CHECKING:
    from pathlib import Path

    from acp_desk_support import Desk
    from acp_support import Frame

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def sent(desk: Desk, method: str) -> list[Frame]:
    """The client's requests of a method."""
    return [
        each
        for each in desk.record.frames
        if not each.ours and each.message.get("method") == method
    ]


async def test_one_question(desk: Desk, supplier: ScriptedServer) -> None:
    done = await desk.run(*desk.acpx("--format", "text", "exec", "Say hello"))
    assert done.status == 0, done.err
    assert "Hello" in done.out
    assert "[done] end_turn" in done.out
    body: dict[str, Any] = supplier.requests[0].json
    assert body["messages"][-1]["content"] == "Say hello"


async def test_events_as_json(desk: Desk) -> None:
    done = await desk.run(*desk.acpx("--format", "json", "--json-strict", "exec", "Say hello"))
    assert done.status == 0, done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    assert any("Hel" in json.dumps(each) for each in events)


async def test_a_conversation_goes_on_after_the_agent_has_ended(
    desk: Desk, supplier: ScriptedServer
) -> None:
    made = await desk.run(*desk.acpx("sessions", "new"))
    assert made.status == 0, made.err
    for number, text in enumerate(("First", "Second")):
        done = await desk.run(*desk.acpx("prompt", text))
        assert done.status == 0, done.err
        assert "[done] end_turn" in done.out
        # acpx keeps the agent for a second; the next prompt must come to another one.
        await desk.ended(number + 2)
    assert len(sent(desk, "initialize")) == 3
    body: dict[str, Any] = supplier.requests[-1].json
    assert [each["content"] for each in body["messages"][1:]] == ["First", "Hello", "Second"]
    assert sent(desk, "session/resume") or sent(desk, "session/load")
    listed = await desk.run(*desk.acpx("sessions", "list"))
    assert "First" in listed.out


async def test_the_model_is_switched(desk: Desk, supplier: ScriptedServer) -> None:
    await desk.run(*desk.acpx("sessions", "new"))
    first = await desk.run(*desk.acpx("prompt", "First"))
    assert first.status == 0, first.err
    changed = await desk.run(*desk.acpx("set", "model", "team/thinker"))
    assert changed.status == 0, changed.err
    done = await desk.run(*desk.acpx("prompt", "Second"))
    assert done.status == 0, done.err
    models = [each.json["model"] for each in supplier.requests]
    assert models == ["talker", "thinker"]


async def test_stopping_closes_the_suppliers_socket(
    desk: Desk, supplier: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    supplier.play(stream(chunks("One")[0], Wait(asyncio.Event())))
    await desk.run(*desk.acpx("sessions", "new"))
    process = await desk.start(*desk.acpx("prompt", "Count"))
    request = (await supplier.wait_for_requests(1, PATIENCE))[0]
    assert process.stdout is not None
    seen = b""
    async with asyncio.timeout(PATIENCE):
        while b"One" not in seen:
            seen += await process.stdout.read(4096)
    stopped = await desk.run(*desk.acpx("cancel"))
    assert stopped.status == 0, stopped.err
    done = await desk.finished(process)
    assert "cancelled" in done.out
    async with asyncio.timeout(PATIENCE):
        await request.gone.wait()
    assert request.gone_at is not None
    at = _moment(desk, '"session/cancel"')
    ended = _moment(desk, '"stopReason":"cancelled"')
    assert at < ended
    closed, said = request.gone_at - at, ended - at
    figure = f" [socket closed {closed * 1000:.1f} ms after cancel, answer {said * 1000:.1f} ms]"
    with capsys.disabled():
        print(figure, end="")  # noqa: T201 - the figure


def _moment(desk: Desk, text: str) -> float:
    """When the first line with this text passed."""
    lines = desk.log.read_text(encoding="utf-8").splitlines()
    return next(float(line.split(" ", 2)[1]) for line in lines if text in line)


@pytest.mark.parametrize("allowed", [True, False])
async def test_permission(desk: Desk, supplier: ScriptedServer, *, allowed: bool) -> None:
    file = desk.workspace / "a.py"
    file.write_text("two = 2\n")
    arguments = {"path": "a.py", "edits": [{"old_text": "two = 2", "new_text": "two = 22"}]}
    hello = stream(*chunks("Hello"))
    calls = stream(*chunks(tool_call("propose_edit", arguments), end="tool_calls"))
    supplier.play(hello, calls, stream(*chunks("Done.")))
    await desk.run(*desk.acpx("sessions", "new"))
    await desk.run(*desk.acpx("prompt", "First"))
    changed = await desk.run(*desk.acpx("set-mode", "edit"))
    assert changed.status == 0, changed.err
    rule = "--approve-all" if allowed else "--deny-all"
    done = await desk.run(*desk.acpx(rule, "prompt", "Make it 22"))
    assert "Done." in done.out, done.err
    assert file.read_text() == ("two = 22\n" if allowed else "two = 2\n")


async def test_the_embedded_model(desk: Desk, smollm2: Path) -> None:
    """A whole journey without a key and without a network."""
    desk.configure(
        f"""\
[chat]
provider = "embedded"
[embedded]
model_file = "{smollm2}"
"""
    )
    done = await desk.run(*desk.acpx("--format", "text", "exec", "Say one word."))
    assert done.status == 0, done.err
    assert "[done]" in done.out
    said = [each.message for each in desk.record.frames if each.ours]
    updates = [each["params"]["update"] for each in said if each.get("method") == "session/update"]
    assert any(each["sessionUpdate"] == "agent_message_chunk" for each in updates)
