"""What the status says of requests: real requests, to suppliers on this machine."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from polypilot.chat.events import End
from polypilot.chat.service import ChatError
from polypilot.chat.values import Question
from polypilot.completion.values import Why
from polypilot.workspace.documents import Position
from polypilot_providers.testing import ScriptedServer, Stall, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend, Status

pytestmark = pytest.mark.allow_blocking("the tests write settings files")


def completing(text: str) -> list[bytes]:
    """A completion, as an OpenAI-compatible server sends it."""
    events = [{"text": text}, {"text": "", "finish_reason": "stop"}]
    lines = [f"data: {json.dumps({'id': 'c', 'choices': [each]})}\n\n" for each in events]
    return [line.encode() for line in (*lines, "data: [DONE]\n\n")]


async def test_a_switch_is_told_once_and_leaves_nobody_busy(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with (
        ScriptedServer(reply(503, {"error": "out"})) as a,
        ScriptedServer(stream(*completing("x = 1"))) as b,
    ):
        file = configure(a=a.url, b=b.url)
        file.write_text(
            file.read_text("utf-8").replace('"a"', '"a"\nfallback = ["b/coder"]', 1), "utf-8"
        )
        backend = backends()
        heard: list[Status] = []
        backend.board.listen(heard.append)
        for number in range(3):
            uri = f"untitled:{number}"
            backend.documents.open(uri, "python", 1, f"# {number}\n")
            found = await backend.complete(uri, Position(1, 0))
            assert [each.provider for each in found] == ["b"]
            assert backend.status.state == "ready"
        notices = [notice for each in heard for notice in each.notices]
        assert len(notices) == 1
        assert notices[0].startswith("b answers instead of a")


async def test_no_model_is_a_state_and_does_not_end_anothers_request(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(stream(Stall())) as a:
        configure(a=a.url)
        backend = backends()
        steps: list[str] = []
        backend.on_stage(steps.append)
        backend.documents.open("untitled:1", "python", 1, "x\n")
        backend.documents.open("untitled:2", "python", 1, "y\n")
        first = asyncio.ensure_future(backend.complete("untitled:1", Position(1, 0)))
        await a.wait_for_requests(1)
        await backend.select("completion", "embedded")
        answer = await backend.answer("untitled:2", Position(1, 0), invoked=True)
        assert answer.error is not None
        assert steps[-1] == "failed"
        assert backend.status.state == "busy"
        backend.engine.close("untitled:1")
        assert await first == []
        async with asyncio.timeout(10):
            await a.requests[0].gone.wait()


async def test_a_message_that_was_not_sent_is_no_state_of_the_providers(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a="http://127.0.0.1:9")
    backend = backends()
    with pytest.raises(ChatError):
        await anext(backend.chat.send(Question("  ")))
    assert (backend.status.state, backend.status.error) == ("ready", None)


async def test_a_chat_that_may_ask_nobody_is(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure("[privacy]\nlocal_only = true\n", a="https://team.example")
    backend = backends()
    with pytest.raises(Exception, match="only local"):
        await anext(backend.chat.send(Question("hello")))
    assert backend.status.error is not None
    assert backend.status.error.code == "configuration"


async def test_a_document_nobody_opened_is_not_completed(backends: Callable[..., Backend]) -> None:
    backend = backends()
    assert backend.snapshot("untitled:none", Position(0, 0)) is None
    assert await backend.complete("untitled:none", Position(0, 0)) == []
    answer = await backend.answer("untitled:none", Position(0, 0), invoked=True)
    assert answer.why is Why.STALE


async def test_a_row_that_must_not_be_used_ends_the_chat_with_its_cure(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(stream(*completing("no"))) as a:
        configure('api_key = "sk-proj-1234567890abcdefghijkl"\n', a=a.url)
        backend = backends()
        steps: list[str] = []
        backend.on_stage(steps.append)
        events = [event async for event in backend.chat.send(Question("hello"))]
        last = events[-1]
        assert isinstance(last, End)
        assert last.error is not None
        assert (last.error.code, bool(last.error.cure)) == ("configuration", True)
        assert a.requests == []
        assert steps == []
