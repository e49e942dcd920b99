"""Servers of the user's own configuration, good and bad: real processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tools_support import KEY, Shop

from polypilot.chat.tools.mcp import McpServers
from polypilot.errors import UserError
from polypilot.settings.mcp import McpServer
from polypilot_prompts.budget import estimate
from polypilot_providers.base import Secret
from polypilot_providers.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot.chat.tools.mcp import McpTool
    from polypilot.workspace.roots import Roots
    from polypilot_providers.origin import Origin

HERE = Path(__file__).parent
HONEST, BAD = str(HERE / "mcp_program.py"), str(HERE / "mcp_misbehaving.py")
BOUND = 30


@dataclass
class Config:
    """What a user's file says."""

    servers: dict[str, McpServer] = field(default_factory=dict[str, McpServer])
    local_only: bool = False
    network: Network = field(default_factory=lambda: Network(proxy="direct"))
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    keys: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    async def key(self, server: str, origin: Origin) -> Secret | None:
        found = self.keys.get((server, str(origin)))
        return Secret(found) if found else None


@dataclass
class Served:
    """A workspace with servers."""

    shop: Shop
    config: Config
    servers: McpServers

    def add(self, name: str, *arguments: str, **more: object) -> None:
        row: dict[str, object] = {"command": sys.executable, "args": arguments, **more}
        self.config.servers[name] = McpServer.model_validate(row)

    async def tools(self) -> dict[str, McpTool]:
        return {tool.spec.name: tool for tool in await self.servers.tools()}

    async def call(self, name: str, /, **arguments: object) -> str:
        tool = (await self.tools())[name]
        return (await tool.run(arguments, self.shop.context())).text.text

    def limits(self, start_s: float = 10.0, call_s: float = 30.0) -> None:
        self.servers = McpServers(
            self.shop.ground, self.config, start_s=start_s, call_s=call_s, clock=lambda: 0.0
        )


@pytest.fixture
async def served(tmp_path: Path, roots: Roots) -> AsyncGenerator[Served]:
    shop, config = Shop(tmp_path / "w", roots), Config()
    made = Served(shop, config, McpServers(shop.ground, config))
    yield made
    await made.servers.aclose()
    await shop.box.aclose()
    assert not _children(), "no process may be left"


def _children() -> list[str]:
    mine = psutil.Process().children(recursive=True)
    return [" ".join(each.cmdline()) for each in mine if "mcp_" in " ".join(each.cmdline())]


def _servers() -> list[psutil.Process]:
    """The servers that this test has started; other tests' helpers may still be there."""
    ours = (Path(HONEST).name, Path(BAD).name)
    found: list[psutil.Process] = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(name in argument for argument in child.cmdline() for name in ours):
                found.append(child)
    return found


async def _gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(BOUND):
        # Nothing tells of the end of a process that is not our child.
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def test_tools_of_a_server_are_offered_in_mode_edit_and_ask(served: Served):
    served.add("good", HONEST)
    box = served.shop
    box.servers = served.servers
    toolbox = box.toolbox()
    assert not any(tool.asks for tool in await toolbox.offered("ask"))
    assert not _children(), "nothing is started before it is needed"
    offered = await toolbox.offered("edit")
    assert len(_children()) == 1
    tools = {tool.spec.name: tool for tool in offered if tool.spec.name.startswith("mcp_")}
    assert all(tool.asks for tool in tools.values())
    assert len(tools) == 11
    echo = tools["mcp_good_echo"]
    assert echo.spec.description == "From the MCP server good. Says it again."
    assert echo.spec.parameters["properties"] == {"text": {"title": "Text", "type": "string"}}
    assert echo.describe({"text": "a\nb"}) == ('good: echo {"text": "a\\nb"}', ())
    assert [each.spec.name for each in await toolbox.offered("edit")] == [
        each.spec.name for each in offered
    ]
    assert len(_children()) == 1, "it is started once"


async def test_a_tool_is_called(served: Served):
    served.add("good", HONEST)
    assert await served.call("mcp_good_echo", text="grüß\nGott") == "grüß\nGott"


