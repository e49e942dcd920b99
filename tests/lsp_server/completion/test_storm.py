"""Keys as fast as they can come, in simulated time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.pacing import RateCap
from polypilot.completion.values import Answer, Why

if TYPE_CHECKING:
    from conftest import Call, World

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

KEYS_PER_SECOND = 60
SECONDS = 60
DOCUMENTS = 10


def document_of(call: Call) -> str:
    return call.prefix.partition("\n")[0]


async def test_a_keystroke_storm_over_ten_documents(world: World):
    cap = RateCap()
    world.engine = world.make(cap)
    editors = [world.open(f"# {n}\nx = |\n", f"{n}.py") for n in range(DOCUMENTS)]
    tasks: list[asyncio.Task[Answer]] = []
    most_open = most_waiting = 0
    started = world.clock.now
    for key in range(KEYS_PER_SECOND * SECONDS):
        editor = editors[key % DOCUMENTS]
        editor.type("abcdefghij \n("[key * 7 % 13])
        tasks.append(world.ask(editor))
        for _ in range(3):
            await asyncio.sleep(0)
        if key % 5 == 0 and world.provider.calls:
            world.provider.calls[-1].say("zzz")
        world.clock.advance(1 / KEYS_PER_SECOND)
        live = [document_of(call) for call in world.provider.calls if call.open]
        assert len(live) == len(set(live)), "two requests in flight for one document"
        most_open = max(most_open, len(live))
        most_waiting = max(most_waiting, sum(not task.done() for task in tasks[-200:]))
    assert world.clock.now - started == pytest.approx(SECONDS)
    assert 0 < len(world.provider.calls) <= 120 + 1
    assert 1 <= most_open <= DOCUMENTS
    assert most_waiting <= DOCUMENTS + 1
    await world.engine.aclose()
    answers = await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert len(answers) == KEYS_PER_SECOND * SECONDS
    assert Why.RATE_CAP in {answer.why for answer in answers}


async def test_sixty_keys_a_second_in_one_document_stay_under_the_cap(world: World):
    editor = world.open("x = |\n")
    closed_late = 0
    tasks: list[asyncio.Task[Answer]] = []
    for key in range(KEYS_PER_SECOND * SECONDS):
        editor.type("(")
        tasks.append(world.ask(editor))
        for _ in range(4):
            await asyncio.sleep(0)
        for call in world.provider.calls[-1:]:
            call.say("never agrees")
        world.clock.advance(1 / KEYS_PER_SECOND)
        closed_late += sum(call.open for call in world.provider.calls[:-1])
        del key
    assert 100 < len(world.provider.calls) <= 120
    assert closed_late == 0
    await world.engine.aclose()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
