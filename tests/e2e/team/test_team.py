"""Developers and their team's own server: rows, keys, slots, hang-ups, its end."""

from __future__ import annotations

import asyncio
import json
import tomllib
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from polypilot import paths
from polypilot_providers.base import Limits
from polypilot_providers.errors import AuthError, NetworkError, StreamBroken
from polypilot_providers.testing import outcome
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta, user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot_providers.base import Provider

pytestmark = pytest.mark.e2e

Team = Any  # conftest.Team, which importlib mode does not let us import
Developer = Any

LIMITS = Limits(60, 60, 60)
LONG = ChatRequest("team-coder", (user("Count to a thousand."),), max_tokens=1500)
SHORT = CompletionRequest("team-coder", "def add(a, b):\n    return ", "", max_tokens=8)
ROW = """
[completion]
provider = "team"
[chat]
provider = "team"
[providers.team]
wire = "{wire}"
completion = "prefix"
base_url = "{url}"
key_env = ["TEAM_API_KEY"]
completion_model = "team-coder"
chat_model = "team-coder"
free = true
"""
WIRES = {"llama-cpp": "", "openai-chat": "/v1"}


@pytest.fixture
async def provider(team: Team, opened: Callable[..., Awaitable[Backend]]) -> Callable[..., Any]:
    async def make(wire: str = "llama-cpp") -> Provider:
        text = ROW.format(wire=wire, url=team.url + WIRES[wire])
        return await (await opened(paths.config_file(), text)).provider("team")

    return make


async def test_the_steps_of_the_readme(team: Team, developer: Callable[[], Developer]):
    anna = developer()
    add = ("providers", "add", "team", "--url", team.url, "--stdin", "--yes")
    status, out, err = await anna.run(*add, typed="team-server-key\n")
    assert status == 0, out + err
    # The native wire, by which the server notices hang-ups; the key is in the keyring alone.
    text = anna.config.read_text("utf-8")
    assert tomllib.loads(text)["providers"]["team"]["wire"] == "llama-cpp"
    assert "team-server-key" not in text
    status, out, err = await anna.run("use", "team")
    assert status == 0, err
    # SmolLM2 has no tokens for a middle; which the row of a model that has some need not say.
    status, out, err = await anna.run("providers", "set", "team", "completion=prefix")
    assert status == 0, err
    status, out, err = await anna.run("providers", "show", "team")
    assert status == 0, err
    assert team.url in out
    status, out, err = await anna.run("auth", "check", "team", "--json")
    assert status == 0, err
    assert json.loads(out.splitlines()[0])["ok"] is True
    status, out, err = await anna.run("complete", anna.place, "--json")
    assert status == 0, err
    assert json.loads(out.splitlines()[-1])["provider"] == "team"
    status, out, err = await anna.run("chat", "Say hello.", "--json")
    assert status == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert any(event["type"] == "text" and event["text"] for event in events)


async def test_a_wrong_key_is_told_as_one(team: Team, developer: Callable[[], Developer]):
    anna = developer()
    anna.write(ROW.format(wire="llama-cpp", url=team.url))
    status, _, err = await anna.run("auth", "set", "team", "--stdin", typed="another\n")
    assert status == 3  # it is tried, and not kept
    assert "another" not in err
    assert "another" not in (anna.folder / "keys.json").read_text("utf-8")
    await anna.run("auth", "set", "team", "--stdin", "--no-check", typed="another\n")
    status, out, err = await anna.run("auth", "check", "team", "--json")
    assert status == 3
    assert json.loads(out.splitlines()[0])["code"] == "auth"
    status, out, err = await anna.run("complete", anna.place)
    assert (status, out) == (3, "")
    assert "key" in err
    assert "another" not in err


