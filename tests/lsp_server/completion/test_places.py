"""Brackets and quotes that the editor closes by itself do not take a suggestion away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.completion.cache import key_for
from polypilot.completion.places import places
from polypilot.completion.values import Ask, Trigger, Why
from polypilot.workspace.documents import DocumentStore

if TYPE_CHECKING:
    from conftest import Editor, World

pytestmark = pytest.mark.allow_blocking("the gate looks at the ignore files on disk")

BOUND = 5


def fits(text: str, rest: str, **language: str) -> list[str]:
    """What of ``rest`` is offered at the cursor ``|``, seen in each way."""
    before, _, after = text.partition("|")
    store = DocumentStore("utf-32")
    document = store.open("file:///a", language.get("language", "python"), 1, before + after)
    position = document.position(len(before))
    snapshot = document.snapshot(position, 1000, 1000)
    ask = Ask(snapshot, position)
    return [place.fit(rest) for place in places(ask, key_for(snapshot, "p", "m"))]


@pytest.mark.parametrize(
    ("text", "rest", "offered"),
    [
        ("print(|\n", "x)", ["x)"]),
        ("print(|)\n", "x)", ["x)", "x"]),
        ("print(|)\n", "f(x), g[1])  # ok", ["f(x), g[1])  # ok", "f(x), g[1]"]),
        ("print(|)\n", "')', x)", ["')', x)", "')', x"]),
        ("print(|)\n", "x, y", ["x, y", ""]),
        ("print(|)\n", "x,\n    y)", ["x,\n    y)", ""]),
        ("d[|]\n", "k]", ["k]", "k"]),
        ('s = "|"\n', 'a\\"b" + c', ['a\\"b" + c', 'a\\"b']),
        ('s = "|"\n', "a\nb", ["a\nb", ""]),
        ('f("|")\n', 'a")', ['a")', "a", "a"]),
        ("x = [[|]]\n", "1]]", ["1]]", "1", "1"]),
        ("Vec<|>\n", "u8> {", ["u8> {", "u8"]),
        ("print(|) + y\n", "x) + y", ["x) + y", "x"]),
        ("print(| + y)\n", "x", ["x"]),
        ("{\n    |\n}\n", "a();\n}", ["a();\n}", "a();"]),
        ("{\n    |\r\n  });\n", "a();\r\n  });", ["a();\r\n  });", "a();"]),
        ("{\n    |\n}\n", "a();\n    b();", ["a();\n    b();", ""]),
        ("{\n    |\n}\n", "a();", ["a();", ""]),
        ("{\n    |\n", "a();\n}", ["a();\n}"]),
        ("{\n    |\n} else {\n", "a();\n}", ["a();\n}"]),
    ],
)
def test_a_suggestion_is_offered_up_to_what_is_closed(text: str, rest: str, offered: list[str]):
    assert fits(text, rest) == offered


def type_pair(editor: Editor, opening: str, closing: str) -> None:
    editor.type(opening + closing)
    editor.before = editor.before[: -len(closing)]
    editor.after = closing + editor.after


async def test_typing_on_in_a_bracket_that_the_editor_closed_asks_nobody(world: World):
    editor = world.open("x = |\n")
    task = world.ask(editor)
    (await world.provider.call()).say("f(a, b) + 1\n").end()
    first = (await asyncio.wait_for(task, BOUND)).suggestions[0]
    editor.type("f")
    await world.answer(editor)
    type_pair(editor, "(", ")")
    (inside,) = (await world.answer(editor)).suggestions
    assert (inside.text, inside.id) == ("a, b", first.id)
    editor.type("a, b")
    assert (await world.answer(editor)).why is Why.NOTHING
    editor.after = editor.after[1:]
    editor.before += ")"  # typed over
    (behind,) = (await world.answer(editor)).suggestions
    assert (behind.text, behind.id) == (" + 1", first.id)


async def test_a_block_that_the_editor_closed_goes_on(world: World):
    editor = world.open("if (a) |\n", "a.js", "javascript")
    task = world.ask(editor, Trigger.INVOKED)
    for _ in range(3):
        (await world.provider.call()).say("{\n    b();\n    c();\n}\n").end()
    await asyncio.wait_for(task, BOUND)
    type_pair(editor, "{", "}")
    type_pair(editor, "\n    ", "\n")
    (inside,) = (await world.answer(editor)).suggestions
    assert inside.text == "b();\n    c();"
    assert len(world.provider.calls) == 3
