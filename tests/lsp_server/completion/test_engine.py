from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.cache import SuggestionCache
from polypilot.completion.pacing import RateCap
from polypilot.completion.values import (
    Accepted,
    Ended,
    Grown,
    Moved,
    PartlyAccepted,
    Policy,
    Rejected,
    Requested,
    Seen,
    Shown,
    Source,
    Trigger,
    Why,
)
from polypilot.workspace.roots import resolve
from polypilot_providers.errors import AuthError, RateLimited, StreamBroken
from polypilot_providers.router import Target
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Refusal,
    StopReason,
    TextDelta,
    ThoughtDelta,
    Usage,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Editor, World
    from polypilot.completion.values import Answer

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

BOUND = 5


def text_of(answer: Answer) -> str | None:
    return answer.suggestions[0].text if answer.suggestions else None


async def served(world: World, editor: Editor, text: str) -> Answer:
    """One whole round through the network."""
    task = world.ask(editor)
    (await world.provider.call()).say(text).end()
    return await asyncio.wait_for(task, BOUND)


# --- the way through


async def test_a_cold_ask_goes_to_the_provider_and_comes_back_as_a_suggestion(world: World):
    editor = world.open("import os\n\nx = |\ny = 2\n")
    task = world.ask(editor)
    call = await world.provider.call()
    assert isinstance(call.request, CompletionRequest)
    assert call.request.prefix == "import os\n\nx ="
    assert call.request.suffix == "\ny = 2\n"
    assert call.request.model == "m"
    call.say("os.get", "cwd()\n", "z = 3\n")
    answer = await asyncio.wait_for(task, BOUND)
    assert answer.source is Source.NETWORK
    (suggestion,) = answer.suggestions
    assert suggestion.text == "os.getcwd()"
    assert suggestion.start == suggestion.end == editor.position
    assert (suggestion.provider, suggestion.model) == ("scripted", "m")
    assert not suggestion.from_cache
    await asyncio.wait_for(call.closed.wait(), BOUND)  # ended early, at the line's end
    assert "z = 3" not in call.emitted


async def test_typing_what_is_suggested_asks_nobody(world: World):
    editor = world.open("x = |\n")
    first = await served(world, editor, "os.getcwd()\n")
    for count, char in enumerate("os.getcwd(", start=1):
        editor.type(char)
        answer = await world.answer(editor)
        assert text_of(answer) == "os.getcwd()"[count:]
        assert answer.suggestions[0].id == first.suggestions[0].id
        assert answer.suggestions[0].from_cache
    assert len(world.provider.calls) == 1


async def test_going_back_finds_the_suggestion_again(world: World):
    editor = world.open("x = |\n")
    await served(world, editor, "os.getcwd()\n")
    for char in "os":
        editor.type(char)
        await world.answer(editor)
    editor.type("z")
    task = world.ask(editor)
    await world.settle()
    world.clock.advance(1)
    (await world.provider.call()).end()
    assert (await asyncio.wait_for(task, BOUND)).why is Why.NOTHING
    for expected in (".getcwd()", "s.getcwd()", "os.getcwd()"):
        editor.backspace()
        answer = await world.answer(editor)
        assert text_of(answer) == expected
        assert answer.suggestions[0].from_cache


async def test_a_multi_line_suggestion_is_followed_over_its_line_breaks(world: World):
    editor = world.open("def f(a):|\n")
    await served(world, editor, "\n    b = a\n    return b\n\n\ndef g")
    typed = ""
    for char in "\n    b = a\n    ret":
        editor.type(char)
        typed += char
        assert text_of(await world.answer(editor)) == "\n    b = a\n    return b"[len(typed) :]
    assert len(world.provider.calls) == 1


async def test_carriage_returns_as_the_document_has_them(world: World):
    editor = world.open("def f(a):|\r\n    pass\r\n")
    answer = await served(world, editor, "\n    b = a\n    return b\n")
    assert text_of(answer) == "\r\n    b = a\r\n    return b"


async def test_an_edit_far_away_keeps_the_suggestion(world: World):
    editor = world.open("\n" * 3000 + "x = |\n")
    await served(world, editor, "os.getcwd()\n")
    editor.type_above("import os\n")
    answer = await world.answer(editor)
    assert (text_of(answer), answer.source) == ("os.getcwd()", Source.CACHE)