@pytest.mark.parametrize("wire", WIRES)
async def test_two_at_once_are_both_answered(
    provider: Callable[..., Any], team: Team, until: Callable[..., Any], wire: str
):
    async def ask(text: str) -> str:
        request = ChatRequest("team-coder", (user(text),), max_tokens=12)
        events, error = await outcome((await provider(wire)).chat(request, LIMITS))
        assert error is None
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    await until(lambda: team.busy() == 0)
    answers = await asyncio.gather(ask("Say hello."), ask("Say goodbye."))
    assert all(answers)


@pytest.mark.parametrize("wire", WIRES)
async def test_whoever_hangs_up_frees_the_slot(
    provider: Callable[..., Any], team: Team, until: Callable[..., Any], wire: str
):
    await until(lambda: team.busy() == 0)
    before = team.counter("tokens_predicted_total")
    async with aclosing((await provider(wire)).chat(LONG, LIMITS)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
        assert await asyncio.to_thread(team.busy) == 1
    await until(lambda: team.busy() == 0)
    assert team.counter("tokens_predicted_total") - before < 1000


async def test_who_comes_when_all_slots_are_taken_waits_and_is_answered(
    provider: Callable[..., Any], team: Team, until: Callable[..., Any]
):
    await until(lambda: team.busy() == 0)
    for _ in range(2):
        await asyncio.to_thread(team.hold)
    await until(lambda: team.busy() == 2)
    ask = asyncio.ensure_future(outcome((await provider()).complete(SHORT, LIMITS)))
    await until(lambda: team.counter("requests_deferred") == 1)
    assert not ask.done()
    team.release()
    events, error = await ask
    assert error is None
    assert any(isinstance(event, TextDelta) for event in events)


async def test_more_than_there_are_slots_are_all_answered(provider: Callable[..., Any]):
    asks = [outcome((await provider()).complete(SHORT, LIMITS)) for _ in range(6)]
    for events, error in await asyncio.gather(*asks):
        assert error is None
        assert any(isinstance(event, TextDelta) for event in events)


async def test_its_end_midway_is_told_and_what_came_stands(
    mortal: Team, opened: Callable[..., Awaitable[Backend]]
):
    text = ROW.format(wire="llama-cpp", url=mortal.url)
    provider = await (await opened(paths.config_file(), text)).provider("team")
    got: list[str] = []

    async def listen() -> None:
        async with aclosing(provider.chat(LONG, LIMITS)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    got.append(event.text)
                    if len(got) == 1:
                        await asyncio.to_thread(mortal.kill)

    with pytest.raises((StreamBroken, NetworkError)):
        await listen()
    assert got
    _, error = await outcome(provider.complete(SHORT, LIMITS))
    assert isinstance(error, NetworkError)
    assert "127.0.0.1" in str(error)


async def test_when_it_is_down_the_next_of_the_list_answers(
    mortal: Team, developer: Callable[[], Developer], smollm2: Path
):
    anna = developer()
    mortal.kill()
    row = ROW.format(wire="llama-cpp", url=mortal.url)
    anna.write(row)
    status, out, err = await anna.run("complete", anna.place, TEAM_API_KEY="any")
    assert (status, out) == (1, "")
    assert "127.0.0.1" in err
    anna.config.write_text(
        row.replace("[completion]\n", '[completion]\nfallback = ["embedded"]\n')
        + f'\n[embedded]\nmodel_file = "{smollm2}"\nthreads = 1\nidle_minutes = 1\n',
        "utf-8",
    )
    status, out, err = await anna.run("complete", anna.place, "--json", TEAM_API_KEY="any")
    assert status == 0, err
    assert json.loads(out.splitlines()[-1])["provider"] == "embedded"


async def test_no_key_at_all_sends_nothing(team: Team, opened: Callable[..., Awaitable[Backend]]):
    text = ROW.format(wire="llama-cpp", url=team.url).replace("TEAM_API_KEY", "NO_SUCH_KEY")
    provider = await (await opened(paths.config_file(), text)).provider("team")
    _, error = await outcome(provider.complete(SHORT, LIMITS))
    assert isinstance(error, AuthError)
