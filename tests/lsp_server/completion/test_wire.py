"""The whole way over real HTTP on loopback: sockets are closed, bytes may be cut anywhere."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.engine import CompletionEngine
from polypilot.completion.staleness import still_agrees
from polypilot.completion.values import Answer, Choice, Plan, Why
from polypilot_providers.base import COMPLETION_LIMITS, Limits, Provider, Secret
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import TimedOut
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.router import Router, Target
from polypilot_providers.testing import ScriptedServer, Stall, Wait, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Editor, World

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

BOUND = 10


async def no_key() -> Secret | None:
    return None


def piece(text: str) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


STOP = b'data: {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


class Wired:
    """An engine whose provider is a server on loopback, OpenAI-compatible unless said otherwise."""

    def __init__(self, world: World, server: ScriptedServer, limits: Limits, **row: object) -> None:
        self.server = server
        self.http = HttpClient()
        fields: dict[str, object] = {
            "id": "local",
            "wire": "openai-chat",
            "completion": "openai-completions",
            "base_url": f"{server.url}/v1",
            "auth": "none",
        }
        self.row = ProviderRow.model_validate(fields | row)
        self.provider: Provider = build(self.row, no_key, self.http)
        choice = Choice(Target("local", "m"), self.row, self.row.model("m"))
        plan = Plan((choice,), limits)
        self.engine = CompletionEngine(
            router=Router(self.resolve),
            gate=world.gate,
            agrees=still_agrees(world.store),
            plan=lambda: plan,
        )

    async def resolve(self, _name: str) -> Provider:
        return self.provider

    def ask(self, editor: Editor) -> asyncio.Task[Answer]:
        return asyncio.ensure_future(self.engine.answer(editor.ask()))

    async def aclose(self) -> None:
        await self.engine.aclose()
        await self.provider.aclose()
        await self.http.aclose()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


async def test_a_completion_over_http(world: World, server: ScriptedServer):
    server.play(stream(piece("os.get"), piece("cwd()\n"), piece("more"), STOP))
    wired = Wired(world, server, COMPLETION_LIMITS)
    answer = await asyncio.wait_for(wired.ask(world.open("x = |\ny\n")), BOUND)
    assert answer.suggestions[0].text == "os.getcwd()"
    body = server.requests[0].json
    assert body["prompt"] == "x ="
    assert body["suffix"] == "\ny\n"
    assert body["stream"] is True
    await wired.aclose()


@pytest.mark.parametrize(
    ("wire", "mode", "path"),
    [
        ("openai-chat", "mistral-fim", "/v1/fim/completions"),
        ("openai-chat", "deepseek-fim", "/beta/completions"),
        ("ollama", "ollama-generate", "/api/generate"),
    ],
)
async def test_native_fill_in_the_middle_over_http(
    world: World, server: ScriptedServer, wire: str, mode: str, path: str
):
    line = json.dumps({"response": "os.getcwd()\nmore", "done": True}).encode() + b"\n"
    server.play(stream(line if wire == "ollama" else piece("os.getcwd()\nmore") + STOP))
    wired = Wired(world, server, COMPLETION_LIMITS, wire=wire, completion=mode)
    answer = await asyncio.wait_for(wired.ask(world.open("x = |\ny\n")), BOUND)
    assert answer.suggestions[0].text == "os.getcwd()"
    body = server.requests[-1].json
    assert server.requests[-1].path == path
    assert (body["prompt"], body["suffix"], body["stream"]) == ("x =", "\ny\n", True)
    await wired.aclose()


async def test_a_stream_cut_at_every_byte_gives_the_same(world: World, server: ScriptedServer):
    data = piece('f("é🙂")\n') + STOP
    server.play(stream(*(data[at : at + 1] for at in range(len(data)))))
    wired = Wired(world, server, COMPLETION_LIMITS)
    answer = await asyncio.wait_for(wired.ask(world.open("x = |\n")), BOUND)
    assert answer.suggestions[0].text == 'f("é🙂")'
    await wired.aclose()


async def test_a_key_that_no_longer_agrees_closes_the_socket(world: World, server: ScriptedServer):
    server.play(
        stream(piece("os."), Stall(), end=False),
        stream(piece("2\n"), STOP),
    )
    wired = Wired(world, server, COMPLETION_LIMITS)
    editor = world.open("x = |\n")
    first = wired.ask(editor)
    (request,) = await server.wait_for_requests(1)
    editor.type("(")
    second = wired.ask(editor)
    await asyncio.wait_for(request.gone.wait(), BOUND)
    assert not request.answered
    assert (await asyncio.wait_for(first, BOUND)).why is Why.SUPERSEDED
    assert (await asyncio.wait_for(second, BOUND)).suggestions[0].text == "2"
    await wired.aclose()


async def test_a_cancelled_ask_that_nobody_takes_up_closes_the_socket(
    world: World, server: ScriptedServer
):
    server.play(stream(piece("os."), Stall(), end=False))
    wired = Wired(world, server, COMPLETION_LIMITS)
    task = wired.ask(world.open("x = |\n"))
    (request,) = await server.wait_for_requests(1)
    task.cancel()
    await asyncio.wait_for(request.gone.wait(), BOUND)
    assert wired.engine.in_flight == 0
    await wired.aclose()


async def test_the_end_of_a_line_ends_the_stream(world: World, server: ScriptedServer):
    server.play(stream(piece("1\n"), piece("2\n"), Stall(), end=False))
    wired = Wired(world, server, COMPLETION_LIMITS)
    answer = await asyncio.wait_for(wired.ask(world.open("x = |\n")), BOUND)
    assert answer.suggestions[0].text == "1"
    await asyncio.wait_for(server.requests[0].gone.wait(), BOUND)
    await wired.aclose()


async def test_a_provider_that_says_nothing_is_given_up_after_its_limit(
    world: World, server: ScriptedServer
):
    server.play(stream(Stall(), end=False))
    wired = Wired(world, server, Limits(connect=1, first_event=0.05, idle=1, total=2))
    answer = await asyncio.wait_for(wired.ask(world.open("x = |\n")), BOUND)
    assert answer.why is Why.FAILED
    assert isinstance(answer.error, TimedOut)
    await asyncio.wait_for(server.requests[0].gone.wait(), BOUND)
    assert len(server.requests) == 1
    await wired.aclose()


async def test_typing_along_with_the_stream(world: World, server: ScriptedServer):
    go = asyncio.Event()
    server.play(stream(piece("os."), Wait(go), piece("getcwd()\n"), STOP))
    wired = Wired(world, server, COMPLETION_LIMITS)
    editor = world.open("x = |\n")
    last = wired.ask(editor)
    await server.wait_for_requests(1)
    for char in "os.":
        editor.type(char)
        last = wired.ask(editor)
    go.set()
    answer = await asyncio.wait_for(last, BOUND)
    assert answer.suggestions[0].text == "getcwd()"
    assert len(server.requests) == 1
    await wired.aclose()