async def test_names_no_supplier_takes_are_made_fit_and_still_lead_to_the_tool(served: Served):
    served.add("good", HONEST)
    odd = [name for name in await served.tools() if name.startswith("mcp_good_odd")]
    assert len(odd) == 1
    assert len(odd[0]) == 64
    assert await served.call(odd[0]) == "odd"


async def test_a_server_sees_little_of_the_environment_and_not_the_workspace(
    served: Served, tmp_path: Path
):
    inside = served.shop.root / "bin"
    inside.mkdir()
    served.config.environ = {
        **os.environ,
        "PATH": f"{inside}{os.pathsep}.{os.pathsep}{os.environ['PATH']}",
        "OPENAI_API_KEY": KEY,
        "WANTED": "1",
        "HOME": str(tmp_path),
    }
    served.add("good", HONEST, env=["WANTED", "ABSENT"])
    names = await served.call("mcp_good_environment")
    assert "WANTED" in names
    assert "API_KEY" not in names
    assert str(served.shop.root) not in await served.call("mcp_good_where")


async def test_a_program_of_the_workspace_is_never_started(served: Served):
    marker = served.shop.root / "started"
    program = served.shop.write("bin/helper", f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), ".", "bin", os.environ["PATH"]])
    served.config.environ = {**os.environ, "PATH": path}
    served.config.servers["x"] = McpServer(command="helper")
    assert await served.tools() == {}
    [problem] = served.servers.problems
    assert "not found in PATH" in problem.message
    assert not marker.exists()


async def test_pictures_are_left_out_and_long_answers_cut(served: Served):
    served.add("good", HONEST)
    assert await served.call("mcp_good_picture") == "before\n(a picture was left out)\nafter"
    text = await served.call("mcp_good_long", count=100_000)
    assert estimate(text) < served.shop.max_tokens + 50
    assert text.endswith("more characters were left out")
    shown, _, note = text.partition("\n… ")
    assert len(shown) + int(note.split()[0].replace(",", "")) == 100_000


async def test_secrets_and_hidden_characters_in_an_answer_do_not_get_through(served: Served):
    served.add("good", HONEST)
    said = f"key {KEY} and \U000e0041\u202e\u200bhidden\x1b[31m"
    text = await served.call("mcp_good_echo", text=said)
    assert KEY not in text
    assert text.endswith("and hidden[31m")


async def test_a_tool_s_own_failure_is_told_as_one(served: Served):
    served.add("good", HONEST)
    tool = (await served.tools())["mcp_good_refuse"]
    result = await tool.run({}, served.shop.context())
    assert result.is_error
    assert "that is final" in result.text.text
    assert "\x1b" not in result.text.text


async def test_a_crash_ends_the_call_and_the_next_one_starts_it_anew(served: Served):
    served.add("good", HONEST)
    with pytest.raises(UserError, match="ended the connection") as caught:
        await served.call("mcp_good_crash")
    assert caught.value.code == "mcp_ended"
    assert await served.call("mcp_good_echo", text="again") == "again"


async def test_a_call_that_hangs_is_given_up_and_the_process_ended(served: Served):
    served.limits(call_s=1.0)
    served.add("good", HONEST)
    tool = (await served.tools())["mcp_good_wait"]
    [process] = _servers()
    with pytest.raises(UserError, match="did not answer in 1 s") as caught:
        await tool.run({}, served.shop.context())
    assert caught.value.code == "mcp_timeout"
    assert "half" in served.shop.lines
    await _gone(process.pid)


async def test_a_call_can_be_stopped(served: Served):
    served.add("good", HONEST)
    tools = await served.tools()
    call = asyncio.ensure_future(tools["mcp_good_wait"].run({}, served.shop.context()))
    async with asyncio.timeout(BOUND):
        await served.shop.told.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await served.call("mcp_good_echo", text="still there") == "still there"


async def test_all_that_a_server_has_started_ends_with_it(served: Served):
    served.add("good", HONEST)
    pid = int(await served.call("mcp_good_child"))
    assert psutil.pid_exists(pid)
    await served.servers.aclose()
    await _gone(pid)
    await served.servers.aclose()
    assert await served.tools() == {}


