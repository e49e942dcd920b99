"""Faults that a reading of the engine found, each as a user would meet it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polypilot.backend.planning import Planner
from polypilot.completion.cache import SuggestionCache, key_for
from polypilot.completion.pacing import RateCap
from polypilot.completion.places import places
from polypilot.completion.values import Accepted, Ask, Policy, Rejected, Trigger, Why
from polypilot.settings import load
from polypilot.workspace.documents import DocumentStore
from polypilot_providers.errors import RateLimited
from polypilot_providers.router import Target
from polypilot_providers.types import StopReason, TextDelta

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import World
    from polypilot.completion.values import Answer

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

BOUND = 5
SURE, DOUBTFUL = math.log(0.9), math.log(0.1)


def text_of(answer: Answer) -> str | None:
    return answer.suggestions[0].text if answer.suggestions else None


# --- what the model doubts


async def test_the_first_lines_of_a_block_that_the_model_doubts_are_not_shown(world: World):
    world.min_confidence = 0.5
    editor = world.open("def f(a):|\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say(TextDelta("\n    b = a", DOUBTFUL, 4))
    await world.settle()
    world.clock.advance(0.3)
    await world.settle()
    assert not task.done()
    call.say(TextDelta("\n    return b\n\n\ndef g", SURE, 4)).end()
    assert (await asyncio.wait_for(task, BOUND)).why is Why.UNSURE


async def test_a_block_whose_first_line_the_model_doubts_is_given_up(world: World):
    """The lines behind it would be shown to nobody; who asks for it gets the whole of another."""
    world.min_confidence = 0.5
    editor = world.open("def f(a):|\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say(TextDelta("\n    b = a\n    ret", DOUBTFUL, 4))
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert (await asyncio.wait_for(task, BOUND)).why is Why.UNSURE
    assert (await world.answer(editor)).why is Why.UNSURE
    assert world.provider.calls == [call]
    task = world.ask_one(editor)
    (await world.provider.call()).say(TextDelta("\n    b = a\n    return b", DOUBTFUL, 4)).end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "\n    b = a\n    return b"


async def test_a_doubtful_block_that_a_user_asked_for_meanwhile_is_not_given_up(world: World):
    world.min_confidence = 0.5
    editor = world.open("def f(a):|\n")
    world.ask(editor)
    call = await world.provider.call()
    task = world.ask_one(editor)
    await world.settle()
    call.say(TextDelta("\n    b = a\n    ret", DOUBTFUL, 4))
    await world.settle()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "\n    b = a"
    assert not call.closed.is_set()
    call.say(TextDelta("urn b\n\n\ndef g", SURE, 4)).end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    task = world.ask_one(editor)
    assert text_of(await asyncio.wait_for(task, BOUND)) == "\n    b = a\n    return b"


async def test_the_words_of_a_line_that_the_model_doubts_are_not_shown(world: World):
    world.min_confidence = 0.5
    editor = world.open("x = |\n")
    world.ask(editor)
    call = await world.provider.call()
    call.say(TextDelta("alpha + beta", DOUBTFUL, 3))
    await world.settle()
    editor.type("a")
    task = world.ask(editor)
    await world.settle()
    assert not task.done()
    call.say(TextDelta("\n", SURE, 1)).end()
    assert (await asyncio.wait_for(task, BOUND)).why is Why.UNSURE


async def test_what_is_shown_does_not_grow_into_what_the_model_doubts(world: World):
    world.min_confidence = 0.5
    editor = world.open("x = |\n")
    world.ask(editor)
    call = await world.provider.call()
    call.say(TextDelta("alpha + beta", SURE, 3))
    await world.settle()
    editor.type("a")
    assert text_of(await world.answer(editor)) == "lpha +"
    call.say(TextDelta(" + gamma\n", DOUBTFUL, 3)).end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    editor.type("l")
    assert text_of(await world.answer(editor)) == "pha +"
    task = world.ask(editor, Trigger.INVOKED)
    for _ in range(2):
        (await world.provider.call()).end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "pha + beta + gamma"


# --- requests


async def test_a_request_that_a_newer_key_has_used_outlives_the_cancelled_ask(world: World):
    editor = world.open("x = |\n")
    first = world.ask(editor)
    call = await world.provider.call()
    call.say("alpha + beta")
    await world.settle()
    first.cancel()
    await world.settle()
    editor.type("a")
    assert text_of(await world.answer(editor)) == "lpha +"
    world.clock.advance(0.1)
    await world.settle()
    assert call.open
    call.say(" + gamma\n").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    assert text_of(await world.answer(editor)) == "lpha + beta + gamma"


async def test_an_ask_that_comes_late_does_not_take_the_place_of_the_newest(world: World):
    editor = world.open("x = |\n")
    late = editor.ask()
    editor.type("o")
    newest = world.ask(editor)
    call = await world.provider.call()
    assert (await world.engine.answer(late)).why is Why.STALE
    assert not newest.done()
    call.say("s.getcwd()\n").end()
    assert text_of(await asyncio.wait_for(newest, BOUND)) == "s.getcwd()"


async def test_a_user_who_asks_gets_the_whole_block_in_the_end(world: World):
    editor = world.open("def f(a):|\n")
    task = world.ask(editor, Trigger.INVOKED)
    call = await world.provider.call()
    call.say("\n    b = a\n    ret")
    await world.settle()
    world.clock.advance(0.3)
    await world.settle()
    call.say("urn b\n\n\ndef g").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    world.clock.advance(2)
    await asyncio.wait_for(task, BOUND)
    assert text_of(await world.answer(editor)) == "\n    b = a\n    return b"


async def test_other_texts_are_given_up_with_the_ask_that_wanted_them(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor, Trigger.INVOKED)
    (await world.provider.call()).say("one()\n").end()
    others = [await world.provider.call(), await world.provider.call()]
    task.cancel()
    editor.type("o")
    assert text_of(await world.answer(editor)) == "ne()"
    for call in others:
        await asyncio.wait_for(call.closed.wait(), BOUND)


async def test_nothing_of_a_closed_document_is_kept(world: World):
    cache = SuggestionCache()
    world.engine = world.make(cache=cache)
    editor = world.open("def f(a):|\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say("\n    b = a\n    ret")
    await world.settle()
    world.engine.close(editor.uri)
    await asyncio.wait_for(task, BOUND)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    assert len(cache) == 0


# --- asking ahead


async def test_what_follows_is_not_asked_of_a_fallback_that_costs(world: World):
    world.prefetch = True
    world.targets = (Target("scripted", "m"), Target("other", "n"))
    world.costly = frozenset({"other"})
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).say("1\n").end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "1"
    (await world.provider.call()).say(RateLimited("later", retry_after=30))
    await world.settle()
    assert world.fallback.calls == []


@pytest.mark.parametrize(
    ("prefetch", "ahead"),
    [("auto", [True, False]), ("on", [True, True]), ("off", [False, False])],
)
def test_each_choice_has_its_own_price(tmp_path: Path, prefetch: str, ahead: list[bool]):
    file = tmp_path / "config.toml"
    file.write_text(
        f'[completion]\nprovider = "here"\nmodel = "m"\nfallback = ["mistral"]\n'
        f'prefetch = "{prefetch}"\n[providers.here]\nwire = "openai-chat"\n'
        'completion = "openai-completions"\nbase_url = "http://127.0.0.1:9/v1"\nauth = "none"\n',
        encoding="utf-8",
    )
    plan = Planner(load(file, env={}), None).completion()
    assert plan is not None
    assert [choice.target.provider_id for choice in plan.choices] == ["here", "mistral"]
    assert [choice.ahead for choice in plan.choices] == ahead
    assert plan.prefetch is ahead[0]


@pytest.mark.parametrize("how", ["paused", "off", "elsewhere"])
async def test_nothing_is_asked_ahead_once_that_was_switched_off(world: World, how: str):
    world.prefetch, world.streak = True, 5
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say("1\n", "y")
    assert text_of(await asyncio.wait_for(task, BOUND)) == "1"
    if how == "paused":
        world.policy = Policy(paused=True)
    elif how == "off":
        world.prefetch = False
    else:
        world.targets = (Target("other", "n"),)
    call.end(StopReason.LENGTH)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    assert len(world.provider.calls) == 1


# --- places


async def test_what_is_shown_at_the_beginning_is_not_offered_elsewhere(world: World):
    editor = world.open("|\n\n\n\n")
    task = world.ask(editor)
    (await world.provider.call()).say("import os\n").end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "import os"
    editor.before, editor.after = "\n\n", "\n\n"  # the cursor was moved
    task = world.ask(editor)
    await world.settle()
    world.clock.advance(1)
    await world.settle()
    assert not task.done()
    assert len(world.provider.calls) == 2
    task.cancel()


async def test_a_request_for_the_beginning_is_ended_by_an_ask_elsewhere(world: World):
    editor = world.open("|\n\n\n\n")
    world.ask(editor)
    call = await world.provider.call()
    call.say("import os")
    await world.settle()
    editor.before, editor.after = "\n\n", "\n\n"
    task = world.ask(editor)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert not task.done()
    task.cancel()


async def test_nothing_empty_is_offered_where_the_rest_does_not_close_the_block(world: World):
    cache = SuggestionCache()
    world.engine = world.make(cache=cache)
    editor = world.open("if (a) {|\n", "a.js", "javascript")
    task = world.ask(editor)
    (await world.provider.call()).say("\n    b();\n}\n").end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "\n    b();\n}"
    await world.settle()
    ask = editor.ask()
    key = key_for(ask.snapshot, world.gate.policy_hash(editor.uri), "scripted/m")
    found = cache.find(key, ask.snapshot.prefix)
    assert found is not None
    entry = found[0]
    cache.add(replace(entry, id="s9", text=f"{entry.text} else c();"))
    editor.type("\n    \n}")
    editor.before, editor.after = editor.before[:-2], "\n}" + editor.after
    assert text_of(await world.answer(editor)) == "b();"


def fitted(text: str, rest: str) -> str:
    """What of ``rest`` is offered at the cursor ``|``, seen without what is closed behind it."""
    before, _, after = text.partition("|")
    document = DocumentStore("utf-32").open("file:///a", "typescript", 1, before + after)
    position = document.position(len(before))
    snapshot = document.snapshot(position, 1000, 1000)
    return places(Ask(snapshot, position), key_for(snapshot, "p", "m"))[1].fit(rest)


@pytest.mark.parametrize(
    ("text", "rest", "offered"),
    [
        ("a: Array<|>\n", "(x: A) => B>", "(x: A) => B"),
        ("a: Map<|>\n", "K, Set<V>> = b", "K, Set<V>"),
        ("fn<|>\n", "F: Fn() -> u8", ""),
        ("{\n    |\n}\n", "if (a) {\n        b();\n    }", ""),
        ("{\n    |\n}\n", "if (a) {\n        b();\n    }\n}", "if (a) {\n        b();\n    }"),
        ("f(() => {\n    |\n});\n", "b();\n});", "b();"),
    ],
)
def test_only_what_closes_this_very_bracket_is_left_out(text: str, rest: str, offered: str):
    assert fitted(text, rest) == offered


# --- the rate


def test_a_request_that_did_not_go_out_gives_its_own_place_back():
    cap = RateCap(2, 60)
    assert cap.take(0)
    assert cap.take(50)
    cap.give_back(0)
    assert cap.take(61)
    assert not cap.take(62)  # that of 50 still counts


# --- what becomes of them


async def test_one_that_was_taken_counts_though_the_next_is_offered_already(world: World):
    world.streak = 5
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).say("1\n", "y = 2\n", "z = 3\n").end()
    first = (await asyncio.wait_for(task, BOUND)).suggestions[0]
    editor.type("1")
    following = (await world.answer(editor)).suggestions[0]
    assert following.text == "\ny = 2"
    world.engine.accepted(first.id)  # editors tell it after the edit, and may ask in between
    world.engine.accepted(first.id)
    told = [event.id for event in world.events if isinstance(event, Accepted | Rejected)]
    assert told == [first.id]
    assert (await world.answer(editor)).suggestions[0].id == following.id
