"""The built-in commands and what becomes of them."""

from __future__ import annotations

import pytest

from polypilot_prompts.budget import estimate
from polypilot_prompts.commands import BUILTINS, INPUT, fill, nearest
from polypilot_prompts.mentions import parse


def test_all_are_there():
    assert list(BUILTINS) == [
        "explain",
        "fix",
        "tests",
        "doc",
        "review",
        "optimize",
        "commit",
        "rename-ideas",
    ]


@pytest.mark.parametrize("name", BUILTINS)
def test_each_is_whole(name: str):
    command = BUILTINS[name]
    assert command.name == name
    assert command.description
    assert command.hint
    text = command.template
    assert text.count(INPUT) == 1
    assert text.endswith(INPUT)
    assert estimate(text) < 450
    assert not parse(text)
    assert all(len(line) <= 100 for line in text.splitlines())
    for item in command.context:
        for choice in item.split("|"):
            (mention,) = parse(choice)
            assert mention.end == len(choice)


def test_what_they_are_about():
    assert BUILTINS["explain"].context == ("#selection|#buffer",)
    assert BUILTINS["fix"].context == ("#selection|#buffer", "#diagnostics")
    assert BUILTINS["review"].context == ("#diff",)
    assert BUILTINS["commit"].context == ("#diff:staged", "#commits")


@pytest.mark.parametrize(
    ("template", "typed", "text"),
    [
        ("Do it.\n\n{{input}}", "so", "Do it.\n\nso"),
        ("Do it.\n\n{{input}}", "  ", "Do it."),
        ("Do it.\n\n  {{input}}\n\nNow.", "", "Do it.\n\n\nNow."),
        ("Do {{input}} and {{input}}.", "x", "Do x and x."),
        ("Do {{input}}.", "", "Do ."),
        ("Do it.", "so\nso", "Do it.\n\nso\nso"),
        ("Do it.\n", "", "Do it."),
        ("Do {{input}}", "{{input}} $x \\1", "Do {{input}} $x \\1"),
    ],
)
def test_what_was_typed_stands_in_its_place(template: str, typed: str, text: str):
    assert fill(template, typed) == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("exlpain", "explain"),
        ("explian", "explain"),
        ("test", "tests"),
        ("rewiev", "review"),
        ("optimise", "optimize"),
        ("comit", "commit"),
        ("fxi", "fix"),
        ("usr", ""),
        ("x", ""),
        ("something-else", ""),
    ],
)
def test_which_was_meant(typed: str, meant: str):
    assert nearest(typed, BUILTINS) == meant
    assert nearest(typed, ()) == ""