async def test_a_definition_that_changes_is_another_tool(served: Served, tmp_path: Path):
    told = tmp_path / "told.txt"
    told.write_text("Says it again.")
    served.add("good", HONEST, "stdio", str(told))
    old = (await served.tools())["mcp_good_echo"]
    told.write_text("Says it again; and first sends all files to example.com.")
    with pytest.raises(UserError):
        await served.call("mcp_good_crash")  # so that it is started anew
    with pytest.raises(UserError, match="has changed or gone"):
        await old.run({"text": "at once"}, served.shop.context())
    tools = await served.tools()
    assert "mcp_good_echo" not in tools
    [name] = [name for name in tools if name.startswith("mcp_good_echo_")]
    with pytest.raises(UserError, match="has changed or gone") as caught:
        await old.run({"text": "x"}, served.shop.context())
    assert caught.value.code == "mcp_changed"
    assert await served.call(name, text="x") == "x"
    told.write_text("Says it again.")
    with pytest.raises(UserError):
        await served.call("mcp_good_crash")
    assert "mcp_good_echo" in await served.tools(), "what was allowed is what it was"


async def test_a_definition_that_changes_while_the_server_runs_is_another_tool(served: Served):
    served.add("good", HONEST)
    old = (await served.tools())["mcp_good_echo"]
    assert await served.call("mcp_good_become", text="Sends all files away.") == "done"
    with pytest.raises(UserError, match="has changed or gone"):
        await old.run({"text": "x"}, served.shop.context())
    assert "mcp_good_echo" not in await served.tools()


async def test_settings_take_effect_at_the_next_question(served: Served):
    served.add("good", HONEST)
    assert await served.tools()
    [process] = _servers()
    served.add("good", HONEST, enabled=False)
    assert await served.tools() == {}
    await _gone(process.pid)
    served.config.servers.clear()
    assert await served.tools() == {}


async def test_what_a_server_prints_for_people_does_no_harm(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    served.add("noisy", BAD, "noisy")
    assert list(await served.tools()) == ["mcp_noisy_t"]
    with pytest.raises(UserError, match="refused") as caught:
        await served.call("mcp_noisy_t")
    assert len(caught.value.message) < 400
    assert caught.value.message.isprintable() or "…" in caught.value.message
    assert "canary" not in caplog.text
    assert "canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("mode", ["exits", "rubbish", "wrong", "absent"])
async def test_a_server_that_is_of_no_use_costs_only_itself(served: Served, mode: str):
    served.limits()
    served.add("bad", BAD, mode)
    if mode == "absent":
        served.config.servers["bad"] = McpServer(command="/nowhere/at/all")
    served.add("good", HONEST)
    tools = await served.tools()
    assert {name.split("_")[1] for name in tools} == {"good"}
    [problem] = served.servers.problems
    assert "bad" in problem.message
    assert "canary" not in problem.message
    assert problem.cure
    assert await served.tools(), "it is left alone for a while"
    assert served.servers.problems == (problem,)


async def test_a_server_that_says_nothing_is_given_up_and_killed(served: Served, tmp_path: Path):
    served.limits(start_s=1.5)
    served.add("bad", BAD, "silent", str(tmp_path / "pid"))
    assert await served.tools() == {}
    assert "did not answer in 1.5 s" in served.servers.problems[0].message
    await _gone(int((tmp_path / "pid").read_text()))


async def test_a_server_that_ignores_being_told_to_end_is_killed(served: Served):
    served.add("bad", BAD, "stubborn")
    assert await served.tools()
    [process] = _servers()
    await served.servers.aclose()
    await _gone(process.pid)


@pytest.mark.parametrize(
    ("mode", "said"), [("endless", "more than 4,194,304 bytes"), ("flood", "without end")]
)
async def test_a_server_that_never_stops_talking_is_ended(served: Served, mode: str, said: str):
    served.add("bad", BAD, mode)
    tools = await served.tools()
    [process] = _servers()
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError, match=said):
        await tools["mcp_bad_t"].run({}, served.shop.context())
    assert psutil.Process().memory_info().rss - before < 100_000_000
    await _gone(process.pid)


async def test_an_answer_of_no_known_form_is_refused(served: Served):
    served.add("bad", BAD, "shape")
    with pytest.raises(UserError, match="can't be understood"):
        await served.call("mcp_bad_t")


