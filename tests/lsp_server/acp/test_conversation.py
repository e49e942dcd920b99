"""The agent as a process of its own, with a real HTTP server as its provider."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from acp_support import Client, RpcFault, chunks, tool_call

from polypilot_providers.testing import ScriptedServer, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

HELLO = stream(*chunks("Hel", "lo"))


@pytest.fixture
async def supplier() -> AsyncGenerator[ScriptedServer]:
    aside = {"/v1/models": reply(200, {"object": "list", "data": []})}
    async with ScriptedServer(HELLO, aside=aside) as server:
        yield server


@pytest.fixture
async def client(connect: Callable[[], Client], supplier: ScriptedServer) -> Client:
    """Connected, with nothing said yet."""
    made = connect()
    made.team(supplier.url)
    await made.start()
    return made


def options(result: dict[str, Any]) -> dict[str, Any]:
    """The current value of each option."""
    return {each["id"]: each["currentValue"] for each in result["configOptions"]}


async def test_a_question_is_answered(client: Client, supplier: ScriptedServer) -> None:
    told = await client.initialize()
    assert told["protocolVersion"] == 1
    assert told["agentInfo"]["name"] == "polypilot"
    session = await client.new()
    result = await client.say(session, "Say hello")
    assert result == {"stopReason": "end_turn"}
    assert client.text() == "Hello"
    assert len({each["messageId"] for each in client.of("agent_message_chunk")}) == 1
    assert client.of("session_info_update")[0]["title"] == "Say hello"
    used = client.of("usage_update")[-1]
    assert (used["used"], used["size"]) == (150, 32000)
    body: dict[str, Any] = supplier.requests[0].json
    assert body["messages"][-1]["content"] == "Say hello"
    assert await client.end() == 0
    assert client.stderr == b""


async def test_text_in_flight_is_stopped_and_the_supplier_sees_it(
    client: Client, supplier: ScriptedServer
) -> None:
    go = asyncio.Event()
    first, *rest = chunks("One", "Two")
    supplier.play(stream(first, Wait(go), *rest))
    await client.initialize()
    session = await client.new()
    asked = client.ask(
        "session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": "Count"}]}
    )
    await client.until(lambda: client.text() == "One")
    client.notify("session/cancel", {"sessionId": session})
    assert await client.result(asked) == {"stopReason": "cancelled"}
    async with asyncio.timeout(10):
        await supplier.requests[0].gone.wait()
    supplier.play(HELLO)
    assert await client.say(session, "Again") == {"stopReason": "end_turn"}
    sent: dict[str, Any] = supplier.requests[1].json
    assert [each["role"] for each in sent["messages"][1:]] == ["user", "assistant", "user"]


async def test_a_request_is_withdrawn_by_its_id(client: Client, supplier: ScriptedServer) -> None:
    supplier.play(stream(chunks("One")[0], Wait(asyncio.Event())))
    await client.initialize()
    session = await client.new()
    prompt = [{"type": "text", "text": "Count"}]
    asked = client.ask("session/prompt", {"sessionId": session, "prompt": prompt})
    wanted = client.last_id
    await client.until(lambda: client.text() == "One")
    client.notify("$/cancel_request", {"requestId": wanted})
    assert await client.result(asked) == {"stopReason": "cancelled"}
    async with asyncio.timeout(10):
        await supplier.requests[0].gone.wait()


async def test_a_prompt_is_stopped_before_its_first_step(client: Client) -> None:
    await client.initialize()
    session = await client.new()
    prompt = [{"type": "text", "text": "Count"}]
    asked = client.ask("session/prompt", {"sessionId": session, "prompt": prompt})
    client.notify("session/cancel", {"sessionId": session})
    assert await client.result(asked) == {"stopReason": "cancelled"}


async def test_one_answer_at_a_time(client: Client, supplier: ScriptedServer) -> None:
    supplier.play(stream(chunks("One")[0], Wait(asyncio.Event())))
    await client.initialize()
    session = await client.new()
    prompt = [{"type": "text", "text": "Count"}]
    asked = client.ask("session/prompt", {"sessionId": session, "prompt": prompt})
    await client.until(lambda: client.text() == "One")
    with pytest.raises(RpcFault, match="still being answered"):
        await client.say(session, "And now?")
    assert await client.call("session/close", {"sessionId": session}) == {}
    assert await client.result(asked) == {"stopReason": "cancelled"}
    with pytest.raises(RpcFault) as fault:
        await client.say(session, "Still there?")
    assert fault.value.code == -32002


async def test_conversations_outlive_the_agent(
    connect: Callable[[], Client], client: Client, supplier: ScriptedServer
) -> None:
    await client.initialize()
    session = await client.new()
    await client.say(session, "Say hello")
    assert await client.end() == 0
    later = connect()
    await later.start()
    await later.initialize()
    cwd = str(later.workspace)
    listed = (await later.call("session/list", {"cwd": cwd}))["sessions"]
    assert [(each["sessionId"], each["cwd"], each["title"]) for each in listed] == [
        (session, cwd, "Say hello")
    ]
    assert listed[0]["updatedAt"].endswith("+00:00")
    elsewhere = str(later.home)
    assert (await later.call("session/list", {"cwd": elsewhere}))["sessions"] == []
    with pytest.raises(RpcFault, match="cwd"):
        await later.call("session/load", {"sessionId": session, "cwd": elsewhere, "mcpServers": []})
    opened = await later.call("session/load", {"sessionId": session, "cwd": cwd, "mcpServers": []})
    assert options(opened)["model"] == "team/talker"
    assert later.text("user_message_chunk") == "Say hello"
    assert later.text() == "Hello"
    await later.say(session, "And again")
    sent: dict[str, Any] = supplier.requests[-1].json
    assert [each["content"] for each in sent["messages"][1:]] == [
        "Say hello",
        "Hello",
        "And again",
    ]


async def test_resuming_sends_nothing_again(
    connect: Callable[[], Client], client: Client, supplier: ScriptedServer
) -> None:
    await client.initialize()
    session = await client.new()
    await client.say(session, "Say hello")
    await client.end()
    later = connect()
    await later.start()
    await later.initialize()
    cwd = str(later.workspace)
    await later.call("session/resume", {"sessionId": session, "cwd": cwd})
    assert later.text() == later.text("user_message_chunk") == ""
    await later.say(session, "And again")
    sent: dict[str, Any] = supplier.requests[-1].json
    assert len(sent["messages"]) == 4


async def test_a_deleted_conversation_is_gone(client: Client) -> None:
    await client.initialize()
    session = await client.new()
    await client.say(session, "Say hello")
    assert await client.call("session/delete", {"sessionId": session}) == {}
    assert (await client.call("session/list", {}))["sessions"] == []
    with pytest.raises(RpcFault):
        await client.say(session, "Still there?")
    assert await client.call("session/delete", {"sessionId": session}) == {}


async def test_lists_come_in_pages(client: Client) -> None:
    await client.initialize()
    made: list[str] = []
    for _ in range(51):
        made.append(await client.new())
        await client.say(made[-1], "Say hello")
    first = await client.call("session/list", {})
    assert len(first["sessions"]) == 50
    rest = await client.call("session/list", {"cursor": first["nextCursor"]})
    assert "nextCursor" not in rest
    seen = [each["sessionId"] for each in (*first["sessions"], *rest["sessions"])]
    assert sorted(seen) == sorted(made)
    with pytest.raises(RpcFault, match="cursor"):
        await client.call("session/list", {"cursor": "nonsense"})


async def test_the_model_is_switched(client: Client, supplier: ScriptedServer) -> None:
    await client.initialize()
    opened = await client.call("session/new", {"cwd": str(client.workspace), "mcpServers": []})
    session = opened["sessionId"]
    assert options(opened) == {"mode": "ask", "model": "team/talker"}
    change = {"sessionId": session, "configId": "model", "value": "team/thinker"}
    changed = await client.call("session/set_config_option", change)
    assert options(changed) == {
        "mode": "ask",
        "model": "team/thinker",
        "thought_level": "default",
    }
    change = {"sessionId": session, "configId": "thought_level", "value": "high"}
    changed = await client.call("session/set_config_option", change)
    assert options(changed)["thought_level"] == "high"
    levels = [each for each in changed["configOptions"] if each["id"] == "thought_level"]
    assert "default" in [each["value"] for each in levels[0]["options"]]
    changed = await client.call("session/set_config_option", change | {"value": "default"})
    assert options(changed)["thought_level"] == "default"
    await client.say(session, "Say hello")
    sent: dict[str, Any] = supplier.requests[0].json
    assert sent["model"] == "thinker"
    used = client.of("usage_update")[-1]
    assert used["size"] == 64000


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("model", "thinker", "value"),
        ("model", "nobody/thinker", "value"),
        ("mode", "yolo", "value"),
        ("thought_level", "lots", "value"),
        ("colour", "red", "configId"),
        ("mode", True, "value"),
    ],
)
async def test_an_option_that_does_not_exist(
    client: Client, option: str, value: object, field: str
) -> None:
    await client.initialize()
    change = {"sessionId": await client.new(), "configId": option, "value": value}
    with pytest.raises(RpcFault) as fault:
        await client.call("session/set_config_option", change, bad=True)
    assert fault.value.code == -32602
    assert fault.value.error["data"]["field"] == field
    assert str(value) not in fault.value.error["message"]


async def test_modes_are_switched_both_ways(client: Client) -> None:
    await client.initialize()
    session = await client.new()
    assert await client.call("session/set_mode", {"sessionId": session, "modeId": "plain"}) == {}
    assert options(client.of("config_option_update")[-1])["mode"] == "plain"
    change = {"sessionId": session, "configId": "mode", "value": "edit"}
    changed = await client.call("session/set_config_option", change)
    assert options(changed)["mode"] == "edit"
    assert client.of("current_mode_update")[-1]["currentModeId"] == "edit"
    with pytest.raises(RpcFault, match="modeId"):
        await client.call("session/set_mode", {"sessionId": session, "modeId": "yolo"})


async def test_commands_are_told(client: Client) -> None:
    await client.initialize()
    await client.new()
    await client.until(lambda: client.of("available_commands_update"))
    commands = client.of("available_commands_update")[0]["availableCommands"]
    assert {"explain", "fix", "tests", "review"} <= {each["name"] for each in commands}


async def test_unsaved_text_and_files_go_along(client: Client, supplier: ScriptedServer) -> None:
    (client.workspace / "saved.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    (client.workspace / "open.py").write_text("saved = True\n")
    uri = (client.workspace / "open.py").as_uri()
    await client.initialize()
    session = await client.new()
    await client.say(
        session,
        "Compare ",
        {"type": "resource", "resource": {"uri": uri, "text": "unsaved = True\n"}},
        {"type": "text", "text": " with "},
        {
            "type": "resource_link",
            "name": "saved.py",
            "uri": (client.workspace / "saved.py").as_uri() + "#L2:2",
        },
        {"type": "resource_link", "name": "page", "uri": "https://example.com/page"},
    )
    sent = json.dumps(supplier.requests[0].json)
    assert "Compare `open.py` with `saved.py:2`" in sent
    assert "https://example.com/page" in sent
    assert "unsaved = True" in sent
    assert "saved = True" not in sent.replace("unsaved = True", "")
    assert "two = 2" in sent


async def test_what_was_not_sent_is_said(client: Client, supplier: ScriptedServer) -> None:
    (client.workspace / ".env").write_text("PASSWORD=hunter2\n")
    outside = client.home / "outside.txt"
    outside.write_text("private\n")
    await client.initialize()
    session = await client.new()
    env = (client.workspace / ".env").as_uri()
    await client.say(
        session,
        "Look",
        {"type": "resource_link", "name": ".env", "uri": env},
        {"type": "resource", "resource": {"uri": env, "text": "PASSWORD=hunter2\n"}},
        {"type": "resource_link", "name": "outside.txt", "uri": outside.as_uri()},
    )
    sent = json.dumps(supplier.requests[0].json)
    assert "hunter2" not in sent
    assert "private" not in sent
    assert client.text().count("was not sent") == 3


async def test_pictures_go_along(client: Client, supplier: ScriptedServer) -> None:
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
        "RU5ErkJggg=="
    )
    await client.initialize()
    session = await client.new()
    picture = {"type": "image", "mimeType": "image/png", "data": pixel}
    prompt = {"sessionId": session, "prompt": [picture]}
    assert await client.call("session/prompt", prompt) == {"stopReason": "end_turn"}
    assert pixel in json.dumps(supplier.requests[0].json)


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"type": "audio", "mimeType": "audio/wav", "data": "AAAA"}, "prompt[0].type"),
        ({"type": "image", "mimeType": "image/png", "data": "secret!"}, "prompt[0].data"),
        ({"type": "text"}, "prompt[0].text"),
        ({"type": "resource_link", "uri": "file:///x"}, "prompt[0].name"),
        ({"type": "resource", "resource": {"uri": "x", "blob": "//8="}}, "prompt[0].resource.blob"),
    ],
)
async def test_a_block_that_can_not_be_taken(
    client: Client, block: dict[str, Any], field: str
) -> None:
    await client.initialize()
    prompt = {"sessionId": await client.new(), "prompt": [block]}
    with pytest.raises(RpcFault) as fault:
        await client.call("session/prompt", prompt, bad=True)
    assert fault.value.code == -32602
    assert fault.value.error["data"]["field"] == field
    assert "secret" not in fault.value.error["message"]


async def test_a_failure_of_the_supplier_is_shown(client: Client, supplier: ScriptedServer) -> None:
    error = {"message": "The model `talker` does not exist", "code": "model_not_found"}
    supplier.play(reply(404, {"error": error}))
    await client.initialize()
    session = await client.new()
    with pytest.raises(RpcFault) as fault:
        await client.say(session, "Say hello")
    assert fault.value.code == -32603
    assert "does not exist" in fault.value.error["message"]
    assert fault.value.error["data"]["code"] == "unknown_model"
    supplier.play(HELLO)
    assert await client.say(session, "Say hello") == {"stopReason": "end_turn"}


async def test_a_cut_answer(client: Client, supplier: ScriptedServer) -> None:
    supplier.play(stream(*chunks("Hel", end="length")))
    await client.initialize()
    assert await client.say(await client.new(), "Say hello") == {"stopReason": "max_tokens"}


async def test_reasoning_is_apart(client: Client, supplier: ScriptedServer) -> None:
    supplier.play(stream(*chunks({"reasoning_content": "Hm. "}, "Hello")))
    await client.initialize()
    await client.say(await client.new(), "Say hello")
    assert client.text("agent_thought_chunk") == "Hm. \n\n"
    assert client.text() == "Hello"


@pytest.mark.parametrize("shows", [True, False])
async def test_servers_of_the_editor_are_not_started(client: Client, *, shows: bool) -> None:
    marker = client.home / "started"
    server = {"name": "tools", "command": "touch", "args": [str(marker)], "env": []}
    session: dict[str, object] = {"notices": {}} if shows else {}
    await client.initialize(session=session)
    await client.say(await client.new(mcpServers=[server]), "Say hello")
    told = [each["title"] for each in client.of("notice")] if shows else [client.text()]
    assert len([each for each in told if "not started: tools" in each]) == 1
    assert client.text().endswith("Hello")
    assert not marker.exists()


async def test_each_conversation_has_its_own_folder(
    client: Client, supplier: ScriptedServer
) -> None:
    other = client.home / "other"
    other.mkdir()
    (other / "there.py").write_text("there = 1\n")
    link = {"type": "resource_link", "name": "there.py", "uri": (other / "there.py").as_uri()}
    await client.initialize()
    here = await client.new()
    await client.say(here, "Look", link)
    assert "was not sent" in client.text()
    there = await client.new(cwd=str(other))
    await client.say(there, "Look", link)
    assert "there = 1" in json.dumps(supplier.requests[-1].json)
    await client.call("session/close", {"sessionId": there})
    both = await client.new(additionalDirectories=[str(other)])
    await client.say(both, "Look", link)
    assert "there = 1" in json.dumps(supplier.requests[-1].json)


@pytest.mark.parametrize("cwd", ["relative", "", "a\0b", 7, None])
async def test_a_folder_has_to_be_absolute(client: Client, cwd: object) -> None:
    await client.initialize()
    with pytest.raises(RpcFault) as fault:
        await client.call("session/new", {"cwd": cwd, "mcpServers": []}, bad=True)
    assert fault.value.code == -32602
    assert fault.value.error["data"]["field"] == "cwd"


async def test_a_provider_without_its_key(client: Client, supplier: ScriptedServer) -> None:
    text = client.config.read_text().replace('provider = "team"', 'provider = "openai"')
    client.config.write_text(text.replace('model = "talker"\n', ""))
    del supplier
    await client.initialize(auth={"terminal": True})
    with pytest.raises(RpcFault) as fault:
        await client.new()
    assert fault.value.code == -32000
    assert "polypilot auth set openai" in fault.value.error["message"]
    with pytest.raises(RpcFault) as fault:
        await client.call("authenticate", {"methodId": "configured"})
    assert fault.value.code == -32000
    assert await client.call("authenticate", {"methodId": "embedded"}) == {}
    opened = await client.call("session/new", {"cwd": str(client.workspace), "mcpServers": []})
    assert options(opened)["model"].startswith("embedded/")


async def test_signing_in_and_out(client: Client) -> None:
    told = await client.initialize()
    assert [each["id"] for each in told["authMethods"]] == ["configured", "embedded"]
    assert await client.call("authenticate", {"methodId": "configured"}) == {}
    await client.new()
    assert await client.call("logout", {}) == {}
    with pytest.raises(RpcFault) as fault:
        await client.new()
    assert fault.value.code == -32000
    assert await client.call("authenticate", {"methodId": "configured"}) == {}
    await client.new()
    for method in ("terminal", "nonsense"):
        with pytest.raises(RpcFault, match="methodId"):
            await client.call("authenticate", {"methodId": method})


async def test_a_terminal_is_offered_to_those_who_have_one(client: Client) -> None:
    told = await client.initialize(auth={"terminal": True})
    terminal = told["authMethods"][-1]
    assert (terminal["type"], terminal["args"]) == ("terminal", ["auth"])


@pytest.mark.parametrize("version", [0, 2, 65535])
async def test_other_versions_are_offered_ours(client: Client, version: int) -> None:
    told = await client.call("initialize", {"protocolVersion": version})
    assert told["protocolVersion"] == 1


def proposing(path: str, old: str, new: str) -> list[Any]:
    """A model that proposes an edit, and says so when it was told what became of it."""
    arguments = {"path": path, "edits": [{"old_text": old, "new_text": new}]}
    return [
        stream(*chunks("I change it. ", tool_call("propose_edit", arguments), end="tool_calls")),
        stream(*chunks("Done.")),
    ]


async def edited(
    client: Client, supplier: ScriptedServer, answer: dict[str, Any] | None
) -> dict[str, Any]:
    """The result of a prompt whose answer proposes an edit; the user says ``answer``."""
    (client.workspace / "a.py").write_bytes(b"one = 1\r\ntwo = 2\r\n")
    supplier.play(*proposing("a.py", "two = 2", "two = 22"))
    outcome = None if answer is None else {"result": {"outcome": answer}}
    client.answers["session/request_permission"] = lambda _params: outcome
    await client.initialize()
    session = await client.new()
    await client.call("session/set_mode", {"sessionId": session, "modeId": "edit"})
    prompt = [{"type": "text", "text": "Make it 22"}]
    asked = client.ask("session/prompt", {"sessionId": session, "prompt": prompt})
    if answer is None:
        await client.until(lambda: client.asked)
        client.notify("session/cancel", {"sessionId": session})
    return await client.result(asked)


@pytest.mark.parametrize("option", ["allow_once", "allow_always"])
async def test_an_edit_is_made_when_it_is_allowed(
    client: Client, supplier: ScriptedServer, option: str
) -> None:
    result = await edited(client, supplier, {"outcome": "selected", "optionId": option})
    assert result == {"stopReason": "end_turn"}
    assert (client.workspace / "a.py").read_bytes() == b"one = 1\r\ntwo = 22\r\n"
    asked = client.asked[0]["params"]
    assert [each["kind"] for each in asked["options"]] == [
        "allow_once",
        "allow_always",
        "reject_once",
        "reject_always",
    ]
    shown = asked["toolCall"]["content"][0]
    assert (shown["type"], shown["path"]) == ("diff", str(client.workspace / "a.py"))
    assert (shown["oldText"], shown["newText"]) == (
        "one = 1\r\ntwo = 2\r\n",
        "one = 1\r\ntwo = 22\r\n",
    )
    statuses = [each["status"] for each in client.of("tool_call_update")]
    assert statuses == ["in_progress", "completed"]
    assert client.of("tool_call")[0]["kind"] == "edit"
    assert client.text().endswith("Done.")


@pytest.mark.parametrize("option", ["reject_once", "reject_always"])
async def test_an_edit_is_not_made_when_it_is_rejected(
    client: Client, supplier: ScriptedServer, option: str
) -> None:
    result = await edited(client, supplier, {"outcome": "selected", "optionId": option})
    assert result == {"stopReason": "end_turn"}
    assert (client.workspace / "a.py").read_bytes() == b"one = 1\r\ntwo = 2\r\n"
    assert [each["status"] for each in client.of("tool_call_update")] == ["failed"]
    body: dict[str, Any] = supplier.requests[-1].json
    assert "did not allow" in body["messages"][-1]["content"]


async def test_a_question_that_is_dismissed_stops_the_answer(
    client: Client, supplier: ScriptedServer
) -> None:
    assert await edited(client, supplier, {"outcome": "cancelled"}) == {"stopReason": "cancelled"}
    assert len(supplier.requests) == 1


async def test_stopping_withdraws_the_question(client: Client, supplier: ScriptedServer) -> None:
    assert await edited(client, supplier, None) == {"stopReason": "cancelled"}
    await client.until(lambda: client.cancelled)
    assert client.cancelled == [client.asked[0]["id"]]
    assert (client.workspace / "a.py").read_bytes() == b"one = 1\r\ntwo = 2\r\n"


@pytest.mark.parametrize("allowed", [True, False])
async def test_edits_in_an_answer_are_asked_for(
    client: Client, supplier: ScriptedServer, *, allowed: bool
) -> None:
    (client.workspace / "a.py").write_text("one = 1\n")
    block = "Like this:\n\n```python a.py\none = 11\n```\n"
    supplier.play(stream(*chunks(block)))
    option = "allow_once" if allowed else "reject_once"
    client.answers["session/request_permission"] = lambda _params: {
        "result": {"outcome": {"outcome": "selected", "optionId": option}}
    }
    await client.initialize()
    result = await client.say(await client.new(), "Make it 11")
    assert result == {"stopReason": "end_turn"}
    assert [each["kind"] for each in client.asked[0]["params"]["options"]] == [
        "allow_once",
        "reject_once",
    ]
    assert (client.workspace / "a.py").read_text() == ("one = 11\n" if allowed else "one = 1\n")
    assert client.of("tool_call_update")[-1]["status"] == ("completed" if allowed else "failed")
