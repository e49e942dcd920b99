"""Clients made with the protocol's TypeScript and Python libraries, in front of the real agent."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import acp
import pytest
from acp_support import NODE, PATIENCE, chunks

from polypilot_providers.testing import ScriptedServer, Wait, stream

if TYPE_CHECKING:
    from pathlib import Path

    from acp_desk_support import Desk

    from polypilot_providers.testing import Step

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

HELLO = stream(*chunks("Hel", "lo"))


def counting() -> list[Step]:
    """An answer that begins and does not end."""
    return stream(chunks("One")[0], Wait(asyncio.Event()))


async def test_the_typescript_library(
    desk: Desk, supplier: ScriptedServer, acp_clients: Path, request: pytest.FixtureRequest
) -> None:
    supplier.play(HELLO, counting())
    library = acp_clients / "node_modules/@agentclientprotocol/sdk/dist/v1/stable/acp.js"
    told = {"cwd": str(desk.workspace), "command": desk.agent, "library": library.as_uri()}
    program = request.path.with_name("client.mjs")
    done = await desk.run(str(NODE), str(program), json.dumps(told))
    assert done.status == 0, done.err
    assert done.err == ""
    seen: dict[str, Any] = json.loads(done.out)
    assert seen["version"] == 1
    assert seen["options"] == ["mode", "model"]
    assert seen["first"] == {"stopReason": "end_turn"}
    assert seen["second"] == {"stopReason": "cancelled"}
    assert seen["model"] == "team/thinker"
    assert seen["loaded"] == "Hello"
    assert (seen["sessions"], seen["left"], seen["exit"], seen["error"]) == (1, 0, 0, -32002)
    wanted = {"usage_update", "session_info_update", "available_commands_update"}
    assert wanted <= set(seen["kinds"])


class Quiet:
    """As much of a client as the agent asks for; remembers updates."""

    def __init__(self) -> None:
        self.text = ""
        self.kinds: list[str] = []
        self.news = asyncio.Event()

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        del session_id
        self.kinds.append(update.session_update)
        if update.session_update == "agent_message_chunk":
            self.text += update.content.text
        self.news.set()


async def test_the_python_library(desk: Desk, supplier: ScriptedServer) -> None:
    supplier.play(HELLO, counting())
    client = Quiet()
    cwd = str(desk.workspace)
    spawned = acp.spawn_agent_process(
        cast("acp.Client", client),
        *desk.agent,
        env=desk.env,
        cwd=cwd,
        use_unstable_protocol=True,
    )
    async with asyncio.timeout(PATIENCE), spawned as (connection, _process):
        told = await connection.initialize(protocol_version=acp.PROTOCOL_VERSION)
        assert told.protocol_version == 1
        session = await connection.new_session(cwd=cwd, mcp_servers=[])
        ask = acp.text_block("Say hello")
        first = await connection.prompt(prompt=[ask], session_id=session.session_id)
        assert first.stop_reason == "end_turn"
        assert client.text == "Hello"
        listed = await connection.list_sessions(cwd=cwd)
        assert [each.title for each in listed.sessions] == ["Say hello"]
        await connection.load_session(cwd=cwd, session_id=session.session_id, mcp_servers=[])
        assert client.text == "HelloHello"
        running = asyncio.ensure_future(
            connection.prompt(prompt=[ask], session_id=session.session_id)
        )
        while not client.text.endswith("One"):
            client.news.clear()
            await client.news.wait()
        await connection.cancel(session_id=session.session_id)
        assert (await running).stop_reason == "cancelled"
