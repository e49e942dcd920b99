"""One question to one target, through the editor's own path."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from oracle_support import (
    Oracle,
    always,
    chat_task,
    completing,
    configure,
    line_task,
    saying,
    write_tree,
)

from polypilot.compare.asking import ask
from polypilot.compare.desk import Desk
from polypilot.compare.targets import Target
from polypilot.compare.values import Kind
from polypilot.completion.values import Shown
from polypilot_providers.testing import Close, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from pathlib import Path

    from polypilot.compare.values import Way
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("backends read settings files when they are opened")

TEAM = Target("team/coder", "team", "coder")


@asynccontextmanager
async def desk_for(
    server: Oracle, tree: Path, way: Way = "product", *, mode: str = "openai-completions"
) -> AsyncGenerator[Desk]:
    configure(mode, team=server.url)
    desk = await Desk.open(TEAM, way, tree, env={})
    desk.backend.board.settle()
    try:
        yield desk
    finally:
        await desk.aclose()


async def test_what_would_be_shown_and_what_it_took(tmp_path: Path):
    task = line_task(1)
    async with Oracle([task]) as server, desk_for(server, write_tree(tmp_path, [task])) as desk:
        asked = await ask(desk, task)
    answer = asked.reply
    assert asked.again is None
    assert (answer.task, answer.target, answer.text) == ("line-1", "team/coder", task.truth)
    assert (answer.error, answer.why, answer.model) == ("", "", "coder")
    assert (answer.input_tokens, answer.output_tokens) == (70, 9)
    assert (answer.requests, answer.retries, answer.limited) == (1, 0, 0)
    assert answer.first_text is not None
    assert answer.first_line is not None
    assert 0 < answer.first_text <= answer.first_line <= answer.seconds
    assert server.asked == ["line-1"]


async def test_the_editors_filter_and_context_are_in_the_way_and_bare_has_neither(tmp_path: Path):
    task = line_task(1)
    other = "def helper_of_make(value):\n    marker_1 = value\n    return marker_1 + 1\n" * 4
    chatty = task.truth + task.suffix
    shown: dict[str, str] = {}
    sent: dict[str, str] = {}
    ways: tuple[Way, ...] = ("product", "bare")
    for way in ways:
        tree = write_tree(tmp_path / way, [task])
        (tree / "pkg" / "b.py").write_text(other, "utf-8")
        async with Oracle([task], always(completing(chatty))) as server:
            async with desk_for(server, tree, way, mode="template:qwen") as desk:
                answer = (await ask(desk, task)).reply
                assert answer.error == ""
                shown[way] = answer.text
            sent[way] = str(server.requests[0].json["prompt"])
    assert shown == {"product": task.truth, "bare": chatty}
    assert "helper_of_make" in sent["product"]
    assert "helper_of_make" not in sent["bare"]


async def test_what_a_suggestion_replaces_is_not_counted_twice(tmp_path: Path):
    prefix, suffix = "values = [1, 2]\nprint(", ")\n"
    task = line_task(1).__class__(
        "p", line_task(1).kind, "python", "a.py", "a.py", prefix, suffix, "values"
    )
    async with (
        Oracle([task], always(completing("values)"))) as server,
        desk_for(server, write_tree(tmp_path, [task])) as desk,
    ):
        assert (await ask(desk, task)).reply.text == "values"


async def test_a_conversation_is_asked_once_and_carries_its_file(tmp_path: Path):
    task = chat_task(1)
    code = line_task(1)
    async with Oracle([task]) as server, desk_for(server, write_tree(tmp_path, [code])) as desk:
        answer = (await ask(desk, task)).reply
    assert answer.text == "It makes chat-1.\nSo it does."
    assert (answer.input_tokens, answer.output_tokens) == (70, 9)
    assert answer.first_text is not None
    body = str(server.requests[0].json)
    assert "def make_1(value)" in body
    assert "tools" not in server.requests[0].json


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        (reply(401, {"error": {"message": "no"}}), "auth"),
        (reply(503, {"error": {"message": "busy"}}), "unavailable"),
        (stream(b'data: {"choices":[{"text":"val'), "stream_broken"),
        ([Close()], "network"),
    ],
)
async def test_a_failure_is_an_answer_with_its_code(
    tmp_path: Path, steps: Iterable[Step], code: str
):
    task = line_task(1)
    given = [*steps, Close()] if code == "stream_broken" else list(steps)
    async with (
        Oracle([task], always(given)) as server,
        desk_for(server, write_tree(tmp_path, [task])) as desk,
    ):
        asked = await ask(desk, task)
        assert asked.reply.error == code
        assert asked.failure is not None
        assert asked.again is None
        assert asked.reply.requests == 1
        # What failed keeps nobody from asking the next question.
        again = await ask(desk, task)
    assert again.reply.error == code
    assert len(server.asked) == 2


async def test_a_limit_is_told_with_its_time(tmp_path: Path):
    task = line_task(1)
    limited = list(reply(429, {"error": {"message": "slow down"}}, headers={"retry-after": "7"}))
    async with (
        Oracle([task], always(limited)) as server,
        desk_for(server, write_tree(tmp_path, [task])) as desk,
    ):
        asked = await ask(desk, task)
    assert asked.again is not None
    assert asked.again >= 7 - 1
    assert asked.reply.limited == 1
    assert server.asked == ["line-1"]


async def test_a_refused_file_is_not_asked_for(tmp_path: Path):
    task = line_task(1, path=".env")
    async with Oracle([task]) as server, desk_for(server, write_tree(tmp_path, [task])) as desk:
        answer = (await ask(desk, task)).reply
    assert (answer.text, answer.why) == ("", "excluded")
    assert (answer.requests, answer.dollars) == (0, 0)
    assert server.asked == []


async def test_reasoning_and_the_cache_are_counted(tmp_path: Path):
    task = chat_task(2)
    usage = {
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    async with (
        Oracle([task], always(saying("So.", **usage))) as server,
        desk_for(server, write_tree(tmp_path, [line_task(1)])) as desk,
    ):
        answer = (await ask(desk, task)).reply
    assert (answer.cached_tokens, answer.reasoning_tokens) == (64, 5)


@pytest.mark.parametrize("broken", [False, True])
async def test_what_grows_after_it_was_shown_is_asked_for_once(tmp_path: Path, *, broken: bool):
    line = line_task(1)
    task = replace(line, kind=Kind.BLOCK, suffix="\n", truth=f"{line.truth}{line.suffix}".rstrip())
    shown = asyncio.Event()
    first, second = (
        f"data: {json.dumps({'choices': [{'text': each}]})}\n\n".encode()
        for each in ("value + 1\n", "    other = 2\n    third")
    )
    head, *body = list(stream(first, second, *([] if broken else [b"data: [DONE]\n\n"])))
    steps = [head, body[0], Wait(shown), *([*body[1:-1], Close()] if broken else body[1:])]
    async with (
        Oracle([task], always(steps)) as server,
        desk_for(server, write_tree(tmp_path, [task])) as desk,
    ):
        desk.backend.listen(lambda event: shown.set() if isinstance(event, Shown) else None)
        await ask(desk, task)
    assert shown.is_set()
    assert server.asked == ["line-1"]
