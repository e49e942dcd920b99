"""From an ask to a prompt: what the gate let out, by the row's shares, steady from key to key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.completion.prompting import PromptMaker
from polypilot.completion.values import Choice, Plan
from polypilot.workspace.documents import Change, Position
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.context import Snippet
from polypilot_prompts.fim import Family
from polypilot_prompts.overrides import Overrides
from polypilot_providers.base import COMPLETION_LIMITS
from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.router import Target
from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.completion.values import Ask
    from polypilot_prompts.completion import Prompt

World = Any  # the fixture's class is in conftest, which a test can't import
SECRET = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
LINES = "".join(f"    value_{n} = compute({n})\n" for n in range(400))
TARGET = Target("p", "m")


def plan(mode: str = "openai-completions", model: ModelRow | None = None, **fields: object) -> Plan:
    row = ProviderRow.model_validate(
        {"id": "p", "wire": "openai-chat", "base_url": "https://a.example", "completion": mode}
        | fields
    )
    return Plan((Choice(TARGET, row, model or ModelRow(id="m")),), COMPLETION_LIMITS)


def made(
    maker: PromptMaker,
    ask: Ask,
    who: Plan | None = None,
    snippets: Sequence[Snippet] = (),
    **options: Any,
) -> Prompt:
    return maker.prepare(ask, who or plan(), snippets, **options)(TARGET)


def request(prompt: Prompt) -> CompletionRequest:
    assert isinstance(prompt.request, CompletionRequest)
    return prompt.request


@pytest.fixture
def maker(world: World) -> PromptMaker:
    return PromptMaker(world.gate)


def change(editor: Any, old: str, new: str) -> None:
    """An edit behind the cursor, without moving it."""
    line, _, _ = (editor.before + editor.after).partition(old)
    at = Position(line.count("\n"), len(line.rpartition("\n")[2]))
    end = Position(at.line, at.character + len(old))
    editor._change(Change(new, at, end))
    editor.after = editor.after.replace(old, new, 1)


def test_an_edit_far_below_leaves_the_prompt_as_it_was(world: World, maker: PromptMaker) -> None:
    editor = world.open(f"x = |\n{LINES}")
    first = request(made(maker, editor.ask()))
    change(editor, "value_300", "value_999")
    editor.type("y")
    second = request(made(maker, editor.ask()))
    assert second.suffix == first.suffix
    assert "value_999" not in second.suffix
    # What the filter compares with is the document as it is.
    assert "value_1 " in made(maker, editor.ask()).filter.suffix


def test_an_edit_right_behind_the_cursor_is_seen(world: World, maker: PromptMaker) -> None:
    editor = world.open(f"x = |\n{LINES}")
    made(maker, editor.ask())
    change(editor, "value_0 ", "other ")
    assert "other = compute(0)" in request(made(maker, editor.ask())).suffix


def test_looking_does_not_change_what_is_sent_next(world: World, maker: PromptMaker) -> None:
    editor = world.open(f"x = |\n{LINES}")
    made(maker, editor.ask(), keep=False)
    change(editor, "value_200", "value_999")
    fresh = request(made(maker, editor.ask(), who := plan(suffix_share=0.5)))
    assert "value_999" in request(made(maker, editor.ask(), who)).suffix
    assert "value_999" in fresh.suffix


def test_a_closed_document_is_forgotten_and_few_are_kept(world: World, maker: PromptMaker) -> None:
    who = plan(suffix_share=0.5)

    def seen(forget: bool, others: int) -> bool:  # noqa: FBT001 - a parameter
        editor = world.open(f"x = |\n{LINES}")
        made(maker, editor.ask(), who)
        if forget:
            maker.forget(editor.uri)
        for number in range(others):
            other = world.open("x = |\n", f"other{number}.py")
            made(maker, other.ask(), who)
            world.store.close(other.uri)
        change(editor, "value_200", "value_999")
        found = "value_999" in request(made(maker, editor.ask(), who)).suffix
        world.store.close(editor.uri)
        maker.forget(editor.uri)
        return found

    assert not seen(forget=False, others=0)
    assert seen(forget=True, others=0)
    assert not seen(forget=False, others=63)
    assert seen(forget=False, others=64)


def test_what_was_kept_is_dropped_when_the_rules_change(world: World, maker: PromptMaker) -> None:
    who = plan(suffix_share=0.5)
    editor = world.open(f"x = |\n{LINES}")
    made(maker, editor.ask(), who)
    change(editor, "value_200", "value_999")
    assert "value_999" not in request(made(maker, editor.ask(), who)).suffix
    privacy = world.gate._looks.privacy  # pyright: ignore[reportPrivateUsage] - as it is
    world.gate.update(replace(privacy, exclude=("*.none",)))
    assert "value_999" in request(made(maker, editor.ask(), who)).suffix


def test_text_that_is_gone_is_not_sent_to_whoever_is_asked_next(
    world: World, maker: PromptMaker
) -> None:
    who = plan(suffix_share=0.5)
    editor = world.open(f"x = |\n{LINES}")
    made(maker, editor.ask(), who)
    change(editor, "value_200", "value_999")
    assert "value_200" in request(made(maker, editor.ask(), who)).suffix
    choice = who.choices[0]
    row = choice.row.model_copy(update={"id": "q"})
    other = replace(who, choices=(replace(choice, target=Target("q", "m"), row=row),))
    prompt = maker.prepare(editor.ask(), other)(Target("q", "m"))
    assert "value_200" not in request(prompt).suffix


def test_a_secret_that_appears_behind_the_cursor_ends_what_was_kept(
    world: World, maker: PromptMaker
) -> None:
    who = plan(suffix_share=0.5)
    editor = world.open(f"x = |\n{LINES}")
    made(maker, editor.ask(), who)
    change(editor, "value_200 = compute(200)", f"key = '{SECRET}'")
    suffix = request(made(maker, editor.ask(), who)).suffix
    assert "key = '" in suffix
    assert SECRET not in suffix


def test_the_rows_shares_and_the_models_window_hold(world: World, maker: PromptMaker) -> None:
    editor = world.open(f"{LINES}x = |\n{LINES}")
    snippets = [Snippet(f"{n}.py", "other = 1\n" * 10) for n in range(30)]

    def counted(who: Plan) -> dict[str, int]:
        tokens = {"prefix": 0, "suffix": 0, "file": 0}
        for piece in made(maker, editor.ask(), who, snippets).parts:
            tokens[piece.name.split()[0]] += piece.tokens
        return tokens

    usual = counted(plan(prompt_tokens=2000))
    assert 200 < usual["suffix"] <= 300
    assert 300 < usual["file"] <= 500
    assert 1500 < sum(usual.values()) <= 2000
    mine = counted(plan(prompt_tokens=2000, suffix_share=0.5, context_share=0))
    assert 900 < mine["suffix"] <= 1000
    assert mine["file"] == 0
    small = plan(model=ModelRow(id="m", context_tokens=1000))
    assert 600 < sum(counted(small).values()) <= 1000 - 64


def test_whether_other_files_need_be_looked_for(maker: PromptMaker) -> None:
    assert maker.takes_files(plan())
    assert not maker.takes_files(replace(plan(), context=False))
    assert not maker.takes_files(plan(context_share=0))
    assert not maker.takes_files(plan("ollama-generate"))
    # Nobody waits for what only a fallback would be sent.
    both = replace(plan(), choices=(*plan("ollama-generate").choices, *plan("chat").choices))
    assert not maker.takes_files(both)


def test_left_to_right_a_known_family_has_its_own_form(world: World, maker: PromptMaker) -> None:
    editor = world.open("x = |\n")
    coder = Target("p", "qwen2.5-coder-0.5b")
    who = plan("prefix")
    who = replace(who, choices=(replace(who.choices[0], target=coder),))
    prompt = maker.prepare(editor.ask(), who, [Snippet("b.py", "B = 1\n")])(coder)
    assert "<|file_sep|>b.py\nB = 1\n" in request(prompt).prefix


def test_how_sure_the_model_is_is_asked_where_its_row_sets_a_bound(
    world: World, maker: PromptMaker
) -> None:
    editor = world.open("x = |\n")
    for bound, wanted in ((None, False), (0.5, True)):
        for mode in ("openai-completions", "chat"):
            who = plan(mode, ModelRow(id="m", min_confidence=bound))
            assert made(maker, editor.ask(), who).request.logprobs is wanted


def test_conversations_share_a_cache_key_that_says_nothing(
    world: World, maker: PromptMaker
) -> None:
    def key(maker: PromptMaker, name: str) -> str:
        sent = made(maker, world.open("x = |\n", name).ask(), plan("chat")).request
        assert isinstance(sent, ChatRequest)
        return sent.cache_key

    assert key(maker, "a.py") == key(maker, "b.py") != key(PromptMaker(world.gate), "c.py")


def test_streak_and_temperature_reach_the_request(world: World, maker: PromptMaker) -> None:
    editor = world.open("x = |\n")
    prompt = made(maker, editor.ask(), streak=5, temperature=0.8)
    assert (prompt.request.max_tokens, prompt.request.temperature) == (64 + 5 * 32, 0.8)
    assert "\n" not in prompt.request.stop
    assert prompt.filter.streak == 5


def test_the_users_own_templates_are_used(world: World, maker: PromptMaker) -> None:
    editor = world.open("x = |\n")
    family = Family("mine", "<A>{prefix}<B>{suffix}", ("<C>",), ("<A>", "<B>"))
    own = Overrides({"completion": "Mine. $open $close $cursor"}, {"mine": family})
    chat = replace(plan("chat"), overrides=own)
    raw = replace(plan("template:mine"), overrides=own)
    sent = made(maker, editor.ask(), chat).request
    assert isinstance(sent, ChatRequest)
    assert sent.system == "Mine. <MISSING> </MISSING> <CURSOR>"
    assert request(made(maker, editor.ask(), raw)).prefix == "<A>x =<B>\n"
    with pytest.raises(ConfigurationError, match="template:mine"):
        made(maker, editor.ask(), plan("template:mine"))


def test_the_parts_are_those_of_what_is_really_sent(world: World, maker: PromptMaker) -> None:
    """A secret that only shows when prefix and suffix are put together is hidden at last."""
    half = len(SECRET) // 2
    snippets = [Snippet("b.py", f"key = '{SECRET}'\n")]
    editor = world.open(f"a = '{SECRET[:half]}x'\n|\n")
    for mode in ("openai-completions", "chat", "template:qwen", "prefix"):
        prompt = made(maker, editor.ask(), plan(mode), snippets)
        told = "".join(piece.text for piece in prompt.parts)
        sent = prompt.request
        if isinstance(sent, ChatRequest):
            all_sent = sent.system + "".join(message.text for message in sent.messages)
        else:
            all_sent = "".join(f.text for f in sent.extra) + sent.suffix + sent.prefix
        assert SECRET not in told
        assert told == all_sent


def test_a_cursor_in_a_secret_is_never_sent(world: World, maker: PromptMaker) -> None:
    editor = world.open(f"key = '{SECRET[:20]}|{SECRET[20:]}'\n")
    with pytest.raises(ExcludedError):
        made(maker, editor.ask())