async def test_another_next_line_is_another_question(world: World):
    editor = world.open("x = |\ny = 1\n")
    await served(world, editor, "1\n")
    editor.replace("x = |\nz = 1\n")
    task = world.ask(editor)
    await world.provider.call()
    await world.engine.aclose()
    assert (await task).why is Why.SUPERSEDED


async def test_that_the_model_has_nothing_to_add_is_remembered(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).end()
    assert (await task).why is Why.NOTHING
    assert (await world.answer(editor)).why is Why.NOTHING
    assert len(world.provider.calls) == 1
    insisting = world.ask(editor, Trigger.INVOKED)
    for _ in range(3):
        (await world.provider.call()).say("1\n").end()
    assert text_of(await asyncio.wait_for(insisting, BOUND)) == "1"


async def test_a_cache_that_is_given_is_used_though_it_is_empty(world: World):
    cache = SuggestionCache()
    world.engine = world.make(cache=cache)
    await served(world, world.open("x = |\n"), "1\n")
    await world.settle()
    assert len(cache) == 1


# --- in flight


async def test_a_key_that_agrees_with_the_stream_joins_it(world: World):
    editor = world.open("x = |\n")
    first = world.ask(editor)
    call = await world.provider.call()
    call.say("os.get")
    await world.settle()
    editor.type("os.")
    second = world.ask(editor)
    await world.settle()
    assert (await first).why is Why.SUPERSEDED
    assert not second.done()
    call.say("cwd()\n")
    answer = await asyncio.wait_for(second, BOUND)
    assert (text_of(answer), answer.source) == ("getcwd()", Source.FLIGHT)
    assert len(world.provider.calls) == 1


async def test_a_key_before_the_first_text_joins_and_leaves_when_they_part(world: World):
    editor = world.open("x = |\n")
    first = world.ask(editor)
    call = await world.provider.call()
    editor.type("p")
    second = world.ask(editor)
    await world.settle()
    assert first.done()
    call.say("os.getcwd()")
    await asyncio.wait_for(call.closed.wait(), BOUND)
    world.clock.advance(1)
    again = await world.provider.call()
    assert isinstance(again.request, CompletionRequest)
    assert again.request.prefix == "x = p"
    again.say("rint()\n")
    assert text_of(await asyncio.wait_for(second, BOUND)) == "rint()"


async def test_whole_lines_are_given_before_the_stream_ends(world: World):
    editor = world.open("def f(a):|\n")
    world.ask(editor)
    call = await world.provider.call()
    editor.type("\n")
    second = world.ask(editor)
    call.say("\n    b = a\n    ret")
    answer = await asyncio.wait_for(second, BOUND)
    assert (text_of(answer), answer.source) == ("    b = a", Source.FLIGHT)
    call.say("urn b\n").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    editor.type("    ")
    later = await world.answer(editor)
    assert text_of(later) == "b = a\n    return b"
    assert later.suggestions[0].id == answer.suggestions[0].id
    assert len(world.provider.calls) == 1


async def test_a_request_that_no_longer_agrees_is_ended_and_its_socket_closed(world: World):
    editor = world.open("x = |\n")
    first = world.ask(editor)
    call = await world.provider.call()
    call.say("os.")
    await world.settle()
    editor.type("print")
    second = world.ask(editor)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert (await first).why is Why.SUPERSEDED
    world.clock.advance(1)
    (await world.provider.call()).say("(1)\n")
    assert text_of(await asyncio.wait_for(second, BOUND)) == "(1)"


async def test_two_requests_at_most_until_a_socket_is_closed(world: World):
    editor = world.open("x = |\n")
    closing: list[asyncio.Event] = []
    for text in ("y = |\n", "z = |\n"):
        world.ask(editor)
        closing.append((await world.provider.call()).hold_open())
        editor.replace(text)
    last = world.ask(editor)
    await world.settle()
    world.clock.advance(1)
    await world.settle()
    assert [call.open for call in world.provider.calls] == [True, True]
    closing[0].set()
    (await world.provider.call()).say("2\n")
    assert text_of(await asyncio.wait_for(last, BOUND)) == "2"
    closing[1].set()