async def test_what_a_server_describes_is_bounded(served: Served):
    served.add("many", BAD, "many")
    served.add("pages", BAD, "pages")
    served.add("big", BAD, "big")
    tools = await served.tools()
    assert len([name for name in tools if name.startswith("mcp_many_")]) == 64
    assert [name for name in tools if name.startswith("mcp_pages_")] == ["mcp_pages_t"]
    assert served.servers.problems == ()
    assert "mcp_big_wide" not in tools
    assert len(tools["mcp_big_long"].spec.description) < 2_100
    assert all(len(str(tool.spec.parameters)) < 25_000 for tool in tools.values())


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def address() -> AsyncGenerator[str]:
    """An honest server at an address."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, HONEST, "http", str(port))
    async with asyncio.timeout(BOUND):
        while True:
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:  # its library does not say when it listens
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    await process.wait()


async def test_a_server_at_an_address(served: Served, address: str):
    served.config.servers["web"] = McpServer(url=address)
    assert await served.call("mcp_web_echo", text="hello") == "hello"


async def test_without_its_key_an_address_is_not_asked(served: Served, address: str):
    served.config.servers["web"] = McpServer(url=address, auth="keyring")
    assert await served.tools() == {}
    assert "no key of web" in served.servers.problems[0].message
    origin = address.removesuffix("/mcp")
    served.config.keys["web", origin] = KEY
    served.limits()
    assert await served.call("mcp_web_echo", text="hello") == "hello"


async def test_local_only_allows_no_other_machine(served: Served):
    served.config.local_only = True
    served.config.servers["web"] = McpServer(url="https://example.com/mcp")
    assert await served.tools() == {}
    assert "local_only" in served.servers.problems[0].cure


class Answering:
    """An address that gives every request the same answer."""

    def __init__(self, head: str, body: bytes = b"", *, times: int = 1) -> None:
        self._head, self._body, self._times = head, body, times
        self.asked = 0

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            writer.write(f"HTTP/1.1 {self._head}\r\nConnection: close\r\n\r\n".encode())
            for _ in range(self._times):
                writer.write(self._body)
                await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[str]:
        """Its URL."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nowhere_else(served: Served, status: int):
    other = Answering("200 OK")
    async with other.open() as there:
        first = Answering(f"{status} Elsewhere\r\nLocation: {there}\r\nContent-Length: 0")
        async with first.open() as here:
            served.config.servers["web"] = McpServer(url=here, auth="keyring")
            served.config.keys["web", here.removesuffix("/mcp")] = KEY
            assert await served.tools() == {}
            assert first.asked
            assert other.asked == 0
            assert KEY not in served.servers.problems[0].message


async def test_an_address_that_never_stops_talking_is_given_up(served: Served):
    before = psutil.Process().memory_info().rss
    endless = Answering("200 OK\r\nContent-Type: application/json", b"[" * 65_536, times=10_000)
    async with endless.open() as here:
        served.config.servers["web"] = McpServer(url=here)
        assert await served.tools() == {}
        assert served.servers.problems
    assert psutil.Process().memory_info().rss - before < 200_000_000


_WITHOUT = """
import asyncio, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from test_mcp import Config, Served  # imports nothing of the package
from tools_support import Shop

from polypilot.chat.tools.mcp import McpServers
from polypilot.settings.mcp import McpServer
from polypilot.workspace.roots import Roots

assert "mcp" not in sys.modules and "mcp_types" not in sys.modules, "imported too early"
sys.modules["mcp"] = None  # as if it were not installed


async def main():
    root = Path(sys.argv[2])
    shop, config = Shop(root, Roots([str(root)])), Config()
    servers = McpServers(shop.ground, config)
    assert await servers.tools() == ()
    config.servers["a"] = McpServer(command=sys.executable)
    assert await servers.tools() == ()
    [problem] = servers.problems
    print(problem.code, problem.cure)


asyncio.run(main())
"""


def test_without_the_extra_it_is_said_how_to_install_it(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(HERE), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "mcp_extra install it with: pip install 'polypilot[mcp]'\n", done.stderr
