"""Random orders of edits, asks, cancels and arriving chunks: nothing stale is ever shown."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.pacing import RateCap
from polypilot.completion.values import Trigger
from polypilot_prompts.context import indentation_of, last_line
from polypilot_prompts.lead import Lead, split_lead
from polypilot_providers.errors import StreamBroken, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Call, Editor, World

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

RUNS = int(os.environ.get("POLYPILOT_TEST_INTERLEAVINGS", "400"))
STEPS = 25
WORDS = ("os.getcwd()\n", "a = b\n    c = d\n", "f(x)", ")", "\n    return x\n\n\n", "🙂 é\n", " ")
TEXTS = ("x = |\ny = 2\n", "def f(a):|\n", "def f(a):\n    |\n\nprint(f)\n", "call(|)\n")


class Scenario:
    """One seeded run over two documents."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  (a seeded test)
        self.world = world
        world.streak = self.random.choice((0, 5))
        world.prefetch = self.random.choice((True, False))
        first = len(world.provider.calls)
        self.first_call = first
        self.editors = [
            world.open(self.random.choice(TEXTS), f"{seed}-{number}.py") for number in range(2)
        ]
        self.tasks: list[asyncio.Task[None]] = []
        self.asked: set[tuple[str, str]] = set()
        """What stood before and after the cursor at each ask."""
        self.shown = 0
        self.problems: list[str] = []

    def calls(self) -> list[Call]:
        return self.world.provider.calls[self.first_call :]

    async def one_ask(self, editor: Editor) -> None:
        ask = editor.ask(self.random.choice(list(Trigger)))
        before, after = editor.before, editor.after
        self.asked.add((before, after))
        answer = await self.world.engine.answer(ask)
        for suggestion in answer.suggestions:
            self.shown += 1
            if (editor.before, editor.after) != (before, after):
                self.problems.append("shown for a text that is gone")
            if not self.said(before, suggestion.text):
                self.problems.append(f"never said after this text: {suggestion.text!r}")
            self.asked.add((before + suggestion.text, after))  # what may be asked ahead

    def wholes(self, call: Call) -> Iterator[str]:
        """The text before the cursor with what the model goes on with.

        The prompt ends before the blanks at the cursor, and the model may write those again.
        """
        for before, after in self.asked:
            bare, blanks = split_lead(before)
            if bare == call.prefix:
                indents = not last_line(before).strip()
                tab_size = indentation_of(before + after)[1]
                lead = Lead(blanks, indents=indents, tab_size=tab_size)
                yield before + lead.feed(call.emitted) + lead.finish()

    def said(self, before: str, text: str) -> bool:
        """Whether some request's answer really goes on with ``text`` at this place."""
        for call in self.calls():
            for whole in self.wholes(call):
                if whole.startswith(before) and whole[len(before) :].startswith(text):
                    return True
        return False

    def step(self) -> None:
        editor = self.random.choice(self.editors)
        live = [call for call in self.calls() if call.open]
        match self.random.randrange(12):
            case 0 | 1:
                editor.type(self.random.choice("oxa(\n ."))
            case 2:
                self.type_on(editor, live)
            case 3:
                editor.backspace()
            case 4 | 5 | 6:
                self.tasks.append(asyncio.ensure_future(self.one_ask(editor)))
            case 7 if self.tasks:
                self.random.choice(self.tasks).cancel()
            case 8 | 9 if live:
                self.random.choice(live).say(self.random.choice(WORDS))
            case 10 if live:
                call = self.random.choice(live)
                ends = (
                    call.end,
                    lambda: call.say(StreamBroken("x")),
                    lambda: call.say(Unavailable("x")),
                )
                self.random.choice(ends)()
            case _:
                self.world.clock.advance(self.random.choice((0.01, 0.08, 0.2)))

    def type_on(self, editor: Editor, live: list[Call]) -> None:
        """Type what a request that is on its way has said, as a user who agrees does."""
        for call in live:
            for whole in self.wholes(call):
                if whole.startswith(editor.before) and len(whole) > len(editor.before):
                    editor.type(whole[len(editor.before)])
                    return

    def check_flights(self) -> None:
        if sum(call.open for call in self.calls()) > 2 * len(self.editors):
            self.problems.append("more than two requests in flight for a document")

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def run(self) -> None:
        for _ in range(STEPS):
            self.step()
            for _ in range(self.random.choice((0, 1, 3, 12))):
                await asyncio.sleep(0)
            self.check_flights()
        await self.settle()
        for editor in self.editors:
            self.world.engine.close(editor.uri)
        await self.settle()
        if not all(task.done() for task in self.tasks):
            self.problems.append("an ask was never answered")
            return
        failed = [
            task.exception() for task in self.tasks if not task.cancelled() and task.exception()
        ]
        self.problems += [repr(error) for error in failed]


async def interleave(world: World, runs: int) -> int:
    shown = 0
    for seed in range(runs):
        world.engine = world.make(RateCap(10**6))
        scenario = Scenario(world, seed)
        await scenario.run()
        assert scenario.problems == [], f"seed {seed}"
        shown += scenario.shown
        await world.engine.aclose()
        for editor in scenario.editors:
            world.store.close(editor.uri)
        assert not any(call.open for call in world.provider.calls)
        world.provider.calls.clear()
    return shown


async def test_nothing_stale_is_shown_in_random_orders(world: World):
    shown = await interleave(world, RUNS)
    assert shown > RUNS // 4  # or the test would show nothing


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_nothing_stale_is_shown_in_ten_thousand_random_orders(world: World):
    assert await interleave(world, 10_000) > 2500