async def test_each_superseded_ask_is_answered_at_once(world: World):
    editor = world.open("x = |\n")
    tasks = [world.ask(editor)]
    await world.settle()
    for char in "abcdefgh":
        editor.type(char)
        tasks.append(world.ask(editor))
        await world.settle()
        assert all(task.done() for task in tasks[:-1])
    assert {task.result().why for task in tasks[:-1]} == {Why.SUPERSEDED}
    tasks[-1].cancel()


async def test_a_cancelled_ask_ends_its_request_unless_the_next_key_wants_it(world: World):
    editor = world.open("x = |\n")
    first = world.ask(editor)
    call = await world.provider.call()
    first.cancel()
    await world.settle()
    editor.type("o")
    second = world.ask(editor)
    await world.settle()
    world.clock.advance(0.15)
    await world.settle()
    assert call.open
    second.cancel()
    await world.settle()
    assert call.open
    world.clock.advance(0.15)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert len(world.provider.calls) == 1


async def test_a_result_is_not_shown_once_the_document_has_changed(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    editor.type("1")  # the editor has not asked again yet
    call.say("os.getcwd()\n")
    answer = await asyncio.wait_for(task, BOUND)
    assert answer.suggestions == ()
    assert answer.why is Why.STALE


# --- pace and caps


async def keys(world: World, editor: Editor, text: str, gap: float) -> asyncio.Task[Answer]:
    """Type a text with an ask at each key; the last one."""
    task = world.ask(editor)
    for char in text:
        world.clock.advance(gap)
        editor.type(char)
        task = world.ask(editor)
        await world.settle()
    return task


async def test_the_first_key_after_a_pause_goes_at_once(world: World):
    task = world.ask(world.open("value = comp|\n"))
    await world.provider.call()
    task.cancel()


async def test_keys_in_quick_succession_wait_for_a_newer_one(world: World):
    editor = world.open("value = |\n")
    await served(world, editor, "zip()\n")
    task = await keys(world, editor, "comp", 0.03)
    assert len(world.provider.calls) == 1
    world.clock.advance(0.0751)
    (await world.provider.call()).say("ute()\n")
    assert text_of(await asyncio.wait_for(task, BOUND)) == "ute()"


async def test_the_newest_of_the_keys_that_replace_each_other_goes_after_a_while(world: World):
    editor = world.open("value = |\n")
    await served(world, editor, "zip()\n")
    task = await keys(world, editor, "computation", 0.04)
    assert [call.prefix for call in world.provider.calls[1:]] == ["value = computat"]
    task.cancel()


async def test_keys_that_a_wait_would_not_catch_do_not_wait(world: World):
    editor = world.open("value = |\n")
    await served(world, editor, "zip()\n")
    task = await keys(world, editor, "comp", 0.2)
    assert len(world.provider.calls) == 2  # it has said nothing yet, so all four ride on it
    task.cancel()


@pytest.mark.parametrize("text", ["|\n", "x = |\n", "os.|\n", "    |\n"])
async def test_line_starts_and_trigger_characters_go_at_once(world: World, text: str):
    task = world.ask(world.open(text))
    await world.provider.call()
    assert world.clock.now == 1000.0
    task.cancel()


async def test_an_explicit_request_goes_at_once(world: World):
    task = world.ask(world.open("value = comp|\n"), Trigger.INVOKED)
    await world.provider.call()
    task.cancel()


async def test_requests_beyond_the_cap_are_not_sent(world: World):
    world.engine = world.make(RateCap(3, 60))
    for number in range(5):
        editor = world.open("x = |\n", f"{number}.py")
        task = world.ask(editor)
        await world.settle()
        if number < 3:
            world.provider.calls[-1].say("1\n")
            assert text_of(await asyncio.wait_for(task, BOUND)) == "1"
        else:
            assert (await asyncio.wait_for(task, BOUND)).why is Why.RATE_CAP
    world.clock.advance(60)
    task = world.ask(world.open("x = |\n", "later.py"))
    await world.settle()
    assert len(world.provider.calls) == 4
    task.cancel()


# --- when not to ask


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy(enabled=False), Why.DISABLED),
        (Policy(paused=True), Why.PAUSED),
        (Policy(disabled_languages=("python",)), Why.LANGUAGE),
        (Policy(max_chars=3), Why.TOO_LARGE),
    ],
)
async def test_switches(world: World, policy: Policy, why: Why):
    editor = world.open("x = |\n")
    world.policy = policy
    assert (await world.answer(editor)).why is why
    assert world.provider.calls == []
    task = world.ask(editor, Trigger.INVOKED)
    await world.settle()
    assert bool(world.provider.calls) is (why is not Why.DISABLED)
    task.cancel()


@pytest.mark.parametrize("after", ["bar", "_x", "9"])
async def test_not_in_the_middle_of_a_word(world: World, after: str):
    editor = world.open(f"foo|{after}\n")
    assert (await world.answer(editor)).why is Why.WORD_AFTER
    task = world.ask(editor, Trigger.INVOKED)
    await world.provider.call()
    task.cancel()


async def test_an_ask_that_is_refused_leaves_no_request_behind(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    world.policy = Policy(paused=True)
    editor.type("o")
    assert (await world.answer(editor)).why is Why.PAUSED
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert (await task).why is Why.SUPERSEDED


async def test_excluded_documents_never_leave_not_even_when_asked(world: World):
    editor = world.open("KEY=|\n", ".env")
    for trigger in Trigger:
        answer = await world.answer(editor, trigger)
        assert answer.why is Why.EXCLUDED
        assert answer.detail
    assert world.provider.calls == []


async def test_nothing_is_completed_inside_a_secret(world: World):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    editor = world.open(f'token = "{secret[:20]}|{secret[20:]}"\n')
    assert (await world.answer(editor, Trigger.INVOKED)).why is Why.EXCLUDED
    assert world.provider.calls == []


async def test_secrets_are_hidden_in_what_is_sent(world: World):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    editor = world.open(f'token = "{secret}"\nx = |\n')
    task = world.ask(editor)
    call = await world.provider.call()
    assert secret not in repr(call.request)
    call.say("1\n")
    assert text_of(await task) == "1"


async def test_without_a_provider_nothing_is_asked(world: World):
    world.planned = False
    assert (await world.answer(world.open("|\n"))).why is Why.NO_PROVIDER
    world.planned, world.targets = True, ()
    assert (await world.answer(world.open("|\n"))).why is Why.NO_PROVIDER


# --- roots, policies


async def test_the_same_text_in_two_roots_is_never_answered_across(world: World, root: Path):
    other = root.parent / "other"
    other.mkdir()
    world.gate.roots.replace(resolve([str(root), str(other)]))
    here = world.open("x = |\n")
    await served(world, here, "here()\n")
    there = world.open("x = |\n", "../other/a.py")
    answer = await served(world, there, "there()\n")
    assert text_of(answer) == "there()"
    assert text_of(await world.answer(here)) == "here()"
    (root / ".aiignore").write_text("secret.py\n", encoding="utf-8")
    assert text_of(await world.answer(there)) == "there()"
    task = world.ask(here)
    (await world.provider.call()).say("again()\n")
    assert text_of(await asyncio.wait_for(task, BOUND)) == "again()"


async def test_a_document_that_becomes_excluded_is_not_answered_from_cache(
    world: World, root: Path
):
    editor = world.open("x = |\n")
    await served(world, editor, "1 + 1\n")
    (root / ".aiignore").write_text("a.py\n", encoding="utf-8")
    editor.type("1")
    world.clock.advance(1)
    task = world.ask(editor)
    await world.settle()
    world.clock.advance(1)
    assert (await asyncio.wait_for(task, BOUND)).why is Why.EXCLUDED


# --- failures


async def test_a_failure_is_an_answer_with_its_error_and_no_retry(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).say(AuthError("the key is refused"))
    answer = await task
    assert answer.why is Why.FAILED
    assert isinstance(answer.error, AuthError)
    await world.settle()
    assert len(world.provider.calls) == 1
    ended = [event for event in world.events if isinstance(event, Ended)]
    assert [event.error for event in ended] == [answer.error]
    again = world.ask(editor)
    (await world.provider.call()).say("1\n")
    assert text_of(await again) == "1"


async def test_a_broken_stream_shows_nothing_and_does_not_retry(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).say("os.get", StreamBroken("gone"))
    answer = await task
    assert (answer.why, answer.suggestions) == (Why.FAILED, ())
    assert len(world.provider.calls) == 1


async def test_a_refusal_is_nothing_to_show(world: World):
    task = world.ask(world.open("x = |\n"))
    call = await world.provider.call()
    call.say(Refusal("no"))
    assert (await task).why is Why.NOTHING
    await asyncio.wait_for(call.closed.wait(), BOUND)


async def test_a_listed_fallback_answers_and_the_move_is_told(world: World):
    world.targets = (Target("scripted", "m"), Target("other", "n"))
    task = world.ask(world.open("x = |\n"))
    (await world.provider.call()).say(RateLimited("later", retry_after=30))
    (await world.fallback.call()).say("1\n")
    answer = await asyncio.wait_for(task, BOUND)
    (suggestion,) = answer.suggestions
    assert (suggestion.text, suggestion.provider, suggestion.model) == ("1", "other", "n")
    (moved,) = [event for event in world.events if isinstance(event, Moved)]
    assert moved.switched.reason == "rate_limited"


async def test_one_completion_is_told_of_once_whoever_answers_it(world: World):
    world.targets = (Target("scripted", "m"), Target("other", "n"))
    task = world.ask(world.open("x = |\n"))
    (await world.provider.call()).say(RateLimited("later", retry_after=30))
    (await world.fallback.call()).say("1\n").end()
    await asyncio.wait_for(task, BOUND)
    await world.settle()
    told = [event for event in world.events if isinstance(event, Requested | Ended)]
    assert [type(event) for event in told] == [Requested, Ended]
    assert [event.provider for event in told] == ["scripted", "other"]


async def test_an_unknown_mode_is_told_as_a_setting_to_correct(world: World):
    world.mode = "template:none-such"
    answer = await world.answer(world.open("x = |\n"))
    assert answer.why is Why.FAILED
    assert answer.error is not None
    assert answer.error.code == "configuration"


# --- other modes


async def test_chat_models_complete_through_a_conversation(world: World):
    world.mode = "chat"
    task = world.ask(world.open("x = |\n"))
    call = await world.provider.call()
    assert isinstance(call.request, ChatRequest)
    call.say(ThoughtDelta("hm"), "Sure, here you go:\n```python\n", "1 + 1\n", "```\nDone.").end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "1 + 1"


async def test_template_modes_send_one_raw_prompt(world: World):
    world.mode = "template:qwen"
    task = world.ask(world.open("x = |\ny = <|fim_middle|>\n"))
    call = await world.provider.call()
    assert isinstance(call.request, CompletionRequest)
    assert call.request.raw
    assert call.request.prefix.count("<|fim_middle|>") == 1
    call.say("1<|endoftext|>junk").end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "1"


# --- bookkeeping


async def test_what_happens_is_told_without_any_text(world: World):
    editor = world.open("x = |\n")
    answer = await served(world, editor, "canary()\n")
    await world.settle()
    editor.type("c")
    await world.answer(editor)
    world.engine.accepted(answer.suggestions[0].id)
    kinds = [type(event) for event in world.events]
    assert kinds[0] is Requested
    assert set(kinds[1:3]) == {Ended, Shown}
    assert kinds[3:] == [Accepted]
    assert "canary" not in repr(world.events)
    ended = next(event for event in world.events if isinstance(event, Ended))
    assert not ended.cancelled
    assert ended.first_text is not None


async def test_typing_something_else_rejects_what_was_shown(world: World):
    editor = world.open("x = |\n")
    answer = await served(world, editor, "os.getcwd()\n")
    editor.type("z")
    task = world.ask(editor)
    await world.settle()
    rejected = [event for event in world.events if isinstance(event, Rejected)]
    assert [event.id for event in rejected] == [answer.suggestions[0].id]
    task.cancel()


async def test_dismissing_and_unknown_ids(world: World):
    answer = await served(world, world.open("x = |\n"), "1\n")
    world.engine.accepted("none-such")
    world.engine.dismissed(answer.suggestions[0].id)
    world.engine.dismissed(answer.suggestions[0].id)
    assert sum(isinstance(event, Rejected) for event in world.events) == 1


async def test_usage_is_told(world: World):
    task = world.ask(world.open("x = |\n"))
    usage = Usage(input_tokens=5, output_tokens=1)
    (await world.provider.call()).say("1", usage).end(StopReason.LENGTH)
    await task
    ended = next(event for event in world.events if isinstance(event, Ended))
    assert ended.usage == usage


async def test_closing_a_document_answers_its_ask_and_ends_its_request(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    world.engine.close(editor.uri)
    assert (await asyncio.wait_for(task, BOUND)).why is Why.SUPERSEDED
    await asyncio.wait_for(call.closed.wait(), BOUND)
    world.engine.close(editor.uri)


async def test_closing_the_engine_answers_everything(world: World):
    tasks = [world.ask(world.open("x = |\n", f"{n}.py")) for n in range(5)]
    await world.settle()
    await asyncio.wait_for(world.engine.aclose(), BOUND)
    answers = await asyncio.wait_for(asyncio.gather(*tasks), BOUND)
    assert {answer.why for answer in answers} == {Why.SUPERSEDED}
    assert (await world.answer(world.open("x = |\n", "z.py"))).why is Why.CLOSED


async def test_lanes_do_not_pile_up(world: World):
    world.policy = Policy(paused=True)
    for number in range(600):
        await world.answer(world.open("|\n", f"{number}.py"))
    assert world.engine.documents <= 256
    assert await world.engine.complete(world.open("|\n", "q.py").ask()) == []


# --- behind the suggestion


def ahead(world: World, *, streak: int = 5, prefetch: bool = True) -> None:
    """Have lines behind a suggestion, or what follows it, asked for."""
    world.streak, world.prefetch = streak, prefetch


async def test_the_stream_goes_on_behind_what_is_shown(world: World):
    ahead(world, streak=5, prefetch=False)
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    assert "\n" not in call.request.stop
    call.say("1\n", "y = 2\n", "z = ")
    answer = await asyncio.wait_for(task, BOUND)
    assert (text_of(answer), call.open) == ("1", True)
    call.say("3\n").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    for typed, expected in (
        ("1", "\ny = 2"),
        ("\n", "y = 2"),
        ("y = 2", "\nz = 3"),
        ("\nz", " = 3"),
    ):
        editor.type(typed)
        assert text_of(await world.answer(editor)) == expected
    assert len(world.provider.calls) == 1


async def test_a_key_that_leaves_the_lines_behind_ends_their_stream(world: World):
    ahead(world, streak=5, prefetch=False)
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say("1\n", "y = 2\n")
    await asyncio.wait_for(task, BOUND)
    editor.type("7")
    second = world.ask(editor)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    world.clock.advance(1)
    (await world.provider.call()).say("7\n")
    assert text_of(await asyncio.wait_for(second, BOUND)) == "7"


async def test_what_follows_a_suggestion_is_asked_for_while_it_is_shown(world: World):
    ahead(world)
    editor = world.open("x = |\n")
    assert text_of(await served(world, editor, "1\n")) == "1"
    call = await world.provider.call()
    assert call.prefix == "x = 1"
    call.say("\ny = 2\n").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    editor.type("1")
    assert text_of(await world.answer(editor)) == "\ny = 2"


async def test_it_goes_on_while_the_suggestion_is_typed_and_ends_when_it_is_not(world: World):
    ahead(world)
    editor = world.open("x = |\n")
    await served(world, editor, "123\n")
    call = await world.provider.call()
    editor.type("1")
    assert text_of(await world.answer(editor)) == "23"
    assert call.open
    call.say("\ny = ")
    editor.type("23")
    joining = world.ask(editor)
    await world.settle()
    call.say("2\nz")
    assert text_of(await asyncio.wait_for(joining, BOUND)) == "\ny = 2"
    editor.backspace()
    editor.type("4")
    task = world.ask(editor)
    await asyncio.wait_for(call.closed.wait(), BOUND)
    task.cancel()


async def test_nothing_is_asked_ahead_where_it_is_known_or_text_stands_behind(world: World):
    ahead(world)
    editor = world.open("f(|)\n")
    await served(world, editor, "1\n")
    await world.settle()
    assert len(world.provider.calls) == 1
    ahead(world, prefetch=False)
    editor = world.open("x = |\n", "b.py")
    await served(world, editor, "1\n")
    await world.settle()
    assert len(world.provider.calls) == 2


async def test_that_nothing_follows_is_asked_once(world: World):
    ahead(world)
    editor = world.open("x = |\n")
    await served(world, editor, "12\n")
    (await world.provider.call()).end()
    await world.settle()
    editor.type("1")
    assert text_of(await world.answer(editor)) == "2"
    await world.settle()
    assert len(world.provider.calls) == 2


async def test_nothing_is_asked_ahead_in_a_document_that_is_closed(world: World):
    ahead(world)
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say("1\n")
    await asyncio.wait_for(task, BOUND)
    world.engine.close(editor.uri)
    await world.settle()
    assert [each.prefix for each in world.provider.calls] == ["x ="]


# --- after a suggestion was taken


async def test_after_one_line_was_taken_nothing_is_asked_before_the_next_key(world: World):
    editor = world.open("x = |\n")
    answer = await served(world, editor, "1\n")
    world.engine.accepted(answer.suggestions[0].id)
    editor.type("1")
    assert (await world.answer(editor)).why is Why.ACCEPTED
    insisting = world.ask(editor, Trigger.INVOKED)
    call = await world.provider.call()
    insisting.cancel()
    call.end()
    await world.settle()
    editor.type("\n")
    world.clock.advance(1)
    task = world.ask(editor)
    await world.provider.call()
    task.cancel()


async def test_what_was_asked_ahead_is_offered_even_then(world: World):
    ahead(world)
    editor = world.open("x = |\n")
    answer = await served(world, editor, "1\n")
    (await world.provider.call()).say("\ny = 2\n").end()
    await world.settle()
    world.engine.accepted(answer.suggestions[0].id)
    editor.type("1")
    assert text_of(await world.answer(editor)) == "\ny = 2"


async def test_after_a_block_was_taken_the_next_is_asked_for(world: World):
    editor = world.open("def f(a):|\n")
    answer = await served(world, editor, "\n    b = a\n    return b\n\n\ndef g")
    world.engine.accepted(answer.suggestions[0].id)
    editor.type(answer.suggestions[0].text)
    world.clock.advance(1)
    task = world.ask(editor)
    await world.provider.call()
    task.cancel()


async def test_taking_a_part_keeps_the_rest(world: World):
    editor = world.open("x = |\n")
    answer = await served(world, editor, "os.getcwd()\n")
    suggestion = answer.suggestions[0]
    world.engine.shown(suggestion.id)
    world.engine.partially_accepted(suggestion.id, 3)
    editor.type("os.")
    again = await world.answer(editor)
    assert (text_of(again), again.suggestions[0].id) == ("getcwd()", suggestion.id)
    assert [type(event) for event in world.events[-2:]] == [Seen, PartlyAccepted]
    assert not any(isinstance(event, Rejected) for event in world.events)
    world.engine.partially_accepted("none-such", 3)
    world.engine.shown("none-such")


# --- several


async def test_a_user_who_asks_gets_up_to_three_different_ones(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor, Trigger.INVOKED)
    for text in ("1\n", "2\n", " 1 \n"):
        (await world.provider.call()).say(text).end()
    answer = await asyncio.wait_for(task, BOUND)
    assert [each.text for each in answer.suggestions] == ["1", "2"]
    temperatures = [call.request.temperature for call in world.provider.calls]
    assert temperatures == [0.0, 0.5, 0.9]
    again = await world.answer(editor, Trigger.INVOKED)
    assert again.suggestions == tuple(replace(each, from_cache=True) for each in answer.suggestions)
    assert len(world.provider.calls) == 3


async def test_any_of_them_can_be_typed_or_taken(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor, Trigger.INVOKED)
    for text in ("one()\n", "two()\n", "ten()\n"):
        (await world.provider.call()).say(text).end()
    answer = await asyncio.wait_for(task, BOUND)
    editor.type("t")
    typed = await world.answer(editor)
    assert (text_of(typed), typed.suggestions[0].id) == ("wo()", answer.suggestions[1].id)
    editor.type("e")
    typed = await world.answer(editor)
    assert (text_of(typed), typed.suggestions[0].id) == ("n()", answer.suggestions[2].id)
    world.engine.accepted(answer.suggestions[2].id)
    taken = [event for event in world.events if isinstance(event, Accepted)]
    assert [event.id for event in taken] == [answer.suggestions[2].id]
    assert len(world.provider.calls) == 3


async def test_the_first_one_does_not_wait_for_ever_for_the_others(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor, Trigger.INVOKED)
    (await world.provider.call()).say("1\n").end()
    others = [await world.provider.call(), await world.provider.call()]
    others[0].say("2\n").end()
    await world.settle()
    assert not task.done()
    world.clock.advance(2)
    answer = await asyncio.wait_for(task, BOUND)
    assert [each.text for each in answer.suggestions] == ["1", "2"]
    await asyncio.wait_for(others[1].closed.wait(), BOUND)


async def test_a_key_leaves_a_user_who_asked_with_nothing_stale(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor, Trigger.INVOKED)
    (await world.provider.call()).say("1\n").end()
    await world.provider.call()
    editor.type("1")
    world.engine.close(editor.uri)
    answer = await asyncio.wait_for(task, BOUND)
    assert (answer.suggestions, answer.why) == ((), Why.STALE)


# --- sure or not


async def test_a_suggestion_that_the_model_doubts_is_not_shown_unasked(world: World):
    world.min_confidence = 0.5
    editor = world.open("x = |\n")
    task = world.ask(editor)
    call = await world.provider.call()
    assert call.request.logprobs
    call.say(TextDelta("1", math.log(0.9), 1), TextDelta("0\n", math.log(0.1), 1)).end()
    assert (await asyncio.wait_for(task, BOUND)).why is Why.UNSURE
    task = world.ask(editor, Trigger.INVOKED)
    for _ in range(2):
        (await world.provider.call()).end()
    assert text_of(await asyncio.wait_for(task, BOUND)) == "10"


async def test_one_that_it_is_sure_of_is_shown(world: World):
    world.min_confidence = 0.5
    task = world.ask(world.open("x = |\n"))
    call = await world.provider.call()
    call.say(TextDelta("1", math.log(0.9), 1), TextDelta("0\n", math.log(0.7), 1))
    call.say(TextDelta("2", math.log(0.1), 1)).end()  # of another line
    assert text_of(await asyncio.wait_for(task, BOUND)) == "10"


# --- before it is whole


async def test_the_first_lines_of_a_long_block_do_not_wait_for_the_rest(world: World):
    editor = world.open("def f(a):|\n")
    task = world.ask(editor)
    call = await world.provider.call()
    call.say("\n    b = a\n    ret")
    await world.settle()
    assert not task.done()
    world.clock.advance(0.3)
    assert text_of(await asyncio.wait_for(task, BOUND)) == "\n    b = a"
    assert not any(isinstance(event, Grown) for event in world.events)
    call.say("urn b\n\n\ndef g")
    await asyncio.wait_for(call.closed.wait(), BOUND)
    assert [event.uri for event in world.events if isinstance(event, Grown)] == [editor.uri]
    answer = await world.answer(editor)
    assert text_of(answer) == "\n    b = a\n    return b"


async def test_a_key_is_given_the_words_that_have_arrived(world: World):
    editor = world.open("x = |\n")
    world.ask(editor)
    call = await world.provider.call()
    call.say("alpha + beta")
    await world.settle()
    editor.type("a")
    assert text_of(await world.answer(editor)) == "lpha +"
    editor.type("x")  # the editor has not asked yet
    call.say(" + gamma\n").end()
    await asyncio.wait_for(call.closed.wait(), BOUND)
    await world.settle()
    assert not any(isinstance(event, Grown) for event in world.events)
